/*
 * The report as plain text of 80 columns, to be read in a mail: first the verdict, what to do, and
 * what changed; then the findings; then what stands around them. The words are those of
 * report/tell.h.
 */
#include "base/arena.h"
#include "base/text.h"
#include "report/render.h"
#include "report/sections.h"
#include "report/tell.h"
#include "report/text_lines.h"

#include <string.h>

enum {
    NAME_COLUMN = 32,
    REPORTERS_SHOWN = 10
};

#define FILL(id, ...) PHRASE_FILL(t->arena, t->words, id, __VA_ARGS__)

static void put_heading(const struct tell *t, enum phrase_id heading, FILE *out)
{
    (void)fputc('\n', out);
    line_wrapped(out, "", phrase(t->words, heading));
}

static void put_lines(const char *label, struct lines l, FILE *out)
{
    for (size_t i = 0; i < l.n; i++)
        line_wrapped(out, label, l.list[i]);
}

/* ---- the first screen ---- */

static void put_steps(const struct tell *t, FILE *out)
{
    struct steps s = tell_steps(t);

    put_heading(t, PHRASE_DO_FIRST, out);
    if (s.n == 0)
        line_wrapped(out, "  ", phrase(t->words, PHRASE_DO_NOTHING));
    for (size_t i = 0; i < s.n; i++) {
        const struct step *one = &s.list[i];
        line_wrapped(out, one->number ? arena_printf(t->arena, "%3zu. ", one->number) : "  -  ",
            arena_printf(t->arena, "%s: %s", one->who, one->what));
    }
    if (s.more)
        line_wrapped(out, "     ", FILL(STEPS_MORE, tell_number(t, (int64_t)s.more)));
}

static void put_first_screen(const struct tell *t, FILE *out)
{
    const struct look *look = &t->report->look;

    line_wrapped(out, "", tell_title(t));
    line_wrapped(out, "", tell_period(t));
    if (look->provider)
        line_wrapped(out, "", FILL(BY_PROVIDER, text_safe(t->arena, look->provider, LINE_COLUMNS)));
    (void)fputc('\n', out);
    line_wrapped(out, "", tell_verdict(t));
    put_lines("", tell_numbers(t), out);
    if (t->report->totals.messages)
        put_steps(t, out);
    if (t->report->totals.reports && t->report->changes) {
        (void)fputc('\n', out);
        line_wrapped(out, "", tell_changes_heading(t));
        put_lines("  - ", tell_changes(t), out);
    }
}

/* ---- findings ---- */

/* What was said about an earlier entry is not said again. */
struct said {
    const char *reasons[SECTION_ENTRIES];
    const char *remedies[SECTION_ENTRIES];
    size_t numbers[SECTION_ENTRIES];
    size_t n;
};

static void put_explanation(
    const struct tell *t, const struct finding *f, size_t number, struct said *said, FILE *out)
{
    const char *reason = tell_reason(t, f);
    const char *remedy = tell_remedy(t, f);

    for (size_t i = 0; i < said->n; i++) {
        if (strcmp(said->reasons[i], reason) == 0 && strcmp(said->remedies[i], remedy) == 0) {
            line_wrapped(out, "     ", FILL(SEE_ABOVE, tell_number(t, (int64_t)said->numbers[i])));
            return;
        }
    }
    said->reasons[said->n] = reason;
    said->remedies[said->n] = remedy;
    said->numbers[said->n++] = number;
    const char *why = phrase(t->words, PHRASE_WHY);
    const char *next = phrase(t->words, PHRASE_NEXT);
    int wider = line_columns(why, strlen(why));
    int other = line_columns(next, strlen(next));
    int width = (wider > other ? wider : other) + 1;
    line_wrapped(out, arena_printf(t->arena, "     %s%*s", why, width - wider, ""), reason);
    line_wrapped(out, arena_printf(t->arena, "     %s%*s", next, width - other, ""), remedy);
}

static void put_finding(
    const struct tell *t, const struct finding *f, size_t number, struct said *said, FILE *out)
{
    const char *reading = tell_reading(t, f);

    (void)fputc('\n', out);
    line_wrapped(out, arena_printf(t->arena, "%3zu. ", number), tell_who(t, f));
    line_wrapped(out, "     ", tell_outcome(t, f));
    line_wrapped(out, "     ", tell_seen(t, f));
    if (*reading)
        line_wrapped(out, "     ", reading);
    put_explanation(t, f, number, said, out);
}

/* Numbers go through all sections; returns the next one. */
static size_t put_section(const struct tell *t, const struct section *s, size_t number, FILE *out)
{
    struct said said = {.n = 0};
    size_t n = 0;
    int64_t rest = 0;

    for (size_t i = 0; i < t->report->n_findings; i++) {
        const struct finding *f = &t->report->findings[i];
        if (!s->holds(f))
            continue;
        if (n == 0) {
            put_heading(t, s->heading, out);
            if (s->note != PHRASE_COUNT)
                line_wrapped(out, "  ", phrase(t->words, s->note));
        }
        if (++n > SECTION_ENTRIES) {
            report_add(&rest, f->messages);
        } else if (s->brief) {
            line_wrapped(out, "  - ", tell_brief(t, f));
        } else {
            put_finding(t, f, number++, &said, out);
        }
    }
    if (n > SECTION_ENTRIES) {
        line_wrapped(out, s->brief ? "  " : "\n  ",
            FILL(SECTION_MORE, tell_number(t, (int64_t)(n - SECTION_ENTRIES)),
                tell_messages(t, rest)));
    }
    return number;
}

static void put_findings(const struct tell *t, FILE *out)
{
    size_t number = 1;

    for (size_t i = 0; i < SECTION_COUNT; i++)
        number = put_section(t, &sections[i], number, out);
}

/* ---- numbers ---- */

static void put_count(
    const struct tell *t, enum phrase_id label, int64_t n, int64_t whole, FILE *out)
{
    const char *words = phrase(t->words, label);
    int width = line_columns(words, strlen(words));

    (void)fprintf(out, "  %s%*s %14s", words, width < 24 ? 24 - width : 0, "", tell_number(t, n));
    if (whole > 0)
        (void)fprintf(out, " %10s", tell_share(t, n, whole));
    (void)fputc('\n', out);
}

static void put_totals(const struct tell *t, FILE *out)
{
    const struct report_totals *n = &t->report->totals;

    put_heading(t, PHRASE_TOTALS, out);
    put_count(t, PHRASE_TOTAL_REPORTS, n->reports, 0, out);
    put_count(t, PHRASE_TOTAL_RECEIVERS, n->reporters, 0, out);
    put_count(t, PHRASE_TOTAL_MESSAGES, n->messages, 0, out);
    put_count(t, PHRASE_TOTAL_PASSED, n->dmarc_pass, n->messages, out);
    put_count(t, PHRASE_TOTAL_FAILED, n->dmarc_fail, n->messages, out);
    put_count(t, PHRASE_TOTAL_DKIM, n->dkim_aligned, n->messages, out);
    put_count(t, PHRASE_TOTAL_SPF, n->spf_aligned, n->messages, out);
    put_count(t, PHRASE_TOTAL_NONE, n->actions.none, n->messages, out);
    put_count(t, PHRASE_TOTAL_QUARANTINED, n->actions.quarantine, n->messages, out);
    put_count(t, PHRASE_TOTAL_REJECTED, n->actions.reject, n->messages, out);
    if (n->actions.other)
        put_count(t, PHRASE_TOTAL_OTHER, n->actions.other, n->messages, out);
    line_wrapped(out, "  ", phrase(t->words, PHRASE_TOTALS_NOTE));
}

static void put_domain(const struct tell *t, const struct report_domain *d, FILE *out)
{
    struct arena *a = t->arena;
    const struct report_totals *n = &d->totals;
    const char *name = text_safe(a, d->name, 255);
    const char *policy = arena_printf(
        a, "%s%s", d->policy ? text_safe(a, d->policy, 10) : "-", d->policy_changed ? "*" : "");
    const char *reports = tell_number(t, n->reports);
    const char *messages = tell_number(t, n->messages);
    const char *passed = tell_share(t, n->dmarc_pass, n->messages);
    const char *failed = tell_number(t, n->dmarc_fail);
    const char *row =
        arena_printf(a, "%-11s %7s %10s %8s %7s", policy, reports, messages, passed, failed);
    int width = 2 + line_columns(name, strlen(name));

    if (strlen(row) + NAME_COLUMN + 1 > LINE_COLUMNS) { /* numbers that no table has room for */
        line_wrapped(out, "  ", FILL(DOMAIN_ROW, name, policy, reports, messages, passed, failed));
    } else if (width > NAME_COLUMN) { /* a name that has to stand on a line of its own */
        line_wrapped(out, "  ", name);
        (void)fprintf(out, "%*s %s\n", NAME_COLUMN, "", row);
    } else {
        (void)fprintf(out, "  %s%*s %s\n", name, NAME_COLUMN - width, "", row);
    }
}

/* Of a table's heading, in another language too. */
static void put_column(const struct tell *t, enum phrase_id heading, int width, FILE *out)
{
    const char *words = phrase(t->words, heading);
    int columns = line_columns(words, strlen(words));
    int space = (width < 0 ? -width : width) - columns;

    (void)fprintf(out, " %*s%s%*s", width > 0 && space > 0 ? space : 0, "", words,
        width < 0 && space > 0 ? space : 0, "");
}

static void put_domains(const struct tell *t, FILE *out)
{
    const struct client_report *r = t->report;
    bool changed = false;

    if (r->n_domains == 0)
        return;
    put_heading(t, PHRASE_DOMAINS, out);
    (void)fprintf(out, "%*s", NAME_COLUMN, "");
    put_column(t, PHRASE_POLICY, -11, out);
    put_column(t, PHRASE_COLUMN_REPORTS, 7, out);
    put_column(t, PHRASE_COLUMN_MESSAGES, 10, out);
    put_column(t, PHRASE_COLUMN_PASSED, 8, out);
    put_column(t, PHRASE_COLUMN_FAILED, 7, out);
    (void)fputc('\n', out);
    for (size_t i = 0; i < r->n_domains; i++) {
        put_domain(t, &r->domains[i], out);
        changed = changed || r->domains[i].policy_changed;
    }
    if (changed)
        line_wrapped(out, "  * ", phrase(t->words, PHRASE_POLICY_CHANGED));
}

/* ---- what stands around it ---- */

static void put_list(const struct tell *t, enum phrase_id heading, struct lines l, FILE *out)
{
    if (l.n == 0)
        return;
    put_heading(t, heading, out);
    put_lines("  - ", l, out);
}

static void put_reporters(const struct tell *t, FILE *out)
{
    const struct coverage *c = &t->report->coverage;
    size_t n = c->n_reporters - c->n_silent;
    int64_t rest = 0;

    for (size_t i = 0; i < n; i++) {
        const struct coverage_reporter *r = &c->reporters[i];
        if (i >= REPORTERS_SHOWN) {
            report_add(&rest, r->messages);
            continue;
        }
        line_wrapped(out, "    ",
            arena_printf(t->arena, "%s: %s, %s, %s", text_safe(t->arena, r->name, 60),
                tell_count(t, r->reports, PHRASE_REPORT, PHRASE_REPORTS),
                tell_count(t, r->days, PHRASE_DAY, PHRASE_DAYS), tell_messages(t, r->messages)));
    }
    if (n > REPORTERS_SHOWN) {
        line_wrapped(out, "    ",
            FILL(REPORTERS_MORE, tell_number(t, (int64_t)(n - REPORTERS_SHOWN)),
                tell_messages(t, rest)));
    }
}

static void put_coverage(const struct tell *t, FILE *out)
{
    put_list(t, PHRASE_COVERAGE, tell_coverage(t), out);
    put_reporters(t, out);
}

static void put_remarks(const struct tell *t, FILE *out)
{
    for (unsigned kind = 0; kind < REMARK_COUNT; kind++) {
        struct lines l = tell_remarks(t, (enum remark_kind)kind);
        if (l.n == 0)
            continue;
        (void)fputc('\n', out);
        line_wrapped(out, "", tell_remarks_heading(t, (enum remark_kind)kind));
        put_lines("  - ", l, out);
    }
}

void render_text(const struct client_report *r, FILE *out)
{
    struct tell whole = {.report = r, .words = r->look.phrases, .arena = arena_new()};
    const struct tell *t = &whole;

    put_first_screen(t, out);
    put_list(t, PHRASE_PUBLISHED, tell_published(t), out);
    if (r->totals.reports) {
        put_domains(t, out);
        put_list(t, PHRASE_STRICTER, tell_readiness(t), out);
    }
    put_findings(t, out);
    put_list(t, PHRASE_TLS, tell_tls(t), out);
    put_list(t, PHRASE_FAILURES, tell_failures(t), out);
    if (r->totals.reports)
        put_totals(t, out);
    put_coverage(t, out);
    put_remarks(t, out);
    put_list(t, PHRASE_GLOSSARY, tell_glossary(t), out);
    (void)fputc('\n', out);
    line_wrapped(out, "", tell_footnote(t));
    line_wrapped(out, "", phrase(t->words, PHRASE_FOOT_CODES));
    arena_free(t->arena);
}
