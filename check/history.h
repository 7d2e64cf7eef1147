/*
 * What reports have shown of a domain: some findings need it, all can do without. Who has a store
 * fills it in (cli/history.h). Zero and NULL mean that it is not known.
 */
#ifndef CHECK_HISTORY_H
#define CHECK_HISTORY_H

#include "check/spf_tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A signature seen in reports about mail From the domain. */
struct history_signature {
    const char *domain;   /* d= */
    const char *selector; /* s= */
    int64_t messages;
    int64_t passed;      /* of them */
    int64_t first, last; /* seconds: begin of the first and of the last report with it */
    int64_t below;       /* of the messages: i= names a subdomain of d= */
};

/* A domain that SPF was asked about, for mail From the domain. */
struct history_envelope {
    const char *domain;
    int64_t messages;
    int64_t passed;
    int64_t permerrors;
    int64_t unsigned_messages; /* of the permerrors: without an aligned signature */
};

/* A policy as reports say it was published, one for each report. */
struct history_policy {
    int64_t at; /* seconds: begin of the report */
    const char *p;
    bool testing; /* t=y */
};

struct check_history {
    int64_t messages;          /* 0: no reports */
    int64_t dmarc_pass;        /* of them */
    int64_t dkim_aligned;      /* of them */
    int64_t listed;            /* of them: receivers name a mailing list */
    int64_t legitimate_failed; /* of them: failed, and by their looks the owner's own mail */
    int64_t first, last;       /* seconds: begin of the first and of the last report */
    const struct history_signature *signatures;
    size_t n_signatures;
    const struct history_envelope *envelopes;
    size_t n_envelopes;
    /* what TLS reports say of its MTA-STS policy */
    int64_t tls_first;                  /* seconds: begin of the first of them */
    int64_t tls_successful, tls_failed; /* sessions */
    /* MTA-STS record and policy at the last check, as check/published.h keeps them */
    const char *sts_record, *sts_policy;
    const struct history_policy *policies; /* oldest first */
    size_t n_policies;
    /* of the 90 days before now */
    const struct spf_source *sources; /* addresses, legitimate or not */
    size_t n_sources;
    bool sources_complete; /* reports cover all of the 90 days */
};

#endif
