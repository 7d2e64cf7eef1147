/*
 * A kept payload is read again. The first reading only looks: each report is compared with what is
 * stored, and its records are not kept but summed up in a digest. Only if something is to be gained
 * is there a second reading, which is written like any message, in a transaction that first throws
 * out what gives way.
 */
#include "store/batch.h"
#include "store/sql.h"

#include <inttypes.h>
#include <string.h>

bool again_looks(const struct writer *w)
{
    return w->again && w->again->looking;
}

void again_adopt(const struct again *a, struct payload *p)
{
    p->id = a->raw.payload;
    p->client = a->raw.client;
    p->kept = p->written = true;
}

/* ---- values and rows ---- */

static void add_value(struct buf *b, const struct db_value *v)
{
    const unsigned char type = (unsigned char)v->type;
    uint64_t n = v->type == DB_INT ? (uint64_t)v->n : v->len;

    (void)buf_add(b, &type, 1);
    (void)buf_add(b, &n, sizeof n);
    if (v->type == DB_TEXT || v->type == DB_BLOB)
        (void)buf_add(b, v->bytes, v->len);
}

static bool same_value(const struct db_value *a, const struct db_value *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == DB_INT)
        return a->n == b->n;
    return a->type == DB_NULL ||
           (a->len == b->len && (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0));
}

/* The children that were read so far go into the digest of rows, and from memory. */
static void drop_children(struct writer *w, struct item *i)
{
    for (struct child *c = i->children; c; c = c->next) {
        buf_clear(&w->text);
        for (size_t k = 2; k < i->kind->children->n; k++)
            add_value(&w->text, &c->values[k]);
        digest_add(&i->rows, w->text.data, w->text.len);
    }
    i->children = NULL;
    i->children_end = &i->children;
}

void again_forget_rows(struct writer *w)
{
    drop_children(w, w->report);
    flush_forget_rows(w);
}

struct rows {
    struct writer *w;
    const struct table *table;
    struct digest sum;
    int64_t last;
    bool any;
};

static int take_row(void *context, struct store *s, struct db_stmt *stmt)
{
    struct rows *r = context;
    struct buf *b = &r->w->text;

    buf_clear(b);
    for (size_t k = 2; k < r->table->n; k++) {
        struct db_value v = s->c.driver->column(stmt, (int)k);
        add_value(b, &v);
    }
    digest_add(&r->sum, b->data, b->len);
    r->last = store_int(s, stmt, 2);
    r->any = true;
    return 0;
}

/* Are the stored rows below `id` those that were read? */
static int compare_rows(
    struct writer *w, const struct item *i, int64_t id, bool *equal, struct err *e)
{
    struct rows r = {.w = w, .table = i->kind->children, .last = INT64_MIN, .any = true};
    int got = 0;

    while (got == 0 && r.any) {
        struct db_value key[] = {db_int(i->client), db_int(id), db_int(r.last)};
        r.any = false;
        got = store_query(w->store, &(struct query){i->kind->below, key, 3, take_row, &r}, e);
    }
    *equal = r.sum.sum.low == i->rows.sum.low && r.sum.sum.high == i->rows.sum.high;
    return got;
}

/* ---- what is there ---- */

struct there {
    struct arena *arena;
    const struct item_kind *kind;
    const struct item *item; /* to compare it with; or NULL */
    bool found;
    bool equal;  /* in all columns */
    bool counts; /* an aggregate report that is in the totals */
    enum grade grade;
    int64_t records, payload;
    unsigned char digest[DIGEST_BYTES];
    const char *domain, *uid, *trust;
};

/* A failure report that does not say when it was counts on the day it was read. */
static bool day_is_guessed(const struct item *i, size_t column)
{
    return i->kind == &item_failure && column == 5 && i->values[6].type == DB_NULL;
}

static bool same_columns(const struct store *s, const struct db_stmt *stmt, const struct item *i)
{
    for (size_t k = 0; k < i->kind->n_columns - 2; k++) {
        struct db_value v = s->c.driver->column(stmt, (int)k);
        bool beside = k == 1 || (i->kind->trust && k == (size_t)i->kind->trust);
        if (!beside && !day_is_guessed(i, k) && !same_value(&v, &i->values[k]))
            return false;
    }
    return true;
}

static const char *copy_text(
    struct arena *a, const struct store *s, const struct db_stmt *stmt, int column)
{
    const char *text = column ? store_text(s, stmt, column) : NULL;

    return arena_strdup(a, text ? text : "");
}

static int take_there(void *context, struct store *s, struct db_stmt *stmt)
{
    struct there *t = context;
    const struct item_kind *kind = t->kind;
    const char *grade = store_text(s, stmt, kind->grade);
    struct db_value digest = s->c.driver->column(stmt, kind->digest);

    t->found = true;
    if (!grade || !grade_parse(grade, &t->grade))
        t->grade = GRADE_REFUSED;
    t->records = kind->records ? store_int(s, stmt, kind->records) : 0;
    t->payload = store_int(s, stmt, (int)kind->n_columns - 2);
    if (digest.len >= sizeof t->digest)
        memcpy(t->digest, digest.bytes, sizeof t->digest);
    t->domain = copy_text(t->arena, s, stmt, 2);
    t->uid = copy_text(t->arena, s, stmt, kind->uid);
    t->trust = copy_text(t->arena, s, stmt, kind->trust);
    t->counts = kind == &item_report && strcmp(store_text(s, stmt, 8), "counts") == 0;
    t->equal = t->item && same_columns(s, stmt, t->item);
    return 0;
}

static int read_there(struct writer *w, int64_t client, int64_t id, struct there *t, struct err *e)
{
    struct db_value key[] = {db_int(client), db_int(id)};
    int got = store_query(w->store, &(struct query){t->kind->whole, key, 2, take_there, t}, e);

    if (got == 0 && t->equal && t->kind->children)
        got = compare_rows(w, t->item, id, &t->equal, e);
    return got;
}

/* ---- which of the two is better ---- */

static enum again_verdict compare(const struct again_report *r, const struct there *t)
{
    bool other = memcmp(r->digest, t->digest, sizeof r->digest) != 0;

    if (r->grade != t->grade)
        return r->grade < t->grade ? AGAIN_REPLACED : AGAIN_WORSE;
    if (t->equal || (r->grade >= GRADE_PARTIAL && t->counts)) /* the operator has accepted it */
        return AGAIN_SAME;
    return other && r->records < t->records ? AGAIN_WORSE : AGAIN_REPLACED;
}

static enum again_verdict compare_foreign(const struct again_report *r, const struct there *t)
{
    bool cut = r->grade >= GRADE_PARTIAL;

    if (r->kind == &item_report && t->grade >= GRADE_PARTIAL && !cut)
        return AGAIN_REPLACED;
    if (cut || memcmp(r->digest, t->digest, sizeof r->digest) == 0)
        return AGAIN_SAME;
    return AGAIN_CONFLICT;
}

/* ---- the first reading ---- */

static struct hash128 hash_identity(struct writer *w, const struct item *i)
{
    buf_clear(&w->text);
    for (size_t k = 2; k < 2 + i->kind->n_identity; k++)
        add_value(&w->text, &i->values[k]);
    return hash128(w->text.data, w->text.len);
}

static struct again_report describe(struct writer *w, const struct item *i)
{
    struct again *a = w->again;
    struct again_report r = {
        .identity = hash_identity(w, i),
        .kind = i->kind,
        .verdict = AGAIN_NEW,
        .client = i->client,
        .domain = arena_strdup(a->arena, i->domain),
        .uid = i->kind->uid ? arena_strdup(a->arena, i->values[i->kind->uid].bytes) : "",
        .records = i->kind->records ? i->records : 0,
    };

    memcpy(r.digest, i->digest, sizeof r.digest);
    if (!grade_parse(i->values[i->kind->grade].bytes, &r.grade))
        r.grade = GRADE_REFUSED;
    return r;
}

/* A payload may hold a report twice; the better copy is what counts. */
static void remember(struct again *a, const struct again_report *r)
{
    for (size_t k = 0; k < a->n_reports; k++) {
        struct again_report *old = &a->reports[k];
        if (old->kind != r->kind || old->identity.low != r->identity.low ||
            old->identity.high != r->identity.high)
            continue;
        if (r->verdict > old->verdict || (r->verdict == old->verdict && r->grade < old->grade))
            *old = *r;
        return;
    }
    a->reports = arena_grow(a->arena, a->reports, &a->n_reports, sizeof *a->reports);
    a->reports[a->n_reports - 1] = *r;
}

static void meet(struct again *a, const struct item_kind *kind, int64_t id)
{
    for (size_t k = 0; k < a->n_sources; k++) {
        if (a->sources[k].kind == kind && a->sources[k].id == id)
            a->sources[k].met = true;
    }
}

int again_look_at(struct writer *w, struct item *i, struct err *e)
{
    struct again *a = w->again;
    struct stored old = {0};

    drop_children(w, i);
    i->client = owners_client(w->store->owners, i->domain);
    int got = i->kind == &item_failure ? items_choose_form(w, i, e) : 0;
    i->values[0] = db_int(i->client);
    if (got == 0)
        got = items_find(w, i, &old, e);
    if (got < 0)
        return got;
    struct again_report r = describe(w, i);
    if (old.found) {
        struct there t = {.arena = a->arena, .kind = i->kind, .item = i};
        got = read_there(w, i->client, old.id, &t, e);
        bool mine = t.payload == a->raw.payload;
        r.stored = old.id;
        r.verdict = mine ? compare(&r, &t) : compare_foreign(&r, &t);
        r.trust = mine ? t.trust : NULL;
        meet(a, i->kind, old.id);
    }
    if (got == 0)
        remember(a, &r);
    return got;
}

/* ---- its end ---- */

static struct again_report *find_stranger(
    struct again *a, const struct item_kind *kind, const struct there *t)
{
    for (size_t k = 0; k < a->n_reports; k++) {
        struct again_report *r = &a->reports[k];
        if (r->kind == kind && !r->stored &&
            (strcmp(r->domain, t->domain) == 0 || (*r->uid && strcmp(r->uid, t->uid) == 0)))
            return r;
    }
    return NULL;
}

/*
 * What the payload gave before and does not give any more. If it gives a report that is not known
 * but alike, then that is the same report, read with another identity; it must not count twice.
 */
static int settle_source(struct writer *w, const struct again_source *s, struct err *e)
{
    struct again *a = w->again;
    struct there t = {.arena = a->arena, .kind = s->kind};
    int got = read_there(w, s->client, s->id, &t, e);

    if (got < 0 || !t.found)
        return got;
    struct again_report *r = find_stranger(a, s->kind, &t);
    if (!r) {
        a->result.worse++;
        return 0;
    }
    r->client = s->client;
    r->stored = s->id;
    r->trust = t.trust;
    r->verdict = compare(r, &t);
    return 0;
}

static void count_reports(struct again *a)
{
    struct store_again_result *result = &a->result;
    int64_t *const of_verdict[] = {
        [AGAIN_WORSE] = &result->worse,
        [AGAIN_CONFLICT] = &result->conflict,
        [AGAIN_SAME] = &result->same,
        [AGAIN_REPLACED] = &result->replaced,
        [AGAIN_NEW] = &result->fresh,
    };

    for (size_t k = 0; k < a->n_reports; k++) {
        const struct again_report *r = &a->reports[k];
        ++*of_verdict[r->verdict];
        if (r->verdict == AGAIN_CONFLICT && !result->class) {
            result->class = "conflict";
            result->reason = arena_printf(a->arena,
                "report \"%s\" for %s is known with other content; the first is kept", r->uid,
                r->domain);
        }
        if (r->verdict < AGAIN_REPLACED)
            continue;
        result->records += r->records;
        result->partial += r->grade >= GRADE_PARTIAL;
    }
}

static void count_rejects(struct again *a, const struct message *m)
{
    for (const struct reject *j = m->rejects; j; j = j->next) {
        if (!a->result.rejected++) {
            a->result.class = arena_strdup(a->arena, j->class);
            a->result.reason = arena_strdup(a->arena, j->reason);
        }
    }
}

/* What was read, whatever the order. */
static struct digest sum_reading(struct writer *w, const struct message *m)
{
    struct digest d = {0};

    for (const struct item *i = m->items; i; i = i->next) {
        struct hash128 identity = hash_identity(w, i);
        unsigned char both[sizeof identity + DIGEST_BYTES];
        memcpy(both, &identity, sizeof identity);
        memcpy(both + sizeof identity, i->digest, DIGEST_BYTES);
        digest_add(&d, both, sizeof both);
    }
    for (const struct reject *j = m->rejects; j; j = j->next)
        digest_add(&d, "", 1);
    return d;
}

int again_end_looking(struct writer *w, const struct message *m, struct err *e)
{
    struct again *a = w->again;
    struct store_again_result *result = &a->result;
    int got = 0;

    for (size_t k = 0; k < a->n_sources && got == 0; k++)
        got = a->sources[k].met ? 0 : settle_source(w, &a->sources[k], e);
    if (got < 0)
        return got;
    a->reading = sum_reading(w, m);
    count_rejects(a, m);
    count_reports(a);
    a->wanted = result->replaced > 0 || result->fresh > 0 ||
                result->rejected + result->conflict < a->rejects;
    return 0;
}

/* ---- the second reading ---- */

bool again_keeps(const struct writer *w, int64_t id)
{
    for (size_t k = 0; w->again && k < w->again->n_reports; k++) {
        const struct again_report *r = &w->again->reports[k];
        if (r->stored == id && (r->verdict == AGAIN_WORSE || r->verdict == AGAIN_SAME))
            return true;
    }
    return false;
}

void again_keep_trust(struct writer *w, struct item *i)
{
    struct again *a = w->again;

    if (!a || a->looking)
        return;
    struct hash128 identity = hash_identity(w, i);
    for (size_t k = 0; k < a->n_reports; k++) {
        const struct again_report *r = &a->reports[k];
        if (r->trust && r->kind == i->kind && r->identity.low == identity.low &&
            r->identity.high == identity.high)
            i->values[r->kind->trust] = db_text(r->trust);
    }
}

static int remove_stored(struct writer *w, const struct again_report *r, struct err *e)
{
    struct db_value key[] = {db_int(r->client), db_int(r->stored)};
    int got = db_exec(&w->store->c, r->kind->remove, key, 2, e);

    if (got == 0 && r->kind == &item_report)
        got = db_exec(&w->store->c, sql_reject_replaced, &key[1], 1, e);
    return got;
}

static int count_row(void *context, struct store *s, struct db_stmt *stmt)
{
    int64_t *n = context;

    (void)s;
    (void)stmt;
    ++*n;
    return 0;
}

/* What still cannot be read is going to be a reject anew, with today's reason. */
static int close_rejects(struct writer *w, struct err *e)
{
    const struct again *a = w->again;
    struct db_value payload = db_int(a->raw.payload);
    struct db_value message = db_int(a->message);
    int64_t closed = 0;
    int got = store_query(
        w->store, &(struct query){sql_payload_close, &payload, 1, count_row, &closed}, e);

    if (got < 0)
        return got;
    if (closed != a->rejects) {
        return err_set(e, ERR_TEMPORARY, "changed-meanwhile",
            "somebody else has decided about a reject while it was read again");
    }
    return db_exec(&w->store->c, sql_message_settle, &message, 1, e);
}

int again_make_room(struct writer *w, struct err *e)
{
    const struct again *a = w->again;
    int got = 0;

    for (size_t k = 0; k < a->n_reports && got == 0; k++) {
        if (a->reports[k].verdict == AGAIN_REPLACED)
            got = remove_stored(w, &a->reports[k], e);
    }
    return got == 0 && a->rejects > 0 ? close_rejects(w, e) : got;
}

/* A limit of time may end one reading and not the other: nothing must be lost by that. */
int again_check(struct writer *w, const struct message *m, struct err *e)
{
    struct digest now = sum_reading(w, m);

    if (now.sum.low == w->again->reading.sum.low && now.sum.high == w->again->reading.sum.high)
        return 0;
    return err_set(e, ERR_TEMPORARY, "changed-meanwhile",
        "the second reading was another one than the first; nothing was changed");
}

void again_refused(struct writer *w, const struct err *why)
{
    struct again *a = w->again;

    a->result = (struct store_again_result){.worse = a->result.replaced + a->result.worse,
        .same = a->result.same,
        .conflict = a->result.conflict,
        .rejected = 1,
        .class = "store-refused",
        .reason = arena_strdup(a->arena, why->text)};
}
