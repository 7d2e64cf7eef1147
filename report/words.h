/*
 * Causes in words: the templates of the decision table (report/cause.h), filled in with what the
 * rows show. Every text from a report is made safe for a terminal here.
 *
 * In a template {A} is the domain to sign with and publish at, {from} the From domain, {d} and
 * {key} the signature's domain and the name of its key, {other} the foreign signer, {spf} the
 * domain SPF was asked about, {who} the sender; the other words are clauses, see words.c.
 */
#ifndef REPORT_WORDS_H
#define REPORT_WORDS_H

#include "report/cause.h"

#include <stdint.h>

struct arena;
struct phrases;

/* What explains a row, kept beyond it. NULL where there is no such thing. */
struct evidence {
    const struct phrases *phrases; /* the language to say it in; NULL: English */
    const char *policy_domain, *from;
    struct addr ip;
    const struct sender *sender;
    const struct label *label;
    const char *own_dkim, *own_dkim_selector, *own_dkim_result;
    const char *other_dkim; /* domain of a good signature that is not aligned */
    const char *spf, *spf_result;
    bool spf_own;
    const char *ptr;
    enum known confirmed, residential;
    const char *policy; /* "none", "quarantine", "reject" as the report has it for this domain */
    bool strict_dkim, strict_spf;
    bool dkim_none;
    const char *arc; /* the receiver's comment */
    bool own, key_alone;
    bool recomputed, contradicts;
    bool tree_walk;
    int64_t spread;
    int64_t reporters, hosts; /* of the finding; 0: of one row */
};

/* Its strings are those of the row and its context. */
void evidence_take(const struct features *f, const char *policy, struct evidence *out);

/* Is there anything good by which the sender can be told? */
bool words_has_identity(const struct evidence *v);
/* "Twilio SendGrid", "signs as esp.example", "sends as bounces.example", "unknown host" */
const char *words_identity(struct arena *a, const struct evidence *v);
/* "SPF pass for x.example, DKIM fail for y.example" */
const char *words_results(struct arena *a, const struct evidence *v);
/* A few sentences each. */
const char *words_reason(struct arena *a, enum cause_id id, const struct evidence *v);
const char *words_remedy(struct arena *a, enum cause_id id, const struct evidence *v);

#endif
