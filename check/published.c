#include "check/published.h"

#include "base/arena.h"
#include "base/text.h"
#include "check/check.h"

#include <stdlib.h>
#include <string.h>

struct taking {
    struct arena *arena;
    struct published_record *records;
    size_t n;
};

static void add(struct taking *t, const char *kind, const char *name, const char *text)
{
    t->records = arena_grow(t->arena, t->records, &t->n, sizeof *t->records);
    t->records[t->n - 1] = (struct published_record){
        kind, arena_strdup(t->arena, name), text ? arena_strdup(t->arena, text) : NULL};
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *join(struct arena *a, const char **lines, size_t n)
{
    const char *text = NULL;

    if (n > 1)
        qsort(lines, n, sizeof *lines, compare_texts);
    for (size_t i = 0; i < n; i++)
        text = text ? arena_printf(a, "%s\n%s", text, lines[i]) : lines[i];
    return text;
}

/* The texts of an answer that are records of this kind; servers send them in any order. */
static const char *texts_of(
    struct arena *a, const struct dns_answer *answer, bool (*is)(const char *text, size_t len))
{
    const char **lines = NULL;
    size_t n = 0;

    for (size_t i = 0; answer->status == DNS_DATA && i < answer->n && n < FINDINGS_OF_A_KIND; i++) {
        const struct dns_record *r = &answer->records[i];
        if (!is(r->data, r->len))
            continue;
        lines = arena_grow(a, lines, &n, sizeof *lines);
        lines[n - 1] = finding_escape(a, r->data, r->len);
    }
    return join(a, lines, n);
}

static bool is_dmarc(const char *text, size_t len)
{
    return dmarc_kind_of(text, len) == DMARC_RECORD;
}

static void take_mx(struct taking *t, const struct check_result *r)
{
    const char **lines = arena_alloc(t->arena, (r->mx.n + 1) * sizeof *lines);
    size_t n = 0;

    for (size_t i = 0; i < r->mx.n; i++) {
        lines[n++] =
            arena_printf(t->arena, "%u %s", r->mx.hosts[i].preference, r->mx.hosts[i].name);
    }
    if (r->mx.null)
        lines[n++] = "0 .";
    add(t, "mx", r->domain, join(t->arena, lines, n));
}

static void take_dmarc(struct taking *t, const struct check_result *r)
{
    const struct dmarc_place *own = &r->dmarc.own;
    const struct dmarc_place *applied = r->dmarc.as_9989.place;

    add(t, "dmarc", own->name, texts_of(t->arena, &own->answer, is_dmarc));
    if (applied && strcmp(applied->name, own->name) != 0)
        add(t, "dmarc", applied->name, texts_of(t->arena, &applied->answer, is_dmarc));
}

static void take_one(
    struct taking *t, const char *kind, const char *name, const struct dns_record *record)
{
    add(t, kind, name, record ? finding_escape(t->arena, record->data, record->len) : NULL);
}

static void take_dkim(struct taking *t, const struct dkim_result *d)
{
    for (size_t i = 0; i < d->n; i++) {
        if (d->selectors[i].answer.status != DNS_FAILED)
            take_one(t, "dkim", d->selectors[i].name, d->selectors[i].record);
    }
}

/* A check that has asked all it may looks at nothing more, and does not say so. */
static bool is_cut(const struct check_result *r)
{
    return r->questions >= SUBJECT_QUESTIONS_MAX;
}

const char *published_policy(struct arena *a, const struct sts_policy *p)
{
    const char *mx = join(a, p->patterns, p->n_patterns);

    return arena_printf(a, "mode: %s\nmax_age: %lld\n%s", sts_mode_name(p->mode),
        (long long)p->max_age, mx ? finding_escape(a, mx, strlen(mx)) : "");
}

static void take_sts(struct taking *t, const struct sts_result *s)
{
    take_one(t, "mta-sts", s->name, s->record);
    if (s->policy)
        add(t, "mta-sts-policy", s->name, published_policy(t->arena, s->policy));
}

static void take_records(struct taking *t, const struct check_result *r)
{
    const struct spf_node *spf = r->spf.tree.top;

    add(t, "domain", r->domain, r->exists ? "exists" : NULL);
    take_dmarc(t, r);
    if (!r->exists) {
        add(t, "mx", r->domain, NULL);
        add(t, "spf", r->domain, NULL);
        return;
    }
    take_mx(t, r);
    add(t, "spf", r->domain, spf ? texts_of(t->arena, &spf->txt, spf_is_record) : NULL);
    take_dkim(t, &r->dkim);
    if (is_cut(r))
        return;
    take_sts(t, &r->sts);
    take_one(t, "tls-rpt", r->tlsrpt.name, r->tlsrpt.record);
    /* that of the domain above is not the domain's own, and may not have been answered */
    if (domain_is_within(r->bimi.name, r->domain))
        take_one(t, "bimi", r->bimi.name, r->bimi.record);
}

/* Something was not answered. */
static bool is_failure(const struct check_finding *f)
{
    return strcmp(f->kind->id, "DNS-01") == 0 || strcmp(f->kind->id, "DNS-03") == 0;
}

static bool is_known(const struct check_result *r)
{
    const struct spf_node *spf = r->spf.tree.top;

    if (!r->answered || r->mx.unknown || r->dmarc.unknown ||
        r->dmarc.own.answer.status == DNS_FAILED || (spf && spf->state == SPF_NODE_UNKNOWN))
        return false;
    for (size_t i = 0; i < r->dkim.n && !is_cut(r); i++) {
        if (r->dkim.selectors[i].answer.status == DNS_FAILED)
            return false;
    }
    for (size_t i = 0; i < r->findings.n; i++) {
        const struct check_finding *f = &r->findings.items[i];
        if (is_failure(f) && (!f->name || domain_is_within(f->name, r->domain)))
            return false;
    }
    return true;
}

static void take_findings(struct arena *a, const struct findings *f, struct published *out)
{
    const char **ids = arena_alloc(a, (f->n + 1) * sizeof *ids);
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++) {
        if (is_failure(&f->items[i])) {
            out->scope = NULL;
            return;
        }
        ids[n++] = f->items[i].kind->id;
    }
    if (n)
        qsort(ids, n, sizeof *ids, compare_texts);
    for (size_t i = 0; i < n; i++) {
        if (out->n_findings == 0 || strcmp(ids[out->n_findings - 1], ids[i]) != 0)
            ids[out->n_findings++] = ids[i];
    }
    out->findings = ids;
}

bool published_of(
    struct arena *a, const struct check_result *r, const char *scope, struct published *out)
{
    struct taking t = {.arena = a};

    if (!r->domain || !is_known(r))
        return false;
    take_records(&t, r);
    *out = (struct published){.records = t.records, .n = t.n, .scope = arena_strdup(a, scope)};
    take_findings(a, &r->findings, out);
    return true;
}

const struct published_record *published_find(
    const struct published *p, const char *kind, const char *name)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->records[i].kind, kind) == 0 && strcmp(p->records[i].name, name) == 0)
            return &p->records[i];
    }
    return NULL;
}

static bool is_carried(const struct published *now, const struct published_record *r, size_t *keys)
{
    if (!r->text || published_find(now, r->kind, r->name))
        return false;
    if (strcmp(r->kind, "dkim") == 0)
        return (*keys)++ < PUBLISHED_KEYS_MAX;
    if (strcmp(r->kind, "mta-sts-policy") == 0) {
        const struct published_record *record = published_find(now, "mta-sts", r->name);
        return record && record->text;
    }
    return false;
}

void published_carry(struct arena *a, const struct published *before, struct published *now)
{
    struct taking t = {.arena = a};
    size_t keys = 0;

    for (size_t i = 0; i < now->n; i++)
        add(&t, now->records[i].kind, now->records[i].name, now->records[i].text);
    for (size_t i = 0; i < before->n; i++) {
        const struct published_record *r = &before->records[i];
        if (is_carried(now, r, &keys))
            add(&t, arena_strdup(a, r->kind), r->name, r->text);
    }
    now->records = t.records;
    now->n = t.n;
    if (!now->scope) {
        now->scope = before->scope;
        now->findings = before->findings;
        now->n_findings = before->n_findings;
    }
}
