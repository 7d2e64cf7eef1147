/*
 * A JSON document to a web server (RFC 9110 POST). TLS is verified; there is no way to do without
 * TLS but to a server on this machine. Redirects are not followed, and what the server answers
 * besides its status is not read. Thread-safe.
 */
#ifndef SEND_WEBHOOK_H
#define SEND_WEBHOOK_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct webhook {
    const char *url;     /* of webhook_url_is_safe */
    const char *ca_file; /* NULL: the system's */
    const char *token;   /* of an Authorization: Bearer field (RFC 6750), or NULL */
    unsigned timeout;    /* seconds for all of it */
};

/* https://..., or http:// to localhost, 127.0.0.1 or [::1]; without user and password in it. */
bool webhook_url_is_safe(const char *url);

/*
 * 0: the server answered 2xx. ERR_UNREACHABLE (unreachable, timeout, tls-untrusted, tls-failed),
 * ERR_TEMPORARY webhook-later (429, 5xx), ERR_CONFIG webhook-refused (any other status; ca-file).
 */
int webhook_post(const struct webhook *w, const char *json, size_t len, struct err *e) ERR_CHECKED;

/* Connects, and asks for nothing. Errors as above. */
int webhook_probe(const struct webhook *w, struct err *e) ERR_CHECKED;

#endif
