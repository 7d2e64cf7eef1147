/*
 * What the store knows of domains, for their check: a bridge between store/store.h and
 * check/history.h.
 */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include "base/err.h"
#include "check/history.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct store;

struct history_request {
    const char *client; /* NULL: all */
    /* From domains, normalised */
    const char *const *domains;
    size_t n;
    int64_t now; /* seconds */
};

/*
 * Reads the last 90 days of records, and the last 400 of policies. *out has n entries, in the order
 * of the domains; those that no report is about have no messages. Everything lives in the arena.
 */
int history_read(struct store *s, const struct history_request *want, struct arena *a,
    struct check_history **out, struct err *e) ERR_CHECKED;

#endif
