/*
 * What is different between two states of what a domain has published, and whether that weakens its
 * protection.
 */
#ifndef CHECK_CHANGES_H
#define CHECK_CHANGES_H

#include "check/published.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* In the order in which they are shown. */
enum published_rank {
    PUBLISHED_WEAKER,  /* a record is gone that protected, or it protects less */
    PUBLISHED_CHANGED, /* different */
    PUBLISHED_STRONGER,
    PUBLISHED_NEW, /* a finding that was not there */
    PUBLISHED_GONE /* a finding that is not there any more */
};

const char *published_rank_name(enum published_rank r); /* "weaker", "changed", ... */

struct published_change {
    enum published_rank rank;
    const char *kind;         /* of the record; "finding" */
    const char *name;         /* of the record; the finding's id */
    const char *before, *now; /* the record's texts; NULL: none */
    const char *message;      /* what that means, in words */
};

struct published_changes {
    struct published_change *items; /* by rank, then as in the records */
    size_t n;
};

/*
 * Records that only one state has looked at are not compared, nor are findings when the checks were
 * made in different ways: no difference is told that may be none. Everything lives in the arena or
 * in the states.
 */
void published_compare(struct arena *a, const struct published *before, const struct published *now,
    struct published_changes *out);

#endif
