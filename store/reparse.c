/*
 * Raw payloads that are kept, and handed out to be read again.
 */
#include "base/text.h"
#include "store/batch.h"
#include "store/sql.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct store_again {
    struct again again;
    struct store *store;
    struct sink *sink;
    struct store_kept kept;
};

/* ---- one payload ---- */

static int on_commit(
    void *context, uint64_t id, enum outcome o, enum message_kind kind, struct err *e)
{
    struct store_again *a = context;

    (void)id;
    (void)o;
    (void)kind;
    (void)e;
    a->again.result.written = true;
    return 0;
}

static struct store_again *again_new(struct store *s, int64_t payload)
{
    struct store_again *a = mem_alloc(sizeof *a);

    a->store = s;
    a->again.arena = arena_new();
    a->again.raw.payload = payload;
    a->again.looking = true;
    a->kept =
        (struct store_kept){.payload = payload, .source = "", .key = "", .message = "", .date = -1};
    return a;
}

void store_again_close(struct store_again *a)
{
    if (!a)
        return;
    store_writer_close(a->sink);
    arena_free(a->again.arena);
    free(a);
}

static const char *keep_text(
    struct arena *a, const struct store *s, const struct db_stmt *stmt, int column)
{
    const char *text = store_text(s, stmt, column);

    return text ? arena_strdup(a, text) : NULL;
}

static int take_payload(void *context, struct store *s, struct db_stmt *stmt)
{
    struct store_again *a = context;
    struct db_value sha256 = s->c.driver->column(stmt, 2);

    a->again.raw.client = store_int(s, stmt, 0);
    a->again.raw.packed = store_int(s, stmt, 1) != 0;
    if (sha256.len == sizeof a->again.sha256)
        memcpy(a->again.sha256, sha256.bytes, sha256.len);
    a->kept.container = keep_text(a->again.arena, s, stmt, 3);
    a->kept.name = keep_text(a->again.arena, s, stmt, 4);
    return 0;
}

/* Finds the payload's row; without one, kept.container stays NULL. */
static int find_payload(struct store_again *a, struct err *e)
{
    const struct store_writer_settings set = {
        .batch_messages = 1, .committed = on_commit, .context = a};
    struct db_value payload = db_int(a->again.raw.payload);
    int got = store_query(a->store, &(struct query){sql_payload, &payload, 1, take_payload, a}, e);

    if (got == 0)
        got = store_owners_refresh(a->store, e);
    if (got == 0)
        got = store_writer_open(&a->sink, a->store, &set, e);
    if (got == 0)
        ((struct writer *)(void *)a->sink)->again = &a->again;
    return got;
}

const struct store_kept *store_again_kept(const struct store_again *a)
{
    return &a->kept;
}

int store_again_raw(struct store_again *a,
    int (*piece)(void *context, const void *bytes, size_t len, struct err *e), void *context,
    struct err *e)
{
    return store_raw(a->store, &a->again.raw, piece, context, e);
}

struct sink *store_again_sink(struct store_again *a)
{
    return a->sink;
}

int store_again_go_on(struct store_again *a, bool *more, struct err *e)
{
    *more = a->again.looking && a->again.wanted;
    a->again.looking = false;
    return store_writer_flush(a->sink, e);
}

const struct store_again_result *store_again_result(const struct store_again *a)
{
    return &a->again.result;
}

/* ---- the one behind a reject ---- */

static int take_origin(void *context, struct store *s, struct db_stmt *stmt)
{
    struct store_again *a = context;
    struct arena *arena = a->again.arena;
    struct db_value date = s->c.driver->column(stmt, 7);

    a->again.raw.payload = store_int(s, stmt, 0);
    a->kept = (struct store_kept){
        .payload = a->again.raw.payload,
        .source = arena_strdup(arena, store_text(s, stmt, 2)),
        .key = arena_strdup(arena, store_text(s, stmt, 3)),
        .message = keep_text(arena, s, stmt, 4),
        .from = keep_text(arena, s, stmt, 5),
        .subject = keep_text(arena, s, stmt, 6),
        .date = date.type == DB_INT ? date.n : -1,
        .authentication_results = keep_text(arena, s, stmt, 8),
        .attached = store_int(s, stmt, 9) != 0,
    };
    if (!a->kept.message)
        a->kept.message = a->kept.key;
    return 0;
}

static int take_rejects(void *context, struct store *s, struct db_stmt *stmt)
{
    struct store_again *a = context;

    a->again.rejects = store_int(s, stmt, 0);
    a->again.message = store_int(s, stmt, 1);
    return 0;
}

static int find_reject(struct store_again *a, int64_t reject, struct err *e)
{
    struct db_value id = db_int(reject);
    int got = store_query(a->store, &(struct query){sql_reject_origin, &id, 1, take_origin, a}, e);

    if (got < 0)
        return got;
    struct db_value payload = db_int(a->again.raw.payload);
    got = store_query(
        a->store, &(struct query){sql_payload_rejects, &payload, 1, take_rejects, a}, e);
    if (got == 0)
        got = find_payload(a, e);
    if (got == 0 && !a->kept.container) {
        return err_set(e, ERR_USAGE, "no-such-reject",
            "there is no open reject %" PRId64 " with a raw payload", reject);
    }
    return got;
}

int store_again_reject(struct store_again **out, struct store *s, int64_t reject, struct err *e)
{
    struct store_again *a = again_new(s, 0);
    int got = find_reject(a, reject, e);

    if (got < 0) {
        store_again_close(a);
        return got;
    }
    *out = a;
    return 0;
}

/* ---- all that are behind stored reports ---- */

struct came {
    int64_t payload;
    struct again_source source;
};

struct unread {
    int64_t payload, rejects, message;
};

/* Page by page: the ids of ten million payloads do not belong into memory. */
struct store_reparse {
    struct store *store;
    int64_t since, grade;
    struct arena *arena; /* of the page */
    int64_t *payloads;
    struct came *cames;     /* by payload */
    struct unread *unreads; /* by payload */
    size_t n_payloads, n_cames, n_unreads;
    size_t at, at_came, at_unread;
    int64_t last;
};

struct store_reparse *store_reparse_new(struct store *s, int64_t since, enum grade grade)
{
    struct store_reparse *r = mem_alloc(sizeof *r);

    r->store = s;
    r->since = since;
    r->grade = (int64_t)grade;
    r->arena = arena_new();
    return r;
}

void store_reparse_free(struct store_reparse *r)
{
    if (!r)
        return;
    arena_free(r->arena);
    free(r);
}

static int take_id(void *context, struct store *s, struct db_stmt *stmt)
{
    struct store_reparse *r = context;

    r->payloads = arena_grow(r->arena, r->payloads, &r->n_payloads, sizeof *r->payloads);
    r->payloads[r->n_payloads - 1] = store_int(s, stmt, 0);
    return 0;
}

static int take_came(void *context, struct store *s, struct db_stmt *stmt)
{
    static const struct item_kind *const kinds[] = {&item_report, &item_failure, &item_tls};
    struct store_reparse *r = context;

    r->cames = arena_grow(r->arena, r->cames, &r->n_cames, sizeof *r->cames);
    r->cames[r->n_cames - 1] = (struct came){
        .payload = store_int(s, stmt, 0),
        .source = {.kind = kinds[store_int(s, stmt, 1)],
            .client = store_int(s, stmt, 2),
            .id = store_int(s, stmt, 3)},
    };
    return 0;
}

static int take_unread(void *context, struct store *s, struct db_stmt *stmt)
{
    struct store_reparse *r = context;

    r->unreads = arena_grow(r->arena, r->unreads, &r->n_unreads, sizeof *r->unreads);
    r->unreads[r->n_unreads - 1] =
        (struct unread){store_int(s, stmt, 0), store_int(s, stmt, 1), store_int(s, stmt, 2)};
    return 0;
}

static int read_page(struct store_reparse *r, struct err *e)
{
    struct db_value behind[] = {db_int(r->last), db_int(r->since), db_int(r->grade)};

    arena_reset(r->arena);
    r->payloads = NULL;
    r->cames = NULL;
    r->unreads = NULL;
    r->n_payloads = r->n_cames = r->n_unreads = 0;
    r->at = r->at_came = r->at_unread = 0;
    int got = store_query(r->store, &(struct query){sql_kept_payloads, behind, 3, take_id, r}, e);
    if (got < 0 || r->n_payloads == 0)
        return got;
    r->last = r->payloads[r->n_payloads - 1];
    struct db_value range[] = {db_int(r->payloads[0]), db_int(r->last)};
    got = store_query(r->store, &(struct query){sql_kept_items, range, 2, take_came, r}, e);
    if (got < 0)
        return got;
    return store_query(r->store, &(struct query){sql_kept_rejects, range, 2, take_unread, r}, e);
}

static void add_origin(struct store_reparse *r, struct store_again *a)
{
    struct again *again = &a->again;
    int64_t payload = again->raw.payload;

    while (r->at_came < r->n_cames && r->cames[r->at_came].payload <= payload) {
        const struct came *c = &r->cames[r->at_came++];
        if (c->payload != payload)
            continue;
        again->sources =
            arena_grow(again->arena, again->sources, &again->n_sources, sizeof *again->sources);
        again->sources[again->n_sources - 1] = c->source;
    }
    while (r->at_unread < r->n_unreads && r->unreads[r->at_unread].payload <= payload) {
        const struct unread *u = &r->unreads[r->at_unread++];
        if (u->payload == payload) {
            again->rejects = u->rejects;
            again->message = u->message;
        }
    }
}

static int take_hints(void *context, struct store *s, struct db_stmt *stmt)
{
    struct store_again *a = context;
    struct arena *arena = a->again.arena;
    const char *domain = store_text(s, stmt, 2);
    const char *reporter = store_text(s, stmt, 3);

    a->kept.from = arena_printf(arena, "reports@%s", reporter ? reporter : "");
    a->kept.date = store_int(s, stmt, 5);
    if (domain && *domain)
        a->kept.subject = arena_printf(arena, "Report Domain: %s", domain);
    return 0;
}

/*
 * Which mail it came in is not known any more, but what was taken from that mail, if anything, is:
 * the reporter, the domain and the time. A failure report's payload is its whole mail.
 */
static int add_hints(struct store_again *a, struct err *e)
{
    const struct again_source *s = a->again.sources;

    a->kept.attached = true;
    a->kept.message = arena_printf(a->again.arena, "payload %" PRId64, a->kept.payload);
    if (!s || s->kind == &item_failure)
        return 0;
    struct db_value key[] = {db_int(s->client), db_int(s->id)};
    return store_query(a->store, &(struct query){s->kind->whole, key, 2, take_hints, a}, e);
}

static int open_next(struct store_reparse *r, struct store_again *a, struct err *e)
{
    add_origin(r, a);
    int got = find_payload(a, e);

    return got == 0 ? add_hints(a, e) : got;
}

int store_reparse_next(struct store_reparse *r, struct store_again **out, struct err *e)
{
    *out = NULL;
    for (;;) {
        int got = r->at == r->n_payloads ? read_page(r, e) : 0;
        if (got < 0 || r->n_payloads == 0)
            return got;
        struct store_again *a = again_new(r->store, r->payloads[r->at++]);
        got = open_next(r, a, e);
        if (got == 0 && a->kept.container) {
            *out = a;
            return 0;
        }
        store_again_close(a); /* its bytes are not kept any more */
        if (got < 0)
            return got;
    }
}
