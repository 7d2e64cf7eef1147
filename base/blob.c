#include "base/blob.h"

#include "base/buf.h"
#include "base/err.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <unistd.h>

struct blob blob_of_memory(const void *bytes, size_t len)
{
    return (struct blob){.mem = bytes ? bytes : (const unsigned char *)"", .fd = -1, .len = len};
}

struct blob blob_of_file(int fd, uint64_t start, uint64_t len)
{
    return (struct blob){.fd = fd, .start = start, .len = len};
}

int blob_read(const struct blob *b, uint64_t at, void *out, size_t n, size_t *got, struct err *e)
{
    if (at >= b->len) {
        *got = 0;
        return 0;
    }
    if (n > b->len - at)
        n = (size_t)(b->len - at);
    if (b->mem) {
        memcpy(out, b->mem + at, n);
        *got = n;
        return 0;
    }
    for (;;) {
        ssize_t r = pread(b->fd, out, n, (off_t)(b->start + at));
        if (r >= 0) {
            *got = (size_t)r; /* 0 if the file has become shorter: read as its end */
            return 0;
        }
        if (errno == EINTR)
            continue;
        return err_set(e, ERR_TEMPORARY, "read-failed", "cannot read: %s", strerrordesc_np(errno));
    }
}

/* Kept apart: the piece is cleared whenever a function that has one is called. */
__attribute__((noinline)) static int sha256_of_file(
    const struct blob *b, unsigned char out[32], struct err *e)
{
    unsigned char piece[16 * 1024];
    gnutls_hash_hd_t hash;

    if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
        return err_set(e, ERR_BUG, "hash", "SHA-256 is not available");
    int r = 0;
    for (uint64_t at = 0;;) {
        size_t got = 0;
        r = blob_read(b, at, piece, sizeof piece, &got, e);
        if (r < 0 || got == 0)
            break;
        (void)gnutls_hash(hash, piece, got);
        at += got;
    }
    gnutls_hash_deinit(hash, out);
    return r;
}

int blob_sha256(const struct blob *b, unsigned char out[32], struct err *e)
{
    if (!b->mem)
        return sha256_of_file(b, out, e);
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, b->mem, (size_t)b->len, out) < 0)
        return err_set(e, ERR_BUG, "hash", "SHA-256 is not available");
    return 0;
}

bool hmac_sha256(const unsigned char key[32], const void *bytes, size_t len, unsigned char out[32])
{
    return gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, 32, bytes, len, out) == 0;
}

int base64_add(struct buf *out, const void *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = bytes;
    int r = 0;

    for (size_t at = 0; at < len && r == 0; at += 3) {
        unsigned b = at + 1 < len ? in[at + 1] : 0;
        unsigned c = at + 2 < len ? in[at + 2] : 0;
        unsigned bits = (unsigned)in[at] << 16 | b << 8 | c;
        char four[4] = {
            digits[bits >> 18], digits[bits >> 12 & 63], digits[bits >> 6 & 63], digits[bits & 63]};

        if (at + 1 >= len)
            four[2] = '=';
        if (at + 2 >= len)
            four[3] = '=';
        r = buf_add(out, four, sizeof four);
    }
    return r;
}
