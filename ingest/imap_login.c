#include "ingest/imap_login.h"

#include "base/blob.h"
#include "base/buf.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
    SECRET_MAX = 16 * 1024 /* access tokens have 2,000 bytes and more */
};

static int login_refused(const struct imap_session *s, const struct imap_settings *set,
    const char *secret, struct err *e)
{
    char words[IMAP_WORDS_MAX];

    if (imap_repeats(s, secret)) {
        (void)snprintf(words, sizeof words, "(not shown: it repeats the password)");
    } else {
        (void)imap_words(s, words);
    }
    if (imap_is_busy(s)) {
        return err_set(
            e, ERR_TEMPORARY, "server-busy", "no login at present: the server says: %s", words);
    }
    return err_set(e, ERR_LOGIN, "login-refused", "user %s: the server says: %s", set->user, words);
}

static int bad_secret(struct err *e)
{
    return err_set(e, ERR_CONFIG, "login",
        "user and password or token must not be empty, too long, or have control characters");
}

static bool is_ascii(const char *s)
{
    while (*s && (unsigned char)*s < 0x80)
        s++;
    return !*s;
}

/* RFC 4616: it takes any UTF-8, which a quoted string of LOGIN does not. */
static int by_plain(
    struct imap_session *s, const struct imap_settings *set, const char *secret, struct err *e)
{
    struct buf message, answer;
    int r;

    buf_init(&message, IMAP_COMMAND_MAX / 2);
    buf_init(&answer, IMAP_COMMAND_MAX);
    if (buf_add(&message, "", 1) || buf_add(&message, set->user, strlen(set->user) + 1) ||
        buf_adds(&message, secret) || base64_add(&answer, message.data, message.len)) {
        r = bad_secret(e);
    } else {
        r = imap_authenticate(s, "AUTHENTICATE PLAIN", answer.data, "*", e);
        if (r > 0 && imap_repeats(s, answer.data)) {
            r = err_set(e, ERR_LOGIN, "login-refused",
                "user %s: the server says: (not shown: it repeats the password)", set->user);
        }
    }
    buf_wipe(&message);
    buf_wipe(&answer);
    return r;
}

static int by_password(struct imap_session *s, const struct imap_settings *set, const char *secret,
    struct buf *command, struct err *e)
{
    bool usual = is_ascii(set->user) && is_ascii(secret);

    if ((!usual || imap_has(s, "LOGINDISABLED")) && imap_has_login(s, "PLAIN"))
        return by_plain(s, set, secret, e);
    if (imap_has(s, "LOGINDISABLED")) {
        return err_set(e, ERR_LOGIN, "login-refused",
            "the server takes no password on this connection (LOGINDISABLED)");
    }
    if (buf_adds(command, "LOGIN ") || imap_quote(command, set->user) || buf_adds(command, " ") ||
        imap_quote(command, secret))
        return bad_secret(e);
    return imap_command(s, "login", IMAP_ANSWER_BYTES, command->data, e);
}

/* What is sent for a token, before Base64. In OAUTHBEARER the user's name is a GS2 header's (RFC
 * 5801 section 4), where '=' and ',' are written otherwise. */
static int token_message(struct buf *out, const struct imap_settings *set, const char *token)
{
    int r = 0;

    if (set->login == IMAP_LOGIN_XOAUTH2)
        return buf_printf(out, "user=%s\001auth=Bearer %s\001\001", set->user, token);
    r = buf_adds(out, "n,a=");
    for (const char *p = set->user; *p && !r; p++) {
        if (*p == '=') {
            r = buf_adds(out, "=3D");
        } else {
            r = *p == ',' ? buf_adds(out, "=2C") : buf_add(out, p, 1);
        }
    }
    return r ? r
             : buf_printf(out, ",\001host=%s\001port=%u\001auth=Bearer %s\001\001", set->host,
                   set->port, token);
}

static bool has_controls(const char *s)
{
    while (*s && !iscntrl((unsigned char)*s))
        s++;
    return *s != '\0';
}

static int by_token(struct imap_session *s, const struct imap_settings *set, const char *secret,
    struct buf *command, struct err *e)
{
    bool xoauth2 = set->login == IMAP_LOGIN_XOAUTH2;
    const char *method = xoauth2 ? "XOAUTH2" : "OAUTHBEARER";
    struct buf message, answer;
    int r;

    if (!imap_has_login(s, method))
        return err_set(e, ERR_LOGIN, "login-refused", "the server does not offer %s", method);
    buf_init(&message, IMAP_COMMAND_MAX / 2);
    buf_init(&answer, IMAP_COMMAND_MAX);
    if (has_controls(set->user) || has_controls(secret) || token_message(&message, set, secret) ||
        base64_add(&answer, message.data, message.len) ||
        buf_printf(command, "AUTHENTICATE %s", method)) {
        r = bad_secret(e);
    } else {
        /* a server that refuses says why, and wants an answer to that (RFC 7628 section 3.2.3) */
        r = imap_authenticate(s, command->data, answer.data, xoauth2 ? "" : "AQ==", e);
        if (r > 0 && imap_repeats(s, answer.data)) {
            r = err_set(e, ERR_LOGIN, "login-refused",
                "user %s: the server says: (not shown: it repeats the token)", set->user);
        }
    }
    buf_wipe(&message);
    buf_wipe(&answer);
    return r;
}

static int login_once(
    struct imap_session *s, const struct imap_settings *set, bool refused, struct err *e)
{
    struct buf secret, command;

    buf_init(&secret, SECRET_MAX);
    buf_init(&command, IMAP_COMMAND_MAX);
    int r = set->secret(set->context, refused, &secret, e);
    if (!r && (!*set->user || !secret.len))
        r = bad_secret(e);
    if (!r && set->login == IMAP_LOGIN_PASSWORD) {
        r = by_password(s, set, secret.data, &command, e);
    } else if (!r) {
        r = by_token(s, set, secret.data, &command, e);
    }
    if (r > 0)
        r = login_refused(s, set, secret.data, e);
    buf_wipe(&secret);
    buf_wipe(&command);
    return r;
}

int imap_login(struct imap_session *s, const struct imap_settings *set, struct err *e)
{
    int r = login_once(s, set, false, e);

    if (r == ERR_LOGIN && set->login != IMAP_LOGIN_PASSWORD)
        r = login_once(s, set, true, e);
    return r;
}
