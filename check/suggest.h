/*
 * Records to publish: where a domain should be, starting from what it has published and from who
 * sends its mail. Only senders that somebody vouches for come in: never a forwarder, a list or a
 * stranger.
 */
#ifndef CHECK_SUGGEST_H
#define CHECK_SUGGEST_H

#include "check/spf_tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct check_result;
struct dns;

/* A mail service, or network of the owner's, that reports show to send mail From the domain. */
struct suggest_sender {
    const char *name;
    /* what SPF at the domain says of it: "include:_spf.vendor.example"; none: it must not, or need
     * not, or nobody knows which */
    const char *const *terms;
    size_t n_terms;
    const char *spf_hint; /* the vendor's words, when there are no terms; NULL */
    const char
        *dkim_hint;    /* what its DKIM records look like; NULL: it cannot sign for the domain */
    const char *where; /* in its panel; NULL */
    int64_t messages, passed, dkim_aligned; /* as far as SPF and DKIM are about this domain */
    const struct spf_source *sources;
    size_t n_sources;
};

struct suggest_facts {
    const struct suggest_sender *senders;
    size_t n;
    bool seen;             /* there are reports */
    bool ready;            /* for the next policy */
    const char *readiness; /* a sentence; NULL: nothing is known */
    const char *rua;       /* for a record that has none: "mailto:..."; NULL */
};

enum suggest_state {
    SUGGEST_KEEP,   /* it is published already */
    SUGGEST_CHANGE, /* in place of what is there */
    SUGGEST_ADD,    /* there is nothing yet */
    SUGGEST_BY_HAND /* a person has to get the values, or to decide */
};

const char *suggest_state_name(enum suggest_state s); /* "keep", "change", "add", "by hand" */

struct suggest_line {
    enum suggest_state state;
    const char *name;  /* of the record */
    const char *type;  /* "TXT", "MX"; NULL: there is no single record */
    const char *value; /* as it is to be published; BY_HAND: what it looks like */
    const char *now;   /* what is published, fit for showing; NULL */
    const char *why;   /* one line */
};

enum suggest_policy {
    SUGGEST_POLICY_UNKNOWN, /* the record above applies, or the DNS did not answer */
    SUGGEST_POLICY_ABSENT,
    SUGGEST_POLICY_NONE,
    SUGGEST_POLICY_QUARANTINE,
    SUGGEST_POLICY_REJECT
};

struct suggestion {
    struct suggest_line *lines;
    size_t n;
    unsigned lookups; /* of the suggested SPF record; 0 where none is suggested */
    bool parked;
    enum suggest_policy policy; /* today's, in effect */
};

/* Today's policy of the domain itself, as RFC 9989 has it (t=y is none). */
enum suggest_policy suggest_policy_of(const struct check_result *r);

/* For a domain that was answered. Asks the DNS what new includes cost. Everything lives in the
 * arena or in what was given. */
void suggest(struct dns *dns, const struct check_result *r, const struct suggest_facts *facts,
    struct arena *a, struct suggestion *out);

#endif
