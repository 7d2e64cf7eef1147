#include "check/certificate.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

static bool look(gnutls_x509_crt_t crt, const char *domain, int64_t *expires, const char **why)
{
    *expires = (int64_t)gnutls_x509_crt_get_expiration_time(crt);
    if (*expires < 0)
        *why = "the certificate does not say when it expires";
    else if (!gnutls_x509_crt_check_hostname(crt, domain))
        *why = "the certificate is not for the domain";
    else
        return true;
    return false;
}

bool certificate_read(
    const char *pem, size_t len, const char *domain, int64_t *expires, const char **why)
{
    gnutls_x509_crt_t *list = NULL;
    unsigned n = 0;
    gnutls_datum_t in = {NULL, (unsigned)len};
    bool good = false;

    in.data = gnutls_malloc(len + 1);
    *why = "what a= leads to is no certificate";
    if (!in.data)
        return false;
    if (len)
        memcpy(in.data, pem, len);
    if (gnutls_x509_crt_list_import2(&list, &n, &in, GNUTLS_X509_FMT_PEM, 0) == GNUTLS_E_SUCCESS) {
        good = n > 0 && look(list[0], domain, expires, why);
        for (unsigned i = 0; i < n; i++)
            gnutls_x509_crt_deinit(list[i]);
        gnutls_free(list);
    }
    gnutls_free(in.data);
    return good;
}
