/*
 * Containers for tests, made here rather than by the libraries that read them.
 */
#ifndef UNIT_PACK_H
#define UNIT_PACK_H

#include "base/buf.h"

#include <CUnit/CUnit.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

enum {
    PACK_GZIP = 15 + 16, /* zlib's window bits */
    PACK_ZLIB = 15,
    PACK_MEMBERS_MAX = 16
};

struct pack_member {
    const char *name;
    const void *bytes;
    size_t len;
    unsigned flags, method;
    unsigned long mode; /* 0: a regular file */
};

static inline void pack_add(struct buf *b, const void *bytes, size_t len)
{
    CU_ASSERT_EQUAL_FATAL(buf_add(b, bytes, len), 0);
}

static inline void pack_le(struct buf *b, unsigned long value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)(value >> (8 * i));

        pack_add(b, &c, 1);
    }
}

static inline void pack_deflated(struct buf *b, const void *bytes, size_t len, int window_bits)
{
    static unsigned char out[1 << 20];
    z_stream z = {0};

    CU_ASSERT_EQUAL_FATAL(
        deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = bytes;
    z.avail_in = (uInt)len;
    z.next_out = out;
    z.avail_out = sizeof out;
    CU_ASSERT_EQUAL_FATAL(deflate(&z, Z_FINISH), Z_STREAM_END);
    pack_add(b, out, sizeof out - z.avail_out);
    (void)deflateEnd(&z);
}

static inline void pack_gzip(struct buf *b, const char *text)
{
    pack_deflated(b, text, strlen(text), PACK_GZIP);
}

/* What a local header and a directory entry have in common. */
static inline void pack_zip_fields(struct buf *b, const struct pack_member *m)
{
    pack_le(b, m->flags, 2);
    pack_le(b, m->method, 2);
    pack_le(b, 0, 4);
    pack_le(b, crc32(0, m->bytes, (uInt)m->len), 4);
    pack_le(b, m->len, 4);
    pack_le(b, m->len, 4);
    pack_le(b, strlen(m->name), 2);
}

/* A zip of stored members; returns where its directory starts. */
static inline size_t pack_zip(struct buf *b, const struct pack_member *members, size_t n)
{
    size_t offsets[PACK_MEMBERS_MAX];
    size_t directory;
    size_t size;

    for (size_t i = 0; i < n && i < PACK_MEMBERS_MAX; i++) {
        offsets[i] = b->len;
        pack_add(b, "PK\3\4\24\0", 6);
        pack_zip_fields(b, &members[i]);
        pack_le(b, 0, 2);
        pack_add(b, members[i].name, strlen(members[i].name));
        pack_add(b, members[i].bytes, members[i].len);
    }
    directory = b->len;
    for (size_t i = 0; i < n && i < PACK_MEMBERS_MAX; i++) {
        pack_add(b, "PK\1\2\24\3\24\0", 8);
        pack_zip_fields(b, &members[i]);
        pack_le(b, 0, 8);
        pack_le(b, (members[i].mode ? members[i].mode : 0100644UL) << 16, 4);
        pack_le(b, offsets[i], 4);
        pack_add(b, members[i].name, strlen(members[i].name));
    }
    size = b->len - directory;
    pack_add(b, "PK\5\6\0\0\0\0", 8);
    pack_le(b, n, 2);
    pack_le(b, n, 2);
    pack_le(b, size, 4);
    pack_le(b, directory, 4);
    pack_le(b, 0, 2);
    return directory;
}

#endif
