#include "base/arena.h"
#include "base/buf.h"
#include "parse/failure.h"
#include "parse/header.h"
#include "parse/limits.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

/* The report is valid only during the call, so what a test wants to see is checked there. */
struct checker {
    struct sink sink; /* first */
    void (*check)(const struct failure_report *r);
    int calls;
};

static int on_failure(struct sink *s, const struct failure_report *r, struct err *e)
{
    struct checker *c = (struct checker *)(void *)s;

    (void)e;
    c->calls++;
    if (c->check)
        c->check(r);
    return 0;
}

static const struct sink_ops checker_ops = {.failure = on_failure};

static bool has_note(const struct notes *notes, const char *code)
{
    for (size_t i = 0; i < notes->n; i++) {
        if (strcmp(notes->items[i].code, code) == 0)
            return true;
    }
    return false;
}

static const char sample[] =
    "Received: from [203.0.113.7] (helo=mail.spam.example)\r\n\tby mx.receiver.example; Tue, 14 Nov 2023 23:00:00 +0000\r\n"
    "From: \"Boss\" <ceo@Example.COM>\r\nTo: staff@receiver.example\r\nSubject: urgent\r\n"
    "Message-ID: <1@spam.example>\r\n\r\nPay now.\r\n";

/* Reads a feedback part together with the sample. */
static enum grade read_feedback(const char *feedback, void (*check)(const struct failure_report *r))
{
    struct checker c = {.sink = {&checker_ops}, .check = check};
    struct failure_parts parts = {
        .feedback = feedback,
        .feedback_len = strlen(feedback),
        .original = sample,
        .original_len = sizeof sample - 1,
        .mail_from = "DMARC Filter <dmarc@mail.receiver.example>;",
        .mail_to = "ruf@reports.example",
        .mail_date = 1700000000,
        .mail_date_sent = "Tue, 14 Nov 2023 22:13:20 +0000",
    };
    enum grade grade = GRADE_REFUSED;
    struct err e;

    CU_ASSERT_EQUAL_FATAL(failure_read(&parts, &c.sink, &grade, &e), 0);
    CU_ASSERT_EQUAL(c.calls, 1);
    return grade;
}

static void check_plain(const struct failure_report *r)
{
    CU_ASSERT_STRING_EQUAL(r->feedback_type, "auth-failure");
    CU_ASSERT_STRING_EQUAL(r->user_agent, "Filter/1.0");
    CU_ASSERT_STRING_EQUAL(r->authentication_results,
        "mx.receiver.example; dmarc=fail (p=none) header.from=example.com");
    CU_ASSERT_EQUAL(r->source_ip.len, 4);
    CU_ASSERT_EQUAL(memcmp(r->source_ip.bytes, "\xC0\x00\x02\x01", 4), 0);
    CU_ASSERT_EQUAL(r->arrival, 1700006462);
    CU_ASSERT_STRING_EQUAL(r->reported_domain, "example.com");
    CU_ASSERT_STRING_EQUAL(r->auth_failure, "dmarc");
    CU_ASSERT_STRING_EQUAL(r->identity_alignment, "dkim, spf");
    CU_ASSERT_EQUAL(r->incidents, 42);
    CU_ASSERT_STRING_EQUAL(r->message_id, "<1@spam.example>");
    CU_ASSERT_STRING_EQUAL(r->reporter, "receiver.example");
    CU_ASSERT_FALSE(r->headers_only);
    CU_ASSERT_EQUAL(r->n_fields, 10);
    CU_ASSERT_EQUAL(r->n_sample_headers, 5);
    CU_ASSERT_STRING_EQUAL(r->sample_headers[0].value,
        "from [203.0.113.7] (helo=mail.spam.example) by mx.receiver.example; Tue, 14 Nov 2023 23:00:00 +0000");
    CU_ASSERT_PTR_NULL(r->original_rcpt_to);
    CU_ASSERT_EQUAL(r->notes.n, 0);
}

/* Names in any case, folded values, comments. */
static void test_plain(void)
{
    CU_ASSERT_EQUAL(
        read_feedback(
            "feedback-type: Auth-Failure (DMARC)\r\nVERSION: 1\r\nUser-Agent: Filter/1.0\r\n"
            "Auth-Failure: DMARC\r\nAuthentication-Results: mx.receiver.example;\r\n"
            "\tdmarc=fail (p=none)\r\n  header.from=example.com\r\nIdentity-Alignment: DKIM, SPF\r\n"
            "Source-IP: 192.0.2.1\r\nReported-Domain: Example.COM.\r\n"
            "Arrival-Date: Wed, 15 Nov 2023 00:01:02 +0000\r\nIncidents: 42\r\n",
            check_plain),
        GRADE_CLEAN);
}

static void check_silent(const struct failure_report *r)
{
    CU_ASSERT_PTR_NULL(r->feedback_type);
    CU_ASSERT_PTR_NULL(r->auth_failure);
    CU_ASSERT_STRING_EQUAL(r->reported_domain, "example.com");
    CU_ASSERT_EQUAL(r->source_ip.len, 4);
    CU_ASSERT_EQUAL(memcmp(r->source_ip.bytes, "\xCB\x00\x71\x07", 4), 0);
    CU_ASSERT_EQUAL(r->arrival, 1700000000);
    CU_ASSERT_PTR_NULL(r->arrival_date_sent);
    CU_ASSERT_EQUAL(r->incidents, 1);
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_TYPE_MISSING"));
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_DOMAIN_OF_SAMPLE"));
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_SOURCE_IP_GUESSED"));
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_DATE_OF_MAIL"));
}

static void test_fall_backs(void)
{
    CU_ASSERT_EQUAL(
        read_feedback("Version: 1\nDelivery-Result: other\n", check_silent), GRADE_RECOVERED);
}

/* LinkedIn: quotes around values, and line ends that were converted twice. */
static void check_quoted(const struct failure_report *r)
{
    CU_ASSERT_STRING_EQUAL(r->reported_domain, "example.com");
    CU_ASSERT_EQUAL(memcmp(r->source_ip.bytes, "\xC0\x00\x02\x01", 4), 0);
    CU_ASSERT_STRING_EQUAL(r->source_ip_sent, "\"192.0.2.1\"");
    CU_ASSERT_STRING_EQUAL(r->authentication_results, "mx.receiver.example; dmarc=fail");
    CU_ASSERT_EQUAL(r->notes.n, 1);
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_SOURCE_IP_DECORATED"));
}

static void test_quotes_and_line_ends(void)
{
    CU_ASSERT_EQUAL(read_feedback("Feedback-Type: auth-failure\r\r\nAuthentication-Results: "
                                  "mx.receiver.example;\r\r\n\tdmarc=fail\r\r\nReported-Domain: "
                                  "\"example.com\"\r\r\nSource-IP: \"192.0.2.1\"\r\r\n"
                                  "Arrival-Date: Wed, 15 Nov 2023 00:01:02 +0000\r\r\n",
                        check_quoted),
        GRADE_NORMALISED);
}

/* A spam complaint that does not say what it is. */
static void test_type_missing_of_complaint(void)
{
    static const char feedback[] = "Source-IP: 192.0.2.1\nReported-Domain: example.com\n";
    struct checker c = {.sink = {&checker_ops}};
    struct failure_parts parts = {.feedback = feedback,
        .feedback_len = sizeof feedback - 1,
        .original = sample,
        .original_len = sizeof sample - 1,
        .mail_date = -1};
    enum grade grade;
    struct err e;

    CU_ASSERT_EQUAL(failure_read(&parts, &c.sink, &grade, &e), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(e.tag, "arf-other-type");
    CU_ASSERT_EQUAL(c.calls, 0);
}

/* Dates that no report can have: the one of the mail is taken, and the one that came is told. */
static void check_age(const struct failure_report *r)
{
    CU_ASSERT_EQUAL(r->arrival, 1700000000);
    CU_ASSERT_PTR_NOT_NULL(r->arrival_date_sent);
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_DATE_BAD"));
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_DATE_OF_MAIL"));
}

static void test_dates_of_another_age(void)
{
    CU_ASSERT_EQUAL(read_feedback("Feedback-Type: auth-failure\nReported-Domain: example.com\n"
                                  "Arrival-Date: Tue, 30 Apr 1019 02:09:00 +0000\n",
                        check_age),
        GRADE_RECOVERED);
    CU_ASSERT_EQUAL(read_feedback("Feedback-Type: auth-failure\nReported-Domain: example.com\n"
                                  "Arrival-Date: Fri, 31 Dec 9999 23:59:59 +0000\n",
                        check_age),
        GRADE_RECOVERED);
}

static void check_odd(const struct failure_report *r)
{
    CU_ASSERT_EQUAL(r->source_ip.len, 16);
    CU_ASSERT_STRING_EQUAL(r->source_ip_sent, "unknown [IPv6:2001:db8::1] (mail.spam.example)");
    CU_ASSERT_EQUAL(r->incidents, 1);
    CU_ASSERT_EQUAL(r->arrival, 1271272531); /* from Received-Date */
    CU_ASSERT_STRING_EQUAL(r->user_agent, "\xC3\x84gent");
    CU_ASSERT_STRING_EQUAL(r->auth_failure, "quantum");
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_SOURCE_IP_DECORATED"));
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_INCIDENTS_BAD"));
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_CHARSET"));
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_AUTH_FAILURE_UNKNOWN"));
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_FIELD_REPEATED"));
}

static void test_odd_values(void)
{
    CU_ASSERT_EQUAL(
        read_feedback(
            "Feedback-Type: auth-failure\nUser-Agent: \xC4gent\nAuth-Failure:quantum\n"
            "Source-IP: unknown [IPv6:2001:db8::1] (mail.spam.example)\nIncidents: 4294967296\n"
            "Received-Date: Wed, 14 Apr 2010 12:15:31 -0700 (PDT)\nSource-IP: 203.0.113.9\n"
            "Reported-Domain: example.com\n",
            check_odd),
        GRADE_RECOVERED);
}

static int read_error(struct failure_parts *parts, struct err *e)
{
    struct checker c = {.sink = {&checker_ops}};
    enum grade grade = GRADE_CLEAN;
    int rc = failure_read(parts, &c.sink, &grade, e);

    CU_ASSERT_EQUAL(c.calls, 0);
    CU_ASSERT_EQUAL(grade, GRADE_REFUSED);
    return rc;
}

static void test_refused(void)
{
    static const char abuse[] = "Feedback-Type: ABUSE\r\nVersion: 1\r\nSource-IP: 192.0.2.1\r\n";
    static const char nameless[] = "Feedback-Type: auth-failure\r\nSource-IP: 192.0.2.1\r\n";
    struct failure_parts parts = {
        .feedback = abuse, .feedback_len = sizeof abuse - 1, .mail_date = -1};
    struct err e;

    CU_ASSERT_EQUAL(read_error(&parts, &e), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(e.tag, "arf-other-type");
    parts.feedback = nameless;
    parts.feedback_len = sizeof nameless - 1;
    CU_ASSERT_EQUAL(read_error(&parts, &e), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(e.tag, "schema-missing");
    parts = (struct failure_parts){.text = "Dear postmaster", .text_len = 15, .mail_date = -1};
    CU_ASSERT_EQUAL(read_error(&parts, &e), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(e.tag, "schema-missing");
}

static const char text_report[] =
    "A message claiming to be from you has failed the published DMARC policy for your domain.\n\n"
    "  Sender Domain: example.com\n  Sender IP Address: 203.0.113.68\n"
    "  Received date: Mon, 07 Apr 2025 23:16:09 +0200\n  SPF Alignment: no\n  DKIM Alignment: no\n"
    "  DMARC Results: None, Accept\n\n"
    "------ This is a copy of the headers that were received before the error was detected.\n\n"
    "From: <user@example.com>\nSubject: Payment\n";

static void check_text(const struct failure_report *r)
{
    CU_ASSERT_STRING_EQUAL(r->reported_domain, "example.com");
    CU_ASSERT_EQUAL(r->source_ip.len, 4);
    CU_ASSERT_EQUAL(r->arrival, 1744060569);
    CU_ASSERT_STRING_EQUAL(r->delivery_result, "None, Accept");
    CU_ASSERT_EQUAL(r->n_fields, 6);
    CU_ASSERT_STRING_EQUAL(r->fields[3].name, "SPF Alignment");
    CU_ASSERT_STRING_EQUAL(r->fields[3].value, "no");
    CU_ASSERT_EQUAL(r->n_sample_headers, 2);
    CU_ASSERT_TRUE(r->headers_only);
    CU_ASSERT_EQUAL(strncmp(r->sample, "From: <user@example.com>", 24), 0);
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_TEXT_ONLY"));
}

static void test_text_only(void)
{
    struct checker c = {.sink = {&checker_ops}, .check = check_text};
    struct failure_parts parts = {
        .text = text_report, .text_len = sizeof text_report - 1, .mail_date = -1};
    enum grade grade = GRADE_REFUSED;
    struct err e;

    CU_ASSERT_TRUE(failure_looks_like_text_report(text_report, sizeof text_report - 1));
    CU_ASSERT_FALSE(failure_looks_like_text_report("Your domain has failed", 22));
    CU_ASSERT_EQUAL(failure_read(&parts, &c.sink, &grade, &e), 0);
    CU_ASSERT_EQUAL(c.calls, 1);
    CU_ASSERT_EQUAL(grade, GRADE_NORMALISED);
}

static void check_cut(const struct failure_report *r)
{
    CU_ASSERT_EQUAL(r->sample_len, (size_t)1024 * 1024);
    CU_ASSERT_EQUAL(r->n_fields, HEADER_FIELDS_MAX);
    CU_ASSERT_EQUAL(strlen(r->user_agent), LIMIT_FIELD);
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_SAMPLE_CUT"));
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_FIELDS_CUT"));
    CU_ASSERT_TRUE(has_note(&r->notes, "FAILURE_VALUE_CUT"));
}

/* Fields, their length and the sample are bounded. */
static void test_bounds(void)
{
    struct checker c = {.sink = {&checker_ops}, .check = check_cut};
    struct buf feedback;
    size_t size = (size_t)2 * 1024 * 1024;
    char *original = mem_alloc(size);
    struct err e;

    memset(original, 'A', size);
    memcpy(original, sample, sizeof sample - 1);
    buf_init(&feedback, size);
    (void)buf_adds(
        &feedback, "Feedback-Type: auth-failure\nReported-Domain: example.com\nUser-Agent: ");
    for (int i = 0; i < 3000; i++)
        (void)buf_adds(&feedback, "u");
    for (int i = 0; i < 2000; i++)
        (void)buf_printf(&feedback, "\nX-%d: 1", i);
    struct failure_parts parts = {.feedback = feedback.data,
        .feedback_len = feedback.len,
        .original = original,
        .original_len = size,
        .mail_date = -1};
    CU_ASSERT_EQUAL(failure_read(&parts, &c.sink, NULL, &e), 0);
    CU_ASSERT_EQUAL(c.calls, 1);
    buf_done(&feedback);
    free(original);
}

static void test_looks(void)
{
    static const char feedback[] = "\r\nVersion: 1\r\nFEEDBACK-TYPE: auth-failure\r\n";
    static const char prose[] = "Hello,\nFeedback-Type: is a field of ARF\n";

    CU_ASSERT_TRUE(failure_looks_like_feedback(feedback, sizeof feedback - 1));
    CU_ASSERT_FALSE(failure_looks_like_feedback(prose, sizeof prose - 1));
    CU_ASSERT_FALSE(failure_looks_like_feedback("", 0));
}

static void test_encoded_words(void)
{
    struct arena *a = arena_new();

    CU_ASSERT_STRING_EQUAL(header_decode(a, "plain = ? text"), "plain = ? text");
    CU_ASSERT_STRING_EQUAL(header_decode(a, "=?utf-8?Q?Gr=C3=BC=C3=9Fe?= an =?UTF-8?B?YWxsZQ==?="),
        "Gr\xC3\xBC\xC3\x9F"
        "e an alle");
    CU_ASSERT_STRING_EQUAL(header_decode(a, "=?iso-8859-1?q?a_b=E9?="), "a b\xC3\xA9");
    /* a character split between two words, and the space between words that is not shown (RFC
     * 2047 6.2) */
    CU_ASSERT_STRING_EQUAL(header_decode(a, "=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?="), "\xE2\x82\xAC");
    CU_ASSERT_STRING_EQUAL(header_decode(a, "=?utf-8?X?abc?="), "=?utf-8?X?abc?=");
    CU_ASSERT_STRING_EQUAL(header_decode(a, "=?unknown-8bit?Q?=80?="), "\xE2\x82\xAC");
    CU_ASSERT_STRING_EQUAL(header_decode(a, "=?utf-8?Q?broken"), "=?utf-8?Q?broken");
    arena_free(a);
}

static void test_mailboxes(void)
{
    struct arena *a = arena_new();
    struct mailbox *m;

    CU_ASSERT_EQUAL_FATAL(
        header_mailboxes(
            a, "\"Bader, Rolf\" <info@example.org>, plain@example.net (P. \\) Lain), <x@y>;", &m),
        3);
    CU_ASSERT_STRING_EQUAL(m[0].display_name, "Bader, Rolf");
    CU_ASSERT_STRING_EQUAL(m[0].address, "info@example.org");
    CU_ASSERT_STRING_EQUAL(m[1].display_name, "P. ) Lain");
    CU_ASSERT_STRING_EQUAL(m[1].address, "plain@example.net");
    CU_ASSERT_PTR_NULL(m[2].display_name);
    CU_ASSERT_STRING_EQUAL(m[2].address, "x@y");
    CU_ASSERT_EQUAL_FATAL(
        header_mailboxes(a, "friends: a@b.example, =?utf-8?Q?=C3=84?= <c@d.example>;", &m), 2);
    CU_ASSERT_STRING_EQUAL(m[0].address, "a@b.example");
    CU_ASSERT_STRING_EQUAL(m[1].display_name, "\xC3\x84");
    CU_ASSERT_EQUAL(header_mailboxes(a, "", &m), 0);
    CU_ASSERT_EQUAL(header_mailboxes(a, "<>", &m), 1);
    CU_ASSERT_STRING_EQUAL(m[0].address, "");
    CU_ASSERT_EQUAL(header_mailboxes(a, "\"open <a@b", &m), 1);
    CU_ASSERT_EQUAL(header_mailboxes(a, "(open", &m), 0);
    CU_ASSERT_STRING_EQUAL(mailbox_domain("a@b@c.example"), "c.example");
    CU_ASSERT_PTR_NULL(mailbox_domain("nobody"));
    arena_free(a);
}

const char unit_suite[] = "failure";

const struct unit_test unit_tests[] = {
    {"plain", test_plain},
    {"fall_backs", test_fall_backs},
    {"quotes and line ends", test_quotes_and_line_ends},
    {"a complaint without a type", test_type_missing_of_complaint},
    {"odd_values", test_odd_values},
    {"dates_of_another_age", test_dates_of_another_age},
    {"refused", test_refused},
    {"text_only", test_text_only},
    {"bounds", test_bounds},
    {"looks", test_looks},
    {"encoded_words", test_encoded_words},
    {"mailboxes", test_mailboxes},
    {NULL, NULL},
};
