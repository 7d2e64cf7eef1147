/*
 * What people are warned of: what was told already, and what only the store can see.
 */
#include "base/arena.h"
#include "base/when.h"
#include "store/core.h"
#include "store/sql.h"

/* ---- what was told ---- */

struct told {
    int (*row)(void *context, const struct store_warning *w);
    void *context;
};

static int take_warning(void *context, struct store *s, struct db_stmt *stmt)
{
    const struct told *t = context;
    const struct store_warning w = {
        .channel = store_text(s, stmt, 0),
        .kind = store_text(s, stmt, 1),
        .subject = store_text(s, stmt, 2),
        .since = store_int(s, stmt, 3),
        .told_at = store_int(s, stmt, 4),
    };

    return t->row(t->context, &w);
}

int store_warnings(struct store *s, int (*row)(void *context, const struct store_warning *w),
    void *context, struct err *e)
{
    struct told t = {row, context};

    return store_query(s, &(struct query){sql_warnings, NULL, 0, take_warning, &t}, e);
}

int store_warning_told(struct store *s, const struct store_warning *w, struct err *e)
{
    const struct db_value values[] = {db_text(w->channel), db_text(w->kind), db_text(w->subject),
        db_int(w->since), db_int(when_now())};

    return db_exec(&s->c, sql_warning_told, values, sizeof values / sizeof *values, e);
}

int store_warning_over(struct store *s, const struct store_warning *w, struct err *e)
{
    const struct db_value key[] = {db_text(w->channel), db_text(w->kind), db_text(w->subject)};

    return db_exec(&s->c, sql_warning_over, key, sizeof key / sizeof *key, e);
}

/* ---- what the store can see ---- */

int store_unreadable_between(struct store *s, int64_t from, int64_t to, int64_t *out, struct err *e)
{
    const struct db_value values[] = {db_int(from), db_int(to)};

    *out = 0;
    int got = db_one_int(&s->c, sql_unreadable_between, values, 2, out, e);
    return got < 0 ? got : 0;
}

struct reporter_days {
    int (*row)(void *context, const char *reporter, int64_t day);
    void *context;
};

static int take_day(void *context, struct store *s, struct db_stmt *stmt)
{
    const struct reporter_days *r = context;
    const char *reporter = store_text(s, stmt, 0);

    return r->row(r->context, reporter ? reporter : "", store_int(s, stmt, 1));
}

struct client_ids {
    struct arena *arena;
    int64_t *ids;
    size_t n;
};

static int take_client(void *context, struct store *s, struct db_stmt *stmt)
{
    struct client_ids *c = context;

    c->ids = arena_grow(c->arena, c->ids, &c->n, sizeof *c->ids);
    c->ids[c->n - 1] = store_int(s, stmt, 0);
    return 0;
}

int store_reporter_days(struct store *s, int64_t from_day,
    int (*row)(void *context, const char *reporter, int64_t day), void *context, struct err *e)
{
    struct client_ids clients = {.arena = arena_new()};
    struct reporter_days r = {row, context};
    int got = store_query(s, &(struct query){sql_client_ids, NULL, 0, take_client, &clients}, e);

    /* client by client: the index of days begins with the client */
    for (size_t i = 0; i < clients.n && got == 0; i++) {
        const struct db_value values[] = {db_int(clients.ids[i]), db_int(from_day)};
        got = store_query(s, &(struct query){sql_reporter_days, values, 2, take_day, &r}, e);
    }
    arena_free(clients.arena);
    return got;
}
