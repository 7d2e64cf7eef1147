/*
 * A public key as DKIM publishes it (RFC 6376 section 3.6.1, RFC 8463).
 */
#ifndef CHECK_DKIM_KEY_H
#define CHECK_DKIM_KEY_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

enum dkim_key_type {
    DKIM_KEY_RSA,
    DKIM_KEY_ED25519
};

struct dkim_key {
    enum dkim_key_type type;
    unsigned bits;
    bool weak;       /* RSA: an exponent below 65537, or a modulus with a small factor */
    const char *der; /* what p= decodes to */
    size_t len;
};

/*
 * The value of p=, base64 with white space anywhere. NULL when it is such a key, else what is wrong
 * with it, in words (static).
 */
const char *dkim_key_read(
    struct arena *a, enum dkim_key_type type, const char *value, struct dkim_key *out);

#endif
