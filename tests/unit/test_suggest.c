/* What is suggested, where the end-to-end test does not reach; and what the list's words come to.
 */
#include "base/arena.h"
#include "check/check.h"
#include "check/suggest.h"
#include "cli/suggest_facts.h"
#include "tests/unit/dns_table.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

static void expect_term(const char *spf, const char *where, const char *wanted)
{
    struct arena *a = arena_new();
    const char *got = suggest_term(a, spf, where);

    CU_ASSERT_STRING_EQUAL(got ? got : "nothing", wanted ? wanted : "nothing");
    arena_free(a);
}

static void test_terms(void)
{
    expect_term("include:mail.zendesk.com", "apex", "include:mail.zendesk.com");
    expect_term("include:spf.mandrillapp.com", "apex (only useful with own return path)",
        "include:spf.mandrillapp.com");
    expect_term(
        "include:zohomail.com (older: include:zoho.com / zoho.eu)", "apex", "include:zohomail.com");
    /* one of several, or for some only */
    expect_term("include:_spf-eu.ionos.com or include:_spf-us.ionos.com", "apex", NULL);
    expect_term("include:mailgun.org (EU: include:eu.mailgun.org)", "apex", NULL);
    expect_term("include:a.spf.service-now.com and b, c, d", "apex", NULL);
    expect_term("include:<portal-id>.spf0<n>.hubspotemail.net", "apex or sending domain", NULL);
    expect_term("include:sendgrid.net only for old set-ups", "no", NULL);
    expect_term("include:amazonses.com", "on the MAIL FROM subdomain", NULL);
    expect_term("ip4:/a: of that server, better none", "apex", NULL);
    expect_term("-", "-", NULL);
    expect_term(NULL, NULL, NULL);
}

/* "state TYPE name value", a line each. */
static void expect(const char *zone, const struct suggest_facts *facts, const char *wanted)
{
    struct arena *a = arena_new();
    struct dns *dns = dns_table_of(zone);
    const struct check_settings set = {.dns = dns, .now = 1795000000};
    const struct check_target target = {.name = "d.example"};
    struct check_result r;
    struct suggestion s;
    const char *got = "";

    check_domain(&set, &target, a, &r);
    suggest(dns, &r, facts, a, &s);
    for (size_t i = 0; i < s.n; i++) {
        const struct suggest_line *l = &s.lines[i];
        got = arena_printf(a, "%s%s%s %s %s %s", got, *got ? "\n" : "",
            suggest_state_name(l->state), l->type ? l->type : "-", l->name, l->value);
    }
    if (strcmp(got, wanted) != 0)
        printf("\nwanted: %s\ngot:    %s\n", wanted, got);
    CU_ASSERT_STRING_EQUAL(got, wanted);
    dns_close(dns);
    arena_free(a);
}

#define ZONE                        \
    "example NS ns.example\n"       \
    "d.example NS ns.example\n"     \
    "d.example MX 10 m.d.example\n" \
    "m.d.example A 192.0.2.1\n"     \
    "x.example TXT v=spf1 ip4:192.0.2.0/24 -all\n"

static void test_spf(void)
{
    const struct suggest_facts nobody = {.seen = true, .readiness = "Not ready."};
    const char *dmarc = "keep TXT _dmarc.d.example v=DMARC1; p=none; rua=mailto:r@d.example";
    const char *record = "_dmarc.d.example TXT v=DMARC1; p=none; rua=mailto:r@d.example\n"
                         "_dmarc.example TXT v=DMARC1; p=reject; psd=n\n";
    struct arena *a = arena_new();

    /* a redirect becomes an include, so that something can be added */
    expect(arena_printf(a, ZONE "%sd.example TXT v=spf1 mx redirect=x.example\n", record), &nobody,
        arena_printf(a, "change TXT d.example v=spf1 mx include:x.example ~all\n%s", dmarc));
    /* what breaks the record, what nobody reads, what stands there twice */
    expect(arena_printf(a, ZONE "%sd.example TXT v=spf1 mx ipv4:192.0.2.1 mx -all a\n", record),
        &nobody, arena_printf(a, "change TXT d.example v=spf1 mx ~all\n%s", dmarc));
    expect(arena_printf(a, ZONE "%sd.example TXT v=spf1 mx ~all\n", record), &nobody,
        arena_printf(a, "keep TXT d.example v=spf1 mx ~all\n%s", dmarc));
    /* which of two counts is for a person to say */
    expect(arena_printf(
               a, ZONE "%sd.example TXT v=spf1 mx ~all\nd.example TXT v=spf1 a ~all\n", record),
        &nobody, arena_printf(a, "by hand TXT d.example v=spf1 ... ~all\n%s", dmarc));
    arena_free(a);
}

static void test_dmarc(void)
{
    const struct suggest_facts ready = {.seen = true, .ready = true, .readiness = "Ready."};
    const char *spf = "keep TXT d.example v=spf1 mx ~all";
    const char *with_spf = ZONE "d.example TXT v=spf1 mx ~all\n";
    struct arena *a = arena_new();

    /* test mode is no policy yet */
    expect(arena_printf(a, "%s_dmarc.d.example TXT v=DMARC1; p=quarantine; t=y\n", with_spf),
        &ready,
        arena_printf(a, "%s\nchange TXT _dmarc.d.example v=DMARC1; p=quarantine; np=reject", spf));
    expect(arena_printf(a, "%s_dmarc.d.example TXT v=DMARC1; p=reject; np=reject\n", with_spf),
        &ready,
        arena_printf(a, "%s\nkeep TXT _dmarc.d.example v=DMARC1; p=reject; np=reject", spf));
    expect(arena_printf(a,
               "%s_dmarc.d.example TXT v=DMARC1; p=none\n"
               "_dmarc.d.example TXT v=DMARC1; p=reject\n",
               with_spf),
        &ready, arena_printf(a, "%s\nby hand TXT _dmarc.d.example v=DMARC1; ...", spf));
    /* the domain above speaks for it */
    expect(arena_printf(a, "%s_dmarc.example TXT v=DMARC1; p=none; psd=n\n", with_spf), &ready,
        arena_printf(a, "%s\nkeep TXT _dmarc.example v=DMARC1; p=none; psd=n", spf));
    expect(arena_printf(a, "%s_dmarc.d.example TIMEOUT\n", with_spf), &ready,
        arena_printf(a, "%s\nby hand TXT _dmarc.d.example v=DMARC1; ...", spf));
    arena_free(a);
}

/* Networks that the operator calls the owner's. */
static void test_own(void)
{
    const char *terms[] = {"ip4:198.51.100.7"};
    const struct spf_source source = {.ip = {4, {198, 51, 100, 7}}, .messages = 5};
    const struct suggest_sender own = {.name = "office",
        .terms = terms,
        .n_terms = 1,
        .messages = 5,
        .sources = &source,
        .n_sources = 1};
    const struct suggest_facts facts = {.senders = &own, .n = 1, .seen = true};
    const char *reject = "_dmarc.d.example TXT v=DMARC1; p=reject; np=reject\n";
    struct arena *a = arena_new();

    expect(arena_printf(a, ZONE "%sd.example TXT v=spf1 mx ~all\n", reject), &facts,
        "change TXT d.example v=spf1 mx ip4:198.51.100.7 ~all\n"
        "keep TXT _dmarc.d.example v=DMARC1; p=reject; np=reject");
    /* it is in there already */
    expect(arena_printf(a, ZONE "%sd.example TXT v=spf1 ip4:198.51.100.0/24 ~all\n", reject),
        &facts,
        "keep TXT d.example v=spf1 ip4:198.51.100.0/24 ~all\n"
        "keep TXT _dmarc.d.example v=DMARC1; p=reject; np=reject");
    arena_free(a);
}

const char unit_suite[] = "suggest";
const struct unit_test unit_tests[] = {
    {"terms of the list", test_terms},
    {"SPF", test_spf},
    {"DMARC", test_dmarc},
    {"the owner's networks", test_own},
    {NULL, NULL},
};
