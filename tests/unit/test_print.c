/*
 * What `parse` prints, from reports that are pushed into the printers by hand.
 */
#include "cli/print.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

const char unit_suite[] = "print";

/* The output of a printer, in memory. */
static char *text;
static size_t text_size;
static FILE *out;

static struct printer *start(const char *format, enum report_kind kind)
{
    const struct printer_format *f = NULL;
    struct err e;

    CU_ASSERT_EQUAL_FATAL(printer_format_parse(format, &f, &e), 0);
    out = open_memstream(&text, &text_size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    return f ? f->make(out, kind) : NULL;
}

static void finish(struct printer *p)
{
    struct err e;

    CU_ASSERT_EQUAL(p->finish(p, &e), 0);
    p->free(p);
    CU_ASSERT_EQUAL(fclose(out), 0);
}

static void forget(void)
{
    free(text);
    text = NULL;
}

static struct aggregate_report report(void)
{
    return (struct aggregate_report){
        .dialect = DIALECT_RFC7489,
        .org_name = "Example \"Receiver\"",
        .reporter = "receiver.example",
        .report_id = "1",
        .begin = 1763251200,
        .end = 1763337599,
        .policy = {.domain = "a.example", .p = "reject", .p_sent = "Reject", .pct_sent = "many"},
        .grade = GRADE_CLEAN,
    };
}

static struct aggregate_record record(void)
{
    static struct auth_result dkim[] = {
        {.domain = "esp.example", .selector = "s1", .result = "pass", .result_sent = "pass"},
        {.domain = "a.example", .domain_sent = "A.Example", .result = "fail"},
    };
    static struct auth_result spf[] = {
        {.domain = "esp.example", .scope = "mfrom", .result = "pass"}};
    static struct override_reason reasons[] = {{.type = "forwarded", .comment = "=1+1"}};

    return (struct aggregate_record){
        .source_ip = {.len = 4, .bytes = {192, 0, 2, 1}},
        .source_ip_sent = "192.0.2.1",
        .count = 7,
        .disposition = DISPOSITION_REJECT,
        .disposition_sent = "REJECT",
        .dkim = VERDICT_FAIL,
        .spf = VERDICT_UNKNOWN,
        .header_from = "a.example",
        .envelope_from = "",
        .dkims = dkim,
        .n_dkims = 2,
        .spfs = spf,
        .n_spfs = 1,
        .reasons = reasons,
        .n_reasons = 1,
    };
}

/* One report with its only record, ended as `last` says. */
static void push(struct printer *p, struct aggregate_report r, enum grade grade)
{
    static struct note note = {.code = "SP_EMPTY", .detail = "sp", .times = 2};
    const struct aggregate_record one = record();
    const struct sink_ops *ops = p->sink.ops;
    struct err e;

    CU_ASSERT_EQUAL(ops->aggregate_begin ? ops->aggregate_begin(&p->sink, &r, &e) : 0, 0);
    CU_ASSERT_EQUAL(ops->aggregate_record ? ops->aggregate_record(&p->sink, &one, &e) : 0, 0);
    r.records = 1;
    r.messages = 7;
    r.grade = grade;
    r.notes = (struct notes){&note, 1};
    CU_ASSERT_EQUAL(ops->aggregate_end ? ops->aggregate_end(&p->sink, &r, &e) : 0, 0);
}

static const char *string_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));

    return s ? s : "<none>";
}

static void test_json_is_empty_but_whole(void)
{
    struct printer *p = start("json", REPORT_AGGREGATE);

    finish(p);
    CU_ASSERT_STRING_EQUAL(
        text, "{\"aggregate_reports\": [], \"failure_reports\": [], \"smtp_tls_reports\": []}\n");
    forget();
}

static void test_json_says_what_was_sent(void)
{
    struct printer *p = start("json", REPORT_AGGREGATE);

    push(p, report(), GRADE_NORMALISED);
    finish(p);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    const json_t *r = json_array_get(json_object_get(root, "aggregate_reports"), 0);
    CU_ASSERT_STRING_EQUAL(string_of(r, "org_name"), "Example \"Receiver\"");
    CU_ASSERT_TRUE(json_is_null(json_object_get(r, "email")));
    CU_ASSERT_STRING_EQUAL(string_of(r, "begin"), "2025-11-16T00:00:00Z");
    CU_ASSERT_STRING_EQUAL(string_of(r, "grade"), "normalised");
    const json_t *note = json_array_get(json_object_get(r, "notes"), 0);
    CU_ASSERT_STRING_EQUAL(string_of(note, "code"), "SP_EMPTY");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(note, "times")), 2);
    const json_t *policy = json_object_get(r, "policy");
    CU_ASSERT_STRING_EQUAL(string_of(policy, "p"), "reject");
    CU_ASSERT_STRING_EQUAL(string_of(policy, "p_sent"), "Reject");
    CU_ASSERT_TRUE(json_is_null(json_object_get(policy, "pct")));
    CU_ASSERT_STRING_EQUAL(string_of(policy, "pct_sent"), "many");
    CU_ASSERT_PTR_NULL(json_object_get(policy, "sp_sent"));
    json_decref(root);
    forget();
}

static void test_json_records(void)
{
    struct printer *p = start("json", REPORT_AGGREGATE);

    push(p, report(), GRADE_CLEAN);
    push(p, report(), GRADE_PARTIAL);
    finish(p);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    const json_t *reports = json_object_get(root, "aggregate_reports");
    CU_ASSERT_EQUAL(json_array_size(reports), 2);
    CU_ASSERT_STRING_EQUAL(string_of(json_array_get(reports, 1), "grade"), "partial");
    const json_t *records = json_object_get(json_array_get(reports, 0), "records");
    const json_t *one = json_array_get(records, 0);
    CU_ASSERT_STRING_EQUAL(string_of(one, "source_ip"), "192.0.2.1");
    CU_ASSERT_PTR_NULL(json_object_get(one, "source_ip_sent"));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(one, "count")), 7);
    CU_ASSERT_STRING_EQUAL(string_of(one, "disposition"), "reject");
    CU_ASSERT_STRING_EQUAL(string_of(one, "disposition_sent"), "REJECT");
    CU_ASSERT_STRING_EQUAL(string_of(one, "spf"), "unknown");
    CU_ASSERT_STRING_EQUAL(string_of(one, "envelope_from"), "");
    CU_ASSERT_TRUE(json_is_null(json_object_get(one, "envelope_to")));
    const json_t *auth = json_object_get(one, "auth_results");
    const json_t *dkim = json_object_get(auth, "dkim");
    CU_ASSERT_EQUAL(json_array_size(dkim), 2);
    CU_ASSERT_STRING_EQUAL(string_of(json_array_get(dkim, 0), "selector"), "s1");
    CU_ASSERT_STRING_EQUAL(string_of(json_array_get(dkim, 1), "domain_sent"), "A.Example");
    const json_t *spf = json_array_get(json_object_get(auth, "spf"), 0);
    CU_ASSERT_STRING_EQUAL(string_of(spf, "scope"), "mfrom");
    json_decref(root);
    forget();
}

static void test_json_keeps_kinds_apart(void)
{
    static struct tls_failure failure = {.result_type = "certificate-expired", .sessions = 3};
    static struct tls_policy policy = {
        .type = "sts", .domain = "a.example", .failed = 3, .failures = &failure, .n_failures = 1};
    const struct tls_report tls = {.report_id = "t1", .policies = &policy, .n_policies = 1};
    const struct failure_report arf = {
        .reported_domain = "a.example", .arrival = -1, .sample = "a\0b", .sample_len = 3};
    struct printer *p = start("json", REPORT_AGGREGATE);
    struct err e;

    CU_ASSERT_EQUAL(p->sink.ops->tls(&p->sink, &tls, &e), 0);
    CU_ASSERT_EQUAL(p->sink.ops->failure(&p->sink, &arf, &e), 0);
    push(p, report(), GRADE_CLEAN);
    CU_ASSERT_EQUAL(p->sink.ops->tls(&p->sink, &tls, &e), 0);
    finish(p);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(root, "aggregate_reports")), 1);
    const json_t *failures = json_object_get(root, "failure_reports");
    CU_ASSERT_EQUAL(json_array_size(failures), 1);
    CU_ASSERT_TRUE(json_is_null(json_object_get(json_array_get(failures, 0), "arrival")));
    CU_ASSERT_STRING_EQUAL(string_of(json_array_get(failures, 0), "sample"), "a b");
    const json_t *reports = json_object_get(root, "smtp_tls_reports");
    CU_ASSERT_EQUAL(json_array_size(reports), 2);
    const json_t *policies = json_object_get(json_array_get(reports, 1), "policies");
    const json_t *failed = json_object_get(json_array_get(policies, 0), "failures");
    CU_ASSERT_STRING_EQUAL(
        string_of(json_array_get(failed, 0), "result_type"), "certificate-expired");
    json_decref(root);
    forget();
}

static void test_csv_rows(void)
{
    struct printer *p = start("csv", REPORT_AGGREGATE);

    push(p, report(), GRADE_CLEAN);
    finish(p);
    const char *row = strstr(text, "\r\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(row);
    if (!row)
        return;
    CU_ASSERT_STRING_EQUAL(row + 2,
        "receiver.example,\"Example \"\"Receiver\"\"\",1,2025-11-16T00:00:00Z,2025-11-16T23:59:59Z,"
        "a.example,reject,,192.0.2.1,7,reject,fail,unknown,forwarded: =1+1,a.example,,,"
        "s1@esp.example=pass a.example=fail,esp.example=pass\r\n");
    forget();
}

static void test_csv_defuses_formulas(void)
{
    struct printer *p = start("csv", REPORT_AGGREGATE);
    struct aggregate_report r = report();

    r.org_name = "=HYPERLINK(1)";
    push(p, r, GRADE_CLEAN);
    finish(p);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, ",\"'=HYPERLINK(1)\","));
    forget();
}

static void test_text_is_safe(void)
{
    struct printer *p = start("text", REPORT_AGGREGATE);
    struct aggregate_report r = report();

    r.org_name = "evil\x1b[2J\nname";
    push(p, r, GRADE_CLEAN);
    finish(p);
    CU_ASSERT_PTR_NULL(strchr(text, '\x1b'));
    CU_ASSERT_PTR_NULL(strstr(text, "\nname"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "7 x 192.0.2.1 as a.example: disposition reject"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "SP_EMPTY (2 times): sp"));
    forget();
}

static void test_none_prints_nothing(void)
{
    struct printer *p = start("none", REPORT_AGGREGATE);

    push(p, report(), GRADE_CLEAN);
    finish(p);
    CU_ASSERT_EQUAL(text_size, 0);
    forget();
}

static void test_full_disk_is_an_error(void)
{
    FILE *full = fopen("/dev/full", "we");
    struct printer *p;
    struct err e;

    CU_ASSERT_PTR_NOT_NULL_FATAL(full);
    if (!full)
        return;
    CU_ASSERT_EQUAL(setvbuf(full, NULL, _IONBF, 0), 0);
    p = print_json(full, REPORT_AGGREGATE);
    const struct aggregate_report r = report();
    CU_ASSERT_EQUAL(p->sink.ops->aggregate_begin(&p->sink, &r, &e), ERR_TEMPORARY);
    CU_ASSERT_STRING_EQUAL(e.tag, "write-failed");
    p->free(p);
    (void)fclose(full);
}

/* Each report is a line, whatever is in it, and kinds may come in any order. */
static void test_jsonl_is_a_report_a_line(void)
{
    struct aggregate_report hostile = report();
    const struct failure_report failure = {.feedback_type = "auth-failure", .arrival = -1};
    struct err e;
    size_t lines = 0;

    hostile.org_name = "a\nb\r\xE2\x80\xA8{\"kind\": \"smtp_tls\"}";
    struct printer *p = start("jsonl", REPORT_AGGREGATE);
    push(p, hostile, GRADE_CLEAN);
    CU_ASSERT_EQUAL(p->sink.ops->failure(&p->sink, &failure, &e), 0);
    push(p, report(), GRADE_CLEAN);
    finish(p);
    for (char *line = text; *line; line += strcspn(line, "\n") + 1, lines++) {
        json_t *d = json_loadb(line, strcspn(line, "\n"), 0, NULL);
        CU_ASSERT_PTR_NOT_NULL(d);
        CU_ASSERT_STRING_EQUAL(string_of(d, "kind"), lines == 1 ? "failure" : "aggregate");
        CU_ASSERT_EQUAL(json_array_size(json_object_get(d, "records")), lines == 1 ? 0 : 1);
        json_decref(d);
    }
    CU_ASSERT_EQUAL(lines, 3);
    forget();
}

const struct unit_test unit_tests[] = {
    {"json is empty but whole", test_json_is_empty_but_whole},
    {"json says what was sent", test_json_says_what_was_sent},
    {"json records", test_json_records},
    {"json keeps kinds apart", test_json_keeps_kinds_apart},
    {"jsonl is a report a line", test_jsonl_is_a_report_a_line},
    {"csv rows", test_csv_rows},
    {"csv defuses formulas", test_csv_defuses_formulas},
    {"text is safe", test_text_is_safe},
    {"none prints nothing", test_none_prints_nothing},
    {"a full disk is an error", test_full_disk_is_an_error},
    {NULL, NULL},
};
