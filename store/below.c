/*
 * What hangs below reports: authentication sets, records, TLS failures, raw payloads.
 */
#include "store/auth.h"
#include "store/batch.h"
#include "store/sql.h"

#include <stdlib.h>
#include <string.h>

enum {
    SETS_AT_ONCE = 500
};

static const char *const record_columns[] = {"client_id", "report_id", "recno", "source_ip",
    "messages", "disposition", "dkim", "spf", "auth_id", "envelope_to", "reasons", "sent",
    "extension"};

static const enum db_type record_types[] = {DB_INT, DB_INT, DB_INT, DB_BLOB, DB_INT, DB_TEXT,
    DB_TEXT, DB_TEXT, DB_BLOB, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT};
const struct table table_record = {"record", record_columns, record_types, RECORD_COLUMNS};

static const char *const tls_failure_columns[] = {"client_id", "tls_id", "seq", "result_type",
    "sending_mta_ip", "receiving_mx_hostname", "receiving_mx_helo", "receiving_ip", "sessions",
    "additional_information", "reason_code"};

static const enum db_type tls_failure_types[] = {
    DB_INT, DB_INT, DB_INT, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_INT, DB_TEXT, DB_TEXT};
const struct table table_tls_failure = {
    "tls_failure", tls_failure_columns, tls_failure_types, TLS_FAILURE_COLUMNS};

static const char *const auth_result_columns[] = {
    "client_id", "auth_id", "seq", "kind", "domain", "selector", "scope", "result", "human_result"};

static const enum db_type auth_result_types[] = {
    DB_INT, DB_BLOB, DB_INT, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT};

enum {
    AUTH_SET_COLUMNS = 5,
    AUTH_RESULT_COLUMNS = 9
};

static const char *const payload_columns[] = {
    "client_id", "payload_id", "sha256", "bytes", "container", "name", "packed", "kept"};

static const enum db_type payload_types[] = {
    DB_INT, DB_INT, DB_BLOB, DB_INT, DB_TEXT, DB_TEXT, DB_INT, DB_INT};

static const char *const chunk_columns[] = {"client_id", "payload_id", "seq", "data"};

static const enum db_type chunk_types[] = {DB_INT, DB_INT, DB_INT, DB_BLOB};

/* ---- authentication sets ---- */

struct queued {
    int64_t client;
    struct auth *auth;
};

/* Every writer in the same order, so that two of them wait for each other instead of in a circle.
 */
static int by_client_and_id(const void *a, const void *b)
{
    const struct queued *x = a;
    const struct queued *y = b;

    if (x->client != y->client)
        return x->client < y->client ? -1 : 1;
    return memcmp(x->auth->id, y->auth->id, AUTH_ID_BYTES);
}

static struct queued *queue_sets(struct writer *w, struct message *first, size_t *n)
{
    struct queued *list = NULL;

    *n = 0;
    for (struct message *m = first; m; m = m->next) {
        for (struct item *i = m->items; i; i = i->next) {
            if (i->fate != FATE_NEW)
                continue;
            for (struct child *c = i->children; c; c = c->next) {
                if (!c->auth || c->auth->client == i->client)
                    continue;
                c->auth->client = i->client;
                if (known_written(w->store->known, i->client, c->auth->id))
                    continue;
                list = arena_grow(w->scratch, list, n, sizeof *list);
                list[*n - 1] = (struct queued){i->client, c->auth};
            }
        }
    }
    if (*n > 1)
        qsort(list, *n, sizeof *list, by_client_and_id);
    return list;
}

static int add_result(struct writer *w, const struct queued *q, int64_t seq, const char *kind,
    const struct auth_result *r, struct err *e)
{
    const struct db_driver *driver = w->store->c.driver;
    struct db_value row[AUTH_RESULT_COLUMNS] = {
        db_int(q->client),
        db_blob(q->auth->id, AUTH_ID_BYTES),
        db_int(seq),
        db_text(kind),
        db_text(r->domain),
        db_text(r->selector),
        db_text(r->scope),
        db_text(r->result),
        db_text(r->human_result),
    };

    return driver->bulk_row(w->store->c.db, row, e);
}

static int add_results(struct writer *w, const struct queued *q, struct err *e)
{
    struct auth_results r;
    int64_t seq = 0;
    int got = 0;

    auth_unpack(w->scratch, q->auth->results, &r);
    for (size_t k = 0; k < r.n_dkims && got == 0; k++)
        got = add_result(w, q, seq++, "dkim", &r.dkims[k], e);
    for (size_t k = 0; k < r.n_spfs && got == 0; k++)
        got = add_result(w, q, seq++, "spf", &r.spfs[k], e);
    return got;
}

static int write_results(
    struct writer *w, const struct queued *list, const bool *fresh, size_t n, struct err *e)
{
    const struct db_driver *driver = w->store->c.driver;
    struct db *db = w->store->c.db;
    int got = driver->bulk_begin(
        db, "auth_result", auth_result_columns, auth_result_types, AUTH_RESULT_COLUMNS, e);

    for (size_t k = 0; k < n && got == 0; k++) {
        if (fresh[k])
            got = add_results(w, &list[k], e);
    }
    return got == 0 ? driver->bulk_end(db, e) : got;
}

static int insert_sets(
    struct writer *w, const struct queued *list, bool *fresh, size_t n, struct err *e)
{
    size_t most = n < SETS_AT_ONCE ? n : SETS_AT_ONCE;
    struct db_value *values =
        arena_alloc(w->scratch, most * AUTH_SET_COLUMNS * sizeof(struct db_value));
    const struct db_driver *driver = w->store->c.driver;
    struct db_stmt *s = NULL;
    int got = driver->prepare(w->store->c.db, sql_insert_auth_set, &s, e);

    for (size_t at = 0; at < n && got == 0; at += SETS_AT_ONCE) {
        size_t sets = n - at < SETS_AT_ONCE ? n - at : SETS_AT_ONCE;
        for (size_t k = 0; k < sets; k++) {
            const struct queued *q = &list[at + k];
            struct db_value *v = values + k * AUTH_SET_COLUMNS;
            v[0] = db_int(q->client);
            v[1] = db_blob(q->auth->id, AUTH_ID_BYTES);
            v[2] = db_text(q->auth->header_from);
            v[3] = db_text(q->auth->envelope_from);
            v[4] = db_text(q->auth->results);
        }
        got = driver->insert_many(s, values, AUTH_SET_COLUMNS, sets, fresh + at, e);
    }
    return got;
}

static int write_sets(struct writer *w, struct message *first, struct err *e)
{
    size_t n = 0;
    struct queued *list = queue_sets(w, first, &n);

    if (n == 0)
        return 0;
    bool *fresh = arena_alloc(w->scratch, n * sizeof *fresh);
    int got = insert_sets(w, list, fresh, n, e);
    if (got == 0)
        got = write_results(w, list, fresh, n, e);
    for (size_t k = 0; k < n && got == 0; k++)
        known_written_add(w->store->known, list[k].client, list[k].auth->id);
    arena_reset(w->scratch);
    return got;
}

/* ---- what hangs below ---- */

static int write_children(
    struct writer *w, struct message *first, const struct item_kind *kind, struct err *e)
{
    const struct db_driver *driver = w->store->c.driver;
    struct db *db = w->store->c.db;
    const struct table *t = kind->children;
    int got = driver->bulk_begin(db, t->name, t->columns, t->types, t->n, e);

    for (struct message *m = first; m && got == 0; m = m->next) {
        for (struct item *i = m->items; i && got == 0; i = i->next) {
            if (i->kind != kind || i->fate != FATE_NEW)
                continue;
            for (struct child *c = i->children; c && got == 0; c = c->next) {
                c->values[0] = db_int(i->client);
                got = driver->bulk_row(db, c->values, e);
            }
        }
    }
    return got == 0 ? driver->bulk_end(db, e) : got;
}

static bool has_children(const struct message *first, const struct item_kind *kind)
{
    for (const struct message *m = first; m; m = m->next) {
        for (const struct item *i = m->items; i; i = i->next) {
            if (i->kind == kind && i->fate == FATE_NEW && i->children)
                return true;
        }
    }
    return false;
}

static bool is_due(const struct payload *p)
{
    return p->wanted && !p->written;
}

static bool is_kept(const struct writer *w, const struct message *m, const struct payload *p)
{
    return items_data(w, m, p) == FAILURE_DATA_FULL;
}

static int payload_row(struct writer *w, const struct message *m, struct payload *p, struct err *e)
{
    const struct db_driver *driver = w->store->c.driver;

    if (!p->client)
        p->client = CLIENT_UNASSIGNED;
    struct db_value row[] = {
        db_int(p->client),
        db_int(p->id),
        db_blob(p->sha256, sizeof p->sha256),
        db_int((int64_t)p->bytes),
        db_text(p->container),
        db_text(p->name),
        db_int(p->packed),
        db_int(is_kept(w, m, p)),
    };
    return driver->bulk_row(w->store->c.db, row, e);
}

static int begin_payloads(struct writer *w, struct err *e)
{
    return w->store->c.driver->bulk_begin(w->store->c.db, "payload", payload_columns, payload_types,
        sizeof payload_types / sizeof *payload_types, e);
}

static int begin_chunks(struct writer *w, struct err *e)
{
    return w->store->c.driver->bulk_begin(w->store->c.db, "payload_chunk", chunk_columns,
        chunk_types, sizeof chunk_types / sizeof *chunk_types, e);
}

static int chunk_row(
    struct writer *w, const struct payload *p, const struct chunk *c, struct err *e)
{
    struct db_value row[] = {
        db_int(p->client), db_int(p->id), db_int(c->seq), db_blob(c->bytes, c->len)};

    return w->store->c.driver->bulk_row(w->store->c.db, row, e);
}

static int write_payloads(struct writer *w, struct message *first, struct err *e)
{
    const struct db_driver *driver = w->store->c.driver;
    struct db *db = w->store->c.db;
    int got = begin_payloads(w, e);

    for (struct message *m = first; m && got == 0; m = m->next) {
        for (struct payload *p = m->payloads; p && got == 0; p = p->next)
            got = is_due(p) ? payload_row(w, m, p, e) : 0;
    }
    if (got == 0)
        got = driver->bulk_end(db, e);
    if (got == 0)
        got = begin_chunks(w, e);
    for (struct message *m = first; m && got == 0; m = m->next) {
        for (struct payload *p = m->payloads; p && got == 0; p = p->next) {
            bool to_write = is_due(p) && is_kept(w, m, p);
            for (struct chunk *c = p->chunks; to_write && c && got == 0; c = c->next)
                got = chunk_row(w, p, c, e);
            p->written = p->written || is_due(p);
        }
    }
    return got == 0 ? driver->bulk_end(db, e) : got;
}

static bool has_payloads(const struct message *first)
{
    for (const struct message *m = first; m; m = m->next) {
        for (const struct payload *p = m->payloads; p; p = p->next) {
            if (is_due(p))
                return true;
        }
    }
    return false;
}

struct blob_copy {
    struct writer *w;
    const struct payload *payload;
};

static int copy_chunk(void *context, int64_t seq, const void *bytes, size_t len, struct err *e)
{
    const struct blob_copy *copy = context;
    const struct chunk c = {.seq = seq, .bytes = bytes, .len = len};

    return chunk_row(copy->w, copy->payload, &c, e);
}

int below_write_blob(struct writer *w, struct payload *p, const struct blob *b, struct err *e)
{
    const struct db_driver *driver = w->store->c.driver;
    struct db *db = w->store->c.db;
    struct blob_copy copy = {w, p};

    if (!is_due(p))
        return 0;
    int got = begin_payloads(w, e);
    if (got == 0)
        got = payload_row(w, w->message, p, e);
    if (got == 0)
        got = driver->bulk_end(db, e);
    p->written = got == 0;
    if (got < 0 || !is_kept(w, w->message, p))
        return got;
    got = begin_chunks(w, e);
    if (got == 0)
        got = packer_run(w->packer, b, p->packed, copy_chunk, &copy, e);
    if (got == 0)
        got = driver->bulk_end(db, e);
    p->written = got == 0;
    return got;
}

static int write_kind(
    struct writer *w, struct message *first, const struct item_kind *kind, struct err *e)
{
    return has_children(first, kind) ? write_children(w, first, kind, e) : 0;
}

int below_write(struct writer *w, struct message *first, struct err *e)
{
    int got = write_sets(w, first, e);

    if (got == 0)
        got = write_kind(w, first, &item_report, e);
    if (got == 0)
        got = write_kind(w, first, &item_tls, e);
    return got == 0 && has_payloads(first) ? write_payloads(w, first, e) : got;
}
