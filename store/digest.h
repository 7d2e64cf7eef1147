/*
 * Fingerprints. A digest is that of a multiset: the sum of its rows' hashes modulo 2^128, so that
 * two copies of a report are found equal whatever the order of their records. It is stored: neither
 * hash nor normal form may ever change.
 */
#ifndef STORE_DIGEST_H
#define STORE_DIGEST_H

#include "base/buf.h"
#include "parse/model.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DIGEST_BYTES = 16,
    HASH_SECRET_BYTES = 192
};

struct hash128 {
    uint64_t low, high;
};

struct hash128 hash128(const void *bytes, size_t len);

/* The same under a secret, for tables that strangers must not be able to fill with collisions. */
struct hash_secret {
    unsigned char bytes[HASH_SECRET_BYTES];
};

void hash_secret_make(struct hash_secret *out);
struct hash128 hash128_secret(const struct hash_secret *secret, const void *bytes, size_t len);

struct digest {
    struct hash128 sum;
};

void digest_add(struct digest *d, const void *bytes, size_t len);
void digest_bytes(const struct digest *d, unsigned char out[DIGEST_BYTES]);

/*
 * Adds a record in its normal form: count, source, verdicts, identifiers, reasons, DKIM and SPF
 * results without order; neither original spellings nor human_result. `scratch` is used and
 * cleared; 0, or -1 when its ceiling would be passed.
 */
int digest_add_record(struct digest *d, struct buf *scratch, const struct aggregate_record *r);

#endif
