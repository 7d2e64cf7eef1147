#include "check/certificate.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

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
