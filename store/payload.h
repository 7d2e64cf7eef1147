/*
 * Raw payloads as rows: pieces of at most 256 KiB, as they arrived if they are compressed already,
 * else deflated.
 */
#ifndef STORE_PAYLOAD_H
#define STORE_PAYLOAD_H

#include "base/blob.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct packer;

enum {
    CHUNK_BYTES = 256 * 1024
};

/* Works on any number of payloads, one after another; keeps its memory. */
struct packer *packer_new(void);
void packer_free(struct packer *p); /* accepts NULL */

bool payload_wants_packing(const char *container); /* not for "gzip" and "zip" */

/* Hands the blob out in pieces, in order; `bytes` is valid only during the call. */
int packer_run(struct packer *p, const struct blob *b, bool pack,
    int (*chunk)(void *context, int64_t seq, const void *bytes, size_t len, struct err *e),
    void *context, struct err *e) ERR_CHECKED;

/* The other way: pieces in, the original bytes out. */
struct unpacker;

struct unpacker *unpacker_new(bool packed,
    int (*piece)(void *context, const void *bytes, size_t len, struct err *e), void *context);
int unpacker_add(struct unpacker *u, const void *bytes, size_t len, struct err *e) ERR_CHECKED;
void unpacker_free(struct unpacker *u);

#endif
