/*
 * Documents that DNS records point at, over HTTPS: the certificate is verified, nothing is
 * redirected, size and time are bounded.
 */
#ifndef CHECK_FETCH_H
#define CHECK_FETCH_H

#include "base/err.h"
#include "check/subject.h"

#include <stddef.h>

struct dns;
struct fetcher;

/* `dns` gives the addresses; it must stay open. `ca_file`: certificates to trust; NULL: those of
 * the system. */
int fetcher_open(
    struct dns *dns, const char *ca_file, struct fetcher **out, struct err *e) ERR_CHECKED;
void fetcher_close(struct fetcher *f); /* accepts NULL */

/* What struct subject wants; the context is a struct fetcher. ERR_INPUT when the document cannot be
 * had. */
int fetcher_get(void *context, const char *url, size_t max, struct arena *a, struct fetched *out,
    struct err *e) ERR_CHECKED;

#endif
