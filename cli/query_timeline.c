#include "cli/query_timeline.h"

#include "base/arena.h"
#include "base/when.h"
#include "report/finding.h"

#include <stdlib.h>

struct days {
    struct arena *arena;
    struct store_day_row *list;
    size_t n;
};

static int take_day(void *context, const struct store_day_row *r)
{
    struct days *d = context;

    d->list = arena_grow(d->arena, d->list, &d->n, sizeof *d->list);
    d->list[d->n - 1] = *r;
    return 0;
}

static int by_day(const void *left, const void *right)
{
    int64_t a = ((const struct store_day_row *)left)->day;
    int64_t b = ((const struct store_day_row *)right)->day;

    return a < b ? -1 : a > b;
}

/* Each client has rows of its own. */
static void merge(struct days *d)
{
    size_t kept = 0;

    if (d->n)
        qsort(d->list, d->n, sizeof *d->list, by_day);
    for (size_t i = 0; i < d->n; i++) {
        const struct store_day_row one = d->list[i];
        if (kept && d->list[kept - 1].day == one.day) {
            report_add(&d->list[kept - 1].messages, one.messages);
            report_add(&d->list[kept - 1].passed, one.passed);
        } else {
            d->list[kept++] = one;
        }
    }
    d->n = kept;
}

int query_timeline(struct store *s, const struct timeline *wanted, struct arena *a,
    struct table *out, struct err *e)
{
    static const struct table_column columns[] = {
        {"day", false}, {"messages", true}, {"dmarc_pass", true}, {"dmarc_fail", true}};
    struct days d = {.arena = a};
    int rc = store_days(s, &wanted->period, take_day, &d, e);

    merge(&d);
    table_init(out, a, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; !rc && i < d.n; i++) {
        const struct store_day_row *r = &d.list[i];
        char day[WHEN_TEXT_MAX];
        if (wanted->failing && r->messages == r->passed)
            continue;
        if (wanted->limit && (int64_t)out->n_rows >= wanted->limit)
            break;
        when_format_day(r->day, day);
        table_row(out);
        table_text(out, day);
        table_int(out, r->messages);
        table_int(out, r->passed);
        table_int(out, r->messages - r->passed);
    }
    return rc;
}
