/*
 * Reports into the database: which are new, which are known.
 */
#include "store/batch.h"
#include "store/sql.h"

#include <inttypes.h>
#include <string.h>

enum {
    SETS_AT_ONCE = 128,
    N_KINDS = 3
};

const struct item_kind item_report = {
    sql_insert_report, sql_find_report, 5, REPORT_COLUMNS, &table_record};
const struct item_kind item_failure = {
    sql_insert_failure, sql_find_failure, 2, FAILURE_COLUMNS, NULL};
const struct item_kind item_tls = {
    sql_insert_tls, sql_find_tls, 6, TLS_COLUMNS, &table_tls_failure};

static const struct item_kind *const all_kinds[N_KINDS] = {&item_report, &item_failure, &item_tls};

/* ---- identity ---- */

struct stored {
    bool found;
    int64_t id;
    bool same; /* equal digests */
    bool partial;
};

struct find {
    const struct item *item;
    struct stored stored;
};

static int take_stored(void *context, struct store *s, struct db_stmt *stmt)
{
    struct find *f = context;
    struct db_value digest = s->c.driver->column(stmt, 1);
    const char *state = store_text(s, stmt, 2);

    f->stored.found = true;
    f->stored.id = store_int(s, stmt, 0);
    f->stored.same =
        digest.len >= DIGEST_BYTES && memcmp(digest.bytes, f->item->digest, DIGEST_BYTES) == 0;
    f->stored.partial = state && strcmp(state, "partial") == 0;
    return 0;
}

static int find_stored(struct writer *w, const struct item *i, struct stored *out, struct err *e)
{
    struct find f = {.item = i};
    struct db_value key[1 + 6] = {i->values[0]};

    memcpy(key + 1, i->values + 2, i->kind->n_identity * sizeof *key);
    int got = store_query(
        w->store, &(struct query){i->kind->find, key, 1 + i->kind->n_identity, take_stored, &f}, e);
    if (got < 0)
        return got;
    if (!f.stored.found)
        return err_set(e, ERR_TEMPORARY, "database", "a report vanished while it was compared");
    *out = f.stored;
    return 0;
}

static void set_fate(struct item *i, enum fate fate)
{
    i->fate = fate;
    if (i->payload && (fate == FATE_NEW || fate == FATE_CONFLICT)) {
        i->payload->wanted = true;
        if (!i->payload->client)
            i->payload->client = i->client;
    }
}

/* The partial copy that is thrown out may be of this very batch: its records, if they are not
 * written yet, must not be, and there is nothing left to decide about it. */
static void drop_partial(struct message *first, const struct item *keep, int64_t id)
{
    for (struct message *m = first; m; m = m->next) {
        for (struct item *i = m->items; i; i = i->next) {
            if (i != keep && i->id == id)
                i->fate = FATE_DUPLICATE;
        }
        for (struct reject *j = m->derived; j; j = j->next)
            j->replaced = j->replaced || j->report_id == id;
    }
}

static int replace_partial(
    struct writer *w, struct message *first, struct item *i, int64_t id, struct err *e)
{
    struct db_value old[] = {i->values[0], db_int(id)};
    int got = db_exec(&w->store->c, sql_remove_report, old, 2, e);

    if (got == 0)
        got = db_exec(&w->store->c, sql_reject_replaced, &old[1], 1, e);
    if (got == 0)
        got = db_exec(&w->store->c, i->kind->insert, i->values, i->kind->n_columns, e);
    if (got < 0)
        return got;
    drop_partial(first, i, id);
    set_fate(i, FATE_NEW);
    return 0;
}

/*
 * Something with this identity is there already. A complete copy takes the place of a partial one;
 * a report that is still being read gets the place of a partial one, too, because its records
 * cannot be kept until its grade is known.
 */
static int settle(struct writer *w, struct message *first, struct item *i, struct err *e)
{
    struct stored old = {0};
    int got = find_stored(w, i, &old, e);

    if (got < 0)
        return got;
    if (old.partial && (i->open || !i->partial))
        return replace_partial(w, first, i, old.id, e);
    if (i->open) {
        i->fate = FATE_COMPARE;
    } else if (old.same || (i->partial && !old.partial)) {
        i->fate = FATE_DUPLICATE;
    } else {
        set_fate(i, FATE_CONFLICT);
    }
    return 0;
}

/* ---- inserting ---- */

struct insert {
    struct writer *w;
    struct message *first;
    const struct item_kind *kind;
    struct item *items[SETS_AT_ONCE];
    size_t n;
};

static int insert_now(struct insert *in, struct err *e)
{
    const struct db_driver *driver = in->w->store->c.driver;
    size_t columns = in->kind->n_columns;
    bool returned[SETS_AT_ONCE] = {false};
    struct db_stmt *s = NULL;

    if (in->n == 0)
        return 0;
    struct db_value *values =
        arena_alloc(in->w->scratch, in->n * columns * sizeof(struct db_value));
    for (size_t k = 0; k < in->n; k++)
        memcpy(values + k * columns, in->items[k]->values, columns * sizeof *values);
    int got = driver->prepare(in->w->store->c.db, in->kind->insert, &s, e);
    if (got == 0)
        got = driver->run_many(s, values, columns, in->n, returned, e);
    arena_reset(in->w->scratch);
    for (size_t k = 0; got == 0 && k < in->n; k++) {
        if (returned[k]) {
            set_fate(in->items[k], FATE_NEW);
        } else {
            got = settle(in->w, in->first, in->items[k], e);
        }
    }
    in->n = 0;
    return got;
}

static int insert_kind(
    struct writer *w, struct message *first, const struct item_kind *kind, struct err *e)
{
    struct insert in = {.w = w, .first = first, .kind = kind};
    int got = 0;

    for (struct message *m = first; m && got == 0; m = m->next) {
        for (struct item *i = m->items; i && got == 0; i = i->next) {
            if (i->kind != kind || i->fate != FATE_WAITING)
                continue;
            i->client = owners_client(w->store->owners, i->domain);
            i->values[0] = db_int(i->client);
            in.items[in.n++] = i;
            if (in.n == SETS_AT_ONCE)
                got = insert_now(&in, e);
        }
    }
    return got == 0 ? insert_now(&in, e) : got;
}

/* ---- counting ---- */

struct reject *reject_append(struct arena *a, struct reject ***end)
{
    struct reject *j = arena_alloc(a, sizeof *j);

    **end = j;
    *end = &j->next;
    return j;
}

/* What an operator may want to look at although nothing was rejected. */
static int remark(struct writer *w, struct message *m, const struct item *i, struct err *e)
{
    struct reject *j = reject_append(w->heads, &m->derived_end);
    const char *reporter = i->kind == &item_failure ? i->values[4].bytes : i->values[3].bytes;
    const char *uid = i->kind == &item_failure ? "" : i->values[4].bytes;

    j->payload = i->payload;
    if (i->fate == FATE_CONFLICT) {
        j->class = "conflict";
        j->reason = arena_printf(w->heads,
            "report \"%s\" of %s for %s is known with other content; the first is kept", uid,
            reporter, i->domain);
    } else {
        j->class = "partial";
        j->report_id = i->id;
        j->reason = arena_printf(w->heads,
            "report \"%s\" of %s for %s is cut off; %" PRId64
            " complete records are kept but not counted",
            uid, reporter, i->domain, i->records);
    }
    return store_take_id(w->store, &j->id, e);
}

static int count_report(struct writer *w, struct message *m, const struct item *i, struct err *e)
{
    struct counts *c = &m->counts;

    if (i->fate == FATE_DUPLICATE) {
        c->reports_duplicate++;
        return 0;
    }
    if (i->fate == FATE_NEW && !i->partial) {
        c->reports_new++;
        c->records += i->records;
        return 0;
    }
    if (i->fate == FATE_CONFLICT) {
        c->reports_conflict++;
    } else {
        c->reports_partial++;
    }
    return remark(w, m, i, e);
}

static int count_other(struct writer *w, struct message *m, const struct item *i, struct err *e)
{
    struct counts *c = &m->counts;

    if (i->fate == FATE_NEW) {
        c->others_new++;
        if (i->kind == &item_tls) {
            c->tls_new++;
        } else {
            c->failures_new++;
        }
        return 0;
    }
    c->others_known++;
    return i->fate == FATE_CONFLICT ? remark(w, m, i, e) : 0;
}

static int count_items(struct writer *w, struct message *first, struct err *e)
{
    int got = 0;

    for (struct message *m = first; m; m = m->next) {
        for (struct item *i = m->items; i && got == 0; i = i->next) {
            if (i->counted || i->open)
                continue;
            i->counted = true;
            got = i->kind == &item_report ? count_report(w, m, i, e) : count_other(w, m, i, e);
        }
    }
    return got;
}

int items_write(struct writer *w, struct message *first, struct err *e)
{
    int got = 0;

    for (size_t k = 0; k < N_KINDS && got == 0; k++)
        got = insert_kind(w, first, all_kinds[k], e);
    if (got == 0)
        got = below_write(w, first, e);
    return got == 0 ? count_items(w, first, e) : got;
}

int items_finish_report(struct writer *w, struct message *m, struct item *i, struct err *e)
{
    int got = 0;

    if (i->fate == FATE_NEW) {
        got = db_exec(&w->store->c, sql_finish_report, i->values, i->kind->n_columns, e);
    } else {
        struct stored old = {0};
        got = find_stored(w, i, &old, e);
        bool known = old.same || i->partial;
        set_fate(i, known ? FATE_DUPLICATE : FATE_CONFLICT);
    }
    return got == 0 ? count_items(w, m, e) : got;
}
