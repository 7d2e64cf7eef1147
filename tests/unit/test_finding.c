/* The table of findings, how one is added, and that the documentation says the same. */
#include "base/arena.h"
#include "base/buf.h"
#include "check/finding.h"
#include "cli/files.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "DMARC-17": a prefix of capitals, a dash, two digits. */
static bool is_id(const char *id)
{
    size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return n && id[n] == '-' && isdigit((unsigned char)id[n + 1]) &&
           isdigit((unsigned char)id[n + 2]) && !id[n + 3];
}

static void test_table(void)
{
    CU_ASSERT_EQUAL(finding_kinds_count, 169);
    for (size_t i = 0; i < finding_kinds_count; i++) {
        const struct finding_kind *k = &finding_kinds[i];
        CU_ASSERT_TRUE(is_id(k->id));
        CU_ASSERT_PTR_EQUAL(finding_kind_find(k->id), k); /* no id twice */
        CU_ASSERT_TRUE(*k->what && *k->advice && k->severity <= SEVERITY_INFO);
    }
    CU_ASSERT_PTR_NULL(finding_kind_find("DMARC-99"));
}

/* A line of the page for each row of the table. */
static void test_page(void)
{
    struct arena *a = arena_new();
    struct buf page;
    struct err e;

    buf_init(&page, 1 << 20);
    CU_ASSERT_EQUAL_FATAL(files_read("../docs/findings.md", &page, &e), 0);
    for (size_t i = 0; i < finding_kinds_count; i++) {
        const struct finding_kind *k = &finding_kinds[i];
        const char *line = arena_printf(
            a, "\n| %s | %s | %s | %s |\n", k->id, severity_name(k->severity), k->what, k->advice);
        if (!strstr(page.data, line)) {
            printf("\ndocs/findings.md lacks%s", line);
            CU_FAIL("the page differs");
        }
    }
    buf_done(&page);
    arena_free(a);
}

static void test_add(void)
{
    struct arena *a = arena_new();
    struct findings f;

    findings_init(&f, a, "example.com");
    finding_add(&f, "DMARC-17", "_dmarc.example.com", "seen %s", "here");
    finding_text(&f, "v=DMARC1;\0\xFFx\\", 13);
    finding_offset(&f, 4);
    finding_arg(&f, "host", "%s", "reports.example.net");
    CU_ASSERT_EQUAL_FATAL(f.n, 1);
    CU_ASSERT_STRING_EQUAL(f.items[0].message, "seen here");
    CU_ASSERT_STRING_EQUAL(f.items[0].text, "v=DMARC1;\\000\\255x\\\\");
    CU_ASSERT_EQUAL(f.items[0].offset, 4);
    CU_ASSERT_EQUAL(f.items[0].severity, SEVERITY_CRIT);
    CU_ASSERT_STRING_EQUAL(f.items[0].advice,
        "Reports are not sent there. The owner of reports.example.net must publish "
        "'example.com._report._dmarc.reports.example.net TXT \"v=DMARC1\"'");
    /* the same again is not another one, and what is said of it then is not said of the first */
    finding_add(&f, "DMARC-17", "_dmarc.example.com", "seen here");
    finding_offset(&f, 9);
    CU_ASSERT_EQUAL(f.n, 1);
    CU_ASSERT_EQUAL(f.items[0].offset, 4);
    arena_free(a);
}

static void test_bounds(void)
{
    struct arena *a = arena_new();
    struct findings f;
    char long_text[FINDING_TEXT_MAX * 2];

    memset(long_text, '\xFF', sizeof long_text);
    findings_init(&f, a, "example.com");
    for (int i = 0; i < 1000; i++)
        finding_add(&f, "DMARC-08", NULL, "element %d", i);
    CU_ASSERT_EQUAL(f.n, FINDINGS_OF_A_KIND);
    CU_ASSERT_EQUAL(f.left_out, 1000 - FINDINGS_OF_A_KIND);
    finding_add(&f, "DMARC-03", NULL, "%s", "\xFF\x1B[2J");
    finding_text(&f, long_text, sizeof long_text);
    CU_ASSERT_EQUAL(strlen(f.items[f.n - 1].text), FINDING_TEXT_MAX * 4 + 3);
    CU_ASSERT_PTR_NULL(strchr(f.items[f.n - 1].message, '\x1B'));
    arena_free(a);
}

static void test_order(void)
{
    static const char *const order[] = {
        "DMARC-03", "SPF-08", "X-08", "SPF-06", "MX-08", "DNS-06", "DNS-07"};
    struct arena *a = arena_new();
    struct findings f;

    findings_init(&f, a, "example.com");
    for (size_t i = sizeof order / sizeof *order; i-- > 0;)
        finding_add(&f, order[i], NULL, "seen");
    f.items[3].messages = 100; /* SPF-06 explains most, but is no worse for that */
    findings_sort(&f);
    for (size_t i = 0; i < f.n; i++)
        CU_ASSERT_STRING_EQUAL(f.items[i].kind->id, order[i]);
    CU_ASSERT_EQUAL(findings_worst(&f), SEVERITY_CRIT);
    CU_ASSERT_TRUE(findings_have(&f, "X-08"));
    CU_ASSERT_FALSE(findings_have(&f, "X-07"));
    arena_free(a);
}

const char unit_suite[] = "finding";
const struct unit_test unit_tests[] = {
    {"table", test_table},
    {"page", test_page},
    {"add", test_add},
    {"bounds", test_bounds},
    {"order", test_order},
    {NULL, NULL},
};
