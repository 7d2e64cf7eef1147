/*
 * DKIM keys of one domain. The DNS lists no selectors: they come from reports and from whoever
 * asks.
 */
#ifndef CHECK_DKIM_H
#define CHECK_DKIM_H

#include "check/dkim_key.h"
#include "check/subject.h"
#include "check/tags.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DKIM_SELECTORS_MAX = 30 /* of one domain that are looked at */
};

struct dkim_selector {
    const char *selector;
    const char *domain; /* d=: the domain, or one of its organisation that signs for it */
    const char *name;   /* of the record */
    struct dns_answer answer;
    const struct dns_record *record; /* the first that holds a key; NULL: none does */
    struct tags tags;                /* of it */
    bool has_key;
    struct dkim_key key;
    bool revoked;      /* p= is empty */
    int64_t messages;  /* in reports */
    int64_t below;     /* of them: i= names a subdomain of d= */
    int64_t last_seen; /* seconds; 0: never */
};

struct dkim_result {
    struct dkim_selector *selectors;
    size_t n;
};

/* Which selectors to look at, besides those that reports show. */
struct dkim_wanted {
    const char *const *selectors;
    size_t n;
    bool probe; /* and those that mail services usually have, where there is a key */
};

void dkim_check(struct subject *s, const struct dkim_wanted *wanted, struct dkim_result *out);

/* Is this TXT record a key, by its looks? */
bool dkim_looks_like_key(const char *text, size_t len);

#endif
