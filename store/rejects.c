#include "store/core.h"
#include "store/payload.h"
#include "store/sql.h"
#include "store/store.h"

#include <string.h>

struct reject_reader {
    int (*row)(void *context, const struct store_reject *r);
    void *context;
};

static int take_reject(void *context, struct store *s, struct db_stmt *stmt)
{
    const struct reject_reader *reader = context;
    struct store_reject r = {
        .id = store_int(s, stmt, 0),
        .at = store_int(s, stmt, 1),
        .source = store_text(s, stmt, 2),
        .key = store_text(s, stmt, 3),
        .name = store_text(s, stmt, 4),
        .document = store_text(s, stmt, 5),
        .class = store_text(s, stmt, 6),
        .reason = store_text(s, stmt, 7),
        .raw_kept = s->c.driver->column(stmt, 8).type == DB_INT,
        .partial = s->c.driver->column(stmt, 9).type == DB_INT,
        .state = store_text(s, stmt, 10),
    };

    return reader->row(reader->context, &r);
}

int store_rejects(struct store *s, int64_t id,
    int (*row)(void *context, const struct store_reject *r), void *context, struct err *e)
{
    struct reject_reader reader = {row, context};
    struct db_value value = db_int(id);

    return store_query(s, &(struct query){sql_rejects, &value, 1, take_reject, &reader}, e);
}

/* ---- the raw payload ---- */

struct unpacking {
    struct unpacker *unpacker;
    struct err *e;
    bool any;
};

static int take_chunk(void *context, struct store *s, struct db_stmt *stmt)
{
    struct unpacking *u = context;
    struct db_value data = s->c.driver->column(stmt, 0);

    u->any = true;
    return unpacker_add(u->unpacker, data.bytes, data.len, u->e);
}

/* Piece by piece: a result set holds all its rows in memory. */
int store_raw(struct store *s, const struct raw_payload *r,
    int (*piece)(void *context, const void *bytes, size_t len, struct err *e), void *context,
    struct err *e)
{
    struct unpacking u = {.unpacker = unpacker_new(r->packed, piece, context), .e = e, .any = true};
    int got = 0;

    for (int64_t seq = 0; got == 0 && u.any; seq++) {
        struct db_value key[] = {db_int(r->client), db_int(r->payload), db_int(seq)};
        u.any = false;
        got = store_query(s, &(struct query){sql_payload_chunk, key, 3, take_chunk, &u}, e);
    }
    unpacker_free(u.unpacker);
    return got;
}

static int take_raw(void *context, struct store *s, struct db_stmt *stmt)
{
    struct raw_payload *r = context;

    r->client = store_int(s, stmt, 0);
    r->payload = store_int(s, stmt, 1);
    r->packed = store_int(s, stmt, 2) != 0;
    return 0;
}

int store_reject_raw(struct store *s, int64_t id,
    int (*piece)(void *context, const void *bytes, size_t len, struct err *e), void *context,
    struct err *e)
{
    struct db_value value = db_int(id);
    struct raw_payload r = {0};
    int got = store_query(s, &(struct query){sql_reject_payload, &value, 1, take_raw, &r}, e);

    if (got < 0)
        return got;
    if (!r.payload) {
        return err_set(e, ERR_USAGE, "no-such-reject", "there is no reject %lld with a raw payload",
            (long long)id);
    }
    return store_raw(s, &r, piece, context, e);
}

/* ---- deciding ---- */

static int settle(struct store *s, int64_t id, struct err *e)
{
    struct db_value values[] = {db_int(id), db_text("accepted")};
    struct db_value message = db_int(0);
    int got = db_one_int(&s->c, sql_reject_settle, values, 2, &message.n, e);

    if (got == DB_DONE) {
        return err_set(
            e, ERR_USAGE, "no-such-reject", "there is no open reject %lld", (long long)id);
    }
    if (got < 0)
        return got;
    return db_exec(&s->c, sql_message_settle, &message, 1, e);
}

static int take_report(void *context, struct store *s, struct db_stmt *stmt)
{
    struct db_value *key = context;

    key[0] = db_int(store_int(s, stmt, 0));
    key[1] = db_int(store_int(s, stmt, 1));
    return 0;
}

static int accept(struct store *s, int64_t id, struct err *e)
{
    struct db_value value = db_int(id);
    struct db_value key[2] = {db_null(), db_null()};
    int got = store_query(s, &(struct query){sql_reject_report, &value, 1, take_report, key}, e);

    if (got < 0)
        return got;
    if (key[0].type == DB_NULL) {
        return err_set(e, ERR_USAGE, "no-such-reject",
            "there is no partial report behind reject %lld", (long long)id);
    }
    got = db_exec(&s->c, sql_report_accept, key, 2, e);
    return got == 0 ? settle(s, id, e) : got;
}

int store_reject_accept(struct store *s, int64_t id, struct err *e)
{
    int got = store_begin(s, e);

    if (got < 0)
        return got;
    return store_end(s, accept(s, id, e), e);
}
