#include "check/certificate.h"

#include "base/arena.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <zlib.h>

static gnutls_x509_crt_t first_of(const char *pem, size_t len)
{
    gnutls_x509_crt_t *list = NULL;
    gnutls_x509_crt_t first = NULL;
    unsigned n = 0;
    gnutls_datum_t in = {gnutls_malloc(len + 1), (unsigned)len};

    if (!in.data)
        return NULL;
    if (len)
        memcpy(in.data, pem, len);
    in.data[len] = '\0';
    if (gnutls_x509_crt_list_import2(&list, &n, &in, GNUTLS_X509_FMT_PEM, 0) == GNUTLS_E_SUCCESS) {
        for (unsigned i = 0; i < n; i++) {
            if (i == 0) {
                first = list[i];
            } else {
                gnutls_x509_crt_deinit(list[i]);
            }
        }
        gnutls_free(list);
    }
    gnutls_free(in.data);
    return first;
}

bool certificate_read(
    const char *pem, size_t len, const char *domain, int64_t *expires, const char **why)
{
    gnutls_x509_crt_t crt = first_of(pem, len);

    if (!crt) {
        *why = "what a= leads to is no certificate";
        return false;
    }
    bool fits = gnutls_x509_crt_check_hostname(crt, domain) != 0;
    *expires = (int64_t)gnutls_x509_crt_get_expiration_time(crt);
    gnutls_x509_crt_deinit(crt);
    *why = "the certificate is not for the domain";
    return fits;
}

int64_t certificate_expiry(const char *pem, size_t len)
{
    gnutls_x509_crt_t crt = first_of(pem, len);
    int64_t expires = 0;

    if (crt) {
        expires = (int64_t)gnutls_x509_crt_get_expiration_time(crt);
        gnutls_x509_crt_deinit(crt);
    }
    return expires < 0 ? 0 : expires;
}

/* ---- logos ---- */

static bool inflate_logo(
    const gnutls_datum_t *packed, size_t max, struct arena *a, const char **svg, size_t *svg_len)
{
    const int with_gzip_header = 16 + MAX_WBITS;
    z_stream z = {.next_in = packed->data, .avail_in = packed->size};
    char *out = arena_alloc(a, max + 1);

    if (inflateInit2(&z, with_gzip_header) != Z_OK)
        return false;
    z.next_out = (unsigned char *)out;
    z.avail_out = (unsigned)max;
    bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END;
    *svg = out;
    *svg_len = max - z.avail_out;
    (void)inflateEnd(&z);
    return whole;
}

/* The extension is a tree of choices around one URI: that is all there is to find in it. */
static bool read_logotype(
    const gnutls_datum_t *ext, size_t max, struct arena *a, const char **svg, size_t *svg_len)
{
    static const char start[] = "data:image/svg+xml;base64,";
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    const char *uri = memmem(ext->data, ext->size, start, sizeof start - 1);
    gnutls_datum_t packed;

    if (!uri)
        return false;
    const char *code = uri + sizeof start - 1;
    const char *copy = arena_strndup(a, code, ext->size - (size_t)(code - (const char *)ext->data));
    size_t n = strspn(copy, letters);
    gnutls_datum_t in = {(unsigned char *)arena_strndup(a, copy, n), (unsigned)n};
    if (gnutls_base64_decode2(&in, &packed) != GNUTLS_E_SUCCESS)
        return false;
    bool good = inflate_logo(&packed, max, a, svg, svg_len);
    gnutls_free(packed.data);
    return good;
}

bool certificate_logo(
    const char *pem, size_t len, size_t max, struct arena *a, const char **svg, size_t *svg_len)
{
    gnutls_x509_crt_t crt = first_of(pem, len);
    gnutls_datum_t ext = {NULL, 0};
    unsigned critical;
    bool found = false;

    if (crt && gnutls_x509_crt_get_extension_by_oid2(
                   crt, "1.3.6.1.5.5.7.1.12", 0, &ext, &critical) == GNUTLS_E_SUCCESS) {
        found = read_logotype(&ext, max, a, svg, svg_len);
        gnutls_free(ext.data);
    }
    if (crt)
        gnutls_x509_crt_deinit(crt);
    return found;
}
