#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "ingest/mail.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

const char unit_suite[] = "mail";

#define HEADERS                                                                     \
    "From: Reporter <dmarc@receiver.example>\r\nTo: rua@example.com\r\n"            \
    "Subject: =?utf-8?Q?R=C3=A9port?=\r\nDate: Wed, 15 Nov 2023 00:05:00 +0000\r\n" \
    "Message-ID: <1@receiver.example>\r\nMIME-Version: 1.0\r\n"
#define MIXED HEADERS "Content-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n"
#define TEXT  "--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
#define END   "--b1--\r\n"

/* "<feedback/>" */
#define BASE64 "PGZlZWRiYWNrLz4=\r\n"
#define ATTACHMENT                                          \
    "--b1\r\nContent-Type: Application/GZIP; name=a.gz\r\n" \
    "Content-Transfer-Encoding: base64\r\n\r\n" BASE64

struct fixture {
    struct arena *arena;
    struct mail mail;
    struct err err;
    int result;
};

static const struct limits limits = {.message = 1 << 20, .members = 10, .nesting = 2};

static struct fixture read_bytes(const char *bytes)
{
    struct fixture f = {.arena = arena_new()};
    struct blob b = blob_of_memory(bytes, strlen(bytes));

    f.result = mail_read(&b, &limits, f.arena, &f.mail, &f.err);
    return f;
}

static struct fixture read_good(const char *bytes, size_t parts)
{
    struct fixture f = read_bytes(bytes);

    CU_ASSERT_EQUAL_FATAL(f.result, 0);
    CU_ASSERT_EQUAL_FATAL(f.mail.n_parts, parts);
    return f;
}

static bool part_is(const struct fixture *f, size_t i, const char *bytes)
{
    const struct blob *b = &f->mail.parts[i].bytes;

    return b->len == strlen(bytes) && memcmp(b->mem, bytes, (size_t)b->len) == 0;
}

static void test_headers(void)
{
    struct fixture f = read_good(
        "Authentication-Results: top;\r\n\tdkim=pass\r\nAuthentication-Results: below\r\n" MIXED
            TEXT ATTACHMENT END,
        2);

    CU_ASSERT_EQUAL(f.mail.class, MAIL_ORDINARY);
    CU_ASSERT_STRING_EQUAL(f.mail.from, "Reporter <dmarc@receiver.example>");
    CU_ASSERT_STRING_EQUAL(f.mail.to, "rua@example.com");
    CU_ASSERT_STRING_EQUAL(f.mail.subject, "R\xc3\xa9port");
    CU_ASSERT_STRING_EQUAL(f.mail.message_id, "<1@receiver.example>");
    CU_ASSERT_STRING_EQUAL(f.mail.authentication_results, "top; dkim=pass");
    CU_ASSERT_EQUAL_FATAL(f.mail.n_authentications, 2);
    CU_ASSERT_STRING_EQUAL(f.mail.authentications[1], "below");
    CU_ASSERT_EQUAL(f.mail.date, 1700006700);
    CU_ASSERT_STRING_EQUAL(f.mail.parts[0].media_type, "text/plain");
    CU_ASSERT_PTR_NULL(f.mail.parts[0].name);
    CU_ASSERT(part_is(&f, 0, "hello"));
    CU_ASSERT_STRING_EQUAL(f.mail.parts[1].media_type, "application/gzip");
    CU_ASSERT_STRING_EQUAL(f.mail.parts[1].name, "a.gz");
    CU_ASSERT(part_is(&f, 1, "<feedback/>"));
    CU_ASSERT_FALSE(f.mail.parts[1].damaged);
    arena_free(f.arena);

    f = read_good("Subject: x\r\nDate: 32 Foo 99999\r\n\r\nbody", 1);
    CU_ASSERT_EQUAL(f.mail.date, -1);
    CU_ASSERT_PTR_NULL(f.mail.from);
    arena_free(f.arena);

    f = read_bytes("");
    CU_ASSERT_EQUAL(f.result, ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(f.err.tag, "empty");
    arena_free(f.arena);
}

/* One part with these header lines and this body, read as the only attachment. */
static struct fixture read_part(const char *part)
{
    char bytes[4096];

    (void)snprintf(bytes, sizeof bytes, "%s--b1\r\n%s\r\n%s", MIXED, part, END);
    return read_good(bytes, 1);
}

static void expect_part(const char *part, const char *bytes, const char *name)
{
    struct fixture f = read_part(part);

    CU_ASSERT(part_is(&f, 0, bytes));
    if (name)
        CU_ASSERT_STRING_EQUAL(f.mail.parts[0].name, name);
    arena_free(f.arena);
}

static void test_encodings(void)
{
    expect_part("Content-Transfer-Encoding: BASE64 (really)\r\n\r\n" BASE64, "<feedback/>", NULL);
    expect_part("Content-Transfer-Encoding: \"base64\"\r\n\r\n" BASE64, "<feedback/>", NULL);
    expect_part("Content-Transfer-Encoding: base64;\r\n\r\n" BASE64, "<feedback/>", NULL);
    expect_part("Content-Transfer-Encoding: base64\r\n\r\nPGZlZWRiYWNrLz4", "<feedback/>", NULL);
    expect_part("Content-Transfer-Encoding: base64\r\n\r\nPGE+", "<a>", NULL);
    expect_part("Content-Transfer-Encoding: base64\r\n\r\nPGEvPg", "<a/>", NULL);
    expect_part(
        "Content-Transfer-Encoding: base64\r\n\r\nPGEvPg==\r\n_____\r\na footer", "<a/>", NULL);
    expect_part("Content-Type: text/xml\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
                "<feed=\r\nback a=3D1/>",
        "<feedback a=1/>", NULL);
    expect_part("Content-Type: text/xml\r\n\r\n<feedback/>", "<feedback/>", NULL);
    expect_part("Content-Type: application/gzip\r\nContent-Transfer-Encoding: quoted-printable\r\n"
                "\r\n=1F=8B=\r\n=0D\r\n=0D=0A",
        "\x1f\x8b\r\n\r\n", NULL);
    expect_part("ContentType: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n" BASE64,
        "<feedback/>", NULL);
    /* a line without a colon, as in reports of 2024 with [Preview] in their subject */
    expect_part("Content-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n"
                "name=\"a.gz\"\r\nContent-Disposition: attachment\r\n\r\n" BASE64,
        "<feedback/>", NULL);

    struct fixture f = read_part("Content-Transfer-Encoding: base64\r\n\r\nPGZl!*\xff"
                                 "ZWRiYWNrLz4=");
    CU_ASSERT(part_is(&f, 0, "<feedback/>"));
    CU_ASSERT_TRUE(f.mail.parts[0].damaged);
    arena_free(f.arena);
}

static void test_names(void)
{
    expect_part(
        "Content-Type: application/gzip\r\n"
        "Content-Disposition: attachment; filename*0=\"r!e.com!1\"; filename*1=\"!2.gz\"\r\n\r\nx",
        "x", "r!e.com!1!2.gz");
    expect_part("Content-Disposition: attachment; filename*=utf-8''r%C3%A9p.gz\r\n\r\nx", "x",
        "r\xc3\xa9p.gz");
    expect_part(
        "Content-Type: application/gzip; name=\"=?utf-8?B?YS5neg==?=\"\r\n\r\nx", "x", "a.gz");
    expect_part(
        "Content-Disposition: attachment; filename=\"/var/db/dmarc/a.xml\"\r\n\r\nx", "x", "a.xml");
    expect_part(
        "Content-Disposition: attachment; filename=\"..\\\\..\\\\a.xml\"\r\n\r\nx", "x", "a.xml");
    expect_part("Content-Disposition: attachment; filename=\"a\033[31m.xml\"\r\n\r\nx", "x",
        "a\xef\xbf\xbd[31m.xml");
}

static void test_structure(void)
{
    /* no multipart, no end, a "From " line on top */
    struct fixture f =
        read_good("From x Wed Nov 15 00:05:00 2023\r\n" HEADERS "Content-Type: application/gzip\r\n"
                  "Content-Transfer-Encoding: base64\r\n\r\n" BASE64,
            1);
    CU_ASSERT(part_is(&f, 0, "<feedback/>"));
    arena_free(f.arena);

    f = read_good(MIXED "--b1\r\nContent-Type: multipart/alternative; boundary=b11\r\n\r\n"
                        "--b11\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b11--\r\n" ATTACHMENT,
        2);
    CU_ASSERT(part_is(&f, 0, "<p>"));
    CU_ASSERT(part_is(&f, 1, "<feedback/>\x0a") || part_is(&f, 1, "<feedback/>"));
    arena_free(f.arena);
}

#define INNER \
    HEADERS "Content-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n" BASE64

static void test_attached_mails(void)
{
    struct fixture f =
        read_good(MIXED TEXT "--b1\r\nContent-Type: message/rfc822\r\n\r\n" INNER END, 2);
    CU_ASSERT(part_is(&f, 1, "<feedback/>"));
    CU_ASSERT_STRING_EQUAL(f.mail.message_id, "<1@receiver.example>");
    arena_free(f.arena);

    /* "Subject: x\r\nContent-Type: text/xml\r\n\r\n<feedback/>" */
#define INNER64                                 \
    "Content-Transfer-Encoding: base64\r\n\r\n" \
    "U3ViamVjdDogeA0KQ29udGVudC1UeXBlOiB0ZXh0L3htbA0KDQo8ZmVlZGJhY2svPg==\r\n"
    f = read_good(MIXED "--b1\r\nContent-Type: message/rfc822\r\n" INNER64 END, 1);
    CU_ASSERT(part_is(&f, 0, "<feedback/>"));
    CU_ASSERT_STRING_EQUAL(f.mail.parts[0].media_type, "text/xml");
    arena_free(f.arena);

    f = read_good(
        MIXED "--b1\r\nContent-Type: application/octet-stream; name=a.eml\r\n" INNER64 END, 1);
    CU_ASSERT(part_is(&f, 0, "<feedback/>"));
    arena_free(f.arena);
}

static void test_limits(void)
{
    static const char level[] = "Subject: x\r\nContent-Type: message/rfc822\r\n\r\n";
    char bytes[16 * 1024] = "";
    struct fixture f;
    size_t used = 0;

    for (int i = 0; i < 3; i++)
        used += (size_t)snprintf(bytes + used, sizeof bytes - used, "%s", level);
    (void)snprintf(bytes + used, sizeof bytes - used, "Subject: y\r\n\r\nbody");
    f = read_bytes(bytes);
    CU_ASSERT_EQUAL(f.result, ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(f.err.tag, "limit-nesting");
    arena_free(f.arena);

    f = read_good(bytes + strlen(level), 1);
    CU_ASSERT(part_is(&f, 0, "body"));
    arena_free(f.arena);

    used = (size_t)snprintf(bytes, sizeof bytes, "%s", MIXED);
    for (int i = 0; i < 11; i++)
        used += (size_t)snprintf(bytes + used, sizeof bytes - used, "%s", TEXT);
    f = read_bytes(bytes);
    CU_ASSERT_EQUAL(f.result, ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(f.err.tag, "limit-entries");
    arena_free(f.arena);

    used = (size_t)snprintf(bytes, sizeof bytes, "Subject: x\r\n");
    for (int i = 0; i < 40; i++) {
        used += (size_t)snprintf(bytes + used, sizeof bytes - used,
            "Content-Type: multipart/mixed; boundary=n%d\r\n\r\n--n%d\r\n", i, i);
    }
    f = read_bytes(bytes);
    CU_ASSERT_EQUAL(f.result, ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(f.err.tag, "limit-nesting");
    arena_free(f.arena);
}

#define REPORT(type) \
    HEADERS "Content-Type: multipart/report; report-type=" type "; boundary=b1\r\n\r\n"
#define RETURNED "--b1\r\nContent-Type: message/rfc822\r\n\r\n" INNER

static void expect_class(const char *bytes, enum mail_class class, size_t parts)
{
    struct fixture f = read_bytes(bytes);

    CU_ASSERT_EQUAL(f.result, 0);
    CU_ASSERT_EQUAL(f.mail.class, class);
    CU_ASSERT_EQUAL(f.mail.n_parts, parts);
    arena_free(f.arena);
}

static void test_classes(void)
{
    expect_class(REPORT("delivery-status") TEXT
        "--b1\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n" RETURNED END,
        MAIL_BOUNCE, 0);
    expect_class(MIXED
        "--b1\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n" RETURNED END,
        MAIL_BOUNCE, 0);
    expect_class("X-Failed-Recipients: a@b\r\n" MIXED TEXT RETURNED END, MAIL_BOUNCE, 0);
    expect_class(REPORT("disposition-notification") TEXT END, MAIL_RECEIPT, 0);
    /* what an automatic reply quotes is not read, what it has of its own is */
    expect_class(
        "Auto-Submitted: auto-replied (vacation)\r\n" MIXED TEXT RETURNED END, MAIL_AUTO_REPLY, 1);
    expect_class("Auto-Submitted: auto-generated\r\n" MIXED TEXT ATTACHMENT END, MAIL_ORDINARY, 2);
    expect_class(REPORT("tlsrpt") TEXT ATTACHMENT END, MAIL_ORDINARY, 2);
    expect_class(HEADERS "Content-Type: multipart/encrypted; boundary=b1\r\n\r\n" TEXT END,
        MAIL_ENCRYPTED, 0);
    expect_class(HEADERS "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64"
                         "\r\n\r\nMIAGCSqGSIb3DQEHA6CAAAA=\r\n",
        MAIL_ENCRYPTED, 1);
    expect_class(HEADERS "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64"
                         "\r\n\r\nMIAGCSqGSIb3DQEHAqCAAAA=\r\n",
        MAIL_SIGNED_OPAQUE, 1);
    /* a bounce that was forwarded: the mail is ordinary, the bounce is passed over */
    expect_class(MIXED TEXT
        "--b1\r\nContent-Type: message/rfc822\r\n\r\nSubject: bounce\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=c1\r\n\r\n"
        "--c1\r\nContent-Type: application/gzip\r\n\r\nx\r\n--c1--\r\n" END,
        MAIL_ORDINARY, 1);
}

#define FEEDBACK "Feedback-Type: auth-failure\r\nVersion: 1"

static void expect_failure(const char *bytes, const char *original, bool headers_only)
{
    struct fixture f = read_bytes(bytes);

    CU_ASSERT_EQUAL_FATAL(f.mail.n_failures, 1);
    const struct failure_parts *p = &f.mail.failures[0];

    CU_ASSERT_EQUAL(f.result, 0);
    CU_ASSERT_EQUAL_FATAL(f.mail.class, MAIL_FAILURE_REPORT);
    CU_ASSERT_EQUAL_FATAL(p->feedback_len, strlen(FEEDBACK));
    CU_ASSERT_EQUAL(memcmp(p->feedback, FEEDBACK, p->feedback_len), 0);
    CU_ASSERT_EQUAL_FATAL(p->original_len, original ? strlen(original) : 0);
    if (original)
        CU_ASSERT_EQUAL(memcmp(p->original, original, p->original_len), 0);
    CU_ASSERT_EQUAL(p->original_headers_only, headers_only);
    CU_ASSERT_EQUAL(p->text_len, 5);
    CU_ASSERT_STRING_EQUAL(p->mail_from, "Reporter <dmarc@receiver.example>");
    CU_ASSERT_EQUAL(p->mail_date, 1700006700);
    arena_free(f.arena);
}

#define SAMPLE    "From: a@b.example\r\nSubject: urgent\r\n\r\nPay now."
#define SAMPLE_LF "From: a@b.example\nSubject: urgent\n\nPay now."
#define ARF_PART  "--b1\r\nContent-Type: message/feedback-report\r\n\r\n" FEEDBACK "\r\n"

static void test_failure_reports(void)
{
    expect_failure(REPORT("feedback-report") TEXT ARF_PART
        "--b1\r\nContent-Type: message/rfc822\r\n\r\n" SAMPLE "\r\n" END,
        SAMPLE_LF, false);
    expect_failure(REPORT("feedback-report") TEXT ARF_PART
        "--b1\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: a@b\r\n" END,
        "From: a@b", true);
    /* the original first, in a multipart/mixed */
    expect_failure(MIXED TEXT "--b1\r\nContent-Type: message/rfc822\r\n\r\n" SAMPLE
                              "\r\n" ARF_PART END,
        SAMPLE_LF, false);
    /* base64 for both, the feedback without its type, the original as text */
    expect_failure(REPORT("feedback-report") TEXT
        "--b1\r\nContent-Type: application/octet-stream; name=ATT00001\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
        "RmVlZGJhY2stVHlwZTogYXV0aC1mYWlsdXJlDQpWZXJzaW9uOiAx\r\n"
        "--b1\r\nContent-Type: text/plain\r\n\r\n" SAMPLE "\r\n" END,
        SAMPLE, false);
    expect_failure(REPORT("feedback-report") TEXT ARF_PART END, NULL, false);
    /* a report inside of the mail that failed must not be read */
    struct fixture f = read_bytes(REPORT("feedback-report") TEXT ARF_PART RETURNED END);
    CU_ASSERT_EQUAL(f.mail.n_parts, 0);
    arena_free(f.arena);

    f = read_bytes(
        HEADERS "Content-Type: text/plain\r\n\r\nA message claiming to be from you has failed "
                "the published DMARC policy for your domain.\r\n");
    CU_ASSERT_EQUAL(f.mail.class, MAIL_FAILURE_REPORT);
    CU_ASSERT_EQUAL_FATAL(f.mail.n_failures, 1);
    CU_ASSERT_PTR_NULL(f.mail.failures[0].feedback);
    arena_free(f.arena);
}

static bool original_is(const struct fixture *f, size_t i, const char *bytes)
{
    const struct failure_parts *p = &f->mail.failures[i];

    return p->original && p->original_len == strlen(bytes) &&
           memcmp(p->original, bytes, p->original_len) == 0;
}

#define HEADERS_PART(id) "--b1\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: " id "\r\n"

/* Each with the original that follows, or that went before. */
static void test_several_failure_reports(void)
{
    struct fixture f = read_bytes(REPORT("feedback-report") TEXT ARF_PART HEADERS_PART("1")
            HEADERS_PART("more") ARF_PART HEADERS_PART("2") ARF_PART END);

    CU_ASSERT_EQUAL_FATAL(f.mail.n_failures, 3);
    CU_ASSERT(original_is(&f, 0, "Message-ID: 1"));
    CU_ASSERT(original_is(&f, 1, "Message-ID: 2"));
    CU_ASSERT_PTR_NULL(f.mail.failures[2].original);
    arena_free(f.arena);
    f = read_bytes(
        REPORT("feedback-report") TEXT HEADERS_PART("1") ARF_PART HEADERS_PART("2") ARF_PART END);
    CU_ASSERT_EQUAL_FATAL(f.mail.n_failures, 2);
    CU_ASSERT(original_is(&f, 0, "Message-ID: 1"));
    CU_ASSERT(original_is(&f, 1, "Message-ID: 2"));
    arena_free(f.arena);
}

/* Forwarded together: the failure report, with nothing of the mail that it is about, and the other.
 */
static void test_forwarded_together(void)
{
#define FORWARDED(inside)                                                                                                \
    "--b1\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@b\r\nContent-Type: multipart/mixed; boundary=c1\r\n\r\n" inside \
    "\r\n--c1--\r\n"
    struct fixture f = read_bytes(
        MIXED TEXT FORWARDED("--c1\r\nContent-Type: application/gzip\r\n\r\nlost\r\n"
                             "--c1\r\nContent-Type: message/rfc822\r\n\r\n" SAMPLE
                             "\r\n--c1\r\nContent-Type: message/feedback-report\r\n\r\n" FEEDBACK)
            FORWARDED("--c1\r\nContent-Type: application/gzip\r\n\r\nkept") END);

    CU_ASSERT_EQUAL_FATAL(f.result, 0);
    CU_ASSERT_EQUAL(f.mail.class, MAIL_FAILURE_REPORT);
    CU_ASSERT_EQUAL_FATAL(f.mail.n_failures, 1);
    CU_ASSERT(original_is(&f, 0, SAMPLE_LF));
    CU_ASSERT_EQUAL_FATAL(f.mail.n_parts, 2);
    CU_ASSERT(part_is(&f, 1, "kept"));
    arena_free(f.arena);
}

/* The feedback part is called a file, so what is beside it looked like a forwarded mail. */
static void test_unlabelled_feedback(void)
{
    struct fixture f = read_bytes(MIXED TEXT
        "--b1\r\nContent-Type: application/octet-stream; name=ATT00001\r\n\r\n" FEEDBACK "\r\n"
        "--b1\r\nContent-Type: message/rfc822\r\n\r\n" SAMPLE "\r\n" END);

    CU_ASSERT_EQUAL_FATAL(f.mail.n_failures, 1);
    CU_ASSERT(original_is(&f, 0, SAMPLE_LF));
    arena_free(f.arena);
}

/* Gateways decode and keep the label, or lose the label. */
static void test_wrong_labels(void)
{
    struct fixture f = read_good(MIXED
        "--b1\r\nContent-Type: text/xml\r\nContent-Transfer-Encoding: base64\r\n\r\n<feedback/>\r\n"
        "--b1\r\nContent-Type: text/xml\r\n\r\n" BASE64
        "--b1\r\nContent-Type: text/plain\r\n\r\nSomeWordsWithoutAnySpace\r\n" END,
        3);

    CU_ASSERT(part_is(&f, 0, "<feedback/>"));
    CU_ASSERT(part_is(&f, 1, "<feedback/>"));
    CU_ASSERT(part_is(&f, 2, "SomeWordsWithoutAnySpace"));
    arena_free(f.arena);
    /* a mail attached as a text file */
    f = read_good(MIXED "--b1\r\nContent-Type: text/plain; name=fwd.eml\r\n\r\nFrom: a@b\r\n"
                        "Content-Type: text/xml\r\n\r\n<feedback/>\r\n" END,
        1);
    CU_ASSERT(part_is(&f, 0, "<feedback/>"));
    arena_free(f.arena);
}

/* As many objects as a mail can ask for with few bytes. */
static void expect_too_many(const char *head, const char *line, const char *tag)
{
    struct buf mail;

    buf_init(&mail, 8 << 20);
    (void)buf_adds(&mail, head);
    for (int i = 0; i < 60000; i++)
        (void)buf_adds(&mail, line);
    (void)buf_adds(&mail, "\r\nx\r\n");
    struct fixture f = read_bytes(mail.data);
    CU_ASSERT_EQUAL(f.result, ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(f.err.tag, tag);
    arena_free(f.arena);
    buf_done(&mail);
}

static void test_many_objects(void)
{
    expect_too_many(HEADERS, "a:\r\n", "limit-entries");
    expect_too_many(MIXED, "--b1\r\n\r\n", "limit-entries");
    expect_too_many(MIXED "--b1\r\n", "a:\n", "limit-entries");
    expect_too_many(MIXED "--b1\r\nContent-Type: MESSAGE/rfc822\r\n\r\n", "a:\n", "limit-entries");
    expect_too_many(
        MIXED "--b1\r\nContent-Type:\r\n message/rfc822\r\n\r\n", "a:\n", "limit-entries");

    /* a long text is none of that */
    struct buf mail;
    buf_init(&mail, 8 << 20);
    (void)buf_adds(&mail, MIXED "--b1\r\nContent-Type: text/xml\r\n\r\n<n:feedback>\r\n");
    for (int i = 0; i < 60000; i++)
        (void)buf_adds(&mail, "<n:a/>\r\n");
    (void)buf_adds(&mail, END);
    struct fixture f = read_good(mail.data, 1);
    arena_free(f.arena);
    /* nor is a mail in base64 */
    buf_clear(&mail);
    (void)buf_adds(&mail,
        MIXED "--b1\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    for (int i = 0; i < 60000; i++)
        (void)buf_adds(&mail, "QUJD\r\n");
    (void)buf_adds(&mail, END);
    f = read_bytes(mail.data);
    CU_ASSERT_EQUAL(f.result, 0);
    arena_free(f.arena);
    buf_done(&mail);
    expect_too_many(HEADERS "X-Fold: a\r\n", " b\r\n", "limit-token");
}

/* Each in base64, so each is held once more. */
static void test_large_attached_mails(void)
{
    struct buf mail;

    buf_init(&mail, 8 << 20);
    (void)buf_adds(&mail, MIXED);
    for (int i = 0; i < 2; i++) {
        (void)buf_adds(
            &mail, "--b1\r\nContent-Type: application/octet-stream\r\n\r\nFrom: a@b\r\n\r\n");
        for (int k = 0; k < 9000; k++)
            (void)buf_adds(
                &mail, "some words that make the mail as large as it has to be for this\r\n");
    }
    (void)buf_adds(&mail, END);
    struct fixture f = read_bytes(mail.data);
    CU_ASSERT_EQUAL(f.result, ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(f.err.tag, "limit-size");
    arena_free(f.arena);
    buf_done(&mail);
}

const struct unit_test unit_tests[] = {
    {"header fields", test_headers},
    {"transfer encodings", test_encodings},
    {"file names", test_names},
    {"structure", test_structure},
    {"attached mails", test_attached_mails},
    {"limits", test_limits},
    {"classes", test_classes},
    {"failure reports", test_failure_reports},
    {"several failure reports", test_several_failure_reports},
    {"forwarded together", test_forwarded_together},
    {"unlabelled feedback", test_unlabelled_feedback},
    {"wrong labels", test_wrong_labels},
    {"many objects", test_many_objects},
    {"large attached mails", test_large_attached_mails},
    {NULL, NULL},
};
