#include "report/report.h"

#include "base/arena.h"
#include "base/when.h"
#include "store/auth.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is kept of a report until all are there: the store promises no order. */
struct seen_report {
    const char *domain, *reporter, *report_id, *policy, *policy_below, *notes;
    bool strict_dkim, strict_spf, partial, counts, repaired;
    int64_t untrusted; /* its messages, if it is doubtful and whole */
    int64_t begin, id;
};

/* Messages of one source that have the same cause. */
struct tally {
    int64_t messages, heaviest;
    struct evidence evidence; /* of the heaviest group */
};

struct builder {
    struct arena *arena;
    struct client_report *report;
    struct seen_report *seen;
    size_t n_seen;
    /* the source whose groups are coming; its evidence lives in scratch until it is decided */
    struct arena *scratch;
    struct arena *unpacked; /* of one group */
    struct report_source source;
    struct tally tallies[CAUSE_COUNT];
    struct tally sender;
    bool open;
};

static const char *copy(struct arena *a, const char *s)
{
    return s ? arena_strdup(a, s) : NULL;
}

static int compare_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int compare_int(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

void report_add(int64_t *sum, int64_t n)
{
    if (__builtin_add_overflow(*sum, n, sum))
        *sum = INT64_MAX;
}

/* ---- reports ---- */

static int take_report(void *context, const struct store_report_row *r)
{
    struct builder *b = context;
    size_t at = b->n_seen;

    b->seen = arena_grow(b->arena, b->seen, &b->n_seen, sizeof *b->seen);
    b->seen[at] = (struct seen_report){
        .domain = arena_strdup(b->arena, r->domain ? r->domain : ""),
        .reporter = arena_strdup(b->arena, r->reporter ? r->reporter : ""),
        .policy = copy(b->arena, r->p),
        .policy_below = copy(b->arena, r->sp),
        .strict_dkim = r->adkim && strcmp(r->adkim, "s") == 0,
        .strict_spf = r->aspf && strcmp(r->aspf, "s") == 0,
        .partial = r->partial,
        .counts = r->counts,
        .untrusted = r->trust == TRUST_DOUBTFUL && !r->partial ? r->messages : 0,
        .begin = r->begin,
        .id = r->id,
    };
    b->seen[at].repaired = r->grade && strcmp(r->grade, grade_name(GRADE_RECOVERED)) == 0;
    if (!r->counts || b->seen[at].repaired) {
        b->seen[at].report_id = copy(b->arena, r->report_id);
        b->seen[at].notes = copy(b->arena, r->notes);
    }
    return 0;
}

static int by_domain_and_begin(const void *left, const void *right)
{
    const struct seen_report *a = left;
    const struct seen_report *b = right;
    int order = compare_text(a->domain, b->domain);

    if (!order)
        order = compare_int(a->begin, b->begin);
    return order ? order : compare_int(a->id, b->id);
}

static int by_name(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int64_t count_different(const char **names, size_t n)
{
    int64_t different = 0;

    if (n)
        qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++)
        different += i == 0 || strcmp(names[i], names[i - 1]) != 0;
    return different;
}

static void add_remark(struct builder *b, const struct seen_report *r)
{
    struct client_report *out = b->report;
    size_t at = out->n_remarks;

    out->remarks = arena_grow(b->arena, out->remarks, &out->n_remarks, sizeof *out->remarks);
    out->remarks[at] = (struct report_remark){.reporter = r->reporter,
        .domain = r->domain,
        .report_id = r->report_id,
        .begin = r->begin,
        .partial = r->partial,
        .counts = r->counts,
        .notes = r->notes};
}

static struct report_domain *add_domain(struct builder *b, const char *name)
{
    struct client_report *out = b->report;
    size_t at = out->n_domains;

    out->domains = arena_grow(b->arena, out->domains, &out->n_domains, sizeof *out->domains);
    out->domains[at] = (struct report_domain){.name = name};
    return &out->domains[at];
}

static void take_policy(struct report_domain *d, const struct seen_report *r)
{
    d->strict_dkim = r->strict_dkim;
    d->strict_spf = r->strict_spf;
    if (!r->policy)
        return;
    d->policy_changed = d->policy_changed || (d->policy && strcmp(d->policy, r->policy) != 0);
    d->policy = r->policy;
    d->policy_below = r->policy_below;
}

/* One domain for each run of sorted reports; the last of them has the policy that is shown. */
static void count_reports(struct builder *b)
{
    struct client_report *out = b->report;
    const char **reporters = arena_alloc(b->arena, (b->n_seen + 1) * sizeof *reporters);
    struct report_domain *domain = NULL;
    size_t n = 0;
    size_t start = 0;

    if (b->n_seen)
        qsort(b->seen, b->n_seen, sizeof *b->seen, by_domain_and_begin);
    for (size_t i = 0; i < b->n_seen; i++) {
        const struct seen_report *r = &b->seen[i];
        if (!r->counts || r->repaired)
            add_remark(b, r);
        report_add(&out->untrusted, r->untrusted);
        if (!r->counts)
            continue;
        if (!domain || strcmp(domain->name, r->domain) != 0) {
            if (domain)
                domain->totals.reporters = count_different(reporters + start, n - start);
            start = n;
            domain = add_domain(b, r->domain);
        }
        reporters[n++] = r->reporter;
        domain->totals.reports++;
        take_policy(domain, r);
    }
    if (domain)
        domain->totals.reporters = count_different(reporters + start, n - start);
    out->totals.reports = (int64_t)n;
    out->totals.reporters = count_different(reporters, n);
}

/* ---- sources ---- */

static int domain_against_name(const void *name, const void *domain)
{
    return strcmp(name, ((const struct report_domain *)domain)->name);
}

static struct report_domain *find_domain(const struct client_report *r, const char *name)
{
    return r->n_domains
               ? bsearch(name, r->domains, r->n_domains, sizeof *r->domains, domain_against_name)
               : NULL;
}

static void count_action(struct report_actions *to, enum disposition d, int64_t messages)
{
    switch (d) {
    case DISPOSITION_NONE:
    case DISPOSITION_PASS:
        report_add(&to->none, messages);
        break;
    case DISPOSITION_QUARANTINE:
        report_add(&to->quarantine, messages);
        break;
    case DISPOSITION_REJECT:
        report_add(&to->reject, messages);
        break;
    case DISPOSITION_UNKNOWN:
        report_add(&to->other, messages);
        break;
    }
}

static bool row_passes(const struct store_source_row *r)
{
    return r->dkim == VERDICT_PASS || r->spf == VERDICT_PASS;
}

static void count_row(struct report_totals *to, const struct store_source_row *r)
{
    report_add(&to->records, r->records);
    report_add(&to->messages, r->messages);
    report_add(row_passes(r) ? &to->dmarc_pass : &to->dmarc_fail, r->messages);
    report_add(&to->spf_aligned, r->spf == VERDICT_PASS ? r->messages : 0);
    report_add(&to->dkim_aligned, r->dkim == VERDICT_PASS ? r->messages : 0);
    count_action(&to->actions, r->disposition, r->messages);
}

static struct evidence copy_evidence(struct arena *a, const struct evidence *v)
{
    return (struct evidence){
        .domain = copy(a, v->domain),
        .own_dkim = copy(a, v->own_dkim),
        .own_dkim_selector = copy(a, v->own_dkim_selector),
        .own_dkim_result = copy(a, v->own_dkim_result),
        .other_dkim = copy(a, v->other_dkim),
        .spf = copy(a, v->spf),
        .spf_result = copy(a, v->spf_result),
        .spf_own = v->spf_own,
        .policy = copy(a, v->policy),
        .reporters = v->reporters,
        .overruled = v->overruled,
    };
}

static void add_to_tally(
    struct builder *b, struct tally *t, int64_t messages, const struct evidence *v)
{
    int64_t most = t->evidence.reporters > v->reporters ? t->evidence.reporters : v->reporters;

    if (messages > t->heaviest || !t->evidence.domain) {
        t->heaviest = messages;
        t->evidence = copy_evidence(b->scratch, v);
    }
    t->evidence.reporters = most;
    report_add(&t->messages, messages);
}

/* The failures are what a reader wants explained, however few they are among the passes. */
static bool outweighs(const struct tally *tallies, enum cause_id id, enum cause_id other)
{
    if (cause_is_pass(id) == cause_is_pass(other))
        return tallies[id].messages > tallies[other].messages;
    return cause_is_pass(id) ? tallies[other].messages == 0 : tallies[id].messages > 0;
}

static enum cause_id decide(const struct tally *tallies)
{
    enum cause_id best = CAUSE_COUNT;

    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        bool seen = tallies[i].evidence.domain != NULL;
        if (seen && (best == CAUSE_COUNT || outweighs(tallies, (enum cause_id)i, best)))
            best = (enum cause_id)i;
    }
    return best;
}

/* What a receiver does beyond p=none, it does of its own accord. When the policy was another one
 * for a part of the period, nobody knows. */
static bool is_overruled(const struct client_report *r, const struct report_source *s)
{
    const struct report_domain *d = find_domain(r, s->domain);
    const char *policy = s->evidence.policy;

    return d && !d->policy_changed && policy && strcmp(policy, "none") == 0 &&
           (s->actions.quarantine > 0 || s->actions.reject > 0);
}

static void close_source(struct builder *b)
{
    struct client_report *out = b->report;
    size_t at = out->n_sources;

    if (!b->open)
        return;
    b->source.cause = decide(b->tallies);
    b->source.evidence = copy_evidence(b->arena, &b->tallies[b->source.cause].evidence);
    b->source.evidence.overruled = is_overruled(out, &b->source);
    b->source.sender = copy_evidence(b->arena, &b->sender.evidence);
    out->sources = arena_grow(b->arena, out->sources, &out->n_sources, sizeof *out->sources);
    out->sources[at] = b->source;
    out->n_failing += report_source_failed(&b->source) > 0;
    b->open = false;
}

static bool same_source(const struct report_source *s, const struct store_source_row *r)
{
    return s->ip.len == r->source_ip.len &&
           memcmp(s->ip.bytes, r->source_ip.bytes, s->ip.len) == 0 &&
           strcmp(s->domain, r->domain) == 0;
}

static void open_source(struct builder *b, const struct store_source_row *r)
{
    const struct report_domain *d = find_domain(b->report, r->domain);

    arena_reset(b->scratch);
    memset(b->tallies, 0, sizeof b->tallies);
    b->sender = (struct tally){0};
    b->source = (struct report_source){
        .domain = d ? d->name : arena_strdup(b->arena, r->domain),
        .ip = r->source_ip,
        .first = r->first,
        .last = r->last,
    };
    b->open = true;
}

/* RFC 7489 6.3: sp speaks for what is below the domain, p where there is none.
 */
static const char *policy_for(const struct report_domain *d, const char *header_from)
{
    if (!d)
        return NULL;
    return d->policy_below && *d->policy_below && strcmp(d->name, header_from) != 0
               ? d->policy_below
               : d->policy;
}

static void judge_group(
    struct builder *b, const struct store_source_row *r, const struct report_domain *d)
{
    struct auth_results auth;
    struct evidence evidence;
    size_t n_reasons;

    arena_reset(b->unpacked);
    auth_unpack(b->unpacked, r->auth, &auth);
    const struct override_reason *reasons = reasons_unpack(b->unpacked, r->reasons, &n_reasons);
    const char *from = r->header_from && *r->header_from ? r->header_from : r->domain;
    const struct signs signs = {
        .domain = from,
        .dkim = r->dkim,
        .spf = r->spf,
        .auth = &auth,
        .reasons = reasons,
        .n_reasons = n_reasons,
        .strict_dkim = d && d->strict_dkim,
        .strict_spf = d && d->strict_spf,
        .policy = policy_for(d, from),
        .reporters = r->reporters,
    };
    enum cause_id cause = cause_find(&signs, &evidence);
    add_to_tally(b, &b->tallies[cause], r->messages, &evidence);
    add_to_tally(b, &b->sender, r->messages, &evidence);
}

static int take_source(void *context, const struct store_source_row *sent)
{
    struct builder *b = context;
    struct store_source_row row = *sent;
    const struct store_source_row *r = &row;

    row.domain = row.domain ? row.domain : "";
    struct report_source *s = &b->source;
    struct report_domain *d = find_domain(b->report, r->domain);

    if (!b->open || !same_source(s, r)) {
        close_source(b);
        open_source(b, r);
    }
    report_add(&s->records, r->records);
    report_add(&s->messages, r->messages);
    report_add(&s->dmarc_pass, row_passes(r) ? r->messages : 0);
    report_add(&s->spf_aligned, r->spf == VERDICT_PASS ? r->messages : 0);
    report_add(&s->dkim_aligned, r->dkim == VERDICT_PASS ? r->messages : 0);
    s->reporters = r->reporters > s->reporters ? r->reporters : s->reporters;
    s->first = r->first < s->first ? r->first : s->first;
    s->last = r->last > s->last ? r->last : s->last;
    count_action(&s->actions, r->disposition, r->messages);
    count_row(&b->report->totals, r);
    if (d)
        count_row(&d->totals, r);
    judge_group(b, r, d);
    return 0;
}

int64_t report_source_failed(const struct report_source *s)
{
    return s->messages - s->dmarc_pass;
}

static int by_failed(const void *left, const void *right)
{
    const struct report_source *a = left;
    const struct report_source *b = right;
    int order = compare_int(report_source_failed(b), report_source_failed(a));

    if (!order)
        order = compare_int(b->messages, a->messages);
    if (!order)
        order = compare_text(a->domain, b->domain);
    if (!order)
        order = compare_int(a->ip.len, b->ip.len);
    return order ? order : memcmp(a->ip.bytes, b->ip.bytes, a->ip.len);
}

int report_build(struct store *s, const struct store_period *p, struct arena *a,
    struct client_report *out, struct err *e)
{
    struct builder b = {.arena = a, .report = out};

    *out = (struct client_report){.client = p->client, .from = p->from, .to = p->to};
    int rc = store_reports(s, p, true, take_report, &b, e);
    if (rc)
        return rc;
    count_reports(&b);
    b.scratch = arena_new();
    b.unpacked = arena_new();
    rc = store_sources(s, p, take_source, &b, e);
    close_source(&b);
    arena_free(b.scratch);
    arena_free(b.unpacked);
    if (rc)
        return rc;
    if (out->n_sources)
        qsort(out->sources, out->n_sources, sizeof *out->sources, by_failed);
    return 0;
}

void report_period_name(int64_t from, int64_t to, char out[REPORT_PERIOD_MAX])
{
    char first[WHEN_TEXT_MAX];
    char last[WHEN_TEXT_MAX];

    if (from == when_monday(from) && to == from + 6) {
        when_format_week(from, out);
        return;
    }
    when_format_day(from, first);
    when_format_day(to, last);
    (void)snprintf(out, REPORT_PERIOD_MAX, "%.10s_%.10s", first, last);
}
