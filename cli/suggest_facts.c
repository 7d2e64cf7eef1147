#include "cli/suggest_facts.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "report/enrichment.h"
#include "report/report.h"
#include "send/message.h"

#include <string.h>

enum {
    OWN_ADDRESSES_MAX = 20 /* of a network of the owner's that are named one by one */
};

/* Everything that came from one service, or one network of the owner's. */
struct gathering {
    const struct sender *sender;
    const struct label *label;
    struct suggest_sender facts;
    struct spf_source *sources;
};

struct gatherings {
    struct arena *arena;
    const char *domain;
    struct gathering *list;
    size_t n;
};

static bool begins(const char *s, const char *words)
{
    return strncmp(s, words, strlen(words)) == 0;
}

const char *suggest_term(struct arena *a, const char *spf, const char *spf_where)
{
    static const char *const remarks[] = {" (old", " (uses ", " (also "};
    bool odd = false;

    if (!spf || !spf_where || !begins(spf_where, "apex") || !begins(spf, "include:"))
        return NULL;
    size_t n = strcspn(spf, " ");
    bool plain = spf[n] == '\0';
    for (size_t i = 0; i < sizeof remarks / sizeof *remarks; i++)
        plain = plain || begins(spf + n, remarks[i]);
    const char *term = arena_strndup(a, spf, n);
    const char *name = domain_normalise(a, term + 8, &odd);
    return plain && !odd && strchr(name, '.') ? term : NULL;
}

int suggest_rua(struct arena *a, const char *text, const char **out, struct err *e)
{
    const char *address = message_address(a, text);

    if (!address || strpbrk(address, ",;!"))
        return err_set(e, ERR_USAGE, "usage", "--rua wants an address like a@b.example");
    *out = arena_printf(a, "mailto:%s", address);
    return 0;
}

/* Whose mail it is, by the judgement of the reports. */
static bool is_own_mail(const struct report_share *share)
{
    enum cause_class class = causes[share->cause].class;
    const struct evidence *v = &share->evidence;

    if (class != CLASS_OK && class != CLASS_OK_WEAK && class != CLASS_FIX)
        return false;
    if (v->sender)
        return v->sender->kind != SENDER_FORWARDER && v->sender->kind != SENDER_LIST;
    return v->label && v->label->mine;
}

static struct gathering *gathering_of(struct gatherings *g, const struct evidence *v)
{
    for (size_t i = 0; i < g->n; i++) {
        struct gathering *x = &g->list[i];
        if (v->sender ? x->sender && strcmp(x->sender->id, v->sender->id) == 0
                      : !x->sender && x->label == v->label)
            return x;
    }
    g->list = arena_grow(g->arena, g->list, &g->n, sizeof *g->list);
    struct gathering *x = &g->list[g->n - 1];
    *x = (struct gathering){.sender = v->sender, .label = v->sender ? NULL : v->label};
    return x;
}

static void take_share(
    struct gatherings *g, const struct report_source *source, const struct report_share *share)
{
    const char *from = share->evidence.from;

    if (!is_own_mail(share) || (from && *from && strcmp(from, g->domain) != 0))
        return;
    struct gathering *x = gathering_of(g, &share->evidence);
    report_add(&x->facts.messages, share->messages);
    report_add(&x->facts.passed, share->dmarc_pass);
    report_add(&x->facts.dkim_aligned, share->dkim_aligned);
    if (!source->ip.len)
        return;
    x->sources = arena_grow(g->arena, x->sources, &x->facts.n_sources, sizeof *x->sources);
    x->sources[x->facts.n_sources - 1] =
        (struct spf_source){.ip = source->ip, .messages = share->messages};
}

static const char **own_terms(struct gatherings *g, const struct gathering *x, size_t *n)
{
    const char **terms = arena_alloc(g->arena, (x->facts.n_sources + 1) * sizeof *terms);

    for (size_t i = 0; i < x->facts.n_sources && *n < OWN_ADDRESSES_MAX; i++) {
        char ip[ADDR_TEXT_MAX];
        addr_format(&x->sources[i].ip, ip);
        terms[(*n)++] = arena_printf(g->arena, "ip%d:%s", x->sources[i].ip.len == 4 ? 4 : 6, ip);
    }
    return terms;
}

static bool is_said(const char *text)
{
    return text && *text && strcmp(text, "-") != 0;
}

static void describe(struct gatherings *g, struct gathering *x)
{
    struct suggest_sender *f = &x->facts;
    const struct sender *s = x->sender;

    f->sources = x->sources;
    if (!s) {
        f->name = x->label->name;
        f->terms = own_terms(g, x, &f->n_terms);
        return;
    }
    f->name = s->name;
    f->where = is_said(s->where) ? s->where : NULL;
    const char *term = suggest_term(g->arena, s->spf, s->spf_where);
    if (term) {
        const char **terms = arena_alloc(g->arena, sizeof *terms);
        terms[0] = term;
        f->terms = terms;
        f->n_terms = 1;
    } else if (s->spf_where && begins(s->spf_where, "apex") && is_said(s->spf)) {
        f->spf_hint = s->spf;
    }
    if (s->capable != NO && is_said(s->dkim_records))
        f->dkim_hint = s->dkim_records;
}

/* Most messages first; of few messages nothing is concluded. */
static void hand_out(struct gatherings *g, struct suggest_facts *out)
{
    struct suggest_sender *senders = arena_alloc(g->arena, (g->n + 1) * sizeof *senders);

    for (size_t i = 0; i < g->n; i++) {
        if (g->list[i].facts.messages < FINDING_MESSAGES)
            continue;
        describe(g, &g->list[i]);
        size_t k = out->n++;
        for (; k > 0 && senders[k - 1].messages < g->list[i].facts.messages; k--)
            senders[k] = senders[k - 1];
        senders[k] = g->list[i].facts;
    }
    out->senders = senders;
}

static const char *policy_name(enum suggest_policy p)
{
    return p == SUGGEST_POLICY_REJECT       ? "reject"
           : p == SUGGEST_POLICY_QUARANTINE ? "quarantine"
                                            : "none";
}

int suggest_facts_read(struct store *s, const struct suggest_request *want, struct arena *a,
    struct suggest_facts *out, struct err *e)
{
    int64_t today = when_day(want->now);
    const struct store_period period = {
        .domain = want->domain, .from = today - (JUDGE_DAYS - 1), .to = today};
    struct gatherings g = {.arena = a, .domain = want->domain};
    struct client_report report;

    *out = (struct suggest_facts){.rua = want->rua};
    if (!s)
        return 0;
    struct enrichment *known = enrichment_new(s, want->identities);
    const struct report_settings set = {.identities = want->identities, .enrichment = known};
    int rc = report_build(s, &period, &set, a, &report, e);
    enrichment_free(known);
    if (rc)
        return rc;
    for (size_t i = 0; i < report.n_sources; i++) {
        for (size_t k = 0; k < report.sources[i].n_shares; k++)
            take_share(&g, &report.sources[i], &report.sources[i].shares[k]);
    }
    hand_out(&g, out);
    const struct report_domain *d = report_domain_find(&report, want->domain);
    if (d && d->totals.messages) {
        out->seen = true;
        out->ready = readiness_ready(&d->readiness);
        out->readiness = readiness_words(a, NULL, &d->readiness, policy_name(want->today), NULL);
    }
    return 0;
}
