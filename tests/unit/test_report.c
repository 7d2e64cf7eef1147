/*
 * The report of a client: causes from signs, numbers from a store, and what is written of them.
 */
#include "base/arena.h"
#include "report/render.h"
#include "report/report.h"
#include "store/auth.h"
#include "store/store.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char unit_suite[] = "report";

enum {
    MONDAY = 20773, /* 2026-11-16 */
    DAY = 86400
};

/* ---- causes ---- */

struct case_of_cause {
    enum verdict dkim, spf;
    struct auth_result signature, spf_result; /* domain NULL: none */
    const char *reason;
    const char *strict; /* "d", "s" */
    const char *cause;
    const char *identity;
    const char *in_remedy;
};

static const struct case_of_cause cases[] = {
    {.dkim = VERDICT_PASS,
        .signature = {.domain = "a.example", .result = "pass"},
        .cause = "ok",
        .identity = "signs as a.example",
        .in_remedy = "Nothing to do"},
    {.spf = VERDICT_PASS,
        .spf_result = {.domain = "a.example", .result = "pass"},
        .cause = "ok-spf-only",
        .identity = "sends as a.example",
        .in_remedy = "sign with DKIM as a.example"},
    {.dkim = VERDICT_UNKNOWN, .cause = "no-verdict", .identity = "unknown host", .in_remedy = ""},
    {.dkim = VERDICT_FAIL,
        .signature = {.domain = "list.example", .result = "pass"},
        .reason = "mailing_list",
        .cause = "forwarded",
        .identity = "signs as list.example",
        .in_remedy = "Nothing to publish"},
    {.dkim = VERDICT_FAIL,
        .signature = {.domain = "a.example", .result = "temperror"},
        .cause = "dns-temporary",
        .identity = "unknown host",
        .in_remedy = "name servers of a.example"},
    {.dkim = VERDICT_FAIL,
        .signature = {.domain = "mail.a.example", .result = "pass"},
        .strict = "d",
        .cause = "dkim-strict",
        .identity = "signs as mail.a.example",
        .in_remedy = "adkim=r"},
    {.dkim = VERDICT_FAIL,
        .spf_result = {.domain = "bounce.a.example", .result = "pass"},
        .strict = "s",
        .cause = "spf-strict",
        .identity = "sends as bounce.a.example",
        .in_remedy = "aspf=r"},
    {.dkim = VERDICT_FAIL,
        .signature = {.domain = "a.example", .result = "pass"},
        .cause = "receiver-disagrees",
        .identity = "signs as a.example",
        .in_remedy = "Nothing to do"},
    {.dkim = VERDICT_FAIL,
        .signature = {.domain = "a.example", .selector = "s1", .result = "fail"},
        .spf_result = {.domain = "a.example", .result = "fail"},
        .cause = "dkim-broken",
        .identity = "unknown host",
        .in_remedy = "selector s1"},
    {.dkim = VERDICT_FAIL,
        .signature = {.domain = "esp.example", .result = "pass"},
        .spf_result = {.domain = "bounce.esp.example", .result = "pass"},
        .cause = "signed-by-other",
        .identity = "signs as esp.example",
        .in_remedy = "switch on DKIM signing as a.example"},
    {.dkim = VERDICT_FAIL,
        .spf_result = {.domain = "bounce.esp.example", .result = "pass"},
        .cause = "sent-by-other",
        .identity = "sends as bounce.esp.example",
        .in_remedy = "DKIM signing as a.example"},
    {.dkim = VERDICT_FAIL,
        .spf_result = {.domain = "a.example", .result = "permerror"},
        .cause = "spf-broken",
        .identity = "unknown host",
        .in_remedy = "Repair the SPF record of a.example"},
    {.dkim = VERDICT_FAIL,
        .spf_result = {.domain = "a.example", .result = "softfail"},
        .cause = "spf-fails",
        .identity = "unknown host",
        .in_remedy = "If you do not know it, do nothing"},
    {.dkim = VERDICT_FAIL,
        .spf_result = {.domain = "other.example", .result = "fail"},
        .cause = "unauthenticated",
        .identity = "unknown host",
        .in_remedy = "sign with DKIM as a.example"},
};

static enum cause_id find(const struct case_of_cause *c, struct evidence *out)
{
    static struct auth_result dkim;
    static struct auth_result spf;
    static struct auth_results auth;
    static struct override_reason reason;

    dkim = c->signature;
    spf = c->spf_result;
    auth = (struct auth_results){&dkim, dkim.domain != NULL, &spf, spf.domain != NULL};
    reason = (struct override_reason){.type = c->reason};
    const struct signs signs = {
        .domain = "a.example",
        .dkim = c->dkim,
        .spf = c->spf,
        .auth = &auth,
        .reasons = &reason,
        .n_reasons = c->reason != NULL,
        .strict_dkim = c->strict && *c->strict == 'd',
        .strict_spf = c->strict && *c->strict == 's',
    };
    return cause_find(&signs, out);
}

static void test_causes(void)
{
    struct arena *a = arena_new();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct evidence v;
        enum cause_id id = find(&cases[i], &v);
        enum cause_id parsed;
        CU_ASSERT_STRING_EQUAL(cause_name(id), cases[i].cause);
        CU_ASSERT_STRING_EQUAL(cause_identity(a, &v), cases[i].identity);
        CU_ASSERT_PTR_NOT_NULL(strstr(cause_remedy(a, id, &v), cases[i].in_remedy));
        CU_ASSERT_PTR_NULL(strchr(cause_reason(a, id, &v), '{'));
        CU_ASSERT_TRUE(cause_parse(cases[i].cause, &parsed) && parsed == id);
        CU_ASSERT_EQUAL(cause_is_pass(id), strncmp(cases[i].cause, "ok", 2) == 0);
    }
    CU_ASSERT_EQUAL(sizeof cases / sizeof *cases, CAUSE_COUNT);
    arena_free(a);
}

/* From a report alone nobody can tell a forwarder from a forgotten server. */
static void test_no_remedy_adds_addresses_to_spf(void)
{
    struct arena *a = arena_new();
    const struct evidence v = {.domain = "a.example", .spf = "a.example"};

    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        const char *remedy = cause_remedy(a, (enum cause_id)i, &v);
        CU_ASSERT_PTR_NULL(strstr(remedy, "ip4:"));
        CU_ASSERT_PTR_NULL(strstr(remedy, "include:"));
        CU_ASSERT_PTR_NULL(strcasestr(remedy, "to SPF"));
        CU_ASSERT_PTR_NULL(strcasestr(remedy, "to your SPF"));
        CU_ASSERT_PTR_NULL(strcasestr(remedy, "add "));
    }
    arena_free(a);
}

static void test_mail_from_before_helo(void)
{
    struct auth_result spf[] = {
        {.domain = "mx.other.example", .scope = "helo", .result = "pass"},
        {.domain = "a.example", .scope = "mfrom", .result = "fail"},
    };
    const struct auth_results auth = {NULL, 0, spf, 2};
    const struct signs signs = {
        .domain = "a.example", .dkim = VERDICT_FAIL, .spf = VERDICT_FAIL, .auth = &auth};
    struct evidence v;

    CU_ASSERT_EQUAL(cause_find(&signs, &v), CAUSE_SPF_FAILS);
    CU_ASSERT_STRING_EQUAL(v.spf, "a.example");
}

/* ---- a store with a known week ---- */

static char path[64];
static struct store *store;
static struct sink *writer;

struct wanted_record {
    unsigned char last_byte; /* of 192.0.2.x */
    int64_t count;
    enum disposition disposition;
    enum verdict dkim, spf;
    const char *signer;
};

static void put_report(const char *id, const char *domain, const char *reporter, int day,
    const struct wanted_record *records, size_t n)
{
    struct aggregate_report r = {
        .report_id = id,
        .reporter = reporter,
        .org_name = reporter,
        .begin = (int64_t)day * DAY,
        .end = (int64_t)day * DAY + DAY - 1,
        .policy = {.domain = domain, .p = "quarantine"},
    };
    struct err e;

    CU_ASSERT_EQUAL_FATAL(writer->ops->aggregate_begin(writer, &r, &e), 0);
    for (size_t i = 0; i < n; i++) {
        struct auth_result dkim = {.domain = records[i].signer, .result = "pass"};
        const struct aggregate_record one = {
            .source_ip = {.len = 4, .bytes = {192, 0, 2, records[i].last_byte}},
            .count = records[i].count,
            .disposition = records[i].disposition,
            .dkim = records[i].dkim,
            .spf = records[i].spf,
            .header_from = domain,
            .dkims = &dkim,
            .n_dkims = records[i].signer != NULL,
        };
        CU_ASSERT_EQUAL_FATAL(writer->ops->aggregate_record(writer, &one, &e), 0);
        r.records++;
        r.messages += one.count;
    }
    CU_ASSERT_EQUAL_FATAL(writer->ops->aggregate_end(writer, &r, &e), 0);
}

static void begin_message(unsigned char n)
{
    static const char bytes[] = "x";
    struct err e;
    const struct blob blob = blob_of_memory(bytes, 1);
    struct message_info m = {
        .id = n, .source = "", .key = "k", .name = "n", .sha256 = {n}, .bytes = 1, .date = -1};
    struct payload_info p = {.sha256 = {n}, .bytes = &blob, .container = "xml"};

    CU_ASSERT_EQUAL_FATAL(writer->ops->message_begin(writer, &m, &e), 0);
    CU_ASSERT_EQUAL_FATAL(writer->ops->payload_begin(writer, &p, &e), 0);
}

static void end_message(void)
{
    struct err e;

    CU_ASSERT_EQUAL_FATAL(writer->ops->payload_end(writer, &e), 0);
    CU_ASSERT_EQUAL_FATAL(writer->ops->message_end(writer, OUTCOME_STORED, NULL, &e), 0);
}

static const struct wanted_record first_day[] = {
    {1, 90, DISPOSITION_NONE, VERDICT_PASS, VERDICT_PASS, "a.example"},
    {2, 10, DISPOSITION_REJECT, VERDICT_FAIL, VERDICT_FAIL, "esp.example"},
    {3, 5, DISPOSITION_PASS, VERDICT_FAIL, VERDICT_PASS, NULL},
};

static const struct wanted_record second_day[] = {
    {2, 4, DISPOSITION_QUARANTINE, VERDICT_FAIL, VERDICT_FAIL, "esp.example"},
    {1, 1, DISPOSITION_UNKNOWN, VERDICT_FAIL, VERDICT_UNKNOWN, NULL},
};

static const struct wanted_record other_domain[] = {
    {9, 20, DISPOSITION_NONE, VERDICT_FAIL, VERDICT_FAIL, NULL},
};

static void open_week(void)
{
    static const struct store_assignment domains[] = {{"a.example", "acme"}, {"b.example", "acme"}};
    static const struct store_writer_settings set = {0};
    char url[80];
    struct err e;

    (void)snprintf(path, sizeof path, "/tmp/dmarcmill-report-%ld.db", (long)getpid());
    (void)snprintf(url, sizeof url, "sqlite:%s", path);
    (void)unlink(path);
    CU_ASSERT_EQUAL_FATAL(store_open(&store, url, &e), 0);
    CU_ASSERT_EQUAL_FATAL(store_domains_assign(store, domains, 2, &e), 0);
    CU_ASSERT_EQUAL_FATAL(store_writer_open(&writer, store, &set, &e), 0);
    begin_message(1);
    put_report("r1", "a.example", "one.example", MONDAY, first_day, 3);
    put_report("r2", "a.example", "two.example", MONDAY + 6, second_day, 2);
    put_report("r3", "b.example", "one.example", MONDAY + 3, other_domain, 1);
    put_report("r4", "a.example", "one.example", MONDAY + 7, other_domain, 1); /* next week */
    end_message();
    CU_ASSERT_EQUAL_FATAL(store_writer_flush(writer, &e), 0);
    store_writer_close(writer);
}

static void close_week(void)
{
    char beside[80];

    store_close(store);
    (void)unlink(path);
    (void)snprintf(beside, sizeof beside, "%s-wal", path);
    (void)unlink(beside);
    (void)snprintf(beside, sizeof beside, "%s-shm", path);
    (void)unlink(beside);
}

static struct client_report build(struct arena *a, int from, int to)
{
    const struct store_period p = {.client = "acme", .from = from, .to = to};
    struct client_report r;
    struct err e;

    CU_ASSERT_EQUAL_FATAL(report_build(store, &p, a, &r, &e), 0);
    return r;
}

static void test_numbers(void)
{
    struct arena *a = arena_new();

    open_week();
    const struct client_report r = build(a, MONDAY, MONDAY + 6);
    CU_ASSERT_EQUAL(r.totals.reports, 3);
    CU_ASSERT_EQUAL(r.totals.reporters, 2);
    CU_ASSERT_EQUAL(r.totals.records, 6);
    CU_ASSERT_EQUAL(r.totals.messages, 130);
    CU_ASSERT_EQUAL(r.totals.dmarc_pass, 95);
    CU_ASSERT_EQUAL(r.totals.dmarc_fail, 35);
    CU_ASSERT_EQUAL(r.totals.spf_aligned, 95);
    CU_ASSERT_EQUAL(r.totals.dkim_aligned, 90);
    CU_ASSERT_EQUAL(r.totals.actions.none, 115); /* "pass" is no action, too */
    CU_ASSERT_EQUAL(r.totals.actions.quarantine, 4);
    CU_ASSERT_EQUAL(r.totals.actions.reject, 10);
    CU_ASSERT_EQUAL(r.totals.actions.other, 1);
    CU_ASSERT_EQUAL_FATAL(r.n_domains, 2);
    CU_ASSERT_STRING_EQUAL(r.domains[0].name, "a.example");
    CU_ASSERT_STRING_EQUAL(r.domains[0].policy, "quarantine");
    CU_ASSERT_EQUAL(r.domains[0].totals.reports, 2);
    CU_ASSERT_EQUAL(r.domains[0].totals.messages, 110);
    CU_ASSERT_EQUAL(r.domains[1].totals.reporters, 1);
    CU_ASSERT_EQUAL(r.domains[1].totals.dmarc_fail, 20);
    arena_free(a);
    close_week();
}

static void test_sources(void)
{
    struct arena *a = arena_new();

    open_week();
    const struct client_report r = build(a, MONDAY, MONDAY + 6);
    CU_ASSERT_EQUAL_FATAL(r.n_sources, 4);
    CU_ASSERT_EQUAL(r.n_failing, 3);
    CU_ASSERT_EQUAL(r.sources[0].ip.bytes[3], 9); /* 20 failed */
    CU_ASSERT_EQUAL(r.sources[0].cause, CAUSE_UNAUTHENTICATED);
    CU_ASSERT_EQUAL(r.sources[1].ip.bytes[3], 2); /* 14 failed, in two reports */
    CU_ASSERT_EQUAL(report_source_failed(&r.sources[1]), 14);
    CU_ASSERT_EQUAL(r.sources[1].cause, CAUSE_SIGNED_BY_OTHER);
    CU_ASSERT_STRING_EQUAL(cause_identity(a, &r.sources[1].sender), "signs as esp.example");
    CU_ASSERT_EQUAL(r.sources[1].actions.reject, 10);
    CU_ASSERT_EQUAL(r.sources[1].actions.quarantine, 4);
    /* one message of 91 failed: it is what is explained, but the sender is who sent the 90 */
    CU_ASSERT_EQUAL(r.sources[2].ip.bytes[3], 1);
    CU_ASSERT_EQUAL(r.sources[2].messages, 91);
    CU_ASSERT_FALSE(cause_is_pass(r.sources[2].cause));
    CU_ASSERT_STRING_EQUAL(cause_identity(a, &r.sources[2].sender), "signs as a.example");
    CU_ASSERT_EQUAL(r.sources[3].cause, CAUSE_OK_SPF_ONLY);
    arena_free(a);
    close_week();
}

/* A report as a format writes it; freed by the caller. */
static char *rendered(const char *format, const struct client_report *r)
{
    const struct report_format *f = report_format_find(format);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    if (!f || !out)
        return NULL;
    f->write(r, out);
    CU_ASSERT_EQUAL(fclose(out), 0);
    return text;
}

static int64_t number(const json_t *object, const char *key)
{
    const json_t *n = json_object_get(object, key);

    return json_is_integer(n) ? json_integer_value(n) : -1;
}

static void test_json(void)
{
    struct arena *a = arena_new();

    open_week();
    const struct client_report r = build(a, MONDAY, MONDAY + 6);
    char *text = rendered("json", &r);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(root, "client")), "acme");
    const json_t *period = json_object_get(root, "period");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(period, "from")), "2026-11-16");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(period, "to")), "2026-11-22");
    const json_t *totals = json_object_get(root, "totals");
    CU_ASSERT_EQUAL(number(totals, "messages"), 130);
    CU_ASSERT_EQUAL(number(json_object_get(totals, "disposition"), "none"), 115);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(root, "domains")), 2);
    const json_t *sources = json_object_get(root, "sources");
    int64_t sum = 0;
    for (size_t i = 0; i < json_array_size(sources); i++)
        sum += number(json_array_get(sources, i), "messages");
    CU_ASSERT_EQUAL(sum, 130);
    const json_t *second = json_array_get(sources, 1);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(second, "cause")), "signed-by-other");
    json_decref(root);
    free(text);
    arena_free(a);
    close_week();
}

static void test_csv(void)
{
    struct arena *a = arena_new();

    open_week();
    const struct client_report r = build(a, MONDAY, MONDAY + 6);
    char *text = rendered("csv", &r);
    static const char heading[] = "domain,source_ip,messages,dmarc_pass,spf_aligned,dkim_aligned,"
                                  "disposition,identity,cause,remedy,reporters\r\n";
    CU_ASSERT_EQUAL(strncmp(text, heading, sizeof heading - 1), 0);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "\r\na.example,192.0.2.2,14,0,0,0,quarantine=4 reject=10,signs as esp.example,"
                     "signed-by-other,"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\r\na.example,192.0.2.3,5,5,5,0,none,"));
    free(text);
    arena_free(a);
    close_week();
}

static void fits_in_columns(const char *text)
{
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
        size_t bytes = strcspn(line, "\n");
        size_t len = 0;
        for (size_t i = 0; i < bytes; i++)
            len += ((unsigned char)line[i] & 0xC0) != 0x80;
        if (len > 80)
            printf("\n    too wide: %.*s", (int)bytes, line);
        CU_ASSERT_TRUE(len <= 80);
    }
}

static void test_text(void)
{
    struct arena *a = arena_new();

    open_week();
    const struct client_report r = build(a, MONDAY, MONDAY + 6);
    char *text = rendered("text", &r);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "DMARC report for acme\nWeek 2026-W47: 2026-11-16 to"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "73.1 % of 130 messages passed DMARC; 35 from 3 sources did not."));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  1. 192.0.2.2 (signs as esp.example) as a.example\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "14 of 14 messages failed; 4 quarantined, 10 rejected\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "DKIM pass for esp.example"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "1 of 91 messages failed; of all 91: no action on 90, unknown action on 1"));
    fits_in_columns(text);
    free(text);
    arena_free(a);
    close_week();
}

/* Everything that is written of a source, in one string. */
static const char *words_of(struct arena *a, const struct case_of_cause *c, const char *policy)
{
    struct evidence v;
    enum cause_id id = find(c, &v);

    v.policy = policy;
    return arena_printf(a, "%s|%s", cause_reason(a, id, &v), cause_remedy(a, id, &v));
}

static void test_words_fit_the_results(void)
{
    static const struct {
        struct case_of_cause of;
        const char *policy, *there, *not_there;
    } wanted[] = {
        {{.dkim = VERDICT_FAIL, .spf_result = {.domain = "a.example", .result = "softfail"}},
            "none", "probably not allowed (softfail)", "there to stop"},
        {{.dkim = VERDICT_FAIL, .spf_result = {.domain = "a.example", .result = "fail"}}, "reject",
            "(p=reject) is there to stop", "softfail"},
        {{.dkim = VERDICT_FAIL, .spf_result = {.domain = "a.example", .result = "neutral"}}, NULL,
            "nothing for or against this host", "policy"},
        {{.dkim = VERDICT_FAIL, .spf_result = {.domain = "a.example", .result = "none"}}, NULL,
            "found no SPF record of a.example", "does not allow"},
        {{.dkim = VERDICT_FAIL, .signature = {.domain = "a.example", .result = "policy"}}, NULL,
            "by rules of its own (policy)", "does not verify"},
        {{.dkim = VERDICT_FAIL, .signature = {.domain = "a.example", .result = "neutral"}}, NULL,
            "check that its key is published", "selector"},
    };
    struct arena *a = arena_new();

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const char *words = words_of(a, &wanted[i].of, wanted[i].policy);
        CU_ASSERT_PTR_NOT_NULL(strstr(words, wanted[i].there));
        CU_ASSERT_PTR_NULL(strstr(words, wanted[i].not_there));
    }
    arena_free(a);
}

static void test_several_receivers_disagree(void)
{
    struct evidence v = {.domain = "a.example", .reporters = 1};
    struct arena *a = arena_new();

    CU_ASSERT_FALSE(cause_is_repairable(CAUSE_RECEIVER_DISAGREES, &v));
    CU_ASSERT_PTR_NOT_NULL(strstr(cause_remedy(a, CAUSE_RECEIVER_DISAGREES, &v), "Nothing to do"));
    v.reporters = 3;
    CU_ASSERT_TRUE(cause_is_repairable(CAUSE_RECEIVER_DISAGREES, &v));
    CU_ASSERT_PTR_NOT_NULL(strstr(cause_reason(a, CAUSE_RECEIVER_DISAGREES, &v), "3 receivers"));
    CU_ASSERT_PTR_NULL(strstr(cause_remedy(a, CAUSE_RECEIVER_DISAGREES, &v), "Nothing to do"));
    arena_free(a);
}

enum {
    HOSTS = 5
};

/* A report by hand: numbers and names at the edge of what comes in. */
static struct client_report odd_report(struct report_source sources[HOSTS + 1],
    struct report_domain *domain, struct report_remark *remark)
{
    static char name[250];
    struct client_report r = {.client = "acme", .from = MONDAY, .to = MONDAY + 6};

    memset(name, 'x', sizeof name - 1);
    *domain = (struct report_domain){.name = name, .policy = "none", .policy_changed = true};
    domain->totals = (struct report_totals){.reports = INT64_MAX,
        .messages = INT64_MAX,
        .dmarc_pass = INT64_MAX - 1,
        .dmarc_fail = INT64_MAX};
    *remark = (struct report_remark){.reporter = "one.example",
        .domain = "a.example",
        .counts = true,
        .notes = "DATE_ODD,XML_MALFORMED"};
    for (unsigned i = 0; i < HOSTS; i++) {
        sources[i] = (struct report_source){.domain = "a.example",
            .ip = {.len = 4, .bytes = {192, 0, 2, (unsigned char)(i + 1)}},
            .messages = 100 - i,
            .actions = {.none = 90, .reject = 10 - i},
            .cause = CAUSE_UNAUTHENTICATED,
            .evidence = {.domain = "a.example", .policy = "none", .overruled = true}};
    }
    sources[HOSTS] = (struct report_source){.domain = name,
        .messages = 1,
        .actions = {.none = 1},
        .cause = CAUSE_SIGNED_BY_OTHER,
        .evidence = {.domain = name, .other_dkim = "esp.example"},
        .sender = {.domain = name, .other_dkim = "esp.example"}};
    r.totals = domain->totals;
    r.sources = sources;
    r.n_sources = r.n_failing = HOSTS + 1;
    r.domains = domain;
    r.remarks = remark;
    r.n_domains = r.n_remarks = 1;
    return r;
}

static void test_text_at_the_edge(void)
{
    struct report_source sources[HOSTS + 1];
    struct report_domain domain;
    struct report_remark remark;
    const struct client_report r = odd_report(sources, &domain, &remark);
    char *text = rendered("text", &r);

    fits_in_columns(text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "99.9 % of "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "none*"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "changed during the period"));
    /* what can be repaired comes first; the strangers are one entry */
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  1. address not reported (signs as esp.example) as"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "1 of 1 message failed; no action on 1\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(
        text, "  2. 5 unknown hosts as a.example, 490 messages: the largest 192.0.2.1 (100),"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "490 of 490 messages failed; no action on 450, 40 rejected\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "receiver's own decision:"));
    CU_ASSERT_PTR_NULL(strstr(text, "there to stop"));
    CU_ASSERT_PTR_NULL(strstr(text, "  3. "));
    CU_ASSERT_PTR_NULL(strstr(text, "DATE_ODD"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "a date was spelled oddly"));
    free(text);
    text = rendered("json", &r);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "DATE_ODD,XML_MALFORMED"));
    free(text);
}

static void test_empty_week(void)
{
    struct arena *a = arena_new();

    open_week();
    const struct client_report r = build(a, MONDAY - 7, MONDAY - 1);
    CU_ASSERT_EQUAL(r.totals.reports, 0);
    CU_ASSERT_EQUAL(r.totals.messages, 0);
    CU_ASSERT_EQUAL(r.n_domains, 0);
    char *text = rendered("text", &r);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "No reports came in for this period."));
    free(text);
    text = rendered("json", &r);
    json_t *root = json_loads(text, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    CU_ASSERT_EQUAL(number(json_object_get(root, "totals"), "reports"), 0);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(root, "sources")), 0);
    json_decref(root);
    free(text);
    arena_free(a);
    close_week();
}

static void test_period_names(void)
{
    char name[REPORT_PERIOD_MAX];

    report_period_name(MONDAY, MONDAY + 6, name);
    CU_ASSERT_STRING_EQUAL(name, "2026-W47");
    report_period_name(MONDAY, MONDAY + 4, name);
    CU_ASSERT_STRING_EQUAL(name, "2026-11-16_2026-11-20");
    report_period_name(MONDAY + 1, MONDAY + 7, name);
    CU_ASSERT_STRING_EQUAL(name, "2026-11-17_2026-11-23");
}

const struct unit_test unit_tests[] = {
    {"causes", test_causes},
    {"no remedy adds addresses to spf", test_no_remedy_adds_addresses_to_spf},
    {"mail from before helo", test_mail_from_before_helo},
    {"numbers", test_numbers},
    {"sources", test_sources},
    {"json", test_json},
    {"csv", test_csv},
    {"text", test_text},
    {"words fit the results", test_words_fit_the_results},
    {"several receivers disagree", test_several_receivers_disagree},
    {"text at the edge", test_text_at_the_edge},
    {"empty week", test_empty_week},
    {"period names", test_period_names},
    {NULL, NULL},
};
