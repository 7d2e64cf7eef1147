/*
 * What `check` has seen change in what the domains publish, within the period of a report.
 */
#ifndef REPORT_PUBLISHED_H
#define REPORT_PUBLISHED_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct store;
struct store_period;

struct publishing {
    const char *domain;
    int64_t at;       /* seconds: the check that saw it first */
    const char *rank; /* "weaker", "changed", "stronger", "new", "gone": see schema/README.md */
    const char *kind; /* "dmarc", "spf" ...; "finding" */
    const char *name; /* of the record; id of the finding */
    const char *before, *now; /* texts of the record, or NULL */
    const char *message;
};

struct published_in_period {
    struct publishing *list; /* weaker first, then by domain and time */
    size_t n;
};

/* Everything lives in the arena. */
int published_build(struct store *s, const struct store_period *p, struct arena *a,
    struct published_in_period *out, struct err *e) ERR_CHECKED;

#endif
