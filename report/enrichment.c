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

/* One source, or one domain. */
struct known_host {
    struct addr ip;
    struct host_facts facts;
};

struct known_domain {
    const char *name;
    struct domain_facts facts;
};

struct knowledge {
    struct enrichment base; /* first */
    struct store *store;
    struct arena *arena;
    void *hosts, *domains; /* trees of tsearch */
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
    const struct host_facts *h = host_of(k, source);
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

/* "include:a.example or include:b.example" of the list of senders: is one of them included? */
static bool is_included(const struct domain_facts *d, const char *spf)
{
    static const char word[] = "include:";

    for (const char *at = strstr(spf, word); at; at = strstr(at, word)) {
        at += strlen(word);
        size_t len = strcspn(at, " ;,");
        for (size_t i = 0; i < d->n_includes; i++) {
            if (strlen(d->includes[i]) == len && strncmp(d->includes[i], at, len) == 0)
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

    if (!d || d->spf == FACT_UNKNOWN || !sender->spf || !strstr(sender->spf, "include:"))
        return;
    out->sender_in_spf = is_included(d, sender->spf) ? YES : NO;
}

struct enrichment *enrichment_new(struct store *s)
{
    struct knowledge *k = mem_alloc(sizeof *k);

    *k = (struct knowledge){
        .base = {about_source, about_sender, k}, .store = s, .arena = arena_new()};
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
