/*
 * What a domain has published, as far as it is kept from one check to the next: the texts of its
 * records, and the ids of what was found.
 */
#ifndef CHECK_PUBLISHED_H
#define CHECK_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct check_result;
struct sts_policy;

/*
 * Kinds: "domain" (text: "exists"), "mx", "spf", "dmarc", "dkim", "mta-sts", "mta-sts-policy",
 * "tls-rpt", "bimi". Several records at one name are several lines of one text, in order.
 */
struct published_record {
    const char *kind;
    const char *name;
    const char *text; /* fit for showing (finding_escape); NULL: looked at, and there is nothing */
};

struct published {
    const struct published_record *records; /* no two of a kind and name */
    size_t n;
    const char *const *findings; /* ids, in order, each once */
    size_t n_findings;
    /* How the check was made: findings of other scopes cannot be compared. NULL: what was found is
     * not known, because others (of an include, say) did not answer. */
    const char *scope;
};

enum {
    PUBLISHED_KEYS_MAX = 200 /* DKIM keys that are remembered without having been looked at */
};

/*
 * Takes it from a check. False when it is not known, because the DNS did not answer for one of the
 * domain's own records: a state that is no state of the domain.
 */
bool published_of(
    struct arena *a, const struct check_result *r, const char *scope, struct published *out);

/* The text of an MTA-STS policy, as it is kept. */
const char *published_policy(struct arena *a, const struct sts_policy *p);

/* NULL: it was not looked at. */
const struct published_record *published_find(
    const struct published *p, const char *kind, const char *name);

/*
 * What `before` knows and `now` did not look at (a key whose selector nobody named this time, a
 * policy that was not fetched) is taken to be as it was; so are findings that are not known.
 */
void published_carry(struct arena *a, const struct published *before, struct published *now);

#endif
