/*
 * The tables of the HTML report. On narrow screens a row becomes a small list
 * (report/data/report.css), for which each cell bears the name of its column; the roles keep it a
 * table for who listens.
 */
#include "base/arena.h"
#include "base/text.h"
#include "report/render_html.h"
#include "report/sections.h"

enum {
    NAME_SHOWN = 255,
    SOURCES_SHOWN = 25,
    REPORTERS_SHOWN = 25,
    COLUMNS_MAX = 6,
    NARROW_COLUMNS = 4 /* so many have room on a phone */
};

#define FILL(id, ...) PHRASE_FILL(t->arena, t->words, id, __VA_ARGS__)

struct column {
    enum phrase_id heading;
    const char *class; /* "n": a number; NULL: text */
};

struct columns {
    struct column list[COLUMNS_MAX];
    size_t n;
};

static void open_table(
    struct html *h, const struct tell *t, const char *caption, const struct columns *c)
{
    html_open(h, "table", "class", c->n > NARROW_COLUMNS ? "wide" : NULL, "role", "table", NULL);
    html_element(h, "caption", NULL, caption);
    html_open(h, "thead", "role", "rowgroup", NULL);
    html_open(h, "tr", "role", "row", NULL);
    for (size_t i = 0; i < c->n; i++) {
        html_open(h, "th", "scope", "col", "role", "columnheader", "class", c->list[i].class, NULL);
        html_text(h, phrase(t->words, c->list[i].heading));
        html_close(h);
    }
    html_close(h);
    html_close(h);
    html_open(h, "tbody", "role", "rowgroup", NULL);
}

static void close_table(struct html *h)
{
    html_close(h);
    html_close(h);
}

/* The first cell names the row. */
static void put_row(
    struct html *h, const struct tell *t, const struct columns *c, const char *const *cells)
{
    html_open(h, "tr", "role", "row", NULL);
    html_open(h, "th", "scope", "row", "role", "rowheader", NULL);
    html_text(h, cells[0]);
    html_close(h);
    for (size_t i = 1; i < c->n; i++) {
        html_open(h, "td", "role", "cell", "class", c->list[i].class, "data-label",
            phrase(t->words, c->list[i].heading), NULL);
        html_element(h, "span", NULL, cells[i]);
        html_close(h);
    }
    html_close(h);
}

static void put_heading(struct html *h, const struct tell *t, enum phrase_id heading)
{
    html_element(h, "h2", NULL, phrase(t->words, heading));
}

void html_domains(struct html *h, const struct tell *t)
{
    static const struct columns columns = {
        {{PHRASE_DOMAIN, NULL}, {PHRASE_POLICY, NULL}, {PHRASE_COLUMN_REPORTS, "n"},
            {PHRASE_COLUMN_MESSAGES, "n"}, {PHRASE_COLUMN_PASSED, "n"},
            {PHRASE_COLUMN_FAILED, "n"}},
        6};
    const struct client_report *r = t->report;
    bool changed = false;

    if (r->n_domains == 0)
        return;
    html_open(h, "section", "id", "domains", NULL);
    put_heading(h, t, PHRASE_DOMAINS);
    open_table(h, t, phrase(t->words, PHRASE_TOTALS_NOTE), &columns);
    for (size_t i = 0; i < r->n_domains; i++) {
        const struct report_domain *d = &r->domains[i];
        const struct report_totals *n = &d->totals;
        const char *cells[] = {text_safe(t->arena, d->name, NAME_SHOWN),
            arena_printf(t->arena, "%s%s", d->policy ? text_safe(t->arena, d->policy, 20) : "-",
                d->policy_changed ? " *" : ""),
            tell_number(t, n->reports), tell_number(t, n->messages),
            tell_share(t, n->dmarc_pass, n->messages), tell_number(t, n->dmarc_fail)};
        put_row(h, t, &columns, cells);
        changed = changed || d->policy_changed;
    }
    close_table(h);
    if (changed) {
        html_element(h, "p", "note",
            arena_printf(t->arena, "* %s", phrase(t->words, PHRASE_POLICY_CHANGED)));
    }
    html_close(h);
}

/* Abuse comes from everywhere: its hosts are counted, not listed. */
static bool is_listed(const struct report_source *s)
{
    return causes[s->all.cause].class != CLASS_SPOOF;
}

static void put_source(
    struct html *h, const struct tell *t, const struct columns *c, const struct report_source *s)
{
    const struct evidence v = tell_evidence(t, &s->all.evidence);
    const char *who = words_identity(t->arena, &v);
    char ip[ADDR_TEXT_MAX];

    addr_format(&s->ip, ip);
    if (t->report->n_domains > 1)
        who = FILL(WHO_AS, who, text_safe(t->arena, s->domain, NAME_SHOWN));
    const char *cells[] = {*ip ? ip : phrase(t->words, PHRASE_NOT_REPORTED), who,
        arena_printf(t->arena, "%s (%s)", tell_class(t, causes[s->all.cause].class),
            cause_name(s->all.cause)),
        tell_number(t, s->all.messages), tell_number(t, report_source_failed(s))};
    put_row(h, t, c, cells);
}

void html_sources(struct html *h, const struct tell *t)
{
    static const struct columns columns = {
        {{PHRASE_COLUMN_SOURCE, NULL}, {PHRASE_COLUMN_SENDER, NULL}, {PHRASE_COLUMN_KIND, NULL},
            {PHRASE_COLUMN_MESSAGES, "n"}, {PHRASE_COLUMN_FAILED, "n"}},
        5};
    const struct client_report *r = t->report;
    size_t listed = 0;
    size_t shown = 0;

    for (size_t i = 0; i < r->n_failing; i++)
        listed += is_listed(&r->sources[i]);
    if (listed == 0)
        return;
    html_open(h, "section", "id", "sources", NULL);
    put_heading(h, t, PHRASE_FAILING_SOURCES);
    open_table(h, t,
        FILL(FAILING_SOURCES_SOME,
            tell_number(t, (int64_t)(listed < SOURCES_SHOWN ? listed : SOURCES_SHOWN)),
            tell_number(t, (int64_t)listed)),
        &columns);
    for (size_t i = 0; i < r->n_failing && shown < SOURCES_SHOWN; i++) {
        if (is_listed(&r->sources[i])) {
            put_source(h, t, &columns, &r->sources[i]);
            shown++;
        }
    }
    close_table(h);
    html_close(h);
}

void html_totals(struct html *h, const struct tell *t)
{
    static const struct columns columns = {
        {{PHRASE_COLUMN_RESULT, NULL}, {PHRASE_COLUMN_MESSAGES, "n"}, {PHRASE_COLUMN_SHARE, "n"}},
        3};
    const struct report_totals *n = &t->report->totals;

    const struct {
        enum phrase_id label;
        int64_t n;
    } rows[] = {
        {PHRASE_TOTAL_PASSED, n->dmarc_pass},
        {PHRASE_TOTAL_FAILED, n->dmarc_fail},
        {PHRASE_TOTAL_DKIM, n->dkim_aligned},
        {PHRASE_TOTAL_SPF, n->spf_aligned},
        {PHRASE_TOTAL_NONE, n->actions.none},
        {PHRASE_TOTAL_QUARANTINED, n->actions.quarantine},
        {PHRASE_TOTAL_REJECTED, n->actions.reject},
        {PHRASE_TOTAL_OTHER, n->actions.other},
    };

    html_open(h, "section", "id", "totals", NULL);
    put_heading(h, t, PHRASE_TOTALS);
    open_table(h, t, tell_messages(t, n->messages), &columns);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *cells[] = {phrase(t->words, rows[i].label), tell_number(t, rows[i].n),
            tell_share(t, rows[i].n, n->messages)};
        if (rows[i].n || rows[i].label != PHRASE_TOTAL_OTHER)
            put_row(h, t, &columns, cells);
    }
    close_table(h);
    html_close(h);
}

void html_reporters(struct html *h, const struct tell *t)
{
    static const struct columns columns = {
        {{PHRASE_COLUMN_REPORTER, NULL}, {PHRASE_COLUMN_REPORTS, "n"}, {PHRASE_COLUMN_DAYS, "n"},
            {PHRASE_COLUMN_MESSAGES, "n"}},
        4};
    const struct coverage *c = &t->report->coverage;
    struct lines l = tell_coverage(t);
    size_t n = c->n_reporters - c->n_silent;
    int64_t rest = 0;

    if (l.n == 0)
        return;
    html_open(h, "section", "id", "coverage", NULL);
    put_heading(h, t, PHRASE_COVERAGE);
    html_lines(h, "plain", l);
    if (n)
        open_table(h, t, phrase(t->words, PHRASE_COVERAGE_TABLE), &columns);
    for (size_t i = 0; i < n; i++) {
        const struct coverage_reporter *r = &c->reporters[i];
        const char *cells[] = {text_safe(t->arena, r->name, NAME_SHOWN), tell_number(t, r->reports),
            tell_number(t, r->days), tell_number(t, r->messages)};
        if (i < REPORTERS_SHOWN) {
            put_row(h, t, &columns, cells);
        } else {
            report_add(&rest, r->messages);
        }
    }
    if (n)
        close_table(h);
    if (n > REPORTERS_SHOWN) {
        html_element(h, "p", "note",
            FILL(REPORTERS_MORE, tell_number(t, (int64_t)(n - REPORTERS_SHOWN)),
                tell_messages(t, rest)));
    }
    html_close(h);
}
