#include "parse/json_text.h"

#include "parse/charset.h"
#include "parse/limits.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* A value of two bytes takes the reader some hundred bytes of memory: an honest report of
     * LIMIT_JSON bytes has half as many. */
    VALUES_MAX = 1000 * 1000,
    CONTAINERS_MAX = 250 * 1000
};

struct scan {
    char *text;
    size_t len;
    size_t at;
    unsigned depth;
    unsigned values;
    unsigned containers;
    struct json_text *found;
};

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The four hex digits behind "\u" at `at`, or -1. */
static long escape_code(const struct scan *s, size_t at)
{
    char digits[5] = {0};

    if (s->len - at < 6 || s->text[at] != '\\' || s->text[at + 1] != 'u')
        return -1;
    memcpy(digits, s->text + at + 2, 4);
    if (strspn(digits, "0123456789abcdefABCDEF") != 4)
        return -1;
    return strtol(digits, NULL, 16);
}

/* An escape sequence; NUL would cut a string short, and half of a pair is not a character. */
static void pass_escape(struct scan *s)
{
    long code = escape_code(s, s->at);

    if (code < 0) {
        s->at += s->len - s->at < 2 ? 1 : 2;
        return;
    }
    if (code >= 0xD800 && code <= 0xDBFF) {
        long low = s->len - s->at < 12 ? -1 : escape_code(s, s->at + 6);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            s->at += 12;
            return;
        }
    }
    if (code == 0 || (code >= 0xD800 && code <= 0xDFFF)) {
        memcpy(s->text + s->at, "\\ufffd", 6);
        s->found->repaired = true;
    }
    s->at += 6;
}

static void pass_string(struct scan *s)
{
    s->at++;
    while (s->at < s->len && s->text[s->at] != '"') {
        if (s->text[s->at] == '\\') {
            pass_escape(s);
            continue;
        }
        if ((unsigned char)s->text[s->at] < 0x20) {
            s->text[s->at] = ' ';
            s->found->repaired = true;
        }
        s->at++;
    }
    s->at += s->at < s->len;
}

/* The buffer ends with a NUL, so strtod cannot run out of it. */
static void pass_number(struct scan *s)
{
    char *token = s->text + s->at;
    size_t n = strspn(token, "+-.0123456789eE");
    size_t sign = *token == '-';
    static const char huge[4] = {'9', 'e', '9', '9'};
    bool beyond;

    s->at += n;
    if (n < sign + 5) /* the shortest that can be too large is 1e309 */
        return;
    if (strspn(token + sign, "0123456789") == n - sign) {
        errno = 0;
        (void)strtoll(token, NULL, 10);
        beyond = errno == ERANGE;
    } else {
        beyond = isinf(strtod(token, NULL));
    }
    if (!beyond)
        return;
    memcpy(token + sign, huge, sizeof huge);
    memset(token + sign + sizeof huge, ' ', n - sign - sizeof huge);
    s->found->clamped = true;
}

/* From the first bracket to the one that closes it. */
static int pass_value(struct scan *s, struct err *e)
{
    do {
        switch (s->text[s->at]) {
        case '"':
            pass_string(s);
            continue;
        case '{':
        case '[':
            s->containers++;
            if (++s->depth > LIMIT_JSON_DEPTH) {
                return err_set(
                    e, ERR_INPUT, "limit-depth", "JSON nested deeper than %d", LIMIT_JSON_DEPTH);
            }
            break;
        case '}':
        case ']':
            s->depth--;
            break;
        case ',':
            s->values++;
            break;
        case '-':
        case '0':
        case '1':
        case '2':
        case '3':
        case '4':
        case '5':
        case '6':
        case '7':
        case '8':
        case '9':
            pass_number(s);
            continue;
        default:
            break;
        }
        s->at++;
        if (s->values > VALUES_MAX || s->containers > CONTAINERS_MAX)
            return err_set(e, ERR_INPUT, "limit-size", "JSON of more values than any report has");
    } while (s->depth && s->at < s->len);
    return 0;
}

static bool is_wide(const char *bytes, size_t len)
{
    return len >= 2 && (memcmp(bytes, "\xFF\xFE", 2) == 0 || memcmp(bytes, "\xFE\xFF", 2) == 0 ||
                           !bytes[0] || !bytes[1]);
}

int json_text_prepare(
    struct buf *out, struct json_text *found, const char *bytes, size_t len, struct err *e)
{
    *found = (struct json_text){0};
    buf_init(out, (size_t)2 * LIMIT_JSON);
    if (len > LIMIT_JSON)
        return err_set(e, ERR_INPUT, "limit-size", "JSON of more than %d bytes", LIMIT_JSON);
    if (is_wide(bytes, len)) {
        return err_set(
            e, ERR_INPUT, "encoding", "JSON that is not in UTF-8 (RFC 8259 section 8.1)");
    }
    if (len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        found->bom = true;
        bytes += 3;
        len -= 3;
    }
    while (len && is_white(*bytes)) {
        bytes++;
        len--;
    }
    if (len == 0 || (*bytes != '{' && *bytes != '['))
        return err_set(e, ERR_INPUT, "not-a-report", "not JSON");
    found->recoded = charset_repair(out, bytes, len) > 0;

    struct scan s = {.text = out->data, .len = out->len, .found = found};
    int rc = pass_value(&s, e);
    found->len = s.at;
    while (s.at < s.len && is_white(s.text[s.at]))
        s.at++;
    found->trailing = s.at < s.len;
    return rc;
}
