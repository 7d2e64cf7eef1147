/*
 * The drivers keep one contract: each case runs on SQLite, and on PostgreSQL too when TEST_PG_URL
 * names an empty database (tests/e2e/db_postgres.sh makes one).
 */
#include "base/arena.h"
#include "store/db.h"
#include "store/migrate.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char unit_suite[] = "db";

/* ---- help ---- */

static char folder_path[] = "/tmp/dmarcmill-db-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void remove_folder(void)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the process is ending */
    (void)nftw(folder_path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Where the databases of this run are; made at first use. */
static const char *folder(void)
{
    static bool made;

    if (!made) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder_path));
        made = atexit(remove_folder) == 0;
    }
    return folder_path;
}

static void expect(int got, int wanted, const struct err *e)
{
    if (got != wanted)
        printf("\n    got %d, wanted %d: %s", got, wanted, got < 0 ? e->text : "");
    CU_ASSERT_EQUAL(got, wanted);
}

static const char *postgres_url(void)
{
    const char *url = getenv("TEST_PG_URL"); /* NOLINT(concurrency-mt-unsafe): one thread */

    return url && *url ? url : NULL;
}

/* Words of text are few here; a NULL value is written <null>. */
static void expect_text(struct db_value v, const char *wanted)
{
    const char *got = v.type == DB_TEXT ? v.bytes : "<null>";

    if (strcmp(got, wanted) != 0)
        printf("\n    got \"%s\", wanted \"%s\"", got, wanted);
    CU_ASSERT_STRING_EQUAL(got, wanted);
    CU_ASSERT(v.type != DB_TEXT || v.len == strlen(wanted));
}

static int64_t number(struct db_conn *c, const char *sql)
{
    struct err e;
    int64_t n = -1;

    expect(db_one_int(c, sql, NULL, 0, &n, &e), DB_ROW, &e);
    return n;
}

static void must(struct db_conn *c, const char *sql)
{
    struct err e;

    expect(c->driver->script(c->db, sql, &e), 0, &e);
}

static void begin(struct db_conn *c, bool to_write)
{
    struct err e;

    expect(c->driver->begin(c->db, to_write, &e), 0, &e);
}

static void commit(struct db_conn *c)
{
    struct err e;

    expect(c->driver->commit(c->db, &e), 0, &e);
}

static struct db_stmt *prepared(struct db_conn *c, const char *sql)
{
    struct db_stmt *s = NULL;
    struct err e;

    expect(c->driver->prepare(c->db, sql, &s, &e), 0, &e);
    return s;
}

static void connect_to(struct db_conn *c, const char *url)
{
    struct err e;

    c->driver = db_driver_for(url);
    c->db = NULL;
    expect(c->driver->open(&c->db, url, &e), 0, &e);
}

static void disconnect(struct db_conn *c)
{
    c->driver->close(c->db);
}

static const char *sqlite_url(void)
{
    static char url[64];
    static unsigned serial;

    (void)snprintf(url, sizeof url, "sqlite:%s/%u.db", folder(), ++serial);
    return url;
}

typedef void test_case(struct db_conn *c, const char *url);

static const char clean_up[] = "DROP TABLE IF EXISTS t";
static const char make_t[] = "CREATE TABLE t (n BIGINT NOT NULL PRIMARY KEY, a %s, b %s)";

static void run_on(const char *url, test_case *run)
{
    struct db_conn c;
    char ddl[128];

    connect_to(&c, url);
    if (!c.db)
        return;
    bool sqlite = c.driver == &db_sqlite;
    (void)snprintf(ddl, sizeof ddl, make_t, "TEXT", sqlite ? "BLOB" : "BYTEA");
    must(&c, clean_up);
    must(&c, ddl);
    run(&c, url);
    c.driver->rollback(c.db);
    must(&c, clean_up);
    disconnect(&c);
}

static void on_each(test_case *run)
{
    run_on(sqlite_url(), run);
    if (postgres_url())
        run_on(postgres_url(), run);
}

static const char insert_t[] = "INSERT INTO t (n, a, b) VALUES ($1, $2, $3)";

static int insert(struct db_conn *c, int64_t n, const char *a, struct err *e)
{
    struct db_value v[] = {db_int(n), db_text(a), db_null()};

    return db_exec(c, insert_t, v, 3, e);
}

static void must_insert(struct db_conn *c, int64_t n, const char *a)
{
    struct err e;

    expect(insert(c, n, a, &e), 0, &e);
}

/* ---- values ---- */

static void binding_order(struct db_conn *c, const char *url)
{
    struct err e;
    int64_t n = 0;

    (void)url;
    must_insert(c, 1, "one");
    must_insert(c, 2, "two");
    struct db_value v[] = {db_int(2), db_text("two")};
    const char *sql = "SELECT n + 10 FROM t WHERE a = $2 AND n = $1";
    expect(db_one_int(c, sql, v, 2, &n, &e), DB_ROW, &e);
    CU_ASSERT_EQUAL(n, 12);
    sql = "SELECT n FROM t WHERE $2 = a AND $1 = 2 AND $2 = 'two'";
    expect(db_one_int(c, sql, v, 2, &n, &e), DB_ROW, &e);
    CU_ASSERT_EQUAL(n, 2);
    expect(db_one_int(c, sql, v, 1, &n, &e), ERR_BUG, &e);
}

static void null_and_empty(struct db_conn *c, const char *url)
{
    struct err e;
    struct db_value empty[] = {db_int(1), db_text(""), db_blob("", 0)};
    struct db_value null[] = {db_int(2), db_text(NULL), db_blob(NULL, 0)};

    (void)url;
    expect(db_exec(c, insert_t, empty, 3, &e), 0, &e);
    expect(db_exec(c, insert_t, null, 3, &e), 0, &e);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t WHERE a = '' AND length(b) = 0"), 1);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t WHERE a IS NULL AND b IS NULL"), 1);
    struct db_stmt *s = prepared(c, "SELECT a, b FROM t ORDER BY n");
    expect(c->driver->run(s, NULL, 0, &e), 0, &e);
    expect(c->driver->step(s, &e), DB_ROW, &e);
    expect_text(c->driver->column(s, 0), "");
    CU_ASSERT_EQUAL(c->driver->column(s, 1).type, DB_BLOB);
    CU_ASSERT_EQUAL(c->driver->column(s, 1).len, 0);
    expect(c->driver->step(s, &e), DB_ROW, &e);
    CU_ASSERT_EQUAL(c->driver->column(s, 0).type, DB_NULL);
    CU_ASSERT_EQUAL(c->driver->column(s, 1).type, DB_NULL);
    expect(c->driver->step(s, &e), DB_DONE, &e);
    expect(c->driver->step(s, &e), DB_DONE, &e);
    int64_t n = 7;
    expect(db_one_int(c, "SELECT max(n) FROM t WHERE n > 5", NULL, 0, &n, &e), DB_DONE, &e);
    expect(db_one_int(c, "SELECT n FROM t WHERE n > 5", NULL, 0, &n, &e), DB_DONE, &e);
    CU_ASSERT_EQUAL(n, 7);
}

static const int64_t extremes[] = {
    INT64_MIN, INT64_MIN + 1, INT32_MIN, -1, 0, 1, 255, 256, INT32_MAX, INT64_MAX};
static const char difficult[] = "tab\there \\N \\. back\\slash\nline\r\"quote\" 'it''s' "
                                "\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa8 \x01\x7f %s $1 ;--";

/* The rows of `difficult`: what was written comes back byte by byte. */
static void expect_difficult(struct db_conn *c, const unsigned char *bytes, size_t len)
{
    struct err e;
    struct db_stmt *s = prepared(c, "SELECT n, a, b FROM t ORDER BY n");

    expect(c->driver->run(s, NULL, 0, &e), 0, &e);
    for (size_t i = 0; i < sizeof extremes / sizeof extremes[0]; i++) {
        expect(c->driver->step(s, &e), DB_ROW, &e);
        struct db_value n = c->driver->column(s, 0);
        struct db_value b = c->driver->column(s, 2);
        CU_ASSERT_EQUAL(n.type, DB_INT);
        CU_ASSERT_EQUAL(n.n, extremes[i]);
        expect_text(c->driver->column(s, 1), difficult);
        CU_ASSERT_EQUAL(b.type, DB_BLOB);
        CU_ASSERT_EQUAL_FATAL(b.len, len);
        CU_ASSERT_EQUAL(memcmp(b.bytes, bytes, len), 0);
    }
    expect(c->driver->step(s, &e), DB_DONE, &e);
}

static void fill(unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)(i * 7);
}

static void round_trip(struct db_conn *c, const char *url)
{
    struct err e;
    unsigned char bytes[300];

    (void)url;
    fill(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof extremes / sizeof extremes[0]; i++) {
        struct db_value v[] = {
            db_int(extremes[i]), db_text(difficult), db_blob(bytes, sizeof bytes)};
        expect(db_exec(c, insert_t, v, 3, &e), 0, &e);
    }
    expect_difficult(c, bytes, sizeof bytes);
    struct db_value v = db_blob(bytes, sizeof bytes);
    int64_t n = 0;
    expect(db_one_int(c, "SELECT count(*) FROM t WHERE b = $1", &v, 1, &n, &e), DB_ROW, &e);
    CU_ASSERT_EQUAL(n, sizeof extremes / sizeof extremes[0]);
}

/* Text is bound with its length: what follows it in memory is not read. */
static void text_has_a_length(struct db_conn *c, const char *url)
{
    struct err e;
    struct db_value v[] = {db_int(1), db_text_of("abcdef", 3), db_null()};

    (void)url;
    expect(db_exec(c, insert_t, v, 3, &e), 0, &e);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t WHERE a = 'abc'"), 1);
}

/* The caller's values may be gone when the rows are read. */
static void values_are_borrowed_for_run_only(struct db_conn *c, const char *url)
{
    struct err e;
    char word[] = "two";
    struct db_value v = db_text(word);

    (void)url;
    must_insert(c, 1, "one");
    must_insert(c, 2, "two");
    must_insert(c, 3, "two");
    struct db_stmt *s = prepared(c, "SELECT n, CAST($1 AS text) FROM t WHERE a = $1 ORDER BY n");
    expect(c->driver->run(s, &v, 1, &e), 0, &e);
    memset(word, 'x', 3);
    expect(c->driver->step(s, &e), DB_ROW, &e);
    expect(c->driver->step(s, &e), DB_ROW, &e);
    CU_ASSERT_EQUAL(c->driver->column(s, 0).n, 3);
    expect_text(c->driver->column(s, 1), "two");
    expect(c->driver->step(s, &e), DB_DONE, &e);
}

static void order_is_by_bytes(struct db_conn *c, const char *url)
{
    static const char *const words[] = {"b", "\xc3\xa9", "Z", "a", "ab", "A", "z"};
    static const char *const sorted[] = {"A", "Z", "a", "ab", "b", "z", "\xc3\xa9"};
    struct err e;

    (void)url;
    for (int i = 0; i < 7; i++)
        must_insert(c, i, words[i]);
    struct db_stmt *s = prepared(c, "SELECT a FROM t ORDER BY a COLLATE \"C\"");
    expect(c->driver->run(s, NULL, 0, &e), 0, &e);
    for (int i = 0; i < 7; i++) {
        expect(c->driver->step(s, &e), DB_ROW, &e);
        expect_text(c->driver->column(s, 0), sorted[i]);
    }
    expect(c->driver->step(s, &e), DB_DONE, &e);
}

/* ---- transactions ---- */

static void rollback_leaves_nothing(struct db_conn *c, const char *url)
{
    (void)url;
    begin(c, true);
    must_insert(c, 1, "one");
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 1);
    c->driver->rollback(c->db);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 0);
    begin(c, true);
    must_insert(c, 1, "one");
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 1);
}

static void commit_after_error_is_an_error(struct db_conn *c, const char *url)
{
    struct err e;

    (void)url;
    begin(c, true);
    must_insert(c, 1, "one");
    expect(insert(c, 1, "again", &e), ERR_BUG, &e);
    expect(insert(c, 2, "two", &e), ERR_BUG, &e);
    expect(c->driver->commit(c->db, &e), ERR_BUG, &e);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 0);
    begin(c, true);
    must_insert(c, 1, "one");
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 1);
    expect(c->driver->commit(c->db, &e), ERR_BUG, &e);
}

static void reading_sees_one_state(struct db_conn *c, const char *url)
{
    struct db_conn other;

    connect_to(&other, url);
    must_insert(c, 1, "one");
    begin(c, false);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 1);
    must_insert(&other, 2, "two");
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 1);
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 2);
    disconnect(&other);
}

static void reading_transaction_writes_nothing(struct db_conn *c, const char *url)
{
    struct err e;

    (void)url;
    begin(c, false);
    expect(insert(c, 1, "one", &e), ERR_BUG, &e);
    c->driver->rollback(c->db);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 0);
}

static void nothing_nests(struct db_conn *c, const char *url)
{
    struct err e;

    (void)url;
    begin(c, true);
    expect(c->driver->begin(c->db, true, &e), ERR_BUG, &e);
    c->driver->rollback(c->db);
    c->driver->rollback(c->db);
    begin(c, true);
    commit(c);
}

/* ---- statements ---- */

static void one_statement_at_a_time(struct db_conn *c, const char *url)
{
    struct err e;

    (void)url;
    must_insert(c, 1, "one");
    must_insert(c, 2, "two");
    struct db_stmt *all = prepared(c, "SELECT n FROM t ORDER BY n");
    struct db_stmt *count = prepared(c, "SELECT count(*) FROM t");
    CU_ASSERT_PTR_EQUAL(prepared(c, "SELECT count(*) FROM t"), count);
    expect(c->driver->run(all, NULL, 0, &e), 0, &e);
    expect(c->driver->step(all, &e), DB_ROW, &e);
    expect(c->driver->run(count, NULL, 0, &e), ERR_BUG, &e);
    expect(c->driver->begin(c->db, true, &e), ERR_BUG, &e);
    CU_ASSERT_EQUAL(c->driver->column(all, 0).n, 1);
    expect(c->driver->run(all, NULL, 0, &e), 0, &e); /* starts again */
    expect(c->driver->step(all, &e), DB_ROW, &e);
    CU_ASSERT_EQUAL(c->driver->column(all, 0).n, 1);
    c->driver->reset(all);
    expect(c->driver->step(all, &e), DB_DONE, &e);
    expect(c->driver->run(count, NULL, 0, &e), 0, &e);
    expect(c->driver->step(count, &e), DB_ROW, &e);
    CU_ASSERT_EQUAL(c->driver->column(count, 0).n, 2);
    c->driver->reset(count);
}

static void bad_statements_are_refused(struct db_conn *c, const char *url)
{
    static const char *const bad[] = {
        "SELECT nosuch FROM t",
        "SELECT \"nosuch\" FROM t",
        "SELECT n FROM nosuch",
        "SELEC n FROM t",
        "SELECT n FROM t; SELECT n FROM t",
    };
    struct err e;
    struct db_stmt *s;

    (void)url;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect(c->driver->prepare(c->db, bad[i], &s, &e), ERR_BUG, &e);
        CU_ASSERT_PTR_NOT_NULL(strstr(e.text, bad[i]));
    }
    must_insert(c, 1, "the connection is still good");
}

static void statement_works_after_error(struct db_conn *c, const char *url)
{
    struct err e;

    (void)url;
    must_insert(c, 1, "one");
    expect(insert(c, 1, "one", &e), ERR_BUG, &e);
    must_insert(c, 2, "two");
    begin(c, true);
    expect(insert(c, 1, "one", &e), ERR_BUG, &e);
    c->driver->rollback(c->db);
    must_insert(c, 3, "three");
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 3);
}

static const char many_rows[] =
    "WITH RECURSIVE q(i) AS (SELECT CAST(1 AS bigint) UNION ALL SELECT i + 1 FROM q WHERE i < $1) "
    "SELECT i, "
    "'a text of some length, so that a result held in memory whole is seen to be there' FROM q";

/* 300,000 rows of 80 bytes are 24 MB and more: at the last row, little of it may be in memory. */
static void large_result_is_streamed(struct db_conn *c, const char *url)
{
    struct err e;
    struct db_value rows = db_int(300000);
    struct db_stmt *s = prepared(c, many_rows);
    int64_t sum = 0;
    int64_t n = 0;
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    size_t most = 0;
    int got;

    (void)url;
    expect(c->driver->run(s, &rows, 1, &e), 0, &e);
    while ((got = c->driver->step(s, &e)) == DB_ROW) {
        sum += c->driver->column(s, 0).n;
        if (++n % 100000 == 1) {
            size_t now = mallinfo2().uordblks + mallinfo2().hblkhd;
            most = now > most ? now : most;
        }
    }
    expect(got, DB_DONE, &e);
    CU_ASSERT_EQUAL(n, 300000);
    CU_ASSERT_EQUAL(sum, INT64_C(300000) * 300001 / 2);
    CU_ASSERT(most < before + 4000000);
}

static void reset_in_the_middle(struct db_conn *c, const char *url)
{
    struct err e;
    struct db_value rows = db_int(50000);
    struct db_stmt *s = prepared(c, many_rows);

    (void)url;
    begin(c, true);
    must_insert(c, 1, "one");
    expect(c->driver->run(s, &rows, 1, &e), 0, &e);
    for (int i = 0; i < 1000; i++)
        expect(c->driver->step(s, &e), DB_ROW, &e);
    CU_ASSERT_EQUAL(c->driver->column(s, 0).n, 1000);
    c->driver->reset(s);
    must_insert(c, 2, "two");
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 2);
}

/* An error that shows only after some rows. */
static void error_in_the_middle(struct db_conn *c, const char *url)
{
    static const char sql[] =
        "WITH RECURSIVE q(i) AS (SELECT CAST(1 AS bigint) UNION ALL SELECT i + 1 FROM q WHERE i < "
        "2000) SELECT i, abs(-9223372036854775807 - (CASE WHEN i < 1000 THEN 0 ELSE 1 END)) FROM q";
    struct err e;
    struct db_stmt *s = prepared(c, sql);
    int rows = 0;
    int got;

    (void)url;
    begin(c, true);
    must_insert(c, 1, "one");
    got = c->driver->run(s, NULL, 0, &e);
    while (got == 0 && (got = c->driver->step(s, &e)) == DB_ROW) {
        rows++;
        got = 0;
    }
    expect(got, ERR_BUG, &e);
    CU_ASSERT_EQUAL(rows, 999);
    expect(c->driver->commit(c->db, &e), ERR_BUG, &e);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 0);
}

/* ---- many at once ---- */

enum {
    SETS = 1723 /* no multiple of what goes out at once */
};

/* Even numbers are there before; of two that are alike the first is new. */
static void insert_many_tells_the_new(struct db_conn *c, const char *url)
{
    static struct db_value v[SETS * 2];
    static bool inserted[SETS];
    struct err e;
    int wrong = 0;

    (void)url;
    struct db_stmt *s = prepared(
        c, "INSERT INTO t (n, a) VALUES ($1, $2) ON CONFLICT (n) DO NOTHING RETURNING n, a");
    for (size_t i = 0; i < SETS; i++) {
        v[2 * i] = db_int((int64_t)i * 2);
        v[2 * i + 1] = db_text("text that makes the pipeline a little longer");
    }
    begin(c, true);
    expect(c->driver->insert_many(s, v, 2, SETS / 2, inserted, &e), 0, &e);
    for (size_t i = 0; i < SETS; i++)
        v[2 * i] = db_int((int64_t)i);
    for (size_t i = 1; i < SETS; i += 10) {
        v[2 * i + 2] = v[2 * i];
        v[2 * i + 3] = db_text("late");
    }
    expect(c->driver->insert_many(s, v, 2, SETS, inserted, &e), 0, &e);
    for (size_t i = 0; i < SETS; i++)
        wrong += inserted[i] != (i % 2 == 1);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t WHERE a = 'late'"), 0);
    expect(c->driver->insert_many(s, v, 2, 0, inserted, &e), 0, &e);
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), SETS - 1);
}

/* A cluster answers in its own order; here a made-up key puts the rows into the reverse one. */
static void insert_many_in_any_order(struct db_conn *c, const char *url)
{
    enum {
        ROWS = 50
    };

    struct db_value v[ROWS * 2];
    bool inserted[ROWS];
    struct err e;
    int wrong = 0;

    (void)url;
    for (size_t i = 0; i < ROWS; i++) {
        v[2 * i] = db_int((int64_t)i);
        v[2 * i + 1] = db_text("x");
    }
    begin(c, true);
    must_insert(c, 10, "x");
    struct db_stmt *s = prepared(
        c, "INSERT INTO t (n, a) VALUES ($1, $2) ON CONFLICT (n) DO NOTHING RETURNING 49 - n, a");
    expect(c->driver->insert_many(s, v, 2, ROWS, inserted, &e), 0, &e);
    for (size_t i = 0; i < ROWS; i++)
        wrong += inserted[i] != (i != 49 - 10);
    CU_ASSERT_EQUAL(wrong, 0);
    c->driver->rollback(c->db);
    begin(c, true);
    s = prepared(
        c, "INSERT INTO t (n, a) VALUES ($1, $2) ON CONFLICT (n) DO NOTHING RETURNING 50 + n, a");
    expect(c->driver->insert_many(s, v, 2, ROWS, inserted, &e), ERR_BUG, &e);
    c->driver->rollback(c->db);
}

/* A row that the database refuses, among many. */
static void insert_many_fails_whole(struct db_conn *c, const char *url)
{
    static struct db_value v[SETS * 2];
    static bool inserted[SETS];
    struct err e;

    (void)url;
    struct db_stmt *s = prepared(
        c, "INSERT INTO t (n, a) VALUES ($1, $2) ON CONFLICT (n) DO NOTHING RETURNING n, a");
    for (size_t i = 0; i < SETS; i++) {
        v[2 * i] = i == 77 ? db_null() : db_int((int64_t)i);
        v[2 * i + 1] = db_text("x");
    }
    expect(c->driver->insert_many(s, v, 2, SETS, inserted, &e), ERR_BUG, &e); /* no transaction */
    begin(c, true);
    expect(c->driver->insert_many(s, v, 2, SETS, inserted, &e), ERR_BUG, &e);
    expect(c->driver->commit(c->db, &e), ERR_BUG, &e);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 0);
    v[154] = db_int(77);
    begin(c, true);
    expect(c->driver->insert_many(s, v, 2, SETS, inserted, &e), 0, &e);
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), SETS);
}

static void run_many_fails_whole(struct db_conn *c, const char *url)
{
    static struct db_value v[SETS * 3];
    struct err e;

    (void)url;
    for (size_t i = 0; i < SETS; i++) {
        v[3 * i] = db_int(i == 700 ? 3 : (int64_t)i);
        v[3 * i + 1] = db_text("x");
        v[3 * i + 2] = db_null();
    }
    struct db_stmt *s = prepared(c, insert_t);
    expect(c->driver->run_many(s, v, 3, SETS, &e), ERR_BUG, &e); /* no transaction */
    begin(c, true);
    expect(c->driver->run_many(s, v, 3, SETS, &e), ERR_BUG, &e);
    expect(c->driver->commit(c->db, &e), ERR_BUG, &e);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 0);
    v[2100] = db_int(700);
    begin(c, true);
    expect(c->driver->run_many(s, v, 3, SETS, &e), 0, &e);
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), SETS);
}

static const char *const t_columns[] = {"n", "a", "b"};

static const enum db_type t_types[] = {DB_INT, DB_TEXT, DB_BLOB};

static void bulk_begin(struct db_conn *c)
{
    struct err e;

    begin(c, true);
    expect(c->driver->bulk_begin(c->db, "t", t_columns, t_types, 3, &e), 0, &e);
}

static void bulk_round_trip(struct db_conn *c, const char *url)
{
    struct err e;
    static unsigned char bytes[400000]; /* more than any buffer on the way */

    (void)url;
    fill(bytes, sizeof bytes);
    bulk_begin(c);
    for (size_t i = 0; i < sizeof extremes / sizeof extremes[0]; i++) {
        struct db_value v[] = {
            db_int(extremes[i]), db_text(difficult), db_blob(bytes, sizeof bytes)};
        expect(c->driver->bulk_row(c->db, v, &e), 0, &e);
    }
    expect(c->driver->bulk_end(c->db, &e), 0, &e);
    expect_difficult(c, bytes, sizeof bytes);
    must(c, "DELETE FROM t");
    expect(c->driver->bulk_begin(c->db, "t", t_columns, t_types, 3, &e), 0, &e);
    struct db_value empty[] = {db_int(1), db_text(""), db_blob("", 0)};
    struct db_value null[] = {db_int(2), db_null(), db_null()};
    expect(c->driver->bulk_row(c->db, empty, &e), 0, &e);
    expect(c->driver->bulk_row(c->db, null, &e), 0, &e);
    expect(c->driver->bulk_end(c->db, &e), 0, &e);
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT n FROM t WHERE a = '' AND length(b) = 0"), 1);
    CU_ASSERT_EQUAL(number(c, "SELECT n FROM t WHERE a IS NULL AND b IS NULL"), 2);
}

static void bulk_of_many_rows(struct db_conn *c, const char *url)
{
    struct err e;
    char text[32];
    int bad = 0;

    (void)url;
    bulk_begin(c);
    for (int i = 0; i < 100000; i++) {
        (void)snprintf(text, sizeof text, "row %d", i);
        struct db_value v[] = {db_int(i), db_text(text), db_blob(&i, sizeof i)};
        bad += c->driver->bulk_row(c->db, v, &e) < 0;
    }
    CU_ASSERT_EQUAL(bad, 0);
    expect(c->driver->bulk_end(c->db, &e), 0, &e);
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t WHERE length(b) = 4"), 100000);
    CU_ASSERT_EQUAL(number(c, "SELECT CAST(sum(n) AS bigint) FROM t"), INT64_C(99999) * 50000);
    CU_ASSERT_EQUAL(number(c, "SELECT n FROM t WHERE a = 'row 77777'"), 77777);
}

/* Until bulk_end, or at it: which, is the database's choice. */
static void bulk_refuses_duplicates(struct db_conn *c, const char *url)
{
    struct err e;
    struct db_value v[] = {db_int(1), db_null(), db_null()};

    (void)url;
    must_insert(c, 1, "one");
    bulk_begin(c);
    int got = c->driver->bulk_row(c->db, v, &e);
    if (got == 0)
        got = c->driver->bulk_end(c->db, &e);
    expect(got, ERR_BUG, &e);
    expect(c->driver->commit(c->db, &e), ERR_BUG, &e);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 1);
}

static void bulk_refuses_other_types(struct db_conn *c, const char *url)
{
    struct err e;
    struct db_value v[] = {db_int(1), db_int(2), db_null()};

    (void)url;
    bulk_begin(c);
    expect(c->driver->bulk_row(c->db, v, &e), ERR_BUG, &e);
    expect(c->driver->bulk_end(c->db, &e), ERR_BUG, &e);
    c->driver->rollback(c->db);
    expect(c->driver->bulk_row(c->db, v, &e), ERR_BUG, &e);
    expect(c->driver->bulk_begin(c->db, "t", t_columns, t_types, 3, &e), ERR_BUG, &e);
}

static void bulk_can_be_abandoned(struct db_conn *c, const char *url)
{
    struct err e;
    struct db_value v[] = {db_int(1), db_text("one"), db_null()};

    (void)url;
    bulk_begin(c);
    expect(c->driver->bulk_row(c->db, v, &e), 0, &e);
    expect(insert(c, 2, "two", &e), ERR_BUG, &e);
    c->driver->rollback(c->db);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 0);
    bulk_begin(c);
    expect(c->driver->commit(c->db, &e), ERR_BUG, &e);
    must_insert(c, 1, "one");
}

/* ---- schema versions ---- */

static int steps_known(const struct db_conn *c)
{
    const struct schema_step *step =
        c->driver == &db_sqlite ? schema_steps_sqlite : schema_steps_postgresql;
    int n = 0;

    while (step[n].name)
        n++;
    return n;
}

/* Several programs are started at once on an empty database: each ends with the same schema. */
static void migrate_at_once(const char *url)
{
    for (int i = 0; i < 4; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct db_conn c;
            struct err e;
            int from, to;
            c.driver = db_driver_for(url);
            if (c.driver->open(&c.db, url, &e) < 0 || migrate(&c, &from, &to, &e) < 0) {
                printf("\n    %s\n", e.text);
                (void)fflush(stdout);
                _exit(1);
            }
            _exit(to != steps_known(&c));
        }
        CU_ASSERT(child > 0);
    }
    for (int i = 0; i < 4; i++) {
        int status = -1;
        CU_ASSERT(wait(&status) > 0);
        CU_ASSERT_EQUAL(status, 0);
    }
}

static void migrate_on(const char *url)
{
    struct db_conn c;
    struct err e;
    int from = -1;
    int to = -1;

    migrate_at_once(url);
    connect_to(&c, url);
    int known = steps_known(&c);
    CU_ASSERT(known >= 1);
    expect(migrate(&c, &from, &to, &e), 0, &e);
    CU_ASSERT_EQUAL(from, known);
    CU_ASSERT_EQUAL(to, known);
    CU_ASSERT_EQUAL(number(&c, "SELECT count(*) FROM schema_version WHERE applied_at > 0"), known);
    CU_ASSERT_EQUAL(number(&c, "SELECT count(*) FROM schema_version WHERE name LIKE '00%.sql'"),
        known < 9 ? known : 9);
    struct db_value newer[] = {db_int(known + 1), db_text("from the future"), db_int(0)};
    expect(db_exec(&c, "INSERT INTO schema_version (version, name, applied_at) VALUES ($1, $2, $3)",
               newer, 3, &e),
        0, &e);
    expect(migrate(&c, &from, &to, &e), ERR_CONFIG, &e);
    CU_ASSERT_STRING_EQUAL(e.tag, "schema-newer");
    disconnect(&c);
}

/* A database of its own, as the schema is not ours to drop. */
static void migrates(void)
{
    struct db_conn c;
    char url[512];

    migrate_on(sqlite_url());
    if (!postgres_url())
        return;
    (void)snprintf(url, sizeof url, "%s_schema", postgres_url());
    connect_to(&c, postgres_url());
    const char *name = strrchr(url, '/') + 1;
    char sql[600];
    (void)snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS \"%s\"", name);
    must(&c, sql);
    (void)snprintf(sql, sizeof sql, "CREATE DATABASE \"%s\"", name);
    must(&c, sql);
    disconnect(&c);
    migrate_on(url);
}

/* ---- SQLite alone ---- */

static int open_fails(const char *url, struct err *e)
{
    const struct db_driver *driver = db_driver_for(url);
    struct db *db = NULL;
    int got = driver->open(&db, url, e);

    CU_ASSERT_PTR_NULL(db);
    driver->close(db);
    return got;
}

static void expect_mode(const char *path, mode_t mode)
{
    struct stat st;

    CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, mode);
}

static void sqlite_files_are_private(void)
{
    struct db_conn c;
    char url[128];
    char path[128];
    mode_t before = umask(0);

    (void)snprintf(url, sizeof url, "sqlite:%s/deep/er/x.db", folder());
    connect_to(&c, url);
    must(&c, "CREATE TABLE t (n BIGINT)");
    (void)umask(before);
    (void)snprintf(path, sizeof path, "%s/deep", folder());
    expect_mode(path, 0700);
    (void)snprintf(path, sizeof path, "%s/deep/er/x.db", folder());
    expect_mode(path, 0600);
    (void)snprintf(path, sizeof path, "%s/deep/er/x.db-wal", folder());
    expect_mode(path, 0600);
    disconnect(&c);
    (void)umask(0777);
    (void)snprintf(url, sizeof url, "sqlite:%s/odd-umask.db", folder());
    connect_to(&c, url);
    (void)umask(before);
    disconnect(&c);
    expect_mode(url + strlen("sqlite:"), 0600);
}

static void sqlite_is_durable_and_strict(void)
{
    struct db_conn c;
    struct err e;
    struct db_stmt *s;

    connect_to(&c, sqlite_url());
    s = prepared(&c, "SELECT journal_mode FROM pragma_journal_mode");
    expect(c.driver->run(s, NULL, 0, &e), 0, &e);
    expect(c.driver->step(s, &e), DB_ROW, &e);
    expect_text(c.driver->column(s, 0), "wal");
    c.driver->reset(s);
    CU_ASSERT_EQUAL(number(&c, "SELECT synchronous FROM pragma_synchronous"), 2);
    CU_ASSERT_EQUAL(number(&c, "SELECT foreign_keys FROM pragma_foreign_keys"), 1);
    CU_ASSERT_EQUAL(number(&c, "SELECT timeout FROM pragma_busy_timeout"), 10000);
    expect(c.driver->prepare(c.db, "SELECT $1::int", &s, &e), ERR_BUG, &e);
    expect(c.driver->prepare(c.db, "SELECT $2", &s, &e), ERR_BUG, &e);
    disconnect(&c);
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

static void sqlite_says_what_is_wrong(void)
{
    struct err e;
    char url[128];

    expect(open_fails("sqlite:", &e), ERR_CONFIG, &e);
    (void)snprintf(url, sizeof url, "sqlite:%s", folder());
    expect(open_fails(url, &e), ERR_UNREACHABLE, &e);
    (void)snprintf(url, sizeof url, "sqlite:%s/text", folder());
    write_file(url + strlen("sqlite:"), "This is a text, and a rather long one, not a database.");
    expect(open_fails(url, &e), ERR_CONFIG, &e);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "something else"));
    (void)snprintf(url, sizeof url, "sqlite:%s/text/below.db", folder());
    expect(open_fails(url, &e), ERR_UNREACHABLE, &e);
    CU_ASSERT_PTR_NULL(db_driver_for("mysql://x"));
    CU_ASSERT_PTR_NULL(db_driver_for("postgresql:x"));
    CU_ASSERT_PTR_EQUAL(db_driver_for("postgres://x"), &db_postgres);
}

/* Names SQLite would read as something else than a file of that name. */
static void sqlite_takes_names_as_they_are(void)
{
    static const char *const names[] = {":memory:", "file:x?mode=memory"};
    struct db_conn c;
    char url[64];

    int home = open(".", O_RDONLY | O_DIRECTORY);
    CU_ASSERT_FATAL(home >= 0 && chdir(folder()) == 0);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(url, sizeof url, "sqlite:%s", names[i]);
        connect_to(&c, url);
        must(&c, "CREATE TABLE t (n BIGINT)");
        disconnect(&c);
        connect_to(&c, url);
        CU_ASSERT_EQUAL(number(&c, "SELECT count(*) FROM t"), 0);
        disconnect(&c);
        expect_mode(names[i], 0600);
    }
    CU_ASSERT_EQUAL(fchdir(home), 0);
    (void)close(home);
}

/* ---- PostgreSQL alone ---- */

static bool no_postgres(void)
{
    if (postgres_url())
        return false;
    printf("(skipped: no TEST_PG_URL) ");
    return true;
}

/* The URL with other words between "//" and "@", or after the last "/". */
static void change_url(char out[512], const char *user_and_password, const char *name)
{
    const char *url = postgres_url();
    const char *host = strchr(url, '@') + 1;
    const char *slash = strrchr(url, '/');

    if (user_and_password) {
        (void)snprintf(out, 512, "postgresql://%s@%s", user_and_password, host);
    } else {
        (void)snprintf(out, 512, "%.*s/%s", (int)(slash - url), url, name);
    }
}

static void postgres_says_what_is_wrong(void)
{
    struct err e;
    char url[512];

    expect(open_fails("postgresql://u:hush-hush@127.0.0.1:1/x", &e), ERR_UNREACHABLE, &e);
    CU_ASSERT_PTR_NULL(strstr(e.text, "hush"));
    static const char *const bad[] = {"postgresql://u:hush-hush@[::1/x",
        "postgresql://u:hush@hush@127.0.0.1/x", "postgresql://u:hush/hush@127.0.0.1:5432/x",
        "postgresql://u:hush%zz@127.0.0.1/x", "postgresql://u@127.0.0.1/x?password=hush&odd=1",
        "postgresql://u:hush@127.0.0.1:99999/x", "postgresql://u:hush?hush@127.0.0.1/x",
        "postgresql://u:hush?sslmode=hush@127.0.0.1/x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT(open_fails(bad[i], &e) < 0);
        if (strstr(e.text, "hush"))
            printf("\n    %s", e.text);
        CU_ASSERT_PTR_NULL(strstr(e.text, "hush"));
    }
    if (no_postgres())
        return;
    change_url(url, "dmarcmill:hush-hush", NULL);
    expect(open_fails(url, &e), ERR_LOGIN, &e);
    CU_ASSERT_STRING_EQUAL(e.tag, "login");
    CU_ASSERT_PTR_NULL(strstr(e.text, "hush"));
    change_url(url, "dmarcmill", NULL);
    expect(open_fails(url, &e), ERR_LOGIN, &e);
    change_url(url, NULL, "nosuchdatabase");
    expect(open_fails(url, &e), ERR_CONFIG, &e);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "createdb"));
}

static void postgres_reads_what_it_can(struct db_conn *c, const char *url)
{
    struct err e;
    struct db_stmt *s = prepared(c, "SELECT CAST(-2 AS smallint), CAST(-3 AS integer), n > 0, "
                                    "CAST('v' AS varchar(5)) FROM t");

    (void)url;
    must_insert(c, 1, "one");
    expect(c->driver->run(s, NULL, 0, &e), 0, &e);
    expect(c->driver->step(s, &e), DB_ROW, &e);
    CU_ASSERT_EQUAL(c->driver->column(s, 0).n, -2);
    CU_ASSERT_EQUAL(c->driver->column(s, 1).n, -3);
    CU_ASSERT_EQUAL(c->driver->column(s, 2).n, 1);
    expect_text(c->driver->column(s, 3), "v");
    c->driver->reset(s);
    int64_t n = 0;
    expect(db_one_int(c, "SELECT sum(n) FROM t", NULL, 0, &n, &e), ERR_BUG, &e);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 1);
}

/* Ends the server's side of c, as a restart or a firewall would. */
static void cut(struct db_conn *c, const char *url)
{
    struct db_conn other;
    struct err e;
    struct db_value pid = db_int(number(c, "SELECT pg_backend_pid()"));
    int64_t left = 1;

    connect_to(&other, url);
    expect(db_exec(&other, "SELECT pg_terminate_backend(CAST($1 AS integer))", &pid, 1, &e), 0, &e);
    while (left > 0) {
        expect(db_one_int(&other,
                   "SELECT count(*) FROM pg_stat_activity WHERE pid = CAST($1 AS integer)", &pid, 1,
                   &left, &e),
            DB_ROW, &e);
    }
    disconnect(&other);
}

static void lost_while_idle_is_not_noticed(struct db_conn *c, const char *url)
{
    must_insert(c, 1, "one");
    cut(c, url);
    begin(c, true);
    must_insert(c, 2, "two"); /* prepared again */
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 2);
}

static void lost_in_transaction_is_temporary(struct db_conn *c, const char *url)
{
    struct err e;

    begin(c, true);
    must_insert(c, 1, "one");
    cut(c, url);
    expect(insert(c, 2, "two", &e), ERR_TEMPORARY, &e);
    expect(insert(c, 3, "three", &e), ERR_BUG, &e); /* not on a new connection, by itself */
    c->driver->rollback(c->db);
    begin(c, true);
    must_insert(c, 4, "four");
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT CAST(sum(n) AS bigint) FROM t"), 4);
}

static void lost_at_commit_is_unknown(struct db_conn *c, const char *url)
{
    struct err e;

    begin(c, true);
    must_insert(c, 1, "one");
    cut(c, url);
    expect(c->driver->commit(c->db, &e), ERR_TEMPORARY, &e);
    CU_ASSERT_STRING_EQUAL(e.tag, "commit-unknown");
    CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "unknown"));
    begin(c, true);
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 0);
}

static void lost_in_the_middle_of_anything(struct db_conn *c, const char *url)
{
    static struct db_value v[SETS * 3];
    struct err e;
    struct db_stmt *s = prepared(c, insert_t);

    for (int i = 0; i < SETS * 3; i++)
        v[i] = i % 3 == 0 ? db_int(i) : db_null();
    begin(c, true);
    cut(c, url);
    expect(c->driver->run_many(s, v, 3, SETS, &e), ERR_TEMPORARY, &e);
    c->driver->rollback(c->db);
    begin(c, true);
    cut(c, url);
    expect(c->driver->bulk_begin(c->db, "t", t_columns, t_types, 3, &e), ERR_TEMPORARY, &e);
    c->driver->rollback(c->db);
    begin(c, true);
    expect(c->driver->run_many(s, v, 3, SETS, &e), 0, &e);
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), SETS);
}

/* In the next session both of its statements are prepared anew. */
static void lost_while_inserting_many(struct db_conn *c, const char *url)
{
    static struct db_value v[SETS * 2];
    static bool inserted[SETS];
    struct err e;
    struct db_stmt *s = prepared(
        c, "INSERT INTO t (n, a) VALUES ($1, $2) ON CONFLICT (n) DO NOTHING RETURNING n, a");

    for (size_t i = 0; i < SETS; i++) {
        v[2 * i] = db_int((int64_t)i);
        v[2 * i + 1] = db_text("x");
    }
    begin(c, true);
    expect(c->driver->insert_many(s, v, 2, SETS, inserted, &e), 0, &e);
    cut(c, url);
    expect(c->driver->insert_many(s, v, 2, SETS, inserted, &e), ERR_TEMPORARY, &e);
    c->driver->rollback(c->db);
    begin(c, true);
    expect(c->driver->insert_many(s, v, 2, SETS, inserted, &e), 0, &e);
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), SETS);
}

/* A COPY that the server ends shows at a row or at the end, and only as a lost connection. */
static void lost_while_copying(struct db_conn *c, const char *url)
{
    struct err e;
    struct db_conn other;
    struct db_value v[] = {db_int(0), db_null(), db_null()};
    int got = 0;

    begin(c, true);
    struct db_value pid = db_int(number(c, "SELECT pg_backend_pid()"));
    expect(c->driver->bulk_begin(c->db, "t", t_columns, t_types, 3, &e), 0, &e);
    connect_to(&other, url);
    expect(db_exec(&other, "SELECT pg_terminate_backend(CAST($1 AS integer))", &pid, 1, &e), 0, &e);
    disconnect(&other);
    for (int i = 0; i < 500000 && got == 0; i++) {
        v[0].n = i;
        got = c->driver->bulk_row(c->db, v, &e);
    }
    if (got == 0)
        got = c->driver->bulk_end(c->db, &e);
    expect(got, ERR_TEMPORARY, &e);
    c->driver->rollback(c->db);
    begin(c, true);
    must_insert(c, 1, "one");
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT count(*) FROM t"), 1);
}

/*
 * TEST_PG_RESTART is a folder: a file "kill" made there asks for a kill -9 of the server and a new
 * start, a file "up" answers.
 */
static void survives_a_restart(struct db_conn *c, const char *url)
{
    struct err e;
    char path[256];
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    const char *hands = getenv("TEST_PG_RESTART");

    (void)url;
    if (!hands) {
        printf("(skipped: no TEST_PG_RESTART) ");
        return;
    }
    must_insert(c, 1, "one");
    begin(c, true);
    must_insert(c, 2, "two");
    (void)snprintf(path, sizeof path, "%s/kill", hands);
    write_file(path, "");
    (void)snprintf(path, sizeof path, "%s/up", hands);
    for (int i = 0; i < 600 && access(path, F_OK) < 0; i++)
        (void)usleep(100000);
    CU_ASSERT_EQUAL(access(path, F_OK), 0);
    expect(c->driver->commit(c->db, &e), ERR_TEMPORARY, &e);
    begin(c, true);
    must_insert(c, 3, "three");
    commit(c);
    CU_ASSERT_EQUAL(number(c, "SELECT CAST(sum(n) AS bigint) FROM t"), 4);
}

static void on_postgres(test_case *run)
{
    if (!no_postgres())
        run_on(postgres_url(), run);
}

/* ---- the list ---- */

#define EACH(name)                \
    static void each_##name(void) \
    {                             \
        on_each(name);            \
    }
#define ON_POSTGRES(name)         \
    static void each_##name(void) \
    {                             \
        on_postgres(name);        \
    }

EACH(binding_order)
EACH(null_and_empty)
EACH(round_trip)
EACH(text_has_a_length)
EACH(values_are_borrowed_for_run_only)
EACH(order_is_by_bytes)
EACH(rollback_leaves_nothing)
EACH(commit_after_error_is_an_error)
EACH(reading_sees_one_state)
EACH(reading_transaction_writes_nothing)
EACH(nothing_nests)
EACH(one_statement_at_a_time)
EACH(bad_statements_are_refused)
EACH(statement_works_after_error)
EACH(large_result_is_streamed)
EACH(reset_in_the_middle)
EACH(error_in_the_middle)
EACH(insert_many_tells_the_new)
EACH(insert_many_fails_whole)
EACH(run_many_fails_whole)
EACH(bulk_round_trip)
EACH(bulk_of_many_rows)
EACH(bulk_refuses_duplicates)
EACH(bulk_refuses_other_types)
EACH(bulk_can_be_abandoned)
ON_POSTGRES(insert_many_in_any_order)
ON_POSTGRES(postgres_reads_what_it_can)
ON_POSTGRES(lost_while_idle_is_not_noticed)
ON_POSTGRES(lost_in_transaction_is_temporary)
ON_POSTGRES(lost_at_commit_is_unknown)
ON_POSTGRES(lost_in_the_middle_of_anything)
ON_POSTGRES(lost_while_inserting_many)
ON_POSTGRES(lost_while_copying)
ON_POSTGRES(survives_a_restart)

const struct unit_test unit_tests[] = {
    {"binding_order", each_binding_order},
    {"null_and_empty", each_null_and_empty},
    {"round_trip", each_round_trip},
    {"text_has_a_length", each_text_has_a_length},
    {"values_are_borrowed_for_run_only", each_values_are_borrowed_for_run_only},
    {"order_is_by_bytes", each_order_is_by_bytes},
    {"rollback_leaves_nothing", each_rollback_leaves_nothing},
    {"commit_after_error_is_an_error", each_commit_after_error_is_an_error},
    {"reading_sees_one_state", each_reading_sees_one_state},
    {"reading_transaction_writes_nothing", each_reading_transaction_writes_nothing},
    {"nothing_nests", each_nothing_nests},
    {"one_statement_at_a_time", each_one_statement_at_a_time},
    {"bad_statements_are_refused", each_bad_statements_are_refused},
    {"statement_works_after_error", each_statement_works_after_error},
    {"large_result_is_streamed", each_large_result_is_streamed},
    {"reset_in_the_middle", each_reset_in_the_middle},
    {"error_in_the_middle", each_error_in_the_middle},
    {"insert_many_tells_the_new", each_insert_many_tells_the_new},
    {"insert_many_fails_whole", each_insert_many_fails_whole},
    {"run_many_fails_whole", each_run_many_fails_whole},
    {"bulk_round_trip", each_bulk_round_trip},
    {"bulk_of_many_rows", each_bulk_of_many_rows},
    {"bulk_refuses_duplicates", each_bulk_refuses_duplicates},
    {"bulk_refuses_other_types", each_bulk_refuses_other_types},
    {"bulk_can_be_abandoned", each_bulk_can_be_abandoned},
    {"migrates", migrates},
    {"sqlite_files_are_private", sqlite_files_are_private},
    {"sqlite_is_durable_and_strict", sqlite_is_durable_and_strict},
    {"sqlite_says_what_is_wrong", sqlite_says_what_is_wrong},
    {"sqlite_takes_names_as_they_are", sqlite_takes_names_as_they_are},
    {"postgres_says_what_is_wrong", postgres_says_what_is_wrong},
    {"insert_many_in_any_order", each_insert_many_in_any_order},
    {"postgres_reads_what_it_can", each_postgres_reads_what_it_can},
    {"lost_while_idle_is_not_noticed", each_lost_while_idle_is_not_noticed},
    {"lost_in_transaction_is_temporary", each_lost_in_transaction_is_temporary},
    {"lost_at_commit_is_unknown", each_lost_at_commit_is_unknown},
    {"lost_in_the_middle_of_anything", each_lost_in_the_middle_of_anything},
    {"lost_while_inserting_many", each_lost_while_inserting_many},
    {"lost_while_copying", each_lost_while_copying},
    {"survives_a_restart", each_survives_a_restart},
    {NULL, NULL},
};
