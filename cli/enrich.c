#include "cli/enrich.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "check/check.h"
#include "check/dns.h"
#include "check/subject.h"
#include "cli/geo.h"
#include "report/identity.h"
#include "store/facts.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAMES_MAX = 5, /* names of one host that are looked at */
    NETWORK_NAME_MAX = 120,
    SERVICE_MS = 10000, /* for the record of one mail service */
    SILENT_MAX = 5      /* of them in a row: then nobody answers */
};

struct enricher {
    struct store *s;
    const struct enrich_request *want;
    struct enrich_totals *totals;
    struct arena *arena; /* of one portion */
};

/* ---- hosts ---- */

/* "7.2.0.192.in-addr.arpa", RFC 1035 3.5; nibbles below ip6.arpa, RFC 3596 2.5. */
static const char *reverse_name(struct arena *a, const struct addr *ip)
{
    char name[80];
    size_t used = 0;

    if (ip->len == 4) {
        return arena_printf(
            a, "%u.%u.%u.%u.in-addr.arpa", ip->bytes[3], ip->bytes[2], ip->bytes[1], ip->bytes[0]);
    }
    for (size_t i = sizeof ip->bytes; i > 0; i--) {
        used += (size_t)snprintf(name + used, sizeof name - used, "%x.%x.",
            (unsigned)(ip->bytes[i - 1] & 0xF), (unsigned)(ip->bytes[i - 1] >> 4));
    }
    return arena_printf(a, "%sip6.arpa", name);
}

static enum dns_type address_type(const struct addr *ip)
{
    return ip->len == 4 ? DNS_A : DNS_AAAA;
}

static bool leads_to(const struct dns_answer *addresses, const struct addr *ip)
{
    for (size_t i = 0; i < addresses->n; i++) {
        const struct addr *one = &addresses->records[i].addr;
        if (one->len == ip->len && memcmp(one->bytes, ip->bytes, ip->len) == 0)
            return true;
    }
    return false;
}

static size_t names_of(const struct dns_answer *ptr)
{
    return ptr->n < NAMES_MAX ? ptr->n : NAMES_MAX;
}

/* The first name that leads back to the address, else the first one. */
static void confirm(struct enricher *x, const struct dns_answer *ptr, struct host_facts *h)
{
    bool all_answered = true;

    for (size_t i = 0; i < names_of(ptr) && h->confirmed != FACT_YES; i++) {
        struct dns_answer addresses;
        const char *name = ptr->records[i].name;
        dns_ask(x->want->dns, name, address_type(&h->ip), x->arena, &addresses);
        if (addresses.status == DNS_FAILED)
            all_answered = false;
        if (leads_to(&addresses, &h->ip)) {
            h->ptr = name;
            h->confirmed = FACT_YES;
        }
    }
    if (h->confirmed != FACT_YES)
        h->confirmed = all_answered ? FACT_NO : FACT_UNKNOWN;
    h->ptr = h->ptr ? h->ptr : ptr->n ? ptr->records[0].name : NULL;
}

static void find_place(struct enricher *x, struct host_facts *h)
{
    char name[NETWORK_NAME_MAX] = "";

    if (x->want->networks && geo_network(x->want->networks, &h->ip, &h->asn, name, sizeof name))
        h->network = *name ? arena_strdup(x->arena, name) : NULL;
    if (x->want->countries && geo_country(x->want->countries, &h->ip, name))
        h->country = arena_strdup(x->arena, name);
}

/* All questions of a portion are on their way before the first answer is waited for. */
static int look_at_hosts(struct enricher *x, const struct addr *ips, size_t n, struct err *e)
{
    struct dns_answer *names = arena_alloc(x->arena, n * sizeof *names);
    struct host_facts *hosts = arena_alloc(x->arena, n * sizeof *hosts);
    size_t known = 0;

    for (size_t i = 0; i < n; i++)
        dns_expect(x->want->dns, reverse_name(x->arena, &ips[i]), DNS_PTR);
    for (size_t i = 0; i < n; i++) {
        dns_ask(x->want->dns, reverse_name(x->arena, &ips[i]), DNS_PTR, x->arena, &names[i]);
        for (size_t k = 0; k < names_of(&names[i]); k++)
            dns_expect(x->want->dns, names[i].records[k].name, address_type(&ips[i]));
    }
    for (size_t i = 0; i < n; i++) {
        struct host_facts h = {.ip = ips[i], .confirmed = FACT_UNKNOWN};
        find_place(x, &h);
        if (names[i].status != DNS_FAILED)
            confirm(x, &names[i], &h);
        bool answered = h.confirmed != FACT_UNKNOWN;
        x->totals->unanswered += !answered;
        x->totals->hosts += answered;
        x->totals->named += h.confirmed == FACT_YES;
        if (answered || h.asn || h.country)
            hosts[known++] = h;
    }
    return facts_put_hosts(x->s, hosts, known, e);
}

static int enrich_hosts(struct enricher *x, const struct store_period *p, struct err *e)
{
    const struct facts_wanted wanted = {p, x->want->before};
    struct addr last = {0};
    struct due_hosts due;
    int rc;

    do {
        arena_reset(x->arena);
        rc = facts_hosts_due(x->s, &wanted, last.len ? &last : NULL, x->arena, &due, e);
        if (!rc && due.n) {
            last = due.list[due.n - 1];
            rc = look_at_hosts(x, due.list, due.n, e);
        }
    } while (!rc && due.n);
    return rc;
}

/* ---- From domains ---- */

/* The last address of a network that begins at `first` and has so many bits in common. */
static struct addr last_of(struct addr first, unsigned bits)
{
    for (unsigned i = 0; i < first.len; i++) {
        unsigned kept = bits > i * 8 ? bits - i * 8 : 0;
        if (kept < 8)
            first.bytes[i] |= (unsigned char)(0xFFU >> kept);
    }
    return first;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most SPF_TREE_DEPTH records above each other */
static void add_includes(struct arena *a, const struct spf_node *n, struct domain_facts *d)
{
    for (size_t i = 0; n->state == SPF_NODE_RECORD && i < n->record.n; i++) {
        const struct spf_node *below = n->branches[i].node;
        if (!below || below->state != SPF_NODE_RECORD || below->repeated)
            continue;
        d->includes = arena_grow(a, d->includes, &d->n_includes, sizeof *d->includes);
        d->includes[d->n_includes - 1] = below->domain;
        add_includes(a, below, d);
    }
}

static void add_spf(struct arena *a, const struct spf_outcome *spf, struct domain_facts *d)
{
    const struct spf_tree *t = &spf->tree;

    bool record = t->top->state == SPF_NODE_RECORD;
    if (!record || !(spf->flat.incomplete || t->cut))
        d->spf = record ? FACT_YES : FACT_NO;
    for (size_t i = 0; i < t->n_networks; i++) {
        const struct spf_network *n = &t->networks[i];
        d->ranges = arena_grow(a, d->ranges, &d->n_ranges, sizeof *d->ranges);
        d->ranges[d->n_ranges - 1] = (struct spf_range){.first = n->first,
            .last = last_of(n->first, n->bits),
            .own = spf_node_is_own(t, n->node)};
    }
    add_includes(a, t->top, d);
}

static void add_keys(struct arena *a, const struct dkim_result *r, struct domain_facts *d)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct dkim_selector *k = &r->selectors[i];
        if (!k->has_key || k->revoked)
            continue;
        d->keys = arena_grow(a, d->keys, &d->n_keys, sizeof *d->keys);
        d->keys[d->n_keys - 1] =
            k->answer.n_chain ? k->answer.chain[k->answer.n_chain - 1] : k->selector;
    }
}

static int take_domain(void *context, const struct check_result *r, struct err *e)
{
    struct enricher *x = context;
    struct arena *a = arena_new();
    struct domain_facts d = {.domain = r->domain,
        .nonexistent = r->exists ? FACT_NO : FACT_YES,
        .parked = r->parked ? FACT_YES : FACT_NO,
        .spf = FACT_UNKNOWN};
    int rc = 0;

    /* what could not be asked for is not to take the place of what is known */
    const struct spf_node *spf = r->spf.tree.top;
    bool known = !r->exists || (!r->mx.unknown && spf && spf->state != SPF_NODE_UNKNOWN);
    bool answered = r->domain && r->answered && known;

    if (answered) {
        for (size_t i = 0; i < r->mx.n; i++) {
            d.mx = arena_grow(a, d.mx, &d.n_mx, sizeof *d.mx);
            d.mx[d.n_mx - 1] = r->mx.hosts[i].name;
        }
        if (spf)
            add_spf(a, &r->spf, &d);
        if (r->dmarc.walk.org_place && !r->dmarc.walk.incomplete)
            d.organisation = r->dmarc.walk.org;
        add_keys(a, &r->dkim, &d);
        x->totals->domains++;
        rc = facts_put_domain(x->s, &d, e);
    } else if (r->domain) {
        x->totals->unanswered++;
    }
    arena_free(a);
    return rc;
}

static int look_at_domains(struct enricher *x, const char *const *names, size_t n, struct err *e)
{
    struct check_target *targets = arena_alloc(x->arena, n * sizeof *targets);
    const struct check_settings set = {
        .dns = x->want->dns, .dkim = {.probe = true}, .now = when_now()};

    for (size_t i = 0; i < n; i++)
        targets[i] = (struct check_target){.name = names[i]};
    return check_run(&set, targets, n, take_domain, x, e);
}

static int enrich_domains(struct enricher *x, const struct store_period *p, struct err *e)
{
    const struct facts_wanted wanted = {p, x->want->before};
    char *last = NULL;
    struct due_domains due;
    int rc;

    do {
        arena_reset(x->arena);
        rc = facts_domains_due(x->s, &wanted, last, x->arena, &due, e);
        if (!rc && due.n) {
            free(last);
            last = mem_strdup(due.list[due.n - 1]);
            rc = look_at_domains(x, due.list, due.n, e);
        }
    } while (!rc && due.n);
    free(last);
    return rc;
}

int enrich_client(struct store *s, const struct store_period *p, const struct enrich_request *want,
    struct enrich_totals *totals, struct err *e)
{
    struct enricher x = {.s = s, .want = want, .totals = totals, .arena = arena_new()};
    int rc = enrich_hosts(&x, p, e);

    if (!rc)
        rc = enrich_domains(&x, p, e);
    arena_free(x.arena);
    return rc;
}

/* ---- mail services ---- */

struct service_names {
    struct arena *arena;
    const char **names;
    size_t n;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void take_service(void *context, const struct sender *sender)
{
    struct service_names *l = context;
    char name[IDENTITY_NAME_MAX];

    for (const char *at = NULL; identity_next_include(sender, &at, name);) {
        l->names = arena_grow(l->arena, l->names, &l->n, sizeof *l->names);
        l->names[l->n - 1] = arena_strdup(l->arena, name);
    }
}

/* What is left of the list is due, each once; a From domain that is a service's, too, was looked at
 * as that just now. */
static int keep_due(struct enricher *x, struct service_names *l, struct err *e)
{
    size_t kept = 0;
    int rc = 0;

    if (l->n)
        qsort(l->names, l->n, sizeof *l->names, compare_names);
    for (size_t i = 0; i < l->n && !rc; i++) {
        bool due = false;
        if (i > 0 && strcmp(l->names[i - 1], l->names[i]) == 0)
            continue;
        rc = facts_domain_is_due(x->s, l->names[i], x->want->before, &due, e);
        if (due)
            l->names[kept++] = l->names[i];
    }
    l->n = kept;
    return rc;
}

static int look_at_service(struct enricher *x, const char *name, bool *answered, struct err *e)
{
    struct arena *a = arena_new();
    struct subject subject = {.arena = a, .dns = x->want->dns, .domain = name, .now = when_now()};
    struct domain_facts d = {
        .domain = name, .nonexistent = FACT_UNKNOWN, .parked = FACT_UNKNOWN, .spf = FACT_UNKNOWN};
    struct spf_outcome spf;
    int rc = 0;

    findings_init(&subject.findings, a, name); /* nobody reads them */
    spf_tree_build(&subject, name, SERVICE_MS, &spf.tree);
    spf_tree_flatten(&spf.tree, a, &spf.flat);
    *answered = spf.tree.top->state != SPF_NODE_UNKNOWN;
    if (!*answered) {
        x->totals->unanswered++;
    } else {
        add_spf(a, &spf, &d);
        x->totals->services++;
        rc = facts_put_domain(x->s, &d, e);
    }
    arena_free(a);
    return rc;
}

int enrich_services(struct store *s, const struct identities *ids,
    const struct enrich_request *want, struct enrich_totals *totals, struct err *e)
{
    struct enricher x = {.s = s, .want = want, .totals = totals, .arena = arena_new()};
    struct service_names l = {.arena = x.arena};

    identities_each(ids, take_service, &l);
    int rc = keep_due(&x, &l, e);
    for (size_t i = 0; i < l.n && !rc; i++)
        dns_expect(want->dns, l.names[i], DNS_TXT);
    for (size_t i = 0, silent = 0; i < l.n && silent < SILENT_MAX && !rc; i++) {
        bool answered = false;
        rc = look_at_service(&x, l.names[i], &answered, e);
        silent = answered ? 0 : silent + 1;
    }
    arena_free(x.arena);
    return rc;
}
