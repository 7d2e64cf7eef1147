#include "report/enrichment.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/vendor_mx.h"
#include "report/identity.h"
#include "store/facts.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* One source, or one domain. */
struct known_host {
    struct addr ip;
    struct host_facts facts;
};

struct known_domain {
    const char *name;
    struct domain_facts facts;
};

/* A network that a mail service has published, in its own SPF record. */
struct service_range {
    struct addr first, last;
    const char *sender; /* id; NULL: several services say so */
    ssize_t around;     /* the narrowest one that this lies in; -1: none */
};

struct knowledge {
    struct enrichment base; /* first */
    struct store *store;
    const struct identities *identities;
    struct arena *arena;
    void *hosts, *domains; /* trees of tsearch */
    struct service_range *ranges;
    size_t n_ranges;
    bool ranges_read;
};

/* ---- reading, once ---- */

static int compare_hosts(const void *left, const void *right)
{
    const struct addr *a = &((const struct known_host *)left)->ip;
    const struct addr *b = &((const struct known_host *)right)->ip;

    return a->len != b->len ? a->len - b->len : memcmp(a->bytes, b->bytes, a->len);
}

static int compare_domains(const void *left, const void *right)
{
    return strcmp(
        ((const struct known_domain *)left)->name, ((const struct known_domain *)right)->name);
}

static const struct host_facts *host_of(struct knowledge *k, const struct addr *ip)
{
    const struct known_host key = {.ip = *ip};
    struct known_host *const *there = tfind(&key, &k->hosts, compare_hosts);
    struct err e;
    bool found = false;

    if (there)
        return &(*there)->facts;
    struct known_host *h = arena_alloc(k->arena, sizeof *h);
    h->ip = *ip;
    if (facts_host(k->store, ip, k->arena, &h->facts, &found, &e) < 0)
        h->facts = (struct host_facts){.confirmed = FACT_UNKNOWN};
    (void)tsearch(h, &k->hosts, compare_hosts);
    return &h->facts;
}

static const struct domain_facts *domain_of(struct knowledge *k, const char *name)
{
    const struct known_domain key = {.name = name};
    struct known_domain *const *there = tfind(&key, &k->domains, compare_domains);
    struct err e;
    bool found = false;

    if (there)
        return &(*there)->facts;
    struct known_domain *d = arena_alloc(k->arena, sizeof *d);
    d->name = arena_strdup(k->arena, name);
    if (facts_domain(k->store, d->name, k->arena, &d->facts, &found, &e) < 0) {
        d->facts = (struct domain_facts){
            .nonexistent = FACT_UNKNOWN, .parked = FACT_UNKNOWN, .spf = FACT_UNKNOWN};
    }
    (void)tsearch(d, &k->domains, compare_domains);
    return &d->facts;
}

/* ---- networks of mail services ---- */

/* What others let send for them, too, is theirs: a service that includes another one is not it. */
static void take_service(void *context, const struct sender *sender)
{
    struct knowledge *k = context;
    char name[IDENTITY_NAME_MAX];

    for (const char *at = NULL; identity_next_include(sender, &at, name);) {
        const struct domain_facts *d = domain_of(k, name);
        for (size_t i = 0; i < d->n_ranges; i++) {
            if (!d->ranges[i].own)
                continue;
            k->ranges = arena_grow(k->arena, k->ranges, &k->n_ranges, sizeof *k->ranges);
            k->ranges[k->n_ranges - 1] =
                (struct service_range){d->ranges[i].first, d->ranges[i].last, sender->id, -1};
        }
    }
}

static int compare_addrs(const struct addr *a, const struct addr *b)
{
    return a->len != b->len ? a->len - b->len : memcmp(a->bytes, b->bytes, a->len);
}

/* A wider network before those in it. */
static int compare_ranges(const void *left, const void *right)
{
    const struct service_range *a = left;
    const struct service_range *b = right;
    int order = compare_addrs(&a->first, &b->first);

    if (order == 0)
        order = compare_addrs(&b->last, &a->last);
    return order ? order : strcmp(a->sender, b->sender);
}

static void drop_repeated(struct knowledge *k)
{
    size_t kept = 0;

    for (size_t i = 0; i < k->n_ranges; i++) {
        const struct service_range *r = &k->ranges[i];
        struct service_range *before = kept ? &k->ranges[kept - 1] : NULL;
        if (!before || compare_addrs(&before->first, &r->first) != 0 ||
            compare_addrs(&before->last, &r->last) != 0) {
            k->ranges[kept++] = *r;
        } else if (before->sender && strcmp(before->sender, r->sender) != 0) {
            before->sender = NULL;
        }
    }
    k->n_ranges = kept;
}

static bool holds(const struct service_range *r, const struct addr *ip)
{
    return compare_addrs(&r->first, ip) <= 0 && compare_addrs(&r->last, ip) >= 0;
}

/* Networks lie in each other or apart, so that each needs to know only the next one around it. */
static void read_ranges(struct knowledge *k)
{
    k->ranges_read = true;
    identities_each(k->identities, take_service, k);
    if (k->n_ranges)
        qsort(k->ranges, k->n_ranges, sizeof *k->ranges, compare_ranges);
    drop_repeated(k);
    ssize_t around = -1;
    for (size_t i = 0; i < k->n_ranges; i++) {
        while (around >= 0 && !holds(&k->ranges[around], &k->ranges[i].first))
            around = k->ranges[around].around;
        k->ranges[i].around = around;
        around = (ssize_t)i;
    }
}

/* By the narrowest network that holds the address. */
static const char *service_at(struct knowledge *k, const struct addr *ip)
{
    size_t from = 0;
    size_t to;

    if (!k->ranges_read)
        read_ranges(k);
    to = k->n_ranges; /* the first that begins behind ip lies in from .. to */
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (compare_addrs(&k->ranges[middle].first, ip) <= 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    ssize_t at = (ssize_t)from - 1;
    while (at >= 0 && !holds(&k->ranges[at], ip))
        at = k->ranges[at].around;
    return at < 0 ? NULL : k->ranges[at].sender;
}

/* ---- what follows from it ---- */

static enum known known_of(enum fact f)
{
    return f == FACT_UNKNOWN ? UNSURE : f == FACT_YES ? YES : NO;
}

/* Is the word in the text, with none of these characters beside it? */
static bool has_word(const char *text, const char *word, const char *beside)
{
    size_t len = strlen(word);

    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        bool begins = at == text || !strchr(beside, at[-1]);
        if (begins && (!at[len] || !strchr(beside, at[len])))
            return true;
    }
    return false;
}

/* Are three numbers in a row of an IPv4 address in the name, as providers of lines write them? Two
 * are in the names of mail hosts, too, which are numbered. */
static bool holds_address(const char *name, const struct addr *ip)
{
    static const char digits[] = "0123456789";
    const unsigned char *b = ip->bytes;
    char forward[16];
    char backward[16];

    if (ip->len != 4)
        return false;
    for (const char *c = "-."; *c; c++) {
        (void)snprintf(forward, sizeof forward, "%u%c%u%c%u", b[1], *c, b[2], *c, b[3]);
        (void)snprintf(backward, sizeof backward, "%u%c%u%c%u", b[3], *c, b[2], *c, b[1]);
        if (has_word(name, forward, digits) || has_word(name, backward, digits))
            return true;
    }
    return false;
}

/* Only what the provider has put in front of its own domain says anything. */
bool enrichment_is_residential(const char *ptr, const struct addr *ip)
{
    static const char *const words[] = {"dyn", "dynamic", "dsl", "adsl", "vdsl", "xdsl", "pool",
        "cable", "dhcp", "dialup", "dial", "ppp", "pppoe", "cpe", "broadband", "ftth",
        "residential"};
    char front[256];
    size_t len = (size_t)(domain_registrable(ptr) - ptr);

    if (len == 0 || len >= sizeof front)
        return false;
    memcpy(front, ptr, len);
    front[len - 1] = '\0'; /* the dot */
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (has_word(front, words[i], "abcdefghijklmnopqrstuvwxyz"))
            return true;
    }
    return holds_address(front, ip);
}

static bool in_range(const struct spf_range *r, const struct addr *ip)
{
    return ip->len == r->first.len && memcmp(ip->bytes, r->first.bytes, ip->len) >= 0 &&
           memcmp(ip->bytes, r->last.bytes, ip->len) <= 0;
}

static bool any_is_of(const char *const *hosts, size_t n, enum vendor v)
{
    for (size_t i = 0; i < n; i++) {
        if (vendor_of_mx(hosts[i]) == (int)v)
            return true;
    }
    return false;
}

static void add_domain(const struct domain_facts *d, const struct addr *ip, struct context *out)
{
    out->nonexistent = known_of(d->nonexistent);
    out->parked = known_of(d->parked);
    out->organisation = d->organisation;
    if (d->n_mx) {
        out->mx_microsoft = any_is_of(d->mx, d->n_mx, VENDOR_MICROSOFT) ? YES : NO;
        out->mx_google = any_is_of(d->mx, d->n_mx, VENDOR_GOOGLE) ? YES : NO;
    }
    if (d->spf != FACT_UNKNOWN)
        out->own = out->in_spf = NO;
    for (size_t i = 0; i < d->n_ranges; i++) {
        if (!in_range(&d->ranges[i], ip))
            continue;
        out->in_spf = YES;
        out->own = d->ranges[i].own ? YES : out->own;
    }
}

static void about_source(
    void *data, const char *from, const struct addr *source, struct context *out)
{
    struct knowledge *k = data;

    if (from)
        add_domain(domain_of(k, from), source, out);
    if (source->len == 0)
        return;
    out->sender = service_at(k, source);
    const struct host_facts *h = host_of(k, source);
    out->network = h->network;
    out->ptr = h->ptr;
    out->confirmed = known_of(h->confirmed);
    if (!h->ptr)
        return;
    out->residential = enrichment_is_residential(h->ptr, source) ? YES : NO;
    if (from && h->confirmed == FACT_YES) {
        const char *own = domain_registrable(from);
        out->ours = strcmp(domain_registrable(h->ptr), own) == 0 ? YES : NO;
    }
}

/* Is one of the sender's records included? */
static bool is_included(const struct domain_facts *d, const struct sender *sender)
{
    char name[IDENTITY_NAME_MAX];

    for (const char *at = NULL; identity_next_include(sender, &at, name);) {
        for (size_t i = 0; i < d->n_includes; i++) {
            if (strcmp(d->includes[i], name) == 0)
                return true;
        }
    }
    return false;
}

/* Is the name there, with no other letters of a name beside it? */
static bool names(const char *text, const char *name)
{
    return text && has_word(text, name, "abcdefghijklmnopqrstuvwxyz0123456789-_");
}

/* A selector tells a mail service if no other one has its customers use it. */
static bool is_selector_of(const struct sender *sender, const char *selector)
{
    static const char *const common[] = {
        "mail", "default", "dkim", "smtp", "api", "m1", "s1", "s2", "k1", "mail1", "mail2"};
    char name[IDENTITY_NAME_MAX];

    for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
        if (strcmp(common[i], selector) == 0)
            return false;
    }
    (void)snprintf(name, sizeof name, "%s._domainkey TXT", selector);
    return names(sender->dkim_records, name);
}

/* Does one of the domain's DKIM names lead to the sender? */
static bool has_key_of(
    const struct knowledge *k, const struct domain_facts *d, const struct sender *sender)
{
    for (size_t i = 0; i < d->n_keys; i++) {
        const char *key = d->keys[i];
        if (!strchr(key, '.')) {
            if (is_selector_of(sender, key))
                return true;
        } else if (identity_is_host(k->identities, sender, key) ||
                   names(sender->dkim_records, domain_registrable(key))) {
            return true;
        }
    }
    return false;
}

static void about_sender(
    void *data, const char *from, const struct sender *sender, struct context *out)
{
    struct knowledge *k = data;
    const struct domain_facts *d = from ? domain_of(k, from) : NULL;

    if (!d)
        return;
    if (has_key_of(k, d, sender))
        out->sender_has_key = YES;
    if (d->spf != FACT_UNKNOWN && sender->spf && strstr(sender->spf, "include:"))
        out->sender_in_spf = is_included(d, sender) ? YES : NO;
}

struct enrichment *enrichment_new(struct store *s, const struct identities *ids)
{
    struct knowledge *k = mem_alloc(sizeof *k);

    *k = (struct knowledge){.base = {about_source, about_sender, k},
        .store = s,
        .identities = ids,
        .arena = arena_new()};
    return &k->base;
}

static void leave(void *node)
{
    (void)node; /* it lives in the arena */
}

void enrichment_free(struct enrichment *e)
{
    struct knowledge *k = (struct knowledge *)e;

    if (!k)
        return;
    tdestroy(k->hosts, leave);
    tdestroy(k->domains, leave);
    arena_free(k->arena);
    free(k);
}
