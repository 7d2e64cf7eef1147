/*
 * The first screen: verdict, numbers, what to do, what changed; and the small words.
 */
#include "report/tell.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "report/sections.h"
#include "report/text_lines.h"

#include <string.h>

enum {
    NAME_SHOWN = 100,
    CHANGES_SHOWN = 4 /* of each kind */
};

#define FILL(id, ...) PHRASE_FILL(t->arena, t->words, id, __VA_ARGS__)

/* ---- small words ---- */

const char *tell_day(const struct tell *t, int64_t day)
{
    char text[WHEN_TEXT_MAX];

    when_format_day(day, text);
    return arena_strdup(t->arena, text);
}

const char *tell_number(const struct tell *t, int64_t n)
{
    char text[NUMBER_MAX];

    return arena_strdup(t->arena, number_grouped(n, text));
}

const char *tell_share(const struct tell *t, int64_t part, int64_t whole)
{
    char text[NUMBER_MAX];

    return arena_strdup(t->arena, number_share(part, whole, text));
}

const char *tell_count(const struct tell *t, int64_t n, enum phrase_id one, enum phrase_id many)
{
    const char *number = tell_number(t, n);

    return phrase_fill(t->arena, t->words, n == 1 ? one : many, &number, 1);
}

const char *tell_messages(const struct tell *t, int64_t n)
{
    return tell_count(t, n, PHRASE_MESSAGE, PHRASE_MESSAGES);
}

void lines_add(const struct tell *t, struct lines *l, const char *line)
{
    l->list = arena_grow(t->arena, l->list, &l->n, sizeof *l->list);
    l->list[l->n - 1] = line;
}

struct evidence tell_evidence(const struct tell *t, const struct evidence *v)
{
    struct evidence own = *v;

    own.phrases = t->words;
    return own;
}

/* Of a client with one domain everything is as that one. */
static const char *tell_as(const struct tell *t, const char *who, const char *domain)
{
    return t->report->n_domains == 1 ? who
                                     : FILL(WHO_AS, who, text_safe(t->arena, domain, NAME_SHOWN));
}

const char *tell_who(const struct tell *t, const struct finding *f)
{
    struct finding own = *f;

    own.evidence.phrases = t->words;
    return tell_as(t, finding_who(t->arena, &own), f->domain);
}

/* ---- the heading ---- */

const char *tell_title(const struct tell *t)
{
    if (!t->report->client)
        return phrase(t->words, PHRASE_TITLE_ALL);
    return FILL(TITLE, text_safe(t->arena, t->report->client, NAME_SHOWN));
}

const char *tell_period(const struct tell *t)
{
    char name[REPORT_PERIOD_MAX];
    const char *from = tell_day(t, t->report->from);
    const char *to = tell_day(t, t->report->to);

    report_period_name(t->report->from, t->report->to, name);
    if (strchr(name, '_'))
        return FILL(PERIOD_DAYS, from, to);
    return strchr(name, 'W') ? FILL(PERIOD_WEEK, name, from, to)
                             : FILL(PERIOD_MONTH, name, from, to);
}

/* ---- the verdict ---- */

/* What the open findings add up to. */
struct sums {
    int64_t fix, lost;            /* messages: failed, and of them lost */
    int64_t broken_lost, unknown; /* messages */
    size_t n_fix, n_weak;
};

static struct sums add_up(const struct client_report *r)
{
    struct sums s = {0};

    for (size_t i = 0; i < r->n_findings; i++) {
        const struct finding *f = &r->findings[i];
        if (finding_is_to_fix(f)) {
            s.n_fix++;
            report_add(&s.fix, f->failed);
            report_add(&s.lost, f->lost);
        } else if (f->status == FINDING_OPEN && finding_class(f) == CLASS_FORWARD_BROKEN) {
            report_add(&s.broken_lost, f->lost);
        } else if (finding_is_unknown(f)) {
            report_add(&s.unknown, f->failed);
        }
        s.n_weak += finding_is_weak(f);
    }
    return s;
}

enum tone tell_tone(const struct tell *t)
{
    const struct report_totals *n = &t->report->totals;
    struct sums s = add_up(t->report);

    if (n->messages == 0)
        return TONE_NONE;
    if (s.n_fix)
        return TONE_ACT;
    return s.unknown || s.n_weak ? TONE_LOOK : TONE_GOOD;
}

const char *tell_verdict(const struct tell *t)
{
    const struct report_totals *n = &t->report->totals;
    struct sums s = add_up(t->report);

    if (n->reports == 0)
        return phrase(t->words, PHRASE_VERDICT_NO_REPORTS);
    if (n->messages == 0)
        return phrase(t->words, PHRASE_VERDICT_NO_MESSAGES);
    if (s.lost)
        return FILL(VERDICT_LOST, tell_messages(t, s.lost));
    if (s.n_fix)
        return FILL(VERDICT_FIX, tell_messages(t, s.fix));
    if (s.unknown)
        return FILL(VERDICT_LOOK, tell_messages(t, s.unknown));
    if (s.n_weak)
        return phrase(t->words, PHRASE_VERDICT_WEAK);
    return phrase(t->words, n->dmarc_fail ? PHRASE_VERDICT_OTHERS : PHRASE_VERDICT_GOOD);
}

static bool is_broken(const struct finding *f)
{
    return finding_class(f) == CLASS_FORWARD_BROKEN;
}

static bool is_abuse(const struct finding *f)
{
    return finding_class(f) == CLASS_SPOOF;
}

static bool is_unknown(const struct finding *f)
{
    return finding_class(f) == CLASS_UNKNOWN;
}

static bool is_transient(const struct finding *f)
{
    return finding_class(f) == CLASS_TRANSIENT;
}

static bool is_minor(const struct finding *f)
{
    return f->status == FINDING_MINOR;
}

/* What the failed messages are, in one line; "" when none failed. */
static const char *kinds_of(const struct tell *t)
{
    static const struct {
        enum phrase_id words;
        bool (*holds)(const struct finding *f);
    } kinds[] = {
        {PHRASE_KIND_FIX, finding_is_to_fix},
        {PHRASE_KIND_BROKEN, is_broken},
        {PHRASE_KIND_ABUSE, is_abuse},
        {PHRASE_KIND_UNKNOWN, is_unknown},
        {PHRASE_KIND_TRANSIENT, is_transient},
        {PHRASE_KIND_MINOR, is_minor},
    };

    const char *list = "";

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        int64_t failed = 0;
        for (size_t i = 0; i < t->report->n_findings; i++) {
            const struct finding *f = &t->report->findings[i];
            if (kinds[k].holds(f))
                report_add(&failed, f->failed);
        }
        if (failed == 0)
            continue;
        const char *number = tell_number(t, failed);
        list = arena_printf(t->arena, "%s%s%s", list, *list ? ", " : "",
            phrase_fill(t->arena, t->words, kinds[k].words, &number, 1));
    }
    return list;
}

struct lines tell_numbers(const struct tell *t)
{
    const struct report_totals *n = &t->report->totals;
    struct sums s = add_up(t->report);
    struct lines l = {0};

    if (n->reports == 0)
        lines_add(t, &l, phrase(t->words, PHRASE_NO_REPORTS_NEXT));
    if (n->messages == 0)
        return l;
    if (n->dmarc_fail == 0) {
        lines_add(t, &l,
            n->messages == 1 ? phrase(t->words, PHRASE_PASSED_ONE)
                             : FILL(PASSED_ALL, tell_number(t, n->messages)));
        return l;
    }
    lines_add(t, &l,
        FILL(PASSED_SOME, tell_share(t, n->dmarc_pass, n->messages), tell_messages(t, n->messages),
            tell_number(t, n->dmarc_fail),
            tell_count(t, (int64_t)t->report->n_failing, PHRASE_SOURCE, PHRASE_SOURCES)));
    const char *kinds = kinds_of(t);
    if (*kinds)
        lines_add(t, &l, FILL(KINDS, kinds));
    if (s.broken_lost)
        lines_add(t, &l, FILL(LOST_ON_THE_WAY, tell_messages(t, s.broken_lost)));
    return l;
}

/* ---- what to do first ---- */

/* Up to the end of its first sentence. */
static const char *first_sentence(struct arena *a, const char *text)
{
    const char *end = strstr(text, ". ");

    return end ? arena_strndup(a, text, (size_t)(end - text) + 1) : text;
}

static struct step step_of(const struct tell *t, const struct finding *f, size_t number)
{
    const char *remedy = first_sentence(t->arena, tell_remedy(t, f));

    return (struct step){
        .who = tell_who(t, f),
        .what = finding_is_weak(f) ? FILL(STEP_WEAK, tell_messages(t, f->messages), remedy)
                                   : FILL(STEP, tell_messages(t, f->failed), remedy),
        .number = number,
        .anchor = arena_printf(t->arena, "f%zu", number),
    };
}

static void add_step(struct steps *s, struct step one)
{
    if (s->n == STEPS_MAX) {
        s->more++;
    } else {
        s->list[s->n++] = one;
    }
}

/* Who has nothing to repair can go on. */
static void add_ready(const struct tell *t, struct steps *s)
{
    for (size_t i = 0; i < t->report->n_domains; i++) {
        const struct report_domain *d = &t->report->domains[i];
        const char *next = readiness_next(d->policy);
        if (!next || d->totals.messages == 0 || !readiness_ready(&d->readiness))
            continue;
        const char *name = text_safe(t->arena, d->name, NAME_SHOWN);
        const char *verdict = readiness_words(t->arena, t->words, &d->readiness, d->policy, NULL);
        add_step(s, (struct step){name, FILL(STEP_READY, next, name, verdict), 0, "stricter"});
    }
}

struct steps tell_steps(const struct tell *t)
{
    bool weak = tell_tone(t) != TONE_ACT; /* what passes can wait until the rest is done */
    struct steps s = {.n = 0};
    size_t number = 0;
    const struct step look = {phrase(t->words, PHRASE_STEP_UNKNOWN_WHO),
        FILL(STEP_UNKNOWN, tell_messages(t, add_up(t->report).unknown)), 0, "unknown"};
    bool unknown = add_up(t->report).unknown > 0;

    if (weak && unknown) /* what failed comes before what passed */
        add_step(&s, look);
    for (size_t i = 0; i < t->report->n_findings; i++) {
        const struct finding *f = &t->report->findings[i];
        if (weak ? finding_is_weak(f) : finding_is_to_fix(f))
            add_step(&s, step_of(t, f, ++number));
    }
    if (!weak && unknown && s.n < STEPS_MAX)
        add_step(&s, look);
    if (weak)
        add_ready(t, &s);
    return s;
}

/* ---- what changed ---- */

const char *tell_changes_heading(const struct tell *t)
{
    const struct client_report *r = t->report;
    char name[REPORT_PERIOD_MAX];

    report_period_name(r->from, r->to, name);
    if (strchr(name, 'W'))
        return phrase(t->words, PHRASE_CHANGED_WEEK);
    if (!strchr(name, '_'))
        return phrase(t->words, PHRASE_CHANGED_MONTH);
    return FILL(CHANGED_DAYS, tell_count(t, r->to - r->from + 1, PHRASE_DAY, PHRASE_DAYS));
}

static const char *changed_finding(const struct tell *t, const struct changed_finding *c)
{
    const char *title = tell_who(t, c->finding);
    const char *now = tell_messages(t, c->failed_now);
    const char *before = tell_number(t, c->failed_before);

    switch (c->change) {
    case CHANGE_NEW:
        return c->failed_now ? FILL(CHANGED_NEW, title, now) : FILL(CHANGED_NEW_PASSING, title);
    case CHANGE_WORSE:
        return FILL(CHANGED_WORSE, title, now, before);
    case CHANGE_BETTER:
        return FILL(CHANGED_BETTER, title, now, before);
    case CHANGE_GONE:
        return FILL(CHANGED_GONE, title);
    case CHANGE_RESOLVED:
        return FILL(CHANGED_RESOLVED, title);
    case CHANGE_COUNT:
        break;
    }
    return "";
}

static void tell_more(const struct tell *t, struct lines *l, size_t all)
{
    if (all > CHANGES_SHOWN)
        lines_add(t, l, FILL(CHANGED_MORE, tell_number(t, (int64_t)(all - CHANGES_SHOWN))));
}

static void tell_changed_findings(const struct tell *t, const struct changes *c, struct lines *l)
{
    for (unsigned kind = 0; kind < CHANGE_COUNT; kind++) {
        size_t n = 0;
        for (size_t i = 0; i < c->n_findings; i++) {
            if (c->findings[i].change == (enum finding_change)kind && n++ < CHANGES_SHOWN)
                lines_add(t, l, changed_finding(t, &c->findings[i]));
        }
        tell_more(t, l, n);
    }
}

static const char *who_of(const struct tell *t, const struct changed_source *s)
{
    const struct evidence v = tell_evidence(t, &s->largest->all.evidence);
    const char *who = words_identity(t->arena, &v);
    char ip[ADDR_TEXT_MAX];

    if (v.sender || v.label || !s->largest->ip.len)
        return who;
    addr_format(&s->largest->ip, ip);
    return arena_printf(t->arena, "%s (%s)", ip, who);
}

/* A new sender that is a new finding, too, was told of already. */
static bool is_told(const struct changes *c, const struct changed_source *s)
{
    for (size_t i = 0; i < c->n_findings; i++) {
        const struct finding *f = c->findings[i].finding;
        if (f->cause == s->largest->all.cause && strcmp(f->domain, s->domain) == 0 &&
            f->evidence.sender == s->largest->all.evidence.sender &&
            f->evidence.label == s->largest->all.evidence.label)
            return true;
    }
    return false;
}

static void tell_changed_sources(const struct tell *t, const struct changes *c,
    const struct changed_source *list, size_t n, bool gone, struct lines *l)
{
    size_t shown = 0;

    for (size_t i = 0; i < n; i++) {
        if (is_told(c, &list[i]) || shown++ >= CHANGES_SHOWN)
            continue;
        const char *who = tell_as(t, who_of(t, &list[i]), list[i].domain);
        const char *messages = tell_messages(t, list[i].messages);
        lines_add(t, l,
            gone ? FILL(CHANGED_GONE_SOURCE, who, messages)
                 : FILL(CHANGED_NEW_SOURCE, who, messages));
    }
    tell_more(t, l, shown);
}

struct lines tell_changes(const struct tell *t)
{
    const struct changes *c = t->report->changes;
    const struct report_totals *n = &t->report->totals;
    struct lines l = {0};

    if (!c || !c->comparable) {
        lines_add(t, &l, phrase(t->words, PHRASE_NOT_COMPARABLE));
        return l;
    }
    for (size_t i = 0; i < c->n_policies; i++) {
        const struct changed_policy *p = &c->policies[i];
        lines_add(t, &l,
            FILL(CHANGED_POLICY, text_safe(t->arena, p->domain, NAME_SHOWN), p->tag,
                text_safe(t->arena, p->now, NAME_SHOWN),
                text_safe(t->arena, p->before, NAME_SHOWN)));
    }
    tell_changed_findings(t, c, &l);
    tell_changed_sources(t, c, c->new_sources, c->n_new_sources, false, &l);
    tell_changed_sources(t, c, c->gone_sources, c->n_gone_sources, true, &l);
    if (l.n == 0)
        lines_add(t, &l, phrase(t->words, PHRASE_CHANGED_NOTHING));
    lines_add(t, &l,
        FILL(CHANGED_NUMBERS, tell_share(t, n->dmarc_pass, n->messages),
            tell_share(t, c->passed_before, c->messages_before), tell_messages(t, n->messages),
            tell_number(t, c->messages_before)));
    return l;
}
