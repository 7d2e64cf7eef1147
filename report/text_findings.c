#include "report/text_findings.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "report/text_lines.h"

#include <inttypes.h>
#include <string.h>

enum {
    TOP_ENTRIES = 20 /* of a section; the rest is counted */
};

/* What stands together under a heading. */
struct section {
    const char *heading;
    const char *note; /* below it, or NULL */
    bool (*holds)(const struct finding *f);
    bool brief; /* one line each: nothing is to be done */
};

static enum cause_class class_of(const struct finding *f)
{
    return causes[f->cause].class;
}

static bool is_open(const struct finding *f, enum cause_class class)
{
    return f->status == FINDING_OPEN && class_of(f) == class;
}

static bool is_broken(const struct finding *f)
{
    return class_of(f) == CLASS_FORWARD_BROKEN;
}

static bool is_abuse(const struct finding *f)
{
    return class_of(f) == CLASS_SPOOF;
}

static bool is_unknown(const struct finding *f)
{
    return class_of(f) == CLASS_UNKNOWN;
}

static bool is_transient(const struct finding *f)
{
    return class_of(f) == CLASS_TRANSIENT;
}

static bool to_fix(const struct finding *f)
{
    return is_open(f, CLASS_FIX) || is_open(f, CLASS_NONCAPABLE);
}

static bool weak(const struct finding *f)
{
    return is_open(f, CLASS_OK_WEAK);
}

static bool broken(const struct finding *f)
{
    return is_open(f, CLASS_FORWARD_BROKEN);
}

static bool forwarded(const struct finding *f)
{
    return is_open(f, CLASS_FORWARD) && !f->large;
}

/* So much is hardly ever forwarded. */
static bool perhaps_own(const struct finding *f)
{
    return is_open(f, CLASS_FORWARD) && f->large;
}

static bool spoofed(const struct finding *f)
{
    return is_open(f, CLASS_SPOOF);
}

static bool unknown(const struct finding *f)
{
    return is_open(f, CLASS_UNKNOWN);
}

static bool transient(const struct finding *f)
{
    return is_open(f, CLASS_TRANSIENT);
}

static bool minor(const struct finding *f)
{
    return f->status == FINDING_MINOR;
}

static bool quiet(const struct finding *f)
{
    return f->status == FINDING_QUIET;
}

static bool resolved(const struct finding *f)
{
    return f->status == FINDING_RESOLVED;
}

static const struct section sections[] = {
    {"To fix", NULL, to_fix, false},
    {"Passing, but weak", NULL, weak, false},
    {"Yours, or forwarded?",
        "It passes by DKIM. So large a part of the mail is hardly ever forwarded: ask whether it is "
        "a gateway or a mail service of yours.",
        perhaps_own, false},
    {"Broken on the way by forwarders and lists",
        "Nobody forged these, and nothing is wrong at the sender.", broken, false},
    {"Abuse of the name", "Nothing of this is yours, and nothing is to be published for it.",
        spoofed, false},
    {"Unknown senders", NULL, unknown, false},
    {"Trouble of the moment", NULL, transient, false},
    {"Forwarded, and still passing", "Nothing to do.", forwarded, true},
    {"Too few for advice", "Less than 3 messages, on one day.", minor, true},
    {"Not seen this time", NULL, quiet, true},
    {"Resolved: not seen for 14 days or more", NULL, resolved, true},
};

/* ---- one finding ---- */

static const char *count_of(const char *words, int64_t n, struct arena *a, const char *list)
{
    char number[NUMBER_MAX];

    if (n == 0)
        return list;
    return arena_printf(a, "%s%s%s %s", list, *list ? ", " : "", number_grouped(n, number), words);
}

/* Whose mail it was is certain only when the signature is the owner's. */
static const char *lost_of(const struct finding *f, struct arena *a)
{
    char n[NUMBER_MAX];
    const char *messages = number_plural(f->lost, "message", "messages");

    if (f->lost == 0)
        return "";
    (void)number_grouped(f->lost, n);
    if (class_of(f) == CLASS_FORWARD_BROKEN)
        return arena_printf(a, " Real mail was lost: %s %s.", n, messages);
    return arena_printf(a, " If it is yours, real mail was lost: %s %s.", n, messages);
}

static const char *outcome_of(
    const struct client_report *r, const struct finding *f, struct arena *a)
{
    char messages[NUMBER_MAX];
    char percent[NUMBER_MAX];
    const char *did = count_of("failed DMARC", f->failed, a, "");

    did = count_of("quarantined", f->actions.quarantine, a, did);
    did = count_of("rejected", f->actions.reject, a, did);
    did = count_of("with an unknown action", f->actions.other, a, did);
    if (!*did)
        did = "all passed DMARC";
    return arena_printf(a, "%s %s (%s of all): %s.%s", number_grouped(f->messages, messages),
        number_plural(f->messages, "message", "messages"),
        number_share(f->messages, r->totals.messages, percent), did, lost_of(f, a));
}

static const char *hosts_of(const struct finding *f, struct arena *a)
{
    const char *list = "";
    char n[NUMBER_MAX];

    for (size_t i = 0; i < f->n_examples; i++) {
        char ip[ADDR_TEXT_MAX];
        addr_format(&f->examples[i].ip, ip);
        list = arena_printf(a, "%s%s%s (%s)", list, i ? ", " : "", *ip ? ip : "not reported",
            number_grouped(f->examples[i].messages, n));
    }
    return list;
}

static const char *seen_of(const struct finding *f, struct arena *a)
{
    char first[WHEN_TEXT_MAX];
    char last[WHEN_TEXT_MAX];
    char hosts[NUMBER_MAX];
    bool one_day = when_day(f->first) == when_day(f->last);

    when_format_day(when_day(f->first), first);
    when_format_day(when_day(f->last), last);
    const char *when = one_day ? arena_printf(a, "Seen on %s", first)
                               : arena_printf(a, "Seen since %s, last on %s", first, last);
    return arena_printf(a, "%s; by %" PRId64 " %s, from %s %s: %s.", when, f->reporters,
        number_plural(f->reporters, "receiver", "receivers"), number_grouped(f->hosts, hosts),
        number_plural(f->hosts, "host", "hosts"), hosts_of(f, a));
}

/* What was said about an earlier entry is not said again. */
struct said {
    const char *reasons[TOP_ENTRIES];
    const char *remedies[TOP_ENTRIES];
    size_t numbers[TOP_ENTRIES];
    size_t n;
};

static void put_explanation(
    const struct finding *f, size_t number, struct said *said, struct arena *a, FILE *out)
{
    const char *reason = words_reason(a, f->cause, &f->evidence);
    const char *remedy = words_remedy(a, f->cause, &f->evidence);

    for (size_t i = 0; i < said->n; i++) {
        if (strcmp(said->reasons[i], reason) == 0 && strcmp(said->remedies[i], remedy) == 0) {
            line_wrapped(
                out, "     ", arena_printf(a, "Why and what next: see %zu.", said->numbers[i]));
            return;
        }
    }
    said->reasons[said->n] = reason;
    said->remedies[said->n] = remedy;
    said->numbers[said->n++] = number;
    line_wrapped(out, "     Why:  ", reason);
    line_wrapped(out, "     Next: ", remedy);
}

static void put_finding(const struct client_report *r, const struct finding *f, size_t number,
    struct said *said, struct arena *a, FILE *out)
{
    const char *reading = finding_reading(a, f);

    (void)fputc('\n', out);
    line_wrapped(out, arena_printf(a, "%3zu. ", number), finding_title(a, f));
    line_wrapped(out, "     ", outcome_of(r, f, a));
    line_wrapped(out, "     ", seen_of(f, a));
    if (*reading)
        line_wrapped(out, "     ", reading);
    put_explanation(f, number, said, a, out);
}

static void put_brief(const struct finding *f, struct arena *a, FILE *out)
{
    char last[WHEN_TEXT_MAX];
    char n[NUMBER_MAX];
    const char *end;

    when_format_day(when_day(f->last), last);
    if (f->messages) {
        end = arena_printf(a, "%s %s", number_grouped(f->messages, n),
            number_plural(f->messages, "message", "messages"));
    } else {
        end = arena_printf(a, "last seen %s", last);
    }
    line_wrapped(out, "  - ",
        arena_printf(a, "%s: %s (%s)", finding_title(a, f), end, cause_name(f->cause)));
}

/* ---- sections ---- */

/* Numbers go through all sections; returns the next one. */
static size_t put_section(const struct client_report *r, const struct section *s, size_t number,
    struct arena *a, FILE *out)
{
    struct said said = {.n = 0};
    size_t n = 0;
    int64_t rest = 0;
    char messages[NUMBER_MAX];

    for (size_t i = 0; i < r->n_findings; i++) {
        const struct finding *f = &r->findings[i];
        if (!s->holds(f))
            continue;
        if (n == 0) {
            (void)fprintf(out, "\n%s\n", s->heading);
            if (s->note)
                line_wrapped(out, "  ", s->note);
        }
        if (++n > TOP_ENTRIES) {
            report_add(&rest, f->messages);
        } else if (s->brief) {
            put_brief(f, a, out);
        } else {
            put_finding(r, f, number++, &said, a, out);
        }
    }
    if (n > TOP_ENTRIES) {
        (void)fprintf(out, "%s  and %zu more, with %s %s.\n", s->brief ? "" : "\n", n - TOP_ENTRIES,
            number_grouped(rest, messages), number_plural(rest, "message", "messages"));
    }
    return number;
}

void text_findings(const struct client_report *r, struct arena *a, FILE *out)
{
    size_t number = 1;

    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        number = put_section(r, &sections[i], number, a, out);
}

/* What the failed messages are, in one line. */
static void put_kinds(const struct client_report *r, struct arena *a, FILE *out)
{
    static const struct {
        const char *words;
        bool (*holds)(const struct finding *f);
    } kinds[] = {
        {"to fix", to_fix},
        {"broken on the way", is_broken},
        {"abuse of the name", is_abuse},
        {"of unknown senders", is_unknown},
        {"trouble of the moment", is_transient},
        {"too few for advice", minor},
    };

    const char *list = "";

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        int64_t failed = 0;
        for (size_t i = 0; i < r->n_findings; i++) {
            if (kinds[k].holds(&r->findings[i]))
                report_add(&failed, r->findings[i].failed);
        }
        list = count_of(kinds[k].words, failed, a, list);
    }
    if (*list)
        line_wrapped(out, "", arena_printf(a, "Of those that failed: %s.", list));
}

void text_first(const struct client_report *r, struct arena *a, FILE *out)
{
    const struct finding *first = NULL;
    int64_t lost = 0;
    char n[NUMBER_MAX];

    for (size_t i = 0; i < r->n_findings; i++) {
        const struct finding *f = &r->findings[i];
        if (!first && to_fix(f))
            first = f;
        if (broken(f))
            report_add(&lost, f->lost);
    }
    if (r->totals.messages == 0)
        return;
    put_kinds(r, a, out);
    if (first) {
        line_wrapped(out, "",
            arena_printf(a, "Do first: 1. %s (%s %s failed).", finding_title(a, first),
                number_grouped(first->failed, n),
                number_plural(first->failed, "message", "messages")));
    } else {
        line_wrapped(out, "", "Nothing has to be fixed.");
    }
    if (lost) {
        line_wrapped(out, "",
            arena_printf(a,
                "Lost on the way: %s forwarded %s, rejected or quarantined because others changed "
                "%s.",
                number_grouped(lost, n), number_plural(lost, "message", "messages"),
                lost == 1 ? "it" : "them"));
    }
}
