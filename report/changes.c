#include "report/changes.h"

#include "base/arena.h"
#include "report/history.h"

#include <stdlib.h>
#include <string.h>

const char *finding_change_name(enum finding_change c)
{
    static const char *const names[] = {"new", "worse", "better", "gone", "resolved"};

    return names[c];
}

/* ---- findings ---- */

static int by_names(const void *left, const void *right)
{
    const struct finding *a = *(const struct finding *const *)left;
    const struct finding *b = *(const struct finding *const *)right;
    int order = (int)a->cause - (int)b->cause;

    if (!order)
        order = strcmp(a->domain, b->domain);
    if (!order)
        order = strcmp(a->source, b->source);
    return order ? order : strcmp(a->key, b->key);
}

/* The findings of a report, to be found by what they are of. */
struct index {
    const struct finding **list;
    size_t n;
};

static struct index index_of(struct arena *a, const struct client_report *r)
{
    struct index x = {
        arena_alloc(a, (r->n_findings + 1) * sizeof(struct finding *)), r->n_findings};

    for (size_t i = 0; i < x.n; i++)
        x.list[i] = &r->findings[i];
    if (x.n)
        qsort(x.list, x.n, sizeof(struct finding *), by_names);
    return x;
}

static const struct finding *find(const struct index *x, const struct finding *wanted)
{
    const struct finding **hit =
        x->n ? bsearch(&wanted, x->list, x->n, sizeof(struct finding *), by_names) : NULL;

    return hit ? *hit : NULL;
}

/* What passes as it should is no finding that comes or goes. */
static bool counts(const struct finding *f)
{
    enum cause_class class = causes[f->cause].class;

    return class != CLASS_OK && class != CLASS_FORWARD;
}

static bool is_there(const struct finding *f)
{
    return f && f->status == FINDING_OPEN;
}

/* Failures, and all messages they are a part of. */
struct part {
    int64_t n, of;
};

static bool is_much_more(struct part a, struct part b)
{
    return a.n - b.n >= CHANGES_MESSAGES &&
           (double)a.n * (double)b.of >= CHANGES_FACTOR * (double)b.n * (double)a.of;
}

/* CHANGE_COUNT: none */
static enum finding_change compare(const struct finding *before, const struct finding *now,
    int64_t messages_before, int64_t messages_now)
{
    if (now->status == FINDING_RESOLVED)
        return before && before->status != FINDING_RESOLVED ? CHANGE_RESOLVED : CHANGE_COUNT;
    if (!is_there(now))
        return is_there(before) && now->status == FINDING_QUIET ? CHANGE_GONE : CHANGE_COUNT;
    if (!is_there(before))
        return CHANGE_NEW;
    const struct part then = {before->failed, messages_before};
    const struct part today = {now->failed, messages_now};
    if (is_much_more(today, then))
        return CHANGE_WORSE;
    return is_much_more(then, today) ? CHANGE_BETTER : CHANGE_COUNT;
}

static void add_finding(struct arena *a, struct changes *out, enum finding_change change,
    const struct finding *before, const struct finding *now)
{
    size_t at = out->n_findings;

    out->findings = arena_grow(a, out->findings, &out->n_findings, sizeof *out->findings);
    out->findings[at] = (struct changed_finding){
        .change = change,
        .finding = now ? now : before,
        .failed_before = before ? before->failed : 0,
        .failed_now = now ? now->failed : 0,
    };
}

static void compare_findings(struct arena *a, const struct client_report *before,
    const struct client_report *now, struct changes *out)
{
    const struct index then = index_of(a, before);
    const struct index today = index_of(a, now);

    for (unsigned kind = 0; kind < CHANGE_COUNT; kind++) {
        for (size_t i = 0; i < now->n_findings; i++) {
            const struct finding *f = &now->findings[i];
            const struct finding *was = find(&then, f);
            if (counts(f) && compare(was, f, before->totals.messages, now->totals.messages) ==
                                 (enum finding_change)kind)
                add_finding(a, out, (enum finding_change)kind, was, f);
        }
        for (size_t i = 0; kind == CHANGE_GONE && i < before->n_findings; i++) {
            const struct finding *f = &before->findings[i];
            if (counts(f) && is_there(f) && !find(&today, f))
                add_finding(a, out, CHANGE_GONE, f, NULL);
        }
    }
}

/* ---- sources ---- */

struct keyed_source {
    const char *key;
    const struct report_source *source;
};

static const char *key_of(struct arena *a, const struct report_source *s)
{
    const struct evidence *v = &s->all.evidence;
    char network[NETWORK_TEXT_MAX];

    if (v->label)
        return arena_printf(a, "l%s", v->label->name);
    if (v->sender)
        return arena_printf(a, "s%s", v->sender->id);
    history_network(&s->ip, network);
    return arena_printf(a, "n%s", network);
}

static int by_key(const void *left, const void *right)
{
    const struct keyed_source *a = left;
    const struct keyed_source *b = right;
    int order = strcmp(a->source->domain, b->source->domain);

    return order ? order : strcmp(a->key, b->key);
}

/* Abuse comes from everywhere, each week from elsewhere: that is no news. */
static struct keyed_source *keyed(
    struct arena *a, const struct client_report *r, bool abuse_too, size_t *n)
{
    struct keyed_source *list = arena_alloc(a, (r->n_sources + 1) * sizeof *list);

    *n = 0;
    for (size_t i = 0; i < r->n_sources; i++) {
        const struct report_source *s = &r->sources[i];
        if (abuse_too || causes[s->all.cause].class != CLASS_SPOOF)
            list[(*n)++] = (struct keyed_source){key_of(a, s), s};
    }
    if (*n)
        qsort(list, *n, sizeof *list, by_key);
    return list;
}

static int by_messages(const void *left, const void *right)
{
    const struct changed_source *a = left;
    const struct changed_source *b = right;

    if (a->messages != b->messages)
        return a->messages > b->messages ? -1 : 1;
    int order = strcmp(a->domain, b->domain);
    if (!order)
        order = (int)a->largest->ip.len - (int)b->largest->ip.len;
    return order ? order
                 : memcmp(a->largest->ip.bytes, b->largest->ip.bytes, sizeof a->largest->ip.bytes);
}

/* The senders of `here` that `there` has not. */
static struct changed_source *only_in(
    struct arena *a, const struct client_report *here, const struct client_report *there, size_t *n)
{
    size_t n_here;
    size_t n_there;
    const struct keyed_source *list = keyed(a, here, false, &n_here);
    const struct keyed_source *other = keyed(a, there, true, &n_there);
    struct changed_source *out = arena_alloc(a, (n_here + 1) * sizeof *out);

    *n = 0;
    for (size_t i = 0; i < n_here; i++) {
        const struct report_source *s = list[i].source;
        if (n_there && bsearch(&list[i], other, n_there, sizeof *other, by_key))
            continue;
        if (i == 0 || by_key(&list[i - 1], &list[i]) != 0)
            out[(*n)++] = (struct changed_source){.domain = s->domain, .largest = s};
        struct changed_source *to = &out[*n - 1];
        to->hosts++;
        report_add(&to->messages, s->all.messages);
        if (s->all.messages > to->largest->all.messages)
            to->largest = s;
    }
    if (*n)
        qsort(out, *n, sizeof *out, by_messages);
    return out;
}

/* ---- policies ---- */

static void compare_tag(struct arena *a, struct changes *out, const struct report_domain *d,
    const char *tag, const char *before, const char *now)
{
    size_t at = out->n_policies;

    if (!before || !now || strcmp(before, now) == 0)
        return;
    out->policies = arena_grow(a, out->policies, &out->n_policies, sizeof *out->policies);
    out->policies[at] =
        (struct changed_policy){.domain = d->name, .tag = tag, .before = before, .now = now};
}

static void compare_policies(struct arena *a, const struct client_report *before,
    const struct client_report *now, struct changes *out)
{
    for (size_t i = 0; i < now->n_domains; i++) {
        const struct report_domain *d = &now->domains[i];
        const struct report_domain *then = report_domain_find(before, d->name);
        if (!then)
            continue;
        compare_tag(a, out, d, "p", then->policy, d->policy);
        compare_tag(a, out, d, "sp", then->sp, d->sp);
        compare_tag(a, out, d, "adkim", then->adkim, d->adkim);
        compare_tag(a, out, d, "aspf", then->aspf, d->aspf);
    }
}

void changes_find(struct arena *a, const struct client_report *before,
    const struct client_report *now, struct changes *out)
{
    *out = (struct changes){
        .comparable = before->totals.reports > 0 && now->totals.reports > 0,
        .from = before->from,
        .to = before->to,
        .messages_before = before->totals.messages,
        .passed_before = before->totals.dmarc_pass,
    };
    if (!out->comparable)
        return;
    compare_findings(a, before, now, out);
    out->new_sources = only_in(a, now, before, &out->n_new_sources);
    out->gone_sources = only_in(a, before, now, &out->n_gone_sources);
    compare_policies(a, before, now, out);
}
