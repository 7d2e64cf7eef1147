/*
 * What else came in beside aggregate reports: TLS reports (RFC 8460), added up by domain and kind
 * of failure, and failure reports (RFC 6591), added up by what they show. Of failure reports only
 * what the operator kept is there (parse/redact.h).
 */
#ifndef REPORT_BESIDE_H
#define REPORT_BESIDE_H

#include "base/addr.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct store;
struct store_period;

enum {
    TLS_KINDS_MAX = 32 /* per domain; the rest is added up in the last one */
};

struct tls_kind {
    const char *policy_type; /* "sts", "tlsa", "no-policy-found", or what was sent */
    const char *result_type; /* RFC 8460 4.3; NULL: not said */
    int64_t sessions;
};

struct tls_domain {
    const char *name;
    int64_t reports, reporters;
    int64_t successful, failed; /* sessions */
    struct tls_kind *kinds;     /* most sessions first */
    size_t n_kinds;
};

struct failure_kind {
    const char *domain;
    struct addr source_ip;
    const char *auth_failure;    /* "dkim,spf"; NULL: not said */
    const char *delivery_result; /* NULL: not said */
    const char *mail_from;       /* of the last one, as it was kept; NULL: not kept */
    const char *reporter;        /* of the last one */
    int64_t reports, incidents;
    int64_t last; /* seconds; -1: not said */
};

struct beside {
    struct tls_domain *tls; /* most failed sessions first */
    size_t n_tls;
    struct failure_kind *failures; /* most incidents first */
    size_t n_failures;
    int64_t failure_reports, failure_incidents;
};

/* Everything lives in the arena. */
int beside_build(struct store *s, const struct store_period *p, struct arena *a, struct beside *out,
    struct err *e) ERR_CHECKED;

#endif
