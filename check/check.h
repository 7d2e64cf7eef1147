/*
 * What a domain has published, read and judged: all records of one domain, and many domains side by
 * side.
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "base/err.h"
#include "check/bimi.h"
#include "check/dkim.h"
#include "check/dmarc.h"
#include "check/mx.h"
#include "check/spf_check.h"
#include "check/sts.h"
#include "check/subject.h"
#include "check/tlsrpt_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct check_history;

/* A name to check, and what reports know of it. */
struct check_target {
    const char *name;                    /* as it was given */
    const struct check_history *history; /* NULL: nothing */
};

struct check_settings {
    struct dns *dns;
    /* as in struct subject; NULL: policies, logos and certificates are not looked at */
    int (*fetch)(void *context, const char *url, size_t max, struct arena *a, struct fetched *out,
        struct err *e);
    void *fetch_context;
    struct dkim_wanted dkim;
    bool each_server; /* ask the name servers of each domain, too, one by one (port 53) */
    int64_t now;      /* seconds */
    unsigned jobs;    /* domains at a time; 0: CHECK_JOBS */
};

enum {
    CHECK_JOBS = 100,
    CHECK_JOBS_MAX = 1000
};

struct check_result {
    const char *given;  /* as it was given */
    const char *domain; /* normalised; NULL: it is no domain name, and nothing else is filled in */
    bool exists;        /* or it is not known */
    bool answered;      /* else the DNS says nothing about it, and no records are filled in */
    bool parked;        /* it neither takes nor sends mail */
    const struct check_history *history; /* that of the target */
    struct mx_result mx;
    struct dmarc_result dmarc;
    struct spf_outcome spf;
    struct dkim_result dkim;
    struct sts_result sts;
    struct tlsrpt_result tlsrpt;
    struct bimi_result bimi;
    struct findings findings; /* in order of presentation */
    size_t questions;         /* to the DNS */
};

/* One domain; everything in *out lives in the arena. Thread-safe. */
void check_domain(const struct check_settings *set, const struct check_target *target,
    struct arena *a, struct check_result *out);

/*
 * Many domains. `done` is called for each, in the order given, in the caller's thread; other than 0
 * ends the run and is returned. What it gets is valid during the call.
 */
int check_run(const struct check_settings *set, const struct check_target *targets, size_t n,
    int (*done)(void *context, const struct check_result *r, struct err *e), void *context,
    struct err *e) ERR_CHECKED;

#endif
