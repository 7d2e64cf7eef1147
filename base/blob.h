/*
 * Read-only bytes that can be read more than once without being in memory: a region of memory or of
 * an open, seekable file. A report of 700 MB is a blob on a file descriptor; a mail part is a blob
 * in memory.
 */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct blob {
    const unsigned char *mem; /* NULL: read from fd */
    int fd;
    uint64_t start; /* offset of the first byte in the file */
    uint64_t len;
};

struct blob blob_of_memory(const void *bytes, size_t len);
struct blob blob_of_file(int fd, uint64_t start, uint64_t len); /* borrows fd */

/* Reads up to n bytes at `at`; *got is 0 only at the end. ERR_TEMPORARY when the disk fails. */
int blob_read(const struct blob *b, uint64_t at, void *out, size_t n, size_t *got, struct err *e)
    __attribute__((warn_unused_result));

/* SHA-256 of the whole blob. */
int blob_sha256(const struct blob *b, unsigned char out[32], struct err *e)
    __attribute__((warn_unused_result));

/* HMAC-SHA256 (RFC 2104) of some bytes. False when the library refuses; nothing is written then. */
bool hmac_sha256(const unsigned char key[32], const void *bytes, size_t len, unsigned char out[32])
    __attribute__((warn_unused_result));

/* Adds Base64 (RFC 4648 section 4) of some bytes. -1 when the buffer's ceiling would be passed. */
struct buf;
int base64_add(struct buf *out, const void *bytes, size_t len);

#endif
