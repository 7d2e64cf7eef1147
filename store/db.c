#include "store/db.h"

#include <string.h>

struct db_value db_int(int64_t n)
{
    return (struct db_value){.type = DB_INT, .n = n};
}

static struct db_value bytes_of(enum db_type type, const void *bytes, size_t len)
{
    uint32_t kept = len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;

    return bytes ? (struct db_value){.type = type, .bytes = bytes, .len = kept} : db_null();
}

struct db_value db_text_of(const char *s, size_t len)
{
    return bytes_of(DB_TEXT, s, len);
}

struct db_value db_text(const char *s)
{
    return db_text_of(s, s ? strlen(s) : 0);
}

struct db_value db_blob(const void *bytes, size_t len)
{
    return bytes_of(DB_BLOB, bytes, len);
}

struct db_value db_null(void)
{
    return (struct db_value){.type = DB_NULL};
}

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

const struct db_driver *db_driver_for(const char *url)
{
    if (starts_with(url, "sqlite:"))
        return &db_sqlite;
    if (starts_with(url, "postgresql://") || starts_with(url, "postgres://"))
        return &db_postgres;
    return NULL;
}

int db_exec(
    struct db_conn *c, const char *sql, const struct db_value *values, size_t n, struct err *e)
{
    struct db_stmt *s = NULL;
    int got = c->driver->prepare(c->db, sql, &s, e);

    if (got < 0)
        return got;
    got = c->driver->run(s, values, n, e);
    c->driver->reset(s);
    return got;
}

int db_one_int(struct db_conn *c, const char *sql, const struct db_value *values, size_t n,
    int64_t *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int got = c->driver->prepare(c->db, sql, &s, e);

    if (got < 0)
        return got;
    got = c->driver->run(s, values, n, e);
    if (got < 0)
        return got;
    got = c->driver->step(s, e);
    if (got != DB_ROW)
        return got;
    struct db_value v = c->driver->column(s, 0);
    c->driver->reset(s);
    if (v.type == DB_NULL)
        return DB_DONE;
    if (v.type != DB_INT)
        return err_set(e, ERR_BUG, "database", "not an integer: %.80s", sql);
    *out = v.n;
    return DB_ROW;
}
