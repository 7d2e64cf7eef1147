#include "check/general.h"

#include "base/arena.h"
#include "base/text.h"
#include "check/dmarc_record.h"

#include <string.h>

enum {
    TTL_LEAST = 300,
    TTL_MOST = 86400
};

void general_expect(struct subject *s)
{
    static const enum dns_type at_domain[] = {DNS_TXT, DNS_MX, DNS_SPF};

    static const char *const below[] = {"_dmarc", "_mta-sts", "_smtp._tls", "default._bimi"};
    const char *org = domain_registrable(s->domain);

    for (size_t i = 0; i < sizeof at_domain / sizeof *at_domain; i++)
        dns_expect(s->dns, s->domain, at_domain[i]);
    for (size_t i = 0; i < sizeof below / sizeof *below; i++)
        dns_expect(s->dns, arena_printf(s->arena, "%s.%s", below[i], s->domain), DNS_TXT);
    for (const char *up = strchr(s->domain, '.'); up; up = strchr(up + 1, '.'))
        dns_expect(s->dns, arena_printf(s->arena, "_dmarc.%s", up + 1), DNS_TXT);
    dns_expect(s->dns, org, DNS_DS);
    dns_expect(s->dns, arena_printf(s->arena, "_x%08x.%s", s->nonce, s->domain), DNS_TXT);
    dns_expect(s->dns, arena_printf(s->arena, "x%08x._domainkey.%s", s->nonce, s->domain), DNS_TXT);
}

static void check_signed(struct subject *s, const struct dns_answer *txt)
{
    struct dns_answer ds;

    if (txt->authenticated || strcmp(domain_registrable(s->domain), s->domain) != 0)
        return;
    subject_ask_quietly(s, s->domain, DNS_DS, &ds);
    if (ds.status == DNS_NODATA) {
        finding_add(
            &s->findings, "DNS-04", s->domain, "%s is not signed (no DS record)", s->domain);
    }
}

static void check_wildcard(struct subject *s)
{
    struct dns_answer txt;
    const char *name = arena_printf(s->arena, "_x%08x.%s", s->nonce, s->domain);

    subject_ask_quietly(s, name, DNS_TXT, &txt);
    if (txt.status != DNS_DATA)
        return;
    const char *wildcard = arena_printf(s->arena, "*.%s", s->domain);
    finding_add(&s->findings, "DNS-06", wildcard, "any name below %s has a TXT record", s->domain);
    finding_text(&s->findings, txt.records[0].data, txt.records[0].len);
    for (size_t i = 0; i < txt.n; i++) {
        const struct dns_record *r = &txt.records[i];
        if (dmarc_kind_of(r->data, r->len) != DMARC_RECORD)
            continue;
        finding_add(&s->findings, "DMARC-40", wildcard, "every subdomain has this DMARC record");
        finding_text(&s->findings, r->data, r->len);
    }
}

/* A cache counts down: only a server of the zone says how low a TTL was published. */
static void check_ttl(struct subject *s, const char *name, enum dns_type type)
{
    struct dns_answer x;

    subject_ask_quietly(s, name, type, &x);
    if (x.status != DNS_DATA || (x.ttl <= TTL_MOST && (x.ttl >= TTL_LEAST || !x.authoritative)))
        return;
    finding_add(&s->findings, "DNS-07", name, "%s of %s may be kept for %lu seconds",
        dns_type_name(type), name, (unsigned long)x.ttl);
}

enum general_state general_check(struct subject *s)
{
    struct dns_answer txt;
    struct dns_answer mx;

    subject_ask(s, s->domain, DNS_TXT, &txt);
    if (txt.status == DNS_NXDOMAIN && txt.n_chain == 0) {
        finding_add(&s->findings, "DNS-02", s->domain, "%s does not exist", s->domain);
        return GENERAL_NO_NAME;
    }
    if (txt.n_chain && strcmp(domain_registrable(s->domain), s->domain) == 0) {
        finding_add(&s->findings, "DNS-05", s->domain, "%s is an alias of %s", s->domain,
            txt.chain[txt.n_chain - 1]);
    }
    subject_ask(s, s->domain, DNS_MX, &mx);
    if (txt.status == DNS_FAILED)
        return mx.status == DNS_FAILED ? GENERAL_UNANSWERED : GENERAL_EXISTS;
    check_signed(s, &txt);
    check_wildcard(s);
    check_ttl(s, s->domain, DNS_TXT);
    check_ttl(s, s->domain, DNS_MX);
    check_ttl(s, arena_printf(s->arena, "_dmarc.%s", s->domain), DNS_TXT);
    return GENERAL_EXISTS;
}
