/*
 * The contract of a database driver: statements, not tables. db_sqlite.c and db_postgres.c are the
 * only files that see sqlite3.h and libpq-fe.h; everything above speaks the SQL both understand
 * (schema/README.md says which) with $1 ... $n.
 *
 * One connection, one thread, one open statement at a time: a statement that returned rows is open
 * from run() until step() answered DB_DONE or failed, or reset() was called.
 *
 * Errors: ERR_UNREACHABLE (no connection, file unreadable or damaged), ERR_LOGIN, ERR_CONFIG (not
 * what the URL promised: no such database, read-only), ERR_TEMPORARY (disk full, lock, lost
 * connection, serialisation: the transaction is gone, repeat it whole), ERR_BUG (a statement the
 * database refuses). After an error inside a transaction only rollback() is allowed; commit() then
 * rolls back and fails, on every database.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct db_stmt;

/* Columns of results may be integers of any size, boolean (0/1), text or bytes. A sum is cast:
 * CAST(sum(x) AS bigint). */
enum db_type {
    DB_NULL,
    DB_INT,
    DB_TEXT,
    DB_BLOB
};

/*
 * A value to bind or that was read. Text and blob are borrowed: bound ones until the call returns,
 * read ones until the next step, reset or run. Kept small: a batch holds a hundred thousand of
 * them.
 */
struct db_value {
    enum db_type type;
    uint32_t len; /* of text and blob; what is longer is UINT32_MAX, which no database takes */

    union {
        int64_t n;
        const void *bytes; /* text is also NUL-terminated when read */
    };
};

struct db_value db_int(int64_t n);
struct db_value db_text(const char *s); /* NULL gives DB_NULL */
struct db_value db_text_of(const char *s, size_t len);
struct db_value db_blob(const void *bytes, size_t len); /* NULL gives DB_NULL */
struct db_value db_null(void);

enum db_answer {
    DB_DONE = 0,
    DB_ROW = 1
};

struct db_driver {
    const char *scheme; /* "sqlite", "postgresql" */
    /* A query with a row holding 1 if there is a table $1 and 0 if not. */
    const char *table_exists;
    /* A query with a row for each column of table $1, in order: its name, 1, 2 or 3 for bigint,
     * text and bytea, and its place in the primary key, from 1, or 0. */
    const char *columns;

    int (*open)(struct db **out, const char *url, struct err *e);
    void (*close)(struct db *db); /* accepts NULL; what was not committed is gone */

    int (*script)(struct db *db, const char *ddl, struct err *e); /* several statements */
    /*
     * Reading sees one unchanging state; writing waits for other writers if it must. A connection
     * lost before is made anew here (and by what runs outside transactions), and nowhere else.
     */
    int (*begin)(struct db *db, bool to_write, struct err *e);
    /* The transaction is over either way. An ERR_TEMPORARY means unknown: repeat by key. */
    int (*commit)(struct db *db, struct err *e);
    void (*rollback)(struct db *db); /* also in the middle of anything, or outside a transaction */
    /* Inside a transaction that writes: one migrator at a time. */
    int (*lock_schema)(struct db *db, struct err *e);

    /* Prepared once per text and connection, kept; `sql` must live as long as db. */
    int (*prepare)(struct db *db, const char *sql, struct db_stmt **out, struct err *e);
    /*
     * Binds all parameters and starts; then step until DB_DONE, or reset. What is still open of the
     * same statement is dropped. One that returns no rows is finished when run() returns.
     */
    int (*run)(struct db_stmt *s, const struct db_value *values, size_t n, struct err *e);
    int (*step)(struct db_stmt *s, struct err *e);
    struct db_value (*column)(const struct db_stmt *s, int column);
    /* Ends reading early; rows left are dropped, though PostgreSQL still sends them: use LIMIT. */
    void (*reset)(struct db_stmt *s);

    /*
     * One statement for many sets of parameters, `n` values each, without waiting for each (libpq's
     * pipeline). Inside a transaction.
     */
    int (*run_many)(
        struct db_stmt *s, const struct db_value *values, size_t n, size_t sets, struct err *e);

    /*
     * The same for INSERT ... VALUES ($1, ..., $n) ON CONFLICT (...) DO NOTHING RETURNING its first
     * two columns, by which each of the rows is known: PostgreSQL inserts many with one statement.
     * inserted[i] tells whether row i was; of rows that are in conflict with each other the first
     * is.
     */
    int (*insert_many)(struct db_stmt *s, const struct db_value *values, size_t n, size_t rows,
        bool *inserted, struct err *e);

    /*
     * Bulk loading: COPY, or prepared inserts. Inside a transaction; nothing else may be done on db
     * between begin and end, except rollback. The columns must be exactly bigint (DB_INT), text
     * (DB_TEXT) or bytea (DB_BLOB), and a value of that type or NULL: binary COPY converts nothing.
     */
    int (*bulk_begin)(struct db *db, const char *table, const char *const *columns,
        const enum db_type *types, size_t n, struct err *e);
    int (*bulk_row)(struct db *db, const struct db_value *values, struct err *e);
    int (*bulk_end)(struct db *db, struct err *e); /* may be what reports a bad row */
};

extern const struct db_driver db_sqlite;
extern const struct db_driver db_postgres;

/* The driver for "sqlite:PATH", "postgresql://..." or "postgres://...", or NULL. */
const struct db_driver *db_driver_for(const char *url);

/* Conveniences over a driver, in db.c: one statement, no rows / one row of one integer. */
struct db_conn {
    const struct db_driver *driver;
    struct db *db;
};

int db_exec(struct db_conn *c, const char *sql, const struct db_value *values, size_t n,
    struct err *e) ERR_CHECKED;
/* DB_ROW with *out, or DB_DONE if there was no row or it was NULL. */
int db_one_int(struct db_conn *c, const char *sql, const struct db_value *values, size_t n,
    int64_t *out, struct err *e) ERR_CHECKED;

#endif
