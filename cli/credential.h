/*
 * What a mailbox wants to see at each login: its password, or an access token, which is fetched,
 * kept in memory until shortly before it lapses, and never written anywhere. A refresh token that
 * the server changes is written back to its file (0600).
 */
#ifndef CLI_CREDENTIAL_H
#define CLI_CREDENTIAL_H

#include "base/buf.h"
#include "base/err.h"
#include "cli/config.h"

struct credential;

/* *m must stay valid. May be used by several threads. */
struct credential *credential_new(const struct config_mailbox *m);
void credential_free(struct credential *c); /* overwrites it; accepts NULL */

/* Reads a password now, so that a mistake is known before anything is done; what a token is made of
 * is looked at, too. */
int credential_check(struct credential *c, struct err *e) ERR_CHECKED;

/* Adds the secret to `out`. refused: the last one was not taken, so a new one is needed. ERR_CONFIG
 * as in cli/secret.h; the rest as in ingest/token.h. */
int credential_get(struct credential *c, bool refused, struct buf *out, struct err *e) ERR_CHECKED;

/* It is read anew at the next login: whoever keeps it may have changed it. */
void credential_forget(struct credential *c);

#endif
