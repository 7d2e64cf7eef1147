#include "store/facts.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/when.h"
#include "store/decode.h"
#include "store/pack.h"
#include "store/sql.h"

#include <stdio.h>
#include <string.h>

enum {
    PACKED_MAX = 4 * 1024 * 1024
};

/* ---- values ---- */

static struct db_value fact_value(enum fact f)
{
    return f == FACT_UNKNOWN ? db_null() : db_int(f == FACT_YES);
}

static enum fact take_fact(const struct store *s, const struct db_stmt *stmt, int column)
{
    struct db_value v = s->c.driver->column(stmt, column);

    if (v.type != DB_INT)
        return FACT_UNKNOWN;
    return v.n ? FACT_YES : FACT_NO;
}

static struct db_value addr_value(const struct addr *ip)
{
    return db_blob(ip->bytes, ip->len);
}

static const char *copy(struct arena *a, const char *s)
{
    return s ? arena_strdup(a, s) : NULL;
}

/* What does not fit into some megabytes is not kept: nobody's record is so long. */
static struct db_value packed_value(const struct buf *b, bool bad)
{
    return !bad && b->len ? db_text(b->data) : db_null();
}

/* ---- hosts ---- */

struct host_reader {
    struct arena *a;
    struct host_facts *out;
    bool found;
};

static int take_host(void *context, struct store *s, struct db_stmt *stmt)
{
    struct host_reader *r = context;

    r->found = true;
    *r->out = (struct host_facts){
        .ip = r->out->ip,
        .ptr = copy(r->a, store_text(s, stmt, 0)),
        .confirmed = take_fact(s, stmt, 1),
        .asn = store_int(s, stmt, 2),
        .network = copy(r->a, store_text(s, stmt, 3)),
        .country = copy(r->a, store_text(s, stmt, 4)),
    };
    return 0;
}

int facts_host(struct store *s, const struct addr *ip, struct arena *a, struct host_facts *out,
    bool *found, struct err *e)
{
    struct db_value key = addr_value(ip);
    struct host_reader r = {.a = a, .out = out};

    *out = (struct host_facts){.ip = *ip, .confirmed = FACT_UNKNOWN};
    int got = store_query(s, &(struct query){sql_host, &key, 1, take_host, &r}, e);
    *found = r.found;
    return got;
}

int facts_put_hosts(struct store *s, const struct host_facts *list, size_t n, struct err *e)
{
    int got = store_begin(s, e);

    for (size_t i = 0; i < n && got == 0; i++) {
        const struct host_facts *h = &list[i];
        struct db_value asn = h->asn ? db_int(h->asn) : db_null();
        struct db_value network[] = {
            addr_value(&h->ip), asn, db_text(h->network), db_text(h->country)};
        struct db_value all[] = {addr_value(&h->ip), db_int(when_now()), db_text(h->ptr),
            fact_value(h->confirmed), asn, db_text(h->network), db_text(h->country)};
        if (h->confirmed == FACT_UNKNOWN) {
            got = db_exec(&s->c, sql_host_network, network, sizeof network / sizeof *network, e);
        } else {
            got = db_exec(&s->c, sql_host_put, all, sizeof all / sizeof *all, e);
        }
    }
    return store_end(s, got, e);
}

/* ---- domains ---- */

static const char **unpack_words(struct arena *a, const char *packed, size_t *n)
{
    const char **out = NULL;
    const char *f[1];

    *n = 0;
    while (unpack_row(a, &packed, f, 1)) {
        out = arena_grow(a, out, n, sizeof *out);
        out[*n - 1] = f[0] ? f[0] : "";
    }
    return out;
}

static int pack_words(struct buf *b, const char *const *words, size_t n)
{
    int bad = 0;

    for (size_t i = 0; i < n; i++)
        bad |= pack_row(b, &words[i], 1);
    return bad;
}

/* A range is two addresses, and a word if it is the domain's own. */
static struct spf_range *unpack_ranges(struct arena *a, const char *packed, size_t *n)
{
    struct spf_range *out = NULL;
    const char *f[3];

    *n = 0;
    while (unpack_row(a, &packed, f, 3)) {
        struct spf_range r = {.own = f[2] != NULL};
        if (!f[0] || !f[1] || !addr_parse(f[0], &r.first) || !addr_parse(f[1], &r.last))
            continue;
        out = arena_grow(a, out, n, sizeof *out);
        out[*n - 1] = r;
    }
    return out;
}

static int pack_ranges(struct buf *b, const struct spf_range *ranges, size_t n)
{
    int bad = 0;

    for (size_t i = 0; i < n; i++) {
        char first[ADDR_TEXT_MAX];
        char last[ADDR_TEXT_MAX];
        const char *fields[] = {first, last, ranges[i].own ? "own" : NULL};
        addr_format(&ranges[i].first, first);
        addr_format(&ranges[i].last, last);
        bad |= pack_row(b, fields, 3);
    }
    return bad;
}

struct domain_reader {
    struct arena *a;
    struct domain_facts *out;
    bool found;
};

static int take_domain(void *context, struct store *s, struct db_stmt *stmt)
{
    struct domain_reader *r = context;
    struct domain_facts *d = r->out;

    r->found = true;
    d->nonexistent = take_fact(s, stmt, 0);
    d->parked = take_fact(s, stmt, 1);
    d->mx = unpack_words(r->a, store_text(s, stmt, 2), &d->n_mx);
    d->spf = take_fact(s, stmt, 3);
    d->includes = unpack_words(r->a, store_text(s, stmt, 4), &d->n_includes);
    d->ranges = unpack_ranges(r->a, store_text(s, stmt, 5), &d->n_ranges);
    d->organisation = copy(r->a, store_text(s, stmt, 6));
    d->keys = unpack_words(r->a, store_text(s, stmt, 7), &d->n_keys);
    return 0;
}

int facts_domain_is_due(
    struct store *s, const char *domain, int64_t before, bool *due, struct err *e)
{
    struct db_value key = db_text(domain);
    int64_t looked_at = 0;
    int got = db_one_int(&s->c, sql_sender_domain_looked_at, &key, 1, &looked_at, e);

    *due = got == DB_DONE || looked_at < before;
    return got < 0 ? got : 0;
}

int facts_domain(struct store *s, const char *domain, struct arena *a, struct domain_facts *out,
    bool *found, struct err *e)
{
    struct db_value key = db_text(domain);
    struct domain_reader r = {.a = a, .out = out};

    *out = (struct domain_facts){
        .domain = domain, .nonexistent = FACT_UNKNOWN, .parked = FACT_UNKNOWN, .spf = FACT_UNKNOWN};
    int got = store_query(s, &(struct query){sql_sender_domain, &key, 1, take_domain, &r}, e);
    *found = r.found;
    return got;
}

int facts_put_domain(struct store *s, const struct domain_facts *d, struct err *e)
{
    struct buf mx;
    struct buf includes;
    struct buf ranges;
    struct buf keys;

    buf_init(&mx, PACKED_MAX);
    buf_init(&includes, PACKED_MAX);
    buf_init(&ranges, PACKED_MAX);
    buf_init(&keys, PACKED_MAX);
    bool bad_mx = pack_words(&mx, d->mx, d->n_mx) != 0;
    bool bad_includes = pack_words(&includes, d->includes, d->n_includes) != 0;
    bool bad_keys = pack_words(&keys, d->keys, d->n_keys) != 0;
    bool bad_ranges = pack_ranges(&ranges, d->ranges, d->n_ranges) != 0;
    struct db_value values[] = {db_text(d->domain), db_int(when_now()), fact_value(d->nonexistent),
        fact_value(d->parked), packed_value(&mx, bad_mx), fact_value(d->spf),
        packed_value(&includes, bad_includes), packed_value(&ranges, bad_ranges),
        db_text(d->organisation), packed_value(&keys, bad_keys)};
    int got = db_exec(&s->c, sql_sender_domain_put, values, sizeof values / sizeof *values, e);
    buf_done(&mx);
    buf_done(&includes);
    buf_done(&ranges);
    buf_done(&keys);
    return got;
}

/* ---- what is due ---- */

struct due {
    struct arena *a;
    struct addr *addrs;
    const char **names;
    size_t n;
};

static int take_due_host(void *context, struct store *s, struct db_stmt *stmt)
{
    struct due *d = context;

    d->addrs = arena_grow(d->a, d->addrs, &d->n, sizeof *d->addrs);
    d->addrs[d->n - 1] = decode_addr(s->c.driver->column(stmt, 0));
    return 0;
}

static int take_due_domain(void *context, struct store *s, struct db_stmt *stmt)
{
    struct due *d = context;
    const char *name = store_text(s, stmt, 0);

    d->names = arena_grow(d->a, d->names, &d->n, sizeof *d->names);
    d->names[d->n - 1] = arena_strdup(d->a, name ? name : "");
    return 0;
}

int facts_hosts_due(struct store *s, const struct facts_wanted *w, const struct addr *after,
    struct arena *a, struct due_hosts *out, struct err *e)
{
    const struct store_period *p = w->period;
    struct due d = {.a = a};
    int64_t client = 0;
    int got = store_client_find(s, p->client, &client, e);

    if (got == 0) {
        struct db_value values[] = {db_int(client), db_int(p->from), db_int(p->to),
            db_int(w->before), after ? addr_value(after) : db_blob("", 0)};
        got = store_query(s, &(struct query){sql_hosts_due, values, 5, take_due_host, &d}, e);
    }
    *out = (struct due_hosts){d.addrs, d.n};
    return got;
}

int facts_domains_due(struct store *s, const struct facts_wanted *w, const char *after,
    struct arena *a, struct due_domains *out, struct err *e)
{
    const struct store_period *p = w->period;
    struct due d = {.a = a};
    int64_t client = 0;
    int got = store_client_find(s, p->client, &client, e);

    if (got == 0) {
        struct db_value values[] = {db_int(client), db_int(p->from), db_int(p->to),
            db_int(w->before), db_text(after ? after : "")};
        got = store_query(s, &(struct query){sql_domains_due, values, 5, take_due_domain, &d}, e);
    }
    *out = (struct due_domains){d.names, d.n};
    return got;
}
