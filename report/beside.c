#include "report/beside.h"

#include "base/arena.h"
#include "report/finding.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

/* A policy of a TLS report, or a kind of failure of it. */
struct session_row {
    const char *domain, *reporter, *policy_type, *result_type;
    int64_t id, payload, successful, failed, sessions;
};

struct collector {
    struct arena *arena;
    struct beside *out;
    struct session_row *rows;
    size_t n_rows;
};

static const char *copy(struct arena *a, const char *s)
{
    return s ? arena_strdup(a, s) : NULL;
}

static int compare_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int compare_down(int64_t a, int64_t b)
{
    return a > b ? -1 : a < b;
}

/* ---- TLS ---- */

static int take_tls(void *context, const struct store_tls_row *r)
{
    struct collector *c = context;
    size_t at = c->n_rows;

    if (!r->counts)
        return 0;
    c->rows = arena_grow(c->arena, c->rows, &c->n_rows, sizeof *c->rows);
    c->rows[at] = (struct session_row){
        .domain = arena_strdup(c->arena, r->domain ? r->domain : ""),
        .reporter = arena_strdup(c->arena, r->reporter ? r->reporter : ""),
        .policy_type = copy(c->arena, r->policy_type),
        .result_type = copy(c->arena, r->result_type),
        .id = r->id,
        .payload = r->payload,
        .successful = r->successful,
        .failed = r->failed,
        .sessions = r->sessions,
    };
    return 0;
}

static int by_domain_and_policy(const void *left, const void *right)
{
    const struct session_row *a = left;
    const struct session_row *b = right;
    int order = strcmp(a->domain, b->domain);

    if (!order)
        order = strcmp(a->reporter, b->reporter);
    if (!order)
        order = (a->payload > b->payload) - (a->payload < b->payload);
    return order ? order : (a->id > b->id) - (a->id < b->id);
}

static void add_kind(struct collector *c, struct tls_domain *d, const struct session_row *r)
{
    size_t at = 0;

    if (r->sessions == 0)
        return;
    while (at < d->n_kinds && at < TLS_KINDS_MAX - 1 &&
           (compare_text(d->kinds[at].policy_type, r->policy_type) != 0 ||
               compare_text(d->kinds[at].result_type, r->result_type) != 0))
        at++;
    if (at == TLS_KINDS_MAX - 1 &&
        d->n_kinds == TLS_KINDS_MAX) { /* a stranger may make up any number of words */
        d->kinds[at].result_type = "other";
        d->kinds[at].policy_type = NULL;
    } else if (at == d->n_kinds) {
        d->kinds = arena_grow(c->arena, d->kinds, &d->n_kinds, sizeof *d->kinds);
        d->kinds[at] =
            (struct tls_kind){.policy_type = r->policy_type, .result_type = r->result_type};
    }
    report_add(&d->kinds[at].sessions, r->sessions);
}

static int by_sessions(const void *left, const void *right)
{
    const struct tls_kind *a = left;
    const struct tls_kind *b = right;
    int order = compare_down(a->sessions, b->sessions);

    if (!order)
        order = compare_text(a->result_type, b->result_type);
    return order ? order : compare_text(a->policy_type, b->policy_type);
}

static int by_failed(const void *left, const void *right)
{
    const struct tls_domain *a = left;
    const struct tls_domain *b = right;
    int order = compare_down(a->failed, b->failed);

    return order ? order : strcmp(a->name, b->name);
}

static void count_tls(struct collector *c)
{
    struct beside *out = c->out;
    struct tls_domain *d = NULL;

    if (c->n_rows)
        qsort(c->rows, c->n_rows, sizeof *c->rows, by_domain_and_policy);
    for (size_t i = 0; i < c->n_rows; i++) {
        const struct session_row *r = &c->rows[i];
        const struct session_row *last = i ? &c->rows[i - 1] : NULL;
        bool new_domain = !last || strcmp(last->domain, r->domain) != 0;
        bool new_reporter = new_domain || strcmp(last->reporter, r->reporter) != 0;
        if (new_domain) {
            out->tls = arena_grow(c->arena, out->tls, &out->n_tls, sizeof *out->tls);
            d = &out->tls[out->n_tls - 1];
            *d = (struct tls_domain){.name = r->domain};
        }
        d->reporters += new_reporter;
        d->reports += new_reporter || last->payload != r->payload;
        if (new_reporter || last->id != r->id) {
            report_add(&d->successful, r->successful);
            report_add(&d->failed, r->failed);
        }
        add_kind(c, d, r);
    }
    for (size_t i = 0; i < out->n_tls; i++) {
        if (out->tls[i].n_kinds)
            qsort(out->tls[i].kinds, out->tls[i].n_kinds, sizeof *out->tls[i].kinds, by_sessions);
    }
    if (out->n_tls)
        qsort(out->tls, out->n_tls, sizeof *out->tls, by_failed);
}

/* ---- failure reports ---- */

static int take_failure(void *context, const struct store_failure_row *r)
{
    struct collector *c = context;
    struct beside *out = c->out;
    size_t at = out->n_failures;
    int64_t incidents = r->incidents > 0 ? r->incidents : 1;

    out->failures = arena_grow(c->arena, out->failures, &out->n_failures, sizeof *out->failures);
    out->failures[at] = (struct failure_kind){
        .domain = arena_strdup(c->arena, r->domain ? r->domain : ""),
        .source_ip = r->source_ip,
        .auth_failure = copy(c->arena, r->auth_failure),
        .delivery_result = copy(c->arena, r->delivery_result),
        .mail_from = copy(c->arena, r->original_mail_from),
        .reporter = copy(c->arena, r->reporter),
        .reports = 1,
        .incidents = incidents,
        .last = r->arrival,
    };
    out->failure_reports++;
    report_add(&out->failure_incidents, incidents);
    return 0;
}

static int compare_kinds(const struct failure_kind *a, const struct failure_kind *b)
{
    int order = strcmp(a->domain, b->domain);

    if (!order)
        order = (int)a->source_ip.len - (int)b->source_ip.len;
    if (!order)
        order = memcmp(a->source_ip.bytes, b->source_ip.bytes, a->source_ip.len);
    if (!order)
        order = compare_text(a->auth_failure, b->auth_failure);
    return order ? order : compare_text(a->delivery_result, b->delivery_result);
}

/* The latest of a kind first. */
static int by_kind(const void *left, const void *right)
{
    const struct failure_kind *a = left;
    const struct failure_kind *b = right;
    int order = compare_kinds(a, b);

    if (!order)
        order = compare_down(a->last, b->last);
    if (!order)
        order = compare_text(a->mail_from, b->mail_from);
    return order ? order : compare_text(a->reporter, b->reporter);
}

static int by_incidents(const void *left, const void *right)
{
    const struct failure_kind *a = left;
    const struct failure_kind *b = right;
    int order = compare_down(a->incidents, b->incidents);

    return order ? order : compare_kinds(a, b);
}

static void count_failures(struct beside *out)
{
    struct failure_kind *list = out->failures;
    size_t kept = 0;

    if (out->n_failures == 0)
        return;
    qsort(list, out->n_failures, sizeof *list, by_kind);
    for (size_t i = 0; i < out->n_failures; i++) {
        if (kept && compare_kinds(&list[kept - 1], &list[i]) == 0) {
            list[kept - 1].reports++;
            report_add(&list[kept - 1].incidents, list[i].incidents);
        } else {
            list[kept++] = list[i];
        }
    }
    qsort(list, kept, sizeof *list, by_incidents);
    out->n_failures = kept;
}

int beside_build(struct store *s, const struct store_period *p, struct arena *a, struct beside *out,
    struct err *e)
{
    struct collector c = {.arena = a, .out = out};

    *out = (struct beside){0};
    int rc = store_tls(s, p, take_tls, &c, e);
    if (!rc)
        rc = store_failures(s, p, take_failure, &c, e);
    if (rc)
        return rc;
    count_tls(&c);
    count_failures(out);
    return 0;
}
