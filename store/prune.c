/*
 * What is older than it is to be kept. In many short transactions, so that nobody who stores
 * reports waits long, and so that it can be killed at any time: each leaves a store that agrees
 * with itself, and the next run goes on.
 *
 * Sets of authentication results stay: who writes remembers which are there (store/known.h).
 */
#include "base/arena.h"
#include "store/core.h"
#include "store/sql.h"

#include <time.h>

enum {
    STEP_ROWS = 20000, /* records in one transaction, or one report with more */
    STEP_ITEMS = 500,
    PAUSE_MS = 10 /* for others who want to write */
};

struct found {
    int64_t client, id, rows; /* rows: below it */
};

struct pruning {
    struct store *store;
    struct arena *arena; /* of what one statement found */
    struct found *items;
    size_t n;
    bool dry_run;
};

static int take_item(void *context, struct store *s, struct db_stmt *stmt)
{
    struct pruning *p = context;

    p->items = arena_grow(p->arena, p->items, &p->n, sizeof *p->items);
    p->items[p->n - 1] =
        (struct found){store_int(s, stmt, 0), store_int(s, stmt, 1), store_int(s, stmt, 2)};
    return 0;
}

static int find(
    struct pruning *p, const char *sql, const struct db_value *values, size_t n, struct err *e)
{
    arena_reset(p->arena);
    p->items = NULL;
    p->n = 0;
    return store_query(p->store, &(struct query){sql, values, n, take_item, p}, e);
}

/* One statement for each of some ids, in a transaction. */
static int change_some(struct pruning *p, const char *const *statements, size_t n_statements,
    size_t from, size_t n, struct err *e)
{
    const struct db_driver *driver = p->store->c.driver;
    struct db_value *values = arena_alloc(p->arena, n * 2 * sizeof *values);
    int got = store_begin(p->store, e);

    if (got < 0)
        return got;
    for (size_t i = 0; i < n; i++) {
        values[i * 2] = db_int(p->items[from + i].client);
        values[i * 2 + 1] = db_int(p->items[from + i].id);
    }
    for (size_t k = 0; k < n_statements && got == 0; k++) {
        struct db_stmt *s = NULL;
        got = driver->prepare(p->store->c.db, statements[k], &s, e);
        if (got == 0)
            got = driver->run_many(s, values, 2, n, e);
    }
    return store_end(p->store, got, e);
}

static void pause_a_little(void)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

    (void)nanosleep(&pause, NULL);
}

/* All that was found, in steps. */
static int change_all(
    struct pruning *p, const char *const *statements, size_t n_statements, struct err *e)
{
    int got = 0;

    for (size_t at = 0; at < p->n && got == 0 && !p->dry_run;) {
        size_t n = 0;
        int64_t rows = 0;
        do {
            rows += p->items[at + n].rows + 1;
            n++;
        } while (at + n < p->n && n < STEP_ITEMS && rows + p->items[at + n].rows < STEP_ROWS);
        got = change_some(p, statements, n_statements, at, n, e);
        at += n;
        pause_a_little();
    }
    return got;
}

static void count(const struct pruning *p, int64_t *items, int64_t *rows)
{
    for (size_t i = 0; i < p->n; i++) {
        ++*items;
        if (rows)
            *rows += p->items[i].rows;
    }
}

/* Items of one kind and client that are older than the day. */
struct kind {
    const char *find, *remove;
    int64_t client, before_day;
};

static int prune_kind(
    struct pruning *p, const struct kind *k, int64_t *items, int64_t *rows, struct err *e)
{
    const struct db_value values[] = {db_int(k->client), db_int(k->before_day)};
    int got = find(p, k->find, values, 2, e);

    if (got == 0)
        got = change_all(p, &k->remove, 1, e);
    if (got == 0)
        count(p, items, rows);
    return got;
}

static int prune_client(struct pruning *p, int64_t client, const struct store_retention *keep,
    struct store_prune *run, struct err *e)
{
    const struct kind reports = {
        sql_prune_reports, sql_remove_report, client, run->today - keep->aggregate};
    const struct kind failures = {
        sql_prune_failures, sql_remove_failure, client, run->today - keep->failure};
    const struct kind tls = {sql_prune_tls, sql_remove_tls, client, run->today - keep->tls};
    int got = keep->aggregate ? prune_kind(p, &reports, &run->reports, &run->records, e) : 0;

    if (got == 0 && keep->failure)
        got = prune_kind(p, &failures, &run->failures, NULL, e);
    if (got == 0 && keep->tls)
        got = prune_kind(p, &tls, &run->tls, NULL, e);
    return got;
}

int store_prune(struct store *s, const char *client, const struct store_retention *keep,
    struct store_prune *run, struct err *e)
{
    struct pruning p = {.store = s, .dry_run = run->dry_run};
    int64_t id = 0;
    int got = store_client_find(s, client, &id, e);

    if (got < 0)
        return got;
    p.arena = arena_new();
    got = prune_client(&p, id, keep, run, e);
    arena_free(p.arena);
    return got;
}

/* Bytes of payloads; the row of one that something refers to stays. */
static int drop_bytes(struct pruning *p, const char *row_sql, int64_t *payloads, struct err *e)
{
    const char *const statements[] = {sql_payload_drop_chunks, row_sql};
    int got = change_all(p, statements, 2, e);

    if (got == 0)
        count(p, payloads, NULL);
    return got;
}

int store_prune_raw(struct store *s, int64_t days, struct store_prune *run, struct err *e)
{
    struct pruning p = {.store = s, .dry_run = run->dry_run, .arena = arena_new()};
    const struct db_value before = db_int(run->today - days);
    int got = find(&p, sql_prune_payloads, NULL, 0, e);

    if (got == 0)
        got = drop_bytes(&p, sql_payload_drop, &run->raw, e);
    if (got == 0 && days)
        got = find(&p, sql_prune_raw, &before, 1, e);
    if (got == 0 && days)
        got = drop_bytes(&p, sql_payload_unkeep, &run->raw, e);
    arena_free(p.arena);
    return got;
}
