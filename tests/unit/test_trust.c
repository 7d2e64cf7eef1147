#include "base/arena.h"
#include "parse/trust.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

const char unit_suite[] = "trust";

static const char *const believed[] = {"mx.msp.example", "mx2.msp.example"};
static const struct trust_settings settings = {believed, 2};

/* A mail from this sender with these fields, topmost first; reports of `reporter`. */
static enum trust judge(const char *reporter, const char *from, const char *const *fields, size_t n)
{
    struct message_info m = {
        .is_mail = true, .from_sent = from, .authentications = fields, .n_authentications = n};
    struct trust_evidence v;
    struct arena *a = arena_new();

    trust_read(a, &settings, &m, &v);
    enum trust t = trust_judge(&v, reporter);
    arena_free(a);
    return t;
}

static void expect(const char *field, enum trust wanted)
{
    enum trust got = judge("google.com", "noreply-dmarc-support@google.com", &field, field ? 1 : 0);

    if (got != wanted)
        printf("\n    %s: %s, wanted %s", field, trust_name(got), trust_name(wanted));
    CU_ASSERT_EQUAL(got, wanted);
}

static void test_results(void)
{
    expect("mx.msp.example; dkim=pass header.d=google.com", TRUST_VERIFIED);
    expect(
        "MX.msp.example 1; dkim/1 = pass (ok; fine) header.i=@accounts.google.com", TRUST_VERIFIED);
    expect("mx2.msp.example; spf=pass smtp.mailfrom=\"a;b\"@bounce.google.com; dkim=none",
        TRUST_VERIFIED);
    expect("mx.msp.example; spf=fail smtp.mailfrom=x.example; dmarc=pass (p=reject) "
           "header.from=google.com",
        TRUST_VERIFIED);
    expect("(a comment) mx.msp.example; dkim=fail header.d=google.com; dkim=pass "
           "header.s=s1 header.d=GOOGLE.com",
        TRUST_VERIFIED);
    expect("mx.msp.example; dmarc=fail header.from=google.com", TRUST_DOUBTFUL);
    expect("mx.msp.example; spf=softfail smtp.mailfrom=google.com", TRUST_DOUBTFUL);
    expect("mx.msp.example; dkim=pass header.d=evil.example; spf=none", TRUST_DOUBTFUL);
    expect("mx.msp.example; none", TRUST_PLAUSIBLE);
    expect("mx.msp.example; dkim=temperror header.d=google.com; spf=none", TRUST_PLAUSIBLE);
    expect("mx.msp.example", TRUST_PLAUSIBLE);
    /* words in comments, quoted texts and other properties prove nothing */
    expect("mx.msp.example; dkim=fail (dkim=pass header.d=google.com)", TRUST_DOUBTFUL);
    expect("mx.msp.example; dkim=fail reason=\"; dkim=pass header.d=google.com\"", TRUST_DOUBTFUL);
    expect("mx.msp.example; spf=pass smtp.helo=google.com", TRUST_PLAUSIBLE);
    expect("mx.msp.example; x-foo=pass header.d=google.com", TRUST_PLAUSIBLE);
    expect("mx.msp.example; dkim=pass header.d=google.com.evil.example", TRUST_DOUBTFUL);
    expect("mx.msp.example; dkim=passed header.d=google.com", TRUST_PLAUSIBLE);
    expect(NULL, TRUST_PLAUSIBLE);
}

/* Anybody can write such a field; a server adds its own on top. */
static void test_whose_field(void)
{
    static const char *const forged_below[] = {"mx.msp.example; dmarc=fail header.from=google.com",
        "mx.msp.example; dmarc=pass header.from=google.com"};
    static const char *const foreign_above[] = {"other.example; dmarc=fail header.from=google.com",
        "mx.msp.example; dmarc=pass header.from=google.com"};

    expect("other.example; dkim=pass header.d=google.com", TRUST_PLAUSIBLE);
    expect("mx.msp.example.evil.example; dkim=pass header.d=google.com", TRUST_PLAUSIBLE);
    expect("(mx.msp.example) evil.example; dkim=pass header.d=google.com", TRUST_PLAUSIBLE);
    CU_ASSERT_EQUAL(judge("google.com", "a@google.com", forged_below, 2), TRUST_DOUBTFUL);
    CU_ASSERT_EQUAL(judge("google.com", "a@google.com", foreign_above, 2), TRUST_VERIFIED);
}

static void test_names(void)
{
    static const char *const evil[] = {"mx.msp.example; dkim=pass header.d=evil.example"};
    static const char *const failed[] = {"mx.msp.example; spf=fail smtp.mailfrom=a@evil.example"};

    CU_ASSERT_EQUAL(judge("google.com", "a@dmarc.google.com", NULL, 0), TRUST_PLAUSIBLE);
    CU_ASSERT_EQUAL(judge("google.com", "a@evil.example", NULL, 0), TRUST_DOUBTFUL);
    CU_ASSERT_EQUAL(judge("google.com", "a@evil.example", evil, 1), TRUST_DOUBTFUL);
    /* two senders: the reporter does not hide the other one */
    CU_ASSERT_EQUAL(judge("google.com", "a@google.com, b@evil.example", NULL, 0), TRUST_DOUBTFUL);
    /* decoded, the encoded word would open a comment that hides the address */
    CU_ASSERT_EQUAL(judge("google.com", "=?utf-8?q?a=40google.com_=28?= <b@evil.example>", NULL, 0),
        TRUST_DOUBTFUL);
    CU_ASSERT_EQUAL(judge("google.com", "no address", NULL, 0), TRUST_PLAUSIBLE);
    CU_ASSERT_EQUAL(judge("google.com", NULL, NULL, 0), TRUST_PLAUSIBLE);
    /* a free name cannot be compared */
    CU_ASSERT_EQUAL(judge("enterprise outlook", "a@microsoft.com", NULL, 0), TRUST_PLAUSIBLE);
    CU_ASSERT_EQUAL(judge("yahoo! inc.", "a@dmarc.yahoo.com", NULL, 0), TRUST_PLAUSIBLE);
    CU_ASSERT_EQUAL(judge("enterprise outlook", "a@microsoft.com", failed, 1), TRUST_DOUBTFUL);
    /* what Yahoo really sends */
    CU_ASSERT_EQUAL(
        judge("yahooinc.com", "Yahoo <noreply@dmarc.yahoo.com>", NULL, 0), TRUST_PLAUSIBLE);
}

static void test_file(void)
{
    struct message_info m = {.is_mail = false, .from_sent = "a@evil.example"};
    struct trust_evidence v;
    struct arena *a = arena_new();

    trust_read(a, &settings, &m, &v);
    CU_ASSERT_EQUAL(trust_judge(&v, "google.com"), TRUST_PLAUSIBLE);
    arena_free(a);
}

static void test_words(void)
{
    CU_ASSERT_EQUAL(trust_parse("verified"), TRUST_VERIFIED);
    CU_ASSERT_EQUAL(trust_parse("plausible"), TRUST_PLAUSIBLE);
    CU_ASSERT_EQUAL(trust_parse("doubtful"), TRUST_DOUBTFUL);
    CU_ASSERT_EQUAL(trust_parse("certain"), TRUST_DOUBTFUL);
    CU_ASSERT_EQUAL(trust_parse(NULL), TRUST_DOUBTFUL);
}

const struct unit_test unit_tests[] = {
    {"what a result says", test_results},
    {"whose results are believed", test_whose_field},
    {"names are compared", test_names},
    {"a file", test_file},
    {"words", test_words},
    {NULL, NULL},
};
