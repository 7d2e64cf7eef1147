/*
 * Who reads which mailbox, and how it went.
 */
#include "base/when.h"
#include "store/core.h"
#include "store/sql.h"

#include <stdio.h>
#include <string.h>

static int take_holder(void *context, struct store *s, struct db_stmt *stmt)
{
    const char *holder = store_text(s, stmt, 0);

    (void)snprintf(context, STORE_HOLDER_MAX, "%s", holder ? holder : "");
    return 0;
}

int store_lease_take(struct store *s, const char *name, const struct store_claim *claim,
    char other[STORE_HOLDER_MAX], struct err *e)
{
    const int64_t now = when_now();
    struct db_value values[] = {db_text(name), db_text(claim->holder), db_int(now + claim->seconds),
        db_int(now), db_text(claim->over ? claim->over : "")};
    int64_t until = 0;
    int got = db_one_int(&s->c, sql_lease_take, values, 5, &until, e);

    *other = '\0';
    if (got != DB_DONE)
        return got < 0 ? got : 0;
    return store_query(s, &(struct query){sql_lease_holder, values, 1, take_holder, other}, e);
}

int store_lease_renew(struct store *s, const char *holder, int64_t seconds, struct err *e)
{
    struct db_value values[] = {db_text(holder), db_int(when_now() + seconds)};

    return db_exec(&s->c, sql_lease_renew, values, 2, e);
}

int store_lease_release(struct store *s, const char *holder, struct err *e)
{
    struct db_value value = db_text(holder);

    return db_exec(&s->c, sql_lease_release, &value, 1, e);
}

int store_mailbox_polled(struct store *s, const char *name, const char *folder,
    const struct store_poll *p, struct err *e)
{
    const struct err *why = p->failure;
    const struct store_summary *n = p->summary;
    const int64_t now = when_now();
    struct db_value values[] = {
        db_text(name),
        db_text(folder),
        db_int(now),
        why ? db_null() : db_int(now),
        why ? db_int(now) : db_null(),
        why ? db_text(why->tag) : db_null(),
        why ? db_text(why->text) : db_null(),
        db_int(p->waiting),
        db_int(why != NULL),
        db_int(n->messages),
        db_int(n->stored),
        db_int(n->duplicate),
        db_int(n->conflict),
        db_int(n->not_a_report),
        db_int(n->partial),
        db_int(n->rejected),
    };

    return db_exec(&s->c, sql_mailbox_polled, values, sizeof values / sizeof *values, e);
}

struct reading {
    int (*row)(void *context, const struct store_mailbox *m);
    void *context;
};

static int64_t int_or(const struct store *s, const struct db_stmt *stmt, int column, int64_t none)
{
    return s->c.driver->column(stmt, column).type == DB_INT ? store_int(s, stmt, column) : none;
}

static int take_mailbox(void *context, struct store *s, struct db_stmt *stmt)
{
    const struct reading *r = context;
    const struct store_mailbox m = {
        .name = store_text(s, stmt, 0),
        .folder = store_text(s, stmt, 1),
        .polled_at = store_int(s, stmt, 2),
        .succeeded_at = int_or(s, stmt, 3, -1),
        .failing_since = int_or(s, stmt, 4, -1),
        .error_at = int_or(s, stmt, 5, -1),
        .error_class = store_text(s, stmt, 6),
        .error_text = store_text(s, stmt, 7),
        .waiting = store_int(s, stmt, 8),
        .polls = store_int(s, stmt, 9),
        .failures = store_int(s, stmt, 10),
        .messages = store_int(s, stmt, 11),
        .stored = store_int(s, stmt, 12),
        .duplicate = store_int(s, stmt, 13),
        .conflict = store_int(s, stmt, 14),
        .not_a_report = store_int(s, stmt, 15),
        .partial = store_int(s, stmt, 16),
        .rejected = store_int(s, stmt, 17),
        .open_rejects = store_int(s, stmt, 18),
    };

    return r->row(r->context, &m);
}

int store_mailboxes(struct store *s, int (*row)(void *context, const struct store_mailbox *m),
    void *context, struct err *e)
{
    struct reading r = {row, context};

    return store_query(s, &(struct query){sql_mailboxes, NULL, 0, take_mailbox, &r}, e);
}
