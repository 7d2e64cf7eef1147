#include "base/arena.h"
#include "base/blob.h"
#include "base/buf.h"
#include "base/text.h"
#include "parse/redact.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

const char unit_suite[] = "redact";

/*
 * The key is 0, 1, 2 ... 31; the hashes were made with another program:
 *   printf alice | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102...1f
 */
#define ALICE   "6eefad2bed97"
#define BOB     "928931744d17"
#define SUBJECT "f5571c5df58d"

static struct redactor redactor_of(enum failure_data data)
{
    struct redactor r = {.arena = arena_new(), .data = data};

    for (size_t i = 0; i < sizeof r.key; i++)
        r.key[i] = (unsigned char)i;
    return r;
}

static void same(const char *got, const char *wanted)
{
    const char *a = got ? got : "<null>";
    const char *b = wanted ? wanted : "<null>";

    if (strcmp(a, b) != 0)
        printf("\n    got    \"%s\"\n    wanted \"%s\"", a, b);
    CU_ASSERT_STRING_EQUAL(a, b);
}

static void test_hmac(void)
{
    /* RFC 4231 test case 1, whose key of 20 bytes is filled up with zeros to the same HMAC */
    static const unsigned char wanted[] = {0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53};
    unsigned char key[32] = {0};
    unsigned char mac[32];

    memset(key, 0x0b, 20);
    CU_ASSERT_TRUE(hmac_sha256(key, "Hi There", 8, mac));
    CU_ASSERT_EQUAL(memcmp(mac, wanted, sizeof wanted), 0);
}

static void test_names(void)
{
    enum failure_data data = FAILURE_DATA_NONE;

    CU_ASSERT_TRUE(failure_data_parse("full", &data));
    CU_ASSERT_EQUAL(data, FAILURE_DATA_FULL);
    CU_ASSERT_TRUE(failure_data_parse("none", &data));
    CU_ASSERT_EQUAL(data, FAILURE_DATA_NONE);
    CU_ASSERT_FALSE(failure_data_parse("Headers", &data));
    same(failure_data_name(FAILURE_DATA_HEADERS), "headers");
}

static void test_text(void)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"for <alice@example.com>; Tue", "for <" ALICE "@example.com>; Tue"},
        {"Alice@example.com,bob@example.org", ALICE "@example.com," BOB "@example.org"},
        {"spf=fail smtp.mailfrom=alice@example.com; x",
            "spf=fail smtp.mailfrom=" ALICE "@example.com; x"},
        {"i=@example.com; d=example.com", "i=@example.com; d=example.com"},
        {"\"alice\"@example.com", NULL}, /* quoted or not may be another person */
        {"=?utf-8?q?alice=40example=2Ecom?=", ALICE "@example.com"},
        {"<mailto:alice%40example.com>", "<mailto:" ALICE "@example.com>"},
        {"<https://u:p@x.example/unsubscribe?m=alice%40example.com&k=1>", "<https://x.example/>"},
        {"(Authenticated sender: alice)", "(Authenticated sender: " ALICE ")"},
        {"auth=pass smtp.auth=alice@example.com", "auth=pass smtp.auth=" ALICE "@example.com"},
        {"from mx.example ([192.0.2.1]) by in.example",
            "from mx.example ([192.0.2.1]) by in.example"},
        {"", ""},
        {"@", "@"},
        {"(", "("},
    };
    struct redactor r = redactor_of(FAILURE_DATA_HEADERS);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = redact_text(&r, cases[i].text);
        if (cases[i].wanted)
            same(got, cases[i].wanted);
        CU_ASSERT_PTR_NULL(strcasestr(got, "alice"));
    }
    /* an address in an address (VERP, SRS, BATV) is one local part */
    const char *verp = redact_text(&r, "bounce+alice=example.com@esp.example");
    CU_ASSERT_PTR_NULL(strstr(verp, "example.com"));
    CU_ASSERT_EQUAL(strlen(verp), REDACT_HASH_DIGITS + strlen("@esp.example"));
    CU_ASSERT_PTR_NULL(redact_text(&r, NULL));
    arena_free(r.arena);
}

/* A hash is longer than the name "\xC3\xA4", so this text grows past what is kept; wherever that
 * is, no character is cut in two. */
static void test_text_too_long(void)
{
    struct redactor r = redactor_of(FAILURE_DATA_HEADERS);
    struct buf text;

    buf_init(&text, 100000);
    CU_ASSERT_EQUAL(buf_adds(&text, ";"), 0);
    for (int i = 0; i < 20160; i++)
        CU_ASSERT_EQUAL(buf_adds(&text, "\xC3\xA4@"), 0);
    for (int i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(buf_adds(&text, "\xC3\xA4@\xC3\xA4"), 0);
        const char *got = redact_text(&r, text.data);
        CU_ASSERT_TRUE(text_is_utf8(got, strlen(got)));
        text.len -= 2;
    }
    buf_done(&text);
    arena_free(r.arena);
}

static void test_text_of_none(void)
{
    struct redactor r = redactor_of(FAILURE_DATA_NONE);

    same(redact_text(&r, "mx.example; spf=fail (alice (is) no) smtp.mailfrom=alice@example.com"),
        "mx.example; spf=fail  smtp.mailfrom=example.com");
    same(redact_text(&r, "(never closed alice"), "");
    same(redact_mailboxes(&r, "alice@example.com"), NULL);
    same(redact_subject(&r, "hello"), NULL);
    arena_free(r.arena);
}

static void test_mailboxes(void)
{
    struct redactor r = redactor_of(FAILURE_DATA_HEADERS);

    same(redact_mailboxes(&r, "\"Alice A.\" <alice@Example.com>, bob@example.org (Bob)"),
        "<" ALICE "@Example.com>, <" BOB "@example.org>");
    same(redact_mailboxes(&r, "rfc822;alice@example.com"), "<" ALICE "@example.com>");
    same(redact_mailboxes(&r, "alice"), "<" ALICE ">");
    same(redact_mailboxes(&r, "<>"), "<>");
    same(redact_mailboxes(&r, "undisclosed-recipients:;"), "");
    arena_free(r.arena);
}

static void test_subject(void)
{
    struct redactor r = redactor_of(FAILURE_DATA_HEADERS);
    struct redactor other = redactor_of(FAILURE_DATA_HEADERS);
    struct redactor full = redactor_of(FAILURE_DATA_FULL);

    same(redact_subject(&r, "Your dismissal"), SUBJECT);
    same(redact_subject(&r, "=?us-ascii?q?Your_dismissal?="), SUBJECT);
    other.key[0] = 9;
    CU_ASSERT_STRING_NOT_EQUAL(redact_subject(&other, "Your dismissal"), SUBJECT);
    same(redact_subject(&full, "Your dismissal"), "Your dismissal");
    arena_free(r.arena);
    arena_free(other.arena);
    arena_free(full.arena);
}

static struct header_field sample_fields[] = {
    {"From", "Alice <alice@example.com>"},
    {"Subject", "Your dismissal"},
    {"X-Original-To", "alice"},
    {"Thread-Topic", "Your dismissal"},
    {"Message-ID", "<1@mail.example.com>"},
    {"X-Spam-Report", "Content preview: dear alice"},
    {"Received", "from a by b for <alice@example.com>; Tue, 14 Nov 2023 23:00:00 +0000"},
};

static const struct failure_report whole = {
    .feedback_type = "auth-failure",
    .auth_failure = "dmarc",
    .original_mail_from = "<alice@example.com>",
    .original_rcpt_to = "rfc822;bob@example.org",
    .authentication_results = "mx.example; dmarc=fail header.from=example.com",
    .dkim_identity = "alice@example.com",
    .dkim_domain = "example.com",
    .reported_domain = "example.com",
    .message_id = "<1@mail.example.com>",
    .incidents = 3,
    .arrival = 1700000000,
    .source_ip = {.len = 4, .bytes = {192, 0, 2, 1}},
    .source_ip_sent = "192.0.2.1 (alice.example.com)",
    .sample_headers = sample_fields,
    .n_sample_headers = sizeof sample_fields / sizeof *sample_fields,
    .sample = "Subject: Your dismissal\n\nalice",
    .sample_len = 30,
    .reporter = "example.org",
};

static void test_headers(void)
{
    static const char *const wanted[] = {"<" ALICE "@example.com>", SUBJECT, "<" ALICE ">", SUBJECT,
        "<1@mail.example.com>", NULL,
        "from a by b for <" ALICE "@example.com>; Tue, 14 Nov 2023 23:00:00 +0000"};
    struct redactor r = redactor_of(FAILURE_DATA_HEADERS);
    struct failure_report out;

    redact_failure(&r, &whole, &out);
    same(out.original_mail_from, "<" ALICE "@example.com>");
    same(out.original_rcpt_to, "<" BOB "@example.org>");
    same(out.dkim_identity, ALICE "@example.com");
    same(out.message_id, "<1@mail.example.com>");
    same(out.authentication_results, whole.authentication_results);
    CU_ASSERT_EQUAL(out.incidents, 3);
    CU_ASSERT_PTR_NULL(out.sample);
    CU_ASSERT_EQUAL(out.sample_len, 0);
    CU_ASSERT_EQUAL_FATAL(out.n_sample_headers, whole.n_sample_headers);
    for (size_t i = 0; i < out.n_sample_headers; i++) {
        same(out.sample_headers[i].name, sample_fields[i].name);
        same(out.sample_headers[i].value, wanted[i]);
    }
    arena_free(r.arena);
}

static void test_none(void)
{
    struct redactor r = redactor_of(FAILURE_DATA_NONE);
    struct failure_report out;

    redact_failure(&r, &whole, &out);
    same(out.auth_failure, "dmarc");
    same(out.authentication_results, whole.authentication_results);
    same(out.reported_domain, "example.com");
    CU_ASSERT_EQUAL(out.incidents, 3);
    CU_ASSERT_EQUAL(out.source_ip.len, 4);
    same(out.original_mail_from, NULL);
    same(out.original_rcpt_to, NULL);
    same(out.dkim_identity, NULL);
    same(out.message_id, NULL);
    same(out.source_ip_sent, NULL);
    CU_ASSERT_EQUAL(out.n_sample_headers, 0);
    CU_ASSERT_EQUAL(out.n_fields, 0);
    CU_ASSERT_PTR_NULL(out.sample);
    arena_free(r.arena);
}

static void test_full(void)
{
    struct redactor r = redactor_of(FAILURE_DATA_FULL);
    struct failure_report out;

    redact_failure(&r, &whole, &out);
    same(out.original_rcpt_to, whole.original_rcpt_to);
    same(out.source_ip_sent, whole.source_ip_sent);
    same(out.sample_headers[1].value, "Your dismissal");
    CU_ASSERT_EQUAL_FATAL(out.sample_len, whole.sample_len);
    CU_ASSERT_EQUAL(memcmp(out.sample, whole.sample, whole.sample_len), 0);
    arena_free(r.arena);
}

const struct unit_test unit_tests[] = {
    {"HMAC", test_hmac},
    {"names of the settings", test_names},
    {"addresses in any text", test_text},
    {"texts too long", test_text_too_long},
    {"nothing but facts", test_text_of_none},
    {"mailboxes", test_mailboxes},
    {"subjects", test_subject},
    {"a report with its headers", test_headers},
    {"a report as numbers", test_none},
    {"a report as it came", test_full},
    {NULL, NULL},
};
