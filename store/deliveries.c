/*
 * Which report was mailed to whom, and how far that came.
 */
#include "base/when.h"
#include "store/core.h"
#include "store/sql.h"

#include <string.h>

static const char *const state_names[] = {
    [DELIVERY_NONE] = "none",
    [DELIVERY_INTENDED] = "intended",
    [DELIVERY_HANDED] = "handed",
    [DELIVERY_WAITING] = "waiting",
    [DELIVERY_SENT] = "sent",
    [DELIVERY_REFUSED] = "refused",
};

const char *delivery_state_name(enum delivery_state s)
{
    return state_names[s];
}

enum delivery_state store_delivery_state(const char *name)
{
    enum delivery_state s = DELIVERY_REFUSED;

    while (s > DELIVERY_NONE && strcmp(state_names[s], name) != 0)
        s--;
    return s;
}

enum {
    KEY_VALUES = 4
};

/* What a delivery is found by: client, period, recipient. */
static int key_of(
    struct store *s, const struct store_delivery *d, struct db_value out[KEY_VALUES], struct err *e)
{
    int64_t client = 0;
    int got = store_client_find(s, d->client, &client, e);

    out[0] = db_int(client);
    out[1] = db_int(d->from);
    out[2] = db_int(d->to);
    out[3] = db_text(d->recipient);
    return got;
}

static int take_state(void *context, struct store *s, struct db_stmt *stmt)
{
    struct store_delivery *d = context;
    const char *name = store_text(s, stmt, 0);

    d->state = store_delivery_state(name ? name : "");
    d->edition = store_int(s, stmt, 1);
    d->attempts = store_int(s, stmt, 2);
    return 0;
}

int store_delivery_find(struct store *s, struct store_delivery *d, struct err *e)
{
    struct db_value key[KEY_VALUES];
    int got = key_of(s, d, key, e);

    if (got < 0)
        return got;
    d->state = DELIVERY_NONE;
    d->edition = 1;
    d->attempts = 0;
    return store_query(s, &(struct query){sql_delivery, key, KEY_VALUES, take_state, d}, e);
}

/* Both statements change a row only if nobody has begun another attempt. */
static int change(
    struct store *s, const char *sql, const struct db_value *values, size_t n, struct err *e)
{
    int64_t attempts = 0;
    int got = db_one_int(&s->c, sql, values, n, &attempts, e);

    if (got == DB_DONE) {
        return err_set(
            e, ERR_TEMPORARY, "delivery-taken", "another process is sending the same report");
    }
    return got < 0 ? got : 0;
}

int store_delivery_begin(struct store *s, struct store_delivery *d, struct err *e)
{
    struct db_value values[KEY_VALUES + 4];
    int got = key_of(s, d, values, e);

    if (got < 0)
        return got;
    values[4] = db_int(d->attempts);
    values[5] = db_int(d->edition);
    values[6] = db_text(d->message_id);
    values[7] = db_int(when_now());
    got = change(s, sql_delivery_begin, values, sizeof values / sizeof *values, e);
    if (got == 0) {
        d->state = DELIVERY_INTENDED;
        d->attempts++;
    }
    return got;
}

int store_delivery_settle(struct store *s, const struct store_delivery *d, struct err *e)
{
    struct db_value values[KEY_VALUES + 4];
    int got = key_of(s, d, values, e);

    if (got < 0)
        return got;
    values[4] = db_int(d->attempts);
    values[5] = db_text(state_names[d->state]);
    values[6] = db_text(d->reason);
    values[7] = db_int(when_now());
    return change(s, sql_delivery_settle, values, sizeof values / sizeof *values, e);
}
