/*
 * Every row of a client, with its cause: what reports, queries and simulations stand on. The rows
 * of the period are judged in the light of 30 days up to its end, or of the whole period if that is
 * longer; those before the period are handed out, too, and marked.
 *
 * The same rows and the same context give the same causes in the same order.
 */
#ifndef REPORT_JUDGE_H
#define REPORT_JUDGE_H

#include "base/err.h"
#include "report/cause.h"
#include "store/store.h"

struct arena;

enum {
    JUDGE_DAYS = 30
};

struct judgement;

/* What is known besides the store. What is made with it points into it. */
struct report_settings {
    const struct identities *identities;
    const struct enrichment *enrichment; /* or NULL */
    /* Of which rows the sources and totals are made; all are judged, all the same. NULL: of all. */
    bool (*wanted)(void *context, const struct judgement *j);
    void *context;
};

struct judgement {
    const struct store_source_row *row;
    const struct features *features; /* valid during the call */
    enum cause_id cause;
    const char
        *policy;     /* "none", "quarantine", "reject" for its From domain, as reported; or NULL */
    size_t reporter; /* a number for row->reporter, from 0 */
    bool before;     /* the row is older than the period */
};

/* Who gets them. */
struct judge_sink {
    void (*take)(void *context, const struct judgement *j);
    void *context;
};

/*
 * Hands each row to the sink, the older ones first, then in the order of store_sources. The row and
 * all strings stay valid as long as the arena.
 */
int judge_rows(struct store *s, const struct store_period *p, const struct report_settings *set,
    struct arena *a, const struct judge_sink *to, struct err *e) ERR_CHECKED;

/* RFC 7489 6.3: sp speaks for what is below the policy domain, p where there is none. */
const char *judge_policy(const char *p, const char *sp, bool below);

#endif
