/* When there is something to warn of. */
#include "cli/warn.h"
#include "send/webhook.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>

/* Bits `from` to `to`, both included. */
static uint64_t days(unsigned from, unsigned to)
{
    uint64_t out = 0;

    for (unsigned i = from; i <= to; i++)
        out |= UINT64_C(1) << i;
    return out;
}

static void test_a_reporter_is_silent_after_n_whole_days(void)
{
    CU_ASSERT_EQUAL(warn_reporter(days(1, 40), 3), REPORTER_WRITES);
    CU_ASSERT_EQUAL(warn_reporter(days(4, 40), 3), REPORTER_WRITES); /* days 2 and 3 are missing */
    CU_ASSERT_EQUAL(warn_reporter(days(5, 40), 3), REPORTER_SILENT); /* day 4, too */
    CU_ASSERT_EQUAL(warn_reporter(days(3, 40), 1), REPORTER_SILENT);
    CU_ASSERT_EQUAL(warn_reporter(days(2, 40), 1), REPORTER_WRITES);
}

static void test_only_who_wrote_daily_is_expected(void)
{
    CU_ASSERT_EQUAL(warn_reporter(days(5, 28), 3), REPORTER_SILENT);                /* 24 of 28 */
    CU_ASSERT_EQUAL(warn_reporter(days(5, 27), 3), REPORTER_GONE);                  /* 23 of them */
    CU_ASSERT_EQUAL(warn_reporter(UINT64_C(0x0101010101010100), 3), REPORTER_GONE); /* weekly */
    CU_ASSERT_EQUAL(warn_reporter(0, 3), REPORTER_GONE);
    CU_ASSERT_EQUAL(warn_reporter(days(45, 63), 3), REPORTER_GONE); /* long ago */
    CU_ASSERT_EQUAL(warn_reporter(days(33, 63), 30), REPORTER_SILENT);
    CU_ASSERT_EQUAL(warn_reporter(days(0, 0), 3), REPORTER_WRITES);
}

static void test_rejects_rise_above_what_is_usual(void)
{
    CU_ASSERT_FALSE(warn_rejects_rise(9, 0, 10));
    CU_ASSERT_TRUE(warn_rejects_rise(10, 0, 10));
    CU_ASSERT_FALSE(warn_rejects_rise(29, 280, 10)); /* 10 a day are usual */
    CU_ASSERT_TRUE(warn_rejects_rise(30, 280, 10));
}

static void test_a_webhook_is_over_tls_or_here(void)
{
    static const char *const safe[] = {"https://hooks.example/x", "https://192.0.2.1:8443/",
        "http://localhost:9000/", "http://127.0.0.1/a", "http://[::1]:80/"};
    static const char *const unsafe[] = {"http://hooks.example/", "https://u:p@hooks.example/",
        "ftp://localhost/", "file:///etc/passwd", "hooks.example", "http://127.0.0.1.example/", "",
        "https://", "http://[::2]/"};

    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
        CU_ASSERT_TRUE(webhook_url_is_safe(safe[i]));
    for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++)
        CU_ASSERT_FALSE(webhook_url_is_safe(unsafe[i]));
}

const char unit_suite[] = "warn";
const struct unit_test unit_tests[] = {
    {"a reporter is silent after n whole days", test_a_reporter_is_silent_after_n_whole_days},
    {"only who wrote daily is expected", test_only_who_wrote_daily_is_expected},
    {"rejects rise above what is usual", test_rejects_rise_above_what_is_usual},
    {"a webhook is over TLS, or here", test_a_webhook_is_over_tls_or_here},
    {NULL, NULL},
};
