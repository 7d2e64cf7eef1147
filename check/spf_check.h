/*
 * What is wrong with the SPF of a domain: the findings SPF-01 to SPF-34, and X-08 for includes.
 */
#ifndef CHECK_SPF_CHECK_H
#define CHECK_SPF_CHECK_H

#include "check/spf_tree.h"

#include <stdbool.h>

struct subject;

/* What other checks and the reports know. All zero: nothing. */
struct spf_context {
    bool dmarc_is_none; /* the domain has a DMARC policy, and it is none */
    bool parked;        /* the domain neither takes nor sends mail */
    /* addresses that sent mail From the domain in the 90 days before now, legitimate or not */
    const struct spf_source *sources;
    size_t n_sources;
    bool sources_complete; /* reports cover all of the 90 days */
    unsigned patience_ms;  /* with the DNS; 0: SPF_TREE_MS */
};

struct spf_outcome {
    struct spf_tree tree;
    struct spf_flat flat;
};

/* Findings go to the subject's, whose history (check/history.h) may be there, too. */
void spf_check(struct subject *s, const struct spf_context *c, struct spf_outcome *out);

/* What the record at the domain says of its senders, at a glance. */
struct spf_glance {
    bool record; /* there is one */
    bool nobody; /* it lets nobody pass: "all" is its only mechanism, and no pass */
    bool mx;     /* the domain's own MX hosts send */
};

struct spf_glance spf_glance(struct subject *s);

/* ---- for check/spf_check.c only ---- */

/* One check in work. */
struct spf_checking {
    struct subject *subject;
    const struct spf_context *context;
    const struct spf_tree *tree;
};

/* The findings about single terms of one record (check/spf_terms.c). */
void spf_check_terms(const struct spf_checking *c, const struct spf_node *n);

/* Where the finding that was added last is: record, and offset in it. */
void spf_place(const struct spf_checking *c, const struct spf_node *n, size_t offset);

/* A term as it can be shown: escaped, and cut. */
const char *spf_shown(const struct spf_checking *c, const struct spf_term *t);

#endif
