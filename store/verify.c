#include "base/arena.h"
#include "store/core.h"
#include "store/sql.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct verify {
    struct store *store;
    void (*fault)(void *context, const char *what);
    void *context;
    int64_t checked;
    struct arena *memory;
    int64_t *clients;
    size_t n_clients;
};

static void report_fault(struct verify *v, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void report_fault(struct verify *v, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    v->fault(v->context, text);
}

static int take_client(void *context, struct store *s, struct db_stmt *stmt)
{
    struct verify *v = context;

    v->clients = arena_grow(v->memory, v->clients, &v->n_clients, sizeof *v->clients);
    v->clients[v->n_clients - 1] = store_int(s, stmt, 0);
    return 0;
}

static int check_report(void *context, struct store *s, struct db_stmt *stmt)
{
    struct verify *v = context;
    int64_t id = store_int(s, stmt, 0);
    int64_t records = store_int(s, stmt, 2);
    int64_t messages = store_int(s, stmt, 3);
    int64_t records_there = store_int(s, stmt, 4);
    int64_t messages_there = store_sum(store_int(s, stmt, 5), store_int(s, stmt, 6));

    v->checked++;
    if (records != records_there) {
        report_fault(v,
            "report %" PRId64 " of %.200s says %" PRId64 " records, %" PRId64 " are there", id,
            store_text(s, stmt, 1), records, records_there);
    }
    if (messages != messages_there) {
        report_fault(v,
            "report %" PRId64 " of %.200s says %" PRId64
            " messages, its records add up to %" PRId64,
            id, store_text(s, stmt, 1), messages, messages_there);
    }
    return 0;
}

/* A count that has to be 0. */
static int check_none(struct verify *v, const char *sql, const struct db_value *client,
    const char *what, struct err *e)
{
    int64_t n = 0;
    int got = db_one_int(&v->store->c, sql, client, client ? 1 : 0, &n, e);

    if (got < 0)
        return got;
    if (n != 0 && client) {
        report_fault(v, "client %" PRId64 ": %" PRId64 " %s", client->n, n, what);
    } else if (n != 0) {
        report_fault(v, "%" PRId64 " %s", n, what);
    }
    return 0;
}

static int check_client(struct verify *v, int64_t id, struct err *e)
{
    static const struct {
        const char *sql, *what;
    } checks[] = {
        {sql_verify_orphan_records, "records without their report"},
        {sql_verify_missing_auth, "records without their authentication results"},
        {sql_verify_missing_payload, "reports without their raw payload"},
        {sql_verify_missing_chunks, "raw payloads without their bytes"},
        {sql_verify_stray_chunks, "pieces of raw payloads that are not there"},
    };
    struct db_value client = db_int(id);
    int got =
        store_query(v->store, &(struct query){sql_verify_reports, &client, 1, check_report, v}, e);

    for (size_t k = 0; k < sizeof checks / sizeof *checks && got == 0; k++)
        got = check_none(v, checks[k].sql, &client, checks[k].what, e);
    return got;
}

static int check_owner(void *context, struct store *s, struct db_stmt *stmt)
{
    struct verify *v = context;
    int64_t client = store_int(s, stmt, 0);
    const char *domain = store_text(s, stmt, 1);
    int64_t owner = owners_client(s->owners, domain);

    if (client != owner) {
        report_fault(v, "reports for %.200s are stored under client %" PRId64 ", owner is %" PRId64,
            domain, client, owner);
    }
    return 0;
}

static int check_ledger(void *context, struct store *s, struct db_stmt *stmt)
{
    struct verify *v = context;
    int64_t stored = store_int(s, stmt, 0);
    int64_t entered = store_int(s, stmt, 1);

    if (stored > entered) {
        report_fault(
            v, "%" PRId64 " reports are stored, the ledger knows of %" PRId64, stored, entered);
    }
    return 0;
}

static int check_all(struct verify *v, struct err *e)
{
    int got = store_owners_refresh(v->store, e);

    if (got == 0)
        got = store_query(v->store, &(struct query){sql_client_ids, NULL, 0, take_client, v}, e);
    for (size_t k = 0; k < v->n_clients && got == 0; k++)
        got = check_client(v, v->clients[k], e);
    if (got == 0)
        got = check_none(v, sql_verify_clients, NULL, "clients of records that do not exist", e);
    if (got == 0)
        got = check_none(v, sql_verify_rejects, NULL, "rejects without their message", e);
    if (got == 0) {
        got =
            store_query(v->store, &(struct query){sql_stored_domains, NULL, 0, check_owner, v}, e);
    }
    if (got == 0) {
        got =
            store_query(v->store, &(struct query){sql_verify_ledger, NULL, 0, check_ledger, v}, e);
    }
    return got;
}

int store_verify(struct store *s, void (*fault)(void *context, const char *what), void *context,
    int64_t *checked, struct err *e)
{
    struct verify v = {.store = s, .fault = fault, .context = context, .memory = arena_new()};
    int got = store_read_begin(s, e);

    if (got == 0) {
        got = check_all(&v, e);
        store_read_end(s);
    }
    arena_free(v.memory);
    *checked = v.checked;
    return got;
}
