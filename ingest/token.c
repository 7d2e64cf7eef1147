#include "ingest/token.h"

#include "base/text.h"

#include <curl/curl.h>
#include <jansson.h>
#include <pthread.h>
#include <string.h>

enum {
    TOKEN_MAX = 16 * 1024,
    ANSWER_MAX = 64 * 1024,
    FORM_MAX = 64 * 1024,
    WORDS_MAX = 200,
    HTTP_OK = 200,
    HTTP_SERVER_ERROR = 500
};

void token_init(struct token *t)
{
    buf_init(&t->access, TOKEN_MAX);
    buf_init(&t->refresh, TOKEN_MAX);
    t->lifetime = 0;
}

void token_done(struct token *t)
{
    buf_wipe(&t->access);
    buf_wipe(&t->refresh);
}

static void start_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t take_piece(char *bytes, size_t size, size_t n, void *context)
{
    (void)size; /* always 1 */
    return buf_add(context, bytes, n) ? 0 : n;
}

static int progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct token_request *r = context;

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return r->stop && r->stop(r->context);
}

/* Adds "name=value" as a form has it. */
static int add_field(struct buf *form, const char *name, const char *value)
{
    static const char hex[] = "0123456789ABCDEF";
    int r = buf_printf(form, "%s%s=", form->len ? "&" : "", name);

    for (const unsigned char *p = (const unsigned char *)value; *p && !r; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || strchr("-._~", *p);
        const char escaped[] = {'%', hex[*p >> 4], hex[*p & 15]};
        r = plain ? buf_add(form, p, 1) : buf_add(form, escaped, sizeof escaped);
    }
    return r;
}

static int make_form(const struct token_request *r, struct buf *form)
{
    int bad =
        add_field(form, "grant_type", r->refresh_token ? "refresh_token" : "client_credentials");

    if (!bad)
        bad = add_field(form, "client_id", r->client_id);
    if (!bad && r->client_secret)
        bad = add_field(form, "client_secret", r->client_secret);
    if (!bad && r->refresh_token)
        bad = add_field(form, "refresh_token", r->refresh_token);
    if (!bad && r->scope)
        bad = add_field(form, "scope", r->scope);
    return bad;
}

static int send_form(
    const struct token_request *r, CURL *c, struct buf *answer, long *status, struct err *e)
{
    char words[CURL_ERROR_SIZE] = "";
    CURLcode rc = CURLE_OK;

    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_NOSIGNAL, 1}, {CURLOPT_NOPROGRESS, 0}, {CURLOPT_TIMEOUT, (long)r->timeout},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_FOLLOWLOCATION, 0}, /* a secret goes where the operator said and nowhere else */
    };

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && !rc; i++)
        rc = curl_easy_setopt(c, numbers[i].option, numbers[i].value);
    if (!rc)
        rc = curl_easy_setopt(c, CURLOPT_ERRORBUFFER, words);
    if (!rc)
        rc = curl_easy_setopt(c, CURLOPT_URL, r->url);
    if (!rc)
        rc = curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
    if (!rc && r->ca_file)
        rc = curl_easy_setopt(c, CURLOPT_CAINFO, r->ca_file);
    if (!rc)
        rc = curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_piece);
    if (!rc)
        rc = curl_easy_setopt(c, CURLOPT_WRITEDATA, answer);
    if (!rc)
        rc = curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, progress);
    if (!rc)
        rc = curl_easy_setopt(c, CURLOPT_XFERINFODATA, r);
    if (!rc)
        rc = curl_easy_perform(c);
    if (rc == CURLE_ABORTED_BY_CALLBACK)
        return err_set(e, ERR_TEMPORARY, "interrupted", "stopped while a token is awaited");
    if (rc == CURLE_WRITE_ERROR)
        return err_set(e, ERR_TEMPORARY, "token-server", "the answer is too long for a token");
    if (rc) {
        return err_set(
            e, ERR_UNREACHABLE, "token-server", "%s", words[0] ? words : curl_easy_strerror(rc));
    }
    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, status);
    return 0;
}

/* What is wrong, in the server's words (RFC 6749 section 5.2). */
static int refused(const json_t *answer, long status, struct err *e)
{
    const char *code = json_string_value(json_object_get(answer, "error"));
    const char *more = json_string_value(json_object_get(answer, "error_description"));
    char safe_code[WORDS_MAX];
    char safe_more[WORDS_MAX];

    text_safe_into(safe_code, sizeof safe_code, code ? code : "no reason given");
    text_safe_into(safe_more, sizeof safe_more, more ? more : "");
    if (status >= HTTP_SERVER_ERROR) {
        return err_set(e, ERR_UNREACHABLE, "token-server", "it answers with status %ld: %s", status,
            safe_code);
    }
    return err_set(
        e, ERR_LOGIN, "token-refused", "%s%s%s", safe_code, *safe_more ? ": " : "", safe_more);
}

static int read_answer(const struct buf *text, long status, struct token *t, struct err *e)
{
    json_t *answer = json_loadb(text->data ? text->data : "", text->len, 0, NULL);
    const char *access = json_string_value(json_object_get(answer, "access_token"));
    const char *refresh = json_string_value(json_object_get(answer, "refresh_token"));
    const json_t *lifetime = json_object_get(answer, "expires_in");
    int r = 0;

    if (status != HTTP_OK) {
        r = refused(answer, status, e);
    } else if (!access || !*access || buf_adds(&t->access, access) ||
               (refresh && buf_adds(&t->refresh, refresh))) {
        r = err_set(e, ERR_TEMPORARY, "token-server", "there is no token in the answer");
    } else if (json_is_string(lifetime)) { /* some write it so */
        (void)text_int64(json_string_value(lifetime), &t->lifetime);
    } else {
        t->lifetime = json_integer_value(lifetime);
    }
    json_decref(answer);
    return r;
}

int token_fetch(const struct token_request *r, struct token *t, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct buf form, answer;
    long status = 0;
    int rc;

    (void)pthread_once(&once, start_curl);
    CURL *c = curl_easy_init();
    if (!c)
        return err_set(e, ERR_TEMPORARY, "memory", "no memory for HTTP");
    buf_init(&form, FORM_MAX);
    buf_init(&answer, ANSWER_MAX);
    if (make_form(r, &form) ||
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)form.len) != CURLE_OK ||
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, form.data) != CURLE_OK) {
        rc = err_set(e, ERR_CONFIG, "token-request", "what is to be sent is too long");
    } else {
        rc = send_form(r, c, &answer, &status, e);
    }
    if (!rc)
        rc = read_answer(&answer, status, t, e);
    curl_easy_cleanup(c);
    buf_wipe(&form);
    buf_wipe(&answer);
    return rc < 0 ? err_wrap(e, "%s", r->url) : 0;
}
