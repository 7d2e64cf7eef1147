/*
 * SQLite: one file, write-ahead log, one writer. Strict wherever SQLite is lenient by default, so
 * that a statement PostgreSQL would refuse is refused here too.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/when.h"
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUSY_MS = 10000,
    RETRY_MS = 20,
    OLDEST_VERSION = 3037000, /* STRICT tables */
    SQL_MAX = 65536
};

struct db {
    sqlite3 *handle;
    struct db_stmt *stmts;
    struct db_stmt *open_stmt;
    bool writing;
    bool in_transaction; /* our view: SQLite ends it by itself when the disk is full */
    bool failed;         /* an error inside the transaction: only rollback is left */
    sqlite3_stmt *bulk;
    enum db_type *bulk_types;
    size_t bulk_columns;
};

struct db_stmt {
    struct db_stmt *next;
    struct db *db;
    const char *sql;
    sqlite3_stmt *handle;
    int params;
    int *index; /* SQLite numbers $2, $1 by first appearance: $n is bound at index[n - 1] */
    bool row_waiting;
};

/* ---- errors ---- */

static enum err_class class_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
        return ERR_TEMPORARY;
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:
        return ERR_UNREACHABLE;
    case SQLITE_NOTADB:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return ERR_CONFIG;
    default:
        return ERR_BUG;
    }
}

static const char *advice_for(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ": another process is writing to it";
    case SQLITE_CORRUPT:
        return ": the file is damaged, restore a backup";
    case SQLITE_NOTADB:
        return ": the file is something else, or is encrypted";
    case SQLITE_READONLY:
        return ": the file and its folder must be writable";
    default:
        return "";
    }
}

static int fail(struct db *db, int code, const char *sql, struct err *e)
{
    const char *said = sqlite3_errmsg(db->handle);
    enum err_class class = class_of(code);

    db->failed = db->in_transaction;
    if (class == ERR_BUG)
        return err_set(e, class, "database", "SQLite: %s (%d) in: %.120s", said, code, sql);
    return err_set(e, class, "database", "SQLite: %s (%d)%s", said, code, advice_for(code));
}

static int misuse(struct db *db, struct err *e, const char *what, const char *sql)
{
    db->failed = db->in_transaction;
    return err_set(e, ERR_BUG, "database", "%s: %.120s", what, sql);
}

/* May a statement start now? What is refused here PostgreSQL refuses by its nature. */
static int usable(struct db *db, const char *sql, struct err *e)
{
    if (db->failed)
        return misuse(db, e, "the transaction has failed and must be rolled back", sql);
    if (db->bulk)
        return misuse(db, e, "bulk loading is going on", sql);
    if (db->open_stmt)
        return misuse(db, e, "another statement is open", sql);
    return 0;
}

static int usable_to_write(struct db *db, const char *sql, struct err *e)
{
    if (!db->in_transaction || !db->writing)
        return misuse(db, e, "not in a transaction that writes", sql);
    return usable(db, sql, e);
}

static int exec(struct db *db, const char *sql, struct err *e)
{
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? 0 : fail(db, code, sql, e);
}

/* ---- opening ---- */

static int fail_file(const char *path, const char *doing, struct err *e)
{
    enum err_class class = ERR_UNREACHABLE;

    if (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EMFILE || errno == ENFILE)
        class = ERR_TEMPORARY;
    return err_set(e, class, "database", "%s %s: %s", doing, path, strerrordesc_np(errno));
}

static int make_parents(char *path, struct err *e)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int made = mkdir(path, 0700);
        if (made < 0 && errno != EEXIST)
            return fail_file(path, "cannot make the folder", e);
        *slash = '/';
    }
    return 0;
}

/*
 * Reports name customers and their servers: a new file is for its owner only, whatever the umask
 * (SQLite gives -wal and -shm the same mode). An existing file is not opened here: closing it again
 * would drop the locks another connection of this process may have on it.
 */
static int make_file(const char *path, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return errno == EEXIST ? 0 : fail_file(path, "cannot create", e);
    int made = fchmod(fd, 0600);
    if (made < 0)
        made = fail_file(path, "cannot protect", e);
    (void)close(fd);
    return made;
}

static int compare_bytes(void *unused, int a_len, const void *a, int b_len, const void *b)
{
    (void)unused;
    int order = memcmp(a, b, (size_t)(a_len < b_len ? a_len : b_len));
    return order ? order : a_len - b_len;
}

/*
 * When several connections make the log of a new file at once, SQLite refuses all but one instead
 * of letting them wait for the busy timeout: each holds what the others want.
 */
static int begin_log(sqlite3 *handle)
{
    int64_t until = when_monotonic_ms() + BUSY_MS;
    int code = sqlite3_exec(handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);

    while ((code & 0xff) == SQLITE_BUSY && when_monotonic_ms() < until) {
        (void)sqlite3_sleep(RETRY_MS);
        code = sqlite3_exec(handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    }
    return code;
}

static int configure(struct db *db, struct err *e)
{
    sqlite3 *h = db->handle;

    (void)sqlite3_extended_result_codes(h, 1);
    (void)sqlite3_busy_timeout(h, BUSY_MS);
    (void)sqlite3_db_config(h, SQLITE_DBCONFIG_DQS_DML, 0, (int *)NULL);
    (void)sqlite3_db_config(h, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)NULL);
    (void)sqlite3_db_config(h, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    (void)sqlite3_db_config(h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
    (void)sqlite3_db_config(h, SQLITE_DBCONFIG_ENABLE_FKEY, 1, (int *)NULL);
    int code = sqlite3_create_collation_v2(h, "C", SQLITE_UTF8, NULL, compare_bytes, NULL);
    if (code != SQLITE_OK)
        return fail(db, code, "collation C", e);
    code = begin_log(h);
    if (code != SQLITE_OK)
        return fail(db, code, "journal_mode", e);
    /* FULL: a mail is moved away after the commit, so the commit must survive a power cut. A log of
     * 16 MiB: one commit after the other touches the same pages, which then are put back once. */
    return exec(db, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16000", e);
}

static void end_bulk(struct db *db)
{
    (void)sqlite3_finalize(db->bulk);
    free(db->bulk_types);
    db->bulk = NULL;
    db->bulk_types = NULL;
    db->bulk_columns = 0;
}

static void sqlite_close(struct db *db)
{
    if (!db)
        return;
    while (db->stmts) {
        struct db_stmt *s = db->stmts;
        db->stmts = s->next;
        (void)sqlite3_finalize(s->handle);
        free(s->index);
        free(s);
    }
    end_bulk(db);
    (void)sqlite3_close(db->handle);
    free(db);
}

/* Nobody asks how much memory SQLite uses, and counting takes a lock for each piece of it. Refused,
 * without harm, where another library has opened SQLite before. */
static void configure_library(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int open_path(struct db *db, const char *path, struct err *e)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(path, &db->handle, flags, NULL);

    if (code != SQLITE_OK || !db->handle) {
        return err_set(e, class_of(code), "database", "cannot open %s: %s", path,
            db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code));
    }
    int got = configure(db, e);
    return got < 0 ? err_wrap(e, "%s", path) : 0;
}

/* A path of ours always starts with / or ./, so that SQLite takes none for a URI or a keyword. */
static char *path_of(const char *url)
{
    const char *path = url + strlen("sqlite:");
    const char *dot = path[0] == '/' ? "" : "./";
    size_t size = strlen(dot) + strlen(path) + 1;
    char *out = mem_alloc(size);

    (void)snprintf(out, size, "%s%s", dot, path);
    return out;
}

static int sqlite_open(struct db **out, const char *url, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, configure_library);
    if (sqlite3_libversion_number() < OLDEST_VERSION)
        return err_set(e, ERR_CONFIG, "database", "SQLite %s is too old", sqlite3_libversion());
    if (strcmp(url, "sqlite:") == 0)
        return err_set(e, ERR_CONFIG, "database", "sqlite: needs the path of a file");
    char *path = path_of(url);
    struct db *db = mem_alloc(sizeof *db);
    int got = make_parents(path, e);

    if (got == 0)
        got = make_file(path, e);
    if (got == 0)
        got = open_path(db, path, e);
    free(path);
    if (got < 0) {
        sqlite_close(db);
        return got;
    }
    *out = db;
    return 0;
}

/* ---- transactions ---- */

static void sqlite_reset(struct db_stmt *s)
{
    (void)sqlite3_reset(s->handle);
    s->row_waiting = false;
    if (s->db->open_stmt == s)
        s->db->open_stmt = NULL;
}

static int sqlite_script(struct db *db, const char *ddl, struct err *e)
{
    int got = usable(db, ddl, e);

    return got < 0 ? got : exec(db, ddl, e);
}

static int sqlite_begin(struct db *db, bool to_write, struct err *e)
{
    if (db->in_transaction)
        return misuse(db, e, "a transaction is open already", "BEGIN");
    int got = usable(db, "BEGIN", e);
    if (got < 0)
        return got;
    /* IMMEDIATE: a reader that turns writer half-way can only fail, a writer at once can wait. */
    got = exec(db, to_write ? "BEGIN IMMEDIATE" : "BEGIN", e);
    db->in_transaction = got == 0;
    db->writing = to_write;
    return got;
}

static void sqlite_rollback(struct db *db)
{
    if (db->open_stmt)
        sqlite_reset(db->open_stmt);
    end_bulk(db);
    if (!sqlite3_get_autocommit(db->handle))
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    db->in_transaction = false;
    db->failed = false;
}

static int sqlite_commit(struct db *db, struct err *e)
{
    int got = db->in_transaction ? usable(db, "COMMIT", e)
                                 : misuse(db, e, "not in a transaction", "COMMIT");

    if (got == 0)
        got = exec(db, "COMMIT", e);
    if (got < 0)
        sqlite_rollback(db);
    db->in_transaction = false;
    return got;
}

static int sqlite_lock_schema(struct db *db, struct err *e)
{
    /* BEGIN IMMEDIATE has the only write lock there is. */
    return usable_to_write(db, "lock_schema", e);
}

/* ---- statements ---- */

static int map_parameters(struct db_stmt *s, struct err *e)
{
    char name[16];

    s->params = sqlite3_bind_parameter_count(s->handle);
    s->index = mem_alloc(sizeof *s->index * ((size_t)s->params + 1));
    for (int i = 0; i < s->params; i++) {
        (void)snprintf(name, sizeof name, "$%d", i + 1);
        s->index[i] = sqlite3_bind_parameter_index(s->handle, name);
        if (s->index[i] == 0)
            return misuse(s->db, e, "parameters must be $1 to $n without gaps", s->sql);
    }
    return 0;
}

/* One statement and nothing after it: the rest would be silently ignored. */
static int compile(struct db *db, const char *sql, sqlite3_stmt **out, struct err *e)
{
    const char *rest = NULL;
    int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, out, &rest);

    if (code != SQLITE_OK)
        return fail(db, code, sql, e);
    if (!*out || rest[strspn(rest, " \t\r\n;")]) {
        (void)sqlite3_finalize(*out);
        *out = NULL;
        return misuse(db, e, "not exactly one statement", sql);
    }
    return 0;
}

static int sqlite_prepare(struct db *db, const char *sql, struct db_stmt **out, struct err *e)
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
    got = compile(db, sql, &s->handle, e);
    if (got == 0)
        got = map_parameters(s, e);
    if (got < 0) {
        (void)sqlite3_finalize(s->handle);
        free(s->index);
        free(s);
        return got;
    }
    s->next = db->stmts;
    db->stmts = s;
    *out = s;
    return 0;
}

static int bind_one(
    sqlite3_stmt *st, int index, const struct db_value *v, sqlite3_destructor_type life)
{
    switch (v->type) {
    case DB_INT:
        return sqlite3_bind_int64(st, index, v->n);
    case DB_TEXT:
        return sqlite3_bind_text64(st, index, v->bytes, v->len, life, SQLITE_UTF8);
    case DB_BLOB:
        return sqlite3_bind_blob64(st, index, v->bytes, v->len, life);
    case DB_NULL:
        break;
    }
    return sqlite3_bind_null(st, index);
}

static int bind_all(struct db_stmt *s, const struct db_value *values, size_t n,
    sqlite3_destructor_type life, struct err *e)
{
    if (n != (size_t)s->params)
        return misuse(s->db, e, "wrong number of parameters", s->sql);
    for (size_t i = 0; i < n; i++) {
        int code = bind_one(s->handle, s->index[i], &values[i], life);
        if (code != SQLITE_OK)
            return fail(s->db, code, s->sql, e);
    }
    return 0;
}

static int advance(struct db_stmt *s, struct err *e)
{
    int code = sqlite3_step(s->handle);

    if (code == SQLITE_ROW)
        return DB_ROW;
    int got = code == SQLITE_DONE ? DB_DONE : fail(s->db, code, s->sql, e);
    sqlite_reset(s);
    return got;
}

static int sqlite_run(struct db_stmt *s, const struct db_value *values, size_t n, struct err *e)
{
    struct db *db = s->db;

    sqlite_reset(s);
    int got = usable(db, s->sql, e);
    if (got < 0)
        return got;
    bool once = !sqlite3_stmt_readonly(s->handle);
    if (once && db->in_transaction && !db->writing)
        return misuse(db, e, "the transaction is for reading", s->sql);
    /* A write does all its work in the first step, below; a query still needs its values later. */
    got = bind_all(s, values, n, once ? SQLITE_STATIC : SQLITE_TRANSIENT, e);
    if (got < 0)
        return got;
    got = advance(s, e);
    if (got != DB_ROW)
        return got;
    s->row_waiting = true;
    db->open_stmt = s;
    return 0;
}

static int sqlite_step(struct db_stmt *s, struct err *e)
{
    if (s->db->open_stmt != s)
        return DB_DONE;
    if (s->row_waiting) {
        s->row_waiting = false;
        return DB_ROW;
    }
    return advance(s, e);
}

static struct db_value sqlite_column(const struct db_stmt *s, int column)
{
    const void *bytes;
    size_t len;

    switch (sqlite3_column_type(s->handle, column)) {
    case SQLITE_NULL:
        return db_null();
    case SQLITE_INTEGER:
        return db_int(sqlite3_column_int64(s->handle, column));
    case SQLITE_BLOB:
        bytes = sqlite3_column_blob(s->handle, column); /* NULL when empty */
        len = (size_t)sqlite3_column_bytes(s->handle, column);
        return db_blob(bytes ? bytes : "", len);
    default:
        bytes = sqlite3_column_text(s->handle, column);
        len = (size_t)sqlite3_column_bytes(s->handle, column);
        return db_text_of(bytes, len);
    }
}

static int run_set(
    struct db_stmt *s, const struct db_value *values, size_t n, bool *returned, struct err *e)
{
    int got = bind_all(s, values, n, SQLITE_STATIC, e);

    if (got == 0)
        got = advance(s, e);
    if (got < 0)
        return got;
    *returned = got == DB_ROW;
    sqlite_reset(s);
    return 0;
}

static int sqlite_run_many(
    struct db_stmt *s, const struct db_value *values, size_t n, size_t sets, struct err *e)
{
    bool ignored = false;

    sqlite_reset(s);
    int got = usable_to_write(s->db, s->sql, e);
    for (size_t i = 0; got == 0 && i < sets; i++)
        got = run_set(s, values + i * n, n, &ignored, e);
    return got;
}

static int sqlite_insert_many(struct db_stmt *s, const struct db_value *values, size_t n,
    size_t rows, bool *inserted, struct err *e)
{
    sqlite_reset(s);
    int got = usable_to_write(s->db, s->sql, e);
    for (size_t i = 0; got == 0 && i < rows; i++)
        got = run_set(s, values + i * n, n, &inserted[i], e);
    return got;
}

/* ---- bulk loading ---- */

/* The names come from our own code. */
static int write_insert(struct buf *sql, const char *table, const char *const *columns, size_t n)
{
    int bad = buf_printf(sql, "INSERT INTO \"%s\" (", table);

    for (size_t i = 0; i < n; i++)
        bad |= buf_printf(sql, "%s\"%s\"", i ? ", " : "", columns[i]);
    bad |= buf_adds(sql, ") VALUES (");
    for (size_t i = 0; i < n; i++)
        bad |= buf_printf(sql, "%s?%zu", i ? ", " : "", i + 1);
    return bad | buf_adds(sql, ")");
}

static int sqlite_bulk_begin(struct db *db, const char *table, const char *const *columns,
    const enum db_type *types, size_t n, struct err *e)
{
    struct buf sql;
    int got = usable_to_write(db, table, e);

    if (got < 0)
        return got;
    buf_init(&sql, SQL_MAX);
    if (write_insert(&sql, table, columns, n) < 0) {
        got = misuse(db, e, "too many columns", table);
    } else {
        got = compile(db, sql.data, &db->bulk, e);
    }
    buf_done(&sql);
    if (got < 0)
        return got;
    db->bulk_columns = n;
    db->bulk_types = mem_alloc(n * sizeof *types);
    memcpy(db->bulk_types, types, n * sizeof *types);
    return 0;
}

static int sqlite_bulk_row(struct db *db, const struct db_value *values, struct err *e)
{
    if (!db->bulk || db->failed)
        return misuse(db, e, "not bulk loading", "bulk_row");
    for (size_t i = 0; i < db->bulk_columns; i++) {
        if (values[i].type != db->bulk_types[i] && values[i].type != DB_NULL)
            return misuse(db, e, "a value has another type than its column", "bulk_row");
        int code = bind_one(db->bulk, (int)i + 1, &values[i], SQLITE_STATIC);
        if (code != SQLITE_OK)
            return fail(db, code, "bulk_row", e);
    }
    int code = sqlite3_step(db->bulk);
    int got = code == SQLITE_DONE ? 0 : fail(db, code, sqlite3_sql(db->bulk), e);
    (void)sqlite3_reset(db->bulk);
    return got;
}

static int sqlite_bulk_end(struct db *db, struct err *e)
{
    if (!db->bulk || db->failed)
        return misuse(db, e, "not bulk loading", "bulk_end");
    end_bulk(db);
    return 0;
}

const struct db_driver db_sqlite = {
    .scheme = "sqlite",
    .table_exists = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = $1",
    .columns = "SELECT name, CASE type WHEN 'INTEGER' THEN 1 WHEN 'TEXT' THEN 2 ELSE 3 END, pk "
               "FROM pragma_table_info($1) ORDER BY cid",
    .open = sqlite_open,
    .close = sqlite_close,
    .script = sqlite_script,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .lock_schema = sqlite_lock_schema,
    .prepare = sqlite_prepare,
    .run = sqlite_run,
    .step = sqlite_step,
    .column = sqlite_column,
    .reset = sqlite_reset,
    .run_many = sqlite_run_many,
    .insert_many = sqlite_insert_many,
    .bulk_begin = sqlite_bulk_begin,
    .bulk_row = sqlite_bulk_row,
    .bulk_end = sqlite_bulk_end,
};
