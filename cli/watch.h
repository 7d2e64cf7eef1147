/*
 * What `check` found, kept in the store, and what has changed since: a bridge between
 * check/changes.h and store/checks.h.
 */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct arena;
struct check_result;
struct published;
struct store;
struct watch;

/* `scope`: in words, how the checks are made (check/published.h). */
struct watch *watch_new(struct store *s, const char *scope);
/* Keeps what the domain has published, if it belongs to a client and the DNS has answered. Written
 * many at a time. */
int watch_take(struct watch *w, const struct check_result *r, struct err *e) ERR_CHECKED;
/* Writes the rest. */
int watch_finish(struct watch *w, struct err *e) ERR_CHECKED;
void watch_free(struct watch *w); /* accepts NULL */

/* A state of a domain, from its `content` in the store (store/checks.h). */
void watch_unpack(struct arena *a, const char *text, struct published *out);

struct watch_request {
    const char *client; /* NULL: all */
    /* normalised; n 0: all of the client */
    const char *const *domains;
    size_t n;
    bool json;
};

/* Prints what differs between the last two states of each domain. *weaker: some protection is
 * weaker than before. */
int watch_print(struct store *s, const struct watch_request *want, FILE *out, bool *weaker,
    struct err *e) ERR_CHECKED;

#endif
