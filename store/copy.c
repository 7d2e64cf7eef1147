/*
 * One store into another, whatever databases they are in. Both are walked in the order of their
 * primary keys, page by page: first everything goes from the copy that the original has not got, or
 * not so; then everything comes that is missing. So a run that was cut short is gone on with by the
 * next one, and a later run brings over what has changed.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "store/core.h"
#include "store/sql.h"
#include "store/store.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_MAX = 8,
    COLUMNS_MAX = 64,
    SQL_MAX = 16 * 1024
};

/* Parents before children. What is left out belongs to processes (lease), to the database itself
 * (schema_version), or is written by hand (counter, setting). */
static const struct {
    const char *name;
    int page; /* rows */
} tables[] = {
    {"client", 1000},
    {"domain_owner", 1000},
    {"report", 1000},
    {"auth_set", 2000},
    {"auth_result", 4000},
    {"record", 4000},
    {"failure_report", 100},
    {"tls_policy", 1000},
    {"tls_failure", 4000},
    {"payload", 4000},
    {"payload_chunk", 16},
    {"message", 1000},
    {"reject", 1000},
    {"mailbox", 1000},
    {"host", 4000},
    {"sender_domain", 1000},
    {"delivery", 1000},
    {"domain_check", 100},
    {"warning", 1000},
};

enum {
    TABLES = sizeof tables / sizeof *tables
};

struct columns {
    const char *names[COLUMNS_MAX];
    enum db_type types[COLUMNS_MAX];
    size_t n;
    size_t key[KEY_MAX]; /* which of them are the primary key, in its order */
    size_t n_key;
};

/* The statements on one side. They live as long as its store. */
struct side {
    struct store *store;
    const char *first_page, *next_page; /* rows in order of the key: all; behind a key */
    const char *first_part, *next_part; /* the same up to a key, that included */
    const char *drop;                   /* by key */
    const char *any;
};

struct copied_row {
    struct db_value *values;
    bool there; /* on the other side, all alike */
};

struct copier {
    struct store *from, *to;
    struct arena *arena; /* of the page */
    const char *table;
    struct columns columns;
    struct copied_row *page;
    size_t n_page;
    size_t at; /* in the page, while the other side's rows are compared with it */
};

/* ---- tables ---- */

static int take_column(void *context, struct store *s, struct db_stmt *stmt)
{
    struct columns *c = context;
    int64_t type = store_int(s, stmt, 1);
    int64_t key = store_int(s, stmt, 2);

    if (c->n == COLUMNS_MAX || key > KEY_MAX)
        return ERR_BUG;
    if (key > 0) {
        c->key[key - 1] = c->n;
        c->n_key++;
    }
    c->types[c->n] = type == 1 ? DB_INT : type == 2 ? DB_TEXT : DB_BLOB;
    c->names[c->n++] = store_text_kept(s, store_text(s, stmt, 0));
    return 0;
}

static int read_columns(struct copier *c, struct store *s, struct err *e)
{
    struct db_value name = db_text(c->table);
    struct query q = {s->c.driver->columns, &name, 1, take_column, &c->columns};

    memset(&c->columns, 0, sizeof c->columns);
    int rc = store_query(s, &q, e);
    if (rc > 0 || (rc == 0 && c->columns.n_key == 0))
        return err_set(e, ERR_BUG, "database", "the columns of %s cannot be told", c->table);
    return rc;
}

/* The names come from our own schema. */
static void add_key(struct buf *sql, const struct columns *c)
{
    for (size_t i = 0; i < c->n_key; i++)
        (void)buf_printf(sql, "%s%s", i ? ", " : "", c->names[c->key[i]]);
}

static void add_condition(struct buf *sql, const struct columns *c, const char *how, size_t first)
{
    (void)buf_adds(sql, "(");
    add_key(sql, c);
    (void)buf_printf(sql, ") %s (", how);
    for (size_t i = 0; i < c->n_key; i++)
        (void)buf_printf(sql, "%s$%zu", i ? ", " : "", first + i);
    (void)buf_adds(sql, ")");
}

/* The text as its store keeps it. Ends `sql`. */
static const char *statement(struct store *s, struct buf *sql)
{
    const char *kept = store_text_kept(s, sql->data);

    buf_done(sql);
    return kept;
}

static const char *select_rows(
    const struct copier *c, struct store *s, bool after, bool upto, int limit)
{
    struct buf sql;

    buf_init(&sql, SQL_MAX);
    (void)buf_adds(&sql, "SELECT ");
    for (size_t i = 0; i < c->columns.n; i++)
        (void)buf_printf(&sql, "%s%s", i ? ", " : "", c->columns.names[i]);
    (void)buf_printf(&sql, " FROM %s", c->table);
    if (after || upto)
        (void)buf_adds(&sql, " WHERE ");
    if (after)
        add_condition(&sql, &c->columns, ">", 1);
    if (after && upto)
        (void)buf_adds(&sql, " AND ");
    if (upto)
        add_condition(&sql, &c->columns, "<=", after ? 1 + c->columns.n_key : 1);
    (void)buf_adds(&sql, " ORDER BY ");
    add_key(&sql, &c->columns);
    if (!upto)
        (void)buf_printf(&sql, " LIMIT %d", limit);
    return statement(s, &sql);
}

static const char *delete_row(const struct copier *c, struct store *s)
{
    struct buf sql;

    buf_init(&sql, SQL_MAX);
    (void)buf_printf(&sql, "DELETE FROM %s WHERE ", c->table);
    add_condition(&sql, &c->columns, "=", 1);
    return statement(s, &sql);
}

static const char *select_any(const struct copier *c, struct store *s)
{
    struct buf sql;

    buf_init(&sql, SQL_MAX);
    (void)buf_printf(&sql, "SELECT CAST(1 AS bigint) FROM %s LIMIT 1", c->table);
    return statement(s, &sql);
}

static struct side side_of(const struct copier *c, struct store *s, int limit)
{
    return (struct side){
        .store = s,
        .first_page = select_rows(c, s, false, false, limit),
        .next_page = select_rows(c, s, true, false, limit),
        .first_part = select_rows(c, s, false, true, limit),
        .next_part = select_rows(c, s, true, true, limit),
        .drop = delete_row(c, s),
        .any = select_any(c, s),
    };
}

/* ---- rows ---- */

static int compare_values(const struct db_value *a, const struct db_value *b)
{
    if (a->type == DB_INT && b->type == DB_INT)
        return a->n < b->n ? -1 : a->n > b->n;
    size_t shared = a->len < b->len ? a->len : b->len;
    int order = shared ? memcmp(a->bytes, b->bytes, shared) : 0;
    return order ? order : a->len < b->len ? -1 : a->len > b->len;
}

static bool same_value(const struct db_value *a, const struct db_value *b)
{
    return a->type == b->type && (a->type == DB_NULL || compare_values(a, b) == 0);
}

static void read_row(
    const struct copier *c, const struct store *s, struct db_stmt *stmt, struct db_value *out)
{
    for (size_t i = 0; i < c->columns.n; i++)
        out[i] = s->c.driver->column(stmt, (int)i);
}

static int take_page_row(void *context, struct store *s, struct db_stmt *stmt)
{
    struct copier *c = context;
    struct db_value *values = arena_alloc(c->arena, c->columns.n * sizeof *values);

    read_row(c, s, stmt, values);
    for (size_t i = 0; i < c->columns.n; i++) {
        struct db_value *v = &values[i];
        if (v->type == DB_TEXT || v->type == DB_BLOB)
            v->bytes = arena_strndup(c->arena, v->bytes ? v->bytes : "", v->len);
    }
    c->page = arena_grow(c->arena, c->page, &c->n_page, sizeof *c->page);
    c->page[c->n_page - 1] = (struct copied_row){.values = values};
    return 0;
}

static int compare_keys(const struct columns *c, const struct db_value *a, const struct db_value *b)
{
    int order = 0;

    for (size_t i = 0; i < c->n_key && !order; i++)
        order = compare_values(&a[c->key[i]], &b[c->key[i]]);
    return order;
}

/* A row of the other side: does the page have it? Both come in the same order. */
static int find_in_page(void *context, struct store *s, struct db_stmt *stmt)
{
    struct copier *c = context;
    struct db_value other[COLUMNS_MAX];

    read_row(c, s, stmt, other);
    while (c->at < c->n_page && compare_keys(&c->columns, c->page[c->at].values, other) < 0)
        c->at++;
    if (c->at == c->n_page || compare_keys(&c->columns, c->page[c->at].values, other) != 0)
        return 0;
    struct copied_row *row = &c->page[c->at];
    row->there = true;
    for (size_t i = 0; i < c->columns.n; i++)
        row->there = row->there && same_value(&row->values[i], &other[i]);
    return 0;
}

static void key_of(const struct copier *c, const struct copied_row *row, struct db_value *out)
{
    for (size_t i = 0; i < c->columns.n_key; i++)
        out[i] = row->values[c->columns.key[i]];
}

/* The next rows of a side behind `last`, which is moved on; marked where `other` has them, too,
 * unless that is NULL. */
static int next_page(struct copier *c, const struct side *one, const struct side *other,
    struct db_value last[2 * KEY_MAX], bool first, struct err *e)
{
    size_t n = c->columns.n_key;
    struct query page = {
        first ? one->first_page : one->next_page, last, first ? 0 : n, take_page_row, c};

    /* the key of the page before lives in the arena until it has been asked for */
    struct arena *before = c->arena;
    c->arena = arena_new();
    c->page = NULL;
    c->n_page = c->at = 0;
    int rc = store_query(one->store, &page, e);
    if (!rc && c->n_page && other) {
        struct query part = {
            first ? other->first_part : other->next_part, last, first ? n : 2 * n, find_in_page, c};
        key_of(c, &c->page[c->n_page - 1], first ? last : last + n);
        rc = store_query(other->store, &part, e);
    }
    if (!rc && c->n_page)
        key_of(c, &c->page[c->n_page - 1], last);
    arena_free(before);
    return rc;
}

/* ---- the two passes ---- */

static int remove_rows(struct copier *c, const struct side *to, int64_t *n, struct err *e)
{
    const struct db_driver *driver = to->store->c.driver;
    struct db_value key[KEY_MAX];
    struct db_stmt *drop = NULL;
    int rc = driver->prepare(to->store->c.db, to->drop, &drop, e);

    for (size_t i = 0; i < c->n_page && !rc; i++) {
        if (c->page[i].there)
            continue;
        key_of(c, &c->page[i], key);
        rc = driver->run(drop, key, c->columns.n_key, e);
        ++*n;
    }
    return rc;
}

static int add_rows(struct copier *c, const struct side *to, int64_t *n, struct err *e)
{
    const struct db_driver *driver = to->store->c.driver;
    struct db *db = to->store->c.db;
    int rc = driver->bulk_begin(db, c->table, c->columns.names, c->columns.types, c->columns.n, e);

    for (size_t i = 0; i < c->n_page && !rc; i++) {
        if (c->page[i].there)
            continue;
        rc = driver->bulk_row(db, c->page[i].values, e);
        ++*n;
    }
    return rc ? rc : driver->bulk_end(db, e);
}

static bool all_there(const struct copier *c)
{
    for (size_t i = 0; i < c->n_page; i++) {
        if (!c->page[i].there)
            return false;
    }
    return true;
}

static int is_empty(const struct side *side, bool *empty, struct err *e)
{
    int64_t one;
    int got = db_one_int(&side->store->c, side->any, NULL, 0, &one, e);

    *empty = got == DB_DONE;
    return got < 0 ? got : 0;
}

/* Each transaction is a page; between them, others may write. */
static int walk(struct copier *c, const struct side *from, const struct side *to, bool remove,
    struct store_copied *done, struct err *e)
{
    struct db_value last[2 * KEY_MAX];
    bool empty = false;
    int rc = is_empty(to, &empty, e);

    if (!rc && remove && empty)
        return 0;
    for (bool first = true; !rc; first = false) {
        const struct side *one = remove ? to : from;
        const struct side *other = remove ? from : empty ? NULL : to;
        rc = next_page(c, one, other, last, first, e);
        if (rc || c->n_page == 0)
            break;
        done->rows += remove ? 0 : (int64_t)c->n_page;
        if (all_there(c))
            continue;
        rc = to->store->c.driver->begin(to->store->c.db, true, e);
        if (rc)
            break;
        rc = remove ? remove_rows(c, to, &done->removed, e) : add_rows(c, to, &done->added, e);
        rc = store_end(to->store, rc, e);
    }
    return rc;
}

static int walk_table(
    struct copier *c, size_t table, bool remove, struct store_copied *done, struct err *e)
{
    c->table = done->table = tables[table].name;
    int rc = read_columns(c, c->from, e);
    if (rc)
        return rc;
    struct side source = side_of(c, c->from, tables[table].page);
    struct side target = side_of(c, c->to, tables[table].page);
    return walk(c, &source, &target, remove, done, e);
}

/* ---- may it be, and how far did it come ---- */

/* Where the original is, without who asks for it and how. */
static const char *origin_of(struct arena *a, const struct store *s)
{
    if (strncmp(s->url, "sqlite:", 7) == 0) {
        char path[PATH_MAX];
        return arena_printf(a, "sqlite:%s", realpath(s->url + 7, path) ? path : s->url + 7);
    }
    const char *host = strstr(s->url, "://") + 3;
    size_t len = strcspn(host, "?");
    for (const char *at; (at = memchr(host, '@', len)) != NULL;) {
        len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    return arena_printf(a, "postgresql://%.*s", (int)len, host);
}

struct setting {
    struct arena *arena;
    struct db_value value; /* text, or null */
};

static int take_setting(void *context, struct store *s, struct db_stmt *stmt)
{
    struct setting *to = context;
    struct db_value v = s->c.driver->column(stmt, 0);

    to->value = db_blob(arena_strndup(to->arena, v.bytes ? v.bytes : "", v.len), v.len);
    return 0;
}

static int read_setting(struct store *s, const char *name, struct setting *to, struct err *e)
{
    struct db_value value = db_text(name);

    return store_query(s, &(struct query){sql_setting, &value, 1, take_setting, to}, e);
}

/* An empty store has nothing but the client that every store begins with. */
static int want_empty(struct copier *c, struct err *e)
{
    bool empty = true;
    int rc = 0;

    for (size_t i = 1; i < TABLES && !rc && empty; i++) {
        c->table = tables[i].name;
        rc = is_empty(&(struct side){.store = c->to, .any = select_any(c, c->to)}, &empty, e);
    }
    if (!rc && !empty) {
        return err_set(e, ERR_CONFIG, "store-not-empty",
            "it holds something already (table %s), and is no copy: name a store that is not there "
            "yet",
            c->table);
    }
    return rc;
}

/* The copy says whose it is, and up to which id. Whoever writes to it takes new ids: then it has
 * become a store of its own. */
static int want_copy(const char *mark, const char *origin, int64_t id, struct err *e)
{
    char *end;
    int64_t marked = strtoll(mark, &end, 10);

    if (*end == ' ' && strcmp(end + 1, origin) != 0)
        return err_set(e, ERR_CONFIG, "store-not-empty", "it is a copy of %s", end + 1);
    if (marked != id) {
        return err_set(e, ERR_CONFIG, "store-in-use",
            "reports were stored in it since it was copied: it is a store of its own now");
    }
    return 0;
}

static int read_id(struct store *s, int64_t *id, struct err *e)
{
    int got = db_one_int(&s->c, sql_last_id, NULL, 0, id, e);

    return got < 0 ? got : got == DB_ROW ? 0 : err_set(e, ERR_BUG, "database", "no counter of ids");
}

static int check_target(struct copier *c, const char *origin, struct err *e)
{
    struct setting mark = {.arena = c->arena};
    int64_t id = 0;
    int rc = read_setting(c->to, "copy", &mark, e);

    if (!rc)
        rc = read_id(c->to, &id, e);
    if (rc)
        return rc;
    if (strcmp(origin, origin_of(c->arena, c->to)) == 0)
        return err_set(e, ERR_USAGE, "usage", "a store cannot be copied into itself");
    return mark.value.bytes ? want_copy(mark.value.bytes, origin, id, e) : want_empty(c, e);
}

/* What is not copied row by row: the counters, the key of the hashes, and the mark of a copy. */
static int begin_copy(struct copier *c, const char *origin, struct err *e)
{
    struct store *to = c->to;
    struct setting key = {.arena = c->arena};
    int64_t id = 0;
    int64_t owners = 0;
    int rc = read_setting(c->from, "redact_key", &key, e);

    if (!rc)
        rc = read_id(c->from, &id, e);
    if (!rc && db_one_int(&c->from->c, sql_owners_version, NULL, 0, &owners, e) < 0)
        rc = (int)e->class;
    if (rc)
        return rc;
    const char *mark = arena_printf(c->arena, "%" PRId64 " %s", id, origin);
    const struct db_value counters[] = {db_int(id), db_int(owners)};
    const struct db_value copy[] = {db_text("copy"), db_blob(mark, strlen(mark))};
    const struct db_value redact[] = {db_text("redact_key"), key.value};
    rc = to->c.driver->begin(to->c.db, true, e);
    if (rc)
        return rc;
    rc = db_exec(&to->c, sql_counters_set, counters, 2, e);
    if (!rc)
        rc = db_exec(&to->c, sql_setting_put, copy, 2, e);
    if (!rc && key.value.bytes)
        rc = db_exec(&to->c, sql_setting_put, redact, 2, e);
    return store_end(to, rc, e);
}

/* Children go first and come last. */
static int copy_all(struct copier *c, void (*table)(void *context, const struct store_copied *done),
    void *context, struct err *e)
{
    struct store_copied done[TABLES] = {0};
    int rc = 0;

    for (size_t i = TABLES; i-- > 0 && !rc;)
        rc = walk_table(c, i, true, &done[i], e);
    for (size_t i = 0; i < TABLES && !rc; i++) {
        rc = walk_table(c, i, false, &done[i], e);
        if (!rc)
            table(context, &done[i]);
    }
    return rc;
}

int store_copy(struct store *from, struct store *to,
    void (*table)(void *context, const struct store_copied *done), void *context, struct err *e)
{
    struct copier c = {.from = from, .to = to, .arena = arena_new()};
    int rc = store_read_begin(from, e);

    if (!rc) {
        const char *origin = origin_of(c.arena, from);
        rc = check_target(&c, origin, e);
        if (!rc)
            rc = begin_copy(&c, origin, e);
        if (!rc)
            rc = copy_all(&c, table, context, e);
        store_read_end(from);
    }
    arena_free(c.arena);
    return rc;
}
