#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "ingest/intake.h"
#include "ingest/mail.h"
#include "tests/unit/pack.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char unit_suite[] = "intake";

/* ---- reports and mails ---- */

#define RECORD                                                                                  \
    "<record><row><source_ip>192.0.2.1</source_ip><count>2</count><policy_evaluated>"           \
    "<disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>"  \
    "<identifiers><header_from>example.com</header_from></identifiers>"                         \
    "<auth_results><spf><domain>example.com</domain><result>fail</result></spf></auth_results>" \
    "</record>"
#define REPORT_HEAD(id)                                                               \
    "<?xml version=\"1.0\"?><feedback><report_metadata><org_name>Receiver</org_name>" \
    "<email>dmarc@receiver.example</email><report_id>" id "</report_id><date_range>"  \
    "<begin>1700000000</begin><end>1700086399</end></date_range></report_metadata>"   \
    "<policy_published><domain>example.com</domain><p>none</p></policy_published>"
#define REPORT(id) REPORT_HEAD(id) RECORD "</feedback>"
#define TLS                                                                                    \
    "{\"organization-name\":\"Receiver\",\"date-range\":{\"start-datetime\":"                  \
    "\"2023-11-14T00:00:00Z\",\"end-datetime\":\"2023-11-14T23:59:59Z\"},\"contact-info\":"    \
    "\"a@b.example\",\"report-id\":\"T1\",\"policies\":[{\"policy\":{\"policy-type\":\"sts\"," \
    "\"policy-string\":[\"version: STSv1\"],\"policy-domain\":\"example.com\",\"mx-host\":"    \
    "[\"mx.example.com\"]},\"summary\":{\"total-successful-session-count\":5,"                 \
    "\"total-failure-session-count\":0}}]}"

#define HEADERS \
    "From: dmarc@receiver.example\r\nDate: Wed, 15 Nov 2023 00:05:00 +0000\r\nSubject: hello\r\nMIME-Version: 1.0\r\n"
#define MIXED HEADERS "Content-Type: multipart/mixed; boundary=b1\r\n\r\n"
#define TEXT  "--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
#define PART(type, name, body) \
    "--b1\r\nContent-Type: " type "; name=\"" name "\"\r\n\r\n" body "\r\n"
#define END "--b1--\r\n"

static struct buf gzip(const char *text)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    pack_gzip(&b, text);
    return b;
}

static struct buf zip(const char *const *names, const char *const *texts, size_t n)
{
    struct pack_member members[PACK_MEMBERS_MAX] = {{0}};
    struct buf b;

    for (size_t i = 0; i < n; i++) {
        members[i].name = names[i];
        members[i].bytes = texts[i];
        members[i].len = strlen(texts[i]);
    }
    buf_init(&b, 1 << 20);
    (void)pack_zip(&b, members, n);
    return b;
}

/* ---- a sink that writes down what it is told ---- */

struct recorder {
    struct sink sink; /* first */
    struct buf log;
    struct buf problems;
    int message_answer, payload_answer;
    bool full; /* aggregate_end fails */
    char outcome[40];
    char reason[600];
    char reporter[80]; /* of the last report */
    int64_t messages;  /* counted in records */
};

static struct recorder *of(struct sink *s)
{
    return (struct recorder *)s;
}

static int on_message(struct sink *s, const struct message_info *m, struct err *e)
{
    (void)e;
    (void)buf_printf(&of(s)->log, "%s:", m->is_mail ? "mail" : "file");
    return of(s)->message_answer;
}

static int on_payload(struct sink *s, const struct payload_info *p, struct err *e)
{
    (void)e;
    (void)buf_printf(&of(s)->log, " %s(%s", p->name ? p->name : "-", p->container);
    return of(s)->payload_answer;
}

static int on_record(struct sink *s, const struct aggregate_record *r, struct err *e)
{
    (void)e;
    of(s)->messages += r->count;
    return 0;
}

static int on_aggregate(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    (void)snprintf(of(s)->reporter, sizeof of(s)->reporter, "%s", r->reporter);
    (void)buf_printf(&of(s)->log, " %s/%lld%s", r->report_id, (long long)r->records,
        r->grade == GRADE_PARTIAL ? "/partial" : "");
    return of(s)->full ? err_set(e, ERR_TEMPORARY, "full", "the disk is full") : 0;
}

static int on_failure(struct sink *s, const struct failure_report *r, struct err *e)
{
    (void)e;
    (void)buf_printf(&of(s)->log, " failure:%s", r->reported_domain);
    return 0;
}

static int on_tls(struct sink *s, const struct tls_report *r, struct err *e)
{
    (void)e;
    (void)buf_printf(&of(s)->log, " tls:%s", r->report_id);
    return 0;
}

static int on_reject(struct sink *s, const char *document, const struct err *why, struct err *e)
{
    (void)e;
    (void)buf_printf(&of(s)->log, " !%s:%s", document ? document : "-", why->tag);
    return 0;
}

static int on_payload_end(struct sink *s, struct err *e)
{
    (void)e;
    (void)buf_adds(&of(s)->log, ")");
    return 0;
}

static int on_message_end(struct sink *s, enum outcome o, const struct err *reason, struct err *e)
{
    (void)e;
    (void)snprintf(of(s)->outcome, sizeof of(s)->outcome, "%s %s", outcome_name(o),
        reason ? reason->tag : "-");
    (void)snprintf(of(s)->reason, sizeof of(s)->reason, "%s", reason ? reason->text : "");
    return 0;
}

static const struct sink_ops recorder_ops = {.message_begin = on_message,
    .payload_begin = on_payload,
    .aggregate_record = on_record,
    .aggregate_end = on_aggregate,
    .failure = on_failure,
    .tls = on_tls,
    .reject = on_reject,
    .payload_end = on_payload_end,
    .message_end = on_message_end};

static void on_problem(void *context, const char *name, const struct err *why)
{
    struct recorder *r = context;

    (void)buf_printf(&r->problems, "%s: %s\n", name, why->tag);
}

static void recorder_open(struct recorder *r)
{
    memset(r, 0, sizeof *r);
    r->sink.ops = &recorder_ops;
    buf_init(&r->log, 1 << 16);
    buf_init(&r->problems, 1 << 16);
    (void)buf_adds(&r->log, "");
    (void)buf_adds(&r->problems, "");
}

static void recorder_close(struct recorder *r)
{
    buf_done(&r->log);
    buf_done(&r->problems);
}

static int take(struct recorder *r, const void *bytes, size_t len, enum outcome *o)
{
    struct limits limits = limits_default();
    struct intake *in = intake_new(&limits, on_problem, r);
    struct source_message m = {.key = "k", .name = "dir/x", .arrived = -1, .id = 1};
    struct err e;
    int result;

    m.bytes = blob_of_memory(bytes, len);
    result = intake_message(in, "", &m, &r->sink, o, &e);
    intake_free(in);
    return result;
}

/* What the sink is told, how it ends, and what the operator is told. */
static void expect_bytes(
    const void *bytes, size_t len, const char *log, const char *outcome, const char *problems)
{
    struct recorder r;
    enum outcome o;

    recorder_open(&r);
    CU_ASSERT_EQUAL(take(&r, bytes, len, &o), 0);
    CU_ASSERT_STRING_EQUAL(r.log.data, log);
    CU_ASSERT_STRING_EQUAL(r.outcome, outcome);
    CU_ASSERT_EQUAL(strncmp(outcome, outcome_name(o), strlen(outcome_name(o))), 0);
    CU_ASSERT_STRING_EQUAL(r.problems.data, problems);
    if (strcmp(r.log.data, log) != 0 || strcmp(r.problems.data, problems) != 0) {
        (void)fprintf(
            stderr, "\ngot %s = %s (%s)\n%s", r.log.data, r.outcome, r.reason, r.problems.data);
    }
    recorder_close(&r);
}

static void expect(const char *text, const char *log, const char *outcome, const char *problems)
{
    expect_bytes(text, strlen(text), log, outcome, problems);
}

/* ---- tests ---- */

static void test_files(void)
{
    struct buf b = gzip(REPORT("A"));

    expect(REPORT("A"), "file: x(xml A/1)", "stored -", "");
    expect(TLS, "file: x(json tls:T1)", "stored -", "");
    expect_bytes(b.data, b.len, "file: x(gzip A/1)", "stored -", "");
    expect("just words", "file: x(other !-:not-a-report)", "rejected not-a-report",
        "dir/x: not-a-report\n");
    expect("", "file: x(other !-:empty)", "rejected empty", "dir/x: empty\n");
    expect("<html><body/></html>", "file: x(xml !-:not-a-report)", "rejected not-a-report",
        "dir/x: not-a-report\n");
    expect("{\"x\":", "file: x(json !-:not-a-report)", "rejected not-a-report",
        "dir/x: not-a-report\n");
    expect("{\"report-id\":", "file: x(json !-:json-malformed)", "rejected json-malformed",
        "dir/x: json-malformed\n");
    buf_done(&b);
}

/* Documents that are longer than the window that the unpacker hands out. */
static void test_large_documents(void)
{
    enum {
        SIZE = 200 * 1024
    };

    char *words = mem_alloc(SIZE + 1);

    memset(words, 'w', SIZE);
    expect(
        words, "file: x(other !-:not-a-report)", "rejected not-a-report", "dir/x: not-a-report\n");
    memcpy(words, "unused", 6);
    expect(
        words, "file: x(other !-:not-a-report)", "rejected not-a-report", "dir/x: not-a-report\n");
    memset(words + 6, '\n', SIZE - 6);
    words[6] = '\0';
    expect(words, "file: x(other !-:empty)", "rejected empty", "dir/x: empty\n");
    free(words);
}

static void test_records_pass(void)
{
    struct recorder r;
    enum outcome o;

    recorder_open(&r);
    CU_ASSERT_EQUAL(take(&r, REPORT_HEAD("A") RECORD RECORD "</feedback>",
                        strlen(REPORT_HEAD("A") RECORD RECORD "</feedback>"), &o),
        0);
    CU_ASSERT_EQUAL(r.messages, 4);
    recorder_close(&r);
}

static void test_broken_containers(void)
{
    struct buf b = gzip(REPORT("A"));

    b.data[b.len - 8] ^= 1;
    expect_bytes(
        b.data, b.len, "file: x(gzip A/1/partial)", "partial -", "dir/x: container-corrupt\n");

    buf_done(&b);
    b = gzip(REPORT_HEAD("A") RECORD RECORD RECORD);
    expect_bytes(b.data, b.len - 9, "file: x(gzip A/3/partial)", "partial -", "dir/x: partial\n");

    expect_bytes(
        b.data, 30, "file: x(gzip !-:truncated)", "rejected truncated", "dir/x: truncated\n");
    buf_done(&b);
}

static void test_mails(void)
{
    expect(MIXED TEXT PART("text/xml", "a.xml", REPORT("A")) END, "mail: a.xml(xml A/1)",
        "stored -", "");
    expect(MIXED TEXT PART("text/xml", "a.xml", REPORT("A"))
               PART("application/tlsrpt+json", "b", TLS) END,
        "mail: a.xml(xml A/1) b(json tls:T1)", "stored -", "");
    /* in the body of the mail, after words */
    expect(HEADERS "\r\nhere it is:\r\n" REPORT("A"), "mail: -(xml A/1)", "stored -", "");
    /* what cannot be a report is passed over in silence */
    expect(MIXED PART("text/html", "a", "<html><feedback/></html>")
               PART("image/png", "b", "\x89PNG") PART("text/plain", "c", "{curly}")
                   PART("image/svg+xml", "d", "<svg/>") PART("text/xml", "a.xml", REPORT("A")) END,
        "mail: a.xml(xml A/1)", "stored -", "");
    /* a bad part does not stop the rest, but is not forgotten */
    expect(MIXED PART("text/xml", "bad.xml", "<feedback><") PART("text/xml", "a.xml", REPORT("A"))
               END,
        "mail: bad.xml(xml !bad.xml:truncated) a.xml(xml A/1)", "stored truncated",
        "dir/x: bad.xml: truncated\n");
}

static void test_mails_without_report(void)
{
    expect(MIXED TEXT END, "mail:", "not_a_report mail-not-report", "dir/x: mail-not-report\n");
    expect(MIXED PART("application/xml", "a.xml", "<invoice/>") END, "mail: a.xml(xml)",
        "not_a_report mail-not-report", "dir/x: mail-not-report\n");
    expect(HEADERS
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b1\r\n\r\n" TEXT
            PART("text/xml", "a.xml", REPORT("A")) END,
        "mail:", "not_a_report mail-not-report", "dir/x: mail-not-report\n");
    /* declared as a report and nothing of the kind: lost, so somebody should know */
    expect(MIXED PART("application/gzip", "a.xml.gz", "QUJD") END,
        "mail: a.xml.gz(other !a.xml.gz:container-corrupt)", "rejected container-corrupt",
        "dir/x: a.xml.gz: container-corrupt\n");
    /* nothing to report, as Yahoo once put it: no loss */
    expect(MIXED PART("application/gzip", "a.xml.gz", "unused") END, "mail: a.xml.gz(other)",
        "not_a_report mail-not-report", "dir/x: mail-not-report\n");
    expect(MIXED PART("application/gzip", "a.xml.gz", "") END, "mail: a.xml.gz(other)",
        "not_a_report mail-not-report", "dir/x: mail-not-report\n");
    expect(HEADERS "Content-Type: multipart/encrypted; boundary=b1\r\n\r\n" TEXT END,
        "mail: -(mail !-:encrypted)", "rejected encrypted", "dir/x: encrypted\n");
}

#define ARF(type)                                                                           \
    HEADERS                                                                                 \
    "Content-Type: multipart/report; report-type=feedback-report; boundary=b1\r\n\r\n" TEXT \
    "--b1\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: " type             \
    "\r\nVersion: 1\r\nUser-Agent: t\r\nReported-Domain: example.com\r\n"                   \
    "Source-IP: 192.0.2.1\r\nAuth-Failure: dmarc\r\n"                                       \
    "--b1\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@example.com\r\n"                   \
    "Content-Type: text/xml\r\n\r\n" REPORT("forged") "\r\n" END

static void test_failure_reports(void)
{
    expect(ARF("auth-failure"), "mail: -(arf failure:example.com)", "stored -", "");
    expect(ARF("abuse"), "mail: -(arf)", "not_a_report arf-other-type", "dir/x: arf-other-type\n");
}

static void test_archives(void)
{
    static const char *const names[] = {"readme.txt", "a.xml", "b.xml", "c.json"};
    static const char *const texts[] = {"hi", REPORT("A"), "<feedback><", TLS};
    struct buf b = zip(names, texts, 4);

    expect_bytes(b.data, b.len, "file: x(zip A/1 !b.xml:truncated tls:T1)", "stored truncated",
        "dir/x: b.xml: truncated\n");
    buf_done(&b);
    b = zip(names, texts, 1);
    expect_bytes(b.data, b.len, "file: x(zip !readme.txt:not-a-report)", "rejected not-a-report",
        "dir/x: readme.txt: not-a-report\n");
    buf_done(&b);
}

/* A document that has to be read twice must not bring those before it a second time. */
static void test_read_again(void)
{
    static const char *const names[] = {"a.xml", "b.xml", "c.xml"};
    static const char *const texts[] = {REPORT("A"),
        "<feedback><report_metadata><org_name>Smith & Sons</org_name><email>a@b.example</email>"
        "<report_id>B</report_id><date_range><begin>1700000000</begin><end>1700086399</end></date_range>"
        "</report_metadata><policy_published><domain>example.com</domain><p>none</p>"
        "</policy_published>" RECORD "</feedback>",
        REPORT("C")};
    struct buf b = zip(names, texts, 3);

    expect_bytes(
        b.data, b.len, "file: x(zip A/1 B/1 C/1)", "stored -", "dir/x: b.xml: recovered\n");
    buf_done(&b);
}

/* Several reports in one document, whether it is packed or not; one that cannot be read keeps no
 * other from being read. */
static void test_several_reports(void)
{
    static const char *const names[] = {"a.xml", "b.xml"};
    static const char *const texts[] = {REPORT("A") "\n" REPORT("B") "<feedback><", REPORT("C")};
    struct buf b = zip(names, texts, 2);

    expect_bytes(REPORT("A") REPORT("B"), strlen(REPORT("A") REPORT("B")), "file: x(xml A/1 B/1)",
        "stored -", "dir/x: recovered\n");
    expect_bytes(b.data, b.len, "file: x(zip A/1 B/1 !a.xml:schema-missing C/1)",
        "stored schema-missing",
        "dir/x: a.xml: recovered\ndir/x: a.xml: recovered\ndir/x: a.xml: schema-missing\n");
    buf_done(&b);
}

static void test_mails_in_archives(void)
{
    static const char *const names[] = {"1.eml", "2.eml"};
    static const char *const texts[] = {
        MIXED TEXT PART("text/xml", "a.xml", REPORT("A")) END, MIXED TEXT END};
    struct buf b = zip(names, texts, 2);

    expect_bytes(b.data, b.len, "file: x(zip) a.xml(xml A/1)", "stored -", "");
    buf_done(&b);
}

static void test_too_large(void)
{
    struct limits limits = limits_default();
    struct recorder r;
    struct intake *in;
    struct source_message m = {.key = "k", .name = "UID 7", .arrived = -1, .too_large = 99999999};
    enum outcome o;
    struct err e;

    recorder_open(&r);
    in = intake_new(&limits, on_problem, &r);
    CU_ASSERT_EQUAL(intake_message(in, "main", &m, &r.sink, &o, &e), 0);
    CU_ASSERT_EQUAL(o, OUTCOME_REJECTED);
    CU_ASSERT_STRING_EQUAL(r.log.data, "mail: !-:limit-size");
    intake_free(in);
    recorder_close(&r);
}

static void test_unreadable(void)
{
    struct limits limits = limits_default();
    struct recorder r;
    struct err why = {.class = ERR_INPUT, .tag = "unfetchable", .text = "it breaks the connection"};
    struct source_message m = {.key = "k", .name = "UID 7", .arrived = -1, .unreadable = &why};
    enum outcome o;
    struct err e;

    recorder_open(&r);
    struct intake *in = intake_new(&limits, on_problem, &r);
    CU_ASSERT_EQUAL(intake_message(in, "main", &m, &r.sink, &o, &e), 0);
    CU_ASSERT_EQUAL(o, OUTCOME_REJECTED);
    CU_ASSERT_STRING_EQUAL(r.log.data, "mail: !-:unfetchable");
    CU_ASSERT_STRING_EQUAL(r.outcome, "rejected unfetchable");
    CU_ASSERT_STRING_EQUAL(r.reason, "it breaks the connection");
    CU_ASSERT_STRING_EQUAL(r.problems.data, "UID 7: unfetchable\n");
    CU_ASSERT_EQUAL(intake_rejected(in), 1);
    intake_free(in);
    recorder_close(&r);
}

/* A message that counts as stored, and has a document that was rejected. */
static void test_rejected_in_stored(void)
{
    static const char good[] = REPORT("A");
    static const char *const names[] = {"a.xml", "b.xml"};
    static const char *const texts[] = {REPORT("A"), "<feedback><nothing/></feedback>"};
    struct limits limits = limits_default();
    struct buf b = zip(names, texts, 2);
    struct recorder r;
    struct source_message m = {.key = "k", .name = "x", .arrived = -1};
    enum outcome o;
    struct err e;

    recorder_open(&r);
    struct intake *in = intake_new(&limits, on_problem, &r);
    m.bytes = blob_of_memory(b.data, b.len);
    CU_ASSERT_EQUAL(intake_message(in, "", &m, &r.sink, &o, &e), 0);
    CU_ASSERT_EQUAL(o, OUTCOME_STORED);
    CU_ASSERT_EQUAL(intake_rejected(in), 1);
    m.bytes = blob_of_memory(good, sizeof good - 1);
    CU_ASSERT_EQUAL(intake_message(in, "", &m, &r.sink, &o, &e), 0);
    CU_ASSERT_EQUAL(intake_rejected(in), 0);
    intake_free(in);
    recorder_close(&r);
    buf_done(&b);
}

/* A payload that is read again is named and attributed as in the mail it came in. */
static void test_kept(void)
{
    static const char nobody[] = "<feedback><report_metadata><org_name>Some Name</org_name>"
                                 "<report_id>N</report_id><date_range><begin>1700000000</begin>"
                                 "<end>1700086399</end></date_range></report_metadata>"
                                 "<policy_published><domain>example.com</domain><p>none</p>"
                                 "</policy_published>" RECORD "</feedback>";
    static const char *const names[] = {"a.xml", "b.xml"};
    const char *const texts[] = {nobody, "<feedback><nothing/></feedback>"};
    const struct kept_payload file = {.name = "a.zip", .date = -1};
    const struct kept_payload kept = {
        .name = "a.zip", .attached = true, .from = "dmarc@mx.receiver.example", .date = -1};
    struct limits limits = limits_default();
    struct source_message m = {.key = "k", .name = "UID 7", .arrived = -1};
    struct buf b = zip(names, texts, 2);
    struct recorder r;
    struct err e;

    m.bytes = blob_of_memory(b.data, b.len);
    struct intake *in = intake_new(&limits, NULL, NULL);
    recorder_open(&r);
    CU_ASSERT_EQUAL(intake_kept(in, &kept, "main", &m, &r.sink, &e), 0);
    CU_ASSERT_STRING_EQUAL(r.log.data, "mail: a.zip(zip N/1 !a.zip: b.xml:schema-missing)");
    CU_ASSERT_STRING_EQUAL(r.reporter, "receiver.example");
    recorder_close(&r);
    recorder_open(&r);
    CU_ASSERT_EQUAL(intake_kept(in, &file, "", &m, &r.sink, &e), 0);
    CU_ASSERT_STRING_EQUAL(r.log.data, "file: a.zip(zip N/1 !b.xml:schema-missing)");
    CU_ASSERT_STRING_EQUAL(r.reporter, "some name");
    recorder_close(&r);
    intake_free(in);
    buf_done(&b);
}

static void test_answers_of_the_sink(void)
{
    static const char report[] = REPORT("A");
    struct recorder r;
    enum outcome o;

    recorder_open(&r);
    r.message_answer = FLOW_SKIP;
    CU_ASSERT_EQUAL(take(&r, report, sizeof report - 1, &o), 0);
    CU_ASSERT_STRING_EQUAL(r.log.data, "file:");
    CU_ASSERT_EQUAL(o, OUTCOME_DUPLICATE);
    CU_ASSERT_STRING_EQUAL(r.outcome, "stored -");
    recorder_close(&r);

    recorder_open(&r);
    r.payload_answer = FLOW_SKIP;
    CU_ASSERT_EQUAL(take(&r, report, sizeof report - 1, &o), 0);
    CU_ASSERT_STRING_EQUAL(r.log.data, "file: x(xml)");
    CU_ASSERT_EQUAL(o, OUTCOME_STORED);
    recorder_close(&r);

    recorder_open(&r);
    r.full = true;
    CU_ASSERT_EQUAL(take(&r, report, sizeof report - 1, &o), ERR_TEMPORARY);
    CU_ASSERT_EQUAL(o, OUTCOME_DEFERRED);
    CU_ASSERT_STRING_EQUAL(r.outcome, "deferred full");
    CU_ASSERT_STRING_EQUAL(r.problems.data, "");
    recorder_close(&r);
}

const struct unit_test unit_tests[] = {
    {"files", test_files},
    {"large documents", test_large_documents},
    {"records reach the sink", test_records_pass},
    {"broken containers", test_broken_containers},
    {"mails", test_mails},
    {"mails without a report", test_mails_without_report},
    {"failure reports", test_failure_reports},
    {"archives", test_archives},
    {"a document is read again", test_read_again},
    {"several reports in a document", test_several_reports},
    {"mails in archives", test_mails_in_archives},
    {"too large to fetch", test_too_large},
    {"unreadable", test_unreadable},
    {"a rejected document in a stored message", test_rejected_in_stored},
    {"a kept payload", test_kept},
    {"what the sink answers", test_answers_of_the_sink},
    {NULL, NULL},
};
