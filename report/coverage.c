#include "report/coverage.h"

#include "base/arena.h"
#include "base/when.h"
#include "report/finding.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

/* A report, until all are there. */
struct sent {
    const char *reporter;
    int64_t day, messages;
};

struct collector {
    struct arena *arena;
    struct coverage *out;
    int64_t from;
    struct sent *sent;
    size_t n_sent;
};

static struct coverage_day *day_of(const struct collector *c, int64_t day)
{
    int64_t at = day - c->from;

    return at >= 0 && at < (int64_t)c->out->n_days ? &c->out->days[at] : NULL;
}

static int take_report(void *context, const struct store_report_row *r)
{
    struct collector *c = context;
    size_t at = c->n_sent;
    struct coverage_day *day = day_of(c, when_day(r->begin));

    if (!r->counts)
        return 0;
    if (day)
        day->reports++;
    c->sent = arena_grow(c->arena, c->sent, &c->n_sent, sizeof *c->sent);
    c->sent[at] = (struct sent){
        arena_strdup(c->arena, r->reporter ? r->reporter : ""), when_day(r->begin), r->messages};
    return 0;
}

static int take_day(void *context, const struct store_day_row *r)
{
    const struct collector *c = context;
    struct coverage_day *day = day_of(c, r->day);

    if (day) {
        report_add(&day->messages, r->messages);
        report_add(&day->passed, r->passed);
    }
    return 0;
}

static int by_reporter_and_day(const void *left, const void *right)
{
    const struct sent *a = left;
    const struct sent *b = right;
    int order = strcmp(a->reporter, b->reporter);

    return order ? order : (a->day > b->day) - (a->day < b->day);
}

static void count_report(
    const struct collector *c, struct coverage_reporter *r, const struct sent *one)
{
    bool new_day = one->day != r->last;

    r->last = one->day;
    if (one->day < c->from) {
        r->days_before += new_day;
        return;
    }
    r->days += new_day;
    r->reports++;
    report_add(&r->messages, one->messages);
}

static bool is_missed(const struct coverage_reporter *r)
{
    return r->reports == 0 && r->days_before >= COVERAGE_USUAL_DAYS;
}

static int by_messages(const void *left, const void *right)
{
    const struct coverage_reporter *a = left;
    const struct coverage_reporter *b = right;

    if ((a->reports == 0) != (b->reports == 0))
        return a->reports == 0 ? 1 : -1;
    if (a->messages != b->messages)
        return a->messages > b->messages ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void count_reporters(struct collector *c)
{
    struct coverage *out = c->out;
    struct coverage_reporter *list =
        arena_alloc(c->arena, (c->n_sent + 1) * sizeof *list); /* at most one of each */
    size_t n = 0;
    size_t kept = 0;

    if (c->n_sent)
        qsort(c->sent, c->n_sent, sizeof *c->sent, by_reporter_and_day);
    for (size_t i = 0; i < c->n_sent; i++) {
        const struct sent *one = &c->sent[i];
        if (n == 0 || strcmp(list[n - 1].name, one->reporter) != 0)
            list[n++] = (struct coverage_reporter){.name = one->reporter, .last = INT64_MIN};
        count_report(c, &list[n - 1], one);
    }
    for (size_t i = 0; i < n; i++) {
        if (list[i].reports == 0 && !is_missed(&list[i]))
            continue;
        out->n_silent += list[i].reports == 0;
        list[kept++] = list[i];
    }
    if (kept)
        qsort(list, kept, sizeof *list, by_messages);
    out->reporters = list;
    out->n_reporters = kept;
}

int coverage_build(struct store *s, const struct store_period *p, struct arena *a,
    struct coverage *out, struct err *e)
{
    struct collector c = {.arena = a, .out = out, .from = p->from};
    struct store_period wider = *p;

    *out = (struct coverage){0};
    if (p->to - p->from < COVERAGE_DAYS_MAX) {
        out->n_days = (size_t)(p->to - p->from + 1);
        out->days = arena_alloc(a, out->n_days * sizeof *out->days);
        for (size_t i = 0; i < out->n_days; i++)
            out->days[i].day = p->from + (int64_t)i;
    }
    wider.from = p->from - COVERAGE_BEFORE;
    int rc = store_reports(s, &wider, false, take_report, &c, e);
    if (!rc && out->n_days)
        rc = store_days(s, p, take_day, &c, e);
    if (rc)
        return rc;
    count_reporters(&c);
    for (size_t i = 0; i < out->n_days; i++)
        out->n_empty += out->days[i].reports == 0;
    return 0;
}
