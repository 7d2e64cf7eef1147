/*
 * The report of a client: its numbers and findings from a store, and what is written of them.
 */
#include "base/arena.h"
#include "report/render.h"
#include "report/report.h"
#include "report/simulate.h"
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

/* ---- a store with a known week ---- */

static char path[64];
static struct identities *ids;
static struct store *store;
static struct sink *writer;

struct wanted_record {
    unsigned char last_byte; /* of 192.0.2.x */
    int64_t count;
    enum disposition disposition;
    enum verdict dkim, spf;
    const char *signer;
    /* NULL: "pass", none, none */
    const char *signature, *spf_domain, *spf_result;
    unsigned char network; /* 192.0.NETWORK.x instead of 2 */
    const char *reason;
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
        const struct wanted_record *w = &records[i];
        struct auth_result dkim = {
            .domain = w->signer, .selector = "s1", .result = w->signature ? w->signature : "pass"};
        struct auth_result spf = {
            .domain = w->spf_domain, .result = w->spf_result ? w->spf_result : "pass"};
        struct override_reason reason = {.type = w->reason};
        const struct aggregate_record one = {
            .source_ip = {.len = 4,
                .bytes = {192, 0, w->network ? w->network : 2, records[i].last_byte}},
            .count = records[i].count,
            .disposition = records[i].disposition,
            .dkim = records[i].dkim,
            .spf = records[i].spf,
            .header_from = domain,
            .dkims = &dkim,
            .n_dkims = w->signer != NULL,
            .spfs = &spf,
            .n_spfs = w->spf_domain != NULL,
            .reasons = &reason,
            .n_reasons = w->reason != NULL,
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
    {.last_byte = 1,
        .count = 90,
        .disposition = DISPOSITION_NONE,
        .dkim = VERDICT_PASS,
        .spf = VERDICT_PASS,
        .signer = "a.example"},
    {.last_byte = 2,
        .count = 10,
        .disposition = DISPOSITION_REJECT,
        .dkim = VERDICT_FAIL,
        .spf = VERDICT_FAIL,
        .signer = "esp.example"},
    {.last_byte = 3,
        .count = 5,
        .disposition = DISPOSITION_PASS,
        .dkim = VERDICT_FAIL,
        .spf = VERDICT_PASS,
        .signer = NULL},
};

static const struct wanted_record second_day[] = {
    {.last_byte = 2,
        .count = 4,
        .disposition = DISPOSITION_QUARANTINE,
        .dkim = VERDICT_FAIL,
        .spf = VERDICT_FAIL,
        .signer = "esp.example"},
    {.last_byte = 1,
        .count = 1,
        .disposition = DISPOSITION_UNKNOWN,
        .dkim = VERDICT_FAIL,
        .spf = VERDICT_UNKNOWN,
        .signer = NULL},
};

static const struct wanted_record other_domain[] = {
    {.last_byte = 9,
        .count = 20,
        .disposition = DISPOSITION_NONE,
        .dkim = VERDICT_FAIL,
        .spf = VERDICT_FAIL,
        .signer = NULL},
};

static void open_store(void)
{
    static const struct store_assignment domains[] = {{"a.example", "acme"}, {"b.example", "acme"}};
    static const struct store_writer_settings set = {0};
    char url[80];
    struct err e;

    (void)snprintf(path, sizeof path, "/tmp/dmarcmill-report-%ld.db", (long)getpid());
    (void)snprintf(url, sizeof url, "sqlite:%s", path);
    (void)unlink(path);
    ids = identities_new();
    CU_ASSERT_EQUAL_FATAL(store_open(&store, url, &e), 0);
    CU_ASSERT_EQUAL_FATAL(store_domains_assign(store, domains, 2, &e), 0);
    CU_ASSERT_EQUAL_FATAL(store_writer_open(&writer, store, &set, &e), 0);
    begin_message(1);
}

static void flush_store(void)
{
    struct err e;

    end_message();
    CU_ASSERT_EQUAL_FATAL(store_writer_flush(writer, &e), 0);
    store_writer_close(writer);
}

static void open_week(void)
{
    open_store();
    put_report("r1", "a.example", "one.example", MONDAY, first_day, 3);
    put_report("r2", "a.example", "two.example", MONDAY + 6, second_day, 2);
    put_report("r3", "b.example", "one.example", MONDAY + 3, other_domain, 1);
    put_report("r4", "a.example", "one.example", MONDAY + 7, other_domain, 1); /* next week */
    flush_store();
}

static void close_week(void)
{
    char beside[80];

    store_close(store);
    identities_free(ids);
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

    const struct report_settings set = {.identities = ids};
    CU_ASSERT_EQUAL_FATAL(report_build(store, &p, &set, a, &r, &e), 0);
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
    CU_ASSERT_EQUAL(r.sources[0].all.cause, CAUSE_F28);
    CU_ASSERT_EQUAL(r.sources[1].ip.bytes[3], 2); /* 14 failed, in two reports */
    CU_ASSERT_EQUAL(report_source_failed(&r.sources[1]), 14);
    CU_ASSERT_EQUAL(r.sources[1].all.cause, CAUSE_F28);
    CU_ASSERT_EQUAL(r.sources[1].reporters, 2);
    CU_ASSERT_STRING_EQUAL(words_identity(a, &r.sources[1].all.evidence), "signs as esp.example");
    CU_ASSERT_EQUAL(r.sources[1].all.actions.reject, 10);
    CU_ASSERT_EQUAL(r.sources[1].all.actions.quarantine, 4);
    /* one message of 91 failed: it is what is explained, but the sender is who sent the 90 */
    CU_ASSERT_EQUAL(r.sources[2].ip.bytes[3], 1);
    CU_ASSERT_EQUAL(r.sources[2].all.messages, 91);
    CU_ASSERT_TRUE(r.sources[2].all.cause >= CAUSE_F1);
    CU_ASSERT_EQUAL(r.sources[2].n_shares, 2);
    CU_ASSERT_STRING_EQUAL(words_identity(a, &r.sources[2].all.evidence), "signs as a.example");
    CU_ASSERT_EQUAL(r.sources[3].all.cause, CAUSE_P5);
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

/* Is it there, wherever the lines break? */
static bool says(const char *text, const char *words)
{
    for (; *text; text++) {
        const char *t = text;
        const char *w = words;
        while (*w && (*t == *w || (*w == ' ' && *t == '\n'))) {
            t += *t == '\n' ? 1 + strspn(t + 1, " ") : 1;
            w++;
        }
        if (!*w)
            return true;
    }
    return false;
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
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(second, "cause")), "F28");
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
                                  "disposition,identity,cause,class,remedy,reporters,"
                                  "dmarc_fail,causes,first,last\r\n";
    CU_ASSERT_EQUAL(strncmp(text, heading, sizeof heading - 1), 0);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "\r\na.example,192.0.2.2,14,0,0,0,quarantine=4 reject=10,signs as esp.example,"
                     "F28,UNKNOWN,"));
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
    CU_ASSERT_TRUE(says(text, "Unknown senders: 35 messages failed. Is any of these senders"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "192.0.2.2 (signs as esp.example), as a.example\n"));
    CU_ASSERT_TRUE(says(text, "14 messages (10.8 % of all): 14 failed DMARC, 4 put into spam "
                              "(quarantined), 10 rejected."));
    CU_ASSERT_TRUE(says(text, "Signed as esp.example, not as a.example."));
    fits_in_columns(text);
    free(text);
    arena_free(a);
    close_week();
}

/* A report by hand: numbers and names at the edge of what comes in. */
static void test_text_at_the_edge(void)
{
    static char name[250];
    struct report_domain domain = {.name = name, .policy = "none", .policy_changed = true};
    struct report_remark remark = {.reporter = "one.example",
        .domain = "a.example",
        .counts = true,
        .notes = "DATE_ODD,XML_MALFORMED"};
    struct report_share share = {.cause = CAUSE_F14,
        .messages = INT64_MAX,
        .evidence = {.policy_domain = name, .from = name, .other_dkim = name}};
    struct report_source source = {
        .domain = name, .all = share, .shares = &share, .n_shares = 1, .reporters = INT64_MAX};
    struct finding finding = {.domain = name,
        .cause = CAUSE_F14,
        .source = name,
        .key = "",
        .messages = INT64_MAX,
        .failed = INT64_MAX,
        .lost = 1,
        .actions = {.reject = INT64_MAX, .other = INT64_MAX},
        .readings = {[READING_OWN_DECISION] = INT64_MAX},
        .reporters = INT64_MAX,
        .hosts = INT64_MAX,
        .n_examples = 1,
        .evidence = share.evidence};
    struct client_report r = {.client = "acme",
        .from = MONDAY,
        .to = MONDAY + 6,
        .domains = &domain,
        .n_domains = 1,
        .sources = &source,
        .n_sources = 1,
        .n_failing = 1,
        .findings = &finding,
        .n_findings = 1,
        .remarks = &remark,
        .n_remarks = 1};

    memset(name, 'x', sizeof name - 1);
    domain.totals = r.totals = (struct report_totals){.reports = INT64_MAX,
        .messages = INT64_MAX,
        .dmarc_pass = INT64_MAX - 1,
        .dmarc_fail = INT64_MAX};
    char *text = rendered("text", &r);
    fits_in_columns(text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "99.9 % of "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "none*"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "changed during the period"));
    CU_ASSERT_TRUE(says(text, "If this is your mail, 1 message did not reach the inbox."));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "receiver's own decision"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "not reported ("));
    CU_ASSERT_PTR_NULL(strstr(text, "DATE_ODD"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "a date was spelled oddly"));
    free(text);
    text = rendered("json", &r);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "DATE_ODD,XML_MALFORMED"));
    free(text);
}

/* ---- findings, in the light of the weeks before ---- */

enum {
    OTHER_NETWORK = 77
};

static const struct wanted_record at_home = {.last_byte = 1,
    .count = 100,
    .disposition = DISPOSITION_NONE,
    .dkim = VERDICT_PASS,
    .spf = VERDICT_PASS,
    .signer = "a.example",
    .spf_domain = "a.example"};
static const struct wanted_record elsewhere = {.last_byte = 9,
    .count = 5,
    .disposition = DISPOSITION_NONE,
    .dkim = VERDICT_PASS,
    .spf = VERDICT_FAIL,
    .signer = "a.example",
    .spf_domain = "a.example",
    .spf_result = "softfail",
    .network = OTHER_NETWORK};
static const struct wanted_record unset = {.last_byte = 20,
    .count = 7,
    .disposition = DISPOSITION_REJECT,
    .dkim = VERDICT_FAIL,
    .spf = VERDICT_FAIL,
    .signer = "sendgrid.net",
    .spf_domain = "sendgrid.net"};
static const struct wanted_record broken = {.last_byte = 9,
    .count = 4,
    .disposition = DISPOSITION_QUARANTINE,
    .dkim = VERDICT_FAIL,
    .spf = VERDICT_FAIL,
    .signer = "a.example",
    .signature = "fail",
    .spf_domain = "uni.example.org",
    .network = OTHER_NETWORK};

static const struct finding *finding_of(const struct client_report *r, enum cause_id cause)
{
    for (size_t i = 0; i < r->n_findings; i++) {
        if (r->findings[i].cause == cause)
            return &r->findings[i];
    }
    return NULL;
}

static void expect_finding(const struct client_report *r, enum cause_id cause, int64_t messages,
    enum finding_status status)
{
    const struct finding *f = finding_of(r, cause);

    if (!f)
        printf("\n    no finding %s", cause_name(cause));
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    if (!f)
        return;
    CU_ASSERT_EQUAL(f->messages, messages);
    CU_ASSERT_EQUAL(f->status, status);
}

/* The same row is a forwarder's when the key has a home, else perhaps a server of the owner's. */
static void test_home_of_a_key(void)
{
    struct arena *a = arena_new();

    open_store();
    put_report("r1", "a.example", "one.example", MONDAY - 20, &at_home, 1);
    put_report("r2", "a.example", "one.example", MONDAY + 1, &elsewhere, 1);
    flush_store();
    struct client_report r = build(a, MONDAY, MONDAY + 6);
    expect_finding(&r, CAUSE_P12, 5, FINDING_OPEN);
    char *text = rendered("text", &r); /* all of the week's mail: a question */
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Yours, or forwarded?"));
    free(text);
    CU_ASSERT_PTR_NULL(finding_of(&r, CAUSE_P1)); /* not of this week, and nothing to fix */
    /* 30 days after it was seen there, the home is forgotten */
    r = build(a, MONDAY + 1, MONDAY + 1 + 9);
    expect_finding(&r, CAUSE_P15, 5, FINDING_OPEN);
    CU_ASSERT_PTR_NULL(strstr(words_remedy(a, CAUSE_P15, &r.findings[0].evidence), "ip4:"));
    arena_free(a);
    close_week();
}

/* An address is named only when nobody else uses the key: seen on days, and by receivers, enough.
 */
static void test_key_that_is_alone(void)
{
    struct wanted_record third = elsewhere;
    struct arena *a = arena_new();

    open_store();
    put_report("r1", "a.example", "one.example", MONDAY + 1, &elsewhere, 1);
    put_report("r2", "a.example", "two.example", MONDAY + 2, &elsewhere, 1);
    third.network = OTHER_NETWORK + 1;
    put_report("r3", "a.example", "two.example", MONDAY + 8, &third, 1);
    flush_store();
    struct client_report r = build(a, MONDAY, MONDAY + 6);
    expect_finding(&r, CAUSE_P15, 10, FINDING_OPEN);
    CU_ASSERT_PTR_NOT_NULL(strstr(
        words_remedy(a, CAUSE_P15, &r.findings[0].evidence), "add ip4:192.0.77.9 to the SPF"));
    r = build(a, MONDAY, MONDAY + 13);
    CU_ASSERT_PTR_NULL(strstr(words_remedy(a, CAUSE_P15, &r.findings[0].evidence), "ip4:"));
    arena_free(a);
    close_week();
}

static void test_findings_add_up(void)
{
    struct wanted_record more = unset;
    struct arena *a = arena_new();

    open_store();
    put_report("r1", "a.example", "one.example", MONDAY, &unset, 1);
    more.last_byte = 21;
    more.count = 9;
    put_report("r2", "a.example", "two.example", MONDAY + 2, &more, 1);
    put_report("r3", "a.example", "two.example", MONDAY - 3, &more, 1);
    put_report("r4", "a.example", "one.example", MONDAY + 3, &at_home, 1);
    put_report("r5", "a.example", "one.example", MONDAY + 4, &broken, 1);
    flush_store();
    const struct client_report r = build(a, MONDAY, MONDAY + 6);
    expect_finding(&r, CAUSE_F14, 16, FINDING_OPEN);
    const struct finding *f = finding_of(&r, CAUSE_F14);
    CU_ASSERT_PTR_EQUAL(f, &r.findings[0]); /* most was lost of it */
    CU_ASSERT_STRING_EQUAL(f->source, "sendgrid");
    CU_ASSERT_EQUAL(f->lost, 16);
    CU_ASSERT_EQUAL(f->hosts, 2);
    CU_ASSERT_EQUAL(f->reporters, 2);
    CU_ASSERT_EQUAL(f->n_examples, 2);
    CU_ASSERT_EQUAL(f->examples[0].messages, 9);
    CU_ASSERT_EQUAL(f->first / DAY, MONDAY - 3);
    CU_ASSERT_EQUAL(f->last / DAY, MONDAY + 2);
    expect_finding(&r, CAUSE_F7, 4, FINDING_OPEN);
    CU_ASSERT_EQUAL(finding_of(&r, CAUSE_F7)->lost, 4);
    int64_t sum = 0;
    for (size_t i = 0; i < r.n_findings; i++)
        sum += r.findings[i].messages;
    CU_ASSERT_EQUAL(sum, r.totals.messages);
    char *text = rendered("text", &r);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  1. Twilio SendGrid: 16 messages failed. "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Lost on the way: 4 messages that others forwarded"));
    CU_ASSERT_TRUE(says(text, "If this is your mail, 16 messages did not reach the inbox."));
    fits_in_columns(text);
    free(text);
    arena_free(a);
    close_week();
}

/* One stray message leads to no advice; what stayed away for 14 days is resolved. */
static void test_status_of_findings(void)
{
    struct wanted_record few = unset;
    struct arena *a = arena_new();

    open_store();
    few.count = 2;
    put_report("r1", "a.example", "one.example", MONDAY, &few, 1);
    put_report("r2", "a.example", "one.example", MONDAY + 13, &at_home, 1);
    put_report("r3", "a.example", "one.example", MONDAY + 20, &at_home, 1);
    put_report("r4", "a.example", "one.example", MONDAY + 70, &few, 1);
    put_report("r5", "a.example", "one.example", MONDAY + 71, &few, 1);
    flush_store();
    struct client_report r = build(a, MONDAY, MONDAY + 6);
    expect_finding(&r, CAUSE_F14, 2, FINDING_MINOR);
    char *text = rendered("text", &r);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Nothing has to be fixed."));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Too few for advice"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Of those that failed: 2 too few for advice."));
    CU_ASSERT_PTR_NULL(strstr(text, "Next: "));
    free(text);
    r = build(a, MONDAY + 70, MONDAY + 76); /* two days: no stray one */
    expect_finding(&r, CAUSE_F14, 4, FINDING_OPEN);
    r = build(a, MONDAY + 7, MONDAY + 13);
    CU_ASSERT_PTR_NULL(finding_of(&r, CAUSE_F14)); /* nothing was said, nothing is resolved */
    arena_free(a);
    close_week();
    a = arena_new();
    open_store();
    put_report("r1", "a.example", "one.example", MONDAY, &unset, 1);
    put_report("r2", "a.example", "one.example", MONDAY + 13, &at_home, 1);
    put_report("r3", "a.example", "one.example", MONDAY + 20, &at_home, 1);
    flush_store();
    r = build(a, MONDAY + 7, MONDAY + 13);
    expect_finding(&r, CAUSE_F14, 0, FINDING_QUIET);
    r = build(a, MONDAY + 14, MONDAY + 20);
    expect_finding(&r, CAUSE_F14, 0, FINDING_RESOLVED);
    text = rendered("text", &r);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Resolved: not seen for 14 days"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "last seen 2026-11-16"));
    free(text);
    r = build(a, MONDAY + 200, MONDAY + 206);
    CU_ASSERT_EQUAL(r.n_findings, 0);
    arena_free(a);
    close_week();
}

/* A reporter that calls SPF aligned whatever domain it passed for is not believed in that. */
static void test_reporter_that_copies_spf(void)
{
    struct wanted_record copied[4];
    struct arena *a = arena_new();

    for (unsigned i = 0; i < 4; i++) {
        copied[i] = (struct wanted_record){.last_byte = (unsigned char)(30 + i),
            .count = 10,
            .disposition = DISPOSITION_NONE,
            .dkim = VERDICT_FAIL,
            .spf = VERDICT_PASS,
            .spf_domain = "bulk.example.net"};
    }
    open_store();
    put_report("r1", "a.example", "copies.example", MONDAY, copied, 4);
    put_report("r2", "a.example", "once.example", MONDAY, copied, 1);
    flush_store();
    const struct client_report r = build(a, MONDAY, MONDAY + 6);
    expect_finding(&r, CAUSE_F27, 40, FINDING_OPEN);
    expect_finding(&r, CAUSE_P5, 10, FINDING_OPEN);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(words_reason(a, CAUSE_F27, &finding_of(&r, CAUSE_F27)->evidence), "computed from"));
    CU_ASSERT_EQUAL(r.totals.dmarc_pass, 50); /* the numbers are those of the reports */
    arena_free(a);
    close_week();
}

static void test_botnet(void)
{
    struct wanted_record bots[25];
    struct wanted_record known = {.last_byte = 1,
        .count = 3,
        .dkim = VERDICT_FAIL,
        .spf = VERDICT_FAIL,
        .spf_domain = "a.example",
        .spf_result = "neutral",
        .network = 100};
    struct arena *a = arena_new();

    for (unsigned i = 0; i < 25; i++) {
        bots[i] = known;
        bots[i].network = (unsigned char)(100 + i);
        bots[i].spf_result = "none";
    }
    open_store();
    put_report("r1", "a.example", "one.example", MONDAY, bots, 25);
    flush_store();
    const struct client_report r = build(a, MONDAY, MONDAY + 6);
    CU_ASSERT_EQUAL(r.n_findings, 1);
    expect_finding(&r, CAUSE_F24, 75, FINDING_OPEN); /* one entry, not 25 */
    CU_ASSERT_EQUAL(r.findings[0].hosts, 25);
    CU_ASSERT_EQUAL(r.findings[0].evidence.spread, 25);
    arena_free(a);
    close_week();
}

static enum reading read_as(const char *reason, enum disposition d, enum verdict dkim)
{
    struct wanted_record one = {.last_byte = 1,
        .count = 1,
        .disposition = d,
        .dkim = dkim,
        .spf = VERDICT_FAIL,
        .reason = reason};
    struct arena *a = arena_new();
    unsigned found = READING_COUNT;

    open_store();
    put_report("r1", "a.example", "one.example", MONDAY, &one, 1); /* p=quarantine */
    flush_store();
    const struct client_report r = build(a, MONDAY, MONDAY + 6);
    for (unsigned i = 0; i < READING_COUNT; i++)
        found = r.findings[0].readings[i] ? i : found;
    arena_free(a);
    close_week();
    return (enum reading)found;
}

static void test_reading_of_actions(void)
{
    CU_ASSERT_EQUAL(read_as(NULL, DISPOSITION_QUARANTINE, VERDICT_FAIL), READING_PLAIN);
    CU_ASSERT_EQUAL(read_as("sampled_out", DISPOSITION_NONE, VERDICT_FAIL), READING_SAMPLED);
    CU_ASSERT_EQUAL(read_as("policy_test_mode", DISPOSITION_NONE, VERDICT_FAIL), READING_TEST_MODE);
    CU_ASSERT_EQUAL(read_as("local_policy", DISPOSITION_NONE, VERDICT_FAIL), READING_EXCEPTION);
    CU_ASSERT_EQUAL(read_as("mailing_list", DISPOSITION_NONE, VERDICT_FAIL), READING_EXCEPTION);
    CU_ASSERT_EQUAL(read_as(NULL, DISPOSITION_NONE, VERDICT_FAIL), READING_NOT_ENFORCED);
    CU_ASSERT_EQUAL(read_as(NULL, DISPOSITION_REJECT, VERDICT_FAIL), READING_OWN_DECISION);
    CU_ASSERT_EQUAL(read_as(NULL, DISPOSITION_QUARANTINE, VERDICT_PASS), READING_OWN_DECISION);
    CU_ASSERT_EQUAL(read_as(NULL, DISPOSITION_PASS, VERDICT_PASS), READING_PLAIN);
    CU_ASSERT_EQUAL(read_as(NULL, DISPOSITION_UNKNOWN, VERDICT_FAIL), READING_PLAIN);
}

/* ---- a stricter policy ---- */

static struct readiness readiness_of(int64_t ok, int64_t fix, int64_t reporters, int days)
{
    return (struct readiness){
        .classes = {[CLASS_OK] = ok, [CLASS_FIX] = fix, [CLASS_SPOOF] = 5000, [CLASS_UNKNOWN] = 70},
        .first = 0,
        .last = (int64_t)(days - 1) * DAY,
        .reporters = reporters};
}

static void test_readiness(void)
{
    struct arena *a = arena_new();
    struct readiness r = readiness_of(9996, 4, 9, 28);

    CU_ASSERT_EQUAL(readiness_legitimate(&r), 10000);
    CU_ASSERT_TRUE(readiness_ready(&r));
    CU_ASSERT_STRING_EQUAL(readiness_words(a, NULL, &r, "none", NULL),
        "Ready for p=quarantine: 0.04 % of legitimate mail would be hit (28 days, 9 receivers).");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(readiness_words(a, NULL, &r, "quarantine", NULL), "Ready for p=reject"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(readiness_words(a, NULL, &r, "none", "reject"), "Ready for p=reject"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(readiness_words(a, NULL, &r, "reject", NULL), "Already at p=reject"));
    r = readiness_of(9990, 10, 9, 28); /* 0.1 % is not below 0.1 % */
    CU_ASSERT_FALSE(readiness_ready(&r));
    CU_ASSERT_PTR_NOT_NULL(strstr(readiness_words(a, NULL, &r, NULL, NULL), "must be below 0.1 %"));
    r = readiness_of(10001, 10, 9, 28);
    CU_ASSERT_TRUE(readiness_ready(&r));
    r = readiness_of(50, 0, 9, 28);
    CU_ASSERT_TRUE(readiness_ready(&r));
    r = readiness_of(9999, 1, 2, 28);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(readiness_words(a, NULL, &r, NULL, NULL), "at least 3 receivers"));
    r = readiness_of(9999, 1, 3, 27);
    CU_ASSERT_PTR_NOT_NULL(strstr(readiness_words(a, NULL, &r, NULL, NULL), "at least 28 days"));
    r = readiness_of(0, 0, 3, 28);
    CU_ASSERT_PTR_NOT_NULL(strstr(readiness_words(a, NULL, &r, NULL, NULL), "No legitimate mail"));
    CU_ASSERT_FALSE(readiness_ready(&r));
    arena_free(a);
}

static struct simulation simulated(struct arena *a, struct change change)
{
    const struct what_if what = {
        .period = {.client = "acme", .from = MONDAY, .to = MONDAY + 6}, .change = change};
    const struct report_settings set = {.identities = ids};
    struct simulation s;
    struct err e;

    CU_ASSERT_EQUAL_FATAL(simulate(store, &what, &set, a, &s, &e), 0);
    return s;
}

static void test_simulation(void)
{
    struct wanted_record sub = at_home;
    struct wanted_record spoof = {.last_byte = 66,
        .count = 30,
        .disposition = DISPOSITION_NONE,
        .dkim = VERDICT_FAIL,
        .spf = VERDICT_FAIL,
        .spf_domain = "a.example",
        .spf_result = "fail"};
    struct arena *a = arena_new();

    open_store();
    sub.last_byte = 2;
    sub.count = 11;
    sub.signer = "mail.a.example";
    sub.spf = VERDICT_FAIL;
    sub.spf_domain = "bounce.example.org";
    put_report("r1", "a.example", "one.example", MONDAY, &at_home, 1);
    put_report("r2", "a.example", "one.example", MONDAY + 1, &sub, 1);
    put_report("r3", "a.example", "one.example", MONDAY + 1, &unset, 1);
    put_report("r4", "a.example", "one.example", MONDAY + 1, &broken, 1);
    put_report("r5", "a.example", "one.example", MONDAY + 1, &spoof, 1);
    flush_store();
    struct simulation s = simulated(a, (struct change){.p = "reject"});
    CU_ASSERT_EQUAL(s.messages, 152);
    CU_ASSERT_EQUAL(s.rejected[INTENT_LEGITIMATE], 7);
    CU_ASSERT_EQUAL(s.rejected[INTENT_FORWARDED], 4);
    CU_ASSERT_EQUAL(s.rejected[INTENT_SPOOFED], 30);
    CU_ASSERT_EQUAL(s.quarantined[INTENT_SPOOFED], 0);
    CU_ASSERT_EQUAL(s.hit_today[INTENT_SPOOFED], 30); /* p=quarantine as reported */
    CU_ASSERT_EQUAL(s.n_findings, 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(simulation_verdict(a, &s), "Not ready for p=reject: "));
    s = simulated(a, (struct change){.p = "none"});
    CU_ASSERT_EQUAL(s.n_findings, 0);
    /* the signer of a subdomain is no longer aligned */
    s = simulated(a, (struct change){.adkim = "s"});
    CU_ASSERT_EQUAL(s.quarantined[INTENT_FORWARDED] + s.quarantined[INTENT_LEGITIMATE], 22);
    s = simulated(a, (struct change){.without_dkim = true});
    CU_ASSERT_EQUAL(s.by_intent[INTENT_LEGITIMATE] + s.by_intent[INTENT_FORWARDED], 122);
    CU_ASSERT_EQUAL(s.quarantined[INTENT_FORWARDED] + s.quarantined[INTENT_LEGITIMATE], 22);
    s = simulated(a, (struct change){.without_dkim = true, .without_spf = true});
    CU_ASSERT_EQUAL(s.quarantined[INTENT_FORWARDED] + s.quarantined[INTENT_LEGITIMATE], 122);
    s = simulated(a, (struct change){.aspf = "s"});
    CU_ASSERT_EQUAL(s.quarantined[INTENT_LEGITIMATE], 7);
    arena_free(a);
    close_week();
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
    {"numbers", test_numbers},
    {"sources", test_sources},
    {"json", test_json},
    {"csv", test_csv},
    {"text", test_text},
    {"home of a key", test_home_of_a_key},
    {"key that is alone", test_key_that_is_alone},
    {"findings add up", test_findings_add_up},
    {"status of findings", test_status_of_findings},
    {"reporter that copies spf", test_reporter_that_copies_spf},
    {"botnet", test_botnet},
    {"reading of actions", test_reading_of_actions},
    {"readiness", test_readiness},
    {"simulation", test_simulation},
    {"text at the edge", test_text_at_the_edge},
    {"empty week", test_empty_week},
    {"period names", test_period_names},
    {NULL, NULL},
};
