/*
 * From bytes to documents: gzip and zlib streams (any number of members, gzip in gzip) and zip (all
 * members), in each other as deep as the limits allow. Content decides what something is, names
 * never do. Nothing is ever extracted to disk.
 *
 * ERR_INPUT tags: limit-size, limit-ratio, limit-entries, limit-nesting, limit-time,
 * container-corrupt, container-unsupported, encrypted, truncated, empty.
 */
#ifndef INGEST_UNPACK_H
#define INGEST_UNPACK_H

#include "base/blob.h"
#include "base/err.h"
#include "parse/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum content {
    CONTENT_EMPTY, /* nothing, or nothing but white space */
    CONTENT_GZIP,  /* or a zlib stream */
    CONTENT_ZIP,
    CONTENT_ARCHIVE, /* other archives and compressors: recognised to be named in the reason */
    CONTENT_XML,     /* HTML too: telling them apart is the reader's business */
    CONTENT_JSON,
    CONTENT_MAIL,
    CONTENT_MBOX, /* begins with a "From " line */
    CONTENT_OTHER
};

enum {
    CONTENT_HEAD = 4096, /* bytes that are enough to sniff */
    UNPACK_ZIP_MAX = 64 * 1024 * 1024
};

const char *content_name(enum content c); /* "gzip", "zip", "xml", "json", "mail", ...; static */

/* By the first bytes (CONTENT_HEAD are plenty). Never fails. */
enum content content_sniff(const unsigned char *head, size_t len);

/* What a CONTENT_ARCHIVE is called ("xz", "7-Zip"), or NULL. */
const char *content_archive_name(const unsigned char *head, size_t len);

/*
 * What the calls may answer besides 0 and an error class. UNPACK_SKIP (begin, bytes): no more of
 * this document, on to the next. UNPACK_STOP (begin, bytes, end): no more at all, unpack returns 0.
 * `end` is not called after either.
 */
enum unpack_answer {
    UNPACK_SKIP = 1,
    UNPACK_STOP = 2
};

struct document {
    const char *name; /* the member's, "inner.zip: a.xml", safe for people; NULL outside of zips */
    enum content content; /* XML, JSON, MAIL, MBOX or OTHER */
    const unsigned char
        *head; /* the first bytes, up to CONTENT_HEAD; they come through `bytes` again */
    size_t head_len;
    bool whole; /* `bytes` is called once, with all of it and a NUL behind that */
};

/* One document: begin, bytes*, end. */
struct document_ops {
    int (*begin)(void *context, const struct document *d, struct err *e);
    int (*bytes)(void *context, const unsigned char *bytes, size_t len, struct err *e);
    /* broken: NULL, or why the container ended early (truncated, bad checksum, a limit); the bytes
     * so far were delivered */
    int (*end)(void *context, const struct err *broken, struct err *e);
    /* a member, or with name NULL the whole, that gave no byte at all (encrypted, unsupported, a
     * limit); others may follow */
    int (*failed)(void *context, const char *name, const struct err *why, struct err *e);
};

/* What one message may still use; shared by all its parts. */
struct unpack_budget {
    const struct limits *limits;
    uint64_t packed;    /* bytes of the message; 0: not known */
    uint64_t unpacked;  /* bytes so far */
    int64_t started_ms; /* when_monotonic_ms() */
};

/*
 * Delivers every document in the blob, in order. An error of a callback ends it and is returned; a
 * fault of the container is told to `end` or `failed` and is no error. A zip is held in memory
 * while it is read (at most UNPACK_ZIP_MAX, packed, with those around it).
 */
int unpack(const struct blob *b, struct unpack_budget *budget, const struct document_ops *ops,
    void *context, struct err *e) ERR_CHECKED;

#endif
