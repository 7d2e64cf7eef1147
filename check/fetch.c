#include "check/fetch.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "check/certificate.h"
#include "check/dns.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_MS = 5000,
    TOTAL_MS = 10000,
    ADDRESSES_MAX = 4
};

struct fetcher {
    struct dns *dns;
    char *ca_file;
};

int fetcher_open(struct dns *dns, const char *ca_file, struct fetcher **out, struct err *e)
{
    struct fetcher *f;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(e, ERR_TEMPORARY, "https", "libcurl cannot start");
    f = mem_alloc(sizeof *f);
    f->dns = dns;
    f->ca_file = ca_file ? mem_strdup(ca_file) : NULL;
    *out = f;
    return 0;
}

void fetcher_close(struct fetcher *f)
{
    if (!f)
        return;
    free(f->ca_file);
    free(f);
    curl_global_cleanup();
}

static size_t take(char *bytes, size_t size, size_t n, void *context)
{
    return buf_add(context, bytes, size * n) ? 0 : size * n;
}

/* "host:port:address,address" for CURLOPT_RESOLVE; NULL when the name has no address. */
static const char *resolve(struct fetcher *f, const char *host, const char *port, struct arena *a)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA};

    const char *out = arena_printf(a, "%s:%s:", host, port);
    size_t n = 0;

    for (size_t t = 0; t < 2; t++) {
        struct dns_answer answer;
        dns_ask(f->dns, host, types[t], a, &answer);
        for (size_t i = 0; i < answer.n && n < ADDRESSES_MAX; i++, n++) {
            char text[ADDR_TEXT_MAX];
            addr_format(&answer.records[i].addr, text);
            out = arena_printf(a, answer.records[i].addr.len == 4 ? "%s%s%s" : "%s%s[%s]", out,
                n ? "," : "", text);
        }
    }
    return n ? out : NULL;
}

static int no_address(const char *host, struct err *e)
{
    return err_set(e, ERR_INPUT, "https", "%.200s has no address", host);
}

/* The addresses are those of our resolver: who checks against another one means all of it. */
static int set_addresses(struct fetcher *f, CURL *curl, const char *url, struct arena *a,
    struct curl_slist **list, struct err *e)
{
    CURLU *parts = curl_url();
    char *host = NULL;
    char *port = NULL;
    int rc = 0;

    if (!parts || curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
        rc = err_set(e, ERR_INPUT, "https", "this is no https URL");
    const char *entry = rc ? NULL : resolve(f, host, port, a);
    if (!rc && !entry)
        rc = no_address(host, e);
    if (!rc)
        *list = curl_slist_append(NULL, entry);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    if (!rc)
        (void)curl_easy_setopt(curl, CURLOPT_RESOLVE, *list);
    return rc;
}

static void set_options(const struct fetcher *f, CURL *curl, const char *url, struct buf *body)
{
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* what the checker sees, not a proxy */
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TOTAL_MS);
    (void)curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)body->max);
    (void)curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "dmarcmill/" DM_VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    if (f->ca_file)
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, f->ca_file);
}

static int64_t expiry(CURL *curl)
{
    static const char key[] = "Cert:";
    struct curl_certinfo *info = NULL;
    int64_t expires = 0;

    if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || !info ||
        info->num_of_certs < 1)
        return 0;
    for (const struct curl_slist *i = info->certinfo[0]; i; i = i->next) {
        if (strncmp(i->data, key, sizeof key - 1) == 0) {
            const char *pem = i->data + sizeof key - 1;
            expires = certificate_expiry(pem, strlen(pem));
        }
    }
    return expires;
}

static const char *media_type(CURL *curl, struct arena *a)
{
    const char *type = NULL;
    size_t n;

    if (curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type) != CURLE_OK || !type)
        return "";
    const char *word = arena_strndup(a, type, strcspn(type, ";"));
    word = text_trim(word, &n);
    return text_lower(a, arena_strndup(a, word, n));
}

static int perform(
    CURL *curl, struct buf *body, struct arena *a, struct fetched *out, struct err *e)
{
    CURLcode code = curl_easy_perform(curl);
    long status = 0;

    if (code == CURLE_FILESIZE_EXCEEDED || code == CURLE_WRITE_ERROR)
        return err_set(e, ERR_INPUT, "https", "more than %zu octets", body->max);
    if (code != CURLE_OK)
        return err_set(e, ERR_INPUT, "https", "%s", curl_easy_strerror(code));
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    *out = (struct fetched){.status = (unsigned)status,
        .content_type = media_type(curl, a),
        .body = arena_strndup(a, body->data ? body->data : "", body->len),
        .len = body->len,
        .certificate_expires = expiry(curl)};
    return 0;
}

int fetcher_get(
    void *context, const char *url, size_t max, struct arena *a, struct fetched *out, struct err *e)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *addresses = NULL;
    struct buf body;

    if (!curl)
        return err_set(e, ERR_TEMPORARY, "https", "libcurl cannot start");
    buf_init(&body, max);
    set_options(context, curl, url, &body);
    int rc = set_addresses(context, curl, url, a, &addresses, e);
    if (!rc)
        rc = perform(curl, &body, a, out, e);
    curl_easy_cleanup(curl);
    curl_slist_free_all(addresses);
    buf_done(&body);
    return rc;
}
