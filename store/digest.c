#include "store/digest.h"

#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

_Static_assert(HASH_SECRET_BYTES >= XXH3_SECRET_SIZE_MIN, "too short for XXH3");

struct hash128 hash128(const void *bytes, size_t len)
{
    XXH128_hash_t h = XXH3_128bits(bytes, len);

    return (struct hash128){h.low64, h.high64};
}

void hash_secret_make(struct hash_secret *out)
{
    /* Without random bytes a table still works, it can only be slowed down. */
    if (getrandom(out->bytes, sizeof out->bytes, 0) != (ssize_t)sizeof out->bytes)
        memset(out->bytes, 0, sizeof out->bytes);
}

struct hash128 hash128_secret(const struct hash_secret *secret, const void *bytes, size_t len)
{
    XXH128_hash_t h = XXH3_128bits_withSecret(bytes, len, secret->bytes, sizeof secret->bytes);

    return (struct hash128){h.low64, h.high64};
}

void digest_add(struct digest *d, const void *bytes, size_t len)
{
    struct hash128 h = hash128(bytes, len);

    d->sum.low += h.low;
    d->sum.high += h.high + (d->sum.low < h.low);
}

static void put_number(unsigned char *out, uint64_t n)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(n >> (8 * i));
}

void digest_bytes(const struct digest *d, unsigned char out[DIGEST_BYTES])
{
    put_number(out, d->sum.low);
    put_number(out + 8, d->sum.high);
}

static int add_number(struct buf *b, uint64_t n)
{
    unsigned char bytes[8];

    put_number(bytes, n);
    return buf_add(b, bytes, sizeof bytes);
}

/* "Not there" and "empty" are different things. */
static int add_text(struct buf *b, const char *s)
{
    return s ? buf_add(b, "+", 1) | buf_add(b, s, strlen(s) + 1) : buf_add(b, "-", 1);
}

/* Replaces what was added from `start` on by a number that is summed up: the order of such pieces
 * does not matter. */
static void fold(struct buf *b, size_t start, uint64_t *sum)
{
    *sum += hash128(b->data + start, b->len - start).low;
    b->len = start;
}

static int add_auth(struct buf *b, const struct auth_result *items, size_t n, bool dkim)
{
    uint64_t sum = 0;
    size_t start = b->len;
    int bad = 0;

    for (size_t i = 0; i < n; i++) {
        bad |= add_text(b, items[i].domain);
        bad |= add_text(b, dkim ? items[i].selector : items[i].scope);
        bad |= add_text(b, items[i].result);
        fold(b, start, &sum);
    }
    return bad | add_number(b, n) | add_number(b, sum);
}

static int add_reasons(struct buf *b, const struct override_reason *items, size_t n)
{
    uint64_t sum = 0;
    size_t start = b->len;
    int bad = 0;

    for (size_t i = 0; i < n; i++) {
        bad |= add_text(b, items[i].type);
        bad |= add_text(b, items[i].comment);
        fold(b, start, &sum);
    }
    return bad | add_number(b, n) | add_number(b, sum);
}

int digest_add_record(struct digest *d, struct buf *scratch, const struct aggregate_record *r)
{
    int bad = 0;

    buf_clear(scratch);
    bad |= add_number(scratch, (uint64_t)r->count);
    bad |= add_number(scratch, r->source_ip.len);
    bad |= buf_add(scratch, r->source_ip.bytes, r->source_ip.len);
    bad |= add_text(scratch, r->source_ip.len ? NULL : r->source_ip_sent);
    bad |= add_text(scratch, disposition_name(r->disposition));
    bad |= add_text(scratch, verdict_name(r->dkim));
    bad |= add_text(scratch, verdict_name(r->spf));
    bad |= add_text(scratch, r->header_from);
    bad |= add_text(scratch, r->envelope_from);
    bad |= add_text(scratch, r->envelope_to);
    bad |= add_reasons(scratch, r->reasons, r->n_reasons);
    bad |= add_auth(scratch, r->dkims, r->n_dkims, true);
    bad |= add_auth(scratch, r->spfs, r->n_spfs, false);
    if (!bad)
        digest_add(d, scratch->data, scratch->len);
    buf_clear(scratch);
    return bad ? -1 : 0;
}
