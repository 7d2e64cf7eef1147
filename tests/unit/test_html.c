/*
 * HTML that is always closed and always escaped, and what changed between two reports.
 */
#include "base/arena.h"
#include "report/changes.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/tell.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

const char unit_suite[] = "html";

static char *text;
static size_t size;

static FILE *begin(void)
{
    FILE *out = open_memstream(&text, &size);

    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    return out;
}

static void end_and_expect(FILE *out, const char *expected)
{
    CU_ASSERT_EQUAL(fclose(out), 0);
    if (strcmp(text, expected) != 0)
        printf("\n    %s\n    not: %s", text, expected);
    CU_ASSERT_STRING_EQUAL(text, expected);
    free(text);
}

static void test_escaping(void)
{
    FILE *out = begin();
    struct html h = {.out = out};

    html_open(&h, "b", "class", "a\"b'<&", "id", NULL, NULL);
    html_text(&h, "</b><script>'x' & \"y\"\x1b[1m\n\xff\xe2\x80\xae z\xc3\xa4");
    html_close(&h);
    html_close(&h); /* there is nothing left */
    end_and_expect(out,
        "<b class=\"a&quot;b&#39;&lt;&amp;\">&lt;/b&gt;&lt;script&gt;&#39;x&#39; &amp; "
        "&quot;y&quot;\xEF\xBF\xBD[1m\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD z\xc3\xa4</b>");
}

static void test_elements(void)
{
    FILE *out = begin();
    struct html h;

    html_init(&h, out);
    html_open(&h, "html", NULL);
    html_open(&h, "body", NULL);
    html_element(&h, "p", "x", "1 < 2");
    html_void(&h, "rect", "width", "2", NULL);
    html_close_all(&h);
    end_and_expect(out, "<!DOCTYPE html>\n<html>\n<body>\n<p class=\"x\">1 &lt; 2</p>\n<rect "
                        "width=\"2\"/></body></html>\n");
}

/* RFC 4648 section 10 */
static void test_images(void)
{
    static const char *const encoded[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE="};

    for (size_t i = 0; i < sizeof encoded / sizeof *encoded; i++) {
        FILE *out = begin();
        struct html h = {.out = out};
        html_image(&h, "image/png", "fooba", i, "\"");
        CU_ASSERT_EQUAL(fclose(out), 0);
        const char *at = strstr(text, "base64,");
        CU_ASSERT_PTR_NOT_NULL_FATAL(at);
        if (at) {
            at += strlen("base64,");
            CU_ASSERT_EQUAL(strncmp(at, encoded[i], strlen(encoded[i])), 0);
            CU_ASSERT_EQUAL(strncmp(at + strlen(encoded[i]), "\" alt=\"&quot;\"/>", 15), 0);
        }
        free(text);
    }
}

/* ---- charts ---- */

static void test_charts(void)
{
    struct arena *a = arena_new();
    struct coverage_day days[] = {
        {20773, 1, 1999, 1998}, {20774, 0, 0, 0}, {20775, 2, INT64_MAX / 4, 0}};
    struct client_report r = {.totals = {.messages = 10}, .coverage = {.days = days, .n_days = 2}};
    const struct tell t = {.report = &r, .arena = a};

    for (int i = 0; i < 2; i++) {
        FILE *out = begin();
        struct html h = {.out = out};
        r.coverage.n_days = i ? 3 : 2;
        r.coverage.n_empty = 1;
        chart_days(&h, &t);
        CU_ASSERT_EQUAL(h.depth, 0);
        CU_ASSERT_EQUAL(fclose(out), 0);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "2026-11-16: 1,998 passed, 1 failed."));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "2026-11-17: no report."));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "class=\"fill-none\""));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, i ? ">11-18</text>" : ">2k</text>"));
        CU_ASSERT_PTR_NULL(strstr(text, "nan"));
        CU_ASSERT_PTR_NULL(strstr(text, "=\"-")); /* no length below 0 */
        free(text);
    }
    arena_free(a);
}

/* ---- changes ---- */

static struct finding finding(enum cause_id cause, const char *source, int64_t failed)
{
    return (struct finding){.domain = "a.example",
        .cause = cause,
        .source = source,
        .key = "",
        .status = failed ? FINDING_OPEN : FINDING_QUIET,
        .records = failed > 0,
        .messages = failed,
        .failed = failed};
}

static struct report_source source(unsigned char network, enum cause_id cause, int64_t messages)
{
    return (struct report_source){.domain = "a.example",
        .ip = {.len = 4, .bytes = {192, 0, network, 1}},
        .all = {.cause = cause, .messages = messages}};
}

static void test_changed_findings(void)
{
    struct arena *a = arena_new();
    struct finding before[] = {finding(CAUSE_F14, "same", 10), finding(CAUSE_F14, "worse", 10),
        finding(CAUSE_F14, "better", 10), finding(CAUSE_F14, "gone", 4),
        finding(CAUSE_F24, "abuse", 4), finding(CAUSE_F14, "over", 0), finding(CAUSE_F14, "few", 1),
        finding(CAUSE_P9, "relay", 9)};
    struct finding now[] = {finding(CAUSE_F14, "same", 14), finding(CAUSE_F14, "worse", 20),
        finding(CAUSE_F14, "better", 5), finding(CAUSE_F14, "gone", 0),
        finding(CAUSE_F14, "over", 0), finding(CAUSE_F13, "same", 3), finding(CAUSE_F14, "few", 4)};
    const struct client_report earlier = {.totals = {.reports = 1, .messages = 100},
        .findings = before,
        .n_findings = 8,
        .from = 1,
        .to = 7};
    struct client_report later = {
        .totals = {.reports = 1, .messages = 100}, .findings = now, .n_findings = 7};
    struct changes c;

    now[4].status = FINDING_RESOLVED;
    changes_find(a, &earlier, &later, &c);

    static const struct {
        enum finding_change change;
        const char *source;
        int64_t before, now;
    } expected[] = {
        {CHANGE_NEW, "same", 0, 3},
        {CHANGE_WORSE, "worse", 10, 20},
        {CHANGE_BETTER, "better", 10, 5},
        {CHANGE_GONE, "gone", 4, 0},
        {CHANGE_GONE, "abuse", 4, 0},
        {CHANGE_RESOLVED, "over", 0, 0},
    };

    CU_ASSERT_EQUAL_FATAL(c.n_findings, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < c.n_findings; i++) {
        CU_ASSERT_EQUAL(c.findings[i].change, expected[i].change);
        CU_ASSERT_STRING_EQUAL(c.findings[i].finding->source, expected[i].source);
        CU_ASSERT_EQUAL(c.findings[i].failed_before, expected[i].before);
        CU_ASSERT_EQUAL(c.findings[i].failed_now, expected[i].now);
    }
    CU_ASSERT_EQUAL(c.from, 1);
    later.totals.messages = 200; /* twice as many of twice as many are as before */
    changes_find(a, &earlier, &later, &c);
    for (size_t i = 0; i < c.n_findings; i++)
        CU_ASSERT_NOT_EQUAL(c.findings[i].change, CHANGE_WORSE);
    arena_free(a);
}

static void test_changed_sources_and_policies(void)
{
    struct arena *a = arena_new();
    struct report_source before[] = {source(1, CAUSE_P1, 9), source(2, CAUSE_F24, 3),
        source(3, CAUSE_P1, 3), source(7, CAUSE_F24, 3)};
    struct report_source now[] = {source(1, CAUSE_P1, 7), source(2, CAUSE_F28, 3),
        source(4, CAUSE_P1, 5), source(4, CAUSE_F28, 6), source(5, CAUSE_F24, 8)};
    struct report_domain was = {.name = "a.example", .policy = "none", .sp = "none", .aspf = "r"};
    struct report_domain is = {.name = "a.example", .policy = "reject", .adkim = "s", .aspf = "r"};
    const struct client_report earlier = {
        .totals.reports = 1, .sources = before, .n_sources = 4, .domains = &was, .n_domains = 1};
    struct client_report later = {
        .totals.reports = 1, .sources = now, .n_sources = 5, .domains = &is, .n_domains = 1};
    struct changes c;

    changes_find(a, &earlier, &later, &c);
    CU_ASSERT_TRUE(c.comparable);
    CU_ASSERT_EQUAL_FATAL(c.n_new_sources, 1);
    CU_ASSERT_EQUAL(c.new_sources[0].messages, 11);
    CU_ASSERT_EQUAL(c.new_sources[0].hosts, 2);
    CU_ASSERT_EQUAL(c.new_sources[0].largest->all.messages, 6);
    CU_ASSERT_EQUAL_FATAL(c.n_gone_sources, 1);
    CU_ASSERT_EQUAL(c.gone_sources[0].largest->ip.bytes[2], 3);
    /* what only one of the reports says is no change: a reporter may leave a tag out */
    CU_ASSERT_EQUAL_FATAL(c.n_policies, 1);
    CU_ASSERT_STRING_EQUAL(c.policies[0].tag, "p");
    CU_ASSERT_STRING_EQUAL(c.policies[0].now, "reject");
    later.totals.reports = 0;
    changes_find(a, &earlier, &later, &c);
    CU_ASSERT_FALSE(c.comparable);
    CU_ASSERT_EQUAL(c.n_gone_sources + c.n_findings + c.n_policies, 0);
    arena_free(a);
}

static void test_period_before(void)
{
    int64_t from;
    int64_t to;

    report_period_before(20773, 20779, &from, &to);
    CU_ASSERT_EQUAL(from, 20766);
    CU_ASSERT_EQUAL(to, 20772);
    report_period_before(20758, 20787, &from, &to); /* 2026-11 */
    CU_ASSERT_EQUAL(from, 20727);                   /* 2026-10-01 */
    CU_ASSERT_EQUAL(to, 20757);
}

const struct unit_test unit_tests[] = {
    {"escaping", test_escaping},
    {"elements", test_elements},
    {"images", test_images},
    {"charts", test_charts},
    {"changed findings", test_changed_findings},
    {"changed sources and policies", test_changed_sources_and_policies},
    {"period before", test_period_before},
    {NULL, NULL},
};
