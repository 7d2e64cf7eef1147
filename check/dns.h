/*
 * Questions to the DNS. A check reads like the RFC it follows: it asks, waits and goes on; many
 * checks run side by side in threads of their own, and their questions share one resolver, one
 * cache and one set of sockets.
 *
 * Four outcomes stay apart (RFC 8499 section 3): data, a name without such records, no such name,
 * and no answer. Only the first three say something about the domain.
 */
#ifndef CHECK_DNS_H
#define CHECK_DNS_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

enum dns_type {
    DNS_A,
    DNS_AAAA,
    DNS_CNAME,
    DNS_DS,
    DNS_MX,
    DNS_NS,
    DNS_PTR,
    DNS_SOA,
    DNS_SPF,
    DNS_TLSA,
    DNS_TXT
};

const char *dns_type_name(enum dns_type t);

enum dns_status {
    DNS_DATA,
    DNS_NODATA,   /* the name exists, such records do not */
    DNS_NXDOMAIN, /* the name does not exist */
    DNS_FAILED    /* SERVFAIL, REFUSED, timeout, nonsense: nothing is known */
};

/* One record. What a type does not have is zero. */
struct dns_record {
    const char
        *name; /* MX, NS, PTR, CNAME: the target, normalised, no trailing dot; "" is the root */
    unsigned preference; /* MX */
    struct addr addr;    /* A, AAAA */
    const char
        *data; /* TXT and SPF: all character-strings joined, octets as they came; TLSA, DS: RDATA */
    size_t len;            /* of data, which may hold NUL octets; a NUL follows all the same */
    const size_t *strings; /* TXT: where each character-string ends in data */
    size_t n_strings;
};

struct dns_answer {
    enum dns_status status;
    const char *failure;              /* DNS_FAILED: why, in words */
    const struct dns_record *records; /* in the order of the answer */
    size_t n;
    const char *const
        *chain; /* names of the CNAMEs followed, first to last; the last holds the records */
    size_t n_chain;
    uint32_t ttl;       /* the smallest of the answer */
    bool authenticated; /* the resolver validated it (AD, RFC 4035 section 3.2.3) */
    bool authoritative; /* straight from a server of the zone (AA): ttl is as published */
    bool bogus;         /* DNS_FAILED: there is data, but the resolver found its signatures wrong */
};

struct dns; /* a resolver with its cache; thread-safe */

/* How a resolver gets its answers: from servers (check/dns.c) or, in tests, from a table. */
struct dns_ops {
    /* Answers in the caller's arena. Blocks; called from many threads at a time. */
    void (*ask)(
        void *self, const char *name, enum dns_type type, struct arena *a, struct dns_answer *out);
    /* Starts questions that will be asked soon, and returns at once. May be NULL. */
    void (*expect)(void *self, const char *name, enum dns_type type);
    /* Asks one server and nobody else. May be NULL: no such thing. */
    void (*ask_server)(void *self, const struct addr *server, const char *name, enum dns_type type,
        struct arena *a, struct dns_answer *out);
    /* How many questions went to a server. May be NULL: all of them. */
    uint64_t (*sent)(void *self);
    void (*close)(void *self);
};

struct dns_settings {
    const char
        *server; /* "192.0.2.1", "192.0.2.1:53", "[2001:db8::1]:53"; NULL: those of the system */
    unsigned timeout_ms; /* for one attempt; 0: 2000 */
    unsigned attempts;   /* 0: 3 */
    unsigned in_flight;  /* questions on the wire at a time; 0: 500 */
};

struct dns_totals {
    uint64_t asked; /* questions that checks had */
    uint64_t sent;  /* of them, sent to a server: the rest were in the cache or on their way */
    uint64_t failed;
};

int dns_open(const struct dns_settings *settings, struct dns **out, struct err *e) ERR_CHECKED;
/* A resolver made of ops; takes self over. */
struct dns *dns_from(const struct dns_ops *ops, void *self);
void dns_close(struct dns *d); /* accepts NULL; nobody may be asking any more */

/*
 * The name as it is asked: normalised (base/text.h). SPF asks for more than host names
 * ("exists:%{l}._spf.example.com"): those keep their octets, in lower case. NULL when no question
 * can be made of it: an empty label, one over 63 octets, or over 253 in all (RFC 1035 2.3.4).
 */
const char *dns_query_name(struct arena *a, const char *name);

/*
 * Asks and waits. The name is normalised first (base/text.h); one that is no domain name is
 * answered DNS_FAILED without a question. A CNAME is followed, at most 8 times. Everything in *out
 * lives in the arena.
 */
void dns_ask(
    struct dns *d, const char *name, enum dns_type type, struct arena *a, struct dns_answer *out);
/*
 * Asks this server itself, on port 53, whatever the resolver is: what does a name server of the
 * zone say? One attempt, no cache; aliases are not followed.
 */
void dns_ask_server(struct dns *d, const struct addr *server, const char *name, enum dns_type type,
    struct arena *a, struct dns_answer *out);
/* Questions that will follow: sent now, so that asking them one after the other costs one round
 * trip. */
void dns_expect(struct dns *d, const char *name, enum dns_type type);

struct dns_totals dns_totals(struct dns *d);

#endif
