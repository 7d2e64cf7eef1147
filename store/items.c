/*
 * Reports into the database: which are new, which are known.
 */
#include "store/batch.h"
#include "store/sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ITEMS_AT_ONCE = 500,
    N_KINDS = 3
};

const struct item_kind item_report = {.insert = sql_insert_report,
    .find = sql_find_report,
    .n_identity = 5,
    .n_columns = REPORT_COLUMNS,
    .children = &table_record,
    .whole = sql_report_whole,
    .below = sql_report_records,
    .remove = sql_remove_report,
    .trust = 34,
    .digest = 12,
    .grade = 13,
    .records = 9,
    .uid = 4};
const struct item_kind item_failure = {.insert = sql_insert_failure,
    .find = sql_find_failure,
    .n_identity = 2,
    .n_columns = FAILURE_COLUMNS,
    .whole = sql_failure_whole,
    .remove = sql_remove_failure,
    .digest = 3,
    .grade = 30};
const struct item_kind item_tls = {.insert = sql_insert_tls,
    .find = sql_find_tls,
    .n_identity = 6,
    .n_columns = TLS_COLUMNS,
    .children = &table_tls_failure,
    .whole = sql_tls_whole,
    .below = sql_tls_failures,
    .remove = sql_remove_tls,
    .trust = 22,
    .digest = 19,
    .grade = 20,
    .uid = 4};

static const struct item_kind *const all_kinds[N_KINDS] = {&item_report, &item_failure, &item_tls};

/* ---- identity ---- */

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

int items_find(struct writer *w, const struct item *i, struct stored *out, struct err *e)
{
    struct find f = {.item = i};
    struct db_value key[1 + 6] = {i->values[0]};

    memcpy(key + 1, i->values + 2, i->kind->n_identity * sizeof *key);
    int got = store_query(
        w->store, &(struct query){i->kind->find, key, 1 + i->kind->n_identity, take_stored, &f}, e);
    *out = f.stored;
    return got;
}

static int find_stored(struct writer *w, const struct item *i, struct stored *out, struct err *e)
{
    int got = items_find(w, i, out, e);

    if (got == 0 && !out->found)
        return err_set(e, ERR_TEMPORARY, "database", "a report vanished while it was compared");
    return got;
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
    int got = db_exec(&w->store->c, i->kind->remove, old, 2, e);

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

/* \001 is in no report's id. */
static int rename_aside(struct writer *w, const struct item *i, bool back, struct err *e)
{
    char name[32];

    (void)snprintf(name, sizeof name, "\001%" PRId64, i->aside);
    struct db_value values[] = {
        i->values[0], db_int(i->aside), back ? i->values[4] : db_text(name)};
    return db_exec(&w->store->c, sql_rename_report, values, 3, e);
}

/*
 * A report that is still being read takes the place of a partial one: its records cannot wait until
 * its end is seen. The partial one is only set aside, because the new one may break off even
 * earlier.
 */
static int take_place(struct writer *w, struct item *i, int64_t id, struct err *e)
{
    i->aside = id;
    int got = rename_aside(w, i, false, e);
    if (got == 0)
        got = db_exec(&w->store->c, i->kind->insert, i->values, i->kind->n_columns, e);
    if (got == 0)
        set_fate(i, FATE_NEW);
    return got;
}

/* Its end was seen: it keeps the place, or gives it back to the partial report, which had more. */
static int decide_place(struct writer *w, struct message *m, struct item *i, struct err *e)
{
    struct db_value old[] = {i->values[0], db_int(i->aside)};
    struct db_value new[] = {i->values[0], db_int(i->id)};
    int64_t records = 0;

    int got = db_one_int(&w->store->c, sql_count_report, old, 2, &records, e);
    if (got < 0)
        return got;
    if (i->partial && i->records <= records) {
        got = db_exec(&w->store->c, sql_remove_report, new, 2, e);
        if (got == 0)
            got = rename_aside(w, i, true, e);
        if (got == 0)
            set_fate(i, FATE_COMPARE);
        return got;
    }
    got = db_exec(&w->store->c, sql_remove_report, old, 2, e);
    if (got == 0)
        got = db_exec(&w->store->c, sql_reject_replaced, &old[1], 1, e);
    if (got == 0)
        drop_partial(m, i, i->aside);
    return got;
}

/*
 * Something with this identity is there already. A complete copy takes the place of a partial one.
 */
static int settle(struct writer *w, struct message *first, struct item *i, struct err *e)
{
    struct stored old = {0};
    int got = find_stored(w, i, &old, e);

    if (got < 0)
        return got;
    bool keep = again_keeps(w, old.id);
    if (old.partial && i->open && !keep)
        return take_place(w, i, old.id, e);
    if (old.partial && !i->partial && !keep)
        return replace_partial(w, first, i, old.id, e);
    if (i->open) {
        i->fate = FATE_COMPARE;
    } else if (keep || old.same || (i->partial && !old.partial)) {
        i->fate = FATE_DUPLICATE;
    } else {
        set_fate(i, FATE_CONFLICT);
    }
    return 0;
}

/* ---- what is kept of failure reports ---- */

bool items_may_keep(const struct writer *w, enum failure_data data)
{
    const struct store_policy *policy = &w->store->policy;

    for (size_t k = 0; k < policy->n_clients; k++) {
        if (policy->clients[k].data == data)
            return true;
    }
    return policy->failure_data == data;
}

/* The least that any client's setting keeps. */
static enum failure_data least_data(const struct writer *w)
{
    enum failure_data data = FAILURE_DATA_NONE;

    while (!items_may_keep(w, data))
        data++;
    return data;
}

enum failure_data items_data(
    const struct writer *w, const struct message *m, const struct payload *p)
{
    enum failure_data least = FAILURE_DATA_FULL;
    bool found = false;

    for (const struct item *i = m->items; i; i = i->next) {
        if (i->kind != &item_failure || (p && i->payload != p))
            continue;
        found = true;
        least = i->data < least ? i->data : least;
    }
    if (found)
        return least;
    bool is_failure = p ? strcmp(p->container, "arf") == 0 : m->is_failure;
    return is_failure ? least_data(w) : FAILURE_DATA_FULL;
}

static int take_setting(void *context, struct store *s, struct db_stmt *stmt)
{
    struct item *i = context;
    const char *name = store_text(s, stmt, 0);

    for (size_t k = 0; name && k < s->policy.n_clients; k++) {
        if (strcmp(s->policy.clients[k].client, name) == 0)
            i->data = s->policy.clients[k].data;
    }
    return 0;
}

/* The owner is known: what is not to be kept is out of reach from here on. */
int items_choose_form(struct writer *w, struct item *i, struct err *e)
{
    int got = 0;

    i->data = w->store->policy.failure_data;
    if (w->store->policy.n_clients) {
        struct db_value id = db_int(i->client);
        got = store_query(w->store, &(struct query){sql_client_name, &id, 1, take_setting, i}, e);
    }
    i->values = i->forms[i->data];
    return got;
}

/* ---- inserting ---- */

struct insert {
    struct writer *w;
    struct message *first;
    const struct item_kind *kind;
    struct item *items[ITEMS_AT_ONCE];
    size_t n;
};

static int insert_now(struct insert *in, struct err *e)
{
    const struct db_driver *driver = in->w->store->c.driver;
    size_t columns = in->kind->n_columns;
    bool inserted[ITEMS_AT_ONCE];
    struct db_stmt *s = NULL;

    if (in->n == 0)
        return 0;
    struct db_value *values =
        arena_alloc(in->w->scratch, in->n * columns * sizeof(struct db_value));
    for (size_t k = 0; k < in->n; k++)
        memcpy(values + k * columns, in->items[k]->values, columns * sizeof *values);
    int got = driver->prepare(in->w->store->c.db, in->kind->insert, &s, e);
    if (got == 0)
        got = driver->insert_many(s, values, columns, in->n, inserted, e);
    arena_reset(in->w->scratch);
    for (size_t k = 0; got == 0 && k < in->n; k++) {
        if (inserted[k]) {
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
            got = kind == &item_failure ? items_choose_form(w, i, e) : 0;
            if (got < 0)
                return got;
            i->values[0] = db_int(i->client);
            in.items[in.n++] = i;
            if (in.n == ITEMS_AT_ONCE)
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
    int got = i->fate == FATE_NEW && i->aside ? decide_place(w, m, i, e) : 0;

    if (got < 0)
        return got;
    if (i->fate == FATE_NEW) {
        got = db_exec(&w->store->c, sql_finish_report, i->values, i->kind->n_columns, e);
    } else {
        struct stored old = {0};
        got = find_stored(w, i, &old, e);
        bool known =
            old.same || (i->partial && !old.partial) || (got == 0 && again_keeps(w, old.id));
        set_fate(i, known ? FATE_DUPLICATE : FATE_CONFLICT);
    }
    return got == 0 ? count_items(w, m, e) : got;
}
