#include "store/payload.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* input is read-only */
#include <zlib.h>

enum {
    READ_BYTES = 64 * 1024
};

struct packer {
    z_stream z;
    bool z_ready;
    int64_t seq;
    unsigned char in[READ_BYTES];
    unsigned char out[CHUNK_BYTES];
};

struct packer *packer_new(void)
{
    return mem_alloc(sizeof(struct packer));
}

void packer_free(struct packer *p)
{
    if (!p)
        return;
    if (p->z_ready)
        (void)deflateEnd(&p->z);
    free(p);
}

bool payload_wants_packing(const char *container)
{
    return strcmp(container, "gzip") != 0 && strcmp(container, "zip") != 0;
}

static int run_plain(struct packer *p, const struct blob *b,
    int (*chunk)(void *context, int64_t seq, const void *bytes, size_t len, struct err *e),
    void *context, struct err *e)
{
    for (uint64_t at = 0;;) {
        size_t got = 0;
        int r = blob_read(b, at, p->out, sizeof p->out, &got, e);
        if (r == 0 && got > 0)
            r = chunk(context, p->seq++, p->out, got, e);
        if (r < 0 || got == 0)
            return r;
        at += got;
    }
}

static int start_deflate(struct packer *p, struct err *e)
{
    int z;

    if (p->z_ready) {
        z = deflateReset(&p->z);
    } else {
        z = deflateInit(&p->z, Z_DEFAULT_COMPRESSION);
        p->z_ready = z == Z_OK;
    }
    if (z != Z_OK)
        return err_set(e, ERR_TEMPORARY, "deflate", "zlib: %s", zError(z));
    p->z.next_out = p->out;
    p->z.avail_out = sizeof p->out;
    return 0;
}

static int run_deflate(struct packer *p, const struct blob *b,
    int (*chunk)(void *context, int64_t seq, const void *bytes, size_t len, struct err *e),
    void *context, struct err *e)
{
    uint64_t at = 0;
    int z = Z_OK;
    int r = start_deflate(p, e);

    while (r == 0 && z != Z_STREAM_END) {
        if (p->z.avail_in == 0 && at < b->len) {
            size_t got = 0;
            r = blob_read(b, at, p->in, sizeof p->in, &got, e);
            if (r < 0)
                break;
            at = got ? at + got : b->len;
            p->z.next_in = p->in;
            p->z.avail_in = (uInt)got;
        }
        z = deflate(&p->z, at < b->len ? Z_NO_FLUSH : Z_FINISH);
        if (z == Z_STREAM_ERROR)
            return err_set(e, ERR_BUG, "deflate", "zlib: %s", zError(z));
        if (p->z.avail_out == 0 || z == Z_STREAM_END) {
            size_t len = sizeof p->out - p->z.avail_out;
            if (len)
                r = chunk(context, p->seq++, p->out, len, e);
            p->z.next_out = p->out;
            p->z.avail_out = sizeof p->out;
        }
    }
    return r;
}

int packer_run(struct packer *p, const struct blob *b, bool pack,
    int (*chunk)(void *context, int64_t seq, const void *bytes, size_t len, struct err *e),
    void *context, struct err *e)
{
    p->seq = 0;
    return pack ? run_deflate(p, b, chunk, context, e) : run_plain(p, b, chunk, context, e);
}

struct unpacker {
    bool packed;
    int (*piece)(void *context, const void *bytes, size_t len, struct err *e);
    void *context;
    z_stream z;
    unsigned char out[READ_BYTES];
};

struct unpacker *unpacker_new(bool packed,
    int (*piece)(void *context, const void *bytes, size_t len, struct err *e), void *context)
{
    struct unpacker *u = mem_alloc(sizeof *u);

    u->packed = packed;
    u->piece = piece;
    u->context = context;
    return u;
}

void unpacker_free(struct unpacker *u)
{
    if (!u)
        return;
    if (u->z.state)
        (void)inflateEnd(&u->z);
    free(u);
}

int unpacker_add(struct unpacker *u, const void *bytes, size_t len, struct err *e)
{
    if (!u->packed)
        return u->piece(u->context, bytes, len, e);
    if (!u->z.state && inflateInit(&u->z) != Z_OK)
        return err_set(e, ERR_TEMPORARY, "inflate", "zlib has no memory");
    u->z.next_in = bytes;
    u->z.avail_in = (uInt)len;
    do {
        u->z.next_out = u->out;
        u->z.avail_out = sizeof u->out;
        int z = inflate(&u->z, Z_NO_FLUSH);
        if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
            return err_set(e, ERR_BUG, "payload-damaged", "the stored payload is damaged");
        size_t got = sizeof u->out - u->z.avail_out;
        int r = got ? u->piece(u->context, u->out, got, e) : 0;
        if (r < 0 || z == Z_STREAM_END)
            return r;
    } while (u->z.avail_in > 0 || u->z.avail_out == 0);
    return 0;
}
