/* What is wrong with single terms of a record that is right in itself. */
#include "base/arena.h"
#include "base/text.h"
#include "check/history.h"
#include "check/spf_check.h"
#include "check/spf_eval.h"
#include "check/spf_services.h"
#include "check/subject.h"
#include "check/vendor.h"

#include <inttypes.h>
#include <string.h>

enum {
    WIDE4 = 16,
    WIDE6 = 32,
    HELO_MAX = 10 /* names that are looked at */
};

static struct findings *findings_of(const struct spf_checking *c)
{
    return &c->subject->findings;
}

/* ---- all, redirect, exp ---- */

static void check_all(const struct spf_checking *c, const struct spf_node *n)
{
    const struct spf_term *all = n->all;

    if (all && all->qualifier == SPF_PASS && n->passes) {
        finding_add(
            findings_of(c), "SPF-04", n->domain, "%s lets everyone pass", spf_shown(c, all));
        spf_place(c, n, all->offset);
    }
    if (all && all->qualifier == SPF_NEUTRAL && n->decides) {
        finding_add(findings_of(c), "SPF-07", n->domain, "%s says nothing about all others",
            spf_shown(c, all));
        spf_place(c, n, all->offset);
    }
    if (all && all->qualifier == SPF_FAIL && n->decides && n->record.n > 1) {
        const struct check_history *h = c->subject->history;
        bool forwarded = h && h->listed > 0;
        if (!c->context->dmarc_is_none && !forwarded)
            return;
        finding_add(findings_of(c), "SPF-29", n->domain, "-all %s",
            forwarded ? "although mail of the domain is forwarded" : "under DMARC p=none");
        spf_place(c, n, all->offset);
    }
}

static void check_end(const struct spf_checking *c, const struct spf_node *n)
{
    for (size_t i = 0; i < n->record.n; i++) {
        if (n->record.terms[i].kind == SPF_ALL || n->record.terms[i].kind == SPF_REDIRECT)
            return;
    }
    finding_add(findings_of(c), "SPF-11", n->domain, "nothing is said about all other addresses");
    spf_place(c, n, n->record.len);
}

static void check_order(const struct spf_checking *c, const struct spf_node *n)
{
    if (!n->all)
        return;
    for (size_t i = 0; i < n->record.n; i++) {
        const struct spf_branch *b = &n->branches[i];
        if (!b->skipped)
            continue;
        finding_add(findings_of(c), "SPF-12", n->domain, "%s has no effect: %s stands %s",
            spf_shown(c, b->term), spf_shown(c, n->all),
            b->term->kind == SPF_REDIRECT ? "in the same record" : "in front of it");
        spf_place(c, n, b->term->offset);
    }
}

static void check_exp(const struct spf_checking *c, const struct spf_node *n)
{
    const struct spf_term *t = n->record.exp;
    struct dns_answer txt;

    if (!t)
        return;
    const char *name = spf_node_target(n, t, c->subject->arena);
    if (!name)
        return;
    subject_ask_quietly(c->subject, name, DNS_TXT, &txt);
    if (txt.status == DNS_FAILED || txt.n == 1)
        return;
    finding_add(findings_of(c), "SPF-26", n->domain, "%s: %s", spf_shown(c, t),
        txt.n ? "more than one TXT record there" : "no TXT record there");
    spf_place(c, n, t->offset);
}

/* ---- addresses ---- */

static bool is_within(const struct addr *ip, const char *network)
{
    struct addr first;
    struct addr last;

    return addr_parse_network(network, &first, &last) && first.len == ip->len &&
           memcmp(ip->bytes, first.bytes, ip->len) >= 0 &&
           memcmp(ip->bytes, last.bytes, ip->len) <= 0;
}

static bool is_private(const struct spf_term *t)
{
    static const char *const networks[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
        "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10", "::1/128"};

    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        if (is_within(&t->network, networks[i]))
            return true;
    }
    return false;
}

static const char *count_of(const struct spf_checking *c, unsigned free_bits)
{
    return free_bits < 64 ? arena_printf(c->subject->arena, "%" PRIu64, UINT64_C(1) << free_bits)
                          : arena_printf(c->subject->arena, "2^%u", free_bits);
}

/* ip4, ip6, and the networks around the hosts of a and mx. */
static void check_width(
    const struct spf_checking *c, const struct spf_node *n, const struct spf_branch *b, bool own)
{
    const struct spf_term *t = b->term;
    bool names = t->kind == SPF_A || t->kind == SPF_MX;
    bool v4 = t->kind == SPF_IP4 || (names && t->prefix4 < WIDE4);
    bool v6 = t->kind == SPF_IP6 || (names && t->prefix6 < WIDE6);
    unsigned bits = v4 ? t->prefix4 : t->prefix6;

    if ((!v4 && !v6) || t->qualifier != SPF_PASS || bits >= (v4 ? (unsigned)WIDE4 : WIDE6))
        return;
    bool everyone = bits == 0 && n->passes;
    if (!own && !everyone)
        return;
    const char *count = count_of(c, (v4 ? 32U : 128U) - bits);
    finding_add(
        findings_of(c), "SPF-21", n->domain, "%s authorises %s addresses", spf_shown(c, t), count);
    spf_place(c, n, t->offset);
    finding_arg(findings_of(c), "n", "%s", count);
    if (everyone)
        finding_severity(findings_of(c), SEVERITY_CRIT);
}

static void check_private(
    const struct spf_checking *c, const struct spf_node *n, const struct spf_term *t)
{
    if ((t->kind != SPF_IP4 && t->kind != SPF_IP6) || !is_private(t))
        return;
    finding_add(findings_of(c), "SPF-22", n->domain, "%s is not an address of the Internet",
        spf_shown(c, t));
    spf_place(c, n, t->offset);
}

/* ---- terms that ask ---- */

static void check_asking(
    const struct spf_checking *c, const struct spf_node *n, const struct spf_branch *b)
{
    const struct spf_term *t = b->term;

    if (t->kind == SPF_PTR) {
        finding_add(findings_of(c), "SPF-13", n->domain,
            "%s asks for the names of the sending address", spf_shown(c, t));
        spf_place(c, n, t->offset);
    }
    if (t->dynamic && spf_term_looks_up(t)) {
        finding_add(
            findings_of(c), "SPF-25", n->domain, "%s depends on each mail", spf_shown(c, t));
        spf_place(c, n, t->offset);
    }
    if (b->mx.n > SPF_NAMES_MAX) {
        finding_add(
            findings_of(c), "SPF-14", n->domain, "%s has %zu hosts", spf_shown(c, t), b->mx.n);
        spf_place(c, n, t->offset);
    }
}

static void check_service(
    const struct spf_checking *c, const struct spf_node *n, const struct spf_branch *b)
{
    const struct spf_service *service;

    if (b->term->kind != SPF_INCLUDE || !b->target)
        return;
    service = spf_service_find(b->target);
    if (service && service->shared && b->term->qualifier == SPF_PASS) {
        finding_add(findings_of(c), "SPF-23", n->domain, "%s is shared by all customers of %s",
            spf_shown(c, b->term), service->name);
        spf_place(c, n, b->term->offset);
        finding_arg(findings_of(c), "X", "%s", service->name);
    }
    if (service && service->own_bounces) {
        finding_add(findings_of(c), "SPF-24", n->domain,
            "%s: %s sends with a bounce domain of its own", spf_shown(c, b->term), service->name);
        spf_place(c, n, b->term->offset);
    }
}

static void check_modifier(
    const struct spf_checking *c, const struct spf_node *n, const struct spf_term *t)
{
    if (t->kind != SPF_OTHER_MODIFIER || t->fault)
        return;
    finding_add(
        findings_of(c), "SPF-28", n->domain, "%s is no modifier of RFC 7208", spf_shown(c, t));
    spf_place(c, n, t->offset);
}

/* ---- what reports show ---- */

/* Do only hosts of a large mailbox provider take the mail? They never send it. */
static const char *receiving_provider(const struct spf_branch *b)
{
    for (size_t i = 0; i < b->mx.n; i++) {
        if (vendor_of_mx(b->mx.records[i].name) < 0)
            return NULL;
    }
    return b->mx.n ? b->mx.records[0].name : NULL;
}

static void check_use(
    const struct spf_checking *c, const struct spf_node *n, const struct spf_branch *b)
{
    const struct spf_context *x = c->context;
    enum spf_kind kind = b->term->kind;
    bool host = kind == SPF_A || kind == SPF_MX;

    if (host && receiving_provider(b)) {
        finding_add(findings_of(c), "SPF-32", n->domain, "%s: %s takes mail and does not send it",
            spf_shown(c, b->term), receiving_provider(b));
        spf_place(c, n, b->term->offset);
        return;
    }
    if (!x->sources_complete || (!host && kind != SPF_INCLUDE) || b->dynamic ||
        b->networks_from == b->networks_to ||
        spf_branch_messages(c->tree, b, x->sources, x->n_sources) > 0)
        return;
    if (host) {
        finding_add(findings_of(c), "SPF-32", n->domain,
            "%s: no mail from there in the reports of 90 days", spf_shown(c, b->term));
    } else {
        finding_add(findings_of(c), "SPF-34", n->domain,
            "%s: no mail from there in the reports of 90 days", spf_shown(c, b->term));
    }
    spf_place(c, n, b->term->offset);
}

static bool has_record(struct subject *s, const char *name)
{
    struct dns_answer txt;

    subject_ask_quietly(s, name, DNS_TXT, &txt);
    for (size_t i = 0; i < txt.n; i++) {
        if (spf_is_record(txt.records[i].data, txt.records[i].len))
            return true;
    }
    return txt.status == DNS_FAILED;
}

/* Bounces have no sender: SPF is checked for the name in HELO then, and reports show it as the
 * envelope domain. It is a host of the domain that takes no mail of its own. */
static void check_helo(const struct spf_checking *c)
{
    struct subject *s = c->subject;
    size_t looked = 0;

    for (size_t i = 0; s->history && i < s->history->n_envelopes && looked < HELO_MAX; i++) {
        const struct history_envelope *e = &s->history->envelopes[i];
        if (e->passed > 0 || strcmp(e->domain, s->domain) == 0 ||
            !domain_is_within(e->domain, s->domain))
            continue;
        looked++;
        if (!subject_has(s, e->domain, DNS_A) || subject_has(s, e->domain, DNS_MX) ||
            has_record(s, e->domain))
            continue;
        finding_add(&s->findings, "SPF-33", e->domain,
            "%s sends bounces and has no SPF record (%" PRId64 " messages)", e->domain,
            e->messages);
        finding_arg(&s->findings, "helo", "%s", e->domain);
        finding_messages(&s->findings, e->messages);
    }
}

static void check_parked(const struct spf_checking *c, const struct spf_node *n)
{
    if (!c->context->parked || strcmp(n->record.text, "v=spf1 -all") == 0)
        return;
    finding_add(findings_of(c), "SPF-30", n->domain,
        "the domain sends no mail, and the record says something else");
    spf_place(c, n, 0);
}

void spf_check_terms(const struct spf_checking *c, const struct spf_node *n)
{
    bool own = spf_node_is_own(c->tree, n);

    check_all(c, n);
    if (n->decides) {
        check_end(c, n);
        check_exp(c, n);
    }
    if (own)
        check_order(c, n);
    if (n == c->tree->top) {
        check_parked(c, n);
        check_helo(c);
    }
    for (size_t i = 0; i < n->record.n; i++) {
        const struct spf_branch *b = &n->branches[i];
        if (own)
            check_modifier(c, n, b->term);
        if (b->term->fault || b->skipped)
            continue;
        check_asking(c, n, b);
        check_width(c, n, b, own);
        if (!own)
            continue;
        check_private(c, n, b->term);
        check_service(c, n, b);
        check_use(c, n, b);
    }
}
