#include "report/features.h"

#include "base/text.h"

#include <string.h>

static bool is(const char *word, const char *wanted)
{
    return word && strcmp(word, wanted) == 0;
}

/* ---- alignment ---- */

/* Is the domain aligned with the From domain, under the relaxed mode? */
static bool aligned(struct features *f, const char *domain)
{
    if (!domain || !*domain || !*f->from)
        return false;
    if (strcmp(domain, f->from) == 0)
        return true;
    /* A walk from the other domain would end there, too, but for a record of its own between. */
    if (f->row->tree_walk && f->known->organisation)
        return domain_is_within(domain, f->known->organisation);
    if (!f->from_organisation)
        f->from_organisation = domain_registrable(f->from);
    return strcmp(domain_registrable(domain), f->from_organisation) == 0;
}

static bool aligned_under(struct features *f, const char *domain, bool strict)
{
    return strict ? is(domain, f->from) : aligned(f, domain);
}

/* ---- DKIM: d= only, never i= ---- */

static void read_own_key(struct features *f, const struct auth_result *k)
{
    bool passes = is(k->result, "pass");

    if (passes) {
        f->dk_ok_al_r = true;
        f->dk_ok_al_m = f->dk_ok_al_m || aligned_under(f, k->domain, f->row->strict_dkim);
    } else if (is(k->result, "fail") || is(k->result, "policy") || is(k->result, "neutral")) {
        f->dk_fail_al = true;
    } else if (is(k->result, "permerror")) {
        f->dk_perm_al = true;
    } else if (is(k->result, "temperror")) {
        f->dk_tmp_al = true;
    }
    if (!f->own_key || (passes && !is(f->own_key->result, "pass")))
        f->own_key = k;
}

static void read_other_key(struct features *f, const struct auth_result *k)
{
    f->dk_ok_other = true;
    if (!f->other_key)
        f->other_key = k;
    if (domain_is_within(k->domain, "onmicrosoft.com"))
        f->onmicrosoft = k->domain;
    if (domain_is_within(k->domain, "gappssmtp.com"))
        f->gappssmtp = k->domain;
}

static void read_dkim(struct features *f)
{
    f->dk_none = true;
    for (size_t i = 0; i < f->row->auth->n_dkims; i++) {
        const struct auth_result *k = &f->row->auth->dkims[i];
        if (is(k->result, "none"))
            continue;
        f->dk_none = false;
        if (!k->domain || !*k->domain)
            continue;
        if (aligned(f, k->domain)) {
            read_own_key(f, k);
        } else if (is(k->result, "pass")) {
            read_other_key(f, k);
        }
    }
}

/* ---- SPF: the MAIL FROM identity ---- */

static bool spf_aligns(struct features *f, const struct auth_result *s)
{
    return is(s->result, "pass") && aligned(f, s->domain);
}

/* HELO counts only when it is all there is and the reverse-path may have been empty. */
static void read_spf(struct features *f)
{
    const struct auth_results *auth = f->row->auth;
    const char *envelope = f->row->envelope_from;
    const struct auth_result *chosen = NULL;

    for (size_t i = 0; i < auth->n_spfs; i++) {
        const struct auth_result *s = &auth->spfs[i];
        if (is(s->scope, "helo"))
            continue;
        if (!chosen || (spf_aligns(f, s) && !spf_aligns(f, chosen)))
            chosen = s;
    }
    if (!chosen && auth->n_spfs == 1 && (!envelope || !*envelope))
        chosen = &auth->spfs[0];
    if (!chosen || !chosen->domain || !*chosen->domain)
        return;
    f->spf_dom = chosen->domain;
    f->spf_res = chosen->result;
    f->spf_own = aligned(f, f->spf_dom);
    f->spf_al_m = aligned_under(f, f->spf_dom, f->row->strict_spf);
}

/* ---- the rest ---- */

static void read_verdict(struct features *f)
{
    const struct sighting *s = f->row;
    bool spf_passes = is(f->spf_res, "pass") && f->spf_al_m;
    bool silent = s->dkim == VERDICT_UNKNOWN && s->spf == VERDICT_UNKNOWN;

    f->recomputed = silent || s->distrust_spf;
    f->da = silent ? f->dk_ok_al_m : s->dkim == VERDICT_PASS;
    f->sa = f->recomputed ? spf_passes : s->spf == VERDICT_PASS;
    f->pass = f->da || f->sa;
}

static void read_reasons(struct features *f)
{
    for (size_t i = 0; i < f->row->n_reasons; i++) {
        const struct override_reason *r = &f->row->reasons[i];
        f->fwd = f->fwd || is(r->type, "forwarded") || is(r->type, "trusted_forwarder");
        f->list = f->list || is(r->type, "mailing_list");
        if (is(r->type, "local_policy") && r->comment && strstr(r->comment, "arc=pass"))
            f->arc = r->comment;
    }
    f->fwd = f->fwd || f->arc;
}

static void read_source(struct features *f, const struct identities *ids)
{
    const struct identity_signs signs = {
        .ip = &f->row->ip,
        .auth = f->row->auth,
        .spf_domain = is(f->spf_res, "pass") ? f->spf_dom : NULL,
        .context = f->known,
    };
    struct identity who = identity_find(ids, &signs);

    f->src = who.sender;
    f->label = who.label;
    f->kind = f->src ? f->src->kind : SENDER_OTHER;
    f->cap = f->src && f->src->capable == YES;
    f->fwd = f->fwd || f->kind == SENDER_FORWARDER;
    f->list = f->list || f->kind == SENDER_LIST;
    f->own = f->known->own == YES || (f->label && f->label->mine);
    f->in_spf = f->known->in_spf == YES;
}

/* The envelope was empty: SPF then speaks of the name the host gave itself (RFC 7208 2.4). Where
 * the envelope is not reported, a host's name in its place tells. */
static void read_null_from(struct features *f, const struct identities *ids)
{
    const char *envelope = f->row->envelope_from;
    const char *ptr = f->known->ptr;
    const char *name = f->spf_dom;

    f->null_from = (envelope && !*envelope) || (name && ptr && strcmp(name, ptr) == 0) ||
                   (name && !envelope && f->src && identity_is_host(ids, f->src, name));
}

static void read_from(struct features *f)
{
    const struct sighting *s = f->row;
    bool said = s->header_from && *s->header_from;

    f->from = said ? s->header_from : s->policy_domain;
    f->usable = said && domain_is_within(s->header_from, s->policy_domain);
}

void features_read(const struct sighting *s, const struct identities *ids, struct features *out)
{
    *out = (struct features){.row = s, .known = s->context};
    read_from(out);
    read_dkim(out);
    read_spf(out);
    read_verdict(out);
    read_reasons(out);
    read_source(out, ids);
    read_null_from(out, ids);
}

bool features_contradict(const struct features *f)
{
    return !f->pass && (f->dk_ok_al_m || (is(f->spf_res, "pass") && f->spf_al_m));
}
