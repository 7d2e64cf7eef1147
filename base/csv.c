#include "base/csv.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

void csv_init(struct csv *c, FILE *out, bool guard)
{
    *c = (struct csv){.out = out, .guard = guard};
}

static void next_cell(struct csv *c)
{
    if (c->started)
        (void)putc_unlocked(',', c->out);
    c->started = true;
}

static bool looks_like_formula(const char *s)
{
    int64_t n;

    return *s && strchr("=+-@\t\r", *s) && !text_int64(s, &n);
}

/* Controls take the slow way too, which is where the guard replaces them. */
static bool needs_quotes(const char *s)
{
    for (; *s; s++) {
        if (*s == ',' || *s == '"' || (unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    }
    return false;
}

void csv_text(struct csv *c, const char *s)
{
    next_cell(c);
    if (!s || !*s)
        return;
    bool apostrophe = c->guard && looks_like_formula(s);
    if (!apostrophe && !needs_quotes(s)) {
        (void)fputs_unlocked(s, c->out);
        return;
    }
    (void)putc_unlocked('"', c->out);
    if (apostrophe)
        (void)putc_unlocked('\'', c->out);
    for (; *s; s++) {
        if (*s == '"')
            (void)putc_unlocked('"', c->out);
        bool control = (unsigned char)*s < 0x20 || *s == 0x7f;
        (void)putc_unlocked(c->guard && control ? ' ' : *s, c->out);
    }
    (void)putc_unlocked('"', c->out);
}

void csv_int(struct csv *c, int64_t n)
{
    next_cell(c);
    (void)fprintf(c->out, "%" PRId64, n);
}

void csv_end_row(struct csv *c)
{
    (void)fputs_unlocked("\r\n", c->out);
    c->started = false;
}
