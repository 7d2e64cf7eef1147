#include "base/csv.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

void csv_init(struct csv *c, FILE *out, bool guard)
{
    *c = (struct csv){.out = out, .guard = guard};
}

static void put(struct csv *c, const char *s, size_t n)
{
    (void)fwrite_unlocked(s, 1, n, c->out);
}

static void next_cell(struct csv *c)
{
    if (c->started)
        put(c, ",", 1);
    c->started = true;
}

/* Optional sign, digits, perhaps a decimal fraction. */
static bool is_number(const char *s)
{
    static const char digits[] = "0123456789";

    s += *s == '-' || *s == '+';
    size_t whole = strspn(s, digits);
    s += whole;
    if (*s == '.' && s[1] != '\0')
        s += 1 + strspn(s + 1, digits);
    return whole > 0 && *s == '\0';
}

static bool looks_like_formula(const char *s)
{
    return *s && strchr("=+-@\t\r\n", *s) && !is_number(s);
}

/* The character at s, made harmless for a spreadsheet; returns its length in s. */
static size_t put_guarded(struct csv *c, const char *s)
{
    unsigned code;
    size_t n = text_decode(s, strnlen(s, 4), &code);

    if (n == 1 && text_is_unsafe(code)) {
        put(c, " ", 1);
    } else if (n == 0 || text_is_unsafe(code)) {
        put(c, TEXT_REPLACEMENT, strlen(TEXT_REPLACEMENT));
    } else {
        put(c, s, n);
    }
    return n ? n : 1;
}

static bool is_printable_ascii(const char *s)
{
    while (*s >= 0x20 && *s < 0x7F)
        s++;
    return *s == '\0';
}

void csv_text(struct csv *c, const char *s)
{
    next_cell(c);
    if (!s)
        return;
    bool apostrophe = c->guard && looks_like_formula(s);
    bool quotes = apostrophe || strpbrk(s, ",\"\r\n") != NULL;
    if (!quotes && (!c->guard || is_printable_ascii(s))) {
        put(c, s, strlen(s));
        return;
    }
    if (quotes)
        put(c, "\"", 1);
    if (apostrophe)
        put(c, "'", 1);
    while (*s) {
        if (*s == '"')
            put(c, "\"", 1);
        size_t n = c->guard ? put_guarded(c, s) : 1;
        if (!c->guard)
            put(c, s, n);
        s += n;
    }
    if (quotes)
        put(c, "\"", 1);
}

void csv_int(struct csv *c, int64_t n)
{
    next_cell(c);
    (void)fprintf(c->out, "%" PRId64, n);
}

void csv_end_row(struct csv *c)
{
    put(c, "\r\n", 2);
    c->started = false;
}
