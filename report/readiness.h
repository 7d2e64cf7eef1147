/*
 * May a domain's policy be made stricter? The readiness number: the share of failures among the
 * mail that somebody means to send (FIX, NONCAPABLE and FORWARD-broken, of all but SPOOF and
 * UNKNOWN).
 */
#ifndef REPORT_READINESS_H
#define REPORT_READINESS_H

#include "report/finding.h"

#include <stdbool.h>

struct phrases;

enum {
    READINESS_REPORTERS = 3,
    READINESS_DAYS = 28,
    READINESS_PER_MESSAGES = 1000 /* fewer than one failure in so many: below 0.1 % */
};

/* Fed with all rows of a domain that were judged: 30 days, or the period if that is longer. */
struct readiness {
    int64_t classes[CLASS_COUNT]; /* messages */
    int64_t first, last;          /* begin of the first and the last report, seconds */
    int64_t reporters;
};

int64_t readiness_failing(const struct readiness *r);    /* that would be hit */
int64_t readiness_legitimate(const struct readiness *r); /* all of it */
int64_t readiness_days(const struct readiness *r);       /* that the reports span */
bool readiness_ready(const struct readiness *r);

/* The policy after this one; NULL: there is none. */
const char *readiness_next(const char *policy);

/* "Ready for p=quarantine: 0.04 % of legitimate mail would be hit (28 days, 9 receivers)." Or what
 * is missing. `policy` is today's, or NULL; `target` the one in question, NULL: the next step. */
const char *readiness_words(struct arena *a, const struct phrases *p, const struct readiness *r,
    const char *policy, const char *target);

/* Messages of a class added to one of four: legitimate, forwarded, spoofed, unknown. */
enum intent {
    INTENT_LEGITIMATE,
    INTENT_FORWARDED,
    INTENT_SPOOFED,
    INTENT_UNKNOWN,
    INTENT_COUNT
};

enum intent intent_of(enum cause_class class);
const char *intent_name(enum intent i); /* "legitimate" ... */

/* 12.3 %, 0.04 %, <0.01 %; "100 %" and "0 %" only when they are exact */
const char *share_words(struct arena *a, int64_t part, int64_t whole);

#endif
