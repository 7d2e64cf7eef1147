/* Whole checks of a domain against answers in a table: the vectors. */
#include "base/arena.h"
#include "base/text.h"
#include "check/check.h"
#include "check/history.h"
#include "tests/unit/dns_table.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- vectors ---- */

static void plant(struct dns_table *t, const char *key, const json_t *values)
{
    const char *blank = strchr(key, ' ');
    size_t i;
    const json_t *v;
    char *name = strndup(key, (size_t)(blank - key));

    json_array_foreach(values, i, v)
        dns_table_add(t, name, blank + 1, json_string_value(v), json_string_length(v));
    free(name);
}

static int fetch_policy(
    void *context, const char *url, size_t max, struct arena *a, struct fetched *out, struct err *e)
{
    const char *policy = context;

    (void)max;
    (void)a;
    if (!policy || !strstr(url, "/mta-sts.txt"))
        return err_set(e, ERR_INPUT, "https", "there is nothing");
    *out = (struct fetched){
        .status = 200, .content_type = "text/plain", .body = policy, .len = strlen(policy)};
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Ids that begin with the prefix, each once, in order, with blanks between. */
static const char *ids_of(struct arena *a, const struct findings *f, const char *prefix)
{
    const char **ids = arena_alloc(a, (f->n + 1) * sizeof *ids);
    size_t n = 0;
    const char *out = "";

    for (size_t i = 0; i < f->n; i++) {
        if (strncmp(f->items[i].kind->id, prefix, strlen(prefix)) == 0)
            ids[n++] = f->items[i].kind->id;
    }
    qsort(ids, n, sizeof *ids, compare_ids);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(ids[i], ids[i - 1]) != 0)
            out = arena_printf(a, "%s%s%s", out, *out ? " " : "", ids[i]);
    }
    return out;
}

static const char *expected_ids(struct arena *a, const json_t *list)
{
    const char *out = "";
    size_t i;
    const json_t *v;

    json_array_foreach(list, i, v) out =
        arena_printf(a, "%s%s%s", out, *out ? " " : "", json_string_value(v));
    return out;
}

static void expect_text(const char *id, const char *what, const char *wanted, const char *got)
{
    if (strcmp(wanted, got) == 0)
        return;
    printf("\n%s: %s: wanted '%s', got '%s'", id, what, wanted, got);
    CU_FAIL("a vector differs");
}

static void expect_effective(const char *id, const json_t *effective, const struct check_result *r)
{
    const struct dmarc_applied *as = &r->dmarc.as_9989;

    if (!effective)
        return;
    const json_t *domain = json_object_get(effective, "domain");
    if (!json_is_string(domain)) {
        expect_text(id, "effective", "no DMARC", as->domain);
        return;
    }
    expect_text(id, "domain", json_string_value(domain), as->domain);
    expect_text(
        id, "subdomain", json_string_value(json_object_get(effective, "sub")), as->subdomain);
    expect_text(
        id, "invented", json_string_value(json_object_get(effective, "nosub")), as->invented);
}

static const char *prefix_of(const char *check)
{
    static const char *const prefixes[][2] = {{"dmarc", "DMARC-"}, {"dkim", "DKIM-"}, {"mx", "MX-"},
        {"sts", "STS-"}, {"tlsrpt", "TLSRPT-"}};

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (strcmp(prefixes[i][0], check) == 0)
            return prefixes[i][1];
    }
    return NULL;
}

static const char *text_of(const json_t *v, const char *key)
{
    return json_string_value(json_object_get(v, key));
}

static void run_vector(const json_t *v)
{
    struct arena *a = arena_new();
    struct dns_table *t = dns_table_new();
    const char *prefix = prefix_of(text_of(v, "check"));
    const char *selector = text_of(v, "selector");
    const char *policy = text_of(v, "policy");
    const char *domain = text_of(v, "domain");
    const char *key;
    const json_t *values;
    struct check_result r;

    json_object_foreach((json_t *)(uintptr_t)json_object_get(v, "zone"), key, values)
        plant(t, key, values);
    if (policy) /* that it can be fetched implies a host */
        dns_table_add(t, arena_printf(a, "mta-sts.%s", domain), "A", "192.0.2.80", 10);
    struct dns *d = dns_table_open(t);
    const struct check_settings set = {.dns = d,
        .fetch = policy ? fetch_policy : NULL,
        .fetch_context = (void *)(uintptr_t)policy,
        .dkim = {.selectors = &selector, .n = selector != NULL},
        .now = 1795000000};
    check_domain(&set, &(struct check_target){.name = domain}, a, &r);
    expect_text(text_of(v, "id"), text_of(v, "title"),
        expected_ids(a, json_object_get(v, "findings")), ids_of(a, &r.findings, prefix));
    expect_effective(
        text_of(v, "id"), json_object_get(json_object_get(v, "expect"), "effective"), &r);
    for (size_t i = 0; i < r.findings.n; i++) {
        CU_ASSERT_PTR_NOT_NULL(r.findings.items[i].advice);
        if (strchr(r.findings.items[i].advice, '{')) {
            printf("\n%s: %s: %s", text_of(v, "id"), r.findings.items[i].kind->id,
                r.findings.items[i].advice);
            CU_FAIL("an argument is missing");
        }
    }
    dns_close(d);
    arena_free(a);
}

static void test_vectors(void)
{
    json_error_t why;
    json_t *all = json_load_file("data/vectors_records.json", 0, &why);
    size_t i;
    const json_t *v;
    size_t n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(all);
    json_array_foreach(all, i, v)
    {
        if (prefix_of(text_of(v, "check"))) {
            run_vector(v);
            n++;
        }
    }
    CU_ASSERT_EQUAL(n, 63);
    json_decref(all);
}

/* ---- organisational domains ---- */

/* The vectors speak of a made-up public suffix list; these suffixes are in the real one. */
static const char *real_name(struct arena *a, const char *name)
{
    static const char *const pairs[][2] = {
        {"city.wild.example", "www.ck"}, {"wild.example", "ck"}, {"co.example", "co.uk"}};

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t n = strlen(name);
        size_t tail = strlen(pairs[i][0]);
        if (n >= tail && strcmp(name + n - tail, pairs[i][0]) == 0)
            return arena_printf(a, "%.*s%s", (int)(n - tail), name, pairs[i][1]);
    }
    return name;
}

static void run_org_vector(const json_t *v)
{
    struct arena *a = arena_new();
    struct dns_table *t = dns_table_new();
    const char *id = text_of(v, "id");
    const char *name = real_name(a, text_of(v, "name"));
    const json_t *expect = json_object_get(v, "expect");
    const char *key;
    const json_t *values;
    struct dmarc_walk w;

    json_object_foreach((json_t *)(uintptr_t)json_object_get(v, "dmarc"), key, values)
    {
        size_t i;
        const json_t *x;
        const char *at = arena_printf(a, "_dmarc.%s", real_name(a, key));
        json_array_foreach(values, i, x)
            dns_table_add(t, at, "TXT", json_string_value(x), json_string_length(x));
    }
    struct dns *d = dns_table_open(t);
    struct subject s = {.arena = a, .dns = d, .domain = name};
    findings_init(&s.findings, a, name);
    dmarc_walk(&s, name, &w);
    expect_text(id, "tree walk", real_name(a, text_of(expect, "tree")), w.org);
    if (strcmp(name, text_of(v, "name")) == 0)
        CU_ASSERT_EQUAL(w.n, (size_t)json_integer_value(json_object_get(expect, "queries")));
    const char *psl = text_of(expect, "psl");
    if (psl)
        expect_text(id, "list", real_name(a, psl), domain_registrable(name));
    CU_ASSERT_EQUAL(s.findings.n, 0);
    dns_close(d);
    arena_free(a);
}

static void test_org_vectors(void)
{
    json_error_t why;
    json_t *all = json_load_file("data/vectors_org.json", 0, &why);
    size_t i;
    const json_t *v;

    CU_ASSERT_PTR_NOT_NULL_FATAL(all);
    CU_ASSERT_EQUAL(json_array_size(all), 15);
    json_array_foreach(all, i, v) run_org_vector(v);
    json_decref(all);
}

/* ---- single checks ---- */

/* A check of example.com, or of another name, against lines of a table. */
struct run {
    struct arena *arena;
    struct dns *dns;
    struct check_settings settings;
    struct check_history history;
    struct check_result result;
};

static void run_open(struct run *r, const char *lines)
{
    *r = (struct run){.arena = arena_new(), .dns = dns_table_of(lines)};
    r->settings = (struct check_settings){.dns = r->dns, .now = 1795000000};
}

static void run_check(struct run *r, const char *domain)
{
    const struct check_target target = {
        .name = domain, .history = r->history.messages ? &r->history : NULL};

    check_domain(&r->settings, &target, r->arena, &r->result);
}

static void run_close(struct run *r)
{
    dns_close(r->dns);
    arena_free(r->arena);
}

static const struct check_finding *find(const struct run *r, const char *id)
{
    for (size_t i = 0; i < r->result.findings.n; i++) {
        if (strcmp(r->result.findings.items[i].kind->id, id) == 0)
            return &r->result.findings.items[i];
    }
    return NULL;
}

static void expect_found(const struct run *r, const char *id, bool wanted)
{
    if ((find(r, id) != NULL) == wanted)
        return;
    printf("\n%s of %s: %s", id, r->result.domain, wanted ? "missing" : "must not be found");
    CU_FAIL("a finding is missing, or one too many");
}

static void expect_one(const char *lines, const char *domain, const char *id)
{
    struct run r;

    run_open(&r, lines);
    run_check(&r, domain);
    expect_found(&r, id, true);
    run_close(&r);
}

/* Combined vectors. */
static void test_combined(void)
{
    struct run r;

    run_open(&r, "example.com TXT v=spf1 -all\nexample.com MX 0 .\n"
                 "_dmarc.example.com TXT v=DMARC1; p=reject; sp=reject; np=reject\n");
    run_check(&r, "example.com");
    CU_ASSERT_TRUE(r.result.parked);
    expect_text("RX2", "MX", "MX-03", ids_of(r.arena, &r.result.findings, "MX-"));
    expect_text("RX2", "SPF", "", ids_of(r.arena, &r.result.findings, "SPF-"));
    expect_found(&r, "DMARC-44", false);
    run_close(&r);

    run_open(&r, "example.com TXT v=spf1 -all\nexample.com MX 0 .\n");
    run_check(&r, "example.com");
    expect_text("RX3", "MX", "MX-03", ids_of(r.arena, &r.result.findings, "MX-"));
    expect_text("RX3", "DMARC", "DMARC-01 DMARC-44", ids_of(r.arena, &r.result.findings, "DMARC-"));
    run_close(&r);

    expect_one("example.com MX 10 example-com.mail.protection.outlook.com\n"
               "example.com TXT v=spf1 include:spf.protection.outlook.com -all\n"
               "selector1._domainkey.example.com CNAME selector1.x.onmicrosoft.com\n"
               "selector1.x.onmicrosoft.com TXT v=DKIM1; p=\n",
        "example.com", "DKIM-18");
    expect_one("_dmarc.example.com TXT v=DMARC1; p=reject\n"
               "_dmarc.sub.example.com TXT v=DMARC1; p=none\n",
        "sub.example.com", "DMARC-35");
    expect_one("_dmarc.example.com TXT v=DMARC1; p=reject\na.b.c.d.e.f.g.example.com A 192.0.2.1\n",
        "a.b.c.d.e.f.g.example.com", "DMARC-34");
    expect_one("_dmarc.co.uk TXT v=DMARC1; p=none\n_dmarc.shop.co.uk TXT v=DMARC1; p=none\n",
        "shop.co.uk", "DMARC-33");
    expect_one("_zz9.example.com TXT x\n*.example.com TXT x\n", "example.com", "DNS-06");

    run_open(&r, "example.com MX 10 mail.example.com\nmail.example.com A 192.0.2.1\n"
                 "_dmarc.example.com SERVFAIL\n");
    run_check(&r, "example.com");
    expect_found(&r, "DNS-01", true);
    expect_found(&r, "DMARC-01", false);
    expect_text("RX8", "policy", "unknown", r.result.dmarc.as_9989.domain);
    run_close(&r);
}

/* What only reports can tell. */
static void test_history(void)
{
    enum {
        DAY = 86400
    };

    const int64_t now = 1795000000;
    static const char lines[] =
        "example.com MX 10 mail.example.com\nmail.example.com A 192.0.2.1\n"
        "example.com TXT v=spf1 redirect=_none.example.com\n"
        "_dmarc.example.com TXT v=DMARC1; p=none; rua=mailto:d@example.com\n"
        "old._domainkey.example.com TXT v=DKIM1; p=\n"
        "ed._domainkey.example.com TXT v=DKIM1; k=ed25519; "
        "p=XGM81OTVoeIZ3pK92gC3MrZ/Zm+nmlUAaKs9gEXC5zY=\n";
    const struct history_signature signatures[] = {
        {"example.com", "old", 20, 0, now - 3 * DAY, now - DAY, 0},
        {"example.com", "ed", 10, 10, now - 900 * DAY, now - DAY, 0},
        {"example.com", "retired", 10, 10, now - 89 * DAY, now - 80 * DAY, 0},
        {"example.com", "gone", 7, 7, now - 9 * DAY, now - DAY, 0},
        {"x.onmicrosoft.com", "selector1", 5, 5, now - 9 * DAY, now - DAY, 0}};
    const struct history_envelope envelopes[] = {{"example.com", 800, 0, 800, 300}};
    const struct history_policy policies[] = {
        {now - 200 * DAY, "none", false}, {now - DAY, "none", false}};
    struct run r;

    run_open(&r, lines);
    r.history = (struct check_history){.messages = 1000,
        .dmarc_pass = 10,
        .dkim_aligned = 10,
        .first = now - 80 * DAY,
        .last = now,
        .signatures = signatures,
        .n_signatures = 5,
        .envelopes = envelopes,
        .n_envelopes = 1,
        .policies = policies,
        .n_policies = 2};
    run_check(&r, "example.com");
    expect_found(&r, "DMARC-20", true);
    expect_found(&r, "DMARC-37", false);
    expect_found(&r, "DKIM-21", true);
    expect_found(&r, "DKIM-17", true);
    expect_found(&r, "DKIM-24", false);
    expect_found(&r, "X-05", true);
    CU_ASSERT_PTR_NOT_NULL_FATAL(find(&r, "DKIM-06"));
    CU_ASSERT_EQUAL(find(&r, "DKIM-06")->severity, SEVERITY_ERR);
    CU_ASSERT_PTR_NOT_NULL_FATAL(find(&r, "DKIM-01"));
    CU_ASSERT_STRING_EQUAL(find(&r, "DKIM-01")->name, "gone._domainkey.example.com");
    CU_ASSERT_EQUAL(find(&r, "DKIM-01")->messages, 7);
    CU_ASSERT_PTR_NOT_NULL_FATAL(find(&r, "SPF-10"));
    CU_ASSERT_EQUAL(find(&r, "SPF-10")->messages, 800);
    CU_ASSERT_EQUAL(r.result.dkim.n, 4);
    run_close(&r);
}

static void test_history_of_enforcing(void)
{
    enum {
        DAY = 86400
    };

    const int64_t now = 1795000000;
    const struct history_signature signatures[] = {
        {"x.onmicrosoft.com", "selector1", 90, 90, now - 9 * DAY, now - DAY, 0}};
    const struct history_policy policies[] = {{now - 20 * DAY, "none", false},
        {now - 10 * DAY, "reject", false}, {now - DAY, "none", false}};
    const struct spf_source sources[] = {{.ip = {4, {192, 0, 2, 7}}, .messages = 1000}};
    const struct spf_source google[] = {{.ip = {4, {198, 51, 100, 7}}, .messages = 1000}};
    struct run r;

    run_open(&r, "example.com MX 10 example-com.mail.protection.outlook.com\n"
                 "example-com.mail.protection.outlook.com A 192.0.2.1\n"
                 "example.com TXT v=spf1 include:_spf.google.com -all\n"
                 "_spf.google.com TXT v=spf1 ip4:198.51.100.0/24 -all\n"
                 "_dmarc.example.com TXT v=DMARC1; p=reject; rua=mailto:d@example.com\n");
    r.history = (struct check_history){.messages = 1000,
        .dmarc_pass = 900,
        .listed = 3,
        .legitimate_failed = 50,
        .first = now - 80 * DAY,
        .last = now,
        .signatures = signatures,
        .n_signatures = 1,
        .policies = policies,
        .n_policies = 3,
        .sources = sources,
        .n_sources = 1,
        .sources_complete = true};
    run_check(&r, "example.com");
    static const char *const wanted[] = {
        "DMARC-37", "DMARC-38", "DMARC-48", "DKIM-19", "DKIM-24", "X-03", "X-04"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        expect_found(&r, wanted[i], true);
    expect_found(&r, "DMARC-20", false);
    r.history.sources = google; /* mail does come from there */
    run_check(&r, "example.com");
    expect_found(&r, "X-04", false);
    r.history.sources = sources;
    r.history.sources_complete = false; /* it may have, before the first report */
    run_check(&r, "example.com");
    expect_found(&r, "X-04", false);
    run_close(&r);
}

static void test_start_from_nothing(void)
{
    struct run r;

    run_open(&r, "example.com MX 10 mail.example.com\nmail.example.com A 192.0.2.1\n");
    run_check(&r, "example.com");
    expect_found(&r, "X-01", false);
    r.history.messages = 5;
    run_check(&r, "example.com");
    expect_found(&r, "X-01", true);
    CU_ASSERT_STRING_EQUAL(r.result.findings.items[0].kind->id, "X-01"); /* crit comes first */
    run_close(&r);
}

/* Tests that have lasted, and reports about TLS. */
static void test_lasting(void)
{
    enum {
        DAY = 86400
    };

    const int64_t now = 1795000000;
    const struct history_signature signatures[] = {
        {"example.com", "m1", 20, 20, now - 3 * DAY, now - DAY, 5}};
    const struct history_policy policies[] = {{now - 50 * DAY, "reject", false},
        {now - 40 * DAY, "reject", true}, {now - DAY, "reject", true}};
    static const char testing[] =
        "version: STSv1\nmode: testing\nmx: mail.example.com\nmax_age: 604800\n";
    static const char enforce[] =
        "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 604800\n";
    struct run r;

    run_open(&r, "example.com MX 10 mail.example.com\nmail.example.com A 192.0.2.1\n"
                 "_dmarc.example.com TXT v=DMARC1; p=reject; t=y\n"
                 "m1._domainkey.example.com TXT v=DKIM1; t=s; p=\n"
                 "_mta-sts.example.com TXT v=STSv1; id=1\n"
                 "_smtp._tls.example.com TXT v=TLSRPTv1; rua=mailto:tls@example.com\n");
    r.history = (struct check_history){.messages = 20,
        .dkim_aligned = 20,
        .dmarc_pass = 20,
        .last = now,
        .signatures = signatures,
        .n_signatures = 1,
        .policies = policies,
        .n_policies = 3,
        .tls_first = now - 70 * DAY,
        .tls_successful = 900};
    r.settings.fetch = fetch_policy;
    r.settings.fetch_context = (void *)(uintptr_t)testing;
    run_check(&r, "example.com");
    expect_found(&r, "DMARC-25", true);
    expect_found(&r, "DKIM-23", true);
    expect_found(&r, "STS-11", true);
    expect_found(&r, "TLSRPT-06", false);
    r.history.tls_failed = 1;
    r.settings.fetch_context = (void *)(uintptr_t)enforce;
    run_check(&r, "example.com");
    expect_found(&r, "STS-11", false);
    expect_found(&r, "TLSRPT-06", true);
    /* another policy under the id of the last check */
    r.history.sts_record = "v=STSv1; id=1";
    r.history.sts_policy = "mode: testing\nmax_age: 1\n*.example.com";
    run_check(&r, "example.com");
    expect_found(&r, "STS-10", true);
    r.history.sts_record = "v=STSv1; id=0";
    run_check(&r, "example.com");
    expect_found(&r, "STS-10", false);
    run_close(&r);
}

/* A domain that would make us ask for ever. */
static void test_most_questions(void)
{
    struct arena *a = arena_new();
    const char *lines = "example.com MX 10 mail.example.com\nmail.example.com A 192.0.2.1\n"
                        "_dmarc.example.com TXT v=DMARC1; p=reject\n"
                        "example.com TXT v=spf1 include:i0.example.net -all\n";
    static struct history_signature signatures[100];
    struct run r;

    for (int i = 0; i < 90; i++) {
        lines = arena_printf(a,
            "%si%d.example.net TXT v=spf1 a:a%d.example.net mx:m%d.example.net "
            "include:i%d.example.net -all\n",
            lines, i, i, i, i + 1);
    }
    for (int i = 0; i < 100; i++) {
        signatures[i] = (struct history_signature){.domain = "example.com",
            .selector = arena_printf(a, "s%d", i),
            .messages = 1,
            .last = 1794999999};
    }
    run_open(&r, lines);
    r.history.messages = 1;
    r.history.signatures = signatures;
    r.history.n_signatures = 100;
    run_check(&r, "example.com");
    CU_ASSERT_EQUAL(r.result.questions, SUBJECT_QUESTIONS_MAX);
    expect_found(&r, "DNS-01", false); /* what was not asked is not a trouble of the zone */
    expect_found(&r, "SPF-05", true);
    CU_ASSERT_EQUAL(r.result.dkim.n, DKIM_SELECTORS_MAX);
    run_close(&r);
    arena_free(a);
}

/* Who signs for the domain by one way of telling organisations, and not by the other. */
static void test_alignment_differs(void)
{
    const struct history_signature signatures[] = {{"news.example.com", "s", 40, 40, 0, 1, 0}};
    struct run r;

    run_open(&r, "_dmarc.example.com TXT v=DMARC1; p=reject\n"
                 "_dmarc.news.example.com TXT v=DMARC1; p=reject; psd=n\n"
                 "news.example.com A 192.0.2.1\n");
    r.history.messages = 40;
    r.history.signatures = signatures;
    r.history.n_signatures = 1;
    run_check(&r, "example.com");
    expect_found(&r, "X-07", true);
    run_close(&r);
}

/* The effective policies of the table in the specification. */
static void test_effective(void)
{
    static const struct {
        const char *record;
        const char *domain_7489, *sub_7489, *domain_9989, *sub_9989, *invented_9989;
    } rows[] = {
        {"p=reject", "reject", "reject", "reject", "reject", "reject"},
        {"p=reject; sp=none", "reject", "none", "reject", "none", "none"},
        {"p=none; sp=reject", "none", "reject", "none", "reject", "reject"},
        {"p=none; np=reject", "none", "none", "none", "none", "reject"},
        {"p=reject; pct=0", "quarantine", "quarantine", "reject", "reject", "reject"},
        {"p=quarantine; pct=0", "none", "none", "quarantine", "quarantine", "quarantine"},
        {"p=reject; pct=20", "reject for 20 %, else quarantine", "reject for 20 %, else quarantine",
            "reject", "reject", "reject"},
        {"p=reject; t=y", "reject", "reject", "quarantine", "quarantine", "quarantine"},
        {"p=quarantine; t=y", "quarantine", "quarantine", "none", "none", "none"},
        {"sp=reject; rua=mailto:a@example.com", "none", "none", "none", "none", "none"},
        {"rua=mailto:a@example.com", "none", "none", "none", "none", "none"},
        {"rua=a@example.com", "no DMARC", "no DMARC", "no DMARC", "no DMARC", "no DMARC"},
        {"", "no DMARC", "no DMARC", "no DMARC", "no DMARC", "no DMARC"},
    };
    struct arena *a = arena_new();

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = arena_printf(a, "v=DMARC1; %s", rows[i].record);
        struct dmarc_record r;
        CU_ASSERT_EQUAL(dmarc_kind_of(text, strlen(text)), DMARC_RECORD);
        dmarc_record_read(a, text, strlen(text), &r);
        expect_text(text, "7489", rows[i].domain_7489,
            dmarc_effective_text(a, &r, DMARC_DOMAIN, DMARC_7489));
        expect_text(text, "7489 below", rows[i].sub_7489,
            dmarc_effective_text(a, &r, DMARC_SUBDOMAIN, DMARC_7489));
        expect_text(text, "9989", rows[i].domain_9989,
            dmarc_effective_text(a, &r, DMARC_DOMAIN, DMARC_9989));
        expect_text(text, "9989 below", rows[i].sub_9989,
            dmarc_effective_text(a, &r, DMARC_SUBDOMAIN, DMARC_9989));
        expect_text(text, "9989 invented", rows[i].invented_9989,
            dmarc_effective_text(a, &r, DMARC_INVENTED, DMARC_9989));
    }
    arena_free(a);
}

static void test_sts_patterns(void)
{
    CU_ASSERT_TRUE(sts_pattern_matches("mail.example.com", "mail.example.com"));
    CU_ASSERT_TRUE(sts_pattern_matches("*.example.com", "mail.example.com"));
    CU_ASSERT_FALSE(sts_pattern_matches("*.example.com", "example.com"));
    CU_ASSERT_FALSE(sts_pattern_matches("*.example.com", "a.b.example.com"));
    CU_ASSERT_FALSE(sts_pattern_matches("*.example.com", "mail.badexample.com"));
    CU_ASSERT_TRUE(sts_pattern_is_valid("*.example.com"));
    CU_ASSERT_FALSE(sts_pattern_is_valid("*mail.example.com"));
    CU_ASSERT_FALSE(sts_pattern_is_valid("a.*.example.com"));
    CU_ASSERT_FALSE(sts_pattern_is_valid("*"));
    CU_ASSERT_FALSE(sts_pattern_is_valid(""));
}

/* What is wrong with a policy. */
static void test_sts_policies(void)
{
    static const struct {
        const char *policy, *ids;
    } cases[] = {
        {"version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 604800\n", ""},
        {"version: STSv1\r\nmode: none\r\nmax_age: 604800\r\n", ""},
        {"mode: enforce\nmx: mail.example.com\nmax_age: 604800\n", "STS-06"},
        {"version: STSv1\nmode: on\nmx: mail.example.com\nmax_age: 604800\n", "STS-06"},
        {"version: STSv1\nmode: enforce\nmx: mail.example.com\n", "STS-06"},
        {"version: STSv1\nmode: enforce\nmx: other.example.com\nmax_age: 604800\n",
            "STS-07 STS-08"},
        {"version: STSv1\nmode: testing\nmx: *.example.com\nmx: x.example.net\nmax_age: 604800",
            "STS-08"},
        {"version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 3600\n", "STS-09"},
        {"version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 99999999\n", "STS-09"},
        {"version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *x.example.com\nmax_age: "
         "604800\n",
            "STS-12"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run r;
        run_open(&r, "example.com MX 10 mail.example.com\nmail.example.com A 192.0.2.1\n"
                     "_mta-sts.example.com TXT v=STSv1; id=1\n");
        r.settings.fetch = fetch_policy;
        r.settings.fetch_context = (void *)(uintptr_t)cases[i].policy;
        run_check(&r, "example.com");
        expect_text(
            cases[i].policy, "policy", cases[i].ids, ids_of(r.arena, &r.result.findings, "STS-"));
        run_close(&r);
    }
}

/* ---- a document that cannot be had, or not as it should be ---- */

static int fetch_odd(
    void *context, const char *url, size_t max, struct arena *a, struct fetched *out, struct err *e)
{
    const struct fetched *odd = context;

    (void)url;
    (void)max;
    (void)a;
    if (odd->status == 0)
        return err_set(e, ERR_INPUT, "https", "no connection");
    *out = *odd;
    return 0;
}

static void expect_odd(const struct fetched *odd, const char *prefix, const char *ids)
{
    struct run r;

    run_open(&r, "example.com MX 10 mail.example.com\nmail.example.com A 192.0.2.1\n"
                 "_mta-sts.example.com TXT v=STSv1; id=1\n"
                 "_smtp._tls.example.com TXT v=TLSRPTv1; rua=https://r.example.com/\n"
                 "_dmarc.example.com TXT v=DMARC1; p=reject\n"
                 "default._bimi.example.com TXT v=BIMI1; l=https://l.example.com/l.svg; a=;\n");
    r.settings.fetch = fetch_odd;
    r.settings.fetch_context = (void *)(uintptr_t)odd;
    run_check(&r, "example.com");
    expect_text(odd->body ? odd->body : "nothing", "fetched", ids,
        ids_of(r.arena, &r.result.findings, prefix));
    run_close(&r);
}

static void test_fetched(void)
{
    static const char policy[] =
        "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 604800\n";
    static const char svg[] = "<svg version=\"1.2\" baseProfile=\"tiny-ps\"><title>x</title></svg>";
    static const char wild_svg[] = "<svg version=\"1.1\"><script/></svg>";
    const size_t n = sizeof policy - 1;

    expect_odd(&(struct fetched){0}, "STS-", "STS-04");
    expect_odd(&(struct fetched){0}, "TLSRPT-", "TLSRPT-05");
    expect_odd(&(struct fetched){0}, "BIMI-", "BIMI-04 BIMI-06");
    expect_odd(&(struct fetched){404, "text/plain", policy, n, 0}, "STS-", "STS-04");
    expect_odd(&(struct fetched){301, "text/plain", policy, n, 0}, "STS-", "STS-04");
    expect_odd(&(struct fetched){404, "text/plain", policy, n, 0}, "TLSRPT-", "");
    expect_odd(&(struct fetched){200, "text/html", policy, n, 0}, "STS-", "STS-05");
    expect_odd(
        &(struct fetched){200, "text/plain", policy, n, 1795000000 + 86400}, "STS-", "STS-14");
    expect_odd(
        &(struct fetched){200, "text/plain", policy, n, 1795000000 + 86400 * 60}, "STS-", "");
    expect_odd(&(struct fetched){200, "text/plain", policy, n, 0}, "BIMI-", "BIMI-04 BIMI-06");
    expect_odd(&(struct fetched){200, "image/svg+xml", svg, sizeof svg - 1, 0}, "BIMI-", "BIMI-06");
    expect_odd(&(struct fetched){200, "image/svg+xml", wild_svg, sizeof wild_svg - 1, 0}, "BIMI-",
        "BIMI-05 BIMI-06");
}

const char unit_suite[] = "check";
const struct unit_test unit_tests[] = {
    {"vectors", test_vectors},
    {"organisational domains", test_org_vectors},
    {"combined vectors", test_combined},
    {"reports", test_history},
    {"reports of an enforcing domain", test_history_of_enforcing},
    {"nothing published", test_start_from_nothing},
    {"tests that last", test_lasting},
    {"most questions", test_most_questions},
    {"alignment differs", test_alignment_differs},
    {"effective policies", test_effective},
    {"MTA-STS patterns", test_sts_patterns},
    {"MTA-STS policies", test_sts_policies},
    {"documents", test_fetched},
    {NULL, NULL},
};
