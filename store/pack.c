#include "store/pack.h"

#include "base/arena.h"

#include <string.h>

static const char special[] = "\t\n\\";

static int add_escaped(struct buf *out, const char *s)
{
    int bad = 0;

    for (;;) {
        size_t plain = strcspn(s, special);
        bad |= buf_add(out, s, plain);
        s += plain;
        if (!*s)
            return bad;
        bad |= buf_adds(out, *s == '\t' ? "\\t" : *s == '\n' ? "\\n" : "\\\\");
        s++;
    }
}

int pack_row(struct buf *out, const char *const *fields, size_t n)
{
    size_t start = out->len;
    int bad = 0;

    while (n > 1 && !fields[n - 1])
        n--;
    for (size_t i = 0; i < n; i++) {
        if (i)
            bad |= buf_add(out, "\t", 1);
        bad |= fields[i] ? add_escaped(out, fields[i]) : buf_adds(out, "\\N");
    }
    bad |= buf_add(out, "\n", 1);
    if (bad && out->data) {
        out->len = start;
        out->data[start] = '\0';
    }
    return bad ? -1 : 0;
}

const char *pack_difference(const char *value, const char *sent)
{
    return sent && value && strcmp(value, sent) == 0 ? NULL : sent;
}

int pack_if_differs(struct buf *out, const char *name, const char *value, const char *sent)
{
    bool differs = sent ? pack_difference(value, sent) != NULL : value != NULL;

    return differs ? pack_row(out, (const char *const[]){name, sent}, 2) : 0;
}

static const char *unescape(struct arena *a, const char *s, size_t len)
{
    if (len == 2 && memcmp(s, "\\N", 2) == 0)
        return NULL;
    char *out = arena_strndup(a, s, len);
    if (!memchr(out, '\\', len))
        return out;
    char *to = out;
    for (const char *from = out; *from; from++) {
        if (*from == '\\' && from[1]) {
            from++;
            *to++ = (char)(*from == 't' ? '\t' : *from == 'n' ? '\n' : *from);
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return out;
}

bool unpack_row(struct arena *a, const char **at, const char **fields, size_t n)
{
    const char *s = *at;

    for (size_t i = 0; i < n; i++)
        fields[i] = NULL;
    if (!s || !*s)
        return false;
    bool more = true;
    for (size_t i = 0; more; i++) {
        size_t len = strcspn(s, "\t\n");
        if (i < n)
            fields[i] = unescape(a, s, len);
        s += len;
        more = *s == '\t';
        s += more;
    }
    *at = *s == '\n' ? s + 1 : s;
    return true;
}
