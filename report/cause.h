/*
 * Why messages of a source passed or failed, and what the owner of the domain can do: coarse, read
 * off the report alone, and never wrong rather than always clever.
 *
 * One rule above all: no remedy ever says to put an address into an SPF record. From a report alone
 * a forwarder, a stranger and a forgotten server of one's own look alike.
 */
#ifndef REPORT_CAUSE_H
#define REPORT_CAUSE_H

#include "parse/model.h"
#include "store/auth.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;

/* In the order in which the table is asked: the first that fits is it. */
enum cause_id {
    CAUSE_OK,
    CAUSE_OK_SPF_ONLY,
    CAUSE_NO_VERDICT,
    CAUSE_FORWARDED,
    CAUSE_DNS_TEMPORARY,
    CAUSE_DKIM_STRICT,
    CAUSE_SPF_STRICT,
    CAUSE_RECEIVER_DISAGREES,
    CAUSE_DKIM_BROKEN,
    CAUSE_SIGNED_BY_OTHER,
    CAUSE_SENT_BY_OTHER,
    CAUSE_SPF_BROKEN,
    CAUSE_SPF_FAILS,
    CAUSE_UNAUTHENTICATED,
    CAUSE_COUNT
};

/* Stable words for programs: "ok", "signed-by-other" ... */
const char *cause_name(enum cause_id id);
bool cause_parse(const char *name, enum cause_id *out);
bool cause_is_pass(enum cause_id id);

/* What a group of records shows, as it is handed in. */
struct signs {
    const char *domain;     /* the From domain, normalised */
    enum verdict dkim, spf; /* the DMARC layer */
    const struct auth_results *auth;
    const struct override_reason *reasons;
    size_t n_reasons;
    bool strict_dkim, strict_spf; /* the policy published adkim=s, aspf=s */
    const char *policy; /* "none", "quarantine", "reject" for this domain; NULL: unknown */
    int64_t reporters;  /* receivers that say the same */
};

/*
 * What of it explains the cause. NULL where there is no such thing. The strings are those of the
 * signs.
 */
struct evidence {
    const char *domain;
    const char *own_dkim; /* a signature whose domain belongs with the From domain */
    const char *own_dkim_selector;
    const char *own_dkim_result;
    const char *other_dkim; /* domain of a good signature that does not */
    const char *spf;        /* the domain SPF was asked about */
    const char *spf_result;
    bool spf_own;
    const char *policy;
    int64_t reporters; /* at least so many say the same */
    bool overruled;    /* p=none, and receivers did something against it all the same */
};

enum cause_id cause_find(const struct signs *s, struct evidence *out);

/* Is there something that the owner of the domain could do, if the sender is theirs? */
bool cause_is_repairable(enum cause_id id, const struct evidence *v);

/* Is there anything good by which the sender can be told? */
bool cause_has_identity(const struct evidence *v);
/* "signs as esp.example", "sends as bounces.example", "unknown host" */
const char *cause_identity(struct arena *a, const struct evidence *v);
/* "SPF pass for x.example, DKIM fail for y.example" */
const char *cause_results(struct arena *a, const struct evidence *v);
/* One or two sentences each. */
const char *cause_reason(struct arena *a, enum cause_id id, const struct evidence *v);
const char *cause_remedy(struct arena *a, enum cause_id id, const struct evidence *v);

#endif
