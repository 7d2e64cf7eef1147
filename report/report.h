/*
 * What a client is sent: the numbers of one client and one period, and what is to be made of them,
 * built once from the store; the formats (report/render.h) only write it down.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "base/addr.h"
#include "base/err.h"
#include "report/beside.h"
#include "report/coverage.h"
#include "report/finding.h"
#include "report/look.h"
#include "report/published.h"
#include "report/readiness.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct changes;
struct store;
struct store_period;

struct report_totals {
    int64_t reports, reporters, records; /* the rest are messages */
    int64_t messages;
    int64_t dmarc_pass, dmarc_fail; /* dmarc_pass: DKIM or SPF aligned, whatever was done */
    int64_t spf_aligned, dkim_aligned;
    struct report_actions actions;
};

struct report_domain {
    const char *name;
    const char *policy;            /* p of the latest report that says it; NULL: none does */
    bool policy_changed;           /* other reports of the period say another p */
    const char *sp, *adkim, *aspf; /* likewise of the latest that says them */
    struct report_totals totals;
    struct readiness readiness;
};

/* Messages of a source that have the same cause. */
struct report_share {
    enum cause_id cause;
    int64_t records, messages;
    int64_t dmarc_pass, spf_aligned, dkim_aligned;
    struct report_actions actions;
    int64_t first, last; /* begin of the first and the last report with it */
    int64_t heaviest;    /* messages of the row that the evidence is of */
    struct evidence evidence;
};

struct report_source {
    const char *domain;
    struct addr ip;          /* len 0: the reports do not say */
    struct report_share all; /* its cause: of most of the messages that failed, or of all if none
                              * did; its evidence: of the largest row, for who it is */
    struct report_share *shares;
    size_t n_shares;
    size_t main;       /* of the shares: the one that `all` has its cause from */
    int64_t reporters; /* receivers that saw it */
};

/* A report that did not come in whole, had to be repaired, or is left out as doubtful. */
struct report_remark {
    const char *reporter, *domain, *report_id;
    int64_t begin;
    bool partial;      /* cut off */
    bool counts;       /* else it was left out: as partial, or as doubtful */
    const char *notes; /* codes, comma-separated (parse/quirks.h) */
};

struct client_report {
    const char *client; /* NULL: all */
    int64_t from, to;   /* days, both included */
    struct report_totals totals;
    int64_t untrusted; /* messages of doubtful reports, whether they are in the totals or not */
    struct report_domain *domains; /* by name */
    size_t n_domains;
    struct report_source *sources; /* most failed messages first */
    size_t n_sources;
    size_t n_failing;         /* that many at the front have failed messages */
    struct finding *findings; /* what to look at first, first */
    size_t n_findings;
    struct report_remark *remarks; /* by domain and begin */
    size_t n_remarks;
    /* what report_complete adds */
    struct coverage coverage;
    struct beside beside;
    struct published_in_period published;
    const struct changes *changes; /* NULL: report_build made this */
    struct look look;              /* for whoever writes it down; all zero unless set */
};

/* Everything in *out lives in the arena, and in the settings. A period without reports gives a
 * report full of zeros. All of it is of one moment, whatever is stored meanwhile. */
int report_build(struct store *s, const struct store_period *p, const struct report_settings *set,
    struct arena *a, struct client_report *out, struct err *e) ERR_CHECKED;

/* The same with what stands around it in what a client is sent: who reported, TLS and failure
 * reports, what the domains publish now, and what changed against the period before. */
int report_complete(struct store *s, const struct store_period *p,
    const struct report_settings *set, struct arena *a, struct client_report *out,
    struct err *e) ERR_CHECKED;

/* The days before a period that it is compared with: the month before a calendar month, else as
 * many days. */
void report_period_before(int64_t from, int64_t to, int64_t *before_from, int64_t *before_to);

const struct report_domain *report_domain_find(const struct client_report *r, const char *name);
int64_t report_source_failed(const struct report_source *s);

/* "2026-W47" when it is one whole ISO week, "2026-11" when it is one calendar month, else
 * "2026-11-16_2026-11-20". */
enum {
    REPORT_PERIOD_MAX = 40
};

void report_period_name(int64_t from, int64_t to, char out[REPORT_PERIOD_MAX]);

#endif
