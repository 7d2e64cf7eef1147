/*
 * PostgreSQL: prepared statements with parameters and results in binary, rows one by one, a
 * pipeline for many small statements, COPY for loading. The same session settings are harmless on
 * one server and right on a Citus coordinator.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "store/db.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OLDEST_LIBRARY = 140000, /* pipeline mode */
    SQL_MAX = 65536,
    COPY_BUFFER = 128 * 1024,
    COPY_COLUMNS_MAX = 1600,            /* of a table, in the server */
    VALUE_MAX = 1024 * 1024 * 1024 - 1, /* of a field, in the server */
    PIPELINE_ROWS = 500,                /* sent before an answer is read */
    INSERT_ROWS = 50,                   /* of one statement */
    INT_TEXT = 24
};

/* pg_type.dat: fixed for ever, as clients depend on them. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043
};

/* What PQsendQueryPrepared wants, as parallel arrays. */
struct parameters {
    size_t room;
    const char **values;
    int *lengths;
    int *formats;
    char (*ints)[INT_TEXT];
};

struct db {
    PGconn *conn;
    unsigned session; /* counts connections: a statement is prepared again in each */
    struct db_stmt *stmts;
    unsigned statements;
    struct db_stmt *open_stmt;
    bool in_transaction;
    bool writing;
    bool failed; /* an error inside the transaction: only rollback is left */
    struct parameters parameters;
    bool copying;
    enum db_type *copy_types;
    size_t copy_columns;
    char *copy_buffer;
    size_t copy_used;
};

struct db_stmt {
    struct db_stmt *next;
    struct db *db;
    const char *sql;
    char name[16];
    unsigned session; /* where it was prepared last, 0: nowhere */
    char *many_sql;   /* an INSERT of INSERT_ROWS rows instead of one, once it was needed */
    struct db_stmt *many;
    PGresult *row;
    bool row_waiting;
};

/* ---- errors ---- */

/* By SQLSTATE and never by name or text: Citus adds shard numbers, the server translates. */
static enum err_class class_of(const char *state)
{
    static const struct {
        const char *prefix;
        enum err_class class;
    } classes[] = {
        {"08P01", ERR_BUG}, /* protocol violation: wrong number of parameters */
        {"08", ERR_TEMPORARY}, {"25006", ERR_CONFIG}, /* a standby, or made read-only */
        {"25P03", ERR_TEMPORARY}, {"28", ERR_LOGIN}, {"3D000", ERR_CONFIG}, {"40", ERR_TEMPORARY},
        {"42501", ERR_CONFIG},                              /* the role lacks a right */
        {"53", ERR_TEMPORARY},                              /* disk, memory, connections */
        {"55006", ERR_TEMPORARY}, {"55P03", ERR_TEMPORARY}, /* lock_timeout */
        {"57", ERR_TEMPORARY}, /* cancelled, shutting down, starting up */
        {"58", ERR_TEMPORARY}, /* I/O error */
    };

    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strncmp(state, classes[i].prefix, strlen(classes[i].prefix)) == 0)
            return classes[i].class;
    }
    return ERR_BUG;
}

static int fail_lost(struct db *db, struct err *e)
{
    const char *said = PQerrorMessage(db->conn);

    db->failed = db->in_transaction;
    return err_set(e, ERR_TEMPORARY, "connection-lost", "PostgreSQL: connection lost: %.*s",
        (int)strcspn(said, "\n"), said);
}

/* r may be NULL, then it is the connection that has a story. */
static int fail(struct db *db, const PGresult *r, const char *sql, struct err *e)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *said = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;

    if (!state && PQstatus(db->conn) == CONNECTION_BAD)
        return fail_lost(db, e);
    db->failed = db->in_transaction;
    if (!state) {
        return err_set(
            e, ERR_BUG, "database", "PostgreSQL: %.200s in: %.120s", PQerrorMessage(db->conn), sql);
    }
    enum err_class class = class_of(state);
    if (PQstatus(db->conn) == CONNECTION_BAD)
        class = ERR_TEMPORARY;
    if (class == ERR_CONFIG && db->in_transaction && !db->writing)
        class = ERR_BUG;
    if (class == ERR_BUG) {
        return err_set(
            e, class, "database", "PostgreSQL: %.200s (%s) in: %.120s", said, state, sql);
    }
    return err_set(e, class, "database", "PostgreSQL: %.300s (%s)", said, state);
}

static int misuse(struct db *db, struct err *e, const char *what, const char *sql)
{
    db->failed = db->in_transaction;
    return err_set(e, ERR_BUG, "database", "%s: %.120s", what, sql);
}

/* ---- connecting ---- */

static void ignore_notice(void *unused, const char *message)
{
    (void)unused;
    (void)message;
}

/* In a message of libpq in its verbose form, "FATAL:  28P01: password ...", finds the 28P01. */
static bool find_state(const char *message, char state[6])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (const char *at = strstr(message, ":  "); at; at = strstr(at + 1, ":  ")) {
        const char *s = at + strlen(":  ");
        if (strspn(s, digits) == 5 && s[5] == ':') {
            memcpy(state, s, 5);
            state[5] = '\0';
            return true;
        }
    }
    return false;
}

/* libpq does not write passwords into messages; should a part of one get there, it ends here. */
static void hide(char *message, const char *secret)
{
    if (!secret || !*secret)
        return;
    size_t len = strlen(secret);
    for (char *at = strstr(message, secret); at; at = strstr(at + len, secret))
        memset(at, '*', len);
}

static int fail_connect(struct db *db, struct err *e)
{
    const char *said = PQerrorMessage(db->conn);
    char state[6] = "";
    char line[2048];
    enum err_class class = ERR_UNREACHABLE;
    const char *advice = "";

    (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(said, "\n"), said);
    hide(line, PQpass(db->conn));
    if (find_state(said, state)) {
        class = class_of(state);
    } else if (PQconnectionNeedsPassword(db->conn)) {
        class = ERR_LOGIN;
    }
    if (strcmp(state, "3D000") == 0)
        advice = ": create it with createdb";
    return err_set(
        e, class, class == ERR_LOGIN ? "login" : "database", "PostgreSQL: %.380s%s", line, advice);
}

/*
 * multi_shard_modify_mode is for Citus (one connection per node); elsewhere it is an unknown name
 * with a dot, which PostgreSQL keeps as it is. lock_timeout: a key that a lost transaction holds
 * must not stop a writer for ever.
 */
static const char session_settings[] = "SET client_min_messages = warning;"
                                       "SET TimeZone = 'UTC';"
                                       "SET lock_timeout = '30s';"
                                       "SET citus.multi_shard_modify_mode = 'sequential'";

static int begin_session(struct db *db, struct err *e)
{
    const char *encoding = PQparameterStatus(db->conn, "server_encoding");

    db->session++;
    if (!encoding || strcmp(encoding, "UTF8") != 0) {
        return err_set(e, ERR_CONFIG, "database",
            "PostgreSQL: the database %s has the encoding %s: create it with encoding UTF8",
            PQdb(db->conn), encoding ? encoding : "?");
    }
    PGresult *r = PQexec(db->conn, session_settings);
    int got = 0;
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        got = fail(db, r, "session settings", e);
    PQclear(r);
    return got;
}

static int reconnect(struct db *db, struct err *e)
{
    PQreset(db->conn);
    return PQstatus(db->conn) == CONNECTION_OK ? begin_session(db, e) : fail_connect(db, e);
}

/*
 * The class of a failed login stands in its SQLSTATE, which libpq shows in verbose messages only,
 * and these cannot be asked for before there is a connection object: so a failure is tried again.
 */
static int connect_to(struct db *db, const char *url, struct err *e)
{
    /* What stands before dbname the URL may override. */
    const char *const words[] = {"fallback_application_name", "connect_timeout", "keepalives_idle",
        "keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname", "client_encoding",
        NULL};
    const char *const values[] = {"dmarcmill", "10", "30", "10", "3", "60000", url, "UTF8", NULL};

    db->conn = PQconnectdbParams(words, values, 1);
    if (!db->conn)
        return err_set(e, ERR_TEMPORARY, "database", "PostgreSQL: out of memory");
    (void)PQsetNoticeProcessor(db->conn, ignore_notice, NULL);
    (void)PQsetErrorVerbosity(db->conn, PQERRORS_VERBOSE);
    return PQstatus(db->conn) == CONNECTION_OK ? begin_session(db, e) : reconnect(db, e);
}

/*
 * A password with an unescaped @, / or ? moves the borders of the URL, and libpq would quote a part
 * of it as the name of a host or a port.
 */
static bool has_moved_borders(const char *url, const PQconninfoOption *options)
{
    const char *start = strstr(url, "//") + 2;
    size_t len = strcspn(start, "?");
    const char *at = memchr(start, '@', len);

    if (at && strcspn(start, "/") < (size_t)(at - start))
        return true;
    if (at && memchr(at + 1, '@', len - (size_t)(at + 1 - start)))
        return true;
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (strcmp(o->keyword, "port") == 0 && o->val && o->val[strspn(o->val, "0123456789,")])
            return true;
    }
    return false;
}

/* libpq's own words for a bad URL quote it, password and all: they are not passed on. */
static int check_url(const char *url, struct err *e)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    bool good = options && !has_moved_borders(url, options);

    PQconninfoFree(options);
    if (good)
        return 0;
    return err_set(e, ERR_CONFIG, "database",
        "not a URL for PostgreSQL (postgresql://USER:PASSWORD@HOST:PORT/NAME?OPTION=VALUE): "
        "special characters in its parts are written %%XX");
}

static void postgres_close(struct db *db)
{
    if (!db)
        return;
    while (db->stmts) {
        struct db_stmt *s = db->stmts;
        db->stmts = s->next;
        PQclear(s->row);
        free(s->many_sql);
        free(s);
    }
    PQfinish(db->conn);
    free(db->parameters.values);
    free(db->parameters.lengths);
    free(db->parameters.formats);
    free(db->parameters.ints);
    free(db->copy_types);
    free(db->copy_buffer);
    free(db);
}

static int postgres_open(struct db **out, const char *url, struct err *e)
{
    if (PQlibVersion() < OLDEST_LIBRARY)
        return err_set(e, ERR_CONFIG, "database", "libpq %d is too old", PQlibVersion());
    int got = check_url(url, e);
    if (got < 0)
        return got;
    struct db *db = mem_alloc(sizeof *db);
    got = connect_to(db, url, e);
    if (got < 0) {
        postgres_close(db);
        return got;
    }
    *out = db;
    return 0;
}

/* ---- transactions ---- */

/* May a statement start now? Outside a transaction a lost connection can be made anew. */
static int usable(struct db *db, const char *sql, struct err *e)
{
    if (db->failed)
        return misuse(db, e, "the transaction has failed and must be rolled back", sql);
    if (db->copying)
        return misuse(db, e, "bulk loading is going on", sql);
    if (db->open_stmt)
        return misuse(db, e, "another statement is open", sql);
    if (PQstatus(db->conn) == CONNECTION_OK)
        return 0;
    return db->in_transaction ? fail_lost(db, e) : reconnect(db, e);
}

static int usable_to_write(struct db *db, const char *sql, struct err *e)
{
    if (!db->in_transaction || !db->writing)
        return misuse(db, e, "not in a transaction that writes", sql);
    return usable(db, sql, e);
}

static int exec(struct db *db, const char *sql, struct err *e)
{
    PGresult *r = PQexec(db->conn, sql);
    ExecStatusType status = PQresultStatus(r);
    int got = 0;

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        got = fail(db, r, sql, e);
    PQclear(r);
    return got;
}

static int postgres_script(struct db *db, const char *ddl, struct err *e)
{
    int got = usable(db, ddl, e);

    return got < 0 ? got : exec(db, ddl, e);
}

/* The server says that it cannot do that, but with a code that says no more. */
static bool is_standby(const struct db *db)
{
    const char *standby = PQparameterStatus(db->conn, "in_hot_standby");

    return standby && strcmp(standby, "on") == 0;
}

static int postgres_begin(struct db *db, bool to_write, struct err *e)
{
    const char *sql = to_write ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
                               : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

    if (db->in_transaction)
        return misuse(db, e, "a transaction is open already", "BEGIN");
    int got = usable(db, sql, e);
    if (got < 0)
        return got;
    got = exec(db, sql, e);
    /* That the connection was lost while idle shows only now, when nothing is lost with it. */
    if (got < 0 && PQstatus(db->conn) == CONNECTION_BAD) {
        got = reconnect(db, e);
        if (got == 0)
            got = exec(db, sql, e);
    }
    db->in_transaction = got == 0;
    db->writing = to_write;
    if (got == ERR_BUG && to_write && is_standby(db)) {
        return err_set(e, ERR_CONFIG, "database",
            "PostgreSQL: this server is a standby and read-only: name the primary in the store's URL");
    }
    return got;
}

/* Reads on until the server is ready for something else. */
static void drain(struct db *db)
{
    PGresult *r;

    while ((r = PQgetResult(db->conn))) {
        ExecStatusType status = PQresultStatus(r);
        if (status == PGRES_FATAL_ERROR)
            db->failed = db->in_transaction;
        PQclear(r);
        if (status == PGRES_COPY_IN)
            break;
    }
}

static void close_statement(struct db_stmt *s)
{
    PQclear(s->row);
    s->row = NULL;
    s->row_waiting = false;
    if (s->db->open_stmt == s) {
        drain(s->db);
        s->db->open_stmt = NULL;
    }
}

static void end_copy(struct db *db)
{
    free(db->copy_types);
    db->copy_types = NULL;
    db->copy_used = 0;
    db->copying = false;
}

static void postgres_rollback(struct db *db)
{
    if (db->open_stmt)
        close_statement(db->open_stmt);
    if (db->copying) {
        (void)PQputCopyEnd(db->conn, "rolled back");
        drain(db);
        end_copy(db);
    }
    PGTransactionStatusType at = PQtransactionStatus(db->conn);
    if (at == PQTRANS_INTRANS || at == PQTRANS_INERROR)
        PQclear(PQexec(db->conn, "ROLLBACK"));
    db->in_transaction = false;
    db->failed = false;
}

/* An answer that never came, or that a node of a cluster failed: only the data can tell. */
static int judge_commit(struct db *db, PGresult *r, struct err *e)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    bool internal = state && strcmp(state, "XX000") == 0;

    if (PQresultStatus(r) == PGRES_COMMAND_OK) {
        /* A transaction that has failed on the server answers COMMIT with success and this tag. */
        if (strcmp(PQcmdStatus(r), "COMMIT") == 0)
            return 0;
        return misuse(db, e, "the server rolled back instead", "COMMIT");
    }
    int got = fail(db, r, "COMMIT", e);
    if (got == ERR_TEMPORARY || internal) {
        e->class = ERR_TEMPORARY;
        e->tag = "commit-unknown";
        return err_wrap(e, "whether the transaction was stored is unknown");
    }
    return got;
}

static int postgres_commit(struct db *db, struct err *e)
{
    int got = db->in_transaction ? usable(db, "COMMIT", e)
                                 : misuse(db, e, "not in a transaction", "COMMIT");

    if (got == 0) {
        PGresult *r = PQexec(db->conn, "COMMIT");
        got = judge_commit(db, r, e);
        PQclear(r);
    }
    if (got < 0)
        postgres_rollback(db);
    db->in_transaction = false;
    return got;
}

static int postgres_lock_schema(struct db *db, struct err *e)
{
    int got = usable_to_write(db, "lock_schema", e);

    /* The number is arbitrary, and the same in every version of this program. */
    return got < 0 ? got : exec(db, "SELECT pg_advisory_xact_lock(7234017283807667300)", e);
}

/* ---- statements ---- */

static int prepare_in_session(struct db_stmt *s, struct err *e)
{
    struct db *db = s->db;

    if (s->session == db->session)
        return 0;
    PGresult *r = PQprepare(db->conn, s->name, s->sql, 0, NULL);
    int got = PQresultStatus(r) == PGRES_COMMAND_OK ? 0 : fail(db, r, s->sql, e);
    PQclear(r);
    if (got == 0)
        s->session = db->session;
    return got;
}

static int postgres_prepare(struct db *db, const char *sql, struct db_stmt **out, struct err *e)
{
    for (struct db_stmt *s = db->stmts; s; s = s->next) {
        if (s->sql == sql || strcmp(s->sql, sql) == 0) {
            *out = s;
            return 0;
        }
    }
    int got = usable(db, sql, e);
    if (got < 0)
        return got;
    struct db_stmt *s = mem_alloc(sizeof *s);
    *s = (struct db_stmt){.db = db, .sql = sql};
    (void)snprintf(s->name, sizeof s->name, "s%u", ++db->statements);
    got = prepare_in_session(s, e);
    if (got < 0) {
        free(s);
        return got;
    }
    s->next = db->stmts;
    db->stmts = s;
    *out = s;
    return 0;
}

static void make_room(struct parameters *p, size_t n)
{
    if (n <= p->room)
        return;
    p->values = mem_realloc(p->values, n * sizeof *p->values);
    p->lengths = mem_realloc(p->lengths, n * sizeof *p->lengths);
    p->formats = mem_realloc(p->formats, n * sizeof *p->formats);
    p->ints = mem_realloc(p->ints, n * sizeof *p->ints);
    p->room = n;
}

/*
 * Text and bytes go in binary: with their length, not up to a NUL. Integers go as text, which fits
 * an integer of any size.
 */
static int send_one(struct db_stmt *s, const struct db_value *values, size_t n, struct err *e)
{
    struct db *db = s->db;
    struct parameters *p = &db->parameters;

    if (n > UINT16_MAX)
        return misuse(db, e, "too many parameters", s->sql);
    make_room(p, n);
    for (size_t i = 0; i < n; i++) {
        const struct db_value *v = &values[i];
        p->values[i] = NULL;
        p->lengths[i] = 0;
        p->formats[i] = v->type == DB_TEXT || v->type == DB_BLOB;
        if (v->type == DB_INT) {
            (void)snprintf(p->ints[i], INT_TEXT, "%" PRId64, v->n);
            p->values[i] = p->ints[i];
        } else if (v->type != DB_NULL) {
            if (v->len > VALUE_MAX)
                return misuse(db, e, "a value is too large", s->sql);
            p->values[i] = v->len ? v->bytes : "";
            p->lengths[i] = (int)v->len;
        }
    }
    if (!PQsendQueryPrepared(db->conn, s->name, (int)n, p->values, p->lengths, p->formats, 1))
        return fail(db, NULL, s->sql, e);
    return 0;
}

static bool readable(Oid type)
{
    switch (type) {
    case OID_BOOL:
    case OID_BYTEA:
    case OID_NAME:
    case OID_INT8:
    case OID_INT2:
    case OID_INT4:
    case OID_TEXT:
    case OID_BPCHAR:
    case OID_VARCHAR:
        return true;
    default:
        return false;
    }
}

static int check_columns(struct db_stmt *s, const PGresult *r, struct err *e)
{
    for (int i = 0; i < PQnfields(r); i++) {
        if (!readable(PQftype(r, i)))
            return misuse(s->db, e, "a column has a type that must be cast", s->sql);
    }
    return 0;
}

/* Reads up to the next row; what is not a row ends the statement. */
static int fetch(struct db_stmt *s, struct err *e)
{
    int got = DB_DONE;
    PGresult *r = PQgetResult(s->db->conn);

    PQclear(s->row);
    s->row = NULL;
    if (PQresultStatus(r) == PGRES_SINGLE_TUPLE) {
        s->row = r;
        return DB_ROW;
    }
    if (PQresultStatus(r) == PGRES_TUPLES_OK) {
        got = check_columns(s, r, e);
    } else if (PQresultStatus(r) != PGRES_COMMAND_OK) {
        got = fail(s->db, r, s->sql, e);
    }
    PQclear(r);
    close_statement(s);
    return got;
}

static int postgres_run(struct db_stmt *s, const struct db_value *values, size_t n, struct err *e)
{
    struct db *db = s->db;

    close_statement(s);
    int got = usable(db, s->sql, e);
    if (got == 0)
        got = prepare_in_session(s, e);
    if (got == 0)
        got = send_one(s, values, n, e);
    if (got < 0)
        return got;
    (void)PQsetSingleRowMode(db->conn);
    db->open_stmt = s;
    got = fetch(s, e);
    if (got != DB_ROW)
        return got;
    got = check_columns(s, s->row, e);
    if (got < 0)
        close_statement(s);
    s->row_waiting = got == 0;
    return got;
}

static int postgres_step(struct db_stmt *s, struct err *e)
{
    if (s->db->open_stmt != s)
        return DB_DONE;
    if (s->row_waiting) {
        s->row_waiting = false;
        return DB_ROW;
    }
    return fetch(s, e);
}

/* Network order, any size, sign kept. */
static int64_t read_int(const char *bytes, int len)
{
    const unsigned char *p = (const unsigned char *)bytes;
    uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;

    for (int i = 0; i < len; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

static struct db_value postgres_column(const struct db_stmt *s, int column)
{
    if (!s->row || PQgetisnull(s->row, 0, column))
        return db_null();
    const char *bytes = PQgetvalue(s->row, 0, column);
    int len = PQgetlength(s->row, 0, column);
    switch (PQftype(s->row, column)) {
    case OID_BOOL:
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
        return db_int(read_int(bytes, len));
    case OID_BYTEA:
        return db_blob(bytes, (size_t)len);
    default:
        return db_text_of(bytes, (size_t)len);
    }
}

/* ---- many sets of parameters ---- */

/* Rows of `n` values, `per_set` of them in one set of parameters. */
struct rows {
    const struct db_value *values;
    size_t n, per_set;
    bool *inserted; /* of each row; NULL: nobody wants to know */
};

static bool is_value(const PGresult *r, int row, int column, const struct db_value *v)
{
    const char *bytes = PQgetvalue(r, row, column);
    int len = PQgetlength(r, row, column);

    if (PQgetisnull(r, row, column) || v->type == DB_NULL)
        return false;
    if (v->type == DB_INT)
        return read_int(bytes, len) == v->n;
    return (size_t)len == v->len && (len == 0 || memcmp(bytes, v->bytes, v->len) == 0);
}

/* Which rows of a set the server says it has inserted: in the order in which they were sent, or, as
 * a cluster does it, in any. */
static int mark_inserted(
    struct db_stmt *s, const PGresult *r, const struct rows *rows, size_t set, struct err *e)
{
    const struct db_value *values = rows->values + set * rows->per_set * rows->n;
    bool *inserted = rows->inserted + set * rows->per_set;
    size_t at = 0;

    for (int i = 0; i < PQntuples(r); i++) {
        size_t tried = 0;
        for (; tried < rows->per_set; tried++, at = (at + 1) % rows->per_set) {
            const struct db_value *row = values + at * rows->n;
            if (is_value(r, i, 0, &row[0]) && is_value(r, i, 1, &row[1]))
                break;
        }
        if (tried == rows->per_set)
            return misuse(s->db, e, "a row came back that was not sent", s->sql);
        inserted[at] = true;
    }
    return 0;
}

/* The results of one set. After an error the server skips the rest, the first error is kept. */
static int read_set(
    struct db_stmt *s, const struct rows *rows, size_t set, int before, struct err *e)
{
    struct db *db = s->db;
    int got = before;
    PGresult *r = PQgetResult(db->conn);

    if (!r && got == 0)
        got = fail(db, r, s->sql, e);
    while (r) { /* a NULL stands between the results of two statements */
        ExecStatusType status = PQresultStatus(r);
        /* libpq 15 can take the row-by-row mode of the query before into the pipeline */
        bool good =
            status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE;
        if (got == 0 && !good) {
            got = fail(db, r, s->sql, e);
        } else if (got == 0 && rows->inserted) {
            got = mark_inserted(s, r, rows, set, e);
        }
        PQclear(r);
        r = PQgetResult(db->conn);
    }
    return got;
}

/*
 * Cannot deadlock, though the server answers while we send: libpq, when it cannot send, reads what
 * has arrived into memory, and a chunk bounds how much that is.
 */
static int run_chunk(
    struct db_stmt *s, const struct rows *rows, size_t first, size_t sets, struct err *e)
{
    PGconn *conn = s->db->conn;
    size_t n = rows->per_set * rows->n;
    size_t sent = 0;
    int got = 0;

    while (got == 0 && sent < sets) {
        got = send_one(s, rows->values + (first + sent) * n, n, e);
        sent += got == 0;
    }
    if (!PQpipelineSync(conn) && got == 0)
        got = fail(s->db, NULL, s->sql, e);
    for (size_t i = 0; i < sent && PQstatus(conn) == CONNECTION_OK; i++)
        got = read_set(s, rows, first + i, got, e);
    if (PQstatus(conn) == CONNECTION_OK) {
        PQclear(PQgetResult(conn)); /* PGRES_PIPELINE_SYNC */
    } else if (got == 0) {
        got = fail_lost(s->db, e);
    }
    return got;
}

static int run_sets(struct db_stmt *s, const struct rows *rows, size_t sets, struct err *e)
{
    PGconn *conn = s->db->conn;
    size_t most = PIPELINE_ROWS / rows->per_set;
    int got = prepare_in_session(s, e);

    if (got < 0)
        return got;
    (void)PQenterPipelineMode(conn);
    for (size_t done = 0; got == 0 && done < sets;) {
        size_t some = sets - done < most ? sets - done : most;
        got = run_chunk(s, rows, done, some, e);
        done += some;
    }
    if (!PQexitPipelineMode(conn) && got == 0)
        got = fail(s->db, NULL, s->sql, e);
    return got;
}

static int postgres_run_many(
    struct db_stmt *s, const struct db_value *values, size_t n, size_t sets, struct err *e)
{
    const struct rows rows = {.values = values, .n = n, .per_set = 1};

    close_statement(s);
    int got = usable_to_write(s->db, s->sql, e);
    return got == 0 ? run_sets(s, &rows, sets, e) : got;
}

/* "... VALUES ($1, $2) ON CONFLICT ..." as "... VALUES ($1, $2), ($3, $4), ... ON CONFLICT ..." */
static int repeat_row(const char *sql, size_t n, struct buf *out)
{
    static const char before[] = " VALUES ";
    const char *row = strstr(sql, before);
    const char *behind = row ? strstr(row, " ON CONFLICT ") : NULL;

    if (!behind)
        return -1;
    int bad = buf_add(out, sql, (size_t)(row - sql) + strlen(before));
    for (size_t i = 0; i < INSERT_ROWS * n; i++)
        bad |= buf_printf(out, "%s$%zu", i == 0 ? "(" : i % n == 0 ? "), (" : ", ", i + 1);
    return bad | buf_printf(out, ")%s", behind);
}

static int prepare_many(struct db_stmt *s, size_t n, struct err *e)
{
    struct buf sql;

    if (s->many)
        return 0;
    buf_init(&sql, SQL_MAX);
    if (repeat_row(s->sql, n, &sql) < 0) {
        buf_done(&sql);
        return misuse(s->db, e, "no INSERT of many rows", s->sql);
    }
    free(s->many_sql);
    s->many_sql = mem_strdup(sql.data);
    buf_done(&sql);
    return postgres_prepare(s->db, s->many_sql, &s->many, e);
}

static int postgres_insert_many(struct db_stmt *s, const struct db_value *values, size_t n,
    size_t rows, bool *inserted, struct err *e)
{
    size_t sets = rows / INSERT_ROWS;
    size_t done = sets * INSERT_ROWS;
    const struct rows many = {values, n, INSERT_ROWS, inserted};
    const struct rows rest = {values + done * n, n, 1, inserted + done};

    memset(inserted, 0, rows * sizeof *inserted);
    close_statement(s);
    int got = usable_to_write(s->db, s->sql, e);
    if (got == 0 && sets > 0)
        got = prepare_many(s, n, e);
    if (got == 0 && sets > 0)
        got = run_sets(s->many, &many, sets, e);
    return got == 0 && done < rows ? run_sets(s, &rest, rows - done, e) : got;
}

/* ---- bulk loading: COPY in its binary form ---- */

static int copy_send(struct db *db, const char *bytes, size_t len, struct err *e)
{
    return PQputCopyData(db->conn, bytes, (int)len) == 1 ? 0 : fail(db, NULL, "COPY", e);
}

static int copy_flush(struct db *db, struct err *e)
{
    size_t used = db->copy_used;

    db->copy_used = 0;
    return used ? copy_send(db, db->copy_buffer, used, e) : 0;
}

static int copy_add(struct db *db, const void *bytes, size_t len, struct err *e)
{
    if (len > COPY_BUFFER - db->copy_used) {
        int got = copy_flush(db, e);
        if (got < 0)
            return got;
        if (len > COPY_BUFFER)
            return copy_send(db, bytes, len, e);
    }
    if (len)
        memcpy(db->copy_buffer + db->copy_used, bytes, len);
    db->copy_used += len;
    return 0;
}

/* The last `size` bytes of n in network order. */
static int copy_number(struct db *db, int64_t n, size_t size, struct err *e)
{
    unsigned char out[8];

    for (size_t i = 0; i < size; i++)
        out[i] = (unsigned char)((uint64_t)n >> 8 * (size - 1 - i));
    return copy_add(db, out, size, e);
}

static int copy_value(struct db *db, const struct db_value *v, struct err *e)
{
    if (v->type == DB_NULL)
        return copy_number(db, -1, 4, e);
    if (v->type == DB_INT) {
        int got = copy_number(db, 8, 4, e);
        return got < 0 ? got : copy_number(db, v->n, 8, e);
    }
    if (v->len > VALUE_MAX)
        return misuse(db, e, "a value is too large", "bulk_row");
    int got = copy_number(db, (int64_t)v->len, 4, e);
    return got < 0 ? got : copy_add(db, v->bytes, v->len, e);
}

/* The names come from our own code. */
static int write_copy(struct buf *sql, const char *table, const char *const *columns, size_t n)
{
    int bad = buf_printf(sql, "COPY \"%s\" (", table);

    for (size_t i = 0; i < n; i++)
        bad |= buf_printf(sql, "%s\"%s\"", i ? ", " : "", columns[i]);
    return bad | buf_adds(sql, ") FROM STDIN (FORMAT binary)");
}

static int start_copy(struct db *db, const char *sql, struct err *e)
{
    PGresult *r = PQexec(db->conn, sql);
    int got = PQresultStatus(r) == PGRES_COPY_IN ? 0 : fail(db, r, sql, e);

    PQclear(r);
    db->copying = got == 0;
    return got;
}

static int postgres_bulk_begin(struct db *db, const char *table, const char *const *columns,
    const enum db_type *types, size_t n, struct err *e)
{
    /* Signature, no flags, no extension of the header. */
    static const char head[19] = "PGCOPY\n\377\r\n";
    struct buf sql;
    int got = usable_to_write(db, table, e);

    if (got < 0)
        return got;
    buf_init(&sql, SQL_MAX);
    if (n > COPY_COLUMNS_MAX || write_copy(&sql, table, columns, n) < 0) {
        got = misuse(db, e, "too many columns", table);
    } else {
        got = start_copy(db, sql.data, e);
    }
    buf_done(&sql);
    if (got < 0)
        return got;
    if (!db->copy_buffer)
        db->copy_buffer = mem_alloc(COPY_BUFFER);
    db->copy_columns = n;
    db->copy_types = mem_alloc(n * sizeof *types);
    memcpy(db->copy_types, types, n * sizeof *types);
    return copy_add(db, head, sizeof head, e);
}

static int postgres_bulk_row(struct db *db, const struct db_value *values, struct err *e)
{
    if (!db->copying || db->failed)
        return misuse(db, e, "not bulk loading", "bulk_row");
    int got = copy_number(db, (int64_t)db->copy_columns, 2, e);
    for (size_t i = 0; got == 0 && i < db->copy_columns; i++) {
        if (values[i].type != db->copy_types[i] && values[i].type != DB_NULL)
            return misuse(db, e, "a value has another type than its column", "bulk_row");
        got = copy_value(db, &values[i], e);
    }
    return got;
}

static int postgres_bulk_end(struct db *db, struct err *e)
{
    if (!db->copying || db->failed)
        return misuse(db, e, "not bulk loading", "bulk_end");
    int got = copy_number(db, -1, 2, e);
    if (got == 0)
        got = copy_flush(db, e);
    if (got == 0 && PQputCopyEnd(db->conn, NULL) != 1)
        got = fail(db, NULL, "COPY", e);
    if (got < 0)
        return got;
    PGresult *r = PQgetResult(db->conn);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        got = fail(db, r, "COPY", e);
    PQclear(r);
    drain(db);
    end_copy(db);
    return got;
}

const struct db_driver db_postgres = {
    .scheme = "postgresql",
    .table_exists = "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass($1)",
    .columns =
        "SELECT CAST(c.column_name AS text), "
        "CAST(CASE c.data_type WHEN 'bigint' THEN 1 WHEN 'text' THEN 2 ELSE 3 END AS bigint), "
        "CAST(COALESCE(k.ordinal_position, 0) AS bigint) "
        "FROM information_schema.columns c "
        "LEFT JOIN information_schema.table_constraints t ON t.table_schema = c.table_schema "
        "AND t.table_name = c.table_name AND t.constraint_type = 'PRIMARY KEY' "
        "LEFT JOIN information_schema.key_column_usage k ON k.table_schema = t.table_schema "
        "AND k.constraint_name = t.constraint_name AND k.column_name = c.column_name "
        "WHERE c.table_schema = current_schema() AND c.table_name = $1 ORDER BY c.ordinal_position",
    .open = postgres_open,
    .close = postgres_close,
    .script = postgres_script,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .lock_schema = postgres_lock_schema,
    .prepare = postgres_prepare,
    .run = postgres_run,
    .step = postgres_step,
    .column = postgres_column,
    .reset = close_statement,
    .run_many = postgres_run_many,
    .insert_many = postgres_insert_many,
    .bulk_begin = postgres_bulk_begin,
    .bulk_row = postgres_bulk_row,
    .bulk_end = postgres_bulk_end,
};
