#include "base/arena.h"
#include "base/text.h"
#include "store/core.h"
#include "store/sql.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

/* ---- clients ---- */

struct client_reader {
    int (*row)(void *context, const struct store_client *c);
    void *context;
};

static int take_client(void *context, struct store *s, struct db_stmt *stmt)
{
    const struct client_reader *reader = context;
    struct store_client c = {
        .id = store_int(s, stmt, 0),
        .name = store_text(s, stmt, 1),
        .domains = store_int(s, stmt, 2),
    };

    return reader->row(reader->context, &c);
}

int store_clients(struct store *s, int (*row)(void *context, const struct store_client *c),
    void *context, struct err *e)
{
    struct client_reader reader = {row, context};

    return store_query(s, &(struct query){sql_clients, NULL, 0, take_client, &reader}, e);
}

int store_client_find(struct store *s, const char *name, int64_t *id, struct err *e)
{
    struct db_value value = db_text(name);

    if (store_read_failed(s, e))
        return (int)e->class;
    int got = db_one_int(&s->c, sql_client_find, &value, 1, id, e);
    if (got == DB_DONE)
        return err_set(e, ERR_USAGE, "no-such-client", "there is no client %.200s", name);
    return got < 0 ? got : 0;
}

static int add_client(struct store *s, const char *name, int64_t *id, bool *created, struct err *e)
{
    struct db_value values[2] = {db_int(0), db_text(name)};

    if (!*name)
        return err_set(e, ERR_USAGE, "client-name", "a client needs a name");
    int got = db_one_int(&s->c, sql_client_find, &values[1], 1, id, e);
    *created = false;
    if (got != DB_DONE)
        return got < 0 ? got : 0;
    got = store_take_id(s, &values[0].n, e);
    if (got == 0)
        got = db_one_int(&s->c, sql_client_insert, values, 2, id, e);
    if (got == DB_ROW) {
        *created = true;
    } else if (got == DB_DONE) { /* somebody else was faster */
        return store_client_find(s, name, id, e);
    }
    return got < 0 ? got : 0;
}

int store_client_add(struct store *s, const char *name, bool *created, struct err *e)
{
    int64_t id = 0;
    int got = store_begin(s, e);

    if (got < 0)
        return got;
    got = add_client(s, name, &id, created, e);
    return store_end(s, got, e);
}

/* ---- moving ---- */

struct move {
    int64_t from, to;
    const char *domain;
};

struct moves {
    struct arena *memory;
    struct move *items;
    size_t n;
};

static int find_move(void *context, struct store *s, struct db_stmt *stmt)
{
    struct moves *m = context;
    int64_t from = store_int(s, stmt, 0);
    const char *domain = store_text(s, stmt, 1);
    int64_t to = owners_client(s->owners, domain);

    if (from == to)
        return 0;
    m->items = arena_grow(m->memory, m->items, &m->n, sizeof *m->items);
    m->items[m->n - 1] = (struct move){from, to, arena_strdup(m->memory, domain)};
    return 0;
}

/* client_id is never updated: a distributed table cannot move a row that way. */
static int move_domain(struct store *s, const struct move *m, struct err *e)
{
    static const char *const copies[] = {
        sql_move_reports,
        sql_move_auth_sets,
        sql_move_auth_results,
        sql_move_records,
        sql_move_failures,
        sql_move_tls,
        sql_move_tls_failures,
        sql_move_checks,
    };
    static const char *const drops[] = {
        sql_drop_reports, sql_drop_failures, sql_drop_tls, sql_drop_checks};
    struct db_value values[] = {db_int(m->from), db_int(m->to), db_text(m->domain)};
    struct db_value old[] = {values[0], values[2]};
    int got = 0;

    for (size_t k = 0; k < sizeof copies / sizeof *copies && got == 0; k++)
        got = db_exec(&s->c, copies[k], values, 3, e);
    for (size_t k = 0; k < sizeof drops / sizeof *drops && got == 0; k++)
        got = db_exec(&s->c, drops[k], old, 2, e);
    return got;
}

static int move_payloads(struct store *s, const struct move *m, struct err *e)
{
    static const char *const steps[] = {
        sql_move_chunks, sql_drop_chunks, sql_move_payloads, sql_drop_payloads};
    struct db_value values[] = {db_int(m->from), db_int(m->to)};
    int got = 0;

    for (size_t k = 0; k < sizeof steps / sizeof *steps && got == 0; k++)
        got = db_exec(&s->c, steps[k], values, 2, e);
    return got;
}

/* Once per pair of clients, and once per client left: each of these looks at all of a client's
 * rows. */
static int clean_up(struct store *s, const struct moves *all, struct err *e)
{
    int got = 0;

    for (size_t k = 0; k < all->n && got == 0; k++) {
        const struct move *m = &all->items[k];
        bool pair_done = false;
        bool from_done = false;
        for (size_t before = 0; before < k; before++) {
            bool same = all->items[before].from == m->from;
            from_done = from_done || same;
            pair_done = pair_done || (same && all->items[before].to == m->to);
        }
        struct db_value from = db_int(m->from);
        if (!pair_done)
            got = move_payloads(s, m, e);
        if (got == 0 && !from_done)
            got = db_exec(&s->c, sql_drop_auth_sets, &from, 1, e);
    }
    return got;
}

/* Everything that is stored under another client than the owners say goes where it belongs. */
static int move_misplaced(struct store *s, struct err *e)
{
    struct moves all = {.memory = arena_new()};
    int got = store_owners_refresh(s, e);

    if (got == 0)
        got = store_query(s, &(struct query){sql_stored_domains, NULL, 0, find_move, &all}, e);
    for (size_t k = 0; k < all.n && got == 0; k++)
        got = move_domain(s, &all.items[k], e);
    if (got == 0)
        got = clean_up(s, &all, e);
    arena_free(all.memory);
    return got;
}

/* ---- domains ---- */

static int assign_one(
    struct store *s, struct arena *a, const struct store_assignment *want, struct err *e)
{
    bool odd = false;
    bool created = false;
    int64_t client = 0;
    const char *domain = domain_normalise(a, want->domain, &odd);

    if (!domain || !*domain || odd)
        return err_set(e, ERR_USAGE, "domain-name", "not a domain name: %.200s", want->domain);
    int got = add_client(s, want->client, &client, &created, e);
    if (got < 0)
        return got;
    struct db_value values[] = {db_text(domain), db_int(client)};
    return db_exec(&s->c, sql_domain_assign, values, 2, e);
}

struct held {
    struct arena *memory;
    struct store_assignment *items;
    size_t n;
};

static int take_held(void *context, struct store *s, struct db_stmt *stmt)
{
    struct held *h = context;

    h->items = arena_grow(h->memory, h->items, &h->n, sizeof *h->items);
    h->items[h->n - 1].domain = arena_strdup(h->memory, store_text(s, stmt, 0));
    h->items[h->n - 1].client = arena_strdup(h->memory, store_text(s, stmt, 1));
    return 0;
}

static int by_domain(const void *a, const void *b)
{
    const struct store_assignment *x = a;
    const struct store_assignment *y = b;

    return strcmp(x->domain, y->domain);
}

/* 1 if all of it is so already: who starts assigns what his configuration says, and nothing has to
 * move then, nor has every report to be looked at. 0 if not, or if there is a fault in it. */
static int is_held(
    struct store *s, struct arena *a, const struct store_assignment *list, size_t n, struct err *e)
{
    struct held h = {.memory = a};
    int got = store_query(s, &(struct query){sql_domains, NULL, 0, take_held, &h}, e);

    if (got < 0)
        return got;
    if (h.n > 1)
        qsort(h.items, h.n, sizeof *h.items, by_domain);
    for (size_t k = 0; k < n; k++) {
        bool odd = false;
        const struct store_assignment want = {.domain = domain_normalise(a, list[k].domain, &odd)};
        const struct store_assignment *found =
            want.domain && h.n ? bsearch(&want, h.items, h.n, sizeof want, by_domain) : NULL;
        if (odd || !found || strcmp(found->client, list[k].client) != 0)
            return 0;
    }
    return 1;
}

int store_domains_assign(
    struct store *s, const struct store_assignment *list, size_t n, struct err *e)
{
    struct arena *a = arena_new();
    int got = is_held(s, a, list, n, e);

    if (got == 0)
        got = store_begin(s, e);
    if (got != 0) {
        arena_free(a);
        return got < 0 ? got : 0;
    }
    /* First of all, so that no writer commits reports under the old owners from here on. */
    got = store_owners_change(s, e);
    for (size_t k = 0; k < n && got == 0; k++)
        got = assign_one(s, a, &list[k], e);
    if (got == 0)
        got = move_misplaced(s, e);
    arena_free(a);
    return store_end(s, got, e);
}

static int remove_one(struct store *s, const char *domain, struct err *e)
{
    struct db_value value = db_text(domain);
    int64_t client = 0;
    int got = db_one_int(&s->c, sql_domain_remove, &value, 1, &client, e);

    if (got == DB_DONE)
        return err_set(e, ERR_USAGE, "no-such-domain", "%.200s is assigned to nobody", domain);
    return got < 0 ? got : 0;
}

int store_domains_remove(struct store *s, const char *const *domains, size_t n, struct err *e)
{
    int got = store_begin(s, e);

    if (got < 0)
        return got;
    got = store_owners_change(s, e);
    for (size_t k = 0; k < n && got == 0; k++)
        got = remove_one(s, domains[k], e);
    if (got == 0)
        got = move_misplaced(s, e);
    return store_end(s, got, e);
}

static int remove_client(struct store *s, const char *name, struct err *e)
{
    struct db_value id = db_int(0);
    int got = store_owners_change(s, e);

    if (got == 0)
        got = store_client_find(s, name, &id.n, e);
    if (got == 0)
        got = db_exec(&s->c, sql_domains_release, &id, 1, e);
    if (got == 0)
        got = move_misplaced(s, e);
    if (got == 0)
        got = db_exec(&s->c, sql_deliveries_forget, &id, 1, e);
    return got == 0 ? db_exec(&s->c, sql_client_delete, &id, 1, e) : got;
}

int store_client_remove(struct store *s, const char *name, struct err *e)
{
    if (strcmp(name, STORE_UNASSIGNED) == 0)
        return err_set(e, ERR_USAGE, "client-name", "%s cannot be removed", name);
    int got = store_begin(s, e);
    if (got < 0)
        return got;
    return store_end(s, remove_client(s, name, e), e);
}

struct domain_reader {
    int (*row)(void *context, const char *domain, const char *client);
    void *context;
};

static int take_domain(void *context, struct store *s, struct db_stmt *stmt)
{
    const struct domain_reader *reader = context;

    return reader->row(reader->context, store_text(s, stmt, 0), store_text(s, stmt, 1));
}

int store_domains(struct store *s,
    int (*row)(void *context, const char *domain, const char *client), void *context, struct err *e)
{
    struct domain_reader reader = {row, context};

    return store_query(s, &(struct query){sql_domains, NULL, 0, take_domain, &reader}, e);
}
