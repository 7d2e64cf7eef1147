#include "check/suggest.h"

#include "base/arena.h"
#include "base/text.h"
#include "check/check.h"
#include "check/history.h"
#include "check/spf_services.h"

#include <inttypes.h>
#include <string.h>

enum {
    LOOKUPS_MAX = 10 /* RFC 7208 section 4.6.4 */
};

/* A term of the new SPF record. */
struct draft_term {
    const char *text;
    unsigned lookups;
    bool fresh;         /* it is not in the record of today */
    const char *who;    /* for whom, when it is fresh */
    const char *may_go; /* why mail passes without it; NULL: it has to stay */
};

struct suggesting {
    struct arena *arena;
    struct dns *dns;
    const struct check_result *check;
    const struct suggest_facts *facts;
    struct suggestion *out;
    /* SPF */
    struct draft_term *terms;
    size_t n_terms;
    const char *left_out; /* in words */
};

const char *suggest_state_name(enum suggest_state s)
{
    static const char *const names[] = {
        [SUGGEST_KEEP] = "keep",
        [SUGGEST_CHANGE] = "change",
        [SUGGEST_ADD] = "add",
        [SUGGEST_BY_HAND] = "by hand",
    };

    return names[s];
}

static void add_line(struct suggesting *g, struct suggest_line line)
{
    struct suggestion *out = g->out;

    out->lines = arena_grow(g->arena, out->lines, &out->n, sizeof *out->lines);
    out->lines[out->n - 1] = line;
}

/* A record of which the domain has `now`, or nothing. */
static void add_record(struct suggesting *g, const char *name, const char *type, const char *value,
    const char *now, const char *why)
{
    enum suggest_state state = !now                      ? SUGGEST_ADD
                               : strcmp(now, value) == 0 ? SUGGEST_KEEP
                                                         : SUGGEST_CHANGE;

    add_line(g, (struct suggest_line){state, name, type, value, now, why});
}

/* "a", then "a, b" */
static const char *listed(struct arena *a, const char *list, const char *item)
{
    return arena_printf(a, "%s%s%s", list, *list ? ", " : "", item);
}

/* ---- SPF ---- */

static void add_term(struct suggesting *g, struct draft_term term)
{
    for (size_t i = 0; i < g->n_terms; i++) {
        if (text_equal_nocase(g->terms[i].text, term.text))
            return;
    }
    g->terms = arena_grow(g->arena, g->terms, &g->n_terms, sizeof *g->terms);
    g->terms[g->n_terms - 1] = term;
}

static void leave_out(struct suggesting *g, const char *text, const char *why)
{
    g->left_out = listed(g->arena, g->left_out, arena_printf(g->arena, "%s (%s)", text, why));
}

/* Is it known that no mail comes from there? */
static bool is_unused(const struct suggesting *g, const struct spf_branch *b)
{
    const struct check_history *h = g->check->history;

    if (!h || !h->sources_complete || h->messages == 0 || b->dynamic)
        return false;
    if (b->node && b->node->state == SPF_NODE_UNKNOWN)
        return false;
    return spf_branch_messages(&g->check->spf.tree, b, h->sources, h->n_sources) == 0;
}

static void keep_term(struct suggesting *g, const struct spf_branch *b)
{
    const struct spf_term *t = b->term;
    const char *text = finding_escape(g->arena, t->text, t->len);
    static const char unused[] = "no mail from there in the reports of 90 days";
    const struct spf_service *service =
        t->kind == SPF_INCLUDE && b->target ? spf_service_find(b->target) : NULL;

    if (t->kind == SPF_ALL)
        return;
    if (t->fault || t->kind == SPF_UNKNOWN || t->kind == SPF_OTHER_MODIFIER) {
        leave_out(g, text, t->fault ? t->fault : "no receiver knows it");
    } else if (b->node && (b->node->state == SPF_NODE_NONE || b->node->state == SPF_NODE_NO_NAME ||
                              b->node->state == SPF_NODE_LOOP)) {
        leave_out(g, text, "there is no record");
    } else if (b->skipped) {
        leave_out(g, text, "it stands behind \"all\": nobody reads it");
    } else if (is_unused(g, b) && t->kind == SPF_INCLUDE) {
        leave_out(g, text, unused);
    } else {
        if (t->kind == SPF_REDIRECT && b->target)
            text = arena_printf(g->arena, "include:%s", t->domain);
        add_term(g, (struct draft_term){.text = text,
                        .lookups = b->lookups,
                        .may_go = service && service->own_bounces ? "its SPF never aligns"
                                  : is_unused(g, b)               ? unused
                                                                  : NULL});
    }
}

/* How many of the ten a new include costs. */
static unsigned cost_of(struct suggesting *g, const char *term, bool *known)
{
    struct subject s = {.arena = g->arena, .dns = g->dns, .domain = g->check->domain};
    struct spf_tree tree;

    *known = true;
    if (strncmp(term, "include:", 8) != 0)
        return strncmp(term, "ip", 2) == 0 ? 0 : 1;
    findings_init(&s.findings, g->arena, g->check->domain);
    spf_tree_build(&s, term + 8, 0, &tree);
    *known = tree.top->state == SPF_NODE_RECORD;
    return 1 + tree.top->lookups;
}

/* Does what is kept already let all of its hosts pass? */
static bool is_covered(const struct suggesting *g, const struct suggest_sender *x)
{
    const struct spf_tree *tree = &g->check->spf.tree;
    int64_t all = 0;
    int64_t passing = 0;

    if (!tree->top || tree->top->state != SPF_NODE_RECORD)
        return false;
    for (size_t i = 0; i < x->n_sources; i++)
        all += x->sources[i].messages;
    for (size_t i = 0; i < tree->top->record.n; i++) {
        const struct spf_branch *b = &tree->top->branches[i];
        if (!b->skipped && !is_unused(g, b))
            passing += spf_branch_messages(tree, b, x->sources, x->n_sources);
    }
    return all > 0 && passing >= all;
}

static void add_sender(struct suggesting *g, const struct suggest_sender *x)
{
    bool known = true;

    if (is_covered(g, x))
        return;
    for (size_t i = 0; i < x->n_terms; i++) {
        unsigned lookups = cost_of(g, x->terms[i], &known);
        if (!known) {
            leave_out(g, x->terms[i], "its record cannot be read now");
            continue;
        }
        add_term(
            g, (struct draft_term){.text = x->terms[i],
                   .lookups = lookups,
                   .fresh = true,
                   .who = x->name,
                   .may_go = x->dkim_aligned == x->messages ? "its mail passes by DKIM" : NULL});
    }
    if (x->n_terms == 0 && x->spf_hint) {
        add_line(
            g, (struct suggest_line){SUGGEST_BY_HAND, g->check->domain, "TXT", x->spf_hint, NULL,
                   arena_printf(g->arena,
                       "%s: %" PRId64
                       " messages; which of these its panel says, if any, goes into SPF",
                       x->name, x->messages)});
    }
}

static unsigned sum_lookups(const struct suggesting *g)
{
    unsigned n = 0;

    for (size_t i = 0; i < g->n_terms; i++)
        n += g->terms[i].lookups;
    return n;
}

/* What is over ten goes, if mail passes without it: the last and newest first. */
static void fit(struct suggesting *g)
{
    for (size_t i = g->n_terms; i > 0 && sum_lookups(g) > LOOKUPS_MAX; i--) {
        struct draft_term *t = &g->terms[i - 1];
        if (!t->may_go || t->lookups == 0)
            continue;
        leave_out(g, t->text,
            arena_printf(g->arena, "%s, and there is no room within ten look-ups", t->may_go));
        for (size_t k = i - 1; k + 1 < g->n_terms; k++)
            g->terms[k] = g->terms[k + 1];
        g->n_terms--;
    }
}

static const char *spf_now(const struct suggesting *g)
{
    const struct spf_node *top = g->check->spf.tree.top;

    if (!top || top->state != SPF_NODE_RECORD)
        return NULL;
    const struct dns_record *r = &top->txt.records[top->found];
    return finding_escape(g->arena, r->data, r->len);
}

static const char *why_spf(const struct suggesting *g)
{
    const char *fresh = "";
    const char *why = arena_printf(g->arena, "%u of %d look-ups", sum_lookups(g), (int)LOOKUPS_MAX);

    for (size_t i = 0; i < g->n_terms; i++) {
        if (g->terms[i].fresh) {
            fresh = listed(g->arena, fresh,
                arena_printf(g->arena, "%s for %s", g->terms[i].text, g->terms[i].who));
        }
    }
    if (*fresh)
        why = arena_printf(g->arena, "%s; new: %s", why, fresh);
    if (*g->left_out)
        why = arena_printf(g->arena, "%s; left out: %s", why, g->left_out);
    if (sum_lookups(g) > LOOKUPS_MAX) {
        why = arena_printf(g->arena,
            "%s; too many: let a service send from a subdomain with an SPF record of its own", why);
    }
    return why;
}

static void suggest_spf(struct suggesting *g)
{
    const struct spf_node *top = g->check->spf.tree.top;
    const char *text = "v=spf1";

    if (top && (top->state == SPF_NODE_UNKNOWN || top->state == SPF_NODE_MANY)) {
        add_line(g,
            (struct suggest_line){SUGGEST_BY_HAND, g->check->domain, "TXT", "v=spf1 ... ~all", NULL,
                top->state == SPF_NODE_MANY
                    ? "there are several SPF records, and none counts: make one of them first"
                    : "the DNS did not answer: ask again later"});
        return;
    }
    for (size_t i = 0; top && top->state == SPF_NODE_RECORD && i < top->record.n; i++)
        keep_term(g, &top->branches[i]);
    for (size_t i = 0; i < g->facts->n; i++)
        add_sender(g, &g->facts->senders[i]);
    fit(g);
    for (size_t i = 0; i < g->n_terms; i++)
        text = arena_printf(g->arena, "%s %s", text, g->terms[i].text);
    g->out->lookups = sum_lookups(g);
    if (g->n_terms == 0 && !g->facts->seen) {
        add_line(
            g, (struct suggest_line){SUGGEST_BY_HAND, g->check->domain, "TXT", "v=spf1 ... ~all",
                   spf_now(g), "no reports show yet who sends: name the services that do"});
        return;
    }
    add_record(g, g->check->domain, "TXT", arena_printf(g->arena, "%s ~all", text), spf_now(g),
        why_spf(g));
}

/* ---- DMARC ---- */

static bool is_own(const struct check_result *r)
{
    return r->dmarc.own.record != NULL;
}

static bool is_inherited(const struct check_result *r)
{
    return !r->dmarc.own.first && r->dmarc.as_9989.place && r->dmarc.as_9989.inherited;
}

enum suggest_policy suggest_policy_of(const struct check_result *r)
{
    if (r->dmarc.unknown || is_inherited(r))
        return SUGGEST_POLICY_UNKNOWN;
    if (!is_own(r))
        return SUGGEST_POLICY_ABSENT;
    enum dmarc_policy p = dmarc_effective(r->dmarc.own.record, DMARC_DOMAIN, DMARC_9989);
    return p == DMARC_REJECT       ? SUGGEST_POLICY_REJECT
           : p == DMARC_QUARANTINE ? SUGGEST_POLICY_QUARANTINE
           : p == DMARC_NONE       ? SUGGEST_POLICY_NONE
                                   : SUGGEST_POLICY_ABSENT;
}

static const char *policy_word(enum suggest_policy p)
{
    return p == SUGGEST_POLICY_REJECT       ? "reject"
           : p == SUGGEST_POLICY_QUARANTINE ? "quarantine"
                                            : "none";
}

/* The addresses that work. */
static const char *uris_of(struct suggesting *g, const struct dmarc_uris *uris)
{
    const char *list = "";

    for (size_t i = 0; i < uris->n; i++) {
        const struct dmarc_uri *u = &uris->items[i];
        if (u->usable && !u->fault) {
            list = arena_printf(g->arena, "%s%s%s", list, *list ? "," : "",
                finding_escape(g->arena, u->text, strlen(u->text)));
        }
    }
    return list;
}

static const char *with_tag(
    struct suggesting *g, const char *record, const char *name, const char *value)
{
    return value && *value ? arena_printf(g->arena, "%s; %s=%s", record, name, value) : record;
}

/* Tags that are the owner's decision stay; sp only where it is not a policy that was forgotten. */
static const char *dmarc_text(struct suggesting *g, const char *p)
{
    const struct dmarc_record *old = g->check->dmarc.own.record;
    const char *text = arena_printf(g->arena, "v=DMARC1; p=%s", p);
    const char *sp = old && old->sp >= DMARC_NONE ? dmarc_policy_name(old->sp) : NULL;
    bool organisational = strcmp(g->check->dmarc.walk.org, g->check->domain) == 0;
    const char *rua = old ? uris_of(g, &old->rua) : "";

    if (g->out->parked)
        sp = NULL;
    text = with_tag(g, text, "sp", sp && strcmp(sp, p) != 0 ? sp : NULL);
    text = with_tag(g, text, "np", organisational ? "reject" : NULL);
    if (old && old->strict_dkim)
        text = with_tag(g, text, "adkim", "s");
    if (old && old->strict_spf)
        text = with_tag(g, text, "aspf", "s");
    text = with_tag(g, text, "rua", *rua ? rua : g->facts->rua);
    text = with_tag(g, text, "ruf", old ? uris_of(g, &old->ruf) : NULL);
    const char *fo = old ? tags_value(&old->tags, "fo") : NULL;
    return with_tag(g, text, "fo", fo ? finding_escape(g->arena, fo, strlen(fo)) : NULL);
}

static const char *dmarc_now(struct suggesting *g)
{
    const struct dns_record *r = g->check->dmarc.own.first;

    return r ? finding_escape(g->arena, r->data, r->len) : NULL;
}

static const char *dmarc_why(struct suggesting *g, enum suggest_policy today)
{
    const char *said = g->facts->readiness;
    const char *why = said ? said : "no reports tell yet whose mail would be hit: stay, and look";
    bool rua = (is_own(g->check) && g->check->dmarc.own.record->rua.usable) || g->facts->rua;

    if (today == SUGGEST_POLICY_ABSENT)
        why = "to begin with: reports, and nothing else changes";
    if (!rua) {
        why = arena_printf(
            g->arena, "%s; add rua=mailto:... with the address that collects reports (--rua)", why);
    }
    return why;
}

static void suggest_dmarc(struct suggesting *g)
{
    const struct check_result *r = g->check;
    enum suggest_policy today = g->out->policy;
    enum suggest_policy next = today;

    if (r->dmarc.unknown || r->dmarc.own.answer.status == DNS_FAILED) {
        add_line(g, (struct suggest_line){SUGGEST_BY_HAND, r->dmarc.own.name, "TXT",
                        "v=DMARC1; ...", NULL, "the DNS did not answer: ask again later"});
        return;
    }
    if (r->dmarc.own.n_records > 1) {
        add_line(
            g, (struct suggest_line){SUGGEST_BY_HAND, r->dmarc.own.name, "TXT", "v=DMARC1; ...",
                   NULL, "there are several DMARC records, and none counts: keep one of them"});
        return;
    }
    if (is_inherited(r)) {
        add_line(g, (struct suggest_line){SUGGEST_KEEP, r->dmarc.as_9989.place->name, "TXT",
                        finding_escape(g->arena, r->dmarc.as_9989.place->first->data,
                            r->dmarc.as_9989.place->first->len),
                        NULL, "the record of the domain above applies: none of its own is needed"});
        return;
    }
    if (today == SUGGEST_POLICY_ABSENT) {
        next = SUGGEST_POLICY_NONE;
    } else if (today < SUGGEST_POLICY_REJECT && g->facts->ready) {
        next = (enum suggest_policy)(today + 1);
    }
    add_record(g, r->dmarc.own.name, "TXT", dmarc_text(g, policy_word(next)), dmarc_now(g),
        dmarc_why(g, today));
}

/* ---- DKIM, and domains without mail ---- */

static void suggest_dkim(struct suggesting *g)
{
    for (size_t i = 0; i < g->facts->n; i++) {
        const struct suggest_sender *x = &g->facts->senders[i];
        if (!x->dkim_hint || x->dkim_aligned == x->messages)
            continue;
        add_line(
            g, (struct suggest_line){SUGGEST_BY_HAND,
                   arena_printf(g->arena, "*._domainkey.%s", g->check->domain), NULL, x->dkim_hint,
                   NULL,
                   arena_printf(g->arena,
                       "%s signs for the domain in %" PRId64 " of %" PRId64
                       " messages: copy the exact values from its panel%s%s%s; they look like this",
                       x->name, x->dkim_aligned, x->messages, x->where ? " (" : "",
                       x->where ? x->where : "", x->where ? ")" : "")});
    }
}

static void suggest_parked(struct suggesting *g)
{
    const struct check_result *r = g->check;
    const char *domain = r->domain;

    add_record(g, domain, "MX", "0 .", r->mx.null ? "0 ." : NULL,
        "it takes no mail: a null MX says so (RFC 7505)");
    add_record(g, domain, "TXT", "v=spf1 -all", spf_now(g), "nobody sends in its name");
    add_record(g, r->dmarc.own.name, "TXT", dmarc_text(g, "reject"), dmarc_now(g),
        "whatever claims to come from it is not genuine; if it does send, do not publish this");
}

void suggest(struct dns *dns, const struct check_result *r, const struct suggest_facts *facts,
    struct arena *a, struct suggestion *out)
{
    struct suggesting g = {
        .arena = a, .dns = dns, .check = r, .facts = facts, .out = out, .left_out = ""};

    *out =
        (struct suggestion){.parked = r->parked && facts->n == 0, .policy = suggest_policy_of(r)};
    if (!r->exists)
        return;
    if (out->parked) {
        suggest_parked(&g);
        return;
    }
    suggest_spf(&g);
    suggest_dmarc(&g);
    suggest_dkim(&g);
}
