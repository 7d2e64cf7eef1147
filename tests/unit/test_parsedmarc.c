#include "cli/print.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

static struct auth_result dkims[] = {
    {.domain_sent = "Mail.Example.COM", .result_sent = "Pass"},
    {.domain_sent = "", .selector = "", .result_sent = ""},
    {.domain_sent = "list.example",
        .selector = "S1",
        .result_sent = "fail",
        .human_result = "body hash"},
};
static struct auth_result spfs[] = {
    {.domain_sent = "Bounce.Example.com", .result_sent = "SoftFail"}};
static struct override_reason reasons[] = {
    {.type_sent = "Forwarded", .comment = NULL}, {.comment = "arc=pass"}};

static const struct aggregate_record record = {
    .source_ip = {.len = 16, .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
    .source_ip_sent = "2001:DB8:0::1",
    .count = 3,
    .disposition = DISPOSITION_QUARANTINE,
    .disposition_sent = "Quarantine",
    .dkim = VERDICT_PASS,
    .dkim_sent = "Pass",
    .reasons = reasons,
    .n_reasons = 2,
    .header_from_sent = "Example.COM",
    .dkims = dkims,
    .n_dkims = 3,
    .spfs = spfs,
    .n_spfs = 1,
};

static const char *errors[] = {"first", "second, with \"quotes\""};

static const struct aggregate_report aggregate = {
    .version = "1.0",
    .org_name = "esa4.hc3107-41.iphmx.com",
    .email = "dmarc@example.net",
    .report_id_sent = "<abc$def@host.example>",
    .begin = 1700000000,
    .end = 1700090000,
    .errors = errors,
    .n_errors = 2,
    .policy = {.domain_sent = "Example.COM",
        .aspf_sent = "s",
        .p_sent = "reject",
        .sp_sent = "",
        .pct_sent = "100"},
};

static struct header_field fields[] = {
    {"Feedback-Type", "auth-failure"},
    {"User-Agent", "Filter/1.0"},
    {"Original-Mail-From", "<>"},
    {"Source-IP", "192.0.2.1 (mail.example)"},
    {"Identity-Alignment", "dkim, spf"},
    {"Auth-Failure", "dmarc,spf"},
    {"Delivery-Result", "smg-policy-action"},
    {"Sample", "not the sample"},
    {"X-Extra", "one"},
    {"x-extra", "two"},
    {"X-Empty", ""},
};
static struct header_field sample_headers[] = {
    {"Received", "from a"},
    {"Received", "from b"},
    {"From", "=?utf-8?Q?J=C3=B6rg?= <Joerg@Example.COM>"},
    {"To", "a@b.example, \"C, D\" <c@d.example>"},
    {"Subject", "=?utf-8?B?R3LDvMOfZQ==?="},
    {"Date", "Tue, 14 Nov 2023 22:13:20 +0200"},
    {"Content-Type", "multipart/mixed; boundary=x"},
};
static const char sample[] =
    "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\ntext\r\n--x\r\n"
    "Content-Type: application/pdf; name=a.pdf\r\n"
    "Content-Disposition: attachment; filename=a.pdf\r\n\r\nabc\r\n--x--\r\n";

static const struct failure_report failure_report = {
    .feedback_type = "auth-failure",
    .mail_date_sent = "Tue, 19 Jul 2022 00:57:48 -0500 (CDT)",
    .arrival = 1658210268,
    .source_ip = {.len = 4, .bytes = {192, 0, 2, 1}},
    .source_ip_sent = "192.0.2.1 (mail.example)",
    .delivery_result = "smg-policy-action",
    .identity_alignment = "dkim, spf",
    .reported_domain = "example.com",
    .fields = fields,
    .n_fields = sizeof fields / sizeof *fields,
    .sample_headers = sample_headers,
    .n_sample_headers = sizeof sample_headers / sizeof *sample_headers,
    .sample = sample,
    .sample_len = sizeof sample - 1,
};

static const char *strings[] = {"version: STSv1", "mode: testing"};
static struct tls_failure tls_failures[] = {
    {.result_type = "certificate-expired", .sessions = 3, .receiving_ip = "192.0.2.9"}};
static struct tls_policy policies[] = {
    {.type = "sts",
        .strings = strings,
        .n_strings = 2,
        .domain_sent = "example.com",
        .successful = 10,
        .failed = 3,
        .failures = tls_failures,
        .n_failures = 1},
    {.type = "no-policy-found", .domain = "guessed.example", .successful = 1},
};
static const struct tls_report tls_report = {
    .organization_name = "Receiver, Inc.",
    .report_id = "id@receiver",
    .begin_sent = "2023-11-14T00:00:00Z",
    .end_sent = "2023-11-14T23:59:59Z",
    .policies = policies,
    .n_policies = 2,
};

/* Failure and TLS reports come first here: they have to wait for the aggregate reports. */
static void feed(struct printer *p)
{
    const struct sink_ops *ops = p->sink.ops;
    struct err e;

    if (ops->tls)
        CU_ASSERT_EQUAL(ops->tls(&p->sink, &tls_report, &e), 0);
    if (ops->failure)
        CU_ASSERT_EQUAL(ops->failure(&p->sink, &failure_report, &e), 0);
    if (ops->aggregate_begin)
        CU_ASSERT_EQUAL(ops->aggregate_begin(&p->sink, &aggregate, &e), 0);
    if (ops->aggregate_record)
        CU_ASSERT_EQUAL(ops->aggregate_record(&p->sink, &record, &e), 0);
    if (ops->aggregate_end)
        CU_ASSERT_EQUAL(ops->aggregate_end(&p->sink, &aggregate, &e), 0);
}

static char *printed(
    struct printer *(*make)(FILE *, enum report_kind), enum report_kind kind, bool with_reports)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct err e;

    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    struct printer *p = make(out, kind);
    if (with_reports)
        feed(p);
    CU_ASSERT_EQUAL(p->finish(p, &e), 0);
    p->free(p);
    (void)fclose(out);
    return text;
}

static void expect_file(const char *path, char *text)
{
    char wanted[16 * 1024] = {0};
    FILE *f = fopen(path, "rb");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    size_t n = fread(wanted, 1, sizeof wanted - 1, f);
    CU_ASSERT_TRUE(n > 0 && n < sizeof wanted - 1);
    (void)fclose(f);
    CU_ASSERT_STRING_EQUAL(text, wanted);
    if (strcmp(text, wanted) != 0)
        (void)fprintf(stderr, "%s is not:\n%s", path, text);
    free(text);
}

static void test_json(void)
{
    expect_file("data/parsedmarc/all.json", printed(print_parsedmarc_json, REPORT_AGGREGATE, true));
}

static void test_json_of_nothing(void)
{
    char *text = printed(print_parsedmarc_json, REPORT_AGGREGATE, false);

    CU_ASSERT_STRING_EQUAL(text,
        "{\n  \"aggregate_reports\": [],\n  \"failure_reports\": [],\n  \"smtp_tls_reports\": []\n}\n");
    free(text);
}

static void test_aggregate_csv(void)
{
    expect_file(
        "data/parsedmarc/aggregate.csv", printed(print_parsedmarc_csv, REPORT_AGGREGATE, true));
}

static void test_failure_csv(void)
{
    expect_file("data/parsedmarc/failure.csv", printed(print_parsedmarc_csv, REPORT_FAILURE, true));
}

static void test_tls_csv(void)
{
    expect_file("data/parsedmarc/tls.csv", printed(print_parsedmarc_csv, REPORT_TLS, true));
}

const char unit_suite[] = "parsedmarc";

const struct unit_test unit_tests[] = {
    {"json", test_json},
    {"json_of_nothing", test_json_of_nothing},
    {"aggregate_csv", test_aggregate_csv},
    {"failure_csv", test_failure_csv},
    {"tls_csv", test_tls_csv},
    {NULL, NULL},
};
