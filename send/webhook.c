#include "send/webhook.h"

#include "base/addr.h"
#include "base/arena.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATUS_OK = 200,
    STATUS_REDIRECT = 300,
    STATUS_TOO_MANY = 429,
    STATUS_SERVER = 500,
    HOST_MAX = 256
};

/* ---- where it goes ---- */

/* "[::1]" -> "::1" */
static bool is_loopback(const char *host)
{
    char bare[HOST_MAX];
    size_t len = strlen(host);

    if (*host != '[' || len < 2 || len >= sizeof bare)
        return addr_host_is_loopback(host);
    memcpy(bare, host + 1, len - 2);
    bare[len - 2] = '\0';
    return addr_host_is_loopback(bare);
}

static char *url_part(CURLU *url, CURLUPart part)
{
    char *out = NULL;

    return curl_url_get(url, part, &out, 0) == CURLUE_OK ? out : NULL;
}

bool webhook_url_is_safe(const char *url)
{
    CURLU *u = curl_url();

    if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK) {
        curl_url_cleanup(u);
        return false;
    }
    char *scheme = url_part(u, CURLUPART_SCHEME);
    char *host = url_part(u, CURLUPART_HOST);
    char *user = url_part(u, CURLUPART_USER);
    bool https = scheme && strcmp(scheme, "https") == 0;
    bool http = scheme && strcmp(scheme, "http") == 0;
    bool safe = host && !user && (https || (http && is_loopback(host)));
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(u);
    return safe;
}

/* ---- asking ---- */

/* NOLINTNEXTLINE(readability-non-const-parameter): so libcurl wants it */
static size_t pass_over(char *bytes, size_t size, size_t n, void *context)
{
    (void)bytes, (void)context;
    return size * n;
}

/* The fields of the request; NULL when there is no memory. */
static struct curl_slist *make_fields(const struct webhook *w)
{
    struct arena *a = arena_new();
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");

    if (list && w->token) {
        char *field = arena_printf(a, "Authorization: Bearer %s", w->token);
        struct curl_slist *longer = curl_slist_append(list, field);
        explicit_bzero(field, strlen(field));
        if (!longer)
            curl_slist_free_all(list);
        list = longer;
    }
    arena_free(a);
    return list;
}

static void forget_fields(struct curl_slist *list)
{
    for (struct curl_slist *i = list; i; i = i->next)
        explicit_bzero(i->data, strlen(i->data));
    curl_slist_free_all(list);
}

static CURLcode set_behaviour(CURL *curl, const struct webhook *w, char *words)
{
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_NOSIGNAL, 1}, {CURLOPT_TIMEOUT, (long)w->timeout},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_FOLLOWLOCATION, 0}, /* a token goes where the operator said and nowhere else */
    };

    CURLcode rc = CURLE_OK;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && !rc; i++)
        rc = curl_easy_setopt(curl, numbers[i].option, numbers[i].value);
    if (!rc)
        rc = curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    if (!rc)
        rc = curl_easy_setopt(curl, CURLOPT_URL, w->url);
    if (!rc)
        rc = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
    if (!rc)
        rc = curl_easy_setopt(curl, CURLOPT_USERAGENT, "dmarcmill/" DM_VERSION);
    if (!rc)
        rc = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, pass_over);
    if (!rc && w->ca_file)
        rc = curl_easy_setopt(curl, CURLOPT_CAINFO, w->ca_file);
    return rc;
}

static CURLcode set_body(CURL *curl, const char *json, size_t len, struct curl_slist *fields)
{
    CURLcode rc = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);

    if (!rc)
        rc = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    if (!rc)
        rc = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, json);
    return rc;
}

/* ---- how it ended ---- */

static int judge(CURLcode rc, long status, const char *words, struct err *e)
{
    const char *said = *words ? words : curl_easy_strerror(rc);

    if (rc == CURLE_OUT_OF_MEMORY)
        return err_set(e, ERR_TEMPORARY, "memory", "%s", said);
    if (rc == CURLE_PEER_FAILED_VERIFICATION)
        return err_set(e, ERR_UNREACHABLE, "tls-untrusted", "%s", said);
    if (rc == CURLE_SSL_CACERT_BADFILE)
        return err_set(e, ERR_CONFIG, "ca-file", "%s", said);
    if (rc == CURLE_SSL_CONNECT_ERROR)
        return err_set(e, ERR_UNREACHABLE, "tls-failed", "%s", said);
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return err_set(e, ERR_UNREACHABLE, "timeout", "%s", said);
    if (rc != CURLE_OK)
        return err_set(e, ERR_UNREACHABLE, "unreachable", "%s", said);
    if (status >= STATUS_SERVER || status == STATUS_TOO_MANY)
        return err_set(e, ERR_TEMPORARY, "webhook-later", "the server answers %ld", status);
    if (status < STATUS_OK || status >= STATUS_REDIRECT)
        return err_set(e, ERR_CONFIG, "webhook-refused", "the server answers %ld", status);
    return 0;
}

int webhook_post(const struct webhook *w, const char *json, size_t len, struct err *e)
{
    char words[CURL_ERROR_SIZE] = "";
    long status = 0;
    CURL *curl = curl_easy_init();
    struct curl_slist *fields = make_fields(w);
    CURLcode rc = curl && fields ? set_behaviour(curl, w, words) : CURLE_OUT_OF_MEMORY;

    if (!rc)
        rc = set_body(curl, json, len, fields);
    if (!rc)
        rc = curl_easy_perform(curl);
    if (!rc)
        rc = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    int got = judge(rc, status, words, e);
    curl_easy_cleanup(curl);
    forget_fields(fields);
    return got;
}

int webhook_probe(const struct webhook *w, struct err *e)
{
    char words[CURL_ERROR_SIZE] = "";
    CURL *curl = curl_easy_init();
    CURLcode rc = curl ? set_behaviour(curl, w, words) : CURLE_OUT_OF_MEMORY;

    if (!rc)
        rc = curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    if (!rc)
        rc = curl_easy_perform(curl);
    int got = judge(rc, STATUS_OK, words, e);
    curl_easy_cleanup(curl);
    return got;
}
