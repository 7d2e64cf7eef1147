#include "report/chart.h"

#include "base/arena.h"
#include "report/sections.h"

#include <inttypes.h>
#include <string.h>

enum {
    /* of the drawing, in its own units */
    CHART_WIDTH = 720,
    CHART_TOP = 14,
    CHART_BARS = 150,  /* height of the highest bar */
    CHART_LEFT = 64,   /* where the scale stands */
    CHART_LABELS = 26, /* room below the bars */
    LABELS_MAX = 10,   /* days that are named below their bar */
    SHARE_HEIGHT = 34,
    DESCRIBED_MAX = 31 /* days in the description */
};

#define FILL(id, ...) PHRASE_FILL(t->arena, t->words, id, __VA_ARGS__)

/* ---- drawing ---- */

static const char *units(const struct tell *t, double n)
{
    return arena_printf(t->arena, "%.2f", n);
}

struct box {
    double x, y, width, height;
};

static void put_box(struct html *h, const struct tell *t, const char *class, struct box b)
{
    html_void(h, "rect", "class", class, "x", units(t, b.x), "y", units(t, b.y), "width",
        units(t, b.width), "height", units(t, b.height), NULL);
}

static void put_label(
    struct html *h, const struct tell *t, const char *class, double x, double y, const char *text)
{
    html_open(h, "text", "class", class, "x", units(t, x), "y", units(t, y), NULL);
    html_text(h, text);
    html_close(h);
}

static void open_drawing(
    struct html *h, const struct tell *t, const char *name, const char *title, int height)
{
    html_open(h, "svg", "viewBox", arena_printf(t->arena, "0 0 %d %d", CHART_WIDTH, height), "role",
        "img", "aria-labelledby", arena_printf(t->arena, "%s-title %s-desc", name, name), NULL);
    html_open(h, "title", "id", arena_printf(t->arena, "%s-title", name), NULL);
    html_text(h, title);
    html_close(h);
    html_open(h, "desc", "id", arena_printf(t->arena, "%s-desc", name), NULL);
}

static void put_key(struct html *h, const char *class, const char *words)
{
    html_open(h, "li", NULL);
    html_element(h, "span", class, "");
    html_text(h, words);
    html_close(h);
}

/* ---- days ---- */

/* The next 2, 4, 6, 8 or 10 with zeros, so that top and middle of the scale can be read. */
static int64_t scale_of(int64_t most)
{
    int64_t step = 2;

    while (step < INT64_MAX / 100 && step * 5 < most)
        step *= 10;
    int64_t top = most / step * step;
    return top < most ? top + step : top;
}

/* 250, 40k, 2M: short, for a scale of such steps. */
static const char *short_number(const struct tell *t, int64_t n)
{
    static const struct {
        int64_t of;
        const char *letter;
    } units_of[] = {{1000000000, "G"}, {1000000, "M"}, {1000, "k"}};

    for (size_t i = 0; i < sizeof units_of / sizeof *units_of; i++) {
        if (n >= units_of[i].of && n % (units_of[i].of / 10) == 0) {
            return n % units_of[i].of == 0
                       ? arena_printf(
                             t->arena, "%" PRId64 "%s", n / units_of[i].of, units_of[i].letter)
                       : arena_printf(t->arena, "%.1f%s", (double)n / (double)units_of[i].of,
                             units_of[i].letter);
        }
    }
    return tell_number(t, n);
}

static const char *day_words(const struct tell *t, const struct coverage_day *d)
{
    const char *day = tell_day(t, d->day);

    if (d->reports == 0)
        return FILL(CHART_EMPTY_DAY, day);
    return FILL(CHART_DAY, day, tell_number(t, d->passed), tell_number(t, d->messages - d->passed));
}

static void describe_days(struct html *h, const struct tell *t)
{
    const struct coverage *c = &t->report->coverage;

    html_text(h, phrase(t->words, PHRASE_CHART_DAYS_DESCRIPTION));
    for (size_t i = 0; i < c->n_days && c->n_days <= DESCRIBED_MAX; i++) {
        html_text(h, " ");
        html_text(h, day_words(t, &c->days[i]));
    }
}

static void put_scale(struct html *h, const struct tell *t, int64_t top)
{
    for (int i = 0; i <= 2; i++) {
        double y = CHART_TOP + CHART_BARS * (2 - i) / 2.0;
        html_void(h, "line", "class", "grid", "x1", units(t, CHART_LEFT), "x2",
            units(t, CHART_WIDTH), "y1", units(t, y), "y2", units(t, y), NULL);
        put_label(h, t, "scale", CHART_LEFT - 8, y + 5, short_number(t, top / 2 * i));
    }
}

static void put_day(struct html *h, const struct tell *t, const struct coverage_day *d, double x,
    double width, int64_t top)
{
    double passed = CHART_BARS * ((double)d->passed / (double)top);
    double failed = CHART_BARS * ((double)(d->messages - d->passed) / (double)top);
    double floor = CHART_TOP + CHART_BARS;

    html_open(h, "g", NULL);
    html_element(h, "title", NULL, day_words(t, d));
    if (d->reports == 0)
        put_box(h, t, "fill-none", (struct box){x, CHART_TOP, width, CHART_BARS});
    if (d->passed)
        put_box(h, t, "fill-pass", (struct box){x, floor - passed, width, passed});
    if (d->messages > d->passed) {
        double height = failed < 1.5 ? 1.5 : failed; /* one failure among thousands is seen, too */
        put_box(h, t, "fill-fail", (struct box){x, floor - passed - height, width, height});
    }
    html_close(h);
}

static void put_days(struct html *h, const struct tell *t, int64_t top)
{
    const struct coverage *c = &t->report->coverage;
    double step = (double)(CHART_WIDTH - CHART_LEFT) / (double)c->n_days;
    size_t every = (c->n_days + LABELS_MAX - 1) / LABELS_MAX;

    for (size_t i = 0; i < c->n_days; i++) {
        double x = CHART_LEFT + step * (double)i;
        put_day(h, t, &c->days[i], x + step * 0.15, step * 0.7, top);
        if (i % every == 0) { /* "2026-11-16" as "11-16" */
            put_label(h, t, "day", x + step / 2, CHART_TOP + CHART_BARS + CHART_LABELS - 4,
                tell_day(t, c->days[i].day) + strlen("2026-"));
        }
    }
}

void chart_days(struct html *h, const struct tell *t)
{
    const struct coverage *c = &t->report->coverage;
    const char *title = phrase(t->words, PHRASE_CHART_DAYS);
    int64_t most = 0;

    for (size_t i = 0; i < c->n_days; i++)
        most = c->days[i].messages > most ? c->days[i].messages : most;
    if (c->n_days < 2 || most == 0)
        return;
    int64_t top = scale_of(most);
    html_open(h, "figure", "class", "days", NULL);
    html_element(h, "figcaption", NULL, title);
    open_drawing(h, t, "days", title, CHART_TOP + CHART_BARS + CHART_LABELS);
    describe_days(h, t);
    html_close(h);
    put_scale(h, t, top);
    put_days(h, t, top);
    html_close(h);
    html_open(h, "ul", "class", "key", NULL);
    put_key(h, "swatch pass", phrase(t->words, PHRASE_LEGEND_PASSED));
    put_key(h, "swatch fail", phrase(t->words, PHRASE_LEGEND_FAILED));
    if (c->n_empty)
        put_key(h, "swatch none", phrase(t->words, PHRASE_LEGEND_NO_REPORT));
    html_close(h);
    html_close(h);
}

/* ---- classes ---- */

/* In the order of the bar: what is well, what can be repaired, what others do, what is abuse. */
static const struct shown_class {
    enum cause_class class;
    const char *fill, *swatch;
} shown_classes[] = {
    {CLASS_OK, "fill-ok", "swatch ok"},
    {CLASS_OK_WEAK, "fill-weak", "swatch weak"},
    {CLASS_FORWARD, "fill-forward", "swatch forward"},
    {CLASS_FORWARD_BROKEN, "fill-broken", "swatch broken"},
    {CLASS_FIX, "fill-fix", "swatch fix"},
    {CLASS_NONCAPABLE, "fill-noncapable", "swatch noncapable"},
    {CLASS_TRANSIENT, "fill-transient", "swatch transient"},
    {CLASS_UNKNOWN, "fill-unknown", "swatch unknown"},
    {CLASS_SPOOF, "fill-spoof", "swatch spoof"},
};

enum {
    SHOWN_CLASSES = sizeof shown_classes / sizeof *shown_classes
};

static const char *class_words(const struct tell *t, enum cause_class class, int64_t n)
{
    return arena_printf(t->arena, "%s: %s (%s)", tell_class(t, class), tell_number(t, n),
        tell_share(t, n, t->report->totals.messages));
}

static void put_shares(struct html *h, const struct tell *t, const int64_t *messages)
{
    double whole = (double)t->report->totals.messages;
    double x = 0;

    for (size_t i = 0; i < SHOWN_CLASSES; i++) {
        int64_t n = messages[shown_classes[i].class];
        double width = CHART_WIDTH * ((double)n / whole);
        if (n == 0)
            continue;
        html_open(h, "g", NULL);
        html_element(h, "title", NULL, class_words(t, shown_classes[i].class, n));
        put_box(
            h, t, shown_classes[i].fill, (struct box){x, 0, width < 2 ? 2 : width, SHARE_HEIGHT});
        html_close(h);
        x += width;
    }
}

void chart_classes(struct html *h, const struct tell *t)
{
    const char *title = phrase(t->words, PHRASE_CHART_CLASSES);
    int64_t messages[CLASS_COUNT] = {0};

    if (t->report->totals.messages == 0)
        return;
    for (size_t i = 0; i < t->report->n_findings; i++) {
        const struct finding *f = &t->report->findings[i];
        report_add(&messages[finding_class(f)], f->messages);
    }
    html_open(h, "figure", "class", "classes", NULL);
    html_element(h, "figcaption", NULL, title);
    open_drawing(h, t, "classes", title, SHARE_HEIGHT);
    for (size_t i = 0; i < SHOWN_CLASSES; i++) {
        int64_t n = messages[shown_classes[i].class];
        if (n)
            html_text(h, arena_printf(t->arena, "%s. ", class_words(t, shown_classes[i].class, n)));
    }
    html_close(h);
    put_shares(h, t, messages);
    html_close(h);
    html_open(h, "ul", "class", "key", NULL);
    for (size_t i = 0; i < SHOWN_CLASSES; i++) {
        int64_t n = messages[shown_classes[i].class];
        if (n)
            put_key(h, shown_classes[i].swatch, class_words(t, shown_classes[i].class, n));
    }
    html_close(h);
    html_close(h);
}
