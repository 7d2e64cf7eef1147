#include "base/json.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

void json_init(struct json *j, FILE *out, bool pretty)
{
    j->out = out;
    j->pretty = pretty;
    j->depth = 0;
    j->first[0] = true;
    j->after_key = false;
    j->held_len = 0;
}

void json_flush(struct json *j)
{
    (void)fwrite_unlocked(j->held, 1, j->held_len, j->out);
    j->held_len = 0;
}

/* At the end of every call that can end the outermost value. */
static void done(struct json *j)
{
    if (j->depth == 0)
        json_flush(j);
}

static void put(struct json *j, const char *s, size_t n)
{
    if (n > JSON_HELD - j->held_len)
        json_flush(j);
    if (n > JSON_HELD) {
        (void)fwrite_unlocked(s, 1, n, j->out);
        return;
    }
    memcpy(j->held + j->held_len, s, n);
    j->held_len += n;
}

static void put_char(struct json *j, char c)
{
    if (j->held_len == JSON_HELD)
        json_flush(j);
    j->held[j->held_len++] = c;
}

static void new_line(struct json *j)
{
    put_char(j, '\n');
    for (int i = 0; i < j->depth; i++)
        put(j, "  ", 2);
}

/* What stands between the previous value and the next. */
static void separate(struct json *j)
{
    if (j->after_key) {
        j->after_key = false;
        return;
    }
    if (j->depth == 0)
        return;
    if (!j->first[j->depth])
        put_char(j, ',');
    if (!j->first[j->depth] && !j->pretty)
        put_char(j, ' ');
    j->first[j->depth] = false;
    if (j->pretty)
        new_line(j);
}

/* The closing bracket is kept in the place of the opening one, so that json_end needs no argument.
 */
static void open_level(struct json *j, bool object)
{
    separate(j);
    put_char(j, object ? '{' : '[');
    if (j->depth + 1 >= JSON_DEPTH_MAX)
        abort(); /* our own code nests this, no input does */
    j->depth++;
    j->first[j->depth] = true;
    j->object[j->depth] = object;
}

void json_object(struct json *j)
{
    open_level(j, true);
}

void json_array(struct json *j)
{
    open_level(j, false);
}

void json_end(struct json *j)
{
    bool empty = j->first[j->depth];
    bool object = j->object[j->depth];

    if (j->depth == 0)
        return;
    j->depth--;
    if (j->pretty && !empty)
        new_line(j);
    put_char(j, object ? '}' : ']');
    if (j->depth == 0 && j->pretty)
        put_char(j, '\n');
    done(j);
}

static bool is_verbatim(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

static size_t verbatim_run(const char *s)
{
    size_t n = 0;

    while (is_verbatim((unsigned char)s[n]))
        n++;
    return n;
}

static void escape(struct json *j, unsigned code)
{
    static const char short_forms[] = "\bb\ff\nn\rr\tt\"\"\\\\";

    for (const char *p = short_forms; *p; p += 2) {
        if ((unsigned char)*p == code) {
            const char pair[2] = {'\\', p[1]};
            put(j, pair, 2);
            return;
        }
    }
    char hex[8];
    int n = snprintf(hex, sizeof hex, "\\u%04x", code);
    put(j, hex, n > 0 ? (size_t)n : 0);
}

void json_raw(struct json *j, const char *text)
{
    separate(j);
    put(j, text, strlen(text));
    done(j);
}

void json_raw_more(struct json *j, const char *bytes, size_t n)
{
    put(j, bytes, n);
    done(j);
}

void json_null(struct json *j)
{
    json_raw(j, "null");
}

void json_bool(struct json *j, bool b)
{
    json_raw(j, b ? "true" : "false");
}

void json_int(struct json *j, int64_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;

    separate(j);
    if (n < 0)
        put_char(j, '-');
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    put(j, digits + at, sizeof digits - at);
    done(j);
}

void json_string(struct json *j, const char *s)
{
    if (!s) {
        json_null(j);
        return;
    }
    separate(j);
    put_char(j, '"');
    while (*s) {
        unsigned code;
        size_t run = verbatim_run(s);
        put(j, s, run);
        s += run;
        if (!*s)
            break;
        size_t n = text_decode(s, strnlen(s, 4), &code);
        if (n == 0) {
            put(j, TEXT_REPLACEMENT, strlen(TEXT_REPLACEMENT));
        } else if (n == 1 || text_is_unsafe(code)) {
            escape(j, code);
        } else {
            put(j, s, n);
        }
        s += n ? n : 1;
    }
    put_char(j, '"');
    done(j);
}

void json_key(struct json *j, const char *key)
{
    separate(j);
    put_char(j, '"');
    put(j, key, strlen(key));
    put(j, "\": ", 3);
    j->after_key = true;
}

void json_key_text(struct json *j, const char *text)
{
    json_string(j, text);
    put(j, ": ", 2);
    j->after_key = true;
}

void json_member_string(struct json *j, const char *key, const char *s)
{
    json_key(j, key);
    json_string(j, s);
}

void json_member_int(struct json *j, const char *key, int64_t n)
{
    json_key(j, key);
    json_int(j, n);
}

void json_member_bool(struct json *j, const char *key, bool b)
{
    json_key(j, key);
    json_bool(j, b);
}
