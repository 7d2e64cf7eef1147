/*
 * What a row of a report shows: the features that the decision table (report/cause.h) asks for,
 * each under a name of its own. Alignment is computed anew here, as a second opinion (RFC 7489 3.1,
 * RFC 9989 4.4): the DMARC layer decides whether a message passed, the raw layer why.
 */
#ifndef REPORT_FEATURES_H
#define REPORT_FEATURES_H

#include "parse/model.h"
#include "report/identity.h"

/* A row, and what is known around it. */
struct sighting {
    const char *policy_domain;
    const char *header_from;   /* normalised; NULL or "": not said */
    const char *envelope_from; /* NULL: not said, "": null reverse-path */
    struct addr ip;
    enum verdict dkim, spf; /* the DMARC layer */
    const struct auth_results *auth;
    const struct override_reason *reasons;
    size_t n_reasons;
    bool strict_dkim, strict_spf; /* adkim=s, aspf=s in the report */
    bool tree_walk;    /* the receiver looks for the organisation in the DNS (RFC 9989 4.10) */
    bool distrust_spf; /* the reporter is known to copy raw SPF results into the DMARC layer */
    const struct context *context; /* never NULL */
};

/* What the last 30 days show (report/history.h); all zero: nothing. */
struct past {
    bool home_known;   /* HOME(d,s): this key is known to pass together with aligned SPF ... */
    bool at_home;      /* ... and this network is one from which it does */
    bool key_alone;    /* this key is seen from this network only, by several receivers and days */
    bool seen;         /* SEEN: the source had rows that pass */
    bool seen_spf;     /* and SPF was aligned in some */
    bool sender_seen;  /* the mail service had rows that pass */
    bool sender_signs; /* some of them signed for the domain by the service: its key is published */
    int64_t spread;    /* SPREAD: networks with the same unsigned failures */
};

struct features {
    const struct sighting *row;
    const struct context *known;
    const char *from;              /* A */
    const char *from_organisation; /* NULL until it was asked for */
    bool usable;                   /* A is a name at or below the policy domain */

    bool pass, da, sa; /* PASS, DA, SA */
    bool recomputed; /* they are ours: the report has none, or its reporter is not to be trusted */

    bool dk_ok_al_r, dk_ok_al_m;
    bool dk_fail_al; /* fail, policy, neutral */
    bool dk_perm_al; /* permerror */
    bool dk_tmp_al;
    bool dk_ok_other, dk_none;
    const struct auth_result *own_key; /* an aligned signature: a passing one, else a broken one */
    const struct auth_result *other_key; /* a passing one that is not aligned */
    const char *onmicrosoft; /* d= of a passing signature by the tenant's or account's own domain */
    const char *gappssmtp;

    const char *spf_res, *spf_dom; /* NULL: none */
    bool spf_own;                  /* relaxed-aligned */
    bool spf_al_m;                 /* aligned under aspf */
    bool null_from;

    const struct sender *src;
    const struct label *label;
    enum sender_kind kind; /* of src; SENDER_OTHER: none */
    bool cap;

    bool own, in_spf; /* OWN, INSPF */
    bool fwd, list;   /* FWD, LIST */
    const char *arc;  /* the comment that says arc=pass */

    struct past past;
};

/* Everything but `past`, which the caller fills in. Strings are those of the sighting. */
void features_read(const struct sighting *s, const struct identities *ids, struct features *out);

/* By the results that are listed it should have passed, but the receiver says it did not. */
bool features_contradict(const struct features *f);

#endif
