#include "store/store.h"

#include "base/arena.h"
#include "store/behind.h"
#include "store/core.h"
#include "store/digest.h"
#include "store/migrate.h"
#include "store/sql.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    ID_BLOCK = 1000,
    KEY_TEXT_MAX = 400
};

/* ---- opening ---- */

int store_open(struct store **out, const char *url, struct err *e)
{
    const struct db_driver *driver = db_driver_for(url);
    int from = 0;

    if (!driver) {
        /* a URL may hold a password: only what stands before the ':' is shown */
        return err_set(e, ERR_CONFIG, "store-url",
            "a store is sqlite:PATH or postgresql://..., not %.*s", (int)strcspn(url, ":/"), url);
    }
    struct store *s = mem_alloc(sizeof *s);
    s->url = mem_strdup(url);
    s->texts = arena_new();
    s->c.driver = driver;
    int got = driver->open(&s->c.db, url, e);
    if (got == 0)
        got = migrate(&s->c, &from, &s->version, e);
    if (got < 0) {
        store_close(s);
        return got;
    }
    s->known = known_new();
    *out = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    behind_free(s->behind);
    if (s->c.db)
        s->c.driver->close(s->c.db);
    owners_free(s->owners);
    known_free(s->known);
    arena_free(s->texts);
    explicit_bzero(s->url, strlen(s->url)); /* there may be a password in it */
    free(s->url);
    free(s);
}

const char *store_backend(const struct store *s)
{
    return s->c.driver->scheme;
}

void store_set_policy(struct store *s, const struct store_policy *p)
{
    s->policy = *p;
}

int store_schema_version(const struct store *s)
{
    return s->version;
}

/* ---- transactions ---- */

int store_owners_refresh(struct store *s, struct err *e)
{
    int64_t version = 0;
    int got = db_one_int(&s->c, sql_owners_version, NULL, 0, &version, e);

    if (got < 0)
        return got;
    if (s->owners && version == s->owners_version)
        return 0;
    struct owners *fresh = NULL;
    got = owners_load(&fresh, &s->c, e);
    if (got < 0)
        return got;
    owners_free(s->owners);
    s->owners = fresh;
    s->owners_version = version;
    /* Domains that moved have taken their authentication sets with them. */
    known_forget_written(s->known);
    return 0;
}

int store_begin(struct store *s, struct err *e)
{
    int got = s->c.driver->begin(s->c.db, true, e);

    if (got < 0)
        return got;
    s->in_transaction = true;
    got = store_owners_refresh(s, e);
    if (got < 0)
        store_rollback(s);
    return got;
}

/* What was remembered about rows that may not be there any more. */
static void forget_uncommitted(struct store *s)
{
    known_forget_written(s->known);
    s->owners_version = 0; /* no version is 0: read them again */
    if (s->ids_uncommitted)
        s->ids_left = 0;
    s->ids_uncommitted = false;
    s->in_transaction = false;
}

int store_commit(struct store *s, struct err *e)
{
    int got = s->c.driver->commit(s->c.db, e);

    if (got < 0)
        forget_uncommitted(s);
    s->ids_uncommitted = false;
    s->in_transaction = false;
    return got;
}

void store_rollback(struct store *s)
{
    s->c.driver->rollback(s->c.db);
    forget_uncommitted(s);
}

int store_end(struct store *s, int got, struct err *e)
{
    if (got == 0)
        return store_commit(s, e);
    store_rollback(s);
    return got;
}

int store_read_begin(struct store *s, struct err *e)
{
    int got = s->c.driver->begin(s->c.db, false, e);

    s->reading = got == 0;
    s->read_failure.class = 0;
    return got;
}

void store_read_end(struct store *s)
{
    s->c.driver->rollback(s->c.db);
    s->reading = false;
}

int store_owners_hold(struct store *s, struct err *e)
{
    struct db_value version = db_int(s->owners_version);
    int64_t held = 0;
    int got = db_one_int(&s->c, sql_owners_hold, &version, 1, &held, e);

    if (got < 0)
        return got;
    if (got == DB_DONE) {
        return err_set(e, ERR_TEMPORARY, "owners-changed",
            "domains were assigned while reports were being stored");
    }
    return 0;
}

int store_owners_change(struct store *s, struct err *e)
{
    return db_exec(&s->c, sql_owners_change, NULL, 0, e);
}

/* ---- ids ---- */

static int take_block(struct store *s, int64_t n, struct err *e)
{
    struct db_value block = db_int(n);
    int64_t end = 0;
    int got = db_one_int(&s->c, sql_take_ids, &block, 1, &end, e);

    if (got < 0)
        return got;
    if (got == DB_DONE)
        return err_set(e, ERR_BUG, "database", "the counter of ids is missing");
    s->next_id = end - n;
    s->ids_left = n;
    return 0;
}

static int take_block_alone(struct store *s, int64_t n, struct err *e)
{
    int got = s->c.driver->begin(s->c.db, true, e);

    if (got < 0)
        return got;
    got = take_block(s, n, e);
    if (got < 0) {
        s->c.driver->rollback(s->c.db);
        return got;
    }
    got = s->c.driver->commit(s->c.db, e);
    if (got < 0)
        s->ids_left = 0; /* unknown: a block that is lost costs nothing */
    return got;
}

int store_take_id(struct store *s, int64_t *id, struct err *e)
{
    if (s->ids_left == 0) {
        int got = s->in_transaction ? take_block(s, ID_BLOCK, e) : take_block_alone(s, ID_BLOCK, e);
        if (got < 0)
            return got;
        s->ids_uncommitted = s->in_transaction;
    }
    s->ids_left--;
    *id = s->next_id++;
    return 0;
}

int store_have_ids(struct store *s, int64_t n, struct err *e)
{
    return s->ids_left < n ? take_block_alone(s, n * 4, e) : 0;
}

/* ---- rows ---- */

static int query_rows(struct store *s, const struct query *q, struct err *e)
{
    struct db_stmt *stmt = NULL;
    int got = s->c.driver->prepare(s->c.db, q->sql, &stmt, e);

    if (got < 0)
        return got;
    got = s->c.driver->run(stmt, q->values, q->n, e);
    if (got < 0)
        return got;
    while ((got = s->c.driver->step(stmt, e)) == DB_ROW) {
        int stop = q->row(q->context, s, stmt);
        if (stop) {
            s->c.driver->reset(stmt);
            return stop;
        }
    }
    return got;
}

bool store_read_failed(const struct store *s, struct err *e)
{
    if (!s->reading || !s->read_failure.class)
        return false;
    *e = s->read_failure;
    return true;
}

int store_query(struct store *s, const struct query *q, struct err *e)
{
    if (store_read_failed(s, e))
        return (int)e->class;
    int got = query_rows(s, q, e);
    if (s->reading && got < 0)
        s->read_failure = *e;
    return got;
}

const char *store_text(const struct store *s, const struct db_stmt *stmt, int column)
{
    struct db_value v = s->c.driver->column(stmt, column);

    return v.type == DB_TEXT ? v.bytes : NULL;
}

int64_t store_int(const struct store *s, const struct db_stmt *stmt, int column)
{
    struct db_value v = s->c.driver->column(stmt, column);

    return v.type == DB_INT ? v.n : 0;
}

const char *store_text_kept(struct store *s, const char *text)
{
    return arena_strdup(s->texts, text);
}

int64_t store_sum(int64_t high, int64_t low)
{
    if (high >= COUNT_SUM_MAX >> 20 || low >= COUNT_SUM_MAX)
        return COUNT_SUM_MAX;
    int64_t sum = high * (1 << 20) + low;
    return sum < COUNT_SUM_MAX ? sum : COUNT_SUM_MAX;
}

const char *store_key_text(struct arena *a, const char *s)
{
    size_t len = strlen(s);

    if (len <= KEY_TEXT_MAX)
        return s;
    size_t keep = KEY_TEXT_MAX;
    while (keep > 0 && ((unsigned char)s[keep] & 0xc0) == 0x80)
        keep--; /* not in the middle of a character */
    struct hash128 h = hash128(s, len);
    return arena_printf(a, "%.*s#%016" PRIx64 "%016" PRIx64, (int)keep, s, h.high, h.low);
}

bool store_key_is_cut(const char *key)
{
    return strlen(key) > KEY_TEXT_MAX;
}
