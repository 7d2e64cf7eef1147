/*
 * What is stored, out through the flow again. The database has one open statement at a time, so a
 * day's reports are listed first and then read one after another, a thousand records at a time.
 */
#include "base/arena.h"
#include "store/decode.h"
#include "store/sql.h"

#include <string.h>

struct exporter {
    struct store *s;
    struct sink *sink;
    bool all;
    struct arena *day;   /* the list of a day */
    struct arena *chunk; /* records, or one small report */
};

/* What is there of one day, of one client: ids, and the client's own. */
struct listed {
    int64_t id;
    const char *report; /* TLS: which report the policy belongs to */
};

struct listing {
    struct exporter *x;
    struct listed *items;
    size_t n;
};

static void list_add(struct listing *l, int64_t id, const char *report)
{
    l->items = arena_grow(l->x->day, l->items, &l->n, sizeof *l->items);
    l->items[l->n - 1] = (struct listed){id, report};
}

/* A statement whose rows are decoded into one thing. */
struct fetch {
    struct arena *a;
    void *out, *more;
    void (*decode)(struct fetch *f, struct store *s, struct db_stmt *stmt);
    bool found;
};

static int take_one(void *context, struct store *s, struct db_stmt *stmt)
{
    struct fetch *f = context;

    f->found = true;
    f->decode(f, s, stmt);
    return 0;
}

/* False in f->found when it is gone meanwhile, which is no error. */
static int fetch_whole(
    struct exporter *x, const char *sql, int64_t client, int64_t id, struct fetch *f, struct err *e)
{
    const struct db_value key[] = {db_int(client), db_int(id)};

    return store_query(x->s, &(struct query){sql, key, 2, take_one, f}, e);
}

/* ---- aggregate reports ---- */

static int list_report(void *context, const struct store_report_row *r)
{
    struct listing *l = context;

    if (r->counts || l->x->all)
        list_add(l, r->id, NULL);
    return 0;
}

static int list_reports(struct listing *l, const struct store_period *p, struct err *e)
{
    return store_reports(l->x->s, p, true, list_report, l, e);
}

static void decode_whole_report(struct fetch *f, struct store *s, struct db_stmt *stmt)
{
    decode_report(s, stmt, f->a, f->out);
}

struct chunk {
    struct exporter *x;
    struct aggregate_record *records;
    size_t n;
    int64_t last; /* number of the last one */
};

static int take_record(void *context, struct store *s, struct db_stmt *stmt)
{
    struct chunk *c = context;

    c->records = arena_grow(c->x->chunk, c->records, &c->n, sizeof *c->records);
    decode_record(s, stmt, c->x->chunk, &c->records[c->n - 1]);
    c->last = store_int(s, stmt, 0);
    return 0;
}

static int export_records(struct exporter *x, int64_t client, int64_t id, struct err *e)
{
    const struct sink_ops *ops = x->sink->ops;
    struct chunk c = {.x = x, .last = INT64_MIN};
    int got = 0;

    do {
        const struct db_value key[] = {db_int(client), db_int(id), db_int(c.last)};
        arena_reset(x->chunk);
        c.records = NULL;
        c.n = 0;
        got = store_query(x->s, &(struct query){sql_export_records, key, 3, take_record, &c}, e);
        for (size_t i = 0; i < c.n && got == 0 && ops->aggregate_record; i++)
            got = ops->aggregate_record(x->sink, &c.records[i], e);
    } while (got == 0 && c.n > 0);
    return got;
}

static int export_report(
    struct exporter *x, int64_t client, const struct listed *item, struct err *e)
{
    const struct sink_ops *ops = x->sink->ops;
    struct arena *head = arena_new();
    struct aggregate_report r;
    struct fetch f = {.a = head, .out = &r, .decode = decode_whole_report};
    int got = fetch_whole(x, sql_report_whole, client, item->id, &f, e);

    if (got == 0 && f.found) {
        got = ops->aggregate_begin ? ops->aggregate_begin(x->sink, &r, e) : FLOW_GO_ON;
        if (got == FLOW_GO_ON)
            got = export_records(x, client, item->id, e);
        if (got == 0 && ops->aggregate_end)
            got = ops->aggregate_end(x->sink, &r, e);
    }
    arena_free(head);
    return got < 0 ? got : 0;
}

static int export_reports(
    struct exporter *x, int64_t client, const struct listing *l, struct err *e)
{
    int got = 0;

    for (size_t i = 0; i < l->n && got == 0; i++)
        got = export_report(x, client, &l->items[i], e);
    return got;
}

/* ---- failure reports ---- */

static int list_failure(void *context, const struct store_failure_row *r)
{
    list_add(context, r->id, NULL);
    return 0;
}

static int list_failures(struct listing *l, const struct store_period *p, struct err *e)
{
    return store_failures(l->x->s, p, list_failure, l, e);
}

static void decode_whole_failure(struct fetch *f, struct store *s, struct db_stmt *stmt)
{
    decode_failure(s, stmt, f->a, f->out);
}

static int export_failures(
    struct exporter *x, int64_t client, const struct listing *l, struct err *e)
{
    const struct sink_ops *ops = x->sink->ops;
    int got = 0;

    for (size_t i = 0; i < l->n && got >= 0; i++) {
        struct failure_report r;
        struct fetch f = {.a = x->chunk, .out = &r, .decode = decode_whole_failure};
        arena_reset(x->chunk);
        got = fetch_whole(x, sql_failure_whole, client, l->items[i].id, &f, e);
        if (got == 0 && f.found && ops->failure)
            got = ops->failure(x->sink, &r, e);
    }
    return got < 0 ? got : 0;
}

/* ---- TLS reports: their policies are put together again ---- */

static int list_policy(void *context, const struct store_tls_row *r)
{
    struct listing *l = context;

    if ((!r->counts && !l->x->all) || (l->n && l->items[l->n - 1].id == r->id))
        return 0; /* one of several kinds of failure of it */
    list_add(l, r->id,
        arena_printf(l->x->day, "%lld %lld %lld %s %s", (long long)r->begin, (long long)r->end,
            (long long)r->payload, r->reporter, r->report_id));
    return 0;
}

static int list_policies(struct listing *l, const struct store_period *p, struct err *e)
{
    return store_tls(l->x->s, p, list_policy, l, e);
}

static void decode_whole_policy(struct fetch *f, struct store *s, struct db_stmt *stmt)
{
    decode_tls(s, stmt, f->a, f->out, f->more);
}

struct tls_chunk {
    struct exporter *x;
    struct tls_policy *policy;
    int64_t last; /* number of the last failure */
    bool any;
};

static int take_tls_failure(void *context, struct store *s, struct db_stmt *stmt)
{
    struct tls_chunk *c = context;
    struct tls_policy *p = c->policy;

    p->failures = arena_grow(c->x->chunk, p->failures, &p->n_failures, sizeof *p->failures);
    decode_tls_failure(s, stmt, c->x->chunk, &p->failures[p->n_failures - 1]);
    c->last = store_int(s, stmt, 2);
    c->any = true;
    return 0;
}

/* A report has at most LIMIT_TLS_ITEMS of them (parse/limits.h). */
static int read_tls_failures(
    struct exporter *x, int64_t client, int64_t id, struct tls_policy *p, struct err *e)
{
    struct tls_chunk c = {.x = x, .policy = p, .last = INT64_MIN};
    int got = 0;

    do {
        const struct db_value key[] = {db_int(client), db_int(id), db_int(c.last)};
        c.any = false;
        got = store_query(x->s, &(struct query){sql_tls_failures, key, 3, take_tls_failure, &c}, e);
    } while (got == 0 && c.any);
    return got;
}

/* One that has no policy at all is stored as one row without type and domain. */
static bool is_policy(const struct tls_policy *p)
{
    return p->type || p->domain || p->domain_sent || p->successful || p->failed || p->n_strings ||
           p->n_mx_hosts || p->n_failures;
}

/* The policies of one report: those that stand together in the list. */
static int export_tls_report(
    struct exporter *x, int64_t client, const struct listed *items, size_t n, struct err *e)
{
    const struct sink_ops *ops = x->sink->ops;
    struct tls_report r = {0};
    struct tls_policy *policies = NULL;
    size_t kept = 0;
    int got = 0;

    arena_reset(x->chunk);
    for (size_t i = 0; i < n && got == 0; i++) {
        struct tls_policy p;
        struct fetch f = {.a = x->chunk, .out = &r, .more = &p, .decode = decode_whole_policy};
        got = fetch_whole(x, sql_tls_whole, client, items[i].id, &f, e);
        if (got == 0 && f.found)
            got = read_tls_failures(x, client, items[i].id, &p, e);
        if (got == 0 && f.found && is_policy(&p)) {
            policies = arena_grow(x->chunk, policies, &kept, sizeof *policies);
            policies[kept - 1] = p;
        }
    }
    r.policies = policies;
    r.n_policies = kept;
    return got == 0 && r.reporter && ops->tls ? ops->tls(x->sink, &r, e) : got;
}

static int export_policies(
    struct exporter *x, int64_t client, const struct listing *l, struct err *e)
{
    int got = 0;
    size_t n = 0;

    for (size_t i = 0; i < l->n && got >= 0; i += n) {
        n = 1;
        while (i + n < l->n && strcmp(l->items[i + n].report, l->items[i].report) == 0)
            n++;
        got = export_tls_report(x, client, l->items + i, n, e);
    }
    return got < 0 ? got : 0;
}

/* ---- day by day ---- */

struct kind {
    const char *first_day;
    int (*list)(struct listing *l, const struct store_period *p, struct err *e);
    int (*export)(struct exporter *x, int64_t client, const struct listing *l, struct err *e);
};

static const struct kind kinds[] = {
    {sql_first_day_of_reports, list_reports, export_reports},
    {sql_first_day_of_failures, list_failures, export_failures},
    {sql_first_day_of_tls, list_policies, export_policies},
};

static int export_day(struct exporter *x, const struct kind *k, const struct store_period *p,
    int64_t client, struct err *e)
{
    struct listing l = {.x = x};

    arena_reset(x->day);
    int got = k->list(&l, p, e);
    return got == 0 ? k->export(x, client, &l, e) : got;
}

static int export_client(struct exporter *x, const struct kind *k, const struct store_period *p,
    const struct store_client *c, struct err *e)
{
    struct store_period day = {.client = c->name, .domain = p->domain, .from = p->from};
    int got = 0;

    while (got == 0 && day.from <= p->to) {
        const struct db_value span[] = {db_int(c->id), db_int(day.from), db_int(p->to)};
        got = db_one_int(&x->s->c, k->first_day, span, 3, &day.from, e);
        if (got != DB_ROW)
            break;
        day.to = day.from;
        got = export_day(x, k, &day, c->id, e);
        day.from++;
    }
    return got < 0 ? got : 0;
}

/* ---- client by client ---- */

struct clients {
    struct arena *a;
    const char *wanted; /* NULL: all */
    struct store_client *items;
    size_t n;
};

static int take_client(void *context, const struct store_client *c)
{
    struct clients *l = context;

    if (l->wanted && strcmp(l->wanted, c->name) != 0)
        return 0;
    l->items = arena_grow(l->a, l->items, &l->n, sizeof *l->items);
    l->items[l->n - 1] = *c;
    l->items[l->n - 1].name = arena_strdup(l->a, c->name);
    return 0;
}

int store_export(
    struct store *s, const struct store_period *p, bool all, struct sink *sink, struct err *e)
{
    struct exporter x = {
        .s = s, .sink = sink, .all = all, .day = arena_new(), .chunk = arena_new()};
    struct clients clients = {.a = arena_new(), .wanted = p->client};
    int got = store_clients(s, take_client, &clients, e);

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (size_t c = 0; c < clients.n && got == 0; c++)
            got = export_client(&x, &kinds[k], p, &clients.items[c], e);
    }
    arena_free(clients.a);
    arena_free(x.chunk);
    arena_free(x.day);
    return got;
}
