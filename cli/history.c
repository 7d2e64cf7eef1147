#include "cli/history.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "check/published.h"
#include "cli/options.h"
#include "cli/watch.h"
#include "report/finding.h"
#include "store/auth.h"
#include "store/checks.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

enum {
    RECORD_DAYS = 90,
    POLICY_DAYS = 400,
    /* of one domain: what a report claims is not to fill the memory */
    LIST_MAX = 200,
    SOURCES_MAX = 20000,
    FEW = 20, /* domains that are asked for one by one, instead of reading everybody's */
    SECONDS_PER_DAY = 86400
};

/* One domain while its history is gathered. */
struct gathering {
    const char *domain;
    struct check_history history;
    struct history_signature *signatures;
    int64_t failed[LIST_MAX]; /* messages that failed with this signature on them */
    struct history_envelope *envelopes;
    struct history_policy *policies;
    struct spf_source *sources;
};

struct gatherings {
    struct arena *arena;
    struct gathering **by_name; /* sorted */
    size_t n;
    struct arena *scratch;
    int64_t last_policy; /* of a TLS report */
};

static int compare_names(const void *left, const void *right)
{
    const struct gathering *const *a = left;
    const struct gathering *const *b = right;

    return strcmp((*a)->domain, (*b)->domain);
}

static struct gathering *find(const struct gatherings *r, const char *domain)
{
    const struct gathering key = {.domain = domain};
    const struct gathering *wanted = &key;
    struct gathering **found =
        bsearch(&wanted, r->by_name, r->n, sizeof(struct gathering *), compare_names);

    return found ? *found : NULL;
}

/* ---- records ---- */

static bool is(const char *value, const char *word)
{
    return value && strcmp(value, word) == 0;
}

static struct history_signature *find_signature(
    struct gathering *g, const char *domain, const char *selector)
{
    for (size_t i = 0; i < g->history.n_signatures; i++) {
        struct history_signature *x = &g->signatures[i];
        if (strcmp(x->domain, domain) == 0 && strcmp(x->selector, selector) == 0)
            return x;
    }
    return NULL;
}

static void take_signature(struct gatherings *r, struct gathering *g, const struct auth_result *x,
    const struct store_source_row *row)
{
    const char *selector = x->selector ? x->selector : "";

    if (!x->domain)
        return;
    struct history_signature *to = find_signature(g, x->domain, selector);
    if (!to && g->history.n_signatures == LIST_MAX)
        return;
    if (!to) {
        g->signatures =
            arena_grow(r->arena, g->signatures, &g->history.n_signatures, sizeof *g->signatures);
        to = &g->signatures[g->history.n_signatures - 1];
        *to = (struct history_signature){.domain = arena_strdup(r->arena, x->domain),
            .selector = arena_strdup(r->arena, selector),
            .first = row->first,
            .last = row->last};
    }
    report_add(&to->messages, row->messages);
    report_add(&to->passed, is(x->result, "pass") ? row->messages : 0);
    to->first = row->first < to->first ? row->first : to->first;
    to->last = row->last > to->last ? row->last : to->last;
}

static void take_envelope(struct gatherings *r, struct gathering *g, const struct auth_result *x,
    const struct store_source_row *row)
{
    struct history_envelope *to = NULL;
    int64_t broken = is(x->result, "permerror") ? row->messages : 0;

    if (!x->domain)
        return;
    for (size_t i = 0; i < g->history.n_envelopes && !to; i++) {
        if (strcmp(g->envelopes[i].domain, x->domain) == 0)
            to = &g->envelopes[i];
    }
    if (!to && g->history.n_envelopes == LIST_MAX)
        return;
    if (!to) {
        g->envelopes =
            arena_grow(r->arena, g->envelopes, &g->history.n_envelopes, sizeof *g->envelopes);
        to = &g->envelopes[g->history.n_envelopes - 1];
        *to = (struct history_envelope){.domain = arena_strdup(r->arena, x->domain)};
    }
    report_add(&to->messages, row->messages);
    report_add(&to->passed, is(x->result, "pass") ? row->messages : 0);
    report_add(&to->permerrors, broken);
    report_add(&to->unsigned_messages, row->dkim == VERDICT_PASS ? 0 : broken);
}

static void take_address(
    struct gatherings *r, struct gathering *g, const struct store_source_row *row)
{
    if (row->source_ip.len == 0)
        return;
    size_t n = g->history.n_sources;
    if (n && memcmp(&g->sources[n - 1].ip, &row->source_ip, sizeof row->source_ip) == 0) {
        report_add(
            &g->sources[n - 1].messages, row->messages); /* rows of an address are together */
        return;
    }
    if (n == SOURCES_MAX) {
        g->history.sources_complete = false;
        return;
    }
    g->sources = arena_grow(r->arena, g->sources, &g->history.n_sources, sizeof *g->sources);
    g->sources[g->history.n_sources - 1] =
        (struct spf_source){.ip = row->source_ip, .messages = row->messages};
}

/*
 * Mail that failed and is, by its looks, the owner's own: it carries a signature of the
 * organisation, or only a broken record kept SPF from passing. Anybody can write such a signature,
 * but only the owner's key passes elsewhere: that is seen in the end.
 */
static void take_failure(struct gathering *g, const struct auth_results *auth, int64_t messages)
{
    const char *org = domain_registrable(g->domain);

    for (size_t i = 0; i < auth->n_dkims; i++) {
        const struct auth_result *x = &auth->dkims[i];
        if (!x->domain || strcmp(domain_registrable(x->domain), org) != 0)
            continue;
        struct history_signature *of = find_signature(g, x->domain, x->selector ? x->selector : "");
        if (of)
            report_add(&g->failed[of - g->signatures], messages);
        return;
    }
    for (size_t i = 0; i < auth->n_spfs; i++) {
        const struct auth_result *x = &auth->spfs[i];
        if (x->domain && strcmp(domain_registrable(x->domain), org) == 0 &&
            is(x->result, "permerror")) {
            report_add(&g->history.legitimate_failed, messages);
            return;
        }
    }
}

static bool has_list(const struct override_reason *reasons, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is(reasons[i].type, "mailing_list"))
            return true;
    }
    return false;
}

static int take_row(void *context, const struct store_source_row *row)
{
    struct gatherings *r = context;
    struct gathering *g = find(r, row->header_from && *row->header_from ? row->header_from
                                  : row->domain                         ? row->domain
                                                                        : "");
    struct auth_results auth;
    size_t n_reasons;

    if (!g)
        return 0;
    struct check_history *h = &g->history;
    arena_reset(r->scratch);
    auth_unpack(r->scratch, row->auth, &auth);
    const struct override_reason *reasons = reasons_unpack(r->scratch, row->reasons, &n_reasons);
    bool pass = row->dkim == VERDICT_PASS || row->spf == VERDICT_PASS;
    h->first = h->messages && h->first < row->first ? h->first : row->first;
    h->last = row->last > h->last ? row->last : h->last;
    report_add(&h->messages, row->messages);
    report_add(&h->dmarc_pass, pass ? row->messages : 0);
    report_add(&h->dkim_aligned, row->dkim == VERDICT_PASS ? row->messages : 0);
    report_add(&h->listed, has_list(reasons, n_reasons) ? row->messages : 0);
    for (size_t i = 0; i < auth.n_dkims; i++)
        take_signature(r, g, &auth.dkims[i], row);
    for (size_t i = 0; i < auth.n_spfs; i++)
        take_envelope(r, g, &auth.spfs[i], row);
    if (!pass)
        take_failure(g, &auth, row->messages);
    take_address(r, g, row);
    return 0;
}

/* ---- policies ---- */

static int take_report(void *context, const struct store_report_row *row)
{
    struct gatherings *r = context;
    struct gathering *g = row->domain ? find(r, row->domain) : NULL;

    if (!g || !row->p || !row->counts || g->history.n_policies == LIST_MAX)
        return 0;
    g->policies = arena_grow(r->arena, g->policies, &g->history.n_policies, sizeof *g->policies);
    g->policies[g->history.n_policies - 1] = (struct history_policy){
        .at = row->begin, .p = arena_strdup(r->arena, row->p), .testing = row->testing};
    return 0;
}

/* ---- TLS reports ---- */

/* A policy comes once for each kind of failure it had. */
static int take_tls(void *context, const struct store_tls_row *row)
{
    struct gatherings *r = context;
    struct gathering *g = row->domain ? find(r, row->domain) : NULL;

    if (!g || !row->counts || !is(row->policy_type, "sts") || row->id == r->last_policy)
        return 0;
    struct check_history *h = &g->history;
    r->last_policy = row->id;
    h->tls_first = h->tls_first && h->tls_first < row->begin ? h->tls_first : row->begin;
    report_add(&h->tls_successful, row->successful);
    report_add(&h->tls_failed, row->failed);
    return 0;
}

static int compare_times(const void *left, const void *right)
{
    const struct history_policy *a = left;
    const struct history_policy *b = right;

    return a->at < b->at ? -1 : a->at > b->at;
}

/* ---- all of it ---- */

static int read_period(struct gatherings *r, struct store *s, const struct history_request *want,
    const char *domain, struct err *e)
{
    int64_t today = when_day(want->now);
    struct store_period p = {
        .client = want->client, .domain = domain, .from = today - RECORD_DAYS, .to = today};
    int rc = store_sources(s, &p, take_row, r, e);

    if (!rc)
        rc = store_tls(s, &p, take_tls, r, e);
    p.from = today - POLICY_DAYS;
    return rc ? rc : store_reports(s, &p, false, take_report, r, e);
}

static int read_all(
    struct gatherings *r, struct store *s, const struct history_request *want, struct err *e)
{
    int rc = 0;

    if (r->n > FEW)
        return read_period(r, s, want, NULL, e);
    /* reports about a subdomain stand under the domain of its policy, which may be the one above */
    for (size_t i = 0; i < r->n && !rc; i++) {
        const char *domain = domain_registrable(r->by_name[i]->domain);
        bool again = false;
        for (size_t k = 0; k < i; k++)
            again = again || strcmp(domain_registrable(r->by_name[k]->domain), domain) == 0;
        if (!again)
            rc = read_period(r, s, want, domain, e);
    }
    return rc;
}

static void finish(struct gathering *g, int64_t now)
{
    struct check_history *h = &g->history;

    if (h->n_policies)
        qsort(g->policies, h->n_policies, sizeof *g->policies, compare_times);
    for (size_t i = 0; i < h->n_signatures; i++)
        report_add(&h->legitimate_failed, g->signatures[i].passed ? g->failed[i] : 0);
    h->signatures = g->signatures;
    h->envelopes = g->envelopes;
    h->policies = g->policies;
    h->sources = g->sources;
    /* There were reports before the period, too: who sends seldom is not seen on its first day. */
    int64_t begin = now - (int64_t)(RECORD_DAYS - 1) * SECONDS_PER_DAY;
    if (h->messages == 0 || h->n_policies == 0 || h->policies[0].at > begin)
        h->sources_complete = false;
}

/* ---- the last check ---- */

/* States come in order of time: the last one stays. */
static int take_state(void *context, const struct store_check *c)
{
    struct gatherings *r = context;
    struct gathering *g = find(r, c->domain);
    struct published p;

    if (!g)
        return 0;
    arena_reset(r->scratch);
    watch_unpack(r->scratch, c->content, &p);
    const char *name = arena_printf(r->scratch, "_mta-sts.%s", c->domain);
    const struct published_record *record = published_find(&p, "mta-sts", name);
    const struct published_record *policy = published_find(&p, "mta-sts-policy", name);
    g->history.sts_record = record && record->text ? arena_strdup(r->arena, record->text) : NULL;
    g->history.sts_policy = policy && policy->text ? arena_strdup(r->arena, policy->text) : NULL;
    return 0;
}

static int read_states(
    struct gatherings *r, struct store *s, const struct history_request *want, struct err *e)
{
    const struct store_period ever = {
        .client = want->client, .from = PERIOD_FIRST_DAY, .to = PERIOD_LAST_DAY};

    return store_checks(s, &ever, take_state, r, e);
}

int history_read(struct store *s, const struct history_request *want, struct arena *a,
    struct check_history **out, struct err *e)
{
    struct gathering *all = arena_alloc(a, (want->n + 1) * sizeof *all);
    struct gatherings r = {.arena = a,
        .by_name = arena_alloc(a, (want->n + 1) * sizeof(struct gathering *)),
        .n = want->n};

    for (size_t i = 0; i < want->n; i++) {
        all[i].domain = want->domains[i];
        all[i].history.sources_complete = true;
        r.by_name[i] = &all[i];
    }
    if (r.n)
        qsort(r.by_name, r.n, sizeof(struct gathering *), compare_names);
    r.scratch = arena_new();
    int rc = read_all(&r, s, want, e);
    if (!rc)
        rc = read_states(&r, s, want, e);
    arena_free(r.scratch);
    if (rc)
        return rc;
    *out = arena_alloc(a, (want->n + 1) * sizeof **out);
    for (size_t i = 0; i < want->n; i++)
        finish(&all[i], want->now);
    for (size_t i = 0; i < want->n; i++) /* a name that was given twice was gathered once */
        (*out)[i] = find(&r, want->domains[i])->history;
    return 0;
}
