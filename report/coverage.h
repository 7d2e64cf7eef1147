/*
 * Who reported, and when: what the numbers of a report can be trusted to cover.
 */
#ifndef REPORT_COVERAGE_H
#define REPORT_COVERAGE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct store;
struct store_period;

enum {
    COVERAGE_BEFORE = 28,    /* days before the period, for who used to report */
    COVERAGE_DAYS_MAX = 366, /* of the period, else there are no single days */
    COVERAGE_USUAL_DAYS = 4  /* who reported on so many of them is missed when silent */
};

struct coverage_day {
    int64_t day;
    int64_t reports, messages, passed;
};

struct coverage_reporter {
    const char *name;
    int64_t reports, messages; /* of the period */
    int64_t days;              /* of the period, with a report that begins on it */
    int64_t days_before;       /* the same, of the weeks before */
    int64_t last;              /* day of the last report */
};

struct coverage {
    struct coverage_day *days; /* each day of the period, with reports or without */
    size_t n_days;
    size_t n_empty; /* of them */
    /* most messages first, then who wrote only before: at the end, with reports = 0 */
    struct coverage_reporter *reporters;
    size_t n_reporters, n_silent; /* the silent ones, who used to report, are the last */
};

/* Of reports that count. Everything lives in the arena. */
int coverage_build(struct store *s, const struct store_period *p, struct arena *a,
    struct coverage *out, struct err *e) ERR_CHECKED;

#endif
