#include "report/simulate.h"

#include "base/arena.h"
#include "base/when.h"
#include "report/number_set.h"

#include <string.h>

struct simulator {
    struct arena *arena;
    struct simulation *out;
    struct findings *findings;
    struct number_set reporters;
    int64_t largest; /* messages of the row whose policy is shown */
};

static bool is(const char *word, const char *wanted)
{
    return word && strcmp(word, wanted) == 0;
}

static bool dkim_then(const struct features *f, const struct change *c)
{
    if (c->without_dkim)
        return false;
    if (!c->adkim)
        return f->da;
    if (is(c->adkim, "r"))
        return f->da || f->dk_ok_al_r;
    bool listed = false;
    for (size_t i = 0; i < f->row->auth->n_dkims; i++) {
        const struct auth_result *k = &f->row->auth->dkims[i];
        if (is(k->result, "pass") && is(k->domain, f->from))
            return f->da;
        listed = listed || (is(k->result, "pass") && f->dk_ok_al_r);
    }
    return f->da && !listed;
}

static bool spf_then(const struct features *f, const struct change *c)
{
    if (c->without_spf)
        return false;
    if (!c->aspf)
        return f->sa;
    if (is(c->aspf, "r"))
        return f->sa || (is(f->spf_res, "pass") && f->spf_own);
    return f->sa && (!f->spf_dom || !f->spf_own || is(f->spf_dom, f->from));
}

/* RFC 7489 6.3, RFC 9989 4.7: np for names that do not exist, sp for the others below the domain.
 */
static const char *policy_then(const struct judgement *j, const struct change *c)
{
    const struct store_source_row *r = j->row;
    const struct features *f = j->features;
    const char *p = c->p ? c->p : r->p;
    const char *sp = c->sp ? c->sp : r->sp;

    if (strcmp(f->from, r->domain) == 0)
        return p;
    if (c->np && f->known->nonexistent == YES)
        return c->np;
    return judge_policy(p, sp, true);
}

static bool asks(const char *policy)
{
    return is(policy, "quarantine") || is(policy, "reject");
}

static void count_readiness(struct simulator *m, const struct judgement *j, bool passes)
{
    struct readiness *r = &m->out->readiness;
    enum cause_class class = causes[j->cause].class;
    bool newly = !passes && j->features->pass;

    report_add(&r->classes[newly && intent_of(class) != INTENT_UNKNOWN ? CLASS_FIX : class],
        j->row->messages);
    r->first = j->row->first < r->first ? j->row->first : r->first;
    r->last = j->row->last > r->last ? j->row->last : r->last;
    number_set_add(m->arena, &m->reporters, j->reporter);
    r->reporters = m->reporters.n;
}

static void take_row(void *context, const struct judgement *j)
{
    struct simulator *m = context;
    struct simulation *s = m->out;
    const struct features *f = j->features;
    enum intent who = intent_of(causes[j->cause].class);
    bool passes = dkim_then(f, &s->change) || spf_then(f, &s->change);
    const char *policy = policy_then(j, &s->change);
    int64_t n = j->row->messages;

    if (j->before)
        return;
    report_add(&s->messages, n);
    report_add(&s->by_intent[who], n);
    report_add(&s->nonexistent, f->known->nonexistent == YES ? n : 0);
    if (n > m->largest && j->row->p) {
        m->largest = n;
        s->policy = j->row->p;
    }
    count_readiness(m, j, passes);
    if (!f->pass && asks(j->policy))
        report_add(&s->hit_today[who], n);
    if (passes || !asks(policy))
        return;
    report_add(is(policy, "reject") ? &s->rejected[who] : &s->quarantined[who], n);
    findings_add(m->findings, j);
}

int simulate(struct store *s, const struct what_if *w, const struct report_settings *set,
    struct arena *a, struct simulation *out, struct err *e)
{
    const struct store_period *p = &w->period;
    struct simulator m = {
        .arena = a, .out = out, .findings = findings_new(a, p->to), .largest = -1};

    *out = (struct simulation){
        .client = p->client,
        .domain = p->domain,
        .from = p->from,
        .to = p->to,
        .change = w->change,
        .readiness = {.first = INT64_MAX, .last = INT64_MIN},
    };
    int rc = store_read_begin(s, e);
    if (!rc) {
        rc = judge_rows(s, p, set, a, &(struct judge_sink){take_row, &m}, e);
        store_read_end(s);
    }
    out->findings = findings_finish(m.findings, &out->n_findings);
    return rc;
}

const char *simulation_verdict(struct arena *a, const struct simulation *s)
{
    const char *target = s->change.p && asks(s->change.p) ? s->change.p : NULL;

    return readiness_words(a, NULL, &s->readiness, s->policy, target);
}
