/*
 * The normal form: what a report says, whoever sent it and however it was spelled. Read this first.
 *
 * Conventions
 *  - A string is NULL when the report does not have it and "" when it is there and empty. All
 * strings are valid UTF-8 without NUL, trimmed, at most LIMIT_FIELD bytes (parse/limits.h).
 *  - `x` is the normalised value, `x_sent` what the report had (trimmed), where the two can differ.
 *  - Times are seconds since 1970, UTC. Counts are messages, 0 .. 2^53.
 *  - Nothing is invented: a default that a reader has to know (adkim = r, scope = mfrom ...) is not
 * filled in here.
 *  - Everything lives in an arena of the reader and is valid only during the call that hands it
 * over (parse/flow.h).
 */
#ifndef PARSE_MODEL_H
#define PARSE_MODEL_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How well a report could be read. Ordered: a later grade is worse. */
enum grade {
    GRADE_CLEAN,      /* nothing to remark */
    GRADE_NORMALISED, /* spelled oddly, the meaning is certain */
    GRADE_RECOVERED,  /* damaged or contradictory in places; what is kept was really said */
    GRADE_PARTIAL,    /* cut off: complete records are kept, the end is missing */
    GRADE_REFUSED     /* nothing usable */
};

const char *grade_name(enum grade g); /* "clean", "normalised", "recovered", "partial", "refused" */
bool grade_parse(const char *name, enum grade *out);

/* One thing that was repaired or remarked, see parse/quirks.h for all codes. */
struct note {
    const char *code;   /* static, stable: "SP_EMPTY" */
    const char *detail; /* of the first occurrence, or NULL */
    uint64_t times;
};

struct notes {
    struct note *items;
    size_t n;
};

enum report_kind {
    REPORT_AGGREGATE,
    REPORT_FAILURE,
    REPORT_TLS
};

const char *report_kind_name(enum report_kind kind); /* "aggregate", "failure", "tls" */

/* Fails safe: a word we do not know, or none, is VERDICT_UNKNOWN, which counts as not aligned and
 * is never pass. */
enum verdict {
    VERDICT_UNKNOWN,
    VERDICT_FAIL,
    VERDICT_PASS
};

/* RFC 9990 adds pass ("no action, the message passed an enforcing policy"). A word we do not know
 * is unknown, never reject. */
enum disposition {
    DISPOSITION_UNKNOWN,
    DISPOSITION_NONE,
    DISPOSITION_PASS,
    DISPOSITION_QUARANTINE,
    DISPOSITION_REJECT
};

const char *verdict_name(enum verdict v); /* "unknown", "fail", "pass" */
const char *disposition_name(
    enum disposition d); /* "unknown", "none", "pass", "quarantine", "reject" */

/* Our guess; decides remarks, never how a value is read (RFC 9990 cannot be told by version). */
enum dialect {
    DIALECT_DRAFT, /* "0.1": dmarc.org before 2015 */
    DIALECT_RFC7489,
    DIALECT_RFC9990
};

const char *dialect_name(enum dialect d); /* "draft", "rfc7489", "rfc9990" */

/* One <dkim> or <spf> of auth_results. `result` is lower case, aliases mapped (hardfail = fail,
 * unknown = temperror, error = permerror); a word nobody knows is kept. Only the exact word "pass"
 * is a pass. */
struct auth_result {
    const char *domain; /* normalised */
    const char *domain_sent;
    const char *selector; /* DKIM only */
    const char *scope;    /* SPF only, lower case: "mfrom", "helo" */
    const char *result;
    const char *result_sent;
    const char *human_result;
};

struct override_reason {
    const char *type; /* lower case, as sent otherwise: any word */
    const char *type_sent;
    const char *comment;
};

/* One <record>: messages of one source that were treated alike. */
struct aggregate_record {
    struct addr source_ip; /* len 0: missing or not an address */
    const char *source_ip_sent;
    int64_t count;

    /* row/policy_evaluated: the DMARC layer, the only one that decides pass (RFC 7489 7.2, RFC
     * 9990 3.1) */
    enum disposition disposition;
    const char *disposition_sent;
    enum verdict dkim; /* aligned DKIM */
    const char *dkim_sent;
    enum verdict spf; /* aligned SPF */
    const char *spf_sent;
    struct override_reason *reasons;
    size_t n_reasons;

    /* identifiers */
    const char *header_from; /* normalised */
    const char *header_from_sent;
    const char *envelope_from; /* NULL: not said; "": null reverse-path */
    const char *envelope_from_sent;
    const char *envelope_to;
    const char *envelope_to_sent;

    /* auth_results: the raw layer */
    struct auth_result *dkims;
    size_t n_dkims;
    struct auth_result *spfs;
    size_t n_spfs;

    const char *extension; /* namespaced elements below <record>, XML as it came, or NULL */
};

/* policy_published. The words are lower case; a value that is not one of the RFC's is NULL in `x`
 * and kept in `x_sent`. */
struct policy {
    const char *domain; /* the DMARC policy domain, normalised */
    const char *domain_sent;
    const char *adkim, *adkim_sent; /* "r", "s" */
    const char *aspf, *aspf_sent;
    const char *p, *p_sent; /* "none", "quarantine", "reject" */
    const char *sp, *sp_sent;
    const char *np, *np_sent;
    const char *pct, *pct_sent; /* 0..100 as text */
    const char *fo;
    const char *testing, *testing_sent; /* "y", "n"; also read from <t> */
    const char *discovery_method;       /* "psl", "treewalk" */
};

/*
 * An aggregate report without its records. `records`, `messages`, `dropped`, notes and grade are
 * final only at the end. Identity (RFC 9990 3.1.4 promises uniqueness only per domain, so):
 * reporter, policy domain, report_id, begin, end.
 */
struct aggregate_report {
    enum dialect dialect;
    const char *version;
    const char *xml_namespace; /* as declared on the root */

    const char *org_name;
    const char *email;
    const char *extra_contact_info;
    const char *report_id; /* without surrounding <>, else exact */
    const char *report_id_sent;
    int64_t begin, end; /* begin <= end */
    const char *begin_sent, *end_sent;
    const char **errors; /* report_metadata/error */
    size_t n_errors;
    const char *generator;
    const char *reporter; /* key: registrable domain of email, else of the submitter, else org_name;
                             lower case, never NULL */

    struct policy policy;
    const char *extension; /* file-level, XML as it came */

    int64_t records;  /* delivered */
    int64_t messages; /* sum of their counts */
    int64_t dropped;  /* records that could not be used */
    struct notes notes;
    enum grade grade;
};

/* ---- failure reports (RFC 6591, RFC 9991; ARF, RFC 5965) ---- */

struct header_field {
    const char *name;
    const char *value; /* unfolded */
};

struct failure_report {
    const char *feedback_type; /* lower case; NULL if not said */
    const char *version;
    const char *user_agent;
    const char *original_envelope_id;
    const char *original_mail_from;
    const char *original_rcpt_to; /* first */
    const char *arrival_date_sent;
    int64_t arrival; /* from Arrival-Date, Received-Date or the mail's Date; -1: unknown */
    const char *mail_date_sent; /* the Date field of the report mail */
    const char *message_id;     /* of the feedback part, else of the original */
    const char *authentication_results;
    struct addr source_ip;
    const char *source_ip_sent;
    const char *delivery_result; /* as sent */
    const char *auth_failure;    /* comma list as sent, lower case */
    const char *identity_alignment;
    const char *reported_domain; /* normalised: Reported-Domain, else the original's From */
    const char *dkim_domain, *dkim_selector, *dkim_identity;
    const char *spf_dns;
    int64_t incidents;           /* RFC 6591 3.1; 1 if not said */
    struct header_field *fields; /* every field of the feedback part (or line of a text-only
                                    report), in order, whole */
    size_t n_fields;
    struct header_field *sample_headers; /* of the original mail, in order */
    size_t n_sample_headers;
    const char *sample; /* the original as it came, bounded, or NULL */
    size_t sample_len;
    bool headers_only;
    const char *reporter; /* key as above, from the report mail's From */
    struct notes notes;
    enum grade grade;
};

/* ---- SMTP TLS reports (RFC 8460) ---- */

struct tls_failure {
    const char *result_type;
    const char *sending_mta_ip;
    const char *receiving_mx_hostname;
    const char *receiving_mx_helo;
    const char *receiving_ip;
    int64_t sessions;
    const char *additional_information; /* additional-information or additional-info-uri */
    const char *reason_code;
};

struct tls_policy {
    const char *type;
    const char **strings;
    size_t n_strings;
    const char *domain; /* normalised */
    const char *domain_sent;
    const char **mx_hosts; /* mx-host or mx-host-pattern, string or list */
    size_t n_mx_hosts;
    int64_t successful, failed; /* sessions */
    struct tls_failure *failures;
    size_t n_failures;
};

struct tls_report {
    const char *organization_name;
    const char *contact_info;
    const char *report_id;
    int64_t begin, end;
    const char *begin_sent, *end_sent;
    struct tls_policy *policies;
    size_t n_policies;
    const char *reporter;
    struct notes notes;
    enum grade grade;
};

#endif
