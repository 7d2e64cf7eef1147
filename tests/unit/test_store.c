/*
 * The store keeps one contract on both backends: each case runs on a fresh SQLite file, and on
 * PostgreSQL too when TEST_PG_URL names a database in which a schema may be made (and dropped).
 */
#include "base/arena.h"
#include "store/auth.h"
#include "store/checks.h"
#include "store/core.h"
#include "store/db.h"
#include "store/pack.h"
#include "store/sql.h"
#include "store/store.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char unit_suite[] = "store";

enum {
    MONDAY = 20773, /* 2026-11-16 */
    DAY = 86400
};

/* ---- a store, and a second connection that looks behind its back ---- */

static char url[512];
static struct store *store;
static struct db_conn behind;

static void expect(int got, int wanted, const struct err *e)
{
    if (got != wanted)
        printf("\n    got %d, wanted %d: %s", got, wanted, got < 0 ? e->text : "");
    CU_ASSERT_EQUAL(got, wanted);
}

static void same_number(int64_t got, int64_t wanted, const char *what)
{
    if (got != wanted)
        printf("\n    %s: got %" PRId64 ", wanted %" PRId64, what, got, wanted);
    CU_ASSERT_EQUAL(got, wanted);
}

static void same_text(const char *got, const char *wanted)
{
    const char *a = got ? got : "<null>";
    const char *b = wanted ? wanted : "<null>";

    if (strcmp(a, b) != 0)
        printf("\n    got \"%s\", wanted \"%s\"", a, b);
    CU_ASSERT_STRING_EQUAL(a, b);
}

static void script(const char *sql)
{
    struct err e;

    expect(behind.driver->script(behind.db, sql, &e), 0, &e);
}

static int64_t number(const char *sql)
{
    struct err e;
    int64_t n = -1;

    expect(db_one_int(&behind, sql, NULL, 0, &n, &e), DB_ROW, &e);
    return n;
}

static void connect_behind(void)
{
    struct err e;

    behind.driver = db_driver_for(url);
    expect(behind.driver->open(&behind.db, url, &e), 0, &e);
}

static void disconnect_behind(void)
{
    behind.driver->close(behind.db);
    behind.db = NULL;
}

static void use_sqlite(char *file)
{
    int fd = mkstemp(file);

    CU_ASSERT_FATAL(fd >= 0);
    (void)close(fd);
    (void)snprintf(url, sizeof url, "sqlite:%s", file);
}

static void use_postgres(const char *base)
{
    (void)snprintf(url, sizeof url, "%s", base);
    connect_behind();
    script("DROP SCHEMA IF EXISTS dm_store_test CASCADE");
    script("CREATE SCHEMA dm_store_test");
    disconnect_behind();
    (void)snprintf(url, sizeof url, "%s%coptions=-csearch_path%%3Ddm_store_test", base,
        strchr(base, '?') ? '&' : '?');
}

static void run_case(void (*test)(void))
{
    struct err e;

    expect(store_open(&store, url, &e), 0, &e);
    connect_behind();
    if (store) {
        store_set_policy(store, &(struct store_policy){.failure_data = FAILURE_DATA_FULL});
        test();
    }
    disconnect_behind();
    store_close(store);
    store = NULL;
}

/* Batches are handed over, and small, so that there are some. */
static bool hand_over;

static void on_each_database(void (*test)(void))
{
    char file[] = "/tmp/dmarcmill-store-XXXXXX";
    char more[64];
    const char *base = getenv("TEST_PG_URL"); /* NOLINT(concurrency-mt-unsafe): one thread */

    use_sqlite(file);
    run_case(test);
    (void)unlink(file);
    (void)snprintf(more, sizeof more, "%s-wal", file);
    (void)unlink(more);
    (void)snprintf(more, sizeof more, "%s-shm", file);
    (void)unlink(more);
    if (base && *base) {
        use_postgres(base);
        run_case(test);
    }
}

static void on_each(void (*test)(void))
{
    hand_over = false;
    on_each_database(test);
    hand_over = true;
    on_each_database(test);
}

/* ---- messages ---- */

static struct sink *writer;
static uint64_t next_message;
static unsigned long announced; /* one hexadecimal digit per `committed` call: outcome + 1 */

static enum message_kind told_kind; /* with the last of them */

static int on_commit(
    void *context, uint64_t id, enum outcome o, enum message_kind kind, struct err *e)
{
    (void)context;
    told_kind = kind;
    (void)id;
    (void)e;
    announced = announced * 16 + (unsigned long)o + 1;
    return 0;
}

static void open_writer(unsigned messages, uint64_t bytes)
{
    struct store_writer_settings set = {
        .batch_messages = messages, .batch_bytes = bytes, .committed = on_commit};
    struct err e;

    if (hand_over) {
        set.ahead = true;
        set.batch_messages = 2;
    }
    announced = 0;
    expect(store_writer_open(&writer, store, &set, &e), 0, &e);
}

static struct store_summary close_writer(void)
{
    struct err e;

    expect(store_writer_flush(writer, &e), 0, &e);
    struct store_summary s = *store_writer_summary(writer);
    same_number(s.messages,
        s.stored + s.duplicate + s.conflict + s.not_a_report + s.partial + s.rejected, "sum");
    store_writer_close(writer);
    writer = NULL;
    return s;
}

/* Two messages with the same text have the same bytes. */
static struct message_info info_of(const char *text)
{
    struct message_info m = {
        .id = ++next_message, .source = "", .key = text, .name = text, .date = -1};
    (void)snprintf((char *)m.sha256, sizeof m.sha256, "%s", text);
    m.bytes = strlen(text);
    return m;
}

static int begin_message(const char *text)
{
    struct message_info m = info_of(text);
    struct err e;
    int got = writer->ops->message_begin(writer, &m, &e);

    expect(got < 0 ? got : 0, 0, &e);
    return got;
}

static void end_message(enum outcome o)
{
    struct err e;

    expect(writer->ops->message_end(writer, o, NULL, &e), 0, &e);
}

static void begin_payload(const char *bytes, const char *container)
{
    struct blob blob = blob_of_memory(bytes, strlen(bytes));
    struct payload_info p = {.name = "report", .bytes = &blob, .container = container};
    struct err e;

    (void)snprintf((char *)p.sha256, sizeof p.sha256, "%s", bytes);
    expect(writer->ops->payload_begin(writer, &p, &e), 0, &e);
}

static void end_payload(void)
{
    struct err e;

    expect(writer->ops->payload_end(writer, &e), 0, &e);
}

/* ---- reports ---- */

struct sample {
    const char *domain, *id;
    int day; /* after MONDAY */
    int records;
    int64_t count; /* of each record */
    enum grade grade;
    const char *generator;
};

static struct aggregate_record record_of(int n, int64_t count)
{
    static struct auth_result dkims[2];
    static struct auth_result spf;
    static char domain[64];
    static struct override_reason reason;

    (void)snprintf(domain, sizeof domain, "s%d.example.net", n % 7);
    dkims[0] = (struct auth_result){
        .domain = "example.com", .selector = "s1", .result = "pass", .result_sent = "Pass"};
    dkims[1] = (struct auth_result){
        .domain = domain, .result = "fail", .human_result = "bad\tsignature\\"};
    spf = (struct auth_result){.domain = domain, .scope = "mfrom", .result = "softfail"};
    reason = (struct override_reason){.type = "forwarded", .comment = "arc=pass"};
    struct aggregate_record r = {
        .source_ip = {.len = 4, .bytes = {192, 0, 2, (unsigned char)(n % 250 + 1)}},
        .count = count,
        .disposition = n % 3 == 0 ? DISPOSITION_NONE : DISPOSITION_QUARANTINE,
        .dkim = n % 3 == 0 ? VERDICT_PASS : VERDICT_FAIL,
        .spf = VERDICT_FAIL,
        .header_from = "example.com",
        .header_from_sent = "Example.COM",
        .envelope_from = n % 2 ? "" : NULL,
        .dkims = dkims,
        .n_dkims = 2,
        .spfs = &spf,
        .n_spfs = 1,
        .reasons = &reason,
        .n_reasons = n % 5 == 4,
    };
    return r;
}

static struct note one_note = {.code = "SP_EMPTY", .times = 1};

static struct aggregate_report report_of(const struct sample *s)
{
    int64_t begin = ((int64_t)MONDAY + s->day) * DAY;
    struct aggregate_report r = {
        .dialect = DIALECT_RFC7489,
        .org_name = "Example Org",
        .email = "noreply@reporter.example",
        .reporter = "reporter.example",
        .report_id = s->id,
        .report_id_sent = s->id,
        .generator = s->generator,
        .begin = begin,
        .end = begin + DAY - 1,
        .policy = {.domain = s->domain, .p = "none", .p_sent = "NONE", .adkim = "r"},
        .records = s->records,
        .grade = s->grade,
        .notes = {.items = &one_note, .n = 1},
    };
    return r;
}

static int try_report(const struct sample *s, struct err *e)
{
    struct aggregate_report r = report_of(s);
    int got = writer->ops->aggregate_begin(writer, &r, e);

    for (int n = 0; n < s->records && got == 0; n++) {
        struct aggregate_record record = record_of(n, s->count);
        got = writer->ops->aggregate_record(writer, &record, e);
    }
    return got == 0 ? writer->ops->aggregate_end(writer, &r, e) : got;
}

static void give_report(const struct sample *s)
{
    struct err e;

    expect(try_report(s, &e), 0, &e);
}

/* A message with one report in one payload. */
static void give(const char *text, const struct sample *s)
{
    if (begin_message(text) == FLOW_SKIP)
        return;
    begin_payload(text, "xml");
    give_report(s);
    end_payload();
    end_message(s->grade == GRADE_PARTIAL ? OUTCOME_PARTIAL : OUTCOME_STORED);
}

/* The same in a writer of its own. */
static struct store_summary give_alone(const char *text, const struct sample *s)
{
    open_writer(0, 0);
    give(text, s);
    return close_writer();
}

static const struct sample three = {
    .domain = "example.com", .id = "r1", .records = 3, .count = 2, .grade = GRADE_NORMALISED};

/* ---- what the store says ---- */

struct totals {
    int64_t reports, records, messages, rows, passed;
    const char *only_client;
    bool mixed;
};

static int add_report(void *context, const struct store_report_row *r)
{
    struct totals *t = context;

    t->reports++;
    t->mixed = t->mixed || !r->counts;
    return 0;
}

static int add_source(void *context, const struct store_source_row *r)
{
    struct totals *t = context;

    t->rows++;
    t->records += r->records;
    t->messages += r->messages;
    if (r->dkim == VERDICT_PASS || r->spf == VERDICT_PASS)
        t->passed += r->messages;
    return 0;
}

static struct totals totals_of(const char *client, const char *domain)
{
    struct store_period p = {.client = client, .domain = domain, .from = MONDAY, .to = MONDAY + 6};
    struct totals t = {0};
    struct err e;

    expect(store_reports(store, &p, false, add_report, &t, &e), 0, &e);
    expect(store_sources(store, &p, add_source, &t, &e), 0, &e);
    return t;
}

static void expect_totals(
    const char *client, const char *domain, int64_t reports, int64_t records, int64_t messages)
{
    struct totals t = totals_of(client, domain);

    same_number(t.reports, reports, "reports");
    same_number(t.records, records, "records");
    same_number(t.messages, messages, "messages");
    CU_ASSERT_FALSE(t.mixed);
}

static void print_fault(void *context, const char *what)
{
    int *faults = context;

    if (*faults >= 0)
        printf("\n    verify: %s", what);
    *faults += *faults >= 0 ? 1 : -1;
}

static void expect_sound(void)
{
    int faults = 0;
    int64_t checked = 0;
    struct err e;

    expect(store_verify(store, print_fault, &faults, &checked, &e), 0, &e);
    same_number(faults, 0, "faults");
    same_number(checked, number("SELECT COUNT(*) FROM report"), "checked");
}

static void assign(const char *domain, const char *client)
{
    struct store_assignment a = {domain, client};
    struct err e;

    expect(store_domains_assign(store, &a, 1, &e), 0, &e);
}

/* ---- cases: packing ---- */

static void packing_comes_back_as_it_was(void)
{
    struct arena *a = arena_new();
    struct aggregate_record r = record_of(4, 1);
    struct auth_results back;
    struct buf b;
    size_t n = 0;

    buf_init(&b, 4096);
    CU_ASSERT_EQUAL(auth_pack(&b, &r), 0);
    same_text(b.data, "dkim\texample.com\ts1\tpass\t\\N\t\\N\tPass\n"
                      "dkim\ts4.example.net\t\\N\tfail\tbad\\tsignature\\\\\n"
                      "spf\ts4.example.net\tmfrom\tsoftfail\n");
    auth_unpack(a, b.data, &back);
    CU_ASSERT_EQUAL_FATAL(back.n_dkims, 2);
    CU_ASSERT_EQUAL_FATAL(back.n_spfs, 1);
    same_text(back.dkims[0].selector, "s1");
    same_text(back.dkims[0].result_sent, "Pass");
    same_text(back.dkims[0].domain_sent, NULL);
    same_text(back.dkims[1].selector, NULL);
    same_text(back.dkims[1].human_result, "bad\tsignature\\");
    same_text(back.spfs[0].scope, "mfrom");
    buf_clear(&b);
    CU_ASSERT_EQUAL(reasons_pack(&b, &r), 0);
    struct override_reason *reasons = reasons_unpack(a, b.data, &n);
    CU_ASSERT_EQUAL_FATAL(n, 1);
    same_text(reasons[0].type, "forwarded");
    same_text(reasons[0].comment, "arc=pass");
    buf_done(&b);
    arena_free(a);
}

/* "Not there" and "there and empty" are two things. */
static void packing_keeps_empty_fields(void)
{
    static const char *const rows[][2] = {
        {"", NULL}, {NULL, NULL}, {NULL, ""}, {"a", NULL}, {"a", ""}};
    struct arena *a = arena_new();
    struct buf b;

    buf_init(&b, 100);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CU_ASSERT_EQUAL(pack_row(&b, rows[i], 2), 0);
    const char *at = b.data;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *back[2];
        CU_ASSERT_TRUE_FATAL(unpack_row(a, &at, back, 2));
        same_text(back[0], rows[i][0]);
        same_text(back[1], rows[i][1]);
    }
    buf_clear(&b);
    CU_ASSERT_EQUAL(pack_if_differs(&b, "p", "none", "none"), 0);
    CU_ASSERT_EQUAL(pack_if_differs(&b, "p", NULL, NULL), 0);
    CU_ASSERT_EQUAL(b.len, 0);
    CU_ASSERT_EQUAL(pack_if_differs(&b, "p", "none", "NONE"), 0);
    CU_ASSERT_EQUAL(pack_if_differs(&b, "id", "made up", NULL), 0);
    same_text(b.data, "p\tNONE\nid\n");
    buf_done(&b);
    arena_free(a);
}

static void packing_takes_any_text(void)
{
    static const char *const odd[] = {
        "", "\n", "\t\t\t\n", "x\\", "\\N\n\n\\N", "dkim", "a\tb\tc\td\te\tf\tg\th\ti\n"};
    struct arena *a = arena_new();
    struct auth_results r;
    struct buf b;

    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        auth_unpack(a, odd[i], &r);
    CU_ASSERT_EQUAL(r.n_spfs, 1);
    same_text(r.spfs[0].result, "d");
    auth_unpack(a, NULL, &r);
    CU_ASSERT_EQUAL(r.n_dkims + r.n_spfs, 0);
    buf_init(&b, 4); /* a row that does not fit leaves nothing behind */
    CU_ASSERT_EQUAL(pack_row(&b, (const char *const[]){"ab", "cd"}, 2), -1);
    CU_ASSERT_EQUAL(b.len, 0);
    buf_done(&b);
    arena_free(a);
}

/* ---- cases: writing ---- */

static int look_at_report(void *context, const struct store_report_row *r)
{
    int *seen = context;

    same_text(r->client, "unassigned");
    same_text(r->domain, "example.com");
    same_text(r->reporter, "reporter.example");
    same_text(r->org_name, "Example Org");
    same_text(r->report_id, "r1");
    same_text(r->p, "none");
    same_text(r->sp, NULL);
    same_text(r->adkim, "r");
    same_text(r->grade, "normalised");
    same_text(r->notes, "SP_EMPTY");
    same_number(r->begin, (int64_t)MONDAY * DAY, "begin");
    same_number(r->records, 3, "records");
    same_number(r->messages, 6, "messages");
    ++*seen;
    return 0;
}

static int look_at_source(void *context, const struct store_source_row *r)
{
    int *seen = context;

    CU_ASSERT_EQUAL(r->source_ip.len, 4);
    CU_ASSERT_EQUAL(r->source_ip.bytes[3], *seen + 1);
    same_text(r->header_from, "example.com");
    same_text(r->envelope_from, *seen == 1 ? "" : NULL);
    CU_ASSERT_EQUAL(r->dkim, *seen == 0 ? VERDICT_PASS : VERDICT_FAIL);
    CU_ASSERT_EQUAL(r->disposition, *seen == 0 ? DISPOSITION_NONE : DISPOSITION_QUARANTINE);
    CU_ASSERT_PTR_NOT_NULL(strstr(r->auth, *seen == 0 ? "s0.example.net" : "example.net"));
    same_text(r->reasons, NULL);
    same_number(r->messages, 2, "messages");
    CU_ASSERT_PTR_NOT_NULL(r->reporter);
    ++*seen;
    return 0;
}

static void stored_report_is_read_back_case(void)
{
    struct store_period p = {.from = MONDAY, .to = MONDAY};
    struct store_summary s = give_alone("m1", &three);
    int reports = 0;
    int sources = 0;
    struct err e;

    same_number(s.stored, 1, "stored");
    same_number(s.reports_new, 1, "new");
    same_number(s.records, 3, "records");
    same_number((int64_t)announced, OUTCOME_STORED + 1, "announced");
    expect(store_reports(store, &p, false, look_at_report, &reports, &e), 0, &e);
    expect(store_sources(store, &p, look_at_source, &sources, &e), 0, &e);
    same_number(reports, 1, "reports");
    same_number(sources, 3, "sources");
    p.from = p.to = MONDAY + 1;
    expect(store_reports(store, &p, false, look_at_report, &reports, &e), 0, &e);
    same_number(reports, 1, "reports of another day");
    same_number(
        number("SELECT COUNT(*) FROM report WHERE sent = 'begin\nend\ndomain\nadkim\np\tNONE\n'"),
        1, "as sent");
    same_number(number("SELECT COUNT(*) FROM v_record WHERE source = '192.0.2.1'"), 1, "v_record");
    same_number(number("SELECT COUNT(*) FROM v_record WHERE dmarc = 'pass'"), 1, "dmarc");
    same_number(number("SELECT COUNT(*) FROM v_auth_result"), 9, "v_auth_result");
    same_number(number("SELECT COUNT(*) FROM v_report WHERE client = 'unassigned'"), 1, "v_report");
    expect_sound();
}

static void stored_report_is_read_back(void)
{
    on_each(stored_report_is_read_back_case);
}

static void copies_are_duplicates_case(void)
{
    /* the same bytes in the same batch, the same report in other bytes, in the same batch and later
     */
    open_writer(0, 0);
    give("m1", &three);
    give("m1", &three);
    give("m2", &three);
    struct store_summary s = close_writer();
    same_number(s.messages, 3, "messages");
    same_number(s.stored, 1, "stored");
    same_number(s.duplicate, 2, "duplicate");
    same_number(s.reports_duplicate, 2, "reports");
    s = give_alone("m3", &three);
    same_number(s.duplicate, 1, "later");
    s = give_alone("m2", &three);
    same_number(s.duplicate, 1, "known duplicate");
    same_number(s.reports_duplicate, 1, "its report");
    same_number(number("SELECT COUNT(*) FROM message"), 3, "ledger");
    same_number(number("SELECT COUNT(*) FROM payload"), 1, "only the first payload is kept");
    expect_totals("unassigned", NULL, 1, 3, 6);
    expect_sound();
}

static void copies_are_duplicates(void)
{
    on_each(copies_are_duplicates_case);
}

static void order_does_not_matter_case(void)
{
    struct aggregate_report r = report_of(&three);
    struct err e;

    (void)give_alone("m1", &three);
    open_writer(0, 0);
    CU_ASSERT_EQUAL(begin_message("m2"), FLOW_GO_ON);
    begin_payload("other order", "xml");
    expect(writer->ops->aggregate_begin(writer, &r, &e), 0, &e);
    for (int n = 2; n >= 0; n--) {
        struct aggregate_record record = record_of(n, 2);
        record.header_from_sent = "EXAMPLE.com"; /* nor does the spelling */
        expect(writer->ops->aggregate_record(writer, &record, &e), 0, &e);
    }
    expect(writer->ops->aggregate_end(writer, &r, &e), 0, &e);
    end_payload();
    end_message(OUTCOME_STORED);
    struct store_summary s = close_writer();
    same_number(s.duplicate, 1, "duplicate");
    same_number(s.conflict, 0, "conflict");
}

static void order_does_not_matter(void)
{
    on_each(order_does_not_matter_case);
}

static int take_reject(void *context, const struct store_reject *r)
{
    struct store_reject *out = context;

    *out = *r;
    out->class = strcmp(r->class, "conflict") == 0  ? "conflict"
                 : strcmp(r->class, "partial") == 0 ? "partial"
                                                    : "other";
    return 0;
}

static void other_content_is_a_conflict_case(void)
{
    struct sample other = three;
    struct store_reject r = {0};
    struct err e;

    other.count = 5;
    (void)give_alone("m1", &three);
    struct store_summary s = give_alone("m2", &other);
    same_number(s.conflict, 1, "conflict");
    same_number(s.reports_conflict, 1, "report");
    same_number(s.records, 0, "records");
    expect_totals("unassigned", NULL, 1, 3, 6);
    same_number(number("SELECT COUNT(*) FROM payload"), 2, "its payload is kept");
    expect(store_rejects(store, 0, take_reject, &r, &e), 0, &e);
    same_text(r.class, "conflict");
    CU_ASSERT_TRUE(r.raw_kept);
    CU_ASSERT_FALSE(r.partial);
    expect_sound();
}

static void other_content_is_a_conflict(void)
{
    on_each(other_content_is_a_conflict_case);
}

static void partial_waits_for_complete_case(void)
{
    struct sample cut = three;
    struct store_reject r = {0};
    struct store_period all = {.from = MONDAY, .to = MONDAY};
    struct totals t = {0};
    struct err e;

    cut.records = 2;
    cut.grade = GRADE_PARTIAL;
    struct store_summary s = give_alone("cut", &cut);
    same_number(s.partial, 1, "partial");
    same_number(s.reports_partial, 1, "report");
    same_number(s.reports_new, 0, "new");
    expect_totals("unassigned", NULL, 0, 0, 0);
    expect(store_reports(store, &all, true, add_report, &t, &e), 0, &e);
    same_number(t.reports, 1, "with partial");
    expect(store_rejects(store, 0, take_reject, &r, &e), 0, &e);
    same_text(r.class, "partial");
    CU_ASSERT_TRUE(r.partial);

    s = give_alone("cut again", &cut);
    same_number(s.duplicate, 1, "the same cut is a duplicate");
    s = give_alone("whole", &three);
    same_number(s.stored, 1, "complete");
    same_number(s.reports_new, 1, "new");
    expect_totals("unassigned", NULL, 1, 3, 6);
    same_number(number("SELECT COUNT(*) FROM reject WHERE state = 'replaced'"), 1, "replaced");
    s = give_alone("cut later", &cut);
    same_number(s.duplicate, 1, "partial after complete");
    expect_totals("unassigned", NULL, 1, 3, 6);
    expect_sound();
}

static void partial_waits_for_complete(void)
{
    on_each(partial_waits_for_complete_case);
}

static void partial_and_complete_in_one_batch_case(void)
{
    struct sample cut = three;

    cut.records = 2;
    cut.grade = GRADE_PARTIAL;
    open_writer(0, 0);
    give("cut", &cut);
    give("whole", &three);
    struct store_summary s = close_writer();
    same_number(s.reports_new, 1, "new");
    same_number(s.reports_partial, 0, "partial");
    expect_totals("unassigned", NULL, 1, 3, 6);
    same_number(number("SELECT COUNT(*) FROM reject"), 0, "nothing to decide");
    expect_sound();
}

static void partial_and_complete_in_one_batch(void)
{
    on_each(partial_and_complete_in_one_batch_case);
}

/* ---- cases: streaming ---- */

static const struct sample huge = {
    .domain = "example.com", .id = "huge", .records = 3000, .count = 3};

static struct store_summary give_streamed(const char *text, const struct sample *s)
{
    open_writer(0, 64 * 1024L);
    give(text, s);
    return close_writer();
}

static void huge_report_is_streamed_case(void)
{
    struct sample other = huge;

    open_writer(0, 64 * 1024L);
    give("m1", &three);
    give("m2", &huge);
    CU_ASSERT_EQUAL(announced, 0x11); /* it was committed at once, after what waited */
    struct store_summary s = close_writer();
    same_number(s.reports_new, 2, "new");
    same_number(s.records, 3003, "records");
    expect_totals("unassigned", NULL, 2, 3003, 9006);
    same_number(number("SELECT COUNT(*) FROM report WHERE state = 'counts' AND records = 3000 AND "
                       "messages = 9000 AND grade = 'clean' AND org_name = 'Example Org'"),
        1, "completed at its end");
    expect_sound();

    s = give_streamed("m3", &huge);
    same_number(s.duplicate, 1, "streamed copy");
    s = give_alone("m4", &huge);
    same_number(s.duplicate, 1, "copy from memory");
    other.count = 4;
    s = give_streamed("m5", &other);
    same_number(s.conflict, 1, "streamed conflict");
    expect_totals("unassigned", NULL, 2, 3003, 9006);
    same_number(number("SELECT COUNT(*) FROM payload"), 3, "payloads");
    expect_sound();
}

static void huge_report_is_streamed(void)
{
    on_each(huge_report_is_streamed_case);
}

static void streamed_report_replaces_partial_case(void)
{
    struct sample cut = huge;

    cut.records = 2500;
    cut.grade = GRADE_PARTIAL;
    struct store_summary s = give_streamed("cut", &cut);
    same_number(s.reports_partial, 1, "partial");
    expect_totals("unassigned", NULL, 0, 0, 0);
    struct sample shorter = cut;
    shorter.records = 2000;
    s = give_streamed("cut earlier", &shorter);
    same_number(s.conflict, 1, "partial with less in it");
    same_number(number("SELECT records FROM report WHERE state = 'partial'"), 2500,
        "the longer one is kept");
    same_number(number("SELECT COUNT(*) FROM record"), 2500, "with its records");
    struct sample longer = cut;
    longer.records = 2800;
    s = give_streamed("cut less", &longer);
    same_number(s.reports_partial, 1, "partial with more in it");
    same_number(number("SELECT COUNT(*) FROM record"), 2800, "takes the place");
    expect_sound();
    s = give_streamed("whole", &huge);
    same_number(s.reports_new, 1, "new");
    expect_totals("unassigned", NULL, 1, 3000, 9000);
    s = give_streamed("cut later", &cut);
    same_number(s.duplicate, 1, "partial after complete");
    expect_totals("unassigned", NULL, 1, 3000, 9000);
    expect_sound();
}

static void streamed_report_replaces_partial(void)
{
    on_each(streamed_report_replaces_partial_case);
}

static void deferred_message_leaves_nothing_case(void)
{
    open_writer(0, 64 * 1024L);
    CU_ASSERT_EQUAL(begin_message("m1"), FLOW_GO_ON);
    begin_payload("m1", "xml");
    give_report(&huge);
    end_message(OUTCOME_DEFERRED);
    CU_ASSERT_EQUAL(begin_message("m2"), FLOW_GO_ON);
    begin_payload("m2", "xml");
    give_report(&three);
    end_message(OUTCOME_DEFERRED);
    struct store_summary s = close_writer();
    same_number(s.messages, 0, "messages");
    same_number(number("SELECT COUNT(*) FROM report"), 0, "reports");
    same_number(number("SELECT COUNT(*) FROM record"), 0, "records");
    same_number(number("SELECT COUNT(*) FROM message"), 0, "ledger");
    s = give_alone("m1", &huge);
    same_number(s.reports_new, 1, "next time");
    expect_sound();
}

static void deferred_message_leaves_nothing(void)
{
    on_each(deferred_message_leaves_nothing_case);
}

/* Many reports, several messages and payloads at once; everything has to add up. */
static void many_reports_add_up_case(void)
{
    char text[32];
    char id[32];

    open_writer(7, 256 * 1024L);
    for (int m = 0; m < 60; m++) {
        (void)snprintf(text, sizeof text, "mail %d", m);
        CU_ASSERT_EQUAL(begin_message(text), FLOW_GO_ON);
        for (int k = 0; k < 3; k++) {
            struct sample s = {
                .domain = k ? "b.example" : "a.example", .id = id, .records = m, .count = k + 1};
            (void)snprintf(id, sizeof id, "%d-%d", m / 2, k); /* each report comes twice */
            s.records = m / 2;
            begin_payload(text, "gzip");
            give_report(&s);
            end_payload();
        }
        end_message(OUTCOME_STORED);
    }
    struct store_summary s = close_writer();
    same_number(s.stored, 30, "stored");
    same_number(s.duplicate, 30, "duplicate");
    same_number(s.reports_new, 90, "new");
    same_number(s.reports_duplicate, 90, "duplicate reports");
    same_number(s.records, INT64_C(3) * 435, "records");
    expect_totals("unassigned", NULL, 90, INT64_C(3) * 435, INT64_C(435) * (1 + 2 + 3));
    expect_totals("unassigned", "a.example", 30, 435, 435);
    same_number(number("SELECT COUNT(*) FROM payload"), 90, "payloads");
    expect_sound();
}

static void many_reports_add_up(void)
{
    on_each(many_reports_add_up_case);
}

static int look_at_largest(void *context, const struct store_source_row *r)
{
    int64_t *largest = context;

    if (r->messages > *largest)
        *largest = r->messages;
    return 0;
}

static void absurd_counts_stay_countable_case(void)
{
    struct sample s = huge;
    struct store_period p = {.from = MONDAY, .to = MONDAY};
    int64_t largest = 0;
    struct err e;

    s.count = INT64_C(1) << 53;
    (void)give_alone("m1", &s);
    (void)give_alone("m2", &three);
    expect(store_sources(store, &p, look_at_largest, &largest, &e), 0, &e);
    CU_ASSERT_EQUAL(largest, INT64_C(1) << 53);
    same_number(number("SELECT MAX(messages) FROM report"), INT64_C(1) << 53, "sum");
    expect_sound();
}

static void absurd_counts_stay_countable(void)
{
    on_each(absurd_counts_stay_countable_case);
}

/* Two reports of the same identity in one message that is streamed. */
static void cut_and_whole_in_one_message_case(void)
{
    struct sample cut = huge;

    cut.records = 2000;
    cut.grade = GRADE_PARTIAL;
    open_writer(0, 64 * 1024L);
    CU_ASSERT_EQUAL(begin_message("m1"), FLOW_GO_ON);
    begin_payload("m1", "zip");
    give_report(&cut);
    give_report(&huge);
    end_payload();
    end_message(OUTCOME_PARTIAL);
    (void)close_writer();
    expect_totals(NULL, NULL, 1, 3000, 9000);
    same_number(number("SELECT COUNT(*) FROM reject WHERE state = 'open'"), 0, "nothing to decide");
    same_number(number("SELECT COUNT(*) FROM payload"), 1, "one payload");
    expect_sound();
}

static void cut_and_whole_in_one_message(void)
{
    on_each(cut_and_whole_in_one_message_case);
}

/* ---- cases: clients ---- */

static void domains_move_with_their_reports_case(void)
{
    struct sample sub = three;
    struct sample deep = three;
    struct sample alike = three;

    sub.domain = "sub.example.com";
    deep.domain = "deep.sub.example.com";
    alike.domain = "notexample.com";
    (void)give_alone("m1", &three);
    (void)give_alone("m2", &sub);
    (void)give_alone("m3", &deep);
    (void)give_alone("m4", &alike);
    expect_totals("unassigned", NULL, 4, 12, 24);
    expect_totals("unassigned", "example.com", 3, 9, 18);
    expect_totals(NULL, "sub.example.com", 2, 6, 12);

    assign("Sub.Example.COM.", "beta");
    expect_totals("beta", NULL, 2, 6, 12);
    assign("example.com", "acme"); /* takes what lies below, but not what a longer one owns */
    expect_totals("acme", NULL, 1, 3, 6);
    expect_totals("beta", NULL, 2, 6, 12);
    expect_totals("unassigned", NULL, 1, 3, 6);
    expect_totals(NULL, NULL, 4, 12, 24);
    expect_sound();

    deep.id = "r2";
    deep.day = 1;
    (void)give_alone(
        "m5", &deep); /* a set of results that beta has, by the look of unassigned too */
    expect_totals("beta", NULL, 3, 9, 18);
    struct store_summary s = give_alone("m6", &sub);
    same_number(s.duplicate, 1, "still known after the move");
    assign("sub.example.com", "acme");
    expect_totals("acme", NULL, 4, 12, 24);
    expect_totals("beta", NULL, 0, 0, 0);
    same_number(number("SELECT COUNT(*) FROM payload p JOIN client c ON c.client_id = p.client_id "
                       "WHERE c.name = 'acme'"),
        4, "payloads move");
    same_number(number("SELECT COUNT(*) FROM auth_set a JOIN client c ON c.client_id = a.client_id "
                       "WHERE c.name = 'beta'"),
        0, "nothing stays behind");
    expect_sound();
}

static void domains_move_with_their_reports(void)
{
    on_each(domains_move_with_their_reports_case);
}

static int count_rows(void *context, const struct store_client *c)
{
    int64_t *sum = context;

    *sum = *sum * 10 + c->domains;
    return 0;
}

static void clients_come_and_go_case(void)
{
    struct err e;
    bool created = false;
    int64_t id = 0;
    int64_t domains = 0;

    expect(store_client_add(store, "acme", &created, &e), 0, &e);
    CU_ASSERT_TRUE(created);
    expect(store_client_add(store, "acme", &created, &e), 0, &e);
    CU_ASSERT_FALSE(created);
    expect(store_client_find(store, "nobody", &id, &e), ERR_USAGE, &e);
    same_text(e.tag, "no-such-client");
    assign("example.com", "acme");
    assign("sub.example.com", "beta");
    expect(store_clients(store, count_rows, &domains, &e), 0, &e);
    same_number(domains, 110, "acme, beta, unassigned"); /* in this order */
    struct sample sub = three;
    sub.domain = "sub.example.com";
    (void)give_alone("m1", &sub);
    expect(store_client_remove(store, "beta", &e), 0, &e);
    expect_totals("acme", NULL, 1, 3, 6); /* the next longer owner */
    expect(store_client_remove(store, "acme", &e), 0, &e);
    expect_totals("unassigned", NULL, 1, 3, 6);
    expect(store_client_remove(store, "unassigned", &e), ERR_USAGE, &e);
    expect(store_client_remove(store, "acme", &e), ERR_USAGE, &e);
    struct store_assignment bad = {"not a domain", "acme"};
    expect(store_domains_assign(store, &bad, 1, &e), ERR_USAGE, &e);
    same_number(number("SELECT COUNT(*) FROM client"), 1, "clients");
    expect_sound();
}

static void clients_come_and_go(void)
{
    on_each(clients_come_and_go_case);
}

/* Every start assigns what the configuration says: that must not look through all reports, nor make
 * other writers look up the owners anew. */
static void nothing_new_is_assigned_case(void)
{
    static const char version[] = "SELECT value FROM counter WHERE name = 'owners'";
    struct store_assignment both[] = {{"EXAMPLE.com", "acme"}, {"sub.example.com", "beta"}};
    struct err e;

    expect(store_domains_assign(store, both, 2, &e), 0, &e);
    int64_t before = number(version);
    expect(store_domains_assign(store, both, 2, &e), 0, &e);
    same_number(number(version), before, "no change");
    assign("sub.example.com", "acme");
    same_number(number(version), before + 1, "another client");
    assign("other.example.com", "acme");
    same_number(number(version), before + 2, "another domain");
    expect_sound();
}

static void nothing_new_is_assigned(void)
{
    on_each(nothing_new_is_assigned_case);
}

/* A domain that is nobody's any more falls to the owner of the next shorter one, all or none. */
static void domains_are_given_back_case(void)
{
    static const char *const both[] = {"sub.example.com", "example.org"};
    struct sample sub = three;
    struct err e;

    sub.domain = "sub.example.com";
    assign("example.com", "acme");
    assign("sub.example.com", "beta");
    (void)give_alone("m1", &sub);
    expect_totals("beta", NULL, 1, 3, 6);
    expect(store_domains_remove(store, both, 2, &e), ERR_USAGE, &e);
    same_text(e.tag, "no-such-domain");
    expect_totals("beta", NULL, 1, 3, 6);
    expect(store_domains_remove(store, both, 1, &e), 0, &e);
    expect_totals("acme", NULL, 1, 3, 6);
    const char *const last = "example.com";
    expect(store_domains_remove(store, &last, 1, &e), 0, &e);
    expect_totals("unassigned", NULL, 1, 3, 6);
    expect_sound();
}

static void domains_are_given_back(void)
{
    on_each(domains_are_given_back_case);
}

/* Reports that wait while another process assigns their domain are stored under the new owner. */
static void owners_may_change_meanwhile_case(void)
{
    struct store *other = NULL;
    struct store_assignment a = {"example.com", "acme"};
    struct sample next = three;
    struct err e;

    next.id = "r2";
    (void)give_alone("m1", &three);
    expect(store_open(&other, url, &e), 0, &e);
    open_writer(0, 0);
    give("m2", &next);
    expect(store_domains_assign(other, &a, 1, &e), 0, &e);
    (void)close_writer();
    store_close(other);
    expect_totals("acme", NULL, 2, 6, 12);
    expect_totals("unassigned", NULL, 0, 0, 0);
    expect_sound();
}

static void owners_may_change_meanwhile(void)
{
    on_each(owners_may_change_meanwhile_case);
}

/* ---- cases: rejects ---- */

static void give_reject(const char *text, const char *container)
{
    const struct err why = {.class = ERR_INPUT, .tag = "xml-malformed", .text = "line 1"};
    struct err e;

    if (begin_message(text) == FLOW_SKIP)
        return;
    begin_payload(text, container);
    expect(writer->ops->reject(writer, "a.xml", &why, &e), 0, &e);
    end_payload();
    expect(writer->ops->message_end(writer, OUTCOME_REJECTED, &why, &e), 0, &e);
}

static int collect(void *context, const void *bytes, size_t len, struct err *e)
{
    (void)e;
    return buf_add(context, bytes, len);
}

static void expect_raw(int64_t id, const char *wanted)
{
    struct buf b;
    struct err e;

    buf_init(&b, 4 << 20);
    expect(store_reject_raw(store, id, collect, &b, &e), 0, &e);
    CU_ASSERT_EQUAL(b.len, strlen(wanted));
    CU_ASSERT(b.data && strcmp(b.data, wanted) == 0);
    buf_done(&b);
}

static char *long_text(size_t len)
{
    char *s = mem_alloc(len + 1);
    unsigned state = 7;

    for (size_t i = 0; i < len; i++) {
        state = state * 1103515245 + 12345;
        s[i] = (char)('a' + state / 65536 % 26);
    }
    return s;
}

static void rejects_are_kept_case(void)
{
    char *text = long_text(700000); /* several pieces, packed and as it came */
    struct err e;

    open_writer(0, 0);
    give_reject("bad", "xml");
    begin_message("long");
    begin_payload(text, "gzip");
    const struct err why = {.class = ERR_INPUT, .tag = "bad-gzip", .text = "crc"};
    expect(writer->ops->reject(writer, NULL, &why, &e), 0, &e);
    end_payload();
    begin_payload(text, "xml");
    expect(writer->ops->reject(writer, NULL, &why, &e), 0, &e);
    end_payload();
    end_message(OUTCOME_REJECTED);
    struct store_summary s = close_writer();
    same_number(s.rejected, 2, "rejected");
    same_number(s.reports_rejected, 3, "documents");
    int64_t id = number("SELECT MIN(reject_id) FROM reject");
    expect_raw(id, "bad");
    expect_raw(
        number("SELECT reject_id FROM reject j JOIN payload p ON p.payload_id = j.payload_id "
               "WHERE p.bytes = 700000 AND packed = 0"),
        text);
    expect_raw(
        number("SELECT reject_id FROM reject j JOIN payload p ON p.payload_id = j.payload_id "
               "WHERE p.bytes = 700000 AND packed = 1"),
        text);
    expect(store_reject_raw(store, 999999, collect, NULL, &e), ERR_USAGE, &e);

    open_writer(0, 0);
    give_reject("bad", "xml");
    s = close_writer();
    same_number(s.rejected, 1, "known, and rejected again");
    same_number(s.reports_rejected, 1, "its document");
    free(text);
    expect_sound();
}

static void rejects_are_kept(void)
{
    on_each(rejects_are_kept_case);
}

static void partial_can_be_accepted_case(void)
{
    struct sample cut = three;
    struct err e;

    cut.grade = GRADE_PARTIAL;
    (void)give_alone("cut", &cut);
    int64_t id = number("SELECT reject_id FROM reject");
    expect_raw(id, "cut");
    expect(store_reject_accept(store, id, &e), 0, &e);
    expect_totals("unassigned", NULL, 1, 3, 6);
    expect(store_reject_accept(store, id, &e), ERR_USAGE, &e);
    same_number(number("SELECT COUNT(*) FROM reject WHERE state = 'accepted'"), 1, "accepted");
}

static void partial_can_be_accepted(void)
{
    on_each(partial_can_be_accepted_case);
}

/* ---- cases: kept payloads are read again ---- */

enum {
    READINGS = 2
};

/* Reads a kept payload as long as it asks for it; the text is its bytes. NULL for a reading: it
 * cannot be read. */
static struct store_again_result read_again(struct store_again *a, const char *text,
    const struct sample *const readings[READINGS], int64_t *rounds)
{
    bool more = true;
    struct err e;

    *rounds = 0;
    writer = store_again_sink(a);
    while (more && *rounds < READINGS) {
        const struct sample *s = readings[(*rounds)++];
        if (s) {
            give(text, s);
        } else {
            give_reject(text, "xml");
        }
        expect(store_again_go_on(a, &more, &e), 0, &e);
    }
    writer = NULL;
    CU_ASSERT_FALSE(more);
    return *store_again_result(a);
}

static struct store_again *open_reject(int64_t id)
{
    struct store_again *a = NULL;
    struct err e;

    expect(store_again_reject(&a, store, id, &e), 0, &e);
    return a;
}

/* The only open reject, whose payload holds `s` today. */
static struct store_again_result retry(const char *text, const struct sample *s)
{
    struct store_again *a =
        open_reject(number("SELECT MAX(reject_id) FROM reject WHERE state = 'open'"));
    int64_t rounds;

    same_text(store_again_kept(a)->container, "xml");
    struct store_again_result r =
        read_again(a, text, (const struct sample *const[READINGS]){s, s}, &rounds);
    same_number(rounds, r.written ? 2 : 1, "readings");
    r.class = r.reason = NULL; /* they go with it */
    store_again_close(a);
    return r;
}

/* The only stored payload, which holds `s` today. */
static struct store_again_result reparse(const char *text, const struct sample *s)
{
    struct store_reparse *all = store_reparse_new(store, 0, GRADE_CLEAN);
    struct store_again *a = NULL;
    int64_t rounds;
    struct err e;

    expect(store_reparse_next(all, &a, &e), 0, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    struct store_again_result r =
        read_again(a, text, (const struct sample *const[READINGS]){s, s}, &rounds);
    same_number(rounds, r.written ? 2 : 1, "readings");
    store_again_close(a);
    expect(store_reparse_next(all, &a, &e), 0, &e);
    CU_ASSERT_PTR_NULL(a);
    store_reparse_free(all);
    return r;
}

static void rejects_are_tried_again_case(void)
{
    struct store_again *a = NULL;
    struct err e;

    open_writer(0, 0);
    give_reject("m1", "xml");
    (void)close_writer();
    int64_t id = number("SELECT reject_id FROM reject");
    struct store_again_result r = retry("m1", NULL);
    CU_ASSERT_FALSE(r.written);
    same_number(r.rejected, 1, "still rejected");
    same_number(number("SELECT COUNT(*) FROM reject WHERE state = 'open'"), 1, "open");
    same_number(number("SELECT COUNT(*) FROM message"), 1, "nothing is in the ledger of it");

    r = retry("m1", &three);
    CU_ASSERT(r.written);
    same_number(r.fresh, 1, "new");
    same_number(r.records, 3, "records");
    same_number(r.rejected, 0, "rejected");
    expect_totals(NULL, NULL, 1, 3, 6);
    same_number(number("SELECT COUNT(*) FROM reject WHERE state = 'retried'"), 1, "closed");
    same_number(number("SELECT COUNT(*) FROM payload"), 1, "it is kept once");
    same_number(number("SELECT COUNT(*) FROM message WHERE outcome = 'stored'"), 2, "ledger");
    expect(store_again_reject(&a, store, id, &e), ERR_USAGE, &e);
    expect_raw(id, "m1");

    open_writer(0, 0);
    give_reject("m1", "xml");
    struct store_summary s = close_writer();
    same_number(s.duplicate, 1, "known now");
    same_number(s.reports_duplicate, 1, "its report");
    same_number(s.rejected, 0, "not rejected any more");
    expect_sound();
}

static void rejects_are_tried_again(void)
{
    on_each(rejects_are_tried_again_case);
}

/* A limit of time may end one reading and not the other. */
static void second_reading_must_be_the_first_case(void)
{
    struct sample other = three;
    struct store_again *a;
    bool more = false;
    struct err e;

    other.count = 3;
    (void)give_alone("m1", &three);
    struct store_reparse *all = store_reparse_new(store, 0, GRADE_CLEAN);
    expect(store_reparse_next(all, &a, &e), 0, &e);
    script("UPDATE report SET grade = 'recovered'");
    writer = store_again_sink(a);
    give("m1", &three);
    expect(store_again_go_on(a, &more, &e), 0, &e);
    CU_ASSERT(more);
    CU_ASSERT_EQUAL(begin_message("m1"), FLOW_GO_ON);
    begin_payload("m1", "xml");
    give_report(&other);
    end_payload();
    expect(writer->ops->message_end(writer, OUTCOME_STORED, NULL, &e), ERR_TEMPORARY, &e);
    same_text(e.tag, "changed-meanwhile");
    writer = NULL;
    CU_ASSERT_FALSE(store_again_result(a)->written);
    store_again_close(a);
    store_reparse_free(all);
    expect_totals(NULL, NULL, 1, 3, 6);
    same_number(number("SELECT COUNT(*) FROM message"), 1, "ledger");
    expect_sound();
}

static void second_reading_must_be_the_first(void)
{
    on_each(second_reading_must_be_the_first_case);
}

static void expect_kept(const char *text, const struct sample *today, bool same)
{
    int64_t id = number("SELECT report_id FROM report");
    struct store_again_result r = reparse(text, today);

    CU_ASSERT_FALSE(r.written);
    same_number(r.same, same, "same");
    same_number(r.worse, !same, "worse");
    same_number(r.replaced + r.fresh, 0, "replaced and new");
    same_number(number("SELECT report_id FROM report"), id, "it is still that one");
}

static void expect_replaced(const char *text, const struct sample *today)
{
    int64_t id = number("SELECT report_id FROM report");
    struct store_again_result r = reparse(text, today);

    CU_ASSERT(r.written);
    same_number(r.replaced, 1, "replaced");
    same_number(r.same + r.worse + r.fresh, 0, "anything else");
    CU_ASSERT_NOT_EQUAL(number("SELECT report_id FROM report"), id);
    same_number(number("SELECT COUNT(*) FROM payload"), 1, "payloads");
    expect_sound();
}

static void better_readings_replace_case(void)
{
    struct sample today = three;

    assign("example.com", "acme");
    (void)give_alone("m1", &three);
    expect_kept("m1", &three, true);
    today.grade = GRADE_RECOVERED;
    expect_kept("m1", &today, false);
    today = three;
    today.records = 2;
    expect_kept("m1", &today, false);
    expect_totals("acme", NULL, 1, 3, 6);

    today.grade = GRADE_CLEAN;
    expect_replaced("m1", &today);
    expect_totals("acme", NULL, 1, 2, 4);
    today.records = 3;
    expect_replaced("m1", &today);
    expect_totals("acme", NULL, 1, 3, 6);
    today.count = 5; /* as well as before, but otherwise: a fault of the reader was mended */
    expect_replaced("m1", &today);
    expect_totals("acme", NULL, 1, 3, 15);
    today.generator = "what no digest knows of";
    expect_replaced("m1", &today);
    today.id = "otherwise"; /* another identity is no second report */
    expect_replaced("m1", &today);
    expect_totals("acme", NULL, 1, 3, 15);
    expect_kept("m1", &today, true);
}

static void better_readings_replace(void)
{
    on_each(better_readings_replace_case);
}

static void damage_is_put_right_case(void)
{
    static const char *const damages[] = {
        "UPDATE record SET messages = 9 WHERE recno = 1",
        "UPDATE record SET dkim = 'pass' WHERE recno = 2",
        "DELETE FROM record WHERE recno = 3",
        "DELETE FROM record",
        "UPDATE report SET grade = 'partial', state = 'partial'",
        "UPDATE report SET records = 7, messages = 70",
        "UPDATE report SET p = 'reject'",
    };
    struct err e;

    (void)give_alone("m1", &three);
    script("UPDATE report SET trust = 'doubtful'");
    for (size_t k = 0; k < sizeof damages / sizeof *damages; k++) {
        script(damages[k]);
        expect_replaced("m1", &three);
        expect_totals(NULL, NULL, 1, 3, 6);
        expect_kept("m1", &three, true);
    }
    same_number(number("SELECT COUNT(*) FROM report WHERE trust = 'doubtful' AND p = 'none'"), 1,
        "who sent it is not judged again");

    struct store_reparse *all = store_reparse_new(store, 0, GRADE_RECOVERED);
    struct store_again *a = NULL;
    expect(store_reparse_next(all, &a, &e), 0, &e);
    CU_ASSERT_PTR_NULL(a);
    store_reparse_free(all);
    all = store_reparse_new(store, INT64_C(1) << 40, GRADE_CLEAN);
    expect(store_reparse_next(all, &a, &e), 0, &e);
    CU_ASSERT_PTR_NULL(a);
    store_reparse_free(all);
}

static void damage_is_put_right(void)
{
    on_each(damage_is_put_right_case);
}

static void partial_is_read_again_case(void)
{
    struct sample cut = three;
    struct err e;

    cut.grade = GRADE_PARTIAL;
    cut.records = 2;
    (void)give_alone("m1", &cut);
    expect_kept("m1", &cut, true);
    struct store_again_result r = retry("m1", &cut);
    CU_ASSERT_FALSE(r.written);
    same_number(r.same, 1, "still cut off");

    expect(store_reject_accept(store, number("SELECT reject_id FROM reject"), &e), 0, &e);
    expect_kept("m1", &cut, true);
    expect_totals(NULL, NULL, 1, 2, 4);
    expect_replaced("m1", &three);
    expect_totals(NULL, NULL, 1, 3, 6);
    script("UPDATE report SET state = 'partial', grade = 'partial'");
    script(
        "INSERT INTO reject SELECT 9999, message_id, payload_id, (SELECT report_id FROM report), "
        "document, class, reason, at, 'open' FROM reject");
    r = retry("m1", &three);
    same_number(r.replaced, 1, "whole now");
    same_number(number("SELECT COUNT(*) FROM reject WHERE reject_id = 9999 AND state = 'replaced'"),
        1, "nothing is left to decide");
    expect_totals(NULL, NULL, 1, 3, 6);
}

static void partial_is_read_again(void)
{
    on_each(partial_is_read_again_case);
}

static void conflicts_stay_case(void)
{
    struct sample other = three;

    other.grade = GRADE_CLEAN; /* who comes second must not win by being neat */
    other.count = 9;
    (void)give_alone("m1", &three);
    struct store_summary s = give_alone("m2", &other);
    same_number(s.conflict, 1, "conflict");
    struct store_again_result r = retry("m2", &other);
    CU_ASSERT_FALSE(r.written);
    same_number(r.conflict, 1, "still one");
    expect_totals(NULL, NULL, 1, 3, 6);
    same_number(number("SELECT COUNT(*) FROM reject WHERE state = 'open'"), 1, "open");
    script("UPDATE report SET grade = 'partial', state = 'partial'");
    r = retry("m2", &other);
    same_number(r.replaced, 1, "unless the first is cut off");
    expect_totals(NULL, NULL, 1, 3, 27);
    same_number(number("SELECT COUNT(*) FROM reject WHERE state = 'open'"), 0, "closed");
    expect_sound();
}

static void conflicts_stay(void)
{
    on_each(conflicts_stay_case);
}

static void huge_report_is_read_again_case(void)
{
    struct sample much = {.domain = "example.com",
        .id = "much",
        .records = 20000, /* so that it is streamed */
        .count = 2,
        .grade = GRADE_NORMALISED};

    (void)give_alone("m1", &much);
    expect_kept("m1", &much, true);
    script("UPDATE record SET messages = 3 WHERE recno = 17000");
    expect_replaced("m1", &much);
    expect_totals(NULL, NULL, 1, 20000, 40000);
    much.grade = GRADE_RECOVERED;
    expect_kept("m1", &much, false);
}

static void huge_report_is_read_again(void)
{
    on_each(huge_report_is_read_again_case);
}

/* A message that the database refuses does not stop the others, and what was rolled back is not
 * believed to be there. */
static void poisoned_message_is_rejected_case(void)
{
    struct sample a = three;
    struct sample b = three;
    struct sample c = three;

    script("CREATE UNIQUE INDEX poison ON report (generator)");
    a.generator = b.generator = "twice";
    b.id = "r2";
    c.id = "r3";
    open_writer(0, 0);
    give("m1", &a);
    give("m2", &b);
    give("m3", &c);
    struct store_summary s = close_writer();
    same_number(s.stored, 2, "stored");
    same_number(s.rejected, 1, "rejected");
    CU_ASSERT_EQUAL(announced, 0x161);
    expect_totals(NULL, NULL, 2, 6, 12);
    same_number(number("SELECT COUNT(*) FROM reject WHERE class = 'store-refused'"), 1, "reject");
    expect_raw(number("SELECT reject_id FROM reject"), "m2");
    script("DROP INDEX poison");
    expect_sound();
}

static void poisoned_message_is_rejected(void)
{
    on_each(poisoned_message_is_rejected_case);
}

/* Some of a large batch, wherever they stand in it. */
static void poisoned_messages_are_found_case(void)
{
    char keys[37][8];
    char ids[37][8];

    script("CREATE UNIQUE INDEX poison ON report (generator)");
    open_writer(0, 0);
    for (int i = 0; i < 37; i++) {
        struct sample r = three;
        bool poisoned = i == 1 || i == 20 || i == 21 || i == 36;
        (void)snprintf(keys[i], sizeof keys[i], "m%d", i);
        (void)snprintf(ids[i], sizeof ids[i], "r%d", i);
        r.id = ids[i];
        r.generator = i == 0 || poisoned ? "twice" : NULL;
        give(keys[i], &r);
    }
    struct store_summary s = close_writer();
    same_number(s.stored, 33, "stored");
    same_number(s.rejected, 4, "rejected");
    same_number(number("SELECT COUNT(*) FROM message WHERE outcome = 'rejected' AND "
                       "source_key IN ('m1', 'm20', 'm21', 'm36')"),
        4, "the very ones");
    expect_totals(NULL, NULL, 33, 99, 198);
    script("DROP INDEX poison");
    expect_sound();
}

static void poisoned_messages_are_found(void)
{
    on_each(poisoned_messages_are_found_case);
}

/* ---- cases: a database that fails ---- */

enum trouble {
    COMMIT_LOST,    /* carried out, but the answer never came */
    COMMIT_REFUSED, /* not carried out */
    BEGIN_FAILS,
    BULK_FAILS
};

static const struct db_driver *real;
static struct db_driver faulty;
static int failures_left;

static int trouble_now(struct err *e)
{
    failures_left--;
    return err_set(e, ERR_TEMPORARY, "connection-lost", "the line was cut");
}

static int commit_lost(struct db *db, struct err *e)
{
    int got = real->commit(db, e);

    return got == 0 && failures_left > 0 ? trouble_now(e) : got;
}

static int commit_refused(struct db *db, struct err *e)
{
    if (failures_left <= 0)
        return real->commit(db, e);
    real->rollback(db);
    return trouble_now(e);
}

static int begin_fails(struct db *db, bool to_write, struct err *e)
{
    return failures_left > 0 ? trouble_now(e) : real->begin(db, to_write, e);
}

static int bulk_fails(struct db *db, struct err *e)
{
    return failures_left > 0 ? trouble_now(e) : real->bulk_end(db, e);
}

static void have_trouble(enum trouble which, int times)
{
    real = db_driver_for(url);
    faulty = *real;
    failures_left = times;
    switch (which) {
    case COMMIT_LOST:
        faulty.commit = commit_lost;
        break;
    case COMMIT_REFUSED:
        faulty.commit = commit_refused;
        break;
    case BEGIN_FAILS:
        faulty.begin = begin_fails;
        break;
    case BULK_FAILS:
        faulty.bulk_end = bulk_fails;
        break;
    }
    store->c.driver = &faulty;
}

/* Once is nothing: the batch is written again, and counted as if nothing had been. */
static void batch_survives(enum trouble which, const char *text, const char *id)
{
    struct sample s = three;

    s.id = id;
    open_writer(0, 0);
    give(text, &three);
    have_trouble(which, 1);
    give(id, &s);
    struct store_summary sum = close_writer();
    same_number(failures_left, 0, "it happened");
    same_number(sum.stored, 1, "stored");
    same_number(sum.duplicate, 1, "duplicate");
    same_number(sum.reports_new, 1, "new");
    CU_ASSERT_EQUAL(announced, 0x21);
    store->c.driver = real;
}

static void batch_is_repeated_case(void)
{
    (void)give_alone("m0", &three);
    batch_survives(COMMIT_LOST, "m1", "c1");
    batch_survives(COMMIT_REFUSED, "m2", "c2");
    batch_survives(BEGIN_FAILS, "m3", "c3");
    batch_survives(BULK_FAILS, "m4", "c4");
    expect_totals(NULL, NULL, 5, 15, 30);
    same_number(number("SELECT COUNT(*) FROM message"), 9, "ledger");
    expect_sound();
}

static void batch_is_repeated(void)
{
    on_each(batch_is_repeated_case);
}

static void lasting_trouble_is_told_case(void)
{
    struct err e;

    open_writer(0, 0);
    give("m1", &three);
    have_trouble(BULK_FAILS, 2);
    expect(store_writer_flush(writer, &e), ERR_TEMPORARY, &e);
    same_text(e.tag, "connection-lost");
    CU_ASSERT_EQUAL(announced, 0);
    same_number(number("SELECT COUNT(*) FROM report"), 0, "nothing is stored");
    struct store_summary s = close_writer(); /* and nothing waits */
    same_number(s.messages, 0, "messages");
    store->c.driver = real;
    s = give_alone("m1", &three);
    same_number(s.reports_new, 1, "next time");
    expect_sound();
}

static void lasting_trouble_is_told(void)
{
    on_each(lasting_trouble_is_told_case);
}

/* A streamed report cannot be repeated from memory: its message is not decided, and nothing of it
 * is there. */
static void streaming_can_break_case(void)
{
    struct err e;

    open_writer(0, 64 * 1024L);
    CU_ASSERT_EQUAL(begin_message("m1"), FLOW_GO_ON);
    begin_payload("m1", "xml");
    have_trouble(BULK_FAILS, 1);
    expect(try_report(&huge, &e), ERR_TEMPORARY, &e);
    end_message(OUTCOME_DEFERRED);
    give("m2", &three);
    struct store_summary s = close_writer();
    store->c.driver = real;
    same_number(s.messages, 1, "messages");
    same_number(number("SELECT COUNT(*) FROM report"), 1, "reports");
    s = give_streamed("m1", &huge);
    same_number(s.reports_new, 1, "next time");
    expect_totals(NULL, NULL, 2, 3003, 9006);
    expect_sound();
}

static void streaming_can_break(void)
{
    on_each(streaming_can_break_case);
}

/* The second reading meets trouble; what it throws out is never lost, what it writes never doubled.
 */
static void replacing_survives(enum trouble which)
{
    struct store_reparse *all = store_reparse_new(store, 0, GRADE_CLEAN);
    struct store_again *a = NULL;
    bool more = false;
    struct err e;

    script("UPDATE record SET messages = 9");
    expect(store_reparse_next(all, &a, &e), 0, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    writer = store_again_sink(a);
    give("m1", &three);
    expect(store_again_go_on(a, &more, &e), 0, &e);
    CU_ASSERT(more);
    have_trouble(which, 1);
    give("m1", &three);
    expect(store_again_go_on(a, &more, &e), 0, &e);
    writer = NULL;
    same_number(failures_left, 0, "it happened");
    CU_ASSERT(store_again_result(a)->written);
    store->c.driver = real;
    store_again_close(a);
    store_reparse_free(all);
    expect_totals(NULL, NULL, 1, 3, 6);
    expect_sound();
}

static void replacing_is_repeated_case(void)
{
    (void)give_alone("m1", &three);
    replacing_survives(COMMIT_LOST);
    replacing_survives(COMMIT_REFUSED);
    replacing_survives(BEGIN_FAILS);
    replacing_survives(BULK_FAILS);
    same_number(number("SELECT COUNT(*) FROM message"), 5, "ledger");
}

static void replacing_is_repeated(void)
{
    on_each(replacing_is_repeated_case);
}

/* ---- cases: the ledger ---- */

static void mailbox_is_remembered_case(void)
{
    struct message_info m = info_of("mail");
    struct message_info copy = m;
    enum message_kind kind = KIND_TLS;
    bool known = true;
    struct err e;

    m.source = copy.source = "main";
    m.key = "1/1";
    copy.key = "1/2";
    m.from = "a@b.example";
    m.subject = "Report\r\nDomain: \xff";
    expect(store_message_known(store, "main", "1/1", &known, &kind, &e), 0, &e);
    CU_ASSERT_FALSE(known);
    open_writer(0, 0);
    expect(writer->ops->message_begin(writer, &m, &e), FLOW_GO_ON, &e);
    end_message(OUTCOME_NOT_A_REPORT);
    expect(writer->ops->message_begin(writer, &copy, &e), FLOW_SKIP, &e);
    end_message(OUTCOME_STORED); /* harmless */
    struct store_summary s = close_writer();
    same_number(s.not_a_report, 1, "no report");
    same_number(s.duplicate, 1, "copy");
    CU_ASSERT_EQUAL(announced, 0x42);
    CU_ASSERT_EQUAL(told_kind, KIND_NOT_A_REPORT); /* the copy, too */
    expect(store_message_known(store, "main", "1/2", &known, &kind, &e), 0, &e);
    CU_ASSERT_TRUE(known);
    CU_ASSERT_EQUAL(kind, KIND_NOT_A_REPORT);
    expect(store_message_known(store, "other", "1/2", &known, &kind, &e), 0, &e);
    CU_ASSERT_FALSE(known);
    open_writer(0, 0); /* a crash before the mail was moved: told again, not written again */
    expect(writer->ops->message_begin(writer, &copy, &e), FLOW_SKIP, &e);
    s = close_writer();
    same_number(s.duplicate, 1, "again");
    same_number(number("SELECT COUNT(*) FROM message"), 2, "ledger");
}

static void mailbox_is_remembered(void)
{
    on_each(mailbox_is_remembered_case);
}

static void long_keys_fit_case(void)
{
    char *text = long_text(2000);
    struct sample s = three;
    enum message_kind kind;
    bool known = false;
    struct err e;

    s.id = text;
    (void)give_alone("m1", &s);
    struct store_summary again = give_alone("m2", &s);
    same_number(again.duplicate, 1, "the same long id");
    text[1999] = '!';
    again = give_alone("m3", &s);
    same_number(again.reports_new, 1, "differs only at its end");
    struct message_info m = info_of("m4");
    m.source = "main";
    m.key = text;
    open_writer(0, 0);
    expect(writer->ops->message_begin(writer, &m, &e), FLOW_GO_ON, &e);
    end_message(OUTCOME_NOT_A_REPORT);
    (void)close_writer();
    expect(store_message_known(store, "main", text, &known, &kind, &e), 0, &e);
    CU_ASSERT_TRUE(known);
    free(text);
}

static void long_keys_fit(void)
{
    on_each(long_keys_fit_case);
}

static void two_writers_store_once_case(void)
{
    struct store *other = NULL;
    struct sink *second = NULL;
    struct store_writer_settings set = {0};
    struct err e;

    expect(store_open(&other, url, &e), 0, &e);
    open_writer(0, 0);
    give("m1", &three);
    struct sink *first = writer;
    expect(store_writer_open(&second, other, &set, &e), 0, &e);
    writer = second;
    give("m1", &three);
    struct store_summary b = close_writer();
    writer = first;
    struct store_summary a = close_writer();
    same_number(a.reports_new + b.reports_new, 1, "new");
    same_number(a.reports_duplicate + b.reports_duplicate, 1, "duplicate");
    expect_totals(NULL, NULL, 1, 3, 6);
    store_close(other);
    expect_sound();
}

static void two_writers_store_once(void)
{
    on_each(two_writers_store_once_case);
}

/* ---- cases: the other kinds ---- */

static void give_tls(enum grade grade, int64_t failed)
{
    struct tls_failure failures[] = {{.result_type = "certificate-expired", .sessions = failed}};
    struct tls_policy policies[] = {
        {.type = "sts",
            .domain = "example.com",
            .successful = 10,
            .failed = failed,
            .failures = failures,
            .n_failures = 1},
        {.type = "no-policy-found", .domain = "example.org", .successful = 7},
    };
    struct tls_report t = {.organization_name = "Org",
        .report_id = "t1",
        .begin = (int64_t)MONDAY * DAY,
        .end = (int64_t)MONDAY * DAY + DAY,
        .policies = policies,
        .n_policies = 2,
        .reporter = "reporter.example",
        .grade = grade};
    struct err e;

    begin_payload("tls", "json");
    expect(writer->ops->tls(writer, &t, &e), 0, &e);
    end_payload();
}

static void give_others(const char *text)
{
    struct failure_report f = {.arrival = (int64_t)MONDAY * DAY,
        .reported_domain = "example.com",
        .incidents = 1,
        .reporter = "reporter.example",
        .sample = "Subject: x\n\nbody",
        .sample_len = 16};
    struct err e;

    CU_ASSERT_EQUAL(begin_message(text), FLOW_GO_ON);
    give_tls(GRADE_CLEAN, 4);
    begin_payload("failure", "arf");
    expect(writer->ops->failure(writer, &f, &e), 0, &e);
    end_payload();
    end_message(OUTCOME_STORED);
}

static void tls_and_failures_are_stored_once_case(void)
{
    open_writer(0, 0);
    give_others("m1");
    give_others("m2");
    struct store_summary s = close_writer();
    same_number(s.stored, 1, "stored");
    same_number(s.duplicate, 1, "duplicate");
    same_number(s.tls_new, 2, "policies");
    same_number(s.failures_new, 1, "failures");
    same_number(s.reports_new, 0, "no aggregate report");
    same_number(number("SELECT COUNT(*) FROM tls_policy"), 2, "rows");
    same_number(number("SELECT sessions FROM tls_failure"), 4, "sessions");
    same_number(number("SELECT length(sample) FROM failure_report"), 16, "sample");
    assign("example.com", "acme");
    same_number(
        number("SELECT COUNT(*) FROM tls_failure f JOIN client c ON c.client_id = f.client_id "
               "WHERE c.name = 'acme'"),
        1, "moved");
    same_number(number("SELECT COUNT(*) FROM failure_report f JOIN client c ON c.client_id = "
                       "f.client_id WHERE c.name = 'acme'"),
        1, "moved too");
    same_number(number("SELECT COUNT(*) FROM tls_policy WHERE client_id = 1"), 1, "not this one");
    open_writer(0, 0);
    give_others("m3");
    s = close_writer();
    same_number(s.duplicate, 1, "still known");
    expect_sound();
}

static void tls_and_failures_are_stored_once(void)
{
    on_each(tls_and_failures_are_stored_once_case);
}

static int count_tls(void *context, const struct store_tls_row *r)
{
    int64_t *counted = context;

    *counted += r->counts ? 1 : 0;
    return 0;
}

static int64_t counted_tls(void)
{
    struct store_period p = {.from = MONDAY, .to = MONDAY};
    int64_t counted = 0;
    struct err e;

    expect(store_tls(store, &p, count_tls, &counted, &e), 0, &e);
    return counted;
}

static void give_tls_alone(const char *text, enum grade grade, int64_t failed)
{
    open_writer(0, 0);
    CU_ASSERT_EQUAL(begin_message(text), FLOW_GO_ON);
    give_tls(grade, failed);
    end_message(grade == GRADE_PARTIAL ? OUTCOME_PARTIAL : OUTCOME_STORED);
    (void)close_writer();
}

static void complete_tls_replaces_partial_case(void)
{
    give_tls_alone("m1", GRADE_PARTIAL, 3);
    same_number(number("SELECT COUNT(*) FROM message WHERE outcome = 'partial'"), 1, "partial");
    same_number(counted_tls(), 0, "a partial one does not count");
    give_tls_alone("m2", GRADE_NORMALISED, 4);
    same_number(counted_tls(), 2, "the complete one does");
    same_number(number("SELECT COUNT(*) FROM tls_policy"), 2, "in its place");
    same_number(number("SELECT sessions FROM tls_failure"), 4, "sessions");
    give_tls_alone("m3", GRADE_PARTIAL, 1);
    same_number(number("SELECT sessions FROM tls_failure"), 4, "and stays");
    same_number(number("SELECT COUNT(*) FROM message WHERE outcome = 'duplicate'"), 1, "duplicate");
    expect_sound();
}

static void complete_tls_replaces_partial(void)
{
    on_each(complete_tls_replaces_partial_case);
}

/* ---- cases: what the operator decides ---- */

static const struct header_field private_fields[] = {
    {"To", "Alice Doe <alice@acme.example>"}, {"Subject", "Your dismissal"}};

static void begin_failure_mail(const char *text)
{
    struct message_info m = info_of(text);
    struct err e;

    m.is_mail = m.is_failure = true;
    m.from = "Reports <alice@reporter.example>";
    m.subject = "FW: Your dismissal";
    m.message_id = "<1@reporter.example>";
    expect(writer->ops->message_begin(writer, &m, &e), FLOW_GO_ON, &e);
}

static void give_failure(const char *domain)
{
    struct header_field fields[2];
    struct failure_report f = {.arrival = (int64_t)MONDAY * DAY,
        .reported_domain = domain,
        .auth_failure = "dmarc",
        .incidents = 1,
        .original_rcpt_to = "alice@acme.example",
        .sample_headers = fields,
        .n_sample_headers = 2,
        .sample = "Subject: Your dismissal\n\nDear Alice",
        .sample_len = 35,
        .reporter = "reporter.example"};
    struct err e;

    memcpy(fields, private_fields, sizeof fields);
    begin_failure_mail(domain);
    begin_payload(domain, "arf");
    expect(writer->ops->failure(writer, &f, &e), 0, &e);
    end_payload();
    end_message(OUTCOME_STORED);
}

static void give_unread_failure(const char *text)
{
    struct err e;
    struct err why;

    (void)err_set(&why, ERR_INPUT, "schema-missing", "no domain");
    begin_failure_mail(text);
    begin_payload(text, "arf");
    expect(writer->ops->reject(writer, NULL, &why, &e), 0, &e);
    end_payload();
    end_message(OUTCOME_REJECTED);
}

static void failure_data_is_the_operators_choice_case(void)
{
    static const struct store_failure_data clients[] = {
        {"acme", FAILURE_DATA_FULL}, {"birch", FAILURE_DATA_NONE}};

    store_set_policy(
        store, &(struct store_policy){
                   .failure_data = FAILURE_DATA_HEADERS, .clients = clients, .n_clients = 2});
    assign("acme.example", "acme");
    assign("birch.example", "birch");
    open_writer(0, 0);
    give_failure("acme.example");
    give_failure("birch.example");
    give_failure("cedar.example");
    give_unread_failure("unread");
    struct store_summary s = close_writer();
    same_number(s.failures_new, 3, "failures");

    same_number(
        number(
            "SELECT COUNT(*) FROM failure_report WHERE domain = 'acme.example' AND original_rcpt_to = "
            "'alice@acme.example' AND length(sample) = 35"),
        1, "full");
    same_number(
        number(
            "SELECT COUNT(*) FROM failure_report WHERE domain = 'birch.example' AND original_rcpt_to IS NULL "
            "AND sample_headers IS NULL AND sample IS NULL AND auth_failure = 'dmarc'"),
        1, "none");
    same_number(
        number(
            "SELECT COUNT(*) FROM failure_report WHERE domain = 'cedar.example' AND sample IS NULL AND "
            "length(original_rcpt_to) = 27 AND "
            "substr(original_rcpt_to, 14) = '@acme.example>'"),
        1, "headers");
    /* the ledger: as the report itself, and the least for what could not be read */
    same_number(
        number("SELECT COUNT(*) FROM message WHERE source_key = 'acme.example' AND subject = "
               "'FW: Your dismissal' AND mail_from = 'Reports <alice@reporter.example>'"),
        1, "ledger, full");
    same_number(
        number(
            "SELECT COUNT(*) FROM message WHERE source_key = 'cedar.example' AND length(subject) = 12 AND "
            "substr(mail_from, 14) = '@reporter.example>'"),
        1, "ledger, headers");
    same_number(
        number(
            "SELECT COUNT(*) FROM message WHERE source_key IN ('birch.example', 'unread') AND subject IS NULL "
            "AND mail_from IS NULL AND mail_message_id IS NULL"),
        2, "ledger, none");
    same_number(number("SELECT COUNT(*) FROM payload WHERE bytes > 0 AND length(sha256) = 32"), 4,
        "payloads");
    same_number(number("SELECT COUNT(*) FROM payload WHERE kept = 1"), 1, "kept");
    same_number(number("SELECT COUNT(*) FROM payload_chunk"), 1, "bytes");
    same_number(
        number("SELECT COUNT(*) FROM setting WHERE name = 'redact_key' AND length(value) = 32"), 1,
        "the key");
    expect_sound();
}

static void failure_data_is_the_operators_choice(void)
{
    on_each(failure_data_is_the_operators_choice_case);
}

/* The same person in two runs: the key is the installation's. */
static void hashes_last_case(void)
{
    store_set_policy(store, &(struct store_policy){.failure_data = FAILURE_DATA_HEADERS});
    open_writer(0, 0);
    give_failure("acme.example");
    (void)close_writer();
    open_writer(0, 0);
    give_failure("birch.example");
    (void)close_writer();
    same_number(number("SELECT COUNT(DISTINCT original_rcpt_to) FROM failure_report"), 1, "alice");
    same_number(number("SELECT COUNT(*) FROM failure_report"), 2, "two reports");
    /* a second copy is not read, but noted, and says no more than the first */
    open_writer(0, 0);
    struct message_info m = info_of("acme.example");
    struct err e;
    m.source = "main";
    m.key = "1/7";
    m.is_mail = m.is_failure = true;
    m.from = "alice@reporter.example";
    m.subject = "Your dismissal";
    expect(writer->ops->message_begin(writer, &m, &e), FLOW_SKIP, &e);
    (void)close_writer();
    same_number(number("SELECT COUNT(*) FROM message WHERE source_key = '1/7'"), 1, "noted");
    same_number(
        number(
            "SELECT COUNT(*) FROM message WHERE mail_from = 'alice@reporter.example' OR subject = "
            "'Your dismissal'"),
        0, "redacted");
}

static void hashes_last(void)
{
    on_each(hashes_last_case);
}

static void give_from(const char *text, const char *from, const char *results, const char *id)
{
    struct sample s = three;
    struct message_info m = info_of(text);
    struct err e;

    s.id = id;
    m.is_mail = from != NULL;
    m.from_sent = from;
    m.authentications = &results;
    m.n_authentications = results != NULL;
    expect(writer->ops->message_begin(writer, &m, &e), FLOW_GO_ON, &e);
    begin_payload(text, "xml");
    give_report(&s);
    end_payload();
    end_message(OUTCOME_STORED);
}

static int sum_messages(void *context, const struct store_source_row *r)
{
    int64_t *sum = context;

    *sum += r->messages;
    return 0;
}

static int sum_counted(void *context, const struct store_report_row *r)
{
    int64_t *sum = context;

    *sum += r->counts ? r->messages : r->trust == TRUST_DOUBTFUL ? 1000 : 1000000;
    return 0;
}

static void doubtful_reports_can_be_left_out_case(void)
{
    static const char *const ids[] = {"mx.msp.example"};
    struct store_policy policy = {.trust = {ids, 1}};
    const struct store_period week = {.from = MONDAY, .to = MONDAY + 6};
    int64_t messages = 0;
    int64_t counted = 0;
    struct err e;

    store_set_policy(store, &policy);
    open_writer(0, 0);
    give_from("m1", "a@mail.reporter.example",
        "mx.msp.example; dkim=pass header.d=reporter.example", "r1");
    give_from("m2", "a@reporter.example", NULL, "r2");
    give_from("m3", NULL, NULL, "r3");
    give_from("m4", "a@evil.example", NULL, "r4");
    (void)close_writer();
    same_number(
        number("SELECT COUNT(*) FROM report WHERE report_uid = 'r1' AND trust = 'verified'"), 1,
        "verified");
    same_number(
        number(
            "SELECT COUNT(*) FROM report WHERE report_uid IN ('r2', 'r3') AND trust = 'plausible'"),
        2, "plausible");
    same_number(
        number("SELECT COUNT(*) FROM report WHERE report_uid = 'r4' AND trust = 'doubtful'"), 1,
        "doubtful");
    expect(store_sources(store, &week, sum_messages, &messages, &e), 0, &e);
    same_number(messages, 24, "all count");
    policy.exclude_untrusted = true;
    store_set_policy(store, &policy);
    messages = 0;
    expect(store_sources(store, &week, sum_messages, &messages, &e), 0, &e);
    same_number(messages, 18, "without the doubtful one");
    expect(store_reports(store, &week, false, sum_counted, &counted, &e), 0, &e);
    same_number(counted, 1018, "which is still told");
    assign("example.com", "acme");
    same_number(
        number(
            "SELECT COUNT(*) FROM report r JOIN client c ON c.client_id = r.client_id WHERE c.name = 'acme' "
            "AND r.trust = 'doubtful'"),
        1, "moved");
    expect_sound();
}

static void doubtful_reports_can_be_left_out(void)
{
    on_each(doubtful_reports_can_be_left_out_case);
}

/* ---- cases: upkeep ---- */

static int faults_after(const char *sql)
{
    int faults = -1; /* below 0: not printed */
    int64_t checked = 0;
    struct err e;

    script(sql);
    expect(store_verify(store, print_fault, &faults, &checked, &e), 0, &e);
    return -1 - faults;
}

static void verify_finds_what_was_changed_case(void)
{
    (void)give_alone("m1", &three);
    CU_ASSERT_EQUAL(faults_after("UPDATE report SET messages = messages + 1"), 1);
    CU_ASSERT_EQUAL(faults_after("UPDATE report SET records = records - 1"), 2);
    CU_ASSERT_EQUAL(faults_after("UPDATE report SET records = 3, messages = 6"), 0);
    CU_ASSERT_EQUAL(faults_after("DELETE FROM auth_set"), 1);
    CU_ASSERT_EQUAL(faults_after("DELETE FROM payload_chunk"), 2);
    CU_ASSERT_EQUAL(faults_after("DELETE FROM payload"), 2);
    CU_ASSERT_EQUAL(faults_after("UPDATE message SET reports_new = 0"), 3);
    CU_ASSERT_EQUAL(
        faults_after("INSERT INTO client (client_id, name) VALUES (7, 'x'); INSERT INTO "
                     "domain_owner (domain, client_id) VALUES ('example.com', 7)"),
        3); /* the owners are read again only when their counter is raised */
    CU_ASSERT_EQUAL(faults_after("UPDATE counter SET value = value + 1 WHERE name = 'owners'"), 4);
}

static void verify_finds_what_was_changed(void)
{
    on_each(verify_finds_what_was_changed_case);
}

static bool has_lease(const char *holder, int64_t seconds, const char *over)
{
    struct store_claim claim = {holder, seconds, over};
    char other[STORE_HOLDER_MAX];
    struct err e;

    expect(store_lease_take(store, "main/INBOX", &claim, other, &e), 0, &e);
    return !*other;
}

static void one_holds_a_lease_case(void)
{
    struct err e;

    CU_ASSERT_TRUE(has_lease("a", 100, NULL));
    CU_ASSERT_TRUE(has_lease("a", 100, NULL));
    CU_ASSERT_FALSE(has_lease("b", 100, NULL));
    CU_ASSERT_FALSE(has_lease("b", 100, "c"));
    CU_ASSERT_TRUE(has_lease("b", 100, "a")); /* a is dead */
    CU_ASSERT_FALSE(has_lease("a", 100, NULL));
    expect(store_lease_release(store, "b", &e), 0, &e);
    CU_ASSERT_TRUE(has_lease("a", -1, NULL)); /* over already */
    CU_ASSERT_TRUE(has_lease("b", -1, NULL));
    expect(store_lease_renew(store, "b", 100, &e), 0, &e);
    CU_ASSERT_FALSE(has_lease("a", 100, NULL));
}

static void one_holds_a_lease(void)
{
    on_each(one_holds_a_lease_case);
}

static struct store_mailbox last_mailbox;

static int take_mailbox(void *context, const struct store_mailbox *m)
{
    int *n = context;

    last_mailbox = *m;
    last_mailbox.name = NULL; /* not valid for longer */
    CU_ASSERT_STRING_EQUAL(m->folder, "INBOX");
    if (m->failures)
        CU_ASSERT_STRING_EQUAL(m->error_class, "timeout");
    ++*n;
    return 0;
}

static void polled(const struct err *why, int64_t waiting, int64_t messages)
{
    struct store_summary s = {.messages = messages, .stored = messages};
    struct store_poll p = {why, waiting, &s};
    struct err e;
    int n = 0;

    expect(store_mailbox_polled(store, "main", "INBOX", &p, &e), 0, &e);
    expect(store_mailboxes(store, take_mailbox, &n, &e), 0, &e);
    CU_ASSERT_EQUAL(n, 1);
}

static void polls_are_remembered_case(void)
{
    struct err why;

    (void)err_set(&why, ERR_TEMPORARY, "timeout", "no answer");
    polled(&why, -1, 0);
    CU_ASSERT_EQUAL(last_mailbox.succeeded_at, -1);
    CU_ASSERT_TRUE(last_mailbox.failing_since > 0);
    same_number(last_mailbox.waiting, -1, "not known");
    polled(NULL, 7, 3);
    CU_ASSERT_TRUE(last_mailbox.succeeded_at > 0);
    CU_ASSERT_EQUAL(last_mailbox.failing_since, -1);
    CU_ASSERT_TRUE(last_mailbox.error_at > 0); /* the last one */
    same_number(last_mailbox.waiting, 7, "waiting");
    polled(&why, -1, 2);
    CU_ASSERT_TRUE(last_mailbox.failing_since > 0);
    CU_ASSERT_TRUE(last_mailbox.succeeded_at > 0);
    same_number(last_mailbox.waiting, 7, "as was known last");
    same_number(last_mailbox.polls, 3, "polls");
    same_number(last_mailbox.failures, 2, "failures");
    same_number(last_mailbox.messages, 5, "messages");
    same_number(last_mailbox.stored, 5, "stored");
    same_number(last_mailbox.open_rejects, 0, "open rejects");
}

static void polls_are_remembered(void)
{
    on_each(polls_are_remembered_case);
}

static void every_statement_is_understood_case(void)
{
    struct db_stmt *s = NULL;
    struct err e;

    for (size_t k = 0; sql_all[k]; k++)
        expect(behind.driver->prepare(behind.db, sql_all[k], &s, &e), 0, &e);
}

static void every_statement_is_understood(void)
{
    on_each(every_statement_is_understood_case);
}

/* ---- copies ---- */

static void count_table(void *context, const struct store_copied *done)
{
    (void)done;
    ++*(int64_t *)context;
}

/* Who makes a table says here, or in store/copy.c, what becomes of it when a store is copied. */
static void no_table_is_forgotten_case(void)
{
    static const char *const left_out[] = {"counter", "setting", "lease", "schema_version"};
    const char *all = strcmp(behind.driver->scheme, "sqlite") == 0
                          ? "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
                          : "SELECT count(*) FROM information_schema.tables "
                            "WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'";
    char path[64];
    struct store *copy = NULL;
    struct err e;
    int64_t tables = 0;
    int64_t copied = 0;

    (void)snprintf(path, sizeof path, "sqlite:/tmp/dmarcmill-copy-%d.db", (int)getpid());
    expect(store_open(&copy, path, &e), 0, &e);
    expect(store_copy(store, copy, count_table, &copied, &e), 0, &e);
    store_close(copy);
    (void)unlink(path + strlen("sqlite:"));
    expect(db_one_int(&behind, all, NULL, 0, &tables, &e), DB_ROW, &e);
    same_number(copied + (int64_t)(sizeof left_out / sizeof *left_out), tables, "tables");
}

static void no_table_is_forgotten(void)
{
    on_each(no_table_is_forgotten_case);
}

/* ---- several readings of one moment ---- */

static void a_failed_reading_is_told_case(void)
{
    const struct query wrong = {"SELECT nothing FROM client", NULL, 0, NULL, NULL};
    struct err first;
    struct err e;
    int64_t id = 0;

    expect(store_read_begin(store, &e), 0, &e);
    expect(store_query(store, &wrong, &first), ERR_BUG, &first);
    expect(store_client_find(store, "unassigned", &id, &e), ERR_BUG, &e);
    same_text(e.text, first.text);
    store_read_end(store);
    expect(store_client_find(store, "unassigned", &id, &e), 0, &e);
}

static void a_failed_reading_is_told(void)
{
    on_each(a_failed_reading_is_told_case);
}

static void reading_is_of_one_moment_case(void)
{
    struct err e;
    int64_t id = 0;

    expect(store_read_begin(store, &e), 0, &e);
    expect(store_client_find(store, "late", &id, &e), ERR_USAGE, &e);
    script("INSERT INTO client (client_id, name) VALUES (77, 'late')");
    expect(store_client_find(store, "late", &id, &e), ERR_USAGE, &e);
    store_read_end(store);
    expect(store_client_find(store, "late", &id, &e), 0, &e);
    same_number(id, 77, "client");
}

static void reading_is_of_one_moment(void)
{
    on_each(reading_is_of_one_moment_case);
}

/* ---- checks of domains ---- */

/* What is found, state by state; a letter that is another than before is a change. */
static void decide_state(
    void *context, size_t i, const struct store_check *last, struct store_check_answer *out)
{
    const char *const *found = context;

    out->content = found[i];
    out->changes = last && strcmp(last->content, found[i]) != 0 ? "changed" : NULL;
}

/* Times are hundredths of days here. */
static void keep_state(const char *domain, int64_t at, const char *found)
{
    const struct store_checked list[] = {{domain, at * 864}, {"stranger.example", at * 864}};
    const char *states[] = {found, "nobody's"};
    struct err e;

    expect(store_checks_keep(store, list, 2, decide_state, states, &e), 0, &e);
}

struct told_states {
    struct arena *arena;
    const char *text;
};

static int tell_state(void *context, const struct store_check *c)
{
    struct told_states *t = context;

    t->text = arena_printf(t->arena, "%s%s %s %lld-%lld %s %s\n", t->text, c->client, c->domain,
        (long long)c->checked_at / 864, (long long)c->last_seen / 864, c->content,
        c->changes ? c->changes : "first");
    return 0;
}

static void expect_states_of(const struct store_period *p, const char *wanted)
{
    struct told_states t = {arena_new(), ""};
    struct err e;

    expect(store_checks(store, p, tell_state, &t, &e), 0, &e);
    same_text(t.text, wanted);
    arena_free(t.arena);
}

static void expect_states(const char *client, int64_t from, int64_t to, const char *wanted)
{
    expect_states_of(&(struct store_period){.client = client, .from = from, .to = to}, wanted);
}

static void expect_states_below(const char *domain, const char *wanted)
{
    expect_states_of(&(struct store_period){.domain = domain, .to = 10}, wanted);
}

static void state_is_kept_once_case(void)
{
    struct err e;

    assign("acme.example", "acme");
    keep_state("acme.example", 100, "A");
    keep_state("acme.example", 200, "A");
    expect_states("acme", 0, 10, "acme acme.example 100-200 A first\n");
    keep_state("www.acme.example", 200, "A");
    keep_state("acme.example", 300, "B");
    keep_state("acme.example", 400, "B");
    expect_states(NULL, 0, 10,
        "acme acme.example 100-200 A first\nacme acme.example 300-400 B changed\n"
        "acme www.acme.example 200-200 A first\n");
    expect_states("acme", 3, 3, "acme acme.example 300-400 B changed\n");
    expect_states_below("www.acme.example", "acme www.acme.example 200-200 A first\n");
    /* a clock that goes back */
    keep_state("acme.example", 250, "B");
    expect_states("acme", 3, 3, "acme acme.example 300-400 B changed\n");
    /* they go where the domain goes */
    assign("acme.example", "birch");
    expect_states("acme", 0, 10, "");
    expect_states("birch", 0, 2,
        "birch acme.example 100-200 A first\n"
        "birch www.acme.example 200-200 A first\n");
    expect(store_client_remove(store, "birch", &e), 0, &e);
    expect_states("unassigned", 3, 3, "unassigned acme.example 300-400 B changed\n");
    expect(store_checks(store, &(struct store_period){.client = "nobody"}, tell_state, NULL, &e),
        ERR_USAGE, &e);
    same_number(number("SELECT COUNT(*) FROM v_domain_check WHERE date = '1970-01-04'"), 1, "rows");
}

/* ---- deliveries ---- */

static struct store_delivery delivery_to(const char *recipient)
{
    struct store_delivery d = {
        .client = "acme", .from = MONDAY, .to = MONDAY + 6, .recipient = recipient};
    struct err e;

    expect(store_delivery_find(store, &d, &e), 0, &e);
    d.message_id = "1@msp.example";
    return d;
}

static void delivery_is_one_attempt_at_a_time_case(void)
{
    struct err e;
    bool created;

    expect(store_client_add(store, "acme", &created, &e), 0, &e);
    struct store_delivery mine = delivery_to("anna@acme.example");
    struct store_delivery other = mine;
    same_number(mine.state, DELIVERY_NONE, "state before all");
    same_number(mine.edition, 1, "edition before all");
    expect(store_delivery_begin(store, &mine, &e), 0, &e);
    expect(store_delivery_begin(store, &other, &e), ERR_TEMPORARY, &e);
    same_text(e.tag, "delivery-taken");
    same_number(delivery_to("anna@acme.example").state, DELIVERY_INTENDED, "state after begin");
    mine.state = DELIVERY_HANDED;
    expect(store_delivery_settle(store, &mine, &e), 0, &e);

    /* as after a kill: whoever comes next finds it, and the one before has lost it */
    other = delivery_to("anna@acme.example");
    same_number(other.state, DELIVERY_HANDED, "state after handing over");
    same_number(other.attempts, 1, "attempts");
    expect(store_delivery_begin(store, &other, &e), 0, &e);
    mine.state = DELIVERY_SENT;
    expect(store_delivery_settle(store, &mine, &e), ERR_TEMPORARY, &e);
    other.state = DELIVERY_SENT;
    expect(store_delivery_settle(store, &other, &e), 0, &e);
    same_number(
        number("SELECT COUNT(*) FROM v_delivery WHERE client = 'acme' AND state = 'sent' AND "
               "from_date = '2026-11-16' AND to_date = '2026-11-22' AND attempts = 2 AND "
               "sent_at = changed_at AND mail_message_id = '1@msp.example'"),
        1, "row for analysts");
}

static int count_delivery(void *context, const struct store_delivery *d)
{
    struct store_delivery *last = context;

    same_text(d->recipient, last->attempts ? "bert@acme.example" : "anna@acme.example");
    same_text(d->reason, last->attempts ? NULL : "550 no");
    same_number(d->sent_at, -1, "sent at");
    last->attempts++;
    last->state = d->state;
    return 0;
}

static void deliveries_are_listed_and_forgotten_case(void)
{
    struct store_period period = {.from = MONDAY + 6, .to = MONDAY + 8};
    struct store_delivery seen = {0};
    struct err e;
    bool created;

    expect(store_client_add(store, "acme", &created, &e), 0, &e);
    struct store_delivery bert = delivery_to("bert@acme.example");
    struct store_delivery anna = delivery_to("anna@acme.example");
    expect(store_delivery_begin(store, &bert, &e), 0, &e);
    expect(store_delivery_begin(store, &anna, &e), 0, &e);
    anna.state = DELIVERY_REFUSED;
    anna.reason = "550 no";
    expect(store_delivery_settle(store, &anna, &e), 0, &e);
    expect(store_deliveries(store, &period, count_delivery, &seen, &e), 0, &e);
    same_number(seen.attempts, 2, "deliveries that end in the period");
    same_number(seen.state, DELIVERY_INTENDED, "state of the last one");
    period.from = MONDAY + 7;
    expect(store_deliveries(store, &period, count_delivery, &seen, &e), 0, &e);
    same_number(seen.attempts, 2, "none behind it");
    expect(store_client_remove(store, "acme", &e), 0, &e);
    same_number(number("SELECT COUNT(*) FROM delivery"), 0, "deliveries of nobody");
}

static void state_is_kept_once(void)
{
    on_each(state_is_kept_once_case);
}

static void delivery_is_one_attempt_at_a_time(void)
{
    on_each(delivery_is_one_attempt_at_a_time_case);
}

static void deliveries_are_listed_and_forgotten(void)
{
    on_each(deliveries_are_listed_and_forgotten_case);
}

const struct unit_test unit_tests[] = {
    {"one holds a lease", one_holds_a_lease},
    {"polls are remembered", polls_are_remembered},
    {"packing comes back as it was", packing_comes_back_as_it_was},
    {"packing keeps empty fields", packing_keeps_empty_fields},
    {"packing takes any text", packing_takes_any_text},
    {"every statement is understood", every_statement_is_understood},
    {"no table is forgotten by a copy", no_table_is_forgotten},
    {"a failed reading is told", a_failed_reading_is_told},
    {"reading is of one moment", reading_is_of_one_moment},
    {"a stored report is read back", stored_report_is_read_back},
    {"copies are duplicates", copies_are_duplicates},
    {"order does not matter", order_does_not_matter},
    {"other content is a conflict", other_content_is_a_conflict},
    {"a partial report waits for a complete one", partial_waits_for_complete},
    {"partial and complete in one batch", partial_and_complete_in_one_batch},
    {"a huge report is streamed", huge_report_is_streamed},
    {"a streamed report replaces a partial one", streamed_report_replaces_partial},
    {"a deferred message leaves nothing", deferred_message_leaves_nothing},
    {"many reports add up", many_reports_add_up},
    {"absurd counts stay countable", absurd_counts_stay_countable},
    {"cut and whole in one message", cut_and_whole_in_one_message},
    {"domains move with their reports", domains_move_with_their_reports},
    {"clients come and go", clients_come_and_go},
    {"nothing new is assigned", nothing_new_is_assigned},
    {"domains are given back", domains_are_given_back},
    {"owners may change meanwhile", owners_may_change_meanwhile},
    {"rejects are kept", rejects_are_kept},
    {"a partial report can be accepted", partial_can_be_accepted},
    {"rejects are tried again", rejects_are_tried_again},
    {"the second reading must be the first", second_reading_must_be_the_first},
    {"better readings replace", better_readings_replace},
    {"damage is put right", damage_is_put_right},
    {"a partial report is read again", partial_is_read_again},
    {"conflicts stay", conflicts_stay},
    {"a huge report is read again", huge_report_is_read_again},
    {"a poisoned message is rejected", poisoned_message_is_rejected},
    {"poisoned messages are found", poisoned_messages_are_found},
    {"a batch is repeated", batch_is_repeated},
    {"replacing is repeated", replacing_is_repeated},
    {"lasting trouble is told", lasting_trouble_is_told},
    {"streaming can break", streaming_can_break},
    {"a mailbox is remembered", mailbox_is_remembered},
    {"long keys fit", long_keys_fit},
    {"two writers store once", two_writers_store_once},
    {"TLS and failure reports are stored once", tls_and_failures_are_stored_once},
    {"a complete TLS report replaces a partial one", complete_tls_replaces_partial},
    {"failure data is the operator's choice", failure_data_is_the_operators_choice},
    {"hashes last", hashes_last},
    {"doubtful reports can be left out", doubtful_reports_can_be_left_out},
    {"a state of a domain is kept once", state_is_kept_once},
    {"a delivery is one attempt at a time", delivery_is_one_attempt_at_a_time},
    {"deliveries are listed and forgotten", deliveries_are_listed_and_forgotten},
    {"verify finds what was changed", verify_finds_what_was_changed},
    {NULL, NULL},
};
