#include "parse/aggregate_value.h"
#include "parse/quirks.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <string.h>

static void test_verdicts_fail_safe(void)
{
    static const char *const odd[] = {
        "", "none", "softfail", "passed", "pas", "pass;", "true", "1", "\xD1\x80\xD0\xB0"};

    CU_ASSERT_EQUAL(verdict_read("pass"), VERDICT_PASS);
    CU_ASSERT_EQUAL(verdict_read("PASS"), VERDICT_PASS);
    CU_ASSERT_EQUAL(verdict_read("Fail"), VERDICT_FAIL);
    CU_ASSERT_EQUAL(verdict_read(NULL), VERDICT_UNKNOWN);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        CU_ASSERT_EQUAL(verdict_read(odd[i]), VERDICT_UNKNOWN);
}

static void test_dispositions(void)
{
    CU_ASSERT_EQUAL(disposition_read("none"), DISPOSITION_NONE);
    CU_ASSERT_EQUAL(disposition_read("pass"), DISPOSITION_PASS);
    CU_ASSERT_EQUAL(disposition_read("Quarantine"), DISPOSITION_QUARANTINE);
    CU_ASSERT_EQUAL(disposition_read("reject"), DISPOSITION_REJECT);
    CU_ASSERT_EQUAL(disposition_read("softfail"), DISPOSITION_UNKNOWN);
    CU_ASSERT_EQUAL(disposition_read("rejected"), DISPOSITION_UNKNOWN);
    CU_ASSERT_EQUAL(disposition_read(""), DISPOSITION_UNKNOWN);
    CU_ASSERT_EQUAL(disposition_read(NULL), DISPOSITION_UNKNOWN);
}

static void test_words(void)
{
    CU_ASSERT_STRING_EQUAL(word_read("REJECT", policy_words), "reject");
    CU_ASSERT_STRING_EQUAL(word_read("reject;", policy_words), "reject");
    CU_ASSERT_STRING_EQUAL(word_read("s", alignment_words), "s");
    CU_ASSERT_STRING_EQUAL(word_read("Y", testing_words), "y");
    CU_ASSERT_STRING_EQUAL(word_read("treewalk", discovery_words), "treewalk");
    CU_ASSERT_PTR_NULL(word_read("nil", policy_words)); /* Mail.Ru */
    CU_ASSERT_PTR_NULL(word_read("", policy_words));
    CU_ASSERT_PTR_NULL(word_read(";", policy_words));
    CU_ASSERT_PTR_NULL(word_read(NULL, policy_words));
}

static void test_results(void)
{
    static const struct {
        const char *word;
        bool spf;
        const char *want;
        bool odd;
        bool alias;
    } cases[] = {
        {"pass", false, "pass", false, false},
        {"TempError", true, "temperror", false, false},
        {"policy", true, "policy", false, false},
        {"hardfail", true, "fail", false, true},
        {"unknown", true, "temperror", false, true},
        {"Error", true, "permerror", false, true},
        {"unknown", false, "unknown", true, false}, /* inexio.net, of DKIM */
        {"Invalid", false, "invalid", true, false}, /* nfm.net */
        {"passed", true, "passed", true, false},
    };
    struct arena *a = arena_new();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool odd = false;
        bool alias = false;
        const char *got = result_read(a, cases[i].word, cases[i].spf, &odd, &alias);
        CU_ASSERT_STRING_EQUAL(got, cases[i].want);
        CU_ASSERT_EQUAL(odd, cases[i].odd);
        CU_ASSERT_EQUAL(alias, cases[i].alias);
    }
    arena_free(a);
}

static void test_counts(void)
{
    static const struct {
        const char *text;
        enum spelling how;
        int64_t want;
        bool capped;
    } cases[] = {
        {"7", SPELLING_PLAIN, 7, false}, {"+5", SPELLING_PLAIN, 5, false},
        {"007", SPELLING_PLAIN, 7, false}, {"0", SPELLING_PLAIN, 0, false},
        {"3.0", SPELLING_ODD, 3, false}, {"1,234", SPELLING_ODD, 1234, false},
        {"1,234,567", SPELLING_ODD, 1234567, false},
        {"9007199254740992", SPELLING_PLAIN, COUNT_MAX, false},
        {"9007199254740993", SPELLING_PLAIN, COUNT_MAX, true},
        {"18446744073709551617", SPELLING_ODD, COUNT_MAX, true}, /* never 1 */
        {"", SPELLING_MISSING, -1, false}, {NULL, SPELLING_MISSING, -1, false},
        {"-5", SPELLING_UNUSABLE, -1, false}, {"3.5", SPELLING_UNUSABLE, -1, false},
        {"1,23", SPELLING_UNUSABLE, -1, false}, {"1e3", SPELLING_UNUSABLE, -1, false},
        {"0x10", SPELLING_UNUSABLE, -1, false}, {"12abc", SPELLING_UNUSABLE, -1, false},
        {"NaN", SPELLING_UNUSABLE, -1, false}, {"1 2", SPELLING_UNUSABLE, -1, false},
        {"\xE0\xA5\xA7\xE0\xA5\xA8", SPELLING_UNUSABLE, -1, false}, /* Devanagari digits */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t got = -1;
        bool capped = false;
        CU_ASSERT_EQUAL(count_read(cases[i].text, &got, &capped), cases[i].how);
        CU_ASSERT_EQUAL(got, cases[i].want);
        CU_ASSERT_EQUAL(capped, cases[i].capped);
    }
}

static void test_times(void)
{
    static const struct {
        const char *text;
        enum spelling how;
        int64_t want;
        bool scaled;
    } cases[] = {
        {"1700000000", SPELLING_PLAIN, 1700000000, false},
        {"1337270400.0", SPELLING_ODD, 1337270400, false},
        {"1700000000.5", SPELLING_ODD, 1700000000, false},
        {"1700000000123", SPELLING_PLAIN, 1700000000, true},
        {"1700000000123456", SPELLING_PLAIN, 1700000000, true},
        {"2023-11-14T22:13:20Z", SPELLING_ODD, 1700000000, false},
        {"2023-11-14 22:13:20", SPELLING_ODD, 1700000000, false},
        {"Tue, 14 Nov 2023 23:13:20 +0100", SPELLING_ODD, 1700000000, false},
        {"", SPELLING_MISSING, -1, false},
        {NULL, SPELLING_MISSING, -1, false},
        {"1.7e9", SPELLING_UNUSABLE, -1, false}, /* never 1 */
        {"yesterday", SPELLING_UNUSABLE, -1, false},
        {"18446744073709551616", SPELLING_UNUSABLE, -1, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t got = -1;
        bool scaled = false;
        CU_ASSERT_EQUAL(time_read(cases[i].text, &got, &scaled), cases[i].how);
        CU_ASSERT_EQUAL(got, cases[i].want);
        CU_ASSERT_EQUAL(scaled, cases[i].scaled);
    }
}

static void test_file_name_period(void)
{
    int64_t begin = 0;
    int64_t end = 0;

    CU_ASSERT_TRUE(
        file_name_period("mx.example!example.com!1700000000!1700086399.xml.gz", &begin, &end));
    CU_ASSERT_EQUAL(begin, 1700000000);
    CU_ASSERT_EQUAL(end, 1700086399);
    CU_ASSERT_TRUE(
        file_name_period("!example.com!1600000000!1600086399!id-1.zip", &begin, &end)); /* SES */
    CU_ASSERT_EQUAL(begin, 1600000000);
    CU_ASSERT_EQUAL(end, 1600086399);
    CU_ASSERT_FALSE(file_name_period("report.xml", &begin, &end));
    CU_ASSERT_FALSE(file_name_period("a!b!1700000000.xml", &begin, &end));
    CU_ASSERT_FALSE(file_name_period("a!b!x!1700086399.xml", &begin, &end));
    CU_ASSERT_FALSE(file_name_period("a!b!99999999999999999999999999!1.xml", &begin, &end));
    CU_ASSERT_FALSE(file_name_period(NULL, &begin, &end));
    CU_ASSERT_EQUAL(begin, 1600000000);
}

static void test_reporter_key(void)
{
    struct arena *a = arena_new();

    CU_ASSERT_STRING_EQUAL(
        reporter_key(a, "noreply@mx1.Mail.EXAMPLE.co.uk", "x.example!y!1!2.xml", NULL, "Org"),
        "example.co.uk");
    CU_ASSERT_STRING_EQUAL(
        reporter_key(a, "Reports <dmarc@example.org>", NULL, NULL, "Org"), "example.org");
    CU_ASSERT_STRING_EQUAL(
        reporter_key(a, "", "mx.example.net!y!1!2.xml", "a@example.org", "Org"), "example.net");
    CU_ASSERT_STRING_EQUAL(
        reporter_key(a, NULL, "!y!1!2.xml", "<a@b.example.org>", "Org"), "example.org");
    CU_ASSERT_STRING_EQUAL(
        reporter_key(a, "not an address", NULL, NULL, "GMO Pepabo, Inc."), "gmo pepabo, inc.");
    CU_ASSERT_STRING_EQUAL(reporter_key(a, NULL, "report.xml", NULL, ""), "unknown");
    arena_free(a);
}

static void test_domains_of_addresses(void)
{
    struct arena *a = arena_new();
    bool was_address = false;

    CU_ASSERT_STRING_EQUAL(domain_of_address(a, "example.com", &was_address), "example.com");
    CU_ASSERT_FALSE(was_address);
    CU_ASSERT_STRING_EQUAL(domain_of_address(a, "<bob@example.com>", &was_address), "example.com");
    CU_ASSERT_TRUE(was_address);
    was_address = false;
    CU_ASSERT_STRING_EQUAL(domain_of_address(a, "<>", &was_address), "");
    CU_ASSERT_TRUE(was_address);
    arena_free(a);
}

/* What is plain is not normalised again, so it must be what domain_normalise would give. */
static void test_plain_domains(void)
{
    char name[80];

    CU_ASSERT_TRUE(domain_is_plain("a.example.com"));
    CU_ASSERT_TRUE(domain_is_plain("_dmarc.xn--bcher-kva.example"));
    CU_ASSERT_TRUE(domain_is_plain("localhost"));
    CU_ASSERT_FALSE(domain_is_plain(""));
    CU_ASSERT_FALSE(domain_is_plain("Example.com"));
    CU_ASSERT_FALSE(domain_is_plain("example.com."));
    CU_ASSERT_FALSE(domain_is_plain(".example.com"));
    CU_ASSERT_FALSE(domain_is_plain("a..example.com"));
    CU_ASSERT_FALSE(domain_is_plain("-a.example.com"));
    CU_ASSERT_FALSE(domain_is_plain("a-.example.com"));
    CU_ASSERT_FALSE(domain_is_plain("b\xC3\xBC"
                                    "cher.example"));
    memset(name, 'a', 64);
    memcpy(name + 64, ".example", sizeof ".example");
    CU_ASSERT_FALSE(domain_is_plain(name));
    CU_ASSERT_TRUE(domain_is_plain(name + 1));
}

static void test_quirk_table(void)
{
    for (const struct quirk *q = quirk_table; q->code; q++) {
        CU_ASSERT_PTR_EQUAL(quirk_find(q->code), q); /* so no code is there twice */
        CU_ASSERT_TRUE(q->meaning && *q->meaning);
        CU_ASSERT_TRUE(q->grade < GRADE_REFUSED);
    }
    CU_ASSERT_PTR_NULL(quirk_find("NO_SUCH_CODE"));
}

static void test_notes(void)
{
    struct arena *a = arena_new();
    struct notes notes = {0};
    enum grade grade = GRADE_CLEAN;

    notes_add(&notes, &grade, a, "WINDOW_OVER_24H", NULL);
    CU_ASSERT_EQUAL(grade, GRADE_CLEAN);
    notes_add(&notes, &grade, a, "TRUNCATED", NULL);
    CU_ASSERT_EQUAL(grade, GRADE_PARTIAL);
    notes_add(&notes, &grade, a, "SP_ODD", "nil");
    notes_add(&notes, &grade, a, "SP_ODD", "other");
    CU_ASSERT_EQUAL(grade, GRADE_PARTIAL); /* never better again */
    CU_ASSERT_EQUAL(notes.n, 3);
    CU_ASSERT_EQUAL(notes.items[0].times, 1);
    CU_ASSERT_PTR_NULL(notes.items[0].detail);
    CU_ASSERT_STRING_EQUAL(notes.items[2].code, "SP_ODD");
    CU_ASSERT_STRING_EQUAL(notes.items[2].detail, "nil");
    CU_ASSERT_EQUAL(notes.items[2].times, 2);
    arena_free(a);
}

static void test_grade_names(void)
{
    enum grade g = GRADE_REFUSED;

    for (int i = GRADE_CLEAN; i <= (int)GRADE_REFUSED; i++) {
        CU_ASSERT_TRUE(grade_parse(grade_name((enum grade)i), &g));
        CU_ASSERT_EQUAL(g, (enum grade)i);
    }
    CU_ASSERT_FALSE(grade_parse("splendid", &g));
    CU_ASSERT_EQUAL(g, GRADE_REFUSED);
}

const char unit_suite[] = "aggregate_value";
const struct unit_test unit_tests[] = {
    {"verdicts fail safe", test_verdicts_fail_safe},
    {"dispositions", test_dispositions},
    {"words of policies", test_words},
    {"results", test_results},
    {"counts", test_counts},
    {"times", test_times},
    {"period of a file name", test_file_name_period},
    {"reporter key", test_reporter_key},
    {"domains of addresses", test_domains_of_addresses},
    {"plain domains", test_plain_domains},
    {"table of quirks", test_quirk_table},
    {"notes", test_notes},
    {"names of grades", test_grade_names},
    {NULL, NULL},
};
