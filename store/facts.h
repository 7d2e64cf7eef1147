/*
 * What is known of sources and From domains from elsewhere than the reports, as of the last look:
 * written by whoever asks the DNS, read by whoever judges reports. Nothing here belongs to a
 * client.
 */
#ifndef STORE_FACTS_H
#define STORE_FACTS_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct store;
struct store_period;

/* Yes, no, or nobody knows. */
enum fact {
    FACT_UNKNOWN = -1,
    FACT_NO,
    FACT_YES
};

struct host_facts {
    struct addr ip;
    const char *ptr;     /* normalised; NULL: none, or not known */
    enum fact confirmed; /* ptr resolves back to the address; unknown: the DNS gave no answer */
    int64_t asn;         /* 0: not known */
    const char *network; /* its name: the organisation of the autonomous system */
    const char *country; /* two letters; or NULL */
};

/* A network that a domain's SPF record lets pass. */
struct spf_range {
    struct addr first, last;
    bool own; /* by an a, mx, ip4 or ip6 term of a record of the owner's: its registrable domain is
                 the same */
};

struct domain_facts {
    const char *domain; /* normalised */
    enum fact nonexistent;
    enum fact parked; /* says that it sends no mail */
    const char **mx;  /* hosts that take its mail */
    size_t n_mx;
    enum fact spf; /* has an SPF record; unknown, too, if not all that it lets pass is known */
    const char **includes; /* names of all records that it includes */
    size_t n_includes;
    struct spf_range *ranges;
    size_t n_ranges;
    const char *organisation; /* by the tree walk (RFC 9989 4.10); NULL: not known */
    /* DKIM keys at names that mail services usually have: where the name leads by CNAME, or the
     * selector */
    const char **keys;
    size_t n_keys;
};

/* Found before now; *found false: never looked at. Everything in *out lives in the arena. */
int facts_host(struct store *s, const struct addr *ip, struct arena *a, struct host_facts *out,
    bool *found, struct err *e) ERR_CHECKED;
int facts_domain(struct store *s, const char *domain, struct arena *a, struct domain_facts *out,
    bool *found, struct err *e) ERR_CHECKED;

/* Was a domain never looked at, or not since `before` (seconds)? */
int facts_domain_is_due(
    struct store *s, const char *domain, int64_t before, bool *due, struct err *e) ERR_CHECKED;

/* Each in a transaction of its own; what was known is replaced, but of a host without an answer
 * only the network is. */
int facts_put_hosts(
    struct store *s, const struct host_facts *list, size_t n, struct err *e) ERR_CHECKED;
int facts_put_domain(struct store *s, const struct domain_facts *d, struct err *e) ERR_CHECKED;

struct due_hosts {
    struct addr *list;
    size_t n;
};

struct due_domains {
    const char **list;
    size_t n;
};

/* What was looked at in the records of a period before `before` (seconds), or never, is due. */
struct facts_wanted {
    const struct store_period *period;
    int64_t before;
};

/* Due sources and From domains in order, behind `after` (NULL: from the first), at most 1000 at a
 * time. */
int facts_hosts_due(struct store *s, const struct facts_wanted *w, const struct addr *after,
    struct arena *a, struct due_hosts *out, struct err *e) ERR_CHECKED;
int facts_domains_due(struct store *s, const struct facts_wanted *w, const char *after,
    struct arena *a, struct due_domains *out, struct err *e) ERR_CHECKED;

#endif
