/*
 * A session with a mail server that takes our mails (RFC 5321, RFC 6409). TLS is verified, and
 * there is no way to do without it but SMTP_TLS_NONE. A session is one thread's; the connection is
 * made by the first mail, kept, and made anew after a failure.
 */
#ifndef SEND_SMTP_H
#define SEND_SMTP_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum smtp_tls {
    SMTP_TLS_IMPLICIT, /* from the first byte (RFC 8314 3.3) */
    SMTP_TLS_STARTTLS, /* RFC 3207; a server that does not offer it is left */
    SMTP_TLS_NONE
};

enum smtp_login {
    SMTP_LOGIN_PASSWORD, /* PLAIN or LOGIN */
    SMTP_LOGIN_XOAUTH2,
    SMTP_LOGIN_OAUTHBEARER /* RFC 7628 */
};

struct smtp_settings {
    const char *host; /* name or address */
    unsigned port;
    enum smtp_tls tls;
    const char *ca_file; /* NULL: the system's */
    const char *user;    /* NULL: without login */
    enum smtp_login login;
    const char *secret; /* password or token */
    unsigned timeout;   /* seconds for one answer of the server */
};

struct smtp_mail {
    const char *from, *to; /* addresses of message_address */
    const char *bytes;     /* as message_write leaves it */
    size_t len;
    /*
     * Called once, when the server has agreed to take the mail and before the end of it is sent:
     * whatever fails up to then, the server has no mail. Its error ends the attempt and is what
     * smtp_send returns. May be NULL.
     */
    int (*before_end)(void *context, struct err *e);
    void *context;
};

struct smtp;

/* Connects to nobody yet. The settings are copied. */
int smtp_open(struct smtp **out, const struct smtp_settings *set, struct err *e) ERR_CHECKED;
void smtp_close(struct smtp *s); /* accepts NULL */

/*
 * 0: the server has taken responsibility for the mail (a 2xx answer to its end). What it said last
 * is in the text of errors, fit for a terminal.
 *
 * About this mail: ERR_INPUT smtp-refused (5xx: for ever), ERR_TEMPORARY smtp-later (4xx),
 * ERR_TEMPORARY smtp-cut (the connection broke before the end of the mail was sent), ERR_TEMPORARY
 * smtp-unsure (it broke behind it: nobody knows whether the server has the mail).
 * About the server: ERR_UNREACHABLE (unreachable, timeout, tls-missing, tls-untrusted, tls-failed,
 * greeting: it says no before any mail), ERR_LOGIN login-refused, ERR_CONFIG (sender-refused: it
 * will not take mails of `from`; ca-file).
 */
int smtp_send(struct smtp *s, const struct smtp_mail *m, struct err *e) ERR_CHECKED;

/* Connects and logs in, and sends no mail. Errors about the server as above. */
int smtp_probe(struct smtp *s, struct err *e) ERR_CHECKED;

/* Was it about this mail, or would others fail alike? */
bool smtp_about_mail(const struct err *e);

#endif
