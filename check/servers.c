#include "check/servers.h"

#include "base/arena.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    SERVERS_MAX = 6
};

struct server {
    const char *name;
    struct addr addr;
};

/* Those of the zone that the domain is in: its own, or those of the registrable domain. */
static size_t find_servers(struct subject *s, struct server list[SERVERS_MAX])
{
    struct dns_answer ns;
    size_t n = 0;

    subject_ask_quietly(s, s->domain, DNS_NS, &ns);
    if (ns.status != DNS_DATA)
        subject_ask_quietly(s, domain_registrable(s->domain), DNS_NS, &ns);
    for (size_t i = 0; i < ns.n && n < SERVERS_MAX; i++) {
        struct dns_answer a;
        subject_ask_quietly(s, ns.records[i].name, DNS_A, &a);
        if (a.status != DNS_DATA)
            subject_ask_quietly(s, ns.records[i].name, DNS_AAAA, &a);
        if (a.status == DNS_DATA && a.n)
            list[n++] = (struct server){ns.records[i].name, a.records[0].addr};
    }
    return n;
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* What a server says, in a form that can be compared: the order of records means nothing. */
static const char *summary(struct arena *a, const struct dns_answer *x)
{
    const char **texts = arena_alloc(a, (x->n + 1) * sizeof(char *));
    const char *out = x->n_chain ? x->chain[x->n_chain - 1] : "";

    for (size_t i = 0; i < x->n; i++) {
        const struct dns_record *r = &x->records[i];
        texts[i] = r->data ? finding_escape(a, r->data, r->len)
                           : arena_printf(a, "%u %s", r->preference, r->name);
    }
    if (x->n)
        qsort(texts, x->n, sizeof(char *), compare_texts);
    for (size_t i = 0; i < x->n; i++)
        out = arena_printf(a, "%s\n%s", out, texts[i]);
    return out;
}

static void compare(
    struct subject *s, const struct server *list, size_t n, const char *name, enum dns_type type)
{
    const char *first = NULL;
    const char *first_server = NULL;

    for (size_t i = 0; i < n; i++) {
        struct dns_answer x;
        dns_ask_server(s->dns, &list[i].addr, name, type, s->arena, &x);
        if (x.status == DNS_FAILED)
            continue;
        const char *says = summary(s->arena, &x);
        if (first && strcmp(first, says) != 0) {
            finding_add(&s->findings, "DNS-08", name,
                "%s and %s say different things about %s of %s", first_server, list[i].name,
                dns_type_name(type), name);
            return;
        }
        first = says;
        first_server = list[i].name;
    }
}

void servers_check(struct subject *s)
{
    struct server list[SERVERS_MAX];
    size_t n = find_servers(s, list);

    if (n < 2)
        return;
    compare(s, list, n, s->domain, DNS_TXT);
    compare(s, list, n, s->domain, DNS_MX);
    compare(s, list, n, arena_printf(s->arena, "_dmarc.%s", s->domain), DNS_TXT);
}
