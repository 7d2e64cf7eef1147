#include "send/smtp.h"

#include "base/arena.h"
#include "base/text.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REPLY_MAX = 200, /* bytes of what a server says that are kept */
    HOST_MAX = 300,
    TOTAL_SECONDS = 900, /* for one mail with everything */
    CODE_LATER = 400,
    CODE_REFUSED = 500,
    CODE_TOO_LARGE = 552,
    CODE_NO_LOGIN = 530
};

/* How far the server has been asked. */
enum stage {
    STAGE_NOTHING,
    STAGE_LOGIN,
    STAGE_SENDER,
    STAGE_RECIPIENT,
    STAGE_DATA,
    STAGE_END /* everything is handed over */
};

struct smtp {
    CURL *curl;
    struct curl_slist *to;
    char words[CURL_ERROR_SIZE]; /* libcurl's */
    char where[HOST_MAX + 20];   /* host and port, for errors */
    bool with_login;

    /* of the mail that is being sent */
    const struct smtp_mail *mail;
    size_t at;
    enum stage stage;
    bool leaving; /* QUIT was sent, which libcurl does on its way out of a failure */
    int code;     /* of the last answer at this stage; 0: none */
    char reply[REPLY_MAX];
    int refusal; /* what before_end returned */
    struct err *error;
};

/* ---- what libcurl calls ---- */

static bool begins(const char *line, size_t len, const char *word)
{
    return len >= strlen(word) && strncasecmp(line, word, strlen(word)) == 0;
}

static void note_command(struct smtp *s, const char *line, size_t len)
{
    static const struct {
        const char *word;
        enum stage stage;
    } commands[] = {
        {"AUTH ", STAGE_LOGIN},
        {"MAIL FROM", STAGE_SENDER},
        {"RCPT TO", STAGE_RECIPIENT},
        {"DATA", STAGE_DATA},
    };

    s->leaving = begins(line, len, "QUIT");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (begins(line, len, commands[i].word))
            s->stage = commands[i].stage;
    }
    if (!s->leaving)
        s->code = 0;
}

static void note_reply(struct smtp *s, const char *line, size_t len)
{
    char text[REPLY_MAX];
    size_t n = len < sizeof text ? len : sizeof text - 1;

    while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == '\n'))
        n--;
    memcpy(text, line, n);
    text[n] = '\0';
    if (s->leaving || n < 3 || strspn(text, "0123456789") != 3)
        return;
    s->code = (int)strtol(text, NULL, 10);
    text_safe_into(s->reply, sizeof s->reply, text);
}

/* The one place where libcurl tells what is said and answered. Secrets pass by, too: nothing of a
 * command is kept. */
static int overhear(CURL *curl, curl_infotype type, char *bytes, size_t len, void *context)
{
    struct smtp *s = context;

    (void)curl;
    if (type == CURLINFO_HEADER_OUT) {
        note_command(s, bytes, len);
    } else if (type == CURLINFO_HEADER_IN) {
        note_reply(s, bytes, len);
    }
    return 0;
}

static size_t give(char *out, size_t size, size_t n, void *context)
{
    struct smtp *s = context;
    const struct smtp_mail *m = s->mail;
    size_t room = size * n;
    size_t left = m->len - s->at;
    size_t len = left < room ? left : room;

    if (len == left && s->stage != STAGE_END) {
        s->refusal = m->before_end ? m->before_end(m->context, s->error) : 0;
        if (s->refusal)
            return CURL_READFUNC_ABORT;
        s->stage = STAGE_END;
        s->code = 0;
    }
    memcpy(out, m->bytes + s->at, len);
    s->at += len;
    return len;
}

/* ---- settings ---- */

static CURLcode set_url(CURL *curl, const struct smtp_settings *set)
{
    char url[HOST_MAX + 40];
    bool v6 = strchr(set->host, ':') != NULL;

    (void)snprintf(url, sizeof url, "%s://%s%.*s%s:%u",
        set->tls == SMTP_TLS_IMPLICIT ? "smtps" : "smtp", v6 ? "[" : "", HOST_MAX, set->host,
        v6 ? "]" : "", set->port);
    return curl_easy_setopt(curl, CURLOPT_URL, url);
}

static CURLcode set_security(CURL *curl, const struct smtp_settings *set)
{
    CURLcode rc = curl_easy_setopt(curl, CURLOPT_USE_SSL,
        (long)(set->tls == SMTP_TLS_NONE ? CURLUSESSL_NONE : CURLUSESSL_ALL));

    if (!rc)
        rc = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    if (!rc)
        rc = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!rc)
        rc = curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (!rc && set->ca_file) {
        rc = curl_easy_setopt(curl, CURLOPT_CAINFO, set->ca_file);
        /* instead of the system's, not beside them */
        if (!rc)
            rc = curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    return rc;
}

static CURLcode set_login(CURL *curl, const struct smtp_settings *set)
{
    static const char *const mechanisms[] = {
        [SMTP_LOGIN_PASSWORD] = "AUTH=PLAIN;AUTH=LOGIN",
        [SMTP_LOGIN_XOAUTH2] = "AUTH=XOAUTH2",
        [SMTP_LOGIN_OAUTHBEARER] = "AUTH=OAUTHBEARER",
    };

    if (!set->user)
        return CURLE_OK;
    CURLcode rc = curl_easy_setopt(curl, CURLOPT_USERNAME, set->user);
    if (!rc)
        rc = curl_easy_setopt(curl, CURLOPT_LOGIN_OPTIONS, mechanisms[set->login]);
    if (!rc) {
        rc = curl_easy_setopt(curl,
            set->login == SMTP_LOGIN_PASSWORD ? CURLOPT_PASSWORD : CURLOPT_XOAUTH2_BEARER,
            set->secret);
    }
    return rc;
}

static CURLcode set_behaviour(struct smtp *s, const struct smtp_settings *set)
{
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_SASL_IR, 1}, /* RFC 4954 section 4 */
        {CURLOPT_VERBOSE, 1}, /* for overhear() */
        {CURLOPT_CONNECTTIMEOUT, (long)set->timeout},
        {CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)set->timeout},
        {CURLOPT_TIMEOUT, TOTAL_SECONDS},
    };

    CURLcode rc = CURLE_OK;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && !rc; i++)
        rc = curl_easy_setopt(s->curl, numbers[i].option, numbers[i].value);
    if (!rc)
        rc = curl_easy_setopt(s->curl, CURLOPT_PROXY, ""); /* mail goes where it was told to go */
    if (!rc)
        rc = curl_easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    if (!rc)
        rc = curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, s->words);
    if (!rc)
        rc = curl_easy_setopt(s->curl, CURLOPT_DEBUGFUNCTION, overhear);
    if (!rc)
        rc = curl_easy_setopt(s->curl, CURLOPT_DEBUGDATA, s);
    if (!rc)
        rc = curl_easy_setopt(s->curl, CURLOPT_READFUNCTION, give);
    if (!rc)
        rc = curl_easy_setopt(s->curl, CURLOPT_READDATA, s);
    return rc;
}

int smtp_open(struct smtp **out, const struct smtp_settings *set, struct err *e)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(e, ERR_TEMPORARY, "memory", "libcurl cannot start");
    struct smtp *s = mem_alloc(sizeof *s);
    s->curl = curl_easy_init();
    s->with_login = set->user != NULL;
    (void)snprintf(s->where, sizeof s->where, "%.*s port %u", HOST_MAX, set->host, set->port);
    CURLcode rc = s->curl ? set_behaviour(s, set) : CURLE_OUT_OF_MEMORY;
    if (!rc)
        rc = set_url(s->curl, set);
    if (!rc)
        rc = set_security(s->curl, set);
    if (!rc)
        rc = set_login(s->curl, set);
    if (rc) {
        smtp_close(s);
        return err_set(e, ERR_CONFIG, "smtp", "libcurl: %s", curl_easy_strerror(rc));
    }
    *out = s;
    return 0;
}

void smtp_close(struct smtp *s)
{
    if (!s)
        return;
    curl_easy_cleanup(s->curl);
    curl_slist_free_all(s->to);
    free(s);
    curl_global_cleanup();
}

/* ---- how it ended ---- */

/* What the server said, or else what libcurl makes of it. */
static const char *why(const struct smtp *s, CURLcode rc)
{
    if (s->code >= CODE_LATER)
        return s->reply;
    return s->words[0] ? s->words : curl_easy_strerror(rc);
}

static int tls_failed(const struct smtp *s, CURLcode rc, struct err *e)
{
    if (rc == CURLE_USE_SSL_FAILED) {
        return err_set(e, ERR_UNREACHABLE, "tls-missing",
            "the server does not offer TLS (%s), and nothing is sent without it", why(s, rc));
    }
    if (rc == CURLE_PEER_FAILED_VERIFICATION)
        return err_set(e, ERR_UNREACHABLE, "tls-untrusted", "%s", why(s, rc));
    if (rc == CURLE_SSL_CACERT_BADFILE)
        return err_set(e, ERR_CONFIG, "ca-file", "%s", why(s, rc));
    return err_set(e, ERR_UNREACHABLE, "tls-failed", "%s", why(s, rc));
}

/* Before any mail was spoken of. */
static int no_session(const struct smtp *s, CURLcode rc, struct err *e)
{
    if (rc == CURLE_LOGIN_DENIED || s->stage == STAGE_LOGIN) {
        bool later = s->code >= CODE_LATER && s->code < CODE_REFUSED;
        return err_set(e, later ? ERR_UNREACHABLE : ERR_LOGIN, "login-refused", "%s", why(s, rc));
    }
    if (rc == CURLE_USE_SSL_FAILED || rc == CURLE_PEER_FAILED_VERIFICATION ||
        rc == CURLE_SSL_CACERT_BADFILE || rc == CURLE_SSL_CONNECT_ERROR)
        return tls_failed(s, rc, e);
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return err_set(e, ERR_UNREACHABLE, "timeout", "%s", why(s, rc));
    if (s->code >= CODE_LATER)
        return err_set(e, ERR_UNREACHABLE, "greeting", "%s", why(s, rc));
    return err_set(e, ERR_UNREACHABLE, "unreachable", "%s", why(s, rc));
}

/* No later mail would be taken either, except where this one is only too large. */
static bool is_about_sender(const struct smtp *s)
{
    return s->stage == STAGE_SENDER && s->code >= CODE_REFUSED && s->code != CODE_TOO_LARGE;
}

static int conclude(const struct smtp *s, CURLcode rc, struct err *e)
{
    if (s->refusal)
        return s->refusal; /* *e is filled in */
    if (s->stage <= STAGE_LOGIN)
        return no_session(s, rc, e);
    if (is_about_sender(s)) {
        bool login = s->code == CODE_NO_LOGIN && !s->with_login;
        return err_set(e, login ? ERR_LOGIN : ERR_CONFIG,
            login ? "login-refused" : "sender-refused", "%s", s->reply);
    }
    if (s->code >= CODE_REFUSED)
        return err_set(e, ERR_INPUT, "smtp-refused", "%s", s->reply);
    if (s->code >= CODE_LATER)
        return err_set(e, ERR_TEMPORARY, "smtp-later", "%s", s->reply);
    if (s->stage < STAGE_END)
        return err_set(e, ERR_TEMPORARY, "smtp-cut", "%s", why(s, rc));
    return err_set(e, ERR_TEMPORARY, "smtp-unsure",
        "no answer to the end of the mail: the server may have it or not (%s)", why(s, rc));
}

static void begin(struct smtp *s, const struct smtp_mail *m, struct err *e)
{
    s->mail = m;
    s->at = 0;
    s->stage = STAGE_NOTHING;
    s->leaving = false;
    s->code = 0;
    s->reply[0] = '\0';
    s->words[0] = '\0';
    s->refusal = 0;
    s->error = e;
}

/* Without a mail there is no recipient, and NOOP is all that is said (RFC 5321 4.1.1.9). */
static CURLcode set_transfer(struct smtp *s, const struct smtp_mail *m)
{
    CURLcode rc = curl_easy_setopt(s->curl, CURLOPT_UPLOAD, m ? 1L : 0L);

    if (!rc)
        rc = curl_easy_setopt(s->curl, CURLOPT_NOBODY, m ? 0L : 1L);
    if (!rc)
        rc = curl_easy_setopt(s->curl, CURLOPT_CUSTOMREQUEST, m ? NULL : "NOOP");
    if (!rc)
        rc = curl_easy_setopt(s->curl, CURLOPT_MAIL_FROM, m ? m->from : NULL);
    if (!rc)
        rc = curl_easy_setopt(s->curl, CURLOPT_MAIL_RCPT, s->to);
    if (!rc)
        rc = curl_easy_setopt(s->curl, CURLOPT_INFILESIZE_LARGE, m ? (curl_off_t)m->len : -1);
    return rc;
}

static int perform(struct smtp *s, const struct smtp_mail *m, CURLcode *result, struct err *e)
{
    begin(s, m, e);
    curl_slist_free_all(s->to);
    s->to = m ? curl_slist_append(NULL, m->to) : NULL;
    CURLcode rc = m && !s->to ? CURLE_OUT_OF_MEMORY : set_transfer(s, m);
    if (rc)
        return err_set(e, ERR_TEMPORARY, "memory", "libcurl: %s", curl_easy_strerror(rc));
    *result = curl_easy_perform(s->curl);
    return 0;
}

static int failed(const struct smtp *s, CURLcode result, struct err *e)
{
    int class = conclude(s, result, e);

    return s->refusal || smtp_about_mail(e) ? class : err_wrap(e, "%s", s->where);
}

int smtp_send(struct smtp *s, const struct smtp_mail *m, struct err *e)
{
    CURLcode result = CURLE_OK;
    int rc = perform(s, m, &result, e);

    if (rc)
        return rc;
    /* libcurl takes no answer but 250 for a yes; RFC 5321 4.2.1 does */
    bool accepted = s->stage == STAGE_END && !s->refusal && s->code >= 200 && s->code < 300;
    return accepted ? 0 : failed(s, result, e);
}

int smtp_probe(struct smtp *s, struct err *e)
{
    CURLcode result = CURLE_OK;
    int rc = perform(s, NULL, &result, e);

    return rc || !result ? rc : failed(s, result, e);
}

bool smtp_about_mail(const struct err *e)
{
    return strncmp(e->tag, "smtp-", 5) == 0;
}
