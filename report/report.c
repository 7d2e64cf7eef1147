#include "report/report.h"

#include "base/arena.h"
#include "base/when.h"
#include "report/changes.h"
#include "report/number_set.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LARGE_PART = 20 /* of a domain's messages: one in so many */
};

/* What is kept of a report until all are there: the store promises no order. */
struct seen_report {
    const char *domain, *reporter, *report_id, *notes;
    const char *p, *sp, *adkim, *aspf;
    bool partial, counts, repaired;
    int64_t untrusted; /* its messages, if it is doubtful and whole */
    int64_t begin, id;
};

/* A domain that reports or rows speak of, the period's or earlier ones. */
struct seen_domain {
    const char *name;
    struct readiness readiness;
    struct number_set reporters;
};

struct builder {
    struct arena *arena;
    const struct report_settings *set;
    struct client_report *report;
    struct seen_report *seen;
    size_t n_seen;
    struct findings *findings;
    struct seen_domain *domains; /* in the order of their rows */
    size_t n_domains, domain;    /* the last one, whose rows are coming */
    struct number_set reporters; /* of the last source */
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

/* ---- reports ---- */

static int take_report(void *context, const struct store_report_row *r)
{
    struct builder *b = context;
    size_t at = b->n_seen;

    b->seen = arena_grow(b->arena, b->seen, &b->n_seen, sizeof *b->seen);
    b->seen[at] = (struct seen_report){
        .domain = arena_strdup(b->arena, r->domain ? r->domain : ""),
        .reporter = arena_strdup(b->arena, r->reporter ? r->reporter : ""),
        .p = copy(b->arena, r->p),
        .sp = copy(b->arena, r->sp),
        .adkim = copy(b->arena, r->adkim),
        .aspf = copy(b->arena, r->aspf),
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
    d->policy_changed = d->policy_changed || (d->policy && r->p && strcmp(d->policy, r->p) != 0);
    d->policy = r->p ? r->p : d->policy;
    d->sp = r->sp ? r->sp : d->sp;
    d->adkim = r->adkim ? r->adkim : d->adkim;
    d->aspf = r->aspf ? r->aspf : d->aspf;
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

const struct report_domain *report_domain_find(const struct client_report *r, const char *name)
{
    return find_domain(r, name);
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
    report_count_action(&to->actions, r->disposition, r->messages);
}

/* The rows of a domain come together, first the older ones, then the period's. */
static struct seen_domain *see_domain(struct builder *b, const char *name)
{
    for (size_t i = 0; i < b->n_domains; i++) {
        size_t at = (b->domain + i) % b->n_domains;
        if (strcmp(b->domains[at].name, name) == 0) {
            b->domain = at;
            return &b->domains[at];
        }
    }
    b->domain = b->n_domains;
    b->domains = arena_grow(b->arena, b->domains, &b->n_domains, sizeof *b->domains);
    b->domains[b->domain] =
        (struct seen_domain){.name = name, .readiness = {.first = INT64_MAX, .last = INT64_MIN}};
    return &b->domains[b->domain];
}

static void count_readiness(struct builder *b, const struct judgement *j)
{
    struct seen_domain *d = see_domain(b, j->row->domain);
    struct readiness *r = &d->readiness;

    report_add(&r->classes[causes[j->cause].class], j->row->messages);
    r->first = j->row->first < r->first ? j->row->first : r->first;
    r->last = j->row->last > r->last ? j->row->last : r->last;
    number_set_add(b->arena, &d->reporters, j->reporter);
    r->reporters = d->reporters.n;
}

static bool same_source(const struct report_source *s, const struct store_source_row *r)
{
    return s->ip.len == r->source_ip.len &&
           memcmp(s->ip.bytes, r->source_ip.bytes, s->ip.len) == 0 &&
           strcmp(s->domain, r->domain) == 0;
}

/* Rows come in order of domain and source. */
static struct report_source *source_for(struct builder *b, const struct store_source_row *r)
{
    struct client_report *out = b->report;
    size_t at = out->n_sources;

    if (at && same_source(&out->sources[at - 1], r))
        return &out->sources[at - 1];
    out->sources = arena_grow(b->arena, out->sources, &out->n_sources, sizeof *out->sources);
    out->sources[at] = (struct report_source){
        .domain = r->domain,
        .ip = r->source_ip,
        .all = {.first = r->first, .last = r->last, .heaviest = -1},
    };
    number_set_clear(&b->reporters);
    return &out->sources[at];
}

static struct report_share *share_for(
    struct builder *b, struct report_source *s, const struct judgement *j)
{
    size_t at = 0;

    while (at < s->n_shares && s->shares[at].cause != j->cause)
        at++;
    if (at < s->n_shares)
        return &s->shares[at];
    s->shares = arena_grow(b->arena, s->shares, &s->n_shares, sizeof *s->shares);
    s->shares[at] = (struct report_share){
        .cause = j->cause, .first = j->row->first, .last = j->row->last, .heaviest = -1};
    return &s->shares[at];
}

static void add_to_share(struct report_share *to, const struct judgement *j)
{
    const struct store_source_row *r = j->row;

    report_add(&to->records, r->records);
    report_add(&to->messages, r->messages);
    report_add(&to->dmarc_pass, row_passes(r) ? r->messages : 0);
    report_add(&to->spf_aligned, r->spf == VERDICT_PASS ? r->messages : 0);
    report_add(&to->dkim_aligned, r->dkim == VERDICT_PASS ? r->messages : 0);
    report_count_action(&to->actions, r->disposition, r->messages);
    to->first = r->first < to->first ? r->first : to->first;
    to->last = r->last > to->last ? r->last : to->last;
    if (r->messages > to->heaviest) {
        to->heaviest = r->messages;
        evidence_take(j->features, j->policy, &to->evidence);
    }
}

static int64_t failed_of(const struct report_share *s)
{
    return s->messages - s->dmarc_pass;
}

/* The failures are what a reader wants explained, however few they are among the passes. */
static void decide(struct report_source *s)
{
    bool fails = failed_of(&s->all) > 0;

    s->main = 0;
    for (size_t i = 1; i < s->n_shares; i++) {
        const struct report_share *one = &s->shares[i];
        const struct report_share *best = &s->shares[s->main];
        int64_t more = fails ? failed_of(one) - failed_of(best) : one->messages - best->messages;
        if (more > 0)
            s->main = i;
    }
    s->all.cause = s->shares[s->main].cause;
}

static void take_row(void *context, const struct judgement *j)
{
    struct builder *b = context;
    const struct store_source_row *r = j->row;

    findings_add(b->findings, j);
    count_readiness(b, j);
    if (j->before || (b->set->wanted && !b->set->wanted(b->set->context, j)))
        return;
    struct report_source *s = source_for(b, r);
    struct report_domain *d = find_domain(b->report, r->domain);
    add_to_share(share_for(b, s, j), j);
    add_to_share(&s->all, j);
    number_set_add(b->arena, &b->reporters, j->reporter);
    s->reporters = b->reporters.n;
    decide(s);
    count_row(&b->report->totals, r);
    if (d)
        count_row(&d->totals, r);
}

int64_t report_source_failed(const struct report_source *s)
{
    return failed_of(&s->all);
}

static int by_failed(const void *left, const void *right)
{
    const struct report_source *a = left;
    const struct report_source *b = right;
    int order = compare_int(report_source_failed(b), report_source_failed(a));

    if (!order)
        order = compare_int(b->all.messages, a->all.messages);
    if (!order)
        order = compare_text(a->domain, b->domain);
    if (!order)
        order = compare_int(a->ip.len, b->ip.len);
    return order ? order : memcmp(a->ip.bytes, b->ip.bytes, a->ip.len);
}

static void finish(struct builder *b)
{
    struct client_report *out = b->report;

    out->findings = findings_finish(b->findings, &out->n_findings);
    for (size_t i = 0; i < out->n_findings; i++) {
        struct finding *f = &out->findings[i];
        const struct report_domain *d = find_domain(out, f->domain);
        f->large = d && f->messages > d->totals.messages / LARGE_PART;
    }
    for (size_t i = 0; i < out->n_sources; i++)
        out->n_failing += report_source_failed(&out->sources[i]) > 0;
    if (out->n_sources)
        qsort(out->sources, out->n_sources, sizeof *out->sources, by_failed);
    for (size_t i = 0; i < b->n_domains; i++) {
        struct report_domain *d = find_domain(out, b->domains[i].name);
        if (d)
            d->readiness = b->domains[i].readiness;
    }
}

static int build(struct store *s, const struct store_period *p, const struct report_settings *set,
    struct arena *a, struct client_report *out, struct err *e)
{
    struct builder b = {.arena = a, .set = set, .report = out};

    *out = (struct client_report){.client = p->client, .from = p->from, .to = p->to};
    int rc = store_reports(s, p, true, take_report, &b, e);
    if (rc)
        return rc;
    count_reports(&b);
    b.findings = findings_new(a, p->to);
    rc = judge_rows(s, p, set, a, &(struct judge_sink){take_row, &b}, e);
    finish(&b);
    return rc;
}

int report_build(struct store *s, const struct store_period *p, const struct report_settings *set,
    struct arena *a, struct client_report *out, struct err *e)
{
    int rc = store_read_begin(s, e);

    if (rc)
        return rc;
    rc = build(s, p, set, a, out, e);
    store_read_end(s);
    return rc;
}

static int build_all(struct store *s, const struct store_period *p,
    const struct report_settings *set, struct arena *a, struct client_report *out, struct err *e)
{
    struct store_period earlier = *p;
    struct client_report before;
    struct changes *changes = arena_alloc(a, sizeof *changes);

    report_period_before(p->from, p->to, &earlier.from, &earlier.to);
    int rc = build(s, &earlier, set, a, &before, e);
    if (!rc)
        rc = build(s, p, set, a, out, e);
    if (!rc)
        rc = coverage_build(s, p, a, &out->coverage, e);
    if (!rc)
        rc = beside_build(s, p, a, &out->beside, e);
    if (!rc)
        rc = published_build(s, p, a, &out->published, e);
    if (rc)
        return rc;
    changes_find(a, &before, out, changes);
    out->changes = changes;
    return 0;
}

int report_complete(struct store *s, const struct store_period *p,
    const struct report_settings *set, struct arena *a, struct client_report *out, struct err *e)
{
    int rc = store_read_begin(s, e);

    if (rc)
        return rc;
    rc = build_all(s, p, set, a, out, e);
    store_read_end(s);
    return rc;
}

void report_period_before(int64_t from, int64_t to, int64_t *before_from, int64_t *before_to)
{
    *before_to = from - 1;
    *before_from = when_is_month(from, to) ? when_month(from - 1) : from - (to - from + 1);
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
    if (when_is_month(from, to)) {
        (void)snprintf(out, REPORT_PERIOD_MAX, "%.7s", first);
    } else {
        (void)snprintf(out, REPORT_PERIOD_MAX, "%.10s_%.10s", first, last);
    }
}
