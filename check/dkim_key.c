#include "check/dkim_key.h"

#include "base/arena.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <string.h>

enum {
    ED25519_SIZE = 32,
    USUAL_EXPONENT = 65537,
    FACTOR_MAX = 1000 /* how far a modulus is tried */
};

static const char *without_blanks(struct arena *a, const char *value)
{
    char *out = arena_alloc(a, strlen(value) + 1);
    char *to = out;

    for (; *value; value++) {
        if (!strchr(" \t\r\n", *value))
            *to++ = *value;
    }
    return out;
}

static bool decode(struct arena *a, const char *value, struct dkim_key *out)
{
    const char *text = without_blanks(a, value);
    gnutls_datum_t in = {(unsigned char *)arena_strdup(a, text), (unsigned)strlen(text)};
    gnutls_datum_t der;

    /* GnuTLS stops at padding in the middle; what follows it would be lost without a word */
    size_t body = strcspn(text, "=");
    if (strspn(text + body, "=") != strlen(text + body) ||
        gnutls_base64_decode2(&in, &der) != GNUTLS_E_SUCCESS)
        return false;
    out->der = arena_strndup(a, (const char *)der.data, der.size);
    out->len = der.size;
    gnutls_free(der.data);
    return true;
}

static unsigned long exponent_of(const gnutls_datum_t *e)
{
    unsigned long n = 0;

    for (unsigned i = 0; i < e->size && n <= USUAL_EXPONENT; i++)
        n = n << 8 | e->data[i];
    return n;
}

static bool has_small_factor(const gnutls_datum_t *modulus)
{
    for (unsigned factor = 2; factor < FACTOR_MAX; factor++) {
        unsigned rest = 0;
        for (unsigned i = 0; i < modulus->size; i++)
            rest = (rest << 8 | modulus->data[i]) % factor;
        if (rest == 0)
            return true;
    }
    return false;
}

static const char *look_at_rsa(gnutls_pubkey_t key, struct dkim_key *out)
{
    gnutls_datum_t modulus;
    gnutls_datum_t exponent;

    if (gnutls_pubkey_get_pk_algorithm(key, &out->bits) != GNUTLS_PK_RSA ||
        gnutls_pubkey_export_rsa_raw(key, &modulus, &exponent) != GNUTLS_E_SUCCESS)
        return "it is no RSA key";
    out->weak = exponent_of(&exponent) < USUAL_EXPONENT || has_small_factor(&modulus);
    gnutls_free(modulus.data);
    gnutls_free(exponent.data);
    return NULL;
}

static const char *read_rsa(struct dkim_key *out, struct arena *a)
{
    gnutls_datum_t der = {
        (unsigned char *)arena_strndup(a, out->der, out->len), (unsigned)out->len};
    gnutls_pubkey_t key;
    const char *why = "it is no public key: cut off, or damaged";

    if (gnutls_pubkey_init(&key) != GNUTLS_E_SUCCESS)
        return why;
    if (gnutls_pubkey_import(key, &der, GNUTLS_X509_FMT_DER) == GNUTLS_E_SUCCESS)
        why = look_at_rsa(key, out);
    gnutls_pubkey_deinit(key);
    return why;
}

const char *dkim_key_read(
    struct arena *a, enum dkim_key_type type, const char *value, struct dkim_key *out)
{
    *out = (struct dkim_key){.type = type};
    if (!decode(a, value, out))
        return "it is not base64";
    if (type == DKIM_KEY_RSA)
        return read_rsa(out, a);
    if (out->len != ED25519_SIZE)
        return "an ed25519 key has 32 octets";
    out->bits = 256;
    return NULL;
}
