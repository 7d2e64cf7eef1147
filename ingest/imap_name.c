#include "ingest/imap_name.h"

#include "base/arena.h"
#include "base/text.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum {
    NAME_MAX_BYTES = 8 * 1024,
    QUOTED_MAX_BYTES = 2 * NAME_MAX_BYTES + 2
};

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* Bits that wait until there are six of them. */
struct shifted {
    uint32_t bits;
    unsigned n;
};

static int shift_in(struct buf *out, struct shifted *s, uint32_t unit)
{
    s->bits = s->bits << 16 | unit;
    for (s->n += 16; s->n >= 6; s->n -= 6) {
        if (buf_add(out, &base64[s->bits >> (s->n - 6) & 63], 1))
            return -1;
        s->bits &= (1U << (s->n - 6)) - 1;
    }
    return 0;
}

static int shift_out(struct buf *out, struct shifted *s)
{
    if (s->n && buf_add(out, &base64[s->bits << (6 - s->n) & 63], 1))
        return -1;
    return buf_add(out, "-", 1);
}

/* The next character of valid UTF-8; *at moves behind it. */
static uint32_t next_character(const unsigned char **at)
{
    const unsigned char *p = *at;
    uint32_t c = *p++;
    unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;

    c &= 0x3fU >> more;
    for (; more; more--)
        c = c << 6 | (*p++ & 0x3fU);
    *at = p;
    return c;
}

/* A run of characters beyond ASCII: & base64-of-UTF-16 - */
static int encode_run(struct buf *out, const unsigned char **at)
{
    struct shifted s = {0, 0};
    int r = buf_add(out, "&", 1);

    while (!r && **at >= 0x80) {
        uint32_t c = next_character(at);
        if (c >= 0x10000) {
            r = shift_in(out, &s, 0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        if (!r)
            r = shift_in(out, &s, c);
    }
    return r ? r : shift_out(out, &s);
}

int imap_name_encode(struct buf *out, const char *name, char delimiter, struct err *e)
{
    int r = 0;

    if (!*name)
        return err_set(e, ERR_CONFIG, "folder-name", "the name of a folder is empty");
    if (!text_is_utf8(name, strlen(name)))
        return err_set(e, ERR_CONFIG, "folder-name", "the name of a folder is not UTF-8");
    for (const unsigned char *p = (const unsigned char *)name; !r && *p;) {
        if (iscntrl(*p)) {
            return err_set(
                e, ERR_CONFIG, "folder-name", "the name of a folder has control characters");
        }
        if (*p >= 0x80) {
            r = encode_run(out, &p);
            continue;
        }
        if (*p == '&') {
            r = buf_adds(out, "&-");
        } else {
            r = buf_add(out, *p == '/' && delimiter ? &delimiter : (const char *)p, 1);
        }
        p++;
    }
    if (r)
        return err_set(e, ERR_CONFIG, "folder-name", "the name of a folder is too long");
    return 0;
}

int imap_quote(struct buf *out, const char *s)
{
    int r = buf_add(out, "\"", 1);

    for (; !r && *s; s++) {
        if (iscntrl((unsigned char)*s))
            return -1;
        if (*s == '"' || *s == '\\')
            r = buf_add(out, "\\", 1);
        if (!r)
            r = buf_add(out, s, 1);
    }
    return r ? r : buf_add(out, "\"", 1);
}

/* "INBOX" and what lies below it by name has no prefix, nor what was written with it. */
static const char *missing_prefix(const char *encoded, const struct imap_names *names)
{
    size_t n = strlen(names->prefix);

    if (!n || !strcasecmp(encoded, "INBOX") || !strncasecmp(encoded, names->prefix, n))
        return "";
    return names->prefix;
}

int imap_name_wire(struct arena *a, const char *name, const struct imap_names *names,
    const char **out, struct err *e)
{
    struct buf encoded, quoted;

    buf_init(&encoded, NAME_MAX_BYTES);
    buf_init(&quoted, QUOTED_MAX_BYTES);
    int r = imap_name_encode(&encoded, name, names->delimiter, e);
    if (!r) {
        const char *prefix = missing_prefix(encoded.data, names);
        if (imap_quote(&quoted, arena_printf(a, "%s%s", prefix, encoded.data)))
            r = err_set(e, ERR_CONFIG, "folder-name", "the name of a folder is too long");
    }
    if (!r)
        *out = arena_strdup(a, quoted.data);
    buf_done(&encoded);
    buf_done(&quoted);
    return r;
}
