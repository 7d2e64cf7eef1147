#include "base/buf.h"
#include "parse/limits.h"
#include "parse/tlsrpt.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

/* The report is valid only during the call, so what a test wants to see is checked there. */
struct checker {
    struct sink sink; /* first */
    void (*check)(const struct tls_report *r);
    int calls;
};

static int on_tls(struct sink *s, const struct tls_report *r, struct err *e)
{
    struct checker *c = (struct checker *)(void *)s;

    (void)e;
    c->calls++;
    if (c->check)
        c->check(r);
    return 0;
}

static const struct sink_ops checker_ops = {.tls = on_tls};

static bool has_note(const struct notes *notes, const char *code)
{
    for (size_t i = 0; i < notes->n; i++) {
        if (strcmp(notes->items[i].code, code) == 0)
            return true;
    }
    return false;
}

static enum grade read_good(const char *json, size_t len, void (*check)(const struct tls_report *r))
{
    static const struct report_hints hints = {
        .file_name = "mx.example!guessed.example!1699920000!1700006399.json", .mail_date = -1};
    struct checker c = {.sink = {&checker_ops}, .check = check};
    enum grade grade = GRADE_REFUSED;
    struct err e = {0};
    int rc = tlsrpt_read(json, len, &hints, &c.sink, &grade, &e);

    if (rc != 0)
        CU_FAIL(e.text);
    CU_ASSERT_EQUAL(c.calls, 1);
    return grade;
}

/* The tag of the refusal. */
static const char *refusal(const char *json, size_t len)
{
    struct checker c = {.sink = {&checker_ops}};
    enum grade grade = GRADE_CLEAN;
    struct err e = {.tag = "none"};

    CU_ASSERT_EQUAL(tlsrpt_read(json, len, NULL, &c.sink, &grade, &e), ERR_INPUT);
    CU_ASSERT_EQUAL(grade, GRADE_REFUSED);
    CU_ASSERT_EQUAL(c.calls, 0);
    return e.tag;
}

static const char *refusal_of(const char *json)
{
    return refusal(json, strlen(json));
}

#define RANGE \
    "\"date-range\":{\"start-datetime\":\"2023-11-14T00:00:00Z\",\"end-datetime\":\"2023-11-14T23:59:59Z\"}"
#define HEAD \
    "\"organization-name\":\"Receiver\",\"contact-info\":\"tls@mail.receiver.example\",\"report-id\":\"id-1\"," RANGE

static const char plain[] =
    "{" HEAD
    ",\"policies\":[{\"policy\":{\"policy-type\":\"sts\",\"policy-string\":[\"version: STSv1\",\"mode: testing\"],"
    "\"policy-domain\":\"Example.COM.\",\"mx-host\":[\"*.example.com\"]},"
    "\"summary\":{\"total-successful-session-count\":10,\"total-failure-session-count\":3},"
    "\"failure-details\":[{\"result-type\":\"certificate-expired\",\"sending-mta-ip\":\"192.0.2.1\","
    "\"receiving-mx-hostname\":\"mx.example.com\",\"receiving-mx-helo\":\"helo\",\"receiving-ip\":\"2001:db8::1\","
    "\"failed-session-count\":3,\"additional-information\":\"https://receiver.example/\","
    "\"failure-reason-code\":\"X509\"}]}]}";

static void check_plain(const struct tls_report *r)
{
    CU_ASSERT_STRING_EQUAL(r->organization_name, "Receiver");
    CU_ASSERT_STRING_EQUAL(r->contact_info, "tls@mail.receiver.example");
    CU_ASSERT_STRING_EQUAL(r->reporter, "receiver.example");
    CU_ASSERT_STRING_EQUAL(r->report_id, "id-1");
    CU_ASSERT_EQUAL(r->begin, 1699920000);
    CU_ASSERT_EQUAL(r->end, 1700006399);
    CU_ASSERT_STRING_EQUAL(r->begin_sent, "2023-11-14T00:00:00Z");
    CU_ASSERT_EQUAL_FATAL(r->n_policies, 1);
    const struct tls_policy *p = &r->policies[0];
    CU_ASSERT_STRING_EQUAL(p->type, "sts");
    CU_ASSERT_EQUAL_FATAL(p->n_strings, 2);
    CU_ASSERT_STRING_EQUAL(p->strings[1], "mode: testing");
    CU_ASSERT_STRING_EQUAL(p->domain, "example.com");
    CU_ASSERT_STRING_EQUAL(p->domain_sent, "Example.COM.");
    CU_ASSERT_EQUAL_FATAL(p->n_mx_hosts, 1);
    CU_ASSERT_STRING_EQUAL(p->mx_hosts[0], "*.example.com");
    CU_ASSERT_EQUAL(p->successful, 10);
    CU_ASSERT_EQUAL(p->failed, 3);
    CU_ASSERT_EQUAL_FATAL(p->n_failures, 1);
    CU_ASSERT_STRING_EQUAL(p->failures[0].result_type, "certificate-expired");
    CU_ASSERT_STRING_EQUAL(p->failures[0].sending_mta_ip, "192.0.2.1");
    CU_ASSERT_STRING_EQUAL(p->failures[0].receiving_mx_hostname, "mx.example.com");
    CU_ASSERT_STRING_EQUAL(p->failures[0].receiving_mx_helo, "helo");
    CU_ASSERT_STRING_EQUAL(p->failures[0].receiving_ip, "2001:db8::1");
    CU_ASSERT_EQUAL(p->failures[0].sessions, 3);
    CU_ASSERT_STRING_EQUAL(p->failures[0].additional_information, "https://receiver.example/");
    CU_ASSERT_STRING_EQUAL(p->failures[0].reason_code, "X509");
    CU_ASSERT_EQUAL(r->notes.n, 0);
}

static void test_plain(void)
{
    CU_ASSERT_EQUAL(read_good(plain, sizeof plain - 1, check_plain), GRADE_CLEAN);
}

/* The other spellings, single things for lists, nothing where something belongs. */
static const char odd[] =
    "\xEF\xBB\xBF\r\n {\"organization-name\":null,\"contact-info\":[\"mailto:a@x.example\",\"b@y.example\"],"
    "\"report-id\":133198585438131172,\"date-range\":{\"start-datetime\":1699920000,"
    "\"end-datetime\":\"2023-11-14 23:59:59\"},\"policies\":{\"policy\":{\"policy-type\":\"STS\","
    "\"policy-string\":\"version: STSv1\",\"mx-host\":\"a.example\",\"mx-host-pattern\":[\"b.example\"]},"
    "\"summary\":{\"total-successful-session-count\":\"42\"},"
    "\"failure-details\":{\"result-type\":\"moon-phase\",\"additional-info-uri\":\"u\"}}} \0trailing";

static void check_odd(const struct tls_report *r)
{
    CU_ASSERT_PTR_NULL(r->organization_name);
    CU_ASSERT_STRING_EQUAL(r->contact_info, "mailto:a@x.example, b@y.example");
    CU_ASSERT_STRING_EQUAL(r->reporter, "x.example");
    CU_ASSERT_STRING_EQUAL(r->report_id, "133198585438131172");
    CU_ASSERT_EQUAL(r->begin, 1699920000);
    CU_ASSERT_STRING_EQUAL(r->begin_sent, "1699920000");
    CU_ASSERT_EQUAL(r->end, 1700006399);
    CU_ASSERT_EQUAL_FATAL(r->n_policies, 1);
    const struct tls_policy *p = &r->policies[0];
    CU_ASSERT_STRING_EQUAL(p->type, "sts");
    CU_ASSERT_EQUAL(p->n_strings, 1);
    CU_ASSERT_EQUAL_FATAL(p->n_mx_hosts, 2);
    CU_ASSERT_STRING_EQUAL(p->mx_hosts[1], "b.example");
    CU_ASSERT_STRING_EQUAL(p->domain, "guessed.example");
    CU_ASSERT_PTR_NULL(p->domain_sent);
    CU_ASSERT_EQUAL(p->successful, 42);
    CU_ASSERT_EQUAL(p->failed, 0);
    CU_ASSERT_EQUAL_FATAL(p->n_failures, 1);
    CU_ASSERT_STRING_EQUAL(p->failures[0].result_type, "moon-phase");
    CU_ASSERT_STRING_EQUAL(p->failures[0].additional_information, "u");
    CU_ASSERT_EQUAL(p->failures[0].sessions, 1);
    static const char *const codes[] = {"TLS_BOM", "TLS_TRAILING", "TLS_FIELD_MISSING",
        "TLS_VALUE_KIND", "TLS_DATE_UNIX", "TLS_DATE_FORM", "TLS_NOT_A_LIST", "TLS_DOMAIN_GUESSED",
        "TLS_COUNT_TEXT", "TLS_COUNT_MISSING", "TLS_RESULT_TYPE_UNKNOWN", "TLS_SUM_MISMATCH"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (!has_note(&r->notes, codes[i]))
            CU_FAIL(codes[i]);
    }
}

static void test_odd(void)
{
    CU_ASSERT_EQUAL(read_good(odd, sizeof odd - 1, check_odd), GRADE_RECOVERED);
}

/* What the next count is read as, and the code of the remark. */
static int64_t expected_count;
static const char *expected_code;

static void check_count(const struct tls_report *r)
{
    CU_ASSERT_EQUAL_FATAL(r->n_policies, 1);
    CU_ASSERT_EQUAL(r->policies[0].successful, expected_count);
    if (expected_code)
        CU_ASSERT_TRUE(has_note(&r->notes, expected_code));
    if (!expected_code)
        CU_ASSERT_EQUAL(r->notes.n, 0);
}

static void expect_count(const char *sent, int64_t count, const char *code)
{
    struct buf json;

    buf_init(&json, 64000);
    (void)buf_printf(&json,
        "{" HEAD
        ",\"policies\":[{\"policy\":{\"policy-type\":\"no-policy-found\",\"policy-domain\":\"example.com\"},"
        "\"summary\":{\"total-successful-session-count\":%s,\"total-failure-session-count\":0}}]}",
        sent);
    expected_count = count;
    expected_code = code;
    (void)read_good(json.data, json.len, check_count);
    buf_done(&json);
}

static void test_counts(void)
{
    static const int64_t most = INT64_C(1) << 53;
    char digits[2001];

    memset(digits, '9', 2000);
    digits[2000] = '\0';
    expect_count("7", 7, NULL);
    expect_count("7.0", 7, NULL);
    expect_count("7e2", 700, NULL);
    expect_count("9007199254740992", most, NULL);
    expect_count("9007199254740993", most, "TLS_COUNT_CAPPED");
    expect_count("18446744073709551616", most, "TLS_COUNT_CAPPED");
    expect_count("1e400", most, "TLS_COUNT_CAPPED");
    expect_count("-1e400", 0, "TLS_COUNT_NEGATIVE");
    expect_count(digits, most, "TLS_COUNT_CAPPED");
    expect_count("-5", 0, "TLS_COUNT_NEGATIVE");
    expect_count("7.5", 7, "TLS_COUNT_FRACTION");
    expect_count("\" 7 \"", 7, "TLS_COUNT_TEXT");
    expect_count("\"0x10\"", 0, "TLS_COUNT_BAD");
    expect_count("\"nan\"", 0, "TLS_COUNT_BAD");
    expect_count("true", 0, "TLS_COUNT_BAD");
    expect_count("null", 0, "TLS_COUNT_BAD");
    expect_count("[1]", 0, "TLS_COUNT_BAD");
}

static void check_repaired(const struct tls_report *r)
{
    CU_ASSERT_STRING_EQUAL(r->organization_name, "a\xEF\xBF\xBD"
                                                 "b\xEF\xBF\xBDx\xF0\x9F\x98\x80 \xC3\xA9");
    CU_ASSERT_STRING_EQUAL(r->report_id, "second");
    CU_ASSERT_TRUE(has_note(&r->notes, "TLS_STRING_REPAIRED"));
    CU_ASSERT_TRUE(has_note(&r->notes, "TLS_ENCODING"));
    CU_ASSERT_TRUE(has_note(&r->notes, "TLS_DUPLICATE_KEY"));
    CU_ASSERT_TRUE(has_note(&r->notes, "TLS_POLICIES_EMPTY"));
}

/* NUL, half a pair, a whole pair, a raw control, a byte that is not UTF-8; a key twice, once in
 * disguise. */
static void test_repaired(void)
{
    static const char json[] =
        "{\"organization-name\":\"a\\u0000b\\ud800x\\ud83d\\ude00\n\xE9\",\"report-id\":\"first\","
        "\"report\\u002did\":\"second\"," RANGE ",\"policies\":[]}";

    CU_ASSERT_EQUAL(read_good(json, sizeof json - 1, check_repaired), GRADE_RECOVERED);
}

static void check_swapped(const struct tls_report *r)
{
    CU_ASSERT_EQUAL(r->begin, 1699912800); /* 2023-11-14T00:00:00.5+02:00 */
    CU_ASSERT_EQUAL(r->end, 1700006399);
    CU_ASSERT_TRUE(has_note(&r->notes, "TLS_DATE_SWAPPED"));
}

static void test_swapped(void)
{
    static const char json[] =
        "{\"report-id\":\"x\",\"date-range\":{\"start-datetime\":\"1700006399000\","
        "\"end-datetime\":\"2023-11-14T00:00:00.5+02:00\"},\"policies\":[]}";

    (void)read_good(json, sizeof json - 1, check_swapped);
}

static void test_refused(void)
{
    CU_ASSERT_STRING_EQUAL(refusal_of(""), "not-a-report");
    CU_ASSERT_STRING_EQUAL(refusal_of("<feedback/>"), "not-a-report");
    CU_ASSERT_STRING_EQUAL(refusal_of("{\"a\":1}"), "not-a-report");
    CU_ASSERT_STRING_EQUAL(refusal_of("[]"), "not-a-report");
    CU_ASSERT_STRING_EQUAL(refusal("\xFF\xFE{\0", 4), "encoding");
    CU_ASSERT_STRING_EQUAL(refusal("{\0\"\0", 4), "encoding");
    CU_ASSERT_STRING_EQUAL(refusal_of("{'a':1}"), "not-a-report");
    CU_ASSERT_STRING_EQUAL(refusal_of("{'report-id':1}"), "json-malformed");
    CU_ASSERT_STRING_EQUAL(refusal(plain, sizeof plain / 2), "json-malformed");
    CU_ASSERT_STRING_EQUAL(refusal_of("{" HEAD "}"), "schema-missing");
    CU_ASSERT_STRING_EQUAL(refusal_of("{" HEAD ",\"policies\":null}"), "schema-missing");
    CU_ASSERT_STRING_EQUAL(refusal_of("{" RANGE ",\"policies\":[]}"), "schema-missing");
    CU_ASSERT_STRING_EQUAL(refusal_of("{\"report-id\":\"x\",\"policies\":[]}"), "schema-missing");
    CU_ASSERT_STRING_EQUAL(
        refusal_of("{\"report-id\":\"x\",\"date-range\":{\"start-datetime\":\"14.11.2023\","
                   "\"end-datetime\":\"2023-11-14T00:00:00Z\"},\"policies\":[]}"),
        "value-range");
    CU_ASSERT_STRING_EQUAL(refusal_of("{\"report-id\":\"x\",\"date-range\":{\"start-datetime\":-5,"
                                      "\"end-datetime\":1e300},\"policies\":[]}"),
        "value-range");
}

static void test_limits(void)
{
    struct buf json;
    size_t size = (size_t)LIMIT_JSON + 1;

    buf_init(&json, size);
    for (int i = 0; i < LIMIT_JSON_DEPTH + 1; i++)
        (void)buf_adds(&json, "[");
    CU_ASSERT_STRING_EQUAL(refusal(json.data, json.len), "limit-depth");
    CU_ASSERT_STRING_EQUAL(refusal(json.data, json.len - 1), "not-a-report");
    buf_clear(&json);
    (void)buf_adds(&json, "[");
    while (json.len < 2500000)
        (void)buf_adds(&json, "1,");
    CU_ASSERT_STRING_EQUAL(refusal(json.data, json.len), "limit-size");
    while (buf_adds(&json, " ") == 0)
        continue;
    CU_ASSERT_STRING_EQUAL(refusal(json.data, json.len), "limit-size");
    buf_done(&json);
}

static void check_cut(const struct tls_report *r)
{
    CU_ASSERT_EQUAL(strlen(r->report_id), LIMIT_FIELD - 1); /* a whole character less */
    CU_ASSERT_TRUE(has_note(&r->notes, "TLS_VALUE_CUT"));
}

static void test_item_limit(void)
{
    struct buf json;

    buf_init(&json, 1 << 20);
    (void)buf_adds(&json, "{" HEAD ",\"policies\":[{}");
    for (int i = 0; i < LIMIT_TLS_ITEMS; i++)
        (void)buf_adds(&json, ",{}");
    (void)buf_adds(&json, "]}");
    CU_ASSERT_STRING_EQUAL(refusal(json.data, json.len), "limit-records");
    buf_done(&json);
}

static void test_long_value(void)
{
    struct buf json;

    buf_init(&json, 64000);
    (void)buf_adds(&json, "{" RANGE ",\"policies\":[],\"report-id\":\"x");
    for (int i = 0; i < 2000; i++)
        (void)buf_adds(&json, "\xC3\xA9");
    (void)buf_adds(&json, "\"}");
    (void)read_good(json.data, json.len, check_cut);
    buf_done(&json);
}

const char unit_suite[] = "tlsrpt";

const struct unit_test unit_tests[] = {
    {"plain", test_plain},
    {"odd", test_odd},
    {"counts", test_counts},
    {"repaired", test_repaired},
    {"swapped", test_swapped},
    {"refused", test_refused},
    {"limits", test_limits},
    {"item_limit", test_item_limit},
    {"long_value", test_long_value},
    {NULL, NULL},
};
