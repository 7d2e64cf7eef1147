#include "store/checks.h"

#include "base/arena.h"
#include "base/text.h"
#include "store/core.h"
#include "store/sql.h"

enum {
    DAY_SECONDS = 86400
};

struct last {
    struct arena *arena;
    bool found;
    struct store_check check;
};

static int take_last(void *context, struct store *s, struct db_stmt *stmt)
{
    struct last *l = context;
    const char *content = store_text(s, stmt, 2);

    l->found = true;
    l->check.checked_at = store_int(s, stmt, 0);
    l->check.last_seen = store_int(s, stmt, 1);
    l->check.content = arena_strdup(l->arena, content ? content : "");
    return 0;
}

typedef void decider(
    void *context, size_t i, const struct store_check *last, struct store_check_answer *out);

static int write_state(struct store *s, struct db_value key[2], const struct last *l, int64_t at,
    const struct store_check_answer *answer, struct err *e)
{
    if (l->found && !answer->changes) {
        const struct db_value seen[] = {
            key[0], key[1], db_int(l->check.checked_at), db_int(at), db_text(answer->content)};
        return db_exec(&s->c, sql_check_seen, seen, 5, e);
    }
    const struct db_value fresh[] = {
        key[0], key[1], db_int(at), db_int(at), db_text(answer->content), db_text(answer->changes)};
    return db_exec(&s->c, sql_check_insert, fresh, 6, e);
}

static int keep_all(struct store *s, const struct store_checked *list, size_t n, decider *decide,
    void *context, struct err *e)
{
    struct last l = {.arena = arena_new()};
    int got = 0;

    for (size_t i = 0; i < n && got == 0; i++) {
        struct db_value key[2] = {
            db_int(owners_client(s->owners, list[i].domain)), db_text(list[i].domain)};
        if (key[0].n == CLIENT_UNASSIGNED)
            continue;
        arena_reset(l.arena);
        l.found = false;
        l.check = (struct store_check){.domain = list[i].domain};
        got = store_query(s, &(struct query){sql_check_last, key, 2, take_last, &l}, e);
        if (got == 0) {
            struct store_check_answer answer = {0};
            decide(context, i, l.found ? &l.check : NULL, &answer);
            got = write_state(s, key, &l, list[i].at, &answer, e);
        }
    }
    arena_free(l.arena);
    return got;
}

int store_checks_keep(struct store *s, const struct store_checked *list, size_t n, decider *decide,
    void *context, struct err *e)
{
    int got = store_begin(s, e);

    if (got < 0)
        return got;
    got = keep_all(s, list, n, decide, context, e);
    if (got == 0)
        got = store_owners_hold(s, e);
    return store_end(s, got, e);
}

struct check_reader {
    const char *within; /* NULL: all domains */
    int (*row)(void *context, const struct store_check *c);
    void *context;
};

static int take_check(void *context, struct store *s, struct db_stmt *stmt)
{
    const struct check_reader *reader = context;
    const struct store_check c = {
        .client = store_text(s, stmt, 0),
        .domain = store_text(s, stmt, 1),
        .checked_at = store_int(s, stmt, 2),
        .last_seen = store_int(s, stmt, 3),
        .content = store_text(s, stmt, 4),
        .changes = store_text(s, stmt, 5),
    };

    if (reader->within && !domain_is_within(c.domain, reader->within))
        return 0;
    return reader->row(reader->context, &c);
}

int store_checks(struct store *s, const struct store_period *p,
    int (*row)(void *context, const struct store_check *c), void *context, struct err *e)
{
    struct check_reader reader = {p->domain, row, context};
    struct db_value values[] = {
        db_int(0), db_int(p->from * DAY_SECONDS), db_int((p->to + 1) * DAY_SECONDS - 1)};
    int got = p->client ? store_client_find(s, p->client, &values[0].n, e) : 0;

    if (got < 0)
        return got;
    return store_query(s, &(struct query){sql_checks, values, 3, take_check, &reader}, e);
}
