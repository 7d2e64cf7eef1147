/*
 * The words of a report, another language, and what stands on its head: zone and logo.
 */
#include "base/arena.h"
#include "base/zone.h"
#include "report/look.h"
#include "report/phrases.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <string.h>

const char unit_suite[] = "phrases";

static void test_english(void)
{
    struct arena *a = arena_new();

    CU_ASSERT_STRING_EQUAL(phrase(NULL, PHRASE_LANGUAGE), "en");
    CU_ASSERT_STRING_EQUAL(PHRASE_FILL(a, NULL, PERIOD_DAYS, "A", "B"), "A to B (UTC)");
    CU_ASSERT_STRING_EQUAL(PHRASE_FILL(a, NULL, CHANGED_POLICY, "d", "p", "reject", "none"),
        "Policy of d: p=reject, before p=none.");
    /* a value is never a template */
    CU_ASSERT_STRING_EQUAL(PHRASE_FILL(a, NULL, MESSAGES, "{n} %s"), "{n} %s messages");
    CU_ASSERT_STRING_EQUAL(phrases_reason(NULL, CAUSE_F14), causes[CAUSE_F14].reason);
    arena_free(a);
}

static void test_another_language(void)
{
    struct arena *a = arena_new();
    const struct phrases *p = NULL;
    struct err e;
    static const char text[] = "\n# Deutsch\r\n  LANGUAGE = de\r\n"
                               "chart_day = {failed} nicht, {passed} schon; das war {day}.\n"
                               "f14.Remedy = Bei {who} einrichten.";

    CU_ASSERT_EQUAL_FATAL(phrases_read(a, text, "de", &p, &e), 0);
    CU_ASSERT_STRING_EQUAL(phrase(p, PHRASE_LANGUAGE), "de");
    CU_ASSERT_STRING_EQUAL(
        PHRASE_FILL(a, p, CHART_DAY, "Montag", "7", "3"), "3 nicht, 7 schon; das war Montag.");
    CU_ASSERT_STRING_EQUAL(phrases_remedy(p, CAUSE_F14), "Bei {who} einrichten.");
    CU_ASSERT_STRING_EQUAL(phrases_reason(p, CAUSE_F14), causes[CAUSE_F14].reason);
    CU_ASSERT_STRING_EQUAL(phrase(p, PHRASE_TOTALS), "Totals");
    arena_free(a);
}

static void refuses(const char *text, const char *why)
{
    struct arena *a = arena_new();
    const struct phrases *p = NULL;
    struct err e;

    CU_ASSERT_EQUAL(phrases_read(a, text, "FILE", &p, &e), ERR_CONFIG);
    CU_ASSERT_PTR_NULL(p);
    if (!strstr(e.text, why))
        printf("\n    %s, not: %s", e.text, why);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, why));
    arena_free(a);
}

static void test_what_a_language_file_may_not_say(void)
{
    refuses("\nTOTALS Summen", "FILE:2: a line is 'key = text'");
    refuses("TOTLAS = Summen", "FILE:1: there is no phrase 'TOTLAS' (did you mean 'TOTALS'?)");
    refuses("F99.reason = x", "no phrase 'F99.reason'");
    refuses("F14.cause = x", "no phrase 'F14.cause'");
    refuses("TOTALS = a\nTotals = b", "FILE:2: Totals is given twice");
    refuses("TOTALS =", "TOTALS has no text");
    refuses("MESSAGES = {n} {m}", "MESSAGES: the English text has no {m}");
    refuses("TOTALS = a\xff", "not UTF-8");
    refuses("TOTALS = a\x1b[31m", "do not show");
    refuses("TOTALS = a\xe2\x80\xae", "do not show");
}

/* ---- zones ---- */

static void test_zones(void)
{
    struct zone *z = zone_open("Europe/Berlin");
    char text[ZONE_TEXT_MAX];

    CU_ASSERT_PTR_NOT_NULL_FATAL(z);
    CU_ASSERT_STRING_EQUAL(zone_name(z), "Europe/Berlin");
    CU_ASSERT_STRING_EQUAL(zone_name(NULL), "UTC");
    zone_format(z, 1763251200, text); /* 2025-11-16T00:00:00Z */
    CU_ASSERT_STRING_EQUAL(text, "2025-11-16 01:00 CET");
    zone_format(z, 1752624000, text); /* 2025-07-16T00:00:00Z */
    CU_ASSERT_STRING_EQUAL(text, "2025-07-16 02:00 CEST");
    zone_format(NULL, 1763251200, text);
    CU_ASSERT_STRING_EQUAL(text, "2025-11-16 00:00 UTC");
    zone_format(z, INT64_MAX, text); /* no year has four digits then: it is said in some way */
    CU_ASSERT_TRUE(strlen(text) > 0);
    zone_close(z);
    CU_ASSERT_PTR_NULL(zone_open("Europe/Atlantis"));
    CU_ASSERT_PTR_NULL(zone_open("../../../etc/passwd"));
    CU_ASSERT_PTR_NULL(zone_open("/etc/localtime"));
    CU_ASSERT_PTR_NULL(zone_open(""));
}

static void test_months(void)
{
    int64_t day = 0;
    char text[WHEN_TEXT_MAX];

    CU_ASSERT_TRUE_FATAL(when_parse_month("2024-02", &day));
    when_format_day(day, text);
    CU_ASSERT_STRING_EQUAL(text, "2024-02-01");
    CU_ASSERT_EQUAL(when_next_month(day) - day, 29);
    CU_ASSERT_EQUAL(when_month(day + 28), day);
    CU_ASSERT_TRUE(when_is_month(day, day + 28));
    CU_ASSERT_FALSE(when_is_month(day, day + 27));
    CU_ASSERT_FALSE(when_is_month(day + 1, day + 28));
    CU_ASSERT_TRUE(when_parse_month("2025-12", &day));
    when_format_day(when_next_month(day + 30), text);
    CU_ASSERT_STRING_EQUAL(text, "2026-01-01");
    CU_ASSERT_FALSE(when_parse_month("2025-13", &day));
    CU_ASSERT_FALSE(when_parse_month("2025-1", &day));
    CU_ASSERT_FALSE(when_parse_month("2025-1x", &day));
}

/* ---- logos ---- */

static void test_logos(void)
{
    unsigned char png[33] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x78\0\0\0\x28\x08\x02";

    CU_ASSERT_PTR_NULL(look_logo_fault(png, sizeof png));
    CU_ASSERT_PTR_NOT_NULL(look_logo_fault(png, 32));
    CU_ASSERT_PTR_NOT_NULL(look_logo_fault(png, LOGO_BYTES_MAX + 1));
    png[18] = 0x10; /* 4,216 pixels wide */
    CU_ASSERT_STRING_EQUAL(look_logo_fault(png, sizeof png), "is wider or higher than 2000 pixels");
    CU_ASSERT_STRING_EQUAL(
        look_logo_fault("<svg onload=\"alert(1)\"/>                 ", 40), "is not a PNG image");
    CU_ASSERT_PTR_NOT_NULL(look_logo_fault(NULL, 0));
}

const struct unit_test unit_tests[] = {
    {"english", test_english},
    {"another language", test_another_language},
    {"what a language file may not say", test_what_a_language_file_may_not_say},
    {"zones", test_zones},
    {"months", test_months},
    {"logos", test_logos},
    {NULL, NULL},
};
