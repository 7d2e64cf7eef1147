#include "base/json.h"

#include <inttypes.h>
#include <string.h>

void json_init(struct json *j, FILE *out, bool pretty)
{
    *j = (struct json){.out = out, .pretty = pretty};
    j->first[0] = true;
}

static void put(struct json *j, const char *s, size_t n)
{
    (void)fwrite_unlocked(s, 1, n, j->out);
}

static void new_line(struct json *j)
{
    (void)putc_unlocked('\n', j->out);
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
        put(j, j->pretty ? "," : ", ", j->pretty ? 1 : 2);
    j->first[j->depth] = false;
    if (j->pretty)
        new_line(j);
}

/* The closing bracket is kept in the place of the opening one, so that json_end needs no argument.
 */
static void open_level(struct json *j, bool object)
{
    separate(j);
    (void)putc_unlocked(object ? '{' : '[', j->out);
    if (j->depth + 1 < JSON_DEPTH_MAX)
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
    (void)putc_unlocked(object ? '}' : ']', j->out);
    if (j->depth == 0 && j->pretty)
        (void)putc_unlocked('\n', j->out);
}

static bool is_verbatim(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
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
    (void)fprintf(j->out, "\\u%04x", code);
}

/* Decodes one sequence beyond ASCII at s; 0 when it is not valid UTF-8. s is NUL-terminated, so it
 * never reads past the end. */
static size_t decode(const unsigned char *s, unsigned *code)
{
    unsigned n = s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;

    if (n == 0)
        return 0;
    unsigned value = s[0] & (0x7Fu >> n);
    for (unsigned i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (s[i] & 0x3Fu);
    }
    bool overlong = (n == 3 && value < 0x800) || (n == 4 && value < 0x10000);
    if (overlong || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *code = value;
    return n;
}

/* Valid, but not to be shown raw: C1 controls, line separators, marks that turn the direction of
 * text. */
static bool must_escape(unsigned code)
{
    return code < 0xA0 || code == 0x061C || code == 0x200E || code == 0x200F ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0xFEFF;
}

void json_string(struct json *j, const char *s)
{
    if (!s) {
        json_null(j);
        return;
    }
    separate(j);
    (void)putc_unlocked('"', j->out);
    const unsigned char *p = (const unsigned char *)s;
    while (*p) {
        const unsigned char *run = p;
        unsigned code = 0;
        while (is_verbatim(*p))
            p++;
        if (p > run)
            put(j, (const char *)run, (size_t)(p - run));
        if (!*p)
            break;
        size_t n = 1;
        if (*p < 0x80) {
            escape(j, *p);
        } else if ((n = decode(p, &code)) == 0) {
            put(j, "\xEF\xBF\xBD", 3);
            n = 1;
        } else if (must_escape(code)) {
            escape(j, code);
        } else {
            put(j, (const char *)p, n);
        }
        p += n;
    }
    (void)putc_unlocked('"', j->out);
}

void json_key(struct json *j, const char *key)
{
    json_string(j, key);
    put(j, ": ", 2);
    j->after_key = true;
}

void json_int(struct json *j, int64_t n)
{
    char text[24];

    separate(j);
    int len = snprintf(text, sizeof text, "%" PRId64, n);
    put(j, text, len > 0 ? (size_t)len : 0);
}

void json_bool(struct json *j, bool b)
{
    json_raw(j, b ? "true" : "false");
}

void json_null(struct json *j)
{
    json_raw(j, "null");
}

void json_raw(struct json *j, const char *text)
{
    separate(j);
    put(j, text, strlen(text));
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
