/*
 * The report as plain text of 80 columns, to be read in a mail: first the verdict, then the
 * numbers, then what failed and what to do about it.
 */
#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "report/render.h"

#include <inttypes.h>
#include <string.h>

enum {
    COLUMNS = 80,
    TOP_SOURCES = 20,
    TOP_REMARKS = 10,
    NUMBER_MAX = 32,
    NAME_COLUMN = 32
};

/* 1234567 as 1,234,567 */
static const char *grouped(int64_t n, char out[NUMBER_MAX])
{
    char digits[NUMBER_MAX];
    int len = snprintf(digits, sizeof digits, "%" PRId64, n);
    char *to = out;

    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0 && digits[i - 1] != '-')
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return out;
}

/* Rounded so that "100.0 %" and "0.0 %" are said only when they are exact. */
static const char *share(int64_t part, int64_t whole, char out[NUMBER_MAX])
{
    double tenths = whole > 0 ? (double)part * 1000.0 / (double)whole : 0.0;
    int64_t rounded = (int64_t)(tenths + 0.5);

    if (whole <= 0) {
        (void)snprintf(out, NUMBER_MAX, "-");
        return out;
    }
    if (rounded == 1000 && part < whole)
        rounded = 999;
    if (rounded == 0 && part > 0)
        rounded = 1;
    (void)snprintf(out, NUMBER_MAX, "%" PRId64 ".%" PRId64 " %%", rounded / 10, rounded % 10);
    return out;
}

/* Columns that a UTF-8 text takes, near enough: its characters. */
static int columns_of(const char *s, size_t len)
{
    int n = 0;

    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)s[i] & 0xC0) != 0x80;
    return n;
}

/* Words, broken into lines; `label` stands in front of the first, as many spaces before the rest.
 */
static void put_wrapped(FILE *out, const char *label, const char *text)
{
    int indent = columns_of(label, strlen(label));
    int column = indent;

    (void)fputs(label, out);
    for (bool first = true; *text; first = false) {
        size_t len = strcspn(text, " ");
        int width = columns_of(text, len);
        if (!first && column + 1 + width > COLUMNS) {
            (void)fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (!first) {
            (void)fputc(' ', out);
            column++;
        }
        (void)fwrite(text, 1, len, out);
        column += width;
        text += len + strspn(text + len, " ");
    }
    (void)fputc('\n', out);
}

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

static const char *plural(size_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

static void put_verdict(const struct client_report *r, struct arena *a, FILE *out)
{
    const struct report_totals *t = &r->totals;
    char all[NUMBER_MAX];
    char failed[NUMBER_MAX];
    char passed[NUMBER_MAX];
    const char *line;

    (void)grouped(t->messages, all);
    if (t->reports == 0) {
        line = "No reports came in for this period.";
    } else if (t->messages == 0) {
        line = "The reports of this period speak of no messages.";
    } else if (t->dmarc_fail == 0) {
        line = arena_printf(a, "All messages (%s) passed DMARC.", all);
    } else {
        line = arena_printf(a, "%s of %s messages passed DMARC; %s from %zu %s did not.",
            share(t->dmarc_pass, t->messages, passed), all, grouped(t->dmarc_fail, failed),
            r->n_failing, plural(r->n_failing, "source", "sources"));
    }
    put_wrapped(out, "", line);
}

static void put_count(FILE *out, const char *label, int64_t n, int64_t whole)
{
    char number[NUMBER_MAX];
    char percent[NUMBER_MAX];

    (void)fprintf(out, "  %-24s %14s", label, grouped(n, number));
    if (whole > 0)
        (void)fprintf(out, " %10s", share(n, whole, percent));
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
    put_count(out, "Delivered (no action)", t->actions.none, t->messages);
    put_count(out, "Quarantined", t->actions.quarantine, t->messages);
    put_count(out, "Rejected", t->actions.reject, t->messages);
    if (t->actions.other)
        put_count(out, "Unknown action", t->actions.other, t->messages);
}

static void put_domains(const struct client_report *r, struct arena *a, FILE *out)
{
    if (r->n_domains == 0)
        return;
    (void)fprintf(out, "\nDomains\n  %-*s %-10s %7s %11s %8s %7s\n", NAME_COLUMN - 2, "", "Policy",
        "Reports", "Messages", "Passed", "Failed");
    for (size_t i = 0; i < r->n_domains; i++) {
        const struct report_domain *d = &r->domains[i];
        const struct report_totals *t = &d->totals;
        const char *name = text_safe(a, d->name, 255);
        char reports[NUMBER_MAX];
        char messages[NUMBER_MAX];
        char passed[NUMBER_MAX];
        char failed[NUMBER_MAX];
        int width = columns_of(name, strlen(name));
        /* a name too long for its column gets a line of its own */
        bool alone = width > NAME_COLUMN - 2;
        (void)fprintf(out, "  %s%s%*s %-10s %7s %11s %8s %7s\n", name, alone ? "\n  " : "",
            alone ? NAME_COLUMN - 2 : NAME_COLUMN - 2 - width, "",
            d->policy ? text_safe(a, d->policy, 10) : "-", grouped(t->reports, reports),
            grouped(t->messages, messages), share(t->dmarc_pass, t->messages, passed),
            grouped(t->dmarc_fail, failed));
    }
}

static const char *list_actions(const struct report_actions *did, struct arena *a)
{
    const struct {
        const char *what;
        int64_t n;
    } actions[] = {
        {"delivered", did->none},
        {"quarantined", did->quarantine},
        {"rejected", did->reject},
        {"with unknown action", did->other},
    };

    const char *list = "";

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        char n[NUMBER_MAX];
        if (actions[i].n) {
            list = arena_printf(
                a, "%s%s%s %s", list, *list ? ", " : "", grouped(actions[i].n, n), actions[i].what);
        }
    }
    return list;
}

/* What was said about an earlier source is not said again. */
struct said {
    const char *reasons[TOP_SOURCES];
    const char *remedies[TOP_SOURCES];
};

static void put_explanation(
    size_t rank, const struct report_source *s, struct said *said, struct arena *a, FILE *out)
{
    const char *reason = cause_reason(a, s->cause, &s->evidence);
    const char *remedy = cause_remedy(a, s->cause, &s->evidence);

    said->reasons[rank] = reason;
    said->remedies[rank] = remedy;
    for (size_t i = 0; i < rank; i++) {
        if (strcmp(said->reasons[i], reason) == 0 && strcmp(said->remedies[i], remedy) == 0) {
            put_wrapped(out, "     ", arena_printf(a, "Why and what next: see %zu.", i + 1));
            return;
        }
    }
    put_wrapped(out, "     Why:  ", reason);
    put_wrapped(out, "     Next: ", remedy);
}

static void put_source(
    size_t rank, const struct report_source *s, struct said *said, struct arena *a, FILE *out)
{
    char ip[ADDR_TEXT_MAX];
    char failed[NUMBER_MAX];
    char all[NUMBER_MAX];

    addr_format(&s->ip, ip);
    (void)fputc('\n', out);
    put_wrapped(out, arena_printf(a, "%3zu. ", rank + 1),
        arena_printf(a, "%s (%s) as %s", s->ip.len ? ip : "address not reported",
            cause_identity(a, &s->sender), text_safe(a, s->domain, 255)));
    put_wrapped(out, "     ",
        arena_printf(a, "%s of %s messages failed; in all %s",
            grouped(report_source_failed(s), failed), grouped(s->messages, all),
            list_actions(&s->actions, a)));
    put_wrapped(out, "     ", cause_results(a, &s->evidence));
    put_explanation(rank, s, said, a, out);
}

static void put_sources(const struct client_report *r, struct arena *a, FILE *out)
{
    size_t shown = r->n_failing < TOP_SOURCES ? r->n_failing : TOP_SOURCES;
    struct said said;
    int64_t rest = 0;
    char failed[NUMBER_MAX];

    if (r->n_failing == 0)
        return;
    (void)fputs("\nSources whose messages failed\n", out);
    for (size_t i = 0; i < shown; i++)
        put_source(i, &r->sources[i], &said, a, out);
    if (shown == r->n_failing)
        return;
    for (size_t i = shown; i < r->n_failing; i++)
        rest += report_source_failed(&r->sources[i]);
    (void)fprintf(out, "\n  and %zu more %s with %s failed messages.\n", r->n_failing - shown,
        plural(r->n_failing - shown, "source", "sources"), grouped(rest, failed));
}

static void put_remarks_of(
    const struct client_report *r, bool partial, const char *heading, struct arena *a, FILE *out)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_remarks; i++) {
        const struct report_remark *m = &r->remarks[i];
        char day[WHEN_TEXT_MAX];
        if (m->partial != partial)
            continue;
        if (n == 0)
            (void)fprintf(out, "\n%s\n", heading);
        if (n++ >= TOP_REMARKS)
            continue;
        when_format_day(when_day(m->begin), day);
        put_wrapped(out, "  - ",
            arena_printf(a, "%s on %s, %s%s%s", text_safe(a, m->reporter, 80),
                text_safe(a, m->domain, 80), day, m->notes && *m->notes ? ": " : "",
                text_safe(a, m->notes, 200)));
    }
    if (n > TOP_REMARKS)
        (void)fprintf(out, "  and %zu more.\n", n - TOP_REMARKS);
}

void render_text(const struct client_report *r, FILE *out)
{
    struct arena *a = arena_new();

    put_heading(r, a, out);
    put_verdict(r, a, out);
    if (r->totals.reports) {
        put_totals(r, out);
        put_domains(r, a, out);
        put_sources(r, a, out);
    }
    put_remarks_of(r, true, "Not counted, because they broke off before their end:", a, out);
    put_remarks_of(r, false, "Counted, after repairs to what was sent:", a, out);
    arena_free(a);
}
