#include "check/tags.h"

#include "base/arena.h"
#include "base/text.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without blanks around it; *len is what is left. */
static const char *trim(const char *s, size_t *len)
{
    while (*len && is_blank(s[*len - 1]))
        --*len;
    while (*len && is_blank(*s)) {
        s++;
        --*len;
    }
    return s;
}

/* A copy without NULs, and what in it is not ASCII. */
static const char *clean(struct arena *a, const char *record, size_t len, struct tags *out)
{
    char *copy = arena_strndup(a, record, len);

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)record[i];
        copy[i] = c ? record[i] : '\x01';
        if ((c < ' ' && !is_blank((char)c)) || c >= 0x7F) {
            if (out->non_ascii++ == 0)
                out->first_non_ascii = i;
        }
    }
    return copy;
}

static void read_element(struct arena *a, const char *s, size_t len, struct tag *out)
{
    const char *equals = memchr(s, '=', len);
    size_t n = equals ? (size_t)(equals - s) : len;

    out->text = arena_strndup(a, s, len);
    const char *name = trim(s, &n);
    out->name = text_lower(a, arena_strndup(a, name, n));
    if (!equals)
        return;
    n = len - (size_t)(equals + 1 - s);
    const char *value = trim(equals + 1, &n);
    out->value = arena_strndup(a, value, n);
}

void tags_read(struct arena *a, const char *record, size_t len, struct tags *out)
{
    *out = (struct tags){0};
    const char *s = clean(a, record, len, out);
    const char *end = s + len;

    out->items = arena_alloc(a, TAGS_MAX * sizeof *out->items);
    for (const char *at = s; at < end && !out->cut;) {
        const char *close = memchr(at, ';', (size_t)(end - at));
        size_t n = (size_t)((close ? close : end) - at);
        const char *start = trim(at, &n);
        if (n == 0) {
            out->empty += close != NULL;
        } else if (out->n == TAGS_MAX) {
            out->cut = true;
        } else {
            out->items[out->n].offset = (size_t)(start - s);
            read_element(a, start, n, &out->items[out->n++]);
        }
        out->closed = close && n > 0 ? true : out->closed && n == 0;
        at = close ? close + 1 : end;
    }
}

const struct tag *tags_find(const struct tags *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->items[i].value && strcmp(t->items[i].name, name) == 0)
            return &t->items[i];
    }
    return NULL;
}

const char *tags_value(const struct tags *t, const char *name)
{
    const struct tag *found = tags_find(t, name);

    return found ? found->value : NULL;
}

bool tags_repeated(const struct tags *t, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (t->items[k].value && strcmp(t->items[k].name, t->items[i].name) == 0)
            return true;
    }
    return false;
}
