/*
 * The report as plain text of 80 columns, to be read in a mail: first the verdict, then the
 * numbers, then what failed and what to do about it.
 */
#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "parse/quirks.h"
#include "report/render.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    COLUMNS = 80,
    TOP_SOURCES = 20,
    TOP_HOSTS = 3, /* of a group that are named */
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

/* Rounded, but "100.0 %" and "0.0 %" are said only when they are exact. */
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
    if (rounded == 0 && part > 0) {
        (void)snprintf(out, NUMBER_MAX, "<0.1 %%");
        return out;
    }
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

/* As much of a text as goes into so many columns: its bytes. */
static size_t bytes_for(const char *s, size_t len, int columns)
{
    size_t n = 0;

    while (n < len && (columns > 0 || ((unsigned char)s[n] & 0xC0) == 0x80)) {
        columns -= ((unsigned char)s[n] & 0xC0) != 0x80;
        n++;
    }
    return n;
}

/* Where the next word of a text goes. */
struct paragraph {
    FILE *out;
    int indent, column;
};

static void put_word(struct paragraph *p, const char *word, size_t len, bool first)
{
    int width = columns_of(word, len);

    if (!first && p->column + 1 + width > COLUMNS) {
        (void)fprintf(p->out, "\n%*s", p->indent, "");
        p->column = p->indent;
    } else if (!first) {
        (void)fputc(' ', p->out);
        p->column++;
    }
    /* a domain name may be longer than a line */
    while (p->column + width > COLUMNS) {
        size_t part = bytes_for(word, len, COLUMNS - p->column);
        (void)fwrite(word, 1, part, p->out);
        (void)fprintf(p->out, "\n%*s", p->indent, "");
        p->column = p->indent;
        word += part;
        len -= part;
        width = columns_of(word, len);
    }
    (void)fwrite(word, 1, len, p->out);
    p->column += width;
}

/* Words, broken into lines; `label` stands in front of the first, as many spaces before the rest.
 */
static void put_wrapped(FILE *out, const char *label, const char *text)
{
    int indent = columns_of(label, strlen(label));
    struct paragraph p = {.out = out, .indent = indent, .column = indent};

    (void)fputs(label, out);
    for (bool first = true; *text; first = false) {
        size_t len = strcspn(text, " ");
        put_word(&p, text, len, first);
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

static const char *plural(int64_t n, const char *one, const char *many)
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
        line = t->messages == 1 ? "The one message passed DMARC."
                                : arena_printf(a, "All messages (%s) passed DMARC.", all);
    } else {
        line = arena_printf(a, "%s of %s %s passed DMARC; %s from %zu %s did not.",
            share(t->dmarc_pass, t->messages, passed), all,
            plural(t->messages, "message", "messages"), grouped(t->dmarc_fail, failed),
            r->n_failing, plural((int64_t)r->n_failing, "source", "sources"));
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
    put_count(out, "No action taken", t->actions.none, t->messages);
    put_count(out, "Quarantined", t->actions.quarantine, t->messages);
    put_count(out, "Rejected", t->actions.reject, t->messages);
    if (t->actions.other)
        put_count(out, "Unknown action", t->actions.other, t->messages);
    put_wrapped(
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
        grouped(t->reports, reports), grouped(t->messages, messages),
        share(t->dmarc_pass, t->messages, passed), grouped(t->dmarc_fail, failed));
    int width = 2 + columns_of(name, strlen(name));

    if (strlen(row) + NAME_COLUMN + 1 > COLUMNS) { /* numbers that no table has room for */
        put_wrapped(out, "  ",
            arena_printf(a, "%s %s reports: %s, messages: %s, passed: %s, failed: %s", name, policy,
                reports, messages, passed, failed));
    } else if (width > NAME_COLUMN) { /* a name that has to stand on a line of its own */
        put_wrapped(out, "  ", name);
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
        put_wrapped(out, "  * ", "changed during the period; the latest is shown");
}

static const char *list_actions(const struct report_actions *did, struct arena *a)
{
    const struct {
        const char *before, *behind;
        int64_t n;
    } actions[] = {
        {"no action on ", "", did->none},
        {"", " quarantined", did->quarantine},
        {"", " rejected", did->reject},
        {"unknown action on ", "", did->other},
    };

    const char *list = "";

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        char n[NUMBER_MAX];
        if (actions[i].n) {
            list = arena_printf(a, "%s%s%s%s%s", list, *list ? ", " : "", actions[i].before,
                grouped(actions[i].n, n), actions[i].behind);
        }
    }
    return list;
}

/* ---- failing sources ----
 *
 * What the client can do something about comes first. Hosts that nobody knows, of the same cause,
 * are one entry: a list of strangers helps no one.
 */

enum rank {
    RANK_REPAIRABLE,
    RANK_NAMED,
    RANK_UNKNOWN
};

struct entry {
    const struct report_source **sources; /* most failed messages first */
    size_t n;
    enum rank rank;
    int64_t failed, messages;
    struct report_actions actions;
};

static bool is_unknown(const struct report_source *s)
{
    return !cause_has_identity(&s->sender) && !cause_has_identity(&s->evidence);
}

static enum rank rank_of(const struct report_source *s)
{
    if (cause_is_repairable(s->cause, &s->evidence))
        return RANK_REPAIRABLE;
    return is_unknown(s) ? RANK_UNKNOWN : RANK_NAMED;
}

static int compare_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

/* Do the same sentences fit? */
static int compare_evidence(enum cause_id cause, const struct evidence *a, const struct evidence *b)
{
    int order = compare_text(a->domain, b->domain);

    if (!order)
        order = (int)a->overruled - (int)b->overruled;
    if (order || cause == CAUSE_UNAUTHENTICATED)
        return order;
    order = compare_text(a->spf, b->spf);
    if (!order)
        order = compare_text(a->spf_result, b->spf_result);
    if (!order)
        order = compare_text(a->own_dkim, b->own_dkim);
    if (!order)
        order = compare_text(a->own_dkim_result, b->own_dkim_result);
    return order ? order : compare_text(a->own_dkim_selector, b->own_dkim_selector);
}

/* Members of one group compare as equal; a source with an identity is a group of its own. */
static int compare_groups(const struct report_source *a, const struct report_source *b)
{
    int order = (int)is_unknown(a) - (int)is_unknown(b);

    if (order)
        return order;
    if (!is_unknown(a))
        return a < b ? -1 : a > b;
    order = (int)a->cause - (int)b->cause;
    if (!order)
        order = compare_text(a->domain, b->domain);
    return order ? order : compare_evidence(a->cause, &a->evidence, &b->evidence);
}

static int by_group(const void *left, const void *right)
{
    const struct report_source *a = *(const struct report_source *const *)left;
    const struct report_source *b = *(const struct report_source *const *)right;
    int order = compare_groups(a, b);

    return order ? order : (a < b ? -1 : a > b); /* they are in order of failed messages */
}

static int by_use(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;

    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->failed != b->failed)
        return a->failed > b->failed ? -1 : 1;
    return a->sources[0] < b->sources[0] ? -1 : 1;
}

static void add_to_entry(struct entry *to, const struct report_source *s)
{
    to->n++;
    report_add(&to->failed, report_source_failed(s));
    report_add(&to->messages, s->messages);
    report_add(&to->actions.none, s->actions.none);
    report_add(&to->actions.quarantine, s->actions.quarantine);
    report_add(&to->actions.reject, s->actions.reject);
    report_add(&to->actions.other, s->actions.other);
}

static size_t make_entries(const struct client_report *r, struct arena *a, struct entry **out)
{
    const struct report_source **sorted = arena_alloc(a, r->n_failing * sizeof(void *));
    struct entry *entries = arena_alloc(a, r->n_failing * sizeof *entries);
    size_t n = 0;

    for (size_t i = 0; i < r->n_failing; i++)
        sorted[i] = &r->sources[i];
    qsort(sorted, r->n_failing, sizeof(void *), by_group);
    for (size_t i = 0; i < r->n_failing; i++) {
        if (i == 0 || compare_groups(sorted[i - 1], sorted[i]) != 0)
            entries[n++] = (struct entry){.sources = &sorted[i], .rank = rank_of(sorted[i])};
        add_to_entry(&entries[n - 1], sorted[i]);
    }
    qsort(entries, n, sizeof *entries, by_use);
    *out = entries;
    return n;
}

/* What was said about an earlier entry is not said again. */
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

static const char *address_of(const struct report_source *s, struct arena *a)
{
    char ip[ADDR_TEXT_MAX];

    addr_format(&s->ip, ip);
    return s->ip.len ? arena_strdup(a, ip) : "address not reported";
}

static const char *list_hosts(const struct entry *of, struct arena *a)
{
    const char *list = "";
    char n[NUMBER_MAX];

    for (size_t i = 0; i < of->n && i < TOP_HOSTS; i++) {
        list = arena_printf(a, "%s%s%s (%s)", list, i ? ", " : "", address_of(of->sources[i], a),
            grouped(of->sources[i]->messages, n));
    }
    return list;
}

static const char *title_of(const struct entry *of, struct arena *a)
{
    const struct report_source *s = of->sources[0];
    const char *domain = text_safe(a, s->domain, 255);
    char hosts[NUMBER_MAX];
    char messages[NUMBER_MAX];

    if (of->n == 1) {
        return arena_printf(
            a, "%s (%s) as %s", address_of(s, a), cause_identity(a, &s->sender), domain);
    }
    return arena_printf(a, "%s unknown hosts as %s, %s messages%s %s",
        grouped((int64_t)of->n, hosts), domain, grouped(of->messages, messages),
        of->n > TOP_HOSTS ? ": the largest" : ":", list_hosts(of, a));
}

static const char *outcome_of(const struct entry *of, struct arena *a)
{
    char failed[NUMBER_MAX];
    char all[NUMBER_MAX];

    (void)grouped(of->messages, all);
    return arena_printf(a, "%s of %s %s failed; %s%s%s%s", grouped(of->failed, failed), all,
        plural(of->messages, "message", "messages"), of->failed < of->messages ? "of all " : "",
        of->failed < of->messages ? all : "", of->failed < of->messages ? ": " : "",
        list_actions(&of->actions, a));
}

static void put_entry(
    size_t at, const struct entry *of, struct said *said, struct arena *a, FILE *out)
{
    const struct report_source *s = of->sources[0];

    (void)fputc('\n', out);
    put_wrapped(out, arena_printf(a, "%3zu. ", at + 1), title_of(of, a));
    put_wrapped(out, "     ", outcome_of(of, a));
    if (of->n == 1)
        put_wrapped(out, "     ", cause_results(a, &s->evidence));
    put_explanation(at, s, said, a, out);
}

static void put_sources(const struct client_report *r, struct arena *a, FILE *out)
{
    struct entry *entries;
    struct said said;
    size_t sources = 0;
    int64_t rest = 0;
    char failed[NUMBER_MAX];

    if (r->n_failing == 0)
        return;
    size_t n = make_entries(r, a, &entries);
    (void)fputs("\nSources whose messages failed\n", out);
    for (size_t i = 0; i < n && i < TOP_SOURCES; i++)
        put_entry(i, &entries[i], &said, a, out);
    for (size_t i = TOP_SOURCES; i < n; i++) {
        sources += entries[i].n;
        report_add(&rest, entries[i].failed);
    }
    if (sources) {
        (void)fprintf(out, "\n  and %zu more %s with %s failed %s.\n", sources,
            plural((int64_t)sources, "source", "sources"), grouped(rest, failed),
            plural(rest, "message", "messages"));
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
        put_wrapped(out, "  - ",
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
    if (r->totals.reports) {
        put_totals(r, out);
        put_domains(r, a, out);
        put_sources(r, a, out);
    }
    put_remarks_of(
        r, REMARK_PARTIAL, "Not counted, because they broke off before their end:", a, out);
    put_remarks_of(
        r, REMARK_DOUBTFUL, "Not counted, because it is doubtful who sent them:", a, out);
    put_remarks_of(r, REMARK_REPAIRED, "Counted, after repairs to what was sent:", a, out);
    arena_free(a);
}
