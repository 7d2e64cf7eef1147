#include "store/owners.h"

#include "base/arena.h"
#include "store/sql.h"

#include <stdlib.h>
#include <string.h>

struct owner {
    const char *domain;
    int64_t client;
};

struct owners {
    struct arena *memory;
    struct owner *items; /* sorted by domain, bytewise */
    size_t n;
};

static int by_domain(const void *a, const void *b)
{
    const struct owner *x = a;
    const struct owner *y = b;

    return strcmp(x->domain, y->domain);
}

void owners_free(struct owners *o)
{
    if (!o)
        return;
    arena_free(o->memory);
    free(o);
}

static int read_rows(struct owners *o, struct db_conn *c, struct err *e)
{
    struct db_stmt *s = NULL;
    int got = c->driver->prepare(c->db, sql_owners, &s, e);

    if (got < 0)
        return got;
    got = c->driver->run(s, NULL, 0, e);
    if (got < 0)
        return got;
    while ((got = c->driver->step(s, e)) == DB_ROW) {
        struct db_value domain = c->driver->column(s, 0);
        o->items = arena_grow(o->memory, o->items, &o->n, sizeof *o->items);
        o->items[o->n - 1] = (struct owner){
            .domain = arena_strndup(o->memory, domain.bytes, domain.len),
            .client = c->driver->column(s, 1).n,
        };
    }
    return got;
}

int owners_load(struct owners **out, struct db_conn *c, struct err *e)
{
    struct owners *o = mem_alloc(sizeof *o);

    o->memory = arena_new();
    int got = read_rows(o, c, e);
    if (got < 0) {
        owners_free(o);
        return got;
    }
    if (o->n > 1)
        qsort(o->items, o->n, sizeof *o->items, by_domain);
    *out = o;
    return 0;
}

int64_t owners_client(const struct owners *o, const char *domain)
{
    const char *rest = domain;

    while (rest) {
        struct owner wanted = {.domain = rest};
        const struct owner *found =
            o->n ? bsearch(&wanted, o->items, o->n, sizeof wanted, by_domain) : NULL;
        if (found)
            return found->client;
        const char *dot = strchr(rest, '.');
        rest = dot ? dot + 1 : NULL;
    }
    return CLIENT_UNASSIGNED;
}
