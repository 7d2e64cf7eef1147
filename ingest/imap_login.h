/*
 * Who we are: LOGIN with a password, AUTHENTICATE PLAIN with one that LOGIN cannot take, or
 * AUTHENTICATE with an access token, as XOAUTH2 (Google and Microsoft's own) or OAUTHBEARER (RFC
 * 7628).
 */
#ifndef INGEST_IMAP_LOGIN_H
#define INGEST_IMAP_LOGIN_H

#include "base/err.h"
#include "ingest/imap_session.h"

/*
 * A token that is refused is asked for once more, since it may have lapsed or been taken back.
 * ERR_LOGIN: login-refused, with the server's words, but never with the secret. ERR_TEMPORARY:
 * server-busy, and whatever breaks a session. ERR_CONFIG: login, and what `secret` says.
 */
int imap_login(struct imap_session *s, const struct imap_settings *set, struct err *e) ERR_CHECKED;

#endif
