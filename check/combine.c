#include "check/combine.h"

#include "base/arena.h"
#include "base/text.h"
#include "check/history.h"
#include "check/vendor.h"

#include <string.h>

enum {
    PAIRS_MAX = 5 /* signing domains whose organisation is looked for */
};

/* ---- parked ---- */

bool combine_is_parked(struct subject *s, const struct mx_result *mx)
{
    const struct spf_glance spf = spf_glance(s);
    bool silent = !spf.record || spf.nobody;
    bool takes = mx->unknown || mx->n > 0 || mx->address;

    if (mx->none && mx->address) /* a web server, perhaps; only what it says of itself counts */
        takes = !spf.nobody;
    if (s->history && s->history->dmarc_pass > 0)
        return false;
    return !takes && silent;
}

static void check_parked(struct subject *s, const struct combine_input *in)
{
    const struct dmarc_result *d = in->dmarc;
    bool has_dmarc = d->as_9989.place || d->as_7489.place;

    if (!in->parked || d->unknown)
        return;
    if (d->as_9989.policy != DMARC_REJECT) {
        finding_add(&s->findings, "DMARC-44", d->own.name,
            "%s neither takes nor sends mail, but its policy is not reject", s->domain);
    }
    bool has_spf = spf_glance(s).record;
    if (in->mx->none && !in->mx->address && (!has_spf || !has_dmarc)) {
        finding_add(&s->findings, "X-02", NULL, "%s seems to take no part in mail, and %s",
            s->domain, has_spf ? "has no DMARC record" : "has no SPF record");
    }
}

/* ---- providers ---- */

/* What of the SPF tree leads to the record at this name; NULL: nothing does. */
static const struct spf_branch *spf_branch_to(const struct spf_outcome *o, const char *name)
{
    for (size_t i = 0; i < o->tree.n_lines; i++) {
        const struct spf_branch *b = o->tree.lines[i].branch;
        if (b->node && strcmp(b->node->domain, name) == 0)
            return b;
    }
    return NULL;
}

/* Messages that carry a signature of the vendor's own domain: they left its servers. */
static int64_t seen_from(const struct check_history *h, enum vendor v)
{
    static const char *const own[VENDOR_COUNT] = {
        [VENDOR_MICROSOFT] = "onmicrosoft.com", [VENDOR_GOOGLE] = "gappssmtp.com"};
    int64_t messages = 0;

    for (size_t i = 0; i < h->n_signatures; i++) {
        if (domain_is_within(h->signatures[i].domain, own[v]))
            messages += h->signatures[i].messages;
    }
    return messages;
}

static void check_vendor(struct subject *s, const struct combine_input *in, enum vendor v)
{
    const struct vendor_facts *facts = &vendors[v];
    const struct check_history *h = s->history;
    const struct spf_branch *included = spf_branch_to(in->spf, facts->include);
    int64_t seen = seen_from(s->history, v);
    bool takes = false;

    for (size_t i = 0; i < in->mx->n; i++)
        takes = takes || vendor_of_mx(in->mx->hosts[i].name) == (int)v;
    if (takes && !included && seen && in->spf->tree.top->state == SPF_NODE_RECORD) {
        finding_add(&s->findings, "X-03", s->domain,
            "%s takes and sends your mail, but SPF lacks include:%s", facts->name, facts->include);
        finding_messages(&s->findings, seen);
    }
    if (included && !takes && !seen && !in->mx->unknown && h->sources_complete &&
        spf_branch_messages(&in->spf->tree, included, h->sources, h->n_sources) == 0) {
        finding_add(&s->findings, "X-04", s->domain,
            "SPF includes %s, but no mail goes there or comes from there", facts->name);
    }
}

/* ---- what reports add ---- */

static bool is_spf_permerror(const struct findings *f)
{
    static const char *const ids[] = {
        "SPF-02", "SPF-05", "SPF-06", "SPF-08", "SPF-10", "SPF-16", "SPF-27"};

    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        if (findings_have(f, ids[i]))
            return true;
    }
    return false;
}

/* Findings that void the SPF record explain what reports say about it. */
static void explain_permerrors(struct subject *s, int64_t messages)
{
    static const char *const ids[] = {
        "SPF-02", "SPF-05", "SPF-06", "SPF-08", "SPF-10", "SPF-16", "SPF-27"};

    for (size_t i = 0; i < s->findings.n; i++) {
        for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) {
            if (strcmp(s->findings.items[i].kind->id, ids[k]) == 0)
                s->findings.items[i].messages = messages;
        }
    }
}

static void check_permerrors(struct subject *s)
{
    const struct check_history *h = s->history;
    int64_t permerrors = 0;
    int64_t lost = 0;

    if (!is_spf_permerror(&s->findings))
        return;
    for (size_t i = 0; i < h->n_envelopes; i++) {
        const struct history_envelope *x = &h->envelopes[i];
        if (strcmp(x->domain, s->domain) != 0)
            continue;
        permerrors += x->permerrors;
        lost += x->unsigned_messages;
    }
    if (permerrors)
        explain_permerrors(s, permerrors);
    if (lost) {
        finding_add(&s->findings, "X-05", s->domain,
            "%lld messages have no aligned signature, and the SPF record is void", (long long)lost);
        finding_messages(&s->findings, lost);
        finding_arg(&s->findings, "source", "these sources");
    }
}

/* Signing domains that belong to the organisation for some receivers only. */
static void check_alignment(struct subject *s, const struct dmarc_result *d)
{
    const struct check_history *h = s->history;
    const char *looked[PAIRS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < h->n_signatures && n < PAIRS_MAX; i++) {
        const char *signer = h->signatures[i].domain;
        bool again = false;
        for (size_t k = 0; k < n; k++)
            again = again || strcmp(looked[k], signer) == 0;
        if (again || strcmp(signer, s->domain) == 0)
            continue;
        bool by_list = strcmp(domain_registrable(signer), d->org_psl) == 0;
        if (!by_list && !domain_is_within(signer, d->walk.org))
            continue;
        looked[n++] = signer;
        struct dmarc_walk *w = arena_alloc(s->arena, sizeof *w);
        dmarc_walk(s, signer, w);
        bool by_walk = strcmp(w->org, d->walk.org) == 0;
        if (by_list != by_walk && !w->incomplete && !d->walk.incomplete) {
            finding_add(&s->findings, "X-07", NULL, "signatures of %s align by the %s only", signer,
                by_list ? "public suffix list" : "tree walk");
            finding_messages(&s->findings, h->signatures[i].messages);
        }
    }
}

static void check_start(struct subject *s, const struct combine_input *in)
{
    const struct dmarc_result *d = in->dmarc;

    if (in->mx->n && s->history->messages && s->history->dkim_aligned == 0 &&
        !spf_glance(s).record && !d->unknown && !d->as_9989.place && !d->as_7489.place) {
        finding_add(&s->findings, "X-01", NULL,
            "%s takes and sends mail, and nothing protects its name", s->domain);
        finding_messages(&s->findings, s->history->messages);
    }
}

static void check_subdomain(struct subject *s, const struct dmarc_result *d)
{
    const struct dmarc_applied *as = &d->as_9989;

    if (as->place && as->inherited && as->policy == DMARC_NONE && !d->unknown) {
        finding_add(&s->findings, "X-06", NULL, "%s has no record; by %s its mail is only watched",
            s->domain, as->place->name);
    }
}

void combine_check(struct subject *s, const struct combine_input *in)
{
    check_parked(s, in);
    check_subdomain(s, in->dmarc);
    if (!s->history || s->history->messages == 0)
        return;
    check_start(s, in);
    check_permerrors(s);
    check_alignment(s, in->dmarc);
    for (int v = 0; v < (int)VENDOR_COUNT; v++)
        check_vendor(s, in, (enum vendor)v);
}
