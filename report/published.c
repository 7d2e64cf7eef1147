#include "report/published.h"

#include "base/arena.h"
#include "store/checks.h"
#include "store/pack.h"

#include <string.h>

enum {
    FIELDS = 6
};

struct collector {
    struct arena *arena;
    struct published_in_period *out;
};

static int take_check(void *context, const struct store_check *check)
{
    struct collector *c = context;
    const char *row[FIELDS];
    const char *at = check->changes;

    if (!at)
        return 0;
    const char *domain = arena_strdup(c->arena, check->domain);
    while (unpack_row(c->arena, &at, row, FIELDS)) {
        if (!row[0] || !row[1] || !row[2])
            continue;
        struct published_in_period *out = c->out;
        out->list = arena_grow(c->arena, out->list, &out->n, sizeof *out->list);
        out->list[out->n - 1] = (struct publishing){domain, check->checked_at, row[0], row[1],
            row[2], row[3], row[4], row[5] ? row[5] : ""};
    }
    return 0;
}

/* The others keep their order. */
static void weaker_first(struct arena *a, struct published_in_period *p)
{
    struct publishing *sorted = arena_alloc(a, (p->n + 1) * sizeof *sorted);
    size_t n = 0;

    for (int weaker = 1; weaker >= 0; weaker--) {
        for (size_t i = 0; i < p->n; i++) {
            if ((strcmp(p->list[i].rank, "weaker") == 0) == (weaker == 1))
                sorted[n++] = p->list[i];
        }
    }
    p->list = sorted;
}

int published_build(struct store *s, const struct store_period *p, struct arena *a,
    struct published_in_period *out, struct err *e)
{
    struct collector c = {a, out};

    *out = (struct published_in_period){NULL, 0};
    int rc = store_checks(s, p, take_check, &c, e);
    if (rc)
        return rc;
    weaker_first(a, out);
    return 0;
}
