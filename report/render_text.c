/*
 * The report as plain text of 80 columns, to be read in a mail: first the verdict, then the
 * findings with what to do about them (report/text_findings.c), then the numbers.
 */
#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "parse/quirks.h"
#include "report/render.h"
#include "report/text_findings.h"
#include "report/text_lines.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    TOP_REMARKS = 10,
    NAME_COLUMN = 32
};

static void put_heading(const struct client_report *r, struct arena *a, FILE *out)
{
    char from[WHEN_TEXT_MAX];
    char to[WHEN_TEXT_MAX];
    char name[REPORT_PERIOD_MAX];

    when_format_day(r->from, from);
    when_format_day(r->to, to);
    report_period_name(r->from, r->to, name);
    (void)fprintf(out, "DMARC report for %s\n", r->client ? text_safe(a, r->client, 60) : "all");
    if (name[strcspn(name, "W")])
        (void)fprintf(out, "Week %s: ", name);
    (void)fprintf(out, "%s to %s (UTC)\n\n", from, to);
}

static void put_verdict(const struct client_report *r, struct arena *a, FILE *out)
{
    const struct report_totals *t = &r->totals;
    char all[NUMBER_MAX];
    char failed[NUMBER_MAX];
    char passed[NUMBER_MAX];
    const char *line;

    (void)number_grouped(t->messages, all);
    if (t->reports == 0) {
        line = "No reports came in for this period.";
    } else if (t->messages == 0) {
        line = "The reports of this period speak of no messages.";
    } else if (t->dmarc_fail == 0) {
        line = t->messages == 1 ? "The one message passed DMARC."
                                : arena_printf(a, "All messages (%s) passed DMARC.", all);
    } else {
        line = arena_printf(a, "%s of %s %s passed DMARC; %s from %zu %s did not.",
            number_share(t->dmarc_pass, t->messages, passed), all,
            number_plural(t->messages, "message", "messages"),
            number_grouped(t->dmarc_fail, failed), r->n_failing,
            number_plural((int64_t)r->n_failing, "source", "sources"));
    }
    line_wrapped(out, "", line);
}

static void put_count(FILE *out, const char *label, int64_t n, int64_t whole)
{
    char number[NUMBER_MAX];
    char percent[NUMBER_MAX];

    (void)fprintf(out, "  %-24s %14s", label, number_grouped(n, number));
    if (whole > 0)
        (void)fprintf(out, " %10s", number_share(n, whole, percent));
    (void)fputc('\n', out);
}

static void put_totals(const struct client_report *r, FILE *out)
{
    const struct report_totals *t = &r->totals;

    (void)fputs("\nTotals\n", out);
    put_count(out, "Reports", t->reports, 0);
    put_count(out, "Receivers reporting", t->reporters, 0);
    put_count(out, "Messages", t->messages, 0);
    put_count(out, "Passed DMARC", t->dmarc_pass, t->messages);
    put_count(out, "Failed DMARC", t->dmarc_fail, t->messages);
    put_count(out, "DKIM aligned", t->dkim_aligned, t->messages);
    put_count(out, "SPF aligned", t->spf_aligned, t->messages);
    put_count(out, "No action taken", t->actions.none, t->messages);
    put_count(out, "Quarantined", t->actions.quarantine, t->messages);
    put_count(out, "Rejected", t->actions.reject, t->messages);
    if (t->actions.other)
        put_count(out, "Unknown action", t->actions.other, t->messages);
    line_wrapped(
        out, "  ", "A message passes DMARC when DKIM or SPF is aligned: one of the two is enough.");
}

static void put_domain(const struct report_domain *d, struct arena *a, FILE *out)
{
    const struct report_totals *t = &d->totals;
    const char *name = text_safe(a, d->name, 255);
    const char *policy = arena_printf(
        a, "%s%s", d->policy ? text_safe(a, d->policy, 10) : "-", d->policy_changed ? "*" : "");
    char reports[NUMBER_MAX];
    char messages[NUMBER_MAX];
    char passed[NUMBER_MAX];
    char failed[NUMBER_MAX];
    const char *row = arena_printf(a, "%-11s %7s %10s %8s %7s", policy,
        number_grouped(t->reports, reports), number_grouped(t->messages, messages),
        number_share(t->dmarc_pass, t->messages, passed), number_grouped(t->dmarc_fail, failed));
    int width = 2 + line_columns(name, strlen(name));

    if (strlen(row) + NAME_COLUMN + 1 > LINE_COLUMNS) { /* numbers that no table has room for */
        line_wrapped(out, "  ",
            arena_printf(a, "%s %s reports: %s, messages: %s, passed: %s, failed: %s", name, policy,
                reports, messages, passed, failed));
    } else if (width > NAME_COLUMN) { /* a name that has to stand on a line of its own */
        line_wrapped(out, "  ", name);
        (void)fprintf(out, "%*s %s\n", NAME_COLUMN, "", row);
    } else {
        (void)fprintf(out, "  %s%*s %s\n", name, NAME_COLUMN - width, "", row);
    }
}

static void put_domains(const struct client_report *r, struct arena *a, FILE *out)
{
    bool changed = false;

    if (r->n_domains == 0)
        return;
    (void)fprintf(out, "\nDomains\n%*s %-11s %7s %10s %8s %7s\n", NAME_COLUMN, "", "Policy",
        "Reports", "Messages", "Passed", "Failed");
    for (size_t i = 0; i < r->n_domains; i++) {
        put_domain(&r->domains[i], a, out);
        changed = changed || r->domains[i].policy_changed;
    }
    if (changed)
        line_wrapped(out, "  * ", "changed during the period; the latest is shown");
}

static void put_readiness(const struct client_report *r, struct arena *a, FILE *out)
{
    size_t shown = 0;

    for (size_t i = 0; i < r->n_domains; i++) {
        const struct report_domain *d = &r->domains[i];
        if (d->totals.messages == 0)
            continue;
        if (shown++ == 0)
            (void)fputs("\nA stricter policy?\n", out);
        line_wrapped(out, "  - ",
            arena_printf(a, "%s: %s", text_safe(a, d->name, 255),
                readiness_words(a, &d->readiness, d->policy, NULL)));
    }
}

/* ---- reports that need a word ---- */

enum remark_kind {
    REMARK_PARTIAL,
    REMARK_DOUBTFUL,
    REMARK_REPAIRED
};

static enum remark_kind kind_of(const struct report_remark *m)
{
    if (m->partial)
        return REMARK_PARTIAL;
    return m->counts ? REMARK_REPAIRED : REMARK_DOUBTFUL;
}

/* "A,B" in words */
static const char *notes_in_words(const char *codes, struct arena *a)
{
    const char *words = "";

    for (const char *at = codes ? codes : ""; *at;) {
        size_t len = strcspn(at, ",");
        const char *code = arena_strndup(a, at, len);
        const struct quirk *q = quirk_find(code);
        words = arena_printf(
            a, "%s%s%s", words, *words ? "; " : ": ", q ? q->meaning : text_safe(a, code, 80));
        at += len + (at[len] == ',');
    }
    return words;
}

static void put_remarks_of(const struct client_report *r, enum remark_kind kind,
    const char *heading, struct arena *a, FILE *out)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_remarks; i++) {
        const struct report_remark *m = &r->remarks[i];
        char day[WHEN_TEXT_MAX];
        if (kind_of(m) != kind)
            continue;
        if (n == 0)
            (void)fprintf(out, "\n%s\n", heading);
        if (n++ >= TOP_REMARKS)
            continue;
        when_format_day(when_day(m->begin), day);
        line_wrapped(out, "  - ",
            arena_printf(a, "%s on %s, %s%s", text_safe(a, m->reporter, 80),
                text_safe(a, m->domain, 80), day, notes_in_words(m->notes, a)));
    }
    if (n > TOP_REMARKS)
        (void)fprintf(out, "  and %zu more.\n", n - TOP_REMARKS);
}

void render_text(const struct client_report *r, FILE *out)
{
    struct arena *a = arena_new();

    put_heading(r, a, out);
    put_verdict(r, a, out);
    text_first(r, a, out);
    text_findings(r, a, out);
    if (r->totals.reports) {
        put_readiness(r, a, out);
        put_totals(r, out);
        put_domains(r, a, out);
    }
    put_remarks_of(
        r, REMARK_PARTIAL, "Not counted, because they broke off before their end:", a, out);
    put_remarks_of(
        r, REMARK_DOUBTFUL, "Not counted, because it is doubtful who sent them:", a, out);
    put_remarks_of(r, REMARK_REPAIRED, "Counted, after repairs to what was sent:", a, out);
    arena_free(a);
}
