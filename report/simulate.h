/*
 * What would happen to the mail of a period under another policy.
 */
#ifndef REPORT_SIMULATE_H
#define REPORT_SIMULATE_H

#include "report/finding.h"
#include "report/readiness.h"

#include <stdbool.h>
#include <stdio.h>

/* NULL: as it was reported. */
struct change {
    const char *p, *sp, *np;        /* "none", "quarantine", "reject" */
    const char *aspf, *adkim;       /* "r", "s" */
    bool without_spf, without_dkim; /* as if it never were aligned */
};

struct what_if {
    struct store_period period;
    struct change change;
};

struct simulation {
    const char *client, *domain; /* what was asked for; NULL: all */
    int64_t from, to;            /* days, both included */
    struct change change;
    int64_t messages;
    int64_t by_intent[INTENT_COUNT];
    int64_t hit_today[INTENT_COUNT];                           /* by the policy as reported */
    int64_t quarantined[INTENT_COUNT], rejected[INTENT_COUNT]; /* by the changed one */
    struct finding *findings; /* of the rows that would be hit, those messages only */
    size_t n_findings;
    /* of the period, as if what fails only by the change were to be fixed */
    struct readiness readiness;
    int64_t nonexistent; /* messages from names that are known not to exist: what np is about */
    const char *policy;  /* p of the row with most messages */
};

/*
 * Everything lives in the arena. A row that lists no signature (or no SPF result) but counts as
 * aligned stays so under a strict mode: nothing says more.
 */
int simulate(struct store *s, const struct what_if *w, const struct report_settings *set,
    struct arena *a, struct simulation *out, struct err *e) ERR_CHECKED;

/* "Ready for p=reject: ...", by the number of the readiness. */
const char *simulation_verdict(struct arena *a, const struct simulation *s);

void render_simulation_text(const struct simulation *s, FILE *out);
void render_simulation_json(const struct simulation *s, FILE *out);

#endif
