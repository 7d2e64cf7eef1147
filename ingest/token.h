/*
 * Access tokens from an authorisation server (RFC 6749) over HTTPS: by client credentials (section
 * 4.4) or by a refresh token (section 6).
 */
#ifndef INGEST_TOKEN_H
#define INGEST_TOKEN_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct token_request {
    const char *url; /* https:// */
    const char *client_id;
    const char *client_secret;   /* NULL: a public client has none */
    const char *refresh_token;   /* NULL: by client credentials */
    const char *scope;           /* or NULL */
    const char *ca_file;         /* NULL: the system's */
    unsigned timeout;            /* seconds for all of it */
    bool (*stop)(void *context); /* Is it time to give up? May be NULL. */
    void *context;
};

struct token {
    struct buf access;
    struct buf refresh; /* empty: the old one stays */
    int64_t lifetime;   /* seconds; 0: not said */
};

void token_init(struct token *t);
void token_done(struct token *t); /* overwrites them */

/*
 * ERR_LOGIN token-refused (the server's words, never a secret), ERR_UNREACHABLE token-server (no
 * answer, a certificate that is not trusted, 5xx), ERR_TEMPORARY token-server (an answer that is
 * none), interrupted. *t is initialised and empty.
 */
int token_fetch(const struct token_request *r, struct token *t, struct err *e) ERR_CHECKED;

#endif
