/* Two states of what a domain has published: what is different, and what of it is weaker. */
#include "base/arena.h"
#include "check/changes.h"
#include "check/check.h"
#include "tests/unit/dns_table.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#define KEY_1024                                                                                  \
    "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC/x9VG0Pdt1XfrSvsYjUaAlU6oy1s0JQ1mGi2M8b8v" \
    "mRFnfUDqsgmaQ/ROUj+9ZrWgCIiIr4qgBQ+lHLLRzz4BdhfVAFn8uXpBfV9rTDxUEZHEIUnpBYpQrXNBcMJ7EPQ2LJZ" \
    "wtVHzJ2PZQfXoBNZqyRGRrzdlwIUmnXDADQIDAQAB"
#define KEY_ED "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

struct state {
    const char *dmarc, *spf, *dkim, *mx, *sts, *above;
    const char *findings[4];
    const char *scope;
};

static struct published make(struct arena *a, const struct state *s)
{
    struct published_record *r = arena_alloc(a, 8 * sizeof *r);
    struct published p = {
        .records = r, .scope = s->scope ? s->scope : "all", .findings = s->findings};

    r[p.n++] = (struct published_record){"domain", "d.example", "exists"};
    r[p.n++] = (struct published_record){"dmarc", "_dmarc.d.example", s->dmarc};
    r[p.n++] = (struct published_record){"spf", "d.example", s->spf};
    r[p.n++] = (struct published_record){"mx", "d.example", s->mx};
    if (s->above)
        r[p.n++] = (struct published_record){"dmarc", "_dmarc.example", s->above};
    if (!s->dkim || *s->dkim)
        r[p.n++] = (struct published_record){"dkim", "m1._domainkey.d.example", s->dkim};
    if (s->sts)
        r[p.n++] = (struct published_record){"mta-sts-policy", "_mta-sts.d.example", s->sts};
    while (p.n_findings < 4 && s->findings[p.n_findings])
        p.n_findings++;
    return p;
}

/* "weaker dmarc: message; ..." */
static void expect(const struct state *before, const struct state *now, const char *wanted)
{
    struct arena *a = arena_new();
    struct published x = make(a, before);
    struct published y = make(a, now);
    struct published_changes c;
    const char *got = "";

    published_compare(a, &x, &y, &c);
    for (size_t i = 0; i < c.n; i++) {
        got = arena_printf(a, "%s%s%s %s: %s", got, *got ? "\n" : "",
            published_rank_name(c.items[i].rank),
            strcmp(c.items[i].kind, "finding") == 0 ? c.items[i].name : c.items[i].kind,
            c.items[i].message);
    }
    if (strcmp(got, wanted) != 0)
        printf("\nwanted: %s\ngot:    %s\n", wanted, got);
    CU_ASSERT_STRING_EQUAL(got, wanted);
    arena_free(a);
}

#define DMARC(before_text, now_text, wanted)                  \
    expect(&(struct state){.dmarc = before_text, .dkim = ""}, \
        &(struct state){.dmarc = now_text, .dkim = ""}, wanted)
#define SPF(before_text, now_text, wanted)                  \
    expect(&(struct state){.spf = before_text, .dkim = ""}, \
        &(struct state){.spf = now_text, .dkim = ""}, wanted)
#define DKIM(before_text, now_text, wanted) \
    expect(&(struct state){.dkim = before_text}, &(struct state){.dkim = now_text}, wanted)

static void test_dmarc(void)
{
    DMARC("v=DMARC1; p=reject", "v=DMARC1; p=reject", "");
    DMARC("v=DMARC1; p=reject", "v=DMARC1; p=none",
        "weaker dmarc: policy for mail From the domain: reject before, none now");
    DMARC("v=DMARC1; p=none", "v=DMARC1; p=quarantine",
        "stronger dmarc: policy for mail From the domain: none before, quarantine now");
    /* better for one scope, worse for another: worse */
    DMARC("v=DMARC1; p=quarantine; sp=reject", "v=DMARC1; p=reject; sp=none",
        "weaker dmarc: policy for mail From its subdomains: reject before, none now");
    DMARC("v=DMARC1; p=reject; np=reject", "v=DMARC1; p=reject; np=none",
        "weaker dmarc: policy for mail From names that do not exist: reject before, none now");
    DMARC("v=DMARC1; p=reject", "v=DMARC1; p=reject; pct=20",
        "weaker dmarc: the policy is for 20 % of the mail, it was for 100 %");
    DMARC("v=DMARC1; p=reject; pct=20", "v=DMARC1; p=reject",
        "stronger dmarc: the policy is for 100 % of the mail, it was for 20 %");
    DMARC("v=DMARC1; p=reject", NULL,
        "weaker dmarc: not published any more; policy for mail From the domain: reject before, no DMARC now");
    /* two void each other */
    DMARC("v=DMARC1; p=reject", "v=DMARC1; p=none\nv=DMARC1; p=reject",
        "weaker dmarc: policy for mail From the domain: reject before, no DMARC now");
    DMARC("v=DMARC1; p=reject; rua=mailto:a@d.example",
        "v=DMARC1; p=reject; rua=mailto:b@d.example", "changed dmarc: reports go elsewhere");
    DMARC("v=DMARC1; p=reject; rua=mailto:a@d.example", "v=DMARC1; p=reject",
        "changed dmarc: no reports are asked for any more");
}

static void test_inherited(void)
{
    const char *above = "v=DMARC1; p=reject; sp=quarantine";

    /* the record above takes the place of the own one */
    expect(&(struct state){.dmarc = "v=DMARC1; p=reject", .dkim = ""},
        &(struct state){.above = above, .dkim = ""},
        "weaker dmarc: not published any more; policy for mail From the domain: reject before, quarantine now");
    expect(&(struct state){.dmarc = "v=DMARC1; p=quarantine", .dkim = ""},
        &(struct state){.above = above, .dkim = ""},
        "changed dmarc: not published any more; the policy is the same");
    expect(&(struct state){.above = above, .dkim = ""}, &(struct state){.dkim = ""},
        "weaker dmarc: does not apply any more; policy for mail From the domain: quarantine before, no DMARC now");
}

static void test_spf(void)
{
    SPF("v=spf1 mx -all", NULL, "weaker spf: not published any more");
    SPF("v=spf1 mx -all", "v=spf1 mx ~all", "weaker spf: added: ~all; removed: -all");
    SPF("v=spf1 mx ~all", "v=spf1 mx -all", "stronger spf: added: -all; removed: ~all");
    SPF("v=spf1 mx -all", "v=spf1 mx include:x.example -all",
        "changed spf: added: include:x.example");
    SPF("v=spf1 mx -all", "v=spf1 +all", "weaker spf: added: +all; removed: mx -all");
    SPF("v=spf1 mx -all", "v=spf1 mx -all\nv=spf1 -all",
        "weaker spf: several records void each other, before or now");
    SPF("v=spf1 mx -all", "v=spf1 bogus -all", "weaker spf: added: bogus; removed: mx");
    SPF("v=spf1 mx -all", "v=spf1 redirect=x.example",
        "changed spf: added: redirect=x.example; removed: mx -all");
    SPF(NULL, "v=spf1 -all", "stronger spf: published now");
}

static void test_dkim(void)
{
    DKIM(KEY_ED, NULL, "weaker dkim: not published any more");
    DKIM(KEY_ED, "v=DKIM1; k=ed25519; p=", "weaker dkim: the key was revoked");
    DKIM(KEY_ED, "v=DKIM1; k=ed25519; p=xx", "weaker dkim: the key is not valid any more");
    DKIM(KEY_ED, KEY_ED "; t=y", "changed dkim: the key is the same");
    DKIM(KEY_ED, "v=DKIM1; k=ed25519; p=O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=",
        "changed dkim: another key");
    DKIM(KEY_ED, "", ""); /* not looked at */
    DKIM(NULL, KEY_ED, "stronger dkim: a key is there now");
}

static void test_order(void)
{
    expect(&(struct state){.dmarc = "v=DMARC1; p=none",
               .spf = "v=spf1 mx -all",
               .mx = "10 a.d.example",
               .dkim = "",
               .findings = {"DMARC-20", "SPF-10"}},
        &(struct state){.dmarc = "v=DMARC1; p=reject",
            .spf = NULL,
            .mx = "10 b.d.example",
            .dkim = "",
            .findings = {"SPF-10", "SPF-29"}},
        "weaker spf: not published any more\n"
        "changed mx: different\n"
        "stronger dmarc: policy for mail From the domain: none before, reject now\n"
        "new SPF-29: info: '-all' while DMARC is p=none or reports show forwarded mail\n"
        "gone DMARC-20: warn: 'p=none' for more than 90 days with reports arriving");
    /* checks that were made in different ways may find different things */
    expect(&(struct state){.dkim = "", .findings = {"DMARC-20"}, .scope = "fetch"},
        &(struct state){.dkim = "", .scope = ""}, "");
}

static void test_sts(void)
{
    expect(&(struct state){.dkim = "", .sts = "mode: enforce\nmax_age: 1\nmx"},
        &(struct state){.dkim = "", .sts = "mode: testing\nmax_age: 1\nmx"},
        "weaker mta-sts-policy: another policy is served");
}

/* What nobody looked at is carried over, and compared later. */
static void test_carry(void)
{
    struct arena *a = arena_new();
    const struct state with = {.dkim = KEY_ED, .sts = "mode: enforce"};
    const struct state without = {.dkim = ""};
    struct published before = make(a, &with);
    struct published now = make(a, &without);

    published_carry(a, &before, &now);
    CU_ASSERT_PTR_NOT_NULL(published_find(&now, "dkim", "m1._domainkey.d.example"));
    /* without its record the policy means nothing */
    CU_ASSERT_PTR_NULL(published_find(&now, "mta-sts-policy", "_mta-sts.d.example"));
    size_t n = now.n;
    published_carry(a, &before, &now);
    CU_ASSERT_EQUAL(now.n, n);
    arena_free(a);
}

static bool take_with(struct arena *a, const char *zone, const char *const *selectors, size_t n,
    struct published *out)
{
    struct dns *dns = dns_table_of(zone);
    const struct check_settings set = {
        .dns = dns, .now = 1795000000, .dkim = {.selectors = selectors, .n = n}};
    const struct check_target target = {.name = "d.example"};
    struct check_result r;

    check_domain(&set, &target, a, &r);
    bool known = published_of(a, &r, "all", out);
    dns_close(dns);
    return known;
}

static bool take(struct arena *a, const char *zone, struct published *out)
{
    static const char *const selectors[] = {"m1", "m2"};

    return take_with(a, zone, selectors, 2, out);
}

static void expect_record(
    const struct published *p, const char *kind, const char *name, const char *text)
{
    const struct published_record *r = published_find(p, kind, name);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    if (text) {
        CU_ASSERT_STRING_EQUAL(r->text, text);
    } else {
        CU_ASSERT_PTR_NULL(r->text);
    }
}

#define ZONE                                   \
    "example NS ns.example\n"                  \
    "d.example NS ns.example\n"                \
    "d.example MX 20 b.d.example\n"            \
    "d.example MX 10 a.d.example\n"            \
    "a.d.example A 192.0.2.1\n"                \
    "b.d.example A 192.0.2.2\n"                \
    "d.example TXT v=spf1 mx -all\n"           \
    "d.example TXT something else\n"           \
    "m1._domainkey.d.example TXT " KEY_ED "\n" \
    "_mta-sts.d.example TXT v=STSv1; id=1\n"

static void test_of_check(void)
{
    struct arena *a = arena_new();
    struct published p;

    CU_ASSERT_TRUE_FATAL(take(a, ZONE "_dmarc.d.example TXT v=DMARC1; p=reject\n", &p));
    expect_record(&p, "domain", "d.example", "exists");
    expect_record(&p, "mx", "d.example", "10 a.d.example\n20 b.d.example");
    expect_record(&p, "spf", "d.example", "v=spf1 mx -all");
    expect_record(&p, "dmarc", "_dmarc.d.example", "v=DMARC1; p=reject");
    expect_record(&p, "dkim", "m1._domainkey.d.example", KEY_ED);
    expect_record(&p, "dkim", "m2._domainkey.d.example", NULL);
    expect_record(&p, "mta-sts", "_mta-sts.d.example", "v=STSv1; id=1");
    CU_ASSERT_TRUE(p.n_findings > 0);
    for (size_t i = 1; i < p.n_findings; i++)
        CU_ASSERT_TRUE(strcmp(p.findings[i - 1], p.findings[i]) < 0);
    /* others that do not answer hide what would be found, but not the domain's records */
    struct published lame;
    CU_ASSERT_TRUE_FATAL(take(a,
        ZONE "_dmarc.d.example TXT v=DMARC1; p=reject; rua=mailto:r@lame.test\n"
             "r.lame.test SERVFAIL\nlame.test SERVFAIL\n"
             "d.example._report._dmarc.lame.test SERVFAIL\n",
        &lame));
    CU_ASSERT_PTR_NULL(lame.scope);
    CU_ASSERT_EQUAL(lame.n_findings, 0);
    published_carry(a, &p, &lame);
    CU_ASSERT_EQUAL(lame.n_findings, p.n_findings);
    CU_ASSERT_STRING_EQUAL(lame.scope, "all");
    /* no answer is no state */
    CU_ASSERT_FALSE(take(a, ZONE "_dmarc.d.example TIMEOUT\n", &p));
    CU_ASSERT_FALSE(take(a, ZONE "m2._domainkey.d.example SERVFAIL\n", &p));
    CU_ASSERT_FALSE(take(a, "d.example SERVFAIL\n", &p));
    /* a name that is gone is one */
    CU_ASSERT_TRUE_FATAL(take(a, "example NS ns.example\n", &p));
    expect_record(&p, "domain", "d.example", NULL);
    arena_free(a);
}

/* A check that ran out of questions does not take for gone what it never asked for. */
static void test_cut(void)
{
    struct arena *a = arena_new();
    const char *selectors[DKIM_SELECTORS_MAX];
    const char *spf = "v=spf1";
    struct published p;

    for (int i = 0; i < DKIM_SELECTORS_MAX; i++)
        selectors[i] = arena_printf(a, "s%d", i);
    for (int i = 0; i < 100; i++)
        spf = arena_printf(a, "%s a:h%d.d.example", spf, i);
    const char *zone = arena_printf(a,
        "example NS ns.example\nd.example NS ns.example\nd.example TXT %s -all\n"
        "_smtp._tls.d.example TXT v=TLSRPTv1; rua=mailto:t@d.example\n",
        spf);
    CU_ASSERT_TRUE_FATAL(take_with(a, zone, selectors, DKIM_SELECTORS_MAX, &p));
    CU_ASSERT_PTR_NOT_NULL(published_find(&p, "spf", "d.example"));
    CU_ASSERT_PTR_NULL(published_find(&p, "tls-rpt", "_smtp._tls.d.example"));
    CU_ASSERT_TRUE_FATAL(take_with(a, zone, selectors, 1, &p));
    expect_record(&p, "tls-rpt", "_smtp._tls.d.example", "v=TLSRPTv1; rua=mailto:t@d.example");
    arena_free(a);
}

const char unit_suite[] = "changes";
const struct unit_test unit_tests[] = {
    {"DMARC", test_dmarc},
    {"DMARC of the domain above", test_inherited},
    {"SPF", test_spf},
    {"DKIM", test_dkim},
    {"MTA-STS", test_sts},
    {"order", test_order},
    {"what was not looked at", test_carry},
    {"of a check", test_of_check},
    {"a check that was cut off", test_cut},
    {NULL, NULL},
};
