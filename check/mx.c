#include "check/mx.h"

#include "base/arena.h"
#include "base/text.h"
#include "check/history.h"
#include "check/spf_check.h"
#include "check/vendor.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    TLSA_USAGE_CA = 1 /* 0 and 1: certificates of public authorities (RFC 7672 section 3.1.3) */
};

/* ---- hosts ---- */

bool mx_is_unreachable(const struct addr *a)
{
    static const char *const networks[] = {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10",
        "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3", "::/127",
        "fc00::/7", "fe80::/10", "ff00::/8"};

    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        struct addr first;
        struct addr last;
        if (addr_parse_network(networks[i], &first, &last) && first.len == a->len &&
            memcmp(a->bytes, first.bytes, a->len) >= 0 && memcmp(a->bytes, last.bytes, a->len) <= 0)
            return true;
    }
    return false;
}

static void complain(struct subject *s, const struct mx_host *h, const char *id, const char *why)
{
    finding_add(&s->findings, id, s->domain, "MX %u %s: %s", h->preference, h->name, why);
}

static void check_addresses(struct subject *s, struct mx_host *h)
{
    struct dns_answer a;
    struct dns_answer aaaa;
    size_t unreachable = 0;

    subject_ask(s, h->name, DNS_A, &a);
    subject_ask(s, h->name, DNS_AAAA, &aaaa);
    h->resolves = a.status == DNS_DATA || a.status == DNS_FAILED || aaaa.status == DNS_DATA ||
                  aaaa.status == DNS_FAILED;
    h->address = a.n ? &a.records[0].addr : aaaa.n ? &aaaa.records[0].addr : NULL;
    if (a.n_chain || aaaa.n_chain) {
        const struct dns_answer *x = a.n_chain ? &a : &aaaa;
        complain(s, h, "MX-07", arena_printf(s->arena, "an alias of %s", x->chain[x->n_chain - 1]));
    }
    if (!h->resolves) {
        complain(s, h, "MX-08", a.status == DNS_NXDOMAIN ? "does not exist" : "has no address");
        return;
    }
    for (size_t i = 0; i < a.n; i++)
        unreachable += mx_is_unreachable(&a.records[i].addr);
    for (size_t i = 0; i < aaaa.n; i++)
        unreachable += mx_is_unreachable(&aaaa.records[i].addr);
    if (unreachable && unreachable == a.n + aaaa.n)
        complain(s, h, "MX-09", "has only addresses that nobody outside can reach");
}

/* Unsigned for certain: no DS record. A resolver that does not validate says nothing of signed
 * zones. */
static bool is_unsigned(struct subject *s, const char *host)
{
    struct dns_answer ds;

    subject_ask_quietly(s, domain_registrable(host), DNS_DS, &ds);
    return ds.status == DNS_NODATA || ds.status == DNS_NXDOMAIN;
}

static void check_dane(struct subject *s, struct mx_host *h)
{
    struct dns_answer tlsa;
    const char *name = arena_printf(s->arena, "_25._tcp.%s", h->name);

    subject_ask_quietly(s, name, DNS_TLSA, &tlsa);
    if (tlsa.status != DNS_DATA)
        return;
    h->has_tlsa = true;
    if (!tlsa.authenticated && is_unsigned(s, h->name)) {
        h->has_tlsa = false;
        finding_add(
            &s->findings, "DANE-01", name, "TLSA for %s, but its zone is not signed", h->name);
    }
    for (size_t i = 0; i < tlsa.n; i++) {
        unsigned usage = tlsa.records[i].len ? (unsigned char)tlsa.records[i].data[0] : 0;
        if (usage <= TLSA_USAGE_CA)
            finding_add(&s->findings, "DANE-02", name, "TLSA with usage %u for %s", usage, h->name);
    }
}

static bool is_left_over(const char *host)
{
    return domain_is_within(host, "invalid");
}

static void check_host(struct subject *s, struct mx_host *h)
{
    struct addr ignored;

    if (addr_parse(h->name, &ignored) || strcmp(h->name, "localhost") == 0) {
        h->resolves = true;
        complain(s, h, "MX-06", "an address where a host name belongs");
    } else if (is_left_over(h->name)) {
        complain(s, h, "MX-10", "only proves who owns the domain");
    } else {
        check_addresses(s, h);
        check_dane(s, h);
    }
}

/* ---- all of them ---- */

/* Whose mailboxes they are, where that can be told by the host's domain. */
static const char *provider_of(const char *host)
{
    static const char *const domains[] = {"outlook.com", "google.com", "zoho.com", "zoho.eu",
        "protonmail.ch", "messagingengine.com", "icloud.com", "yahoodns.net", "kundenserver.de",
        "ionos.com", "mailbox.org", "migadu.com", "secureserver.net", "gandi.net", "ovh.net",
        "emailsrvr.com", "titan.email", "yandex.net", "mail.ru", "one.com"};

    if (domain_is_within(host, "googlemail.com"))
        return "google.com";
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        if (domain_is_within(host, domains[i]))
            return domains[i];
    }
    return NULL;
}

static void check_pairs(struct subject *s, const struct mx_result *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const char *provider = provider_of(r->hosts[i].name);
        for (size_t k = 0; k < i; k++) {
            const char *other = provider_of(r->hosts[k].name);
            if (strcmp(r->hosts[i].name, r->hosts[k].name) == 0)
                complain(s, &r->hosts[i], "MX-11", "listed twice");
            if (provider && other && strcmp(provider, other) != 0) {
                finding_add(&s->findings, "MX-12", s->domain,
                    "MX at two mailbox providers: %s and %s", other, provider);
            }
        }
    }
}

static const char *reverse_name(struct arena *a, const struct addr *addr)
{
    const unsigned char *b = addr->bytes;
    char text[80];
    size_t at = 0;

    if (addr->len == 4)
        return arena_printf(a, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
    for (size_t i = sizeof addr->bytes; i-- > 0;)
        at += (size_t)snprintf(text + at, sizeof text - at, "%x.%x.", b[i] & 15U, b[i] >> 4U);
    return arena_printf(a, "%sip6.arpa", text);
}

static bool names_host(struct subject *s, const char *name, const struct addr *addr)
{
    struct dns_answer x;

    subject_ask_quietly(s, name, addr->len == 4 ? DNS_A : DNS_AAAA, &x);
    if (x.status == DNS_FAILED)
        return true;
    for (size_t i = 0; i < x.n; i++) {
        if (memcmp(&x.records[i].addr, addr, sizeof *addr) == 0)
            return true;
    }
    return false;
}

static void check_reverse(struct subject *s, const struct mx_result *r)
{
    if (!spf_glance(s).mx)
        return;
    for (size_t i = 0; i < r->n; i++) {
        const struct addr *addr = r->hosts[i].address;
        struct dns_answer ptr;
        bool confirmed = false;
        if (!addr || mx_is_unreachable(addr))
            continue;
        subject_ask_quietly(s, reverse_name(s->arena, addr), DNS_PTR, &ptr);
        if (ptr.status == DNS_FAILED)
            continue;
        for (size_t k = 0; k < ptr.n && !confirmed; k++)
            confirmed = names_host(s, ptr.records[k].name, addr);
        if (!confirmed) {
            complain(
                s, &r->hosts[i], "MX-13", "sends, but its address has no name that leads back");
        }
    }
}

static bool says_sender(struct subject *s)
{
    const struct spf_glance spf = spf_glance(s);

    return spf.record ? !spf.nobody : s->history && s->history->dmarc_pass > 0;
}

static void check_absence(struct subject *s, struct mx_result *r)
{
    struct dns_answer a;
    struct dns_answer aaaa;

    r->none = true;
    subject_ask(s, s->domain, DNS_A, &a);
    subject_ask(s, s->domain, DNS_AAAA, &aaaa);
    r->address = a.n || aaaa.n;
    if (r->address) {
        finding_add(&s->findings, "MX-01", s->domain, "%s has no MX, but an address", s->domain);
    } else if (a.status != DNS_FAILED && aaaa.status != DNS_FAILED && !spf_glance(s).nobody) {
        finding_add(&s->findings, "MX-02", s->domain, "%s has neither MX nor address", s->domain);
    }
}

static void check_null(struct subject *s, const struct mx_result *r)
{
    if (r->null) {
        finding_add(&s->findings, "MX-03", s->domain, "%s takes no mail (null MX)", s->domain);
        if (says_sender(s)) {
            finding_add(&s->findings, "MX-05", s->domain,
                "%s takes no mail (null MX), but sends some", s->domain);
        }
    } else {
        finding_add(&s->findings, "MX-04", s->domain, "a null MX beside %zu other%s", r->n,
            r->n == 1 ? "" : "s");
    }
}

void mx_check(struct subject *s, struct mx_result *out)
{
    struct dns_answer mx;
    bool null = false;

    *out = (struct mx_result){.hosts = arena_alloc(s->arena, MX_HOSTS_MAX * sizeof *out->hosts)};
    subject_ask(s, s->domain, DNS_MX, &mx);
    if (mx.status == DNS_FAILED) {
        out->unknown = true;
        return;
    }
    for (size_t i = 0; i < mx.n; i++) {
        const struct dns_record *x = &mx.records[i];
        if (!*x->name) {
            null = true;
        } else if (out->n < MX_HOSTS_MAX) {
            out->hosts[out->n++] = (struct mx_host){.name = x->name, .preference = x->preference};
            dns_expect(s->dns, x->name, DNS_A);
            dns_expect(s->dns, x->name, DNS_AAAA);
            dns_expect(s->dns, arena_printf(s->arena, "_25._tcp.%s", x->name), DNS_TLSA);
        }
    }
    out->null = null && out->n == 0;
    if (mx.n == 0)
        check_absence(s, out);
    if (null)
        check_null(s, out);
    for (size_t i = 0; i < out->n; i++)
        check_host(s, &out->hosts[i]);
    check_pairs(s, out);
    check_reverse(s, out);
}
