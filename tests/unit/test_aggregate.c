#include "base/arena.h"
#include "base/buf.h"
#include "parse/aggregate.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a sink that keeps what it gets ---- */

enum {
    KEEP = 8 /* records; more are only counted */
};

struct seen {
    struct sink sink; /* first */
    struct arena *arena;
    struct aggregate_report head; /* as it was at the end */
    struct aggregate_record records[KEEP];
    size_t n_records;
    int begun, ended;
    int feeds;
    size_t fed_before_begin; /* bytes of the feed in which aggregate_begin came */
    size_t fed;
    size_t piece;       /* bytes of one push; 0: 64 KiB */
    int answer;         /* of aggregate_begin */
    bool refuse_record; /* fail in aggregate_record, as a full disk does */
    enum grade grade;
    struct err error;
};

static void keep_string(struct arena *a, const char **s)
{
    *s = *s ? arena_strdup(a, *s) : NULL;
}

static struct auth_result *keep_results(struct arena *a, const struct auth_result *list, size_t n)
{
    struct auth_result *copy = arena_alloc(a, n * sizeof *copy);

    for (size_t i = 0; i < n; i++) {
        copy[i] = list[i];
        keep_string(a, &copy[i].domain);
        keep_string(a, &copy[i].domain_sent);
        keep_string(a, &copy[i].selector);
        keep_string(a, &copy[i].scope);
        keep_string(a, &copy[i].result);
        keep_string(a, &copy[i].result_sent);
        keep_string(a, &copy[i].human_result);
    }
    return copy;
}

static int on_begin(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct seen *seen = (struct seen *)(void *)s;

    (void)r;
    (void)e;
    seen->begun++;
    seen->fed_before_begin = seen->fed;
    return seen->answer;
}

static int on_record(struct sink *s, const struct aggregate_record *r, struct err *e)
{
    struct seen *seen = (struct seen *)(void *)s;

    if (seen->refuse_record)
        return err_set(e, ERR_TEMPORARY, "disk", "no space left");
    if (seen->n_records++ >= KEEP)
        return 0;
    struct aggregate_record *copy = &seen->records[seen->n_records - 1];
    *copy = *r;
    keep_string(seen->arena, &copy->source_ip_sent);
    keep_string(seen->arena, &copy->disposition_sent);
    keep_string(seen->arena, &copy->dkim_sent);
    keep_string(seen->arena, &copy->spf_sent);
    keep_string(seen->arena, &copy->header_from);
    keep_string(seen->arena, &copy->header_from_sent);
    keep_string(seen->arena, &copy->envelope_from);
    keep_string(seen->arena, &copy->envelope_to);
    keep_string(seen->arena, &copy->extension);
    copy->dkims = keep_results(seen->arena, r->dkims, r->n_dkims);
    copy->spfs = keep_results(seen->arena, r->spfs, r->n_spfs);
    copy->reasons = arena_alloc(seen->arena, r->n_reasons * sizeof *r->reasons);
    for (size_t i = 0; i < r->n_reasons; i++) {
        copy->reasons[i] = r->reasons[i];
        keep_string(seen->arena, &copy->reasons[i].type);
        keep_string(seen->arena, &copy->reasons[i].comment);
    }
    return 0;
}

static void keep_policy(struct arena *a, struct policy *p)
{
    keep_string(a, &p->domain);
    keep_string(a, &p->adkim);
    keep_string(a, &p->aspf);
    keep_string(a, &p->p);
    keep_string(a, &p->sp);
    keep_string(a, &p->sp_sent);
    keep_string(a, &p->np);
    keep_string(a, &p->pct);
    keep_string(a, &p->fo);
    keep_string(a, &p->testing);
    keep_string(a, &p->discovery_method);
}

static int on_end(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct seen *seen = (struct seen *)(void *)s;
    struct aggregate_report *h = &seen->head;

    (void)e;
    seen->ended++;
    *h = *r;
    keep_string(seen->arena, &h->version);
    keep_string(seen->arena, &h->xml_namespace);
    keep_string(seen->arena, &h->org_name);
    keep_string(seen->arena, &h->email);
    keep_string(seen->arena, &h->extra_contact_info);
    keep_string(seen->arena, &h->report_id);
    keep_string(seen->arena, &h->report_id_sent);
    keep_string(seen->arena, &h->generator);
    keep_string(seen->arena, &h->reporter);
    keep_string(seen->arena, &h->extension);
    keep_policy(seen->arena, &h->policy);
    h->errors = arena_alloc(seen->arena, r->n_errors * sizeof *h->errors);
    for (size_t i = 0; i < r->n_errors; i++)
        h->errors[i] = arena_strdup(seen->arena, r->errors[i]);
    h->notes.items = arena_alloc(seen->arena, r->notes.n * sizeof *h->notes.items);
    for (size_t i = 0; i < r->notes.n; i++) {
        h->notes.items[i] = r->notes.items[i];
        keep_string(seen->arena, &h->notes.items[i].detail);
    }
    return 0;
}

static const struct sink_ops seen_ops = {
    .aggregate_begin = on_begin,
    .aggregate_record = on_record,
    .aggregate_end = on_end,
};

static void seen_init(struct seen *seen)
{
    *seen = (struct seen){.sink = {&seen_ops}, .arena = arena_new(), .grade = GRADE_REFUSED};
}

/* ---- feeding ---- */

static const struct report_hints no_hints = {.mail_date = -1};

/* One feed; push and finish, as a caller does it. */
static int feed(
    struct aggregate_reader *r, struct seen *seen, const char *bytes, size_t len, size_t piece)
{
    int result = 0;

    seen->feeds++;
    for (seen->fed = 0; seen->fed < len && result == 0;) {
        size_t n = len - seen->fed < piece ? len - seen->fed : piece;
        const char *at = bytes + seen->fed;
        seen->fed += n;
        result = aggregate_push(r, at, n, &seen->error);
    }
    if (result == AGGREGATE_AGAIN)
        return result;
    return aggregate_finish(r, &seen->grade, &seen->error);
}

static int feed_whole(struct aggregate_reader *r, struct seen *seen, const char *bytes, size_t len)
{
    char *own = malloc(len + 1); /* which is not there any more when the document is finished */

    memcpy(own, bytes, len);
    own[len] = '\0';
    seen->feeds++;
    seen->fed = len;
    int result = aggregate_whole(r, own, len, &seen->error);
    free(own);
    return result == AGGREGATE_AGAIN ? result : aggregate_finish(r, &seen->grade, &seen->error);
}

static int read_one_way(struct aggregate_reader *r, struct seen *seen, const char *bytes,
    size_t len, const struct report_hints *hints, bool whole)
{
    int result = AGGREGATE_AGAIN;

    aggregate_start(r, &seen->sink, hints);
    do {
        result = AGGREGATE_AGAIN;
        seen->feeds = 0;
        while (result == AGGREGATE_AGAIN && seen->feeds < 4) {
            result = whole ? feed_whole(r, seen, bytes, len)
                           : feed(r, seen, bytes, len, seen->piece ? seen->piece : 65536);
        }
        CU_ASSERT_TRUE(seen->feeds <= 3); /* again "at most twice" */
    } while (aggregate_more(r));
    return result;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_notes(const struct notes *a, const struct notes *b)
{
    bool equal = a->n == b->n;

    for (size_t i = 0; equal && i < a->n; i++) {
        size_t at = 0;
        while (at < b->n && strcmp(a->items[i].code, b->items[at].code) != 0)
            at++;
        equal = at < b->n && a->items[i].times == b->items[at].times;
    }
    return equal;
}

static bool same_records(const struct seen *a, const struct seen *b)
{
    bool equal = a->n_records == b->n_records;

    for (size_t i = 0; equal && i < a->n_records && i < KEEP; i++) {
        const struct aggregate_record *x = &a->records[i];
        const struct aggregate_record *y = &b->records[i];
        equal = x->count == y->count && same(x->source_ip_sent, y->source_ip_sent) &&
                same(x->header_from, y->header_from) && x->dkim == y->dkim && x->spf == y->spf &&
                x->disposition == y->disposition && x->n_dkims == y->n_dkims &&
                x->n_spfs == y->n_spfs && x->n_reasons == y->n_reasons &&
                same(x->extension, y->extension);
    }
    return equal;
}

/* A document that lies in memory as a whole says the same as one that comes in pieces. */
static int read_with(struct aggregate_reader *r, struct seen *seen, const char *bytes, size_t len,
    const struct report_hints *hints)
{
    struct seen *other = arena_alloc(seen->arena, sizeof *other);

    seen_init(other);
    other->answer = seen->answer;
    other->refuse_record = seen->refuse_record;
    int as_whole = read_one_way(r, other, bytes, len, hints, true);
    int result = read_one_way(r, seen, bytes, len, hints, false);
    CU_ASSERT_EQUAL(as_whole, result);
    CU_ASSERT_EQUAL(other->begun, seen->begun);
    CU_ASSERT_EQUAL(other->ended, seen->ended);
    CU_ASSERT_EQUAL(other->grade, seen->grade);
    CU_ASSERT_EQUAL(other->head.messages, seen->head.messages);
    CU_ASSERT_TRUE(same_records(other, seen));
    CU_ASSERT_TRUE(same_notes(&other->head.notes, &seen->head.notes));
    CU_ASSERT_TRUE(result == 0 || same(other->error.tag, seen->error.tag));
    arena_free(other->arena);
    return result;
}

static int read_bytes(struct seen *seen, const char *bytes, size_t len)
{
    struct limits limits = limits_default();
    struct aggregate_reader *r = aggregate_reader_new(&limits);

    seen_init(seen);
    int result = read_with(r, seen, bytes, len, &no_hints);
    aggregate_reader_free(r);
    return result;
}

/* A report that must be readable. */
static void read_good(struct seen *seen, const char *xml)
{
    if (read_bytes(seen, xml, strlen(xml)) != 0)
        CU_FAIL(seen->error.text);
    CU_ASSERT_EQUAL(seen->begun, 1);
    CU_ASSERT_EQUAL(seen->ended, 1);
    CU_ASSERT_EQUAL(seen->head.grade, seen->grade);
}

static void read_good_hinted(struct seen *seen, const char *xml, const struct report_hints *hints)
{
    struct limits limits = limits_default();
    struct aggregate_reader *r = aggregate_reader_new(&limits);

    seen_init(seen);
    if (read_with(r, seen, xml, strlen(xml), hints) != 0)
        CU_FAIL(seen->error.text);
    aggregate_reader_free(r);
}

static void done(struct seen *seen)
{
    arena_free(seen->arena);
}

static void expect_refusal_of(const char *bytes, size_t len, const char *tag)
{
    struct seen seen;

    CU_ASSERT_EQUAL(read_bytes(&seen, bytes, len), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(seen.error.tag, tag);
    CU_ASSERT_EQUAL(seen.begun, 0);
    done(&seen);
}

static void expect_refusal(const char *xml, const char *tag)
{
    expect_refusal_of(xml, strlen(xml), tag);
}

static uint64_t times_noted(const struct seen *seen, const char *code)
{
    for (size_t i = 0; i < seen->head.notes.n; i++) {
        if (strcmp(seen->head.notes.items[i].code, code) == 0)
            return seen->head.notes.items[i].times;
    }
    return 0;
}

static void expect_only_note(const struct seen *seen, const char *code)
{
    CU_ASSERT_EQUAL(seen->head.notes.n, 1);
    CU_ASSERT_EQUAL(times_noted(seen, code), 1);
}

/* ---- pieces of reports ---- */

#define DATES "<date_range><begin>1700000000</begin><end>1700086399</end></date_range>"
#define METADATA                                                                     \
    "<report_metadata><org_name>Org</org_name><email>dmarc@mail.example.org</email>" \
    "<report_id>id-1</report_id>" DATES "</report_metadata>"
#define POLICY "<policy_published><domain>example.com</domain><p>none</p></policy_published>"
#define EVALUATED(dkim, spf)                                                          \
    "<policy_evaluated><disposition>none</disposition><dkim>" dkim "</dkim><spf>" spf \
    "</spf></policy_evaluated>"
#define ROW(ip, count) \
    "<row><source_ip>" ip "</source_ip><count>" count "</count>" EVALUATED("pass", "fail") "</row>"
#define IDENTIFIERS "<identifiers><header_from>example.com</header_from></identifiers>"
#define RESULTS                                                               \
    "<auth_results><dkim><domain>example.com</domain><selector>s1</selector>" \
    "<result>pass</result></dkim></auth_results>"
#define RECORD(ip, count) "<record>" ROW(ip, count) IDENTIFIERS RESULTS "</record>"
#define REPORT(inside)    "<feedback>" METADATA POLICY inside "</feedback>"

/* ---- values ---- */

static const char full[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n <version>1.0</version>\n"
    " <report_metadata>\n  <org_name>Example &amp; Sons</org_name>\n"
    "  <email>dmarc@mail.example.org</email>\n"
    "  <extra_contact_info lang=\"en\">https://example.org/</extra_contact_info>\n"
    "  <report_id>&lt;abc$1=x@example.org&gt;</report_id>\n  " DATES "\n"
    "  <error>one</error><error>two</error><generator>mill 1</generator>\n </report_metadata>\n"
    " <policy_published><domain>Example.COM.</domain><adkim>s</adkim><aspf>R</aspf>"
    "<p>Reject</p><sp>quarantine;</sp><np>none</np><pct>50</pct><fo>1:d</fo>"
    "<t>y</t><discovery_method>treewalk</discovery_method></policy_published>\n"
    " <record>\n  <row><source_ip> 2001:DB8:0:0::1 </source_ip><count>12</count>"
    "<policy_evaluated><disposition>pass</disposition><dkim> Pass</dkim><spf>FAIL</spf>"
    "<reason><type>Local_Policy</type><comment>arc=pass</comment></reason></policy_evaluated>"
    "</row>\n  <identifiers><envelope_to>to.example</envelope_to><envelope_from></envelope_from>"
    "<header_from>b\xC3\xBC"
    "cher.example.com</header_from></identifiers>\n"
    "  <auth_results><dkim><domain>Example.com</domain><selector>S1</selector>"
    "<result>Pass</result><human_result>2048 bits</human_result></dkim>"
    "<spf><domain>bounce.example.com</domain><scope>MFrom</scope><result>hardfail</result></spf>"
    "</auth_results>\n </record>\n</feedback>\n";

static void test_head(void)
{
    struct seen s;

    read_good(&s, full);
    const struct aggregate_report *h = &s.head;
    CU_ASSERT_EQUAL(h->dialect, DIALECT_RFC9990);
    CU_ASSERT_STRING_EQUAL(h->version, "1.0");
    CU_ASSERT_STRING_EQUAL(h->xml_namespace, "urn:ietf:params:xml:ns:dmarc-2.0");
    CU_ASSERT_STRING_EQUAL(h->org_name, "Example & Sons");
    CU_ASSERT_STRING_EQUAL(h->email, "dmarc@mail.example.org");
    CU_ASSERT_STRING_EQUAL(h->reporter, "example.org");
    CU_ASSERT_STRING_EQUAL(h->extra_contact_info, "https://example.org/");
    CU_ASSERT_STRING_EQUAL(h->report_id, "abc$1=x@example.org");
    CU_ASSERT_STRING_EQUAL(h->report_id_sent, "<abc$1=x@example.org>");
    CU_ASSERT_EQUAL(h->begin, 1700000000);
    CU_ASSERT_EQUAL(h->end, 1700086399);
    CU_ASSERT_EQUAL_FATAL(h->n_errors, 2);
    CU_ASSERT_STRING_EQUAL(h->errors[1], "two");
    CU_ASSERT_STRING_EQUAL(h->generator, "mill 1");
    CU_ASSERT_EQUAL(h->records, 1);
    CU_ASSERT_EQUAL(h->messages, 12);
    CU_ASSERT_EQUAL(h->dropped, 0);
    done(&s);
}

static void test_policy(void)
{
    struct seen s;

    read_good(&s, full);
    const struct policy *p = &s.head.policy;
    CU_ASSERT_STRING_EQUAL(p->domain, "example.com");
    CU_ASSERT_STRING_EQUAL(p->adkim, "s");
    CU_ASSERT_STRING_EQUAL(p->aspf, "r");
    CU_ASSERT_STRING_EQUAL(p->p, "reject");
    CU_ASSERT_STRING_EQUAL(p->sp, "quarantine");
    CU_ASSERT_STRING_EQUAL(p->sp_sent, "quarantine;");
    CU_ASSERT_STRING_EQUAL(p->np, "none");
    CU_ASSERT_STRING_EQUAL(p->pct, "50");
    CU_ASSERT_STRING_EQUAL(p->fo, "1:d");
    CU_ASSERT_STRING_EQUAL(p->testing, "y");
    CU_ASSERT_STRING_EQUAL(p->discovery_method, "treewalk");
    done(&s);
}

static void test_record(void)
{
    struct seen s;
    char ip[ADDR_TEXT_MAX];

    read_good(&s, full);
    const struct aggregate_record *r = &s.records[0];
    addr_format(&r->source_ip, ip);
    CU_ASSERT_STRING_EQUAL(ip, "2001:db8::1");
    CU_ASSERT_STRING_EQUAL(r->source_ip_sent, "2001:DB8:0:0::1");
    CU_ASSERT_EQUAL(r->count, 12);
    CU_ASSERT_EQUAL(r->disposition, DISPOSITION_PASS);
    CU_ASSERT_EQUAL(r->dkim, VERDICT_PASS);
    CU_ASSERT_STRING_EQUAL(r->dkim_sent, "Pass");
    CU_ASSERT_EQUAL(r->spf, VERDICT_FAIL);
    CU_ASSERT_EQUAL_FATAL(r->n_reasons, 1);
    CU_ASSERT_STRING_EQUAL(r->reasons[0].type, "local_policy");
    CU_ASSERT_STRING_EQUAL(r->reasons[0].comment, "arc=pass");
    CU_ASSERT_STRING_EQUAL(r->header_from, "xn--bcher-kva.example.com");
    CU_ASSERT_STRING_EQUAL(r->header_from_sent, "b\xC3\xBC"
                                                "cher.example.com");
    CU_ASSERT_STRING_EQUAL(r->envelope_from, ""); /* said to be the null reverse-path */
    CU_ASSERT_STRING_EQUAL(r->envelope_to, "to.example");
    CU_ASSERT_EQUAL_FATAL(r->n_dkims, 1);
    CU_ASSERT_STRING_EQUAL(r->dkims[0].domain, "example.com");
    CU_ASSERT_STRING_EQUAL(r->dkims[0].domain_sent, "Example.com");
    CU_ASSERT_STRING_EQUAL(r->dkims[0].selector, "S1");
    CU_ASSERT_STRING_EQUAL(r->dkims[0].result, "pass");
    CU_ASSERT_STRING_EQUAL(r->dkims[0].human_result, "2048 bits");
    CU_ASSERT_EQUAL_FATAL(r->n_spfs, 1);
    CU_ASSERT_STRING_EQUAL(r->spfs[0].scope, "mfrom");
    CU_ASSERT_STRING_EQUAL(r->spfs[0].result, "fail");
    CU_ASSERT_STRING_EQUAL(r->spfs[0].result_sent, "hardfail");
    done(&s);
}

/* What is not said stays unsaid. */
static void test_nothing_invented(void)
{
    struct seen s;

    read_good(&s, REPORT(RECORD("192.0.2.1", "2")));
    CU_ASSERT_EQUAL(s.grade, GRADE_CLEAN);
    CU_ASSERT_EQUAL(s.head.notes.n, 0);
    CU_ASSERT_EQUAL(s.head.dialect, DIALECT_RFC7489); /* by the selector */
    CU_ASSERT_PTR_NULL(s.head.version);
    CU_ASSERT_PTR_NULL(s.head.xml_namespace);
    CU_ASSERT_PTR_NULL(s.head.policy.adkim);
    CU_ASSERT_PTR_NULL(s.head.policy.sp);
    CU_ASSERT_PTR_NULL(s.head.policy.pct);
    CU_ASSERT_PTR_NULL(s.records[0].envelope_from);
    CU_ASSERT_EQUAL(s.records[0].n_spfs, 0);
    CU_ASSERT_PTR_NULL(s.records[0].extension);
    done(&s);
}

static void test_verdict_words(void)
{
    struct seen s;

    read_good(
        &s, REPORT("<record><row><source_ip>192.0.2.1</source_ip><count>1</count>" EVALUATED(
                "none", "softfail") "</row>" IDENTIFIERS RESULTS "</record>"
                                    "<record><row><source_ip>192.0.2.2</source_ip>"
                                    "<count>1</count></row>" IDENTIFIERS RESULTS "</record>"));
    CU_ASSERT_EQUAL_FATAL(s.n_records, 2);
    for (size_t i = 0; i < 2; i++) { /* although auth_results has a pass */
        CU_ASSERT_EQUAL(s.records[i].dkim, VERDICT_UNKNOWN);
        CU_ASSERT_EQUAL(s.records[i].spf, VERDICT_UNKNOWN);
    }
    CU_ASSERT_STRING_EQUAL(s.records[0].spf_sent, "softfail");
    CU_ASSERT_EQUAL(s.records[1].disposition, DISPOSITION_UNKNOWN);
    CU_ASSERT_EQUAL(times_noted(&s, "VERDICT_ODD"), 2);
    CU_ASSERT_EQUAL(times_noted(&s, "POLICY_EVALUATED_MISSING"), 1);
    done(&s);
}

static void test_order_does_not_matter(void)
{
    struct seen s;

    read_good(&s, "<feedback><record>" RESULTS IDENTIFIERS ROW(
                      "192.0.2.7", "3") "</record>" POLICY METADATA "</feedback>");
    CU_ASSERT_EQUAL(s.head.messages, 3);
    CU_ASSERT_STRING_EQUAL(s.head.policy.domain, "example.com");
    CU_ASSERT_STRING_EQUAL(s.records[0].dkims[0].selector, "s1");
    CU_ASSERT_EQUAL(s.grade, GRADE_CLEAN);
    done(&s);
}

static void test_capitals_and_prefixes(void)
{
    struct seen s;

    read_good(&s, "<FEEDBACK><REPORT_METADATA><ORG_NAME>Org</ORG_NAME><Email>a@b.example</Email>"
                  "<Report_Id>1</Report_Id>" DATES
                  "</REPORT_METADATA>" POLICY RECORD("192.0.2.1", "4") "</FEEDBACK>");
    CU_ASSERT_STRING_EQUAL(s.head.email, "a@b.example");
    CU_ASSERT_EQUAL(s.head.messages, 4);
    done(&s);
    read_good(&s, "<d:feedback xmlns:d='http://dmarc.org/dmarc-xml/0.1'><d:report_metadata>"
                  "<d:org_name>Org</d:org_name><d:email>a@b.example</d:email>"
                  "<d:report_id>1</d:report_id><d:date_range><d:begin>1700000000</d:begin>"
                  "<d:end>1700000001</d:end></d:date_range></d:report_metadata>" POLICY RECORD(
                      "192.0.2.1", "5") "</d:feedback>");
    CU_ASSERT_STRING_EQUAL(s.head.xml_namespace, "http://dmarc.org/dmarc-xml/0.1");
    CU_ASSERT_STRING_EQUAL(s.head.org_name, "Org");
    CU_ASSERT_EQUAL(s.head.messages, 5);
    done(&s);
}

static void test_namespaces(void)
{
    struct seen s;

    /* declared in the middle, and misspelt */
    read_good(&s, "<feedback xmlns=\"http//dmarc.org/dmarc-xml/0.1\">" METADATA
                  "<policy_published xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">"
                  "<domain>example.com</domain><p>none</p></policy_published>" RECORD(
                      "192.0.2.1", "1") "</feedback>");
    CU_ASSERT_STRING_EQUAL(s.head.policy.domain, "example.com");
    expect_only_note(&s, "XML_NAMESPACE_ODD");
    done(&s);
}

/* An extension must not overwrite what it looks like, and is kept. */
static void test_extensions(void)
{
    struct seen s;

    read_good(&s, REPORT("<extension><x:p xmlns:x=\"urn:x\" a=\"1&quot;\">reject</x:p></extension>"
                         "<record>" ROW("192.0.2.1", "1") IDENTIFIERS RESULTS
                      "<x:row xmlns:x=\"urn:x\"><x:count>9</x:count></x:row>"
                      "<x:note xmlns:x=\"urn:x\">&lt;ok&gt;</x:note></record>"));
    CU_ASSERT_EQUAL(s.head.messages, 1);
    CU_ASSERT_STRING_EQUAL(s.head.policy.p, "none");
    CU_ASSERT_STRING_EQUAL(s.head.extension,
        "<extension><x:p xmlns:x=\"urn:x\" a=\"1&quot;\">reject</x:p></extension>");
    CU_ASSERT_STRING_EQUAL(s.records[0].extension,
        "<x:row xmlns:x=\"urn:x\"><x:count>9</x:count></x:row>"
        "<x:note xmlns:x=\"urn:x\">&lt;ok&gt;</x:note>");
    CU_ASSERT_EQUAL(s.head.dialect, DIALECT_RFC9990);
    done(&s);
}

static void test_text_in_pieces(void)
{
    struct seen s;

    read_good(&s, REPORT(RECORD("192.0.2.1", "1<!-- x -->2<?pi?><![CDATA[3]]>")));
    CU_ASSERT_EQUAL(s.head.messages, 123);
    CU_ASSERT_EQUAL(s.grade, GRADE_CLEAN);
    done(&s);
    read_good(&s, REPORT(RECORD("192.0.2.1", "1<b>2</b>"))); /* never 12 */
    CU_ASSERT_EQUAL(s.head.messages, 1);
    CU_ASSERT_EQUAL(times_noted(&s, "ELEMENT_UNKNOWN"), 1);
    done(&s);
}

/* ---- encodings ---- */

static const char *org_of(struct seen *seen, const char *bytes, size_t len)
{
    if (read_bytes(seen, bytes, len) != 0)
        CU_FAIL(seen->error.text);
    return seen->head.org_name ? seen->head.org_name : "";
}

#define NAMED(org)                                                                      \
    "<feedback><report_metadata><org_name>" org "</org_name><email>a@b.example</email>" \
    "<report_id>1</report_id>" DATES                                                    \
    "</report_metadata>" POLICY RECORD("192.0.2.1", "1") "</feedback>"

static void test_single_byte_encodings(void)
{
    static const char latin1[] =
        "<?xml version='1.0' encoding='ISO-8859-1'?>" NAMED("Soci\xE9t\xE9");
    static const char undeclared[] = "<?xml version='1.0'?>" NAMED("Caf\xE9 \x96 \x80");
    static const char overlong[] = NAMED("a\xC0\xAF"
                                         "b");
    struct seen s;

    CU_ASSERT_STRING_EQUAL(org_of(&s, latin1, sizeof latin1 - 1), "Soci\xC3\xA9t\xC3\xA9");
    CU_ASSERT_EQUAL(s.grade, GRADE_CLEAN);
    done(&s);
    CU_ASSERT_STRING_EQUAL(
        org_of(&s, undeclared, sizeof undeclared - 1), "Caf\xC3\xA9 \xE2\x80\x93 \xE2\x82\xAC");
    expect_only_note(&s, "ENCODING_REPAIRED");
    done(&s);
    CU_ASSERT_STRING_EQUAL(org_of(&s, overlong, sizeof overlong - 1), "a\xC3\x80\xC2\xAF"
                                                                      "b"); /* no slash */
    done(&s);
}

static void test_declared_wrong(void)
{
    static const char not_wide[] = "<?xml version=\"1.0\" encoding=\"utf-16\"?>" NAMED("\xC3\xA9");
    static const char unknown[] =
        "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"x-mine\"?>" NAMED("\xC3\xA9");
    struct seen s;

    CU_ASSERT_STRING_EQUAL(org_of(&s, not_wide, sizeof not_wide - 1), "\xC3\xA9");
    expect_only_note(&s, "ENCODING_DECLARED_WRONG");
    done(&s);
    CU_ASSERT_STRING_EQUAL(org_of(&s, unknown, sizeof unknown - 1), "\xC3\xA9");
    expect_only_note(&s, "ENCODING_DECLARED_WRONG");
    done(&s);
}

static void test_wide_encodings(void)
{
    static const char ascii[] = "<?xml version=\"1.0\" encoding=\"UTF-16\"?>" NAMED("wide");
    char wide[2 * sizeof ascii];
    struct seen s;

    for (int big = 0; big < 2; big++) {
        memset(wide, 0, sizeof wide);
        wide[big ? 0 : 1] = '\xFE';
        wide[big ? 1 : 0] = '\xFF';
        for (size_t i = 0; i < sizeof ascii - 1; i++)
            wide[2 + 2 * i + (big ? 1 : 0)] = ascii[i];
        CU_ASSERT_STRING_EQUAL(org_of(&s, wide, sizeof wide), "wide");
        CU_ASSERT_EQUAL(s.grade, GRADE_CLEAN);
        done(&s);
    }
    expect_refusal_of("\xFF\xFE\0\0<\0\0\0f\0\0\0", 12, "encoding");
}

/* ---- damage ---- */

static void test_junk_around(void)
{
    static const char padded[] = REPORT(RECORD("192.0.2.1", "1")) "\n\0\0\0";
    struct seen s;

    read_good(&s, "--boundary\r\nContent-Type: text/xml\r\n\r\n<?xml version='1.0'?>" REPORT(
                      RECORD("192.0.2.1", "1")) "\n-- \nscanned by a gateway & friends");
    CU_ASSERT_EQUAL(s.head.messages, 1);
    CU_ASSERT_EQUAL(times_noted(&s, "LEADING_JUNK"), 1);
    CU_ASSERT_TRUE(times_noted(&s, "TRAILING_JUNK") > 0);
    done(&s);
    CU_ASSERT_EQUAL(read_bytes(&s, padded, sizeof padded - 1), 0);
    expect_only_note(&s, "TRAILING_JUNK");
    done(&s);
}

static void test_nul_inside(void)
{
    static const char xml[] = NAMED("a\0b");
    struct seen s;

    CU_ASSERT_STRING_EQUAL(org_of(&s, xml, sizeof xml - 1), "a b");
    CU_ASSERT_EQUAL(times_noted(&s, "CONTROL_CHARACTER"), 1);
    CU_ASSERT_EQUAL(s.grade, GRADE_RECOVERED);
    done(&s);
}

#define TWO  REPORT(RECORD("192.0.2.1", "1")) "\n" REPORT(RECORD("192.0.2.2", "2"))
#define LINE "<?xml version=\"1.0\"?>\n"

/* All reports of one document, fed in pieces of every size up to one that holds it whole. */
static void expect_reports(const char *xml, int reports, size_t records, const char *last_note)
{
    struct limits limits = limits_default();
    struct aggregate_reader *r = aggregate_reader_new(&limits);
    size_t len = strlen(xml);

    for (size_t piece = 1; piece <= len; piece += piece < 80 ? 1 : len / 3) {
        struct seen s;

        seen_init(&s);
        s.piece = piece;
        CU_ASSERT_EQUAL(read_with(r, &s, xml, len, &no_hints), 0);
        CU_ASSERT_EQUAL(s.begun, reports);
        CU_ASSERT_EQUAL(s.ended, reports);
        CU_ASSERT_EQUAL(s.n_records, records);
        CU_ASSERT_EQUAL(s.head.notes.n, last_note ? 1 : 0);
        CU_ASSERT_EQUAL(
            times_noted(&s, last_note ? last_note : "TRAILING_JUNK"), last_note != NULL);
        done(&s);
    }
    aggregate_reader_free(r);
}

static void test_several_reports(void)
{
    expect_reports(TWO, 2, 2, NULL);
    expect_reports(LINE TWO "\n" LINE TWO, 4, 4, NULL);
    expect_reports("<reports>" TWO "</reports>", 2, 2, "TRAILING_JUNK");
    expect_reports(
        "<d:feedback xmlns:d=\"urn:ietf:params:xml:ns:dmarc-2.0\">" METADATA POLICY RECORD(
            "192.0.2.3", "3") "</d:feedback >" TWO,
        3, 3, NULL);
    /* another word is no second report */
    expect_reports(REPORT(RECORD("192.0.2.1", "1")) "<feedbacks>", 1, 1, "TRAILING_JUNK");
}

static void test_second_report_damaged(void)
{
    struct seen s;

    /* what needs repair, and what is cut off, is so only where it is */
    CU_ASSERT_EQUAL(read_bytes(&s, TWO "<feedback>" METADATA POLICY "<record>A < B",
                        strlen(TWO "<feedback>" METADATA POLICY "<record>A < B")),
        ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(s.error.tag, "truncated");
    CU_ASSERT_EQUAL(s.ended, 2);
    done(&s);
    static const char xml[] = "<feedback><org_name>A & B</org_name>" METADATA POLICY RECORD(
        "192.0.2.1", "1") "</feedback>" REPORT(RECORD("192.0.2.2", "2") "<record>");
    CU_ASSERT_EQUAL(read_bytes(&s, xml, strlen(xml) - strlen("</feedback>")), 0);
    CU_ASSERT_EQUAL(s.ended, 2);
    CU_ASSERT_EQUAL(s.grade, GRADE_PARTIAL);
    CU_ASSERT_EQUAL(s.n_records, 2);
    done(&s);
}

/* Reports are read up to a number, and what is left out is said. */
static void test_too_many_reports(void)
{
    static const char one[] = REPORT(RECORD("192.0.2.1", "1"));
    struct buf b;
    struct seen s;

    buf_init(&b, 1 << 20);
    for (int i = 0; i < 102; i++)
        CU_ASSERT_EQUAL_FATAL(buf_add(&b, one, strlen(one)), 0);
    CU_ASSERT_EQUAL(read_bytes(&s, b.data, b.len), 0);
    CU_ASSERT_EQUAL(s.ended, 100);
    CU_ASSERT_EQUAL(times_noted(&s, "REPORTS_LEFT_OUT"), 1);
    CU_ASSERT_EQUAL(s.grade, GRADE_RECOVERED);
    done(&s);
    buf_done(&b);
}

static void test_cut_off(void)
{
    static const char xml[] = REPORT(RECORD("192.0.2.1", "1") RECORD("192.0.2.2", "2"));
    const size_t second = (size_t)(strstr(xml, "192.0.2.2") - xml);
    struct seen s;

    CU_ASSERT_EQUAL(read_bytes(&s, xml, second + 200), 0); /* in the middle of the second record */
    CU_ASSERT_EQUAL(s.n_records, 1);
    CU_ASSERT_EQUAL(s.head.messages, 1);
    CU_ASSERT_EQUAL(s.grade, GRADE_PARTIAL);
    CU_ASSERT_EQUAL(times_noted(&s, "TRUNCATED"), 1);
    done(&s);
    CU_ASSERT_EQUAL(read_bytes(&s, xml, strlen(xml) - strlen("</feedback>")), 0);
    CU_ASSERT_EQUAL(s.n_records, 2);
    CU_ASSERT_EQUAL(s.grade, GRADE_PARTIAL);
    done(&s);
    expect_refusal_of(xml, second - 60, "truncated");
    expect_refusal_of(xml, 20, "truncated");
}

/* At every byte: what is read are complete records, and nothing is called whole that is not. */
static void test_cut_anywhere(void)
{
    static const char xml[] = REPORT(RECORD("192.0.2.1", "1") RECORD("192.0.2.2", "2"));
    struct limits limits = limits_default();
    struct aggregate_reader *r = aggregate_reader_new(&limits);

    for (size_t len = 1; len < sizeof xml - 2; len++) {
        struct seen s;
        seen_init(&s);
        int result = read_with(r, &s, xml, len, &no_hints);
        if (result == 0) {
            CU_ASSERT_EQUAL(s.grade, GRADE_PARTIAL);
            CU_ASSERT_EQUAL(s.head.messages, s.n_records == 2 ? 3 : 1);
        } else {
            CU_ASSERT_EQUAL(result, ERR_INPUT);
            CU_ASSERT_EQUAL(s.begun, 0);
        }
        done(&s);
    }
    aggregate_reader_free(r);
}

static void test_unescaped_text(void)
{
    struct seen s;

    read_good(&s, NAMED("AT&T &nbsp;<ops@example.org> A < B &amp; C"));
    CU_ASSERT_STRING_EQUAL(s.head.org_name, "AT&T &nbsp;<ops@example.org> A < B & C");
    CU_ASSERT_EQUAL(s.head.messages, 1);
    expect_only_note(&s, "XML_MALFORMED");
    CU_ASSERT_EQUAL(s.grade, GRADE_RECOVERED);
    done(&s);
    read_good(&s, NAMED("A < B</org_name><generator><![CDATA[x & <y]]></generator><org_name>"));
    CU_ASSERT_STRING_EQUAL(s.head.org_name, "A < B");
    CU_ASSERT_STRING_EQUAL(s.head.generator, "x & <y");
    done(&s);
    read_good(&s, NAMED("A < B")); /* found only when the XML parser stumbles */
    CU_ASSERT_STRING_EQUAL(s.head.org_name, "A < B");
    CU_ASSERT_EQUAL(s.feeds, 2);
    CU_ASSERT_EQUAL(s.n_records, 1);
    expect_only_note(&s, "XML_MALFORMED");
    done(&s);
}

/* Where repairing is too late, because records were delivered already, the rest is not silently
 * lost. */
static void test_unescaped_too_late(void)
{
    struct buf xml;
    struct seen s;

    buf_init(&xml, 8 << 20);
    CU_ASSERT_EQUAL(buf_adds(&xml, "<feedback>" METADATA POLICY), 0);
    for (int i = 0; i < 3000; i++)
        CU_ASSERT_EQUAL(buf_adds(&xml, RECORD("192.0.2.1", "1")), 0);
    CU_ASSERT_EQUAL(buf_adds(&xml, RECORD("192.0.2.2", "1 < 2") "</feedback>"), 0);
    CU_ASSERT_EQUAL(read_bytes(&s, xml.data, xml.len), 0);
    CU_ASSERT_EQUAL(s.head.records, 3000);
    CU_ASSERT_EQUAL(s.grade, GRADE_PARTIAL);
    done(&s);
    buf_done(&xml);
}

static void test_half_closed_tag(void)
{
    struct seen s;

    read_good(&s, "<feedback><report_metadata><org_name>KDDI</org_name><email>a@b.example</email>"
                  "<report_id>123/report_id>" DATES
                  "</report_metadata>" POLICY RECORD("192.0.2.1", "1") "</feedback>");
    CU_ASSERT_STRING_EQUAL(s.head.report_id, "123");
    CU_ASSERT_EQUAL(s.head.begin, 1700000000);
    CU_ASSERT_EQUAL(times_noted(&s, "TAG_REPAIRED"), 1);
    done(&s);
}

static void test_unclosed_elements(void)
{
    struct seen s;

    /* IKEA: a schema around it that is never closed */
    read_good(&s, "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\">" REPORT(
                      RECORD("192.0.2.1", "2")));
    CU_ASSERT_EQUAL(s.head.messages, 2);
    done(&s);
    read_good(&s,
        "<feedback><xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\">" METADATA POLICY
            RECORD("192.0.2.1", "3") "</feedback>");
    CU_ASSERT_EQUAL(s.head.messages, 3);
    CU_ASSERT_STRING_EQUAL(s.head.report_id, "id-1");
    done(&s);
    read_good(&s, REPORT("<record>" ROW("192.0.2.1", "4") "<identifiers><header_from>example.com"
                                                          "</identifiers>" RESULTS
                                                          "</record>" RECORD("192.0.2.2", "5")));
    CU_ASSERT_EQUAL(s.head.messages, 9);
    CU_ASSERT_STRING_EQUAL(s.records[0].header_from, "example.com");
    CU_ASSERT_EQUAL(s.records[0].n_dkims, 1);
    CU_ASSERT_EQUAL(s.grade, GRADE_RECOVERED);
    done(&s);
}

/* ---- attacks ---- */

static void test_dtd(void)
{
    expect_refusal("<!DOCTYPE feedback [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>" NAMED("&x;"),
        "dtd-forbidden");
    expect_refusal("<!DOCTYPE feedback>" NAMED("x"), "dtd-forbidden");
    expect_refusal("<!DOCTYPE html><html><body>Error</body></html>", "not-a-report");
}

static void test_depth(void)
{
    struct buf xml;

    buf_init(&xml, 1 << 20);
    (void)buf_adds(&xml, "<feedback>");
    for (int i = 0; i < 1000; i++)
        (void)buf_adds(&xml, "<a>");
    expect_refusal_of(xml.data, xml.len, "limit-depth");
    buf_done(&xml);
}

static void test_long_tags(void)
{
    struct buf xml;

    /* a '>' in a quoted value does not end the tag, and does not hide its length */
    buf_init(&xml, 8 << 20);
    (void)buf_adds(&xml, "<feedback ");
    for (int i = 0; i < 20000; i++)
        (void)buf_printf(&xml, "a%d=\">\" ", i);
    expect_refusal_of(xml.data, xml.len, "limit-token");
    buf_clear(&xml);
    (void)buf_adds(&xml, "<feedback><x ");
    for (int i = 0; i < 100; i++)
        (void)buf_printf(&xml, "a%d='' ", i);
    (void)buf_adds(&xml, "/></feedback>");
    expect_refusal_of(xml.data, xml.len, "limit-token");
    buf_clear(&xml);
    (void)buf_adds(&xml, "<feedback>");
    for (int i = 0; i < 110000; i++)
        (void)buf_printf(&xml, "<e%d/>", i);
    expect_refusal_of(xml.data, xml.len, "limit-token");
    buf_done(&xml);
}

static void test_long_text(void)
{
    struct buf xml;
    struct seen s;

    buf_init(&xml, 8 << 20);
    (void)buf_adds(&xml, "<feedback><report_metadata><org_name>");
    for (int i = 0; i < 100000; i++)
        (void)buf_adds(&xml, "\xC3\xA9");
    (void)buf_adds(&xml, "</org_name><email>a@b.example</email><report_id>1</report_id>" DATES
                         "</report_metadata>" POLICY RECORD("192.0.2.1", "1") "</feedback>");
    CU_ASSERT_EQUAL(read_bytes(&s, xml.data, xml.len), 0);
    CU_ASSERT_EQUAL(strlen(s.head.org_name), LIMIT_FIELD);
    expect_only_note(&s, "TEXT_CUT");
    done(&s);
    buf_done(&xml);
}

static void test_many_results(void)
{
    struct buf xml;
    struct seen s;

    buf_init(&xml, 1 << 20);
    (void)buf_adds(&xml,
        "<feedback>" METADATA POLICY "<record>" ROW("192.0.2.1", "1") IDENTIFIERS "<auth_results>");
    for (int i = 0; i < 150; i++)
        (void)buf_printf(&xml, "<dkim><domain>d%d.example</domain><result>fail</result></dkim>", i);
    (void)buf_adds(&xml, "</auth_results></record></feedback>");
    CU_ASSERT_EQUAL(read_bytes(&s, xml.data, xml.len), 0);
    CU_ASSERT_EQUAL_FATAL(s.records[0].n_dkims, LIMIT_RESULTS);
    CU_ASSERT_STRING_EQUAL(s.records[0].dkims[0].domain, "d0.example");
    CU_ASSERT_EQUAL(times_noted(&s, "RESULTS_CUT"), 50);
    done(&s);
    buf_done(&xml);
}

static void test_no_report(void)
{
    expect_refusal("", "empty");
    expect_refusal(" \r\n ", "empty");
    expect_refusal("unused", "not-a-report");
    expect_refusal("<html><body><p>Not found</p></body></html>", "not-a-report");
    expect_refusal("<Feedback>x</Feedback>", "not-a-report");
    expect_refusal("<feedback></feedback>", "schema-missing");
}

static void test_broken_declarations(void)
{
    static const char *const broken[] = {"<?xml versio", "<?xml version=\"1.0\" encoding=\"utf-8\"",
        "<? xml version=\"1.0\"?>\n", "<?xml version=\"1.0\">\n"};
    struct buf xml;
    struct seen s;

    buf_init(&xml, 4096);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        buf_clear(&xml);
        (void)buf_printf(&xml, "%s" REPORT(RECORD("192.0.2.1", "2")), broken[i]);
        read_good(&s, xml.data);
        CU_ASSERT_EQUAL(s.head.messages, 2);
        expect_only_note(&s, "XML_DECLARATION_BROKEN");
        done(&s);
    }
    buf_done(&xml);
}

/* A wrapper around the records, and one around all of it that nobody closes. */
static void test_odd_structure(void)
{
    struct seen s;

    read_good(
        &s, REPORT("<records>" RECORD("192.0.2.1", "2") RECORD("192.0.2.2", "3") "</records>"));
    CU_ASSERT_EQUAL(s.head.messages, 5);
    expect_only_note(&s, "ELEMENT_UNKNOWN");
    done(&s);
    read_good(&s, "<feedback><xs:schema>" METADATA POLICY RECORD("192.0.2.1", "2") "</feedback>");
    CU_ASSERT_EQUAL(s.head.messages, 2);
    CU_ASSERT_EQUAL(s.grade, GRADE_RECOVERED);
    done(&s);
}

/* libxml2 takes the document as ended when its tags add up. */
static void test_superfluous_end_tags(void)
{
    struct seen s;

    read_good(&s, REPORT(RECORD("192.0.2.1", "2") "</record>" RECORD("192.0.2.2", "3")));
    CU_ASSERT_EQUAL(s.head.messages, 5);
    CU_ASSERT_EQUAL(s.grade, GRADE_RECOVERED);
    CU_ASSERT_EQUAL(times_noted(&s, "TRUNCATED"), 0);
    done(&s);
    read_good(&s,
        "<feedback><report_metadata><org_name>Org</org_name>report_id>id-1</report_id>" DATES
        "</report_metadata>" POLICY RECORD("192.0.2.1", "2") "</feedback>");
    CU_ASSERT_EQUAL(s.head.messages, 2);
    CU_ASSERT_EQUAL(times_noted(&s, "REPORT_ID_MISSING"), 1);
    done(&s);
    /* and what breaks off is still partial */
    CU_ASSERT_EQUAL(
        read_bytes(&s, REPORT(RECORD("192.0.2.1", "2") "</record>" RECORD("192.0.2.2", "3")),
            strlen(REPORT(RECORD("192.0.2.1", "2") "</record>" RECORD("192.0.2.2", "3"))) - 40),
        0);
    CU_ASSERT_EQUAL(s.head.messages, 2);
    CU_ASSERT_EQUAL(s.grade, GRADE_PARTIAL);
    done(&s);
}

/* One good end of the period stands for both; what is out of this age does not. */
static void test_half_a_period(void)
{
    struct seen s;

    read_good(&s, "<feedback><report_metadata><org_name>Org</org_name><email>a@b.example</email>"
                  "<report_id>i</report_id><data_range><begin>-5</begin><end>1700086399</end>"
                  "</data_range></report_metadata>" POLICY RECORD("192.0.2.1", "2") "</feedback>");
    CU_ASSERT_EQUAL(s.head.begin, 1700086399);
    CU_ASSERT_EQUAL(s.head.end, 1700086399);
    CU_ASSERT_EQUAL(times_noted(&s, "DATE_RANGE_ALIAS"), 1);
    CU_ASSERT_TRUE(times_noted(&s, "DATE_ODD") > 0);
    done(&s);
}

/* ---- quirks of records ---- */

static void test_counts_of_records(void)
{
    struct seen s;

    read_good(
        &s, REPORT(RECORD("192.0.2.1", "1,234") RECORD("192.0.2.2", "-5") RECORD("192.0.2.3", "")
                    RECORD("192.0.2.4", "0") RECORD("192.0.2.5", "0x10") "<record/>" RECORD(
                        "192.0.2.6", "9007199254740993") RECORD("192.0.2.7", "2")));
    CU_ASSERT_EQUAL(s.n_records, 4);
    CU_ASSERT_EQUAL(s.head.records, 4);
    CU_ASSERT_EQUAL(s.head.dropped, 4);
    CU_ASSERT_EQUAL(s.records[0].count, 1234);
    CU_ASSERT_EQUAL(s.records[1].count, 0);
    CU_ASSERT_EQUAL(s.records[2].count, INT64_C(1) << 53);
    CU_ASSERT_EQUAL(s.head.messages, INT64_C(1) << 53); /* no sum goes beyond it */
    CU_ASSERT_EQUAL(times_noted(&s, "RECORD_DROPPED"), 4);
    CU_ASSERT_EQUAL(times_noted(&s, "COUNT_CAPPED"), 1);
    CU_ASSERT_EQUAL(times_noted(&s, "COUNT_ZERO"), 1);
    done(&s);
}

static void test_addresses_of_records(void)
{
    static const char *const want[] = {"192.0.2.1", "192.0.2.2", "", "", ""};
    struct seen s;
    char ip[ADDR_TEXT_MAX];

    read_good(&s, REPORT(RECORD("::ffff:192.0.2.1", "1") RECORD("[192.0.2.2]", "1")
                          RECORD("X.X.X.X", "1") RECORD("", "1") RECORD("0300.0.2.1", "1")));
    CU_ASSERT_EQUAL_FATAL(s.n_records, 5);
    for (size_t i = 0; i < 5; i++) {
        addr_format(&s.records[i].source_ip, ip);
        CU_ASSERT_STRING_EQUAL(ip, want[i]);
    }
    CU_ASSERT_STRING_EQUAL(s.records[2].source_ip_sent, "X.X.X.X");
    CU_ASSERT_EQUAL(times_noted(&s, "IP_DECORATED"), 1);
    CU_ASSERT_EQUAL(times_noted(&s, "IP_INVALID"), 2);
    CU_ASSERT_EQUAL(times_noted(&s, "IP_MISSING"), 1);
    done(&s);
}

static void test_from_domains(void)
{
    struct seen s;

#define FROM(domain)                                                    \
    "<record>" ROW("192.0.2.1", "1") "<identities><header_from>" domain \
                                     "</header_from></identities>" RESULTS "</record>"
    read_good(&s, REPORT(FROM("Sub.EXAMPLE.com.") FROM("") FROM("&lt;&gt;") FROM("bob@example.com")
                          FROM("other.example") FROM("=cmd|x")));
    CU_ASSERT_EQUAL_FATAL(s.n_records, 6);
    CU_ASSERT_STRING_EQUAL(s.records[0].header_from, "sub.example.com");
    CU_ASSERT_STRING_EQUAL(s.records[1].header_from, "example.com"); /* the policy domain */
    CU_ASSERT_STRING_EQUAL(s.records[2].header_from, "example.com");
    CU_ASSERT_STRING_EQUAL(s.records[3].header_from, "example.com");
    CU_ASSERT_STRING_EQUAL(s.records[4].header_from, "other.example");
    CU_ASSERT_STRING_EQUAL(s.records[5].header_from, "=cmd|x");
    CU_ASSERT_EQUAL(times_noted(&s, "IDENTIFIERS_ALIAS"), 6);
    CU_ASSERT_EQUAL(times_noted(&s, "HEADER_FROM_MISSING"), 2);
    CU_ASSERT_EQUAL(times_noted(&s, "DOMAIN_IS_ADDRESS"), 2);
    CU_ASSERT_EQUAL(times_noted(&s, "HEADER_FROM_FOREIGN"), 2);
    CU_ASSERT_EQUAL(times_noted(&s, "DOMAIN_ODD"), 1);
    done(&s);
}

static void test_results_of_records(void)
{
    struct seen s;

    read_good(&s, REPORT("<record>" ROW("192.0.2.1", "1") IDENTIFIERS
                      "<auth_results><dkim><domain/><selector/><result/></dkim><dkim/>"
                      "<dkim><domain>a.example</domain><selector/><result>unknown</result></dkim>"
                      "</auth_results><auth_results>"
                      "<spf><scope>helo</scope><result>unknown</result></spf>"
                      "<spf><domain>bounce@b.example</domain><result>pass</result></spf>"
                      "<spf/></auth_results></record>"));
    const struct aggregate_record *r = &s.records[0];
    CU_ASSERT_EQUAL_FATAL(r->n_dkims, 1);
    CU_ASSERT_STRING_EQUAL(r->dkims[0].result, "unknown");
    CU_ASSERT_PTR_NULL(r->dkims[0].selector);
    CU_ASSERT_EQUAL_FATAL(r->n_spfs, 2);
    CU_ASSERT_PTR_NULL(r->spfs[0].domain);
    CU_ASSERT_STRING_EQUAL(r->spfs[0].scope, "helo");
    CU_ASSERT_STRING_EQUAL(r->spfs[0].result, "temperror");
    CU_ASSERT_STRING_EQUAL(r->spfs[1].domain, "b.example");
    CU_ASSERT_STRING_EQUAL(r->spfs[1].domain_sent, "bounce@b.example");
    CU_ASSERT_PTR_NULL(r->spfs[1].scope);
    CU_ASSERT_EQUAL(times_noted(&s, "AUTH_RESULT_EMPTY"), 3);
    CU_ASSERT_EQUAL(times_noted(&s, "AUTH_RESULT_ODD"), 1);
    CU_ASSERT_EQUAL(times_noted(&s, "AUTH_RESULT_ALIAS"), 1);
    done(&s);
}

static void test_reasons(void)
{
    struct seen s;

    read_good(&s,
        REPORT("<record><row><source_ip>192.0.2.1</source_ip><count>1</count>"
               "<policy_evaluated><disposition>none</disposition><dkim>fail</dkim>"
               "<spf>fail</spf><reason/><reason>mailing_list</reason>"
               "<reason><comment>why</comment></reason>"
               "<reason><type>policy_test_mode</type></reason></policy_evaluated></row>" IDENTIFIERS
                   RESULTS "</record>"));
    const struct aggregate_record *r = &s.records[0];
    CU_ASSERT_EQUAL_FATAL(r->n_reasons, 3);
    CU_ASSERT_STRING_EQUAL(r->reasons[0].type, "mailing_list");
    CU_ASSERT_PTR_NULL(r->reasons[1].type);
    CU_ASSERT_STRING_EQUAL(r->reasons[1].comment, "why");
    CU_ASSERT_STRING_EQUAL(r->reasons[2].type, "policy_test_mode");
    CU_ASSERT_EQUAL(s.head.dialect, DIALECT_RFC9990);
    CU_ASSERT_EQUAL(times_noted(&s, "REASON_ODD"), 3);
    done(&s);
}

static void test_rows(void)
{
    struct seen s;

    read_good(&s, REPORT("<record>" ROW("192.0.2.1", "1") ROW("192.0.2.2", "2") IDENTIFIERS RESULTS
                      "</record>"));
    CU_ASSERT_EQUAL_FATAL(s.n_records, 2);
    CU_ASSERT_EQUAL(s.head.messages, 3);
    CU_ASSERT_STRING_EQUAL(s.records[0].source_ip_sent, "192.0.2.1");
    CU_ASSERT_STRING_EQUAL(s.records[1].source_ip_sent, "192.0.2.2");
    CU_ASSERT_STRING_EQUAL(s.records[1].dkims[0].domain, "example.com");
    expect_only_note(&s, "ROWS_REPEATED");
    done(&s);
}

/* The first of two counts, and a repetition that says the same is no contradiction. */
static void test_repeated_elements(void)
{
    struct seen s;

    read_good(&s,
        REPORT(RECORD("192.0.2.1", "1</count><count>2") RECORD("192.0.2.2", "3</count><count>3")));
    CU_ASSERT_EQUAL(s.head.messages, 4);
    expect_only_note(&s, "ELEMENT_REPEATED");
    done(&s);
}

/* ---- quirks of the head ---- */

#define DATED(begin, end)                                                           \
    "<feedback><report_metadata><org_name>Org</org_name><email>a@b.example</email>" \
    "<report_id>1</report_id><date_range><begin>" begin "</begin><end>" end         \
    "</end></date_range></report_metadata>" POLICY RECORD("192.0.2.1", "1") "</feedback>"

static void test_period(void)
{
    static const struct {
        const char *xml;
        int64_t begin, end;
        const char *note;
    } cases[] = {
        {DATED("1700000000", "1700000000"), 1700000000, 1700000000, NULL},
        {DATED(" 1700000000\n", "1700086400"), 1700000000, 1700086400, NULL},
        {DATED("1337270400.0", "1337270500.0"), 1337270400, 1337270500, "DATE_ODD"},
        {DATED("1700086399", "1700000000"), 1700000000, 1700086399, "DATE_SWAPPED"},
        {DATED("1700000000000", "1700086399000"), 1700000000, 1700086399, "DATE_MILLISECONDS"},
        {DATED("2023-11-14T22:13:20Z", "1700086399"), 1700000000, 1700086399, "DATE_ODD"},
        {DATED("1700000000", "1700100000"), 1700000000, 1700100000, "WINDOW_OVER_24H"},
        {DATED("1700000000", ""), 1700000000, 1700000000, "DATE_ODD"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen s;
        read_good(&s, cases[i].xml);
        CU_ASSERT_EQUAL(s.head.begin, cases[i].begin);
        CU_ASSERT_EQUAL(s.head.end, cases[i].end);
        CU_ASSERT_EQUAL(s.head.notes.n, cases[i].note ? 1 : 0);
        CU_ASSERT_TRUE(!cases[i].note || times_noted(&s, cases[i].note) > 0);
        done(&s);
    }
    expect_refusal(DATED("", ""), "value-range");
    expect_refusal(DATED("soon", "1.7e9"), "value-range");
    expect_refusal("<feedback>" POLICY RECORD("192.0.2.1", "1") "</feedback>", "schema-missing");
}

static void test_period_from_hints(void)
{
    const struct report_hints of_file = {
        .file_name = "mx.example!example.com!1600000000!1600086399.xml", .mail_date = 1650000000};
    const struct report_hints of_mail = {.file_name = "report.xml", .mail_date = 1650000000};
    struct seen s;

    read_good_hinted(&s, DATED("", ""), &of_file);
    CU_ASSERT_EQUAL(s.head.begin, 1600000000);
    CU_ASSERT_EQUAL(s.head.end, 1600086399);
    expect_only_note(&s, "DATE_MISSING");
    done(&s);
    read_good_hinted(&s, DATED("0", "1600086300"), &of_file); /* 1970 is no date of a report */
    CU_ASSERT_EQUAL(s.head.begin, 1600000000);
    CU_ASSERT_EQUAL(s.head.end, 1600086300);
    done(&s);
    read_good_hinted(&s, DATED("x", "y"), &of_mail);
    CU_ASSERT_EQUAL(s.head.begin, 1650000000);
    CU_ASSERT_EQUAL(s.head.end, 1650000000);
    done(&s);
    read_good_hinted(&s, DATED("1700000000", "1700086399"), &of_file); /* the report knows best */
    CU_ASSERT_EQUAL(s.head.begin, 1700000000);
    CU_ASSERT_EQUAL(s.head.notes.n, 0);
    done(&s);
}

static void test_report_id(void)
{
    struct seen first;
    struct seen second;

#define WITH_ID(id, ip)                                                                      \
    "<feedback><report_metadata><org_name>Org</org_name><email>a@b.example</email>" id DATES \
    "</report_metadata>" POLICY                                                              \
    RECORD(ip, "1") "</feedback>"
    read_good(&first, WITH_ID("", "192.0.2.1"));
    CU_ASSERT_EQUAL(times_noted(&first, "REPORT_ID_MISSING"), 1);
    CU_ASSERT_EQUAL(first.grade, GRADE_RECOVERED);
    read_good(&second, WITH_ID("<report_id>HASH(0x55d0c8)</report_id>", "192.0.2.1"));
    CU_ASSERT_STRING_EQUAL(second.head.report_id, first.head.report_id);
    done(&second);
    read_good(&second, WITH_ID("<report_id></report_id>", "192.0.2.2"));
    CU_ASSERT_STRING_NOT_EQUAL(second.head.report_id, first.head.report_id);
    done(&second);
    done(&first);
}

#define POLICY_OF(inside)                             \
    "<feedback>" METADATA "<policy_published>" inside \
    "</policy_published>" RECORD("192.0.2.1", "1") RECORD("192.0.2.2", "1") "</feedback>"

static void test_policy_domain(void)
{
    struct seen s;

    read_good(&s, POLICY_OF("<domain></domain><p>none</p>"));
    CU_ASSERT_STRING_EQUAL(s.head.policy.domain, "example.com");
    expect_only_note(&s, "POLICY_DOMAIN_MISSING");
    CU_ASSERT_EQUAL(s.grade, GRADE_RECOVERED);
    done(&s);
    expect_refusal(
        "<feedback>" METADATA RECORD("192.0.2.1", "1") "<record>" ROW("192.0.2.2",
            "1") "<identifiers><header_from>b.example</header_from></identifiers></record>"
                 "</feedback>",
        "schema-missing");
    expect_refusal("<feedback>" METADATA "</feedback>", "schema-missing");
}

static void test_policy_words(void)
{
    struct seen s;

    read_good(&s, POLICY_OF("<domain>example.com</domain><p>REJECT;</p><sp>nil</sp><pct>100%</pct>"
                            "<adkim></adkim>"));
    CU_ASSERT_STRING_EQUAL(s.head.policy.p, "reject");
    CU_ASSERT_PTR_NULL(s.head.policy.sp);
    CU_ASSERT_STRING_EQUAL(s.head.policy.sp_sent, "nil");
    CU_ASSERT_STRING_EQUAL(s.head.policy.pct, "100");
    CU_ASSERT_PTR_NULL(s.head.policy.adkim);
    CU_ASSERT_EQUAL(times_noted(&s, "SP_ODD"), 1);
    CU_ASSERT_EQUAL(times_noted(&s, "PCT_ODD"), 1);
    CU_ASSERT_EQUAL(s.head.notes.n, 2);
    done(&s);
    read_good(&s, POLICY_OF("<domain>example.com</domain><sp/><pct>101</pct>"));
    CU_ASSERT_PTR_NULL(s.head.policy.p);
    CU_ASSERT_PTR_NULL(s.head.policy.pct);
    CU_ASSERT_EQUAL(times_noted(&s, "P_MISSING"), 1);
    CU_ASSERT_EQUAL(times_noted(&s, "SP_EMPTY"), 1);
    done(&s);
    read_good(&s, "<feedback>" METADATA POLICY
                  "<policy_published><domain>b.example</domain><p>reject</p><sp>reject</sp>"
                  "</policy_published>" RECORD("192.0.2.1", "1") "</feedback>");
    CU_ASSERT_STRING_EQUAL(s.head.policy.domain, "example.com");
    CU_ASSERT_STRING_EQUAL(s.head.policy.p, "none");
    CU_ASSERT_PTR_NULL(s.head.policy.sp); /* not mixed */
    expect_only_note(&s, "POLICY_REPEATED");
    done(&s);
}

static void test_no_records(void)
{
    struct seen s;

    read_good(&s, REPORT(""));
    CU_ASSERT_EQUAL(s.head.records, 0);
    CU_ASSERT_EQUAL(s.grade, GRADE_NORMALISED);
    expect_only_note(&s, "NO_RECORDS");
    done(&s);
}

/* ---- streaming ---- */

static void make_large(struct buf *xml, const char *before, const char *after)
{
    buf_init(xml, 8 << 20);
    (void)buf_adds(xml, before);
    for (int i = 0; i < 4000; i++)
        (void)buf_printf(xml, RECORD("192.0.2.%d", "2"), i % 200);
    (void)buf_adds(xml, after);
}

static void test_large_is_streamed(void)
{
    struct buf xml;
    struct seen s;

    make_large(&xml, "<feedback>" METADATA POLICY, "</feedback>");
    CU_ASSERT_EQUAL(read_bytes(&s, xml.data, xml.len), 0);
    CU_ASSERT_EQUAL(s.feeds, 1);
    CU_ASSERT_TRUE(s.fed_before_begin < xml.len / 2);
    CU_ASSERT_EQUAL(s.n_records, 4000);
    CU_ASSERT_EQUAL(s.head.records, 4000);
    CU_ASSERT_EQUAL(s.head.messages, 8000);
    CU_ASSERT_EQUAL(s.grade, GRADE_CLEAN);
    done(&s);
    /* cut off after it was begun */
    CU_ASSERT_EQUAL(read_bytes(&s, xml.data, xml.len - 30), 0);
    CU_ASSERT_EQUAL(s.head.records, 3999);
    CU_ASSERT_EQUAL(s.ended, 1);
    CU_ASSERT_EQUAL(s.grade, GRADE_PARTIAL);
    done(&s);
    buf_done(&xml);
}

static void test_late_head(void)
{
    struct buf xml;
    struct seen s;

    make_large(&xml, "<feedback>", METADATA POLICY POLICY "</feedback>");
    CU_ASSERT_EQUAL(read_bytes(&s, xml.data, xml.len), 0);
    CU_ASSERT_EQUAL(s.feeds, 2);
    CU_ASSERT_EQUAL(s.begun, 1);
    CU_ASSERT_EQUAL(s.n_records, 4000);
    CU_ASSERT_EQUAL(s.head.messages, 8000);
    CU_ASSERT_STRING_EQUAL(s.head.report_id, "id-1");
    expect_only_note(&s, "POLICY_REPEATED");
    done(&s);
    buf_done(&xml);
    /* the From domain stands in for a policy domain only if all records have it */
    make_large(&xml, "<feedback>" METADATA, "</feedback>");
    CU_ASSERT_EQUAL(read_bytes(&s, xml.data, xml.len), 0);
    CU_ASSERT_STRING_EQUAL(s.head.policy.domain, "example.com");
    CU_ASSERT_EQUAL(s.head.records, 4000);
    done(&s);
    buf_done(&xml);
    make_large(&xml, "<feedback>" METADATA,
        "<record>" ROW("192.0.2.1", "1") "<identifiers><header_from>b.example</header_from>"
                                         "</identifiers></record></feedback>");
    expect_refusal_of(xml.data, xml.len, "schema-missing");
    buf_done(&xml);
}

static void test_sink_answers(void)
{
    struct limits limits = limits_default();
    struct aggregate_reader *r = aggregate_reader_new(&limits);
    struct buf xml;
    struct seen s;

    make_large(&xml, "<feedback>" METADATA POLICY, "</feedback>");
    seen_init(&s);
    s.answer = FLOW_SKIP;
    CU_ASSERT_EQUAL(read_with(r, &s, xml.data, xml.len, &no_hints), 0);
    CU_ASSERT_EQUAL(s.begun, 1);
    CU_ASSERT_EQUAL(s.n_records, 0);
    done(&s);
    seen_init(&s);
    s.refuse_record = true;
    CU_ASSERT_EQUAL(read_with(r, &s, xml.data, xml.len, &no_hints), ERR_TEMPORARY);
    CU_ASSERT_STRING_EQUAL(s.error.tag, "disk");
    CU_ASSERT_EQUAL(s.ended, 0);
    done(&s);
    seen_init(&s); /* and the reader goes on to be good for another document */
    CU_ASSERT_EQUAL(read_with(r, &s, full, strlen(full), &no_hints), 0);
    CU_ASSERT_EQUAL(s.head.messages, 12);
    done(&s);
    buf_done(&xml);
    aggregate_reader_free(r);
}

static void test_record_limit(void)
{
    struct limits limits = limits_default();
    static const char xml[] = REPORT(RECORD("192.0.2.1", "1") RECORD("192.0.2.2", "1"));
    struct seen s;

    limits.records = 1;
    struct aggregate_reader *r = aggregate_reader_new(&limits);
    seen_init(&s);
    CU_ASSERT_EQUAL(read_with(r, &s, xml, strlen(xml), &no_hints), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(s.error.tag, "limit-records");
    CU_ASSERT_EQUAL(s.begun, 0);
    done(&s);
    aggregate_reader_free(r);
}

/* One <record> is not a way around the limit on records, nor around memory. */
static void test_row_limit(void)
{
    static const char row[] = "<row><source_ip>192.0.2.1</source_ip><count>1</count></row>";
    struct seen s;
    struct buf xml;

    buf_init(&xml, 1 << 20);
    (void)buf_adds(&xml, "<feedback>" METADATA POLICY "<record>");
    for (int i = 0; i < LIMIT_ROWS; i++)
        (void)buf_adds(&xml, row);
    size_t allowed = xml.len;
    (void)buf_adds(&xml, "</record></feedback>");
    CU_ASSERT_EQUAL(read_bytes(&s, xml.data, xml.len), 0);
    CU_ASSERT_EQUAL(s.head.records, LIMIT_ROWS);
    CU_ASSERT_EQUAL(s.head.messages, LIMIT_ROWS);
    done(&s);
    xml.len = allowed;
    (void)buf_adds(&xml, row);
    (void)buf_adds(&xml, "</record></feedback>");
    expect_refusal_of(xml.data, xml.len, "limit-records");
    buf_done(&xml);
}

static void test_reader_is_used_again(void)
{
    static const char *const bad[] = {"<!DOCTYPE x>" NAMED("x"), "<feedback><a", "no xml at all",
        "<feedback>" METADATA, NAMED("a < b")};
    struct limits limits = limits_default();
    struct aggregate_reader *r = aggregate_reader_new(&limits);

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct seen s;
        seen_init(&s);
        (void)read_with(r, &s, bad[i], strlen(bad[i]), &no_hints);
        done(&s);
        seen_init(&s);
        CU_ASSERT_EQUAL(read_with(r, &s, full, strlen(full), &no_hints), 0);
        CU_ASSERT_EQUAL(s.head.messages, 12);
        CU_ASSERT_EQUAL(s.head.n_errors, 2);
        CU_ASSERT_EQUAL(times_noted(&s, "XML_MALFORMED"), 0);
        done(&s);
    }
    aggregate_reader_free(r);
}

/* However the bytes are cut into pieces. */
static void test_pieces(void)
{
    static const char xml[] = "\xEF\xBB\xBF \n<?xml version=\"1.0\"?>" NAMED(
        "\xE2\x82\xAC A < B &amp; C&D <x@y.example>");
    struct limits limits = limits_default();
    struct aggregate_reader *r = aggregate_reader_new(&limits);

    for (size_t piece = 1; piece < 40; piece++) {
        struct seen s;
        int result = AGGREGATE_AGAIN;
        seen_init(&s);
        aggregate_start(r, &s.sink, &no_hints);
        while (result == AGGREGATE_AGAIN && s.feeds < 4)
            result = feed(r, &s, xml, sizeof xml - 1, piece);
        CU_ASSERT_EQUAL(result, 0);
        CU_ASSERT_STRING_EQUAL(s.head.org_name, "\xE2\x82\xAC A < B & C&D <x@y.example>");
        CU_ASSERT_EQUAL(s.head.messages, 1);
        CU_ASSERT_EQUAL(s.head.notes.n, 2); /* LEADING_JUNK, XML_MALFORMED */
        done(&s);
    }
    aggregate_reader_free(r);
}

const char unit_suite[] = "aggregate";
const struct unit_test unit_tests[] = {
    {"head", test_head},
    {"policy", test_policy},
    {"record", test_record},
    {"nothing is invented", test_nothing_invented},
    {"verdict words", test_verdict_words},
    {"order does not matter", test_order_does_not_matter},
    {"capitals and prefixes", test_capitals_and_prefixes},
    {"namespaces", test_namespaces},
    {"extensions", test_extensions},
    {"text in pieces", test_text_in_pieces},
    {"single-byte encodings", test_single_byte_encodings},
    {"encoding declared wrong", test_declared_wrong},
    {"wide encodings", test_wide_encodings},
    {"junk around it", test_junk_around},
    {"NUL inside", test_nul_inside},
    {"several reports", test_several_reports},
    {"second report damaged", test_second_report_damaged},
    {"too many reports", test_too_many_reports},
    {"cut off", test_cut_off},
    {"cut off anywhere", test_cut_anywhere},
    {"unescaped text", test_unescaped_text},
    {"unescaped too late", test_unescaped_too_late},
    {"half a closing tag", test_half_closed_tag},
    {"unclosed elements", test_unclosed_elements},
    {"DTD", test_dtd},
    {"depth", test_depth},
    {"long tags", test_long_tags},
    {"long text", test_long_text},
    {"many results", test_many_results},
    {"no report", test_no_report},
    {"broken declarations", test_broken_declarations},
    {"odd structure", test_odd_structure},
    {"superfluous end tags", test_superfluous_end_tags},
    {"half a period", test_half_a_period},
    {"counts", test_counts_of_records},
    {"addresses", test_addresses_of_records},
    {"From domains", test_from_domains},
    {"results", test_results_of_records},
    {"reasons", test_reasons},
    {"rows", test_rows},
    {"repeated elements", test_repeated_elements},
    {"period", test_period},
    {"period from hints", test_period_from_hints},
    {"report id", test_report_id},
    {"policy domain", test_policy_domain},
    {"policy words", test_policy_words},
    {"no records", test_no_records},
    {"large reports are streamed", test_large_is_streamed},
    {"late head", test_late_head},
    {"answers of the sink", test_sink_answers},
    {"limit of records", test_record_limit},
    {"rows of one record are limited", test_row_limit},
    {"the reader is used again", test_reader_is_used_again},
    {"pieces", test_pieces},
    {NULL, NULL},
};
