/*
 * What clients' domains had published when they were checked. A state is kept once, with the time
 * it was seen first and last: a check every day does not fill the table. What a state consists of,
 * and whether two are the same, is not known here.
 */
#ifndef STORE_CHECKS_H
#define STORE_CHECKS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct store;
struct store_period;

struct store_check {
    const char *client, *domain;
    int64_t checked_at, last_seen; /* seconds */
    const char *content;           /* packed (store/pack.h) */
    const char *changes;           /* likewise, against the state before; NULL: it is the first */
};

struct store_checked {
    const char *domain; /* normalised; one that belongs to no client is left out */
    int64_t at;         /* seconds */
};

struct store_check_answer {
    const char *content;
    const char *changes; /* NULL: the state is the same as `last`, or the first */
};

/*
 * Keeps n checks, in one transaction. `decide` gets the state that domain i was in last (NULL:
 * none), and says what is to be kept; what it hands out lives until it is called again.
 * ERR_TEMPORARY when domains were assigned meanwhile: nothing is kept then.
 */
int store_checks_keep(struct store *s, const struct store_checked *list, size_t n,
    void (*decide)(
        void *context, size_t i, const struct store_check *last, struct store_check_answer *out),
    void *context, struct err *e) ERR_CHECKED;

/* States that were seen first within the period; by client, domain and time. */
int store_checks(struct store *s, const struct store_period *p,
    int (*row)(void *context, const struct store_check *c), void *context,
    struct err *e) ERR_CHECKED;

#endif
