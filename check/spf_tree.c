#include "check/spf_tree.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "check/spf_eval.h"
#include "check/spf_macro.h"
#include "check/subject.h"

#include <string.h>

/* A record that was met: where its networks are. */
struct met {
    const char *domain;
    size_t from, to;
};

/* A record whose terms are being looked at. */
struct level {
    struct spf_node *node;
    size_t next; /* term */
    size_t from; /* the first network of the record */
};

struct walk {
    struct subject *subject;
    struct arena *arena;
    struct spf_tree *tree;
    struct spf_network *networks;
    size_t n_networks;
    struct met *met;
    size_t n_met;
    struct spf_line *lines;
    size_t n_lines;
    unsigned terms;
    unsigned questions;
    int64_t deadline;
    size_t all_terms;
    struct level levels[SPF_TREE_DEPTH];
    unsigned depth;
};

/* ---- questions ---- */

/* False: not answered, or not asked. */
static bool ask(struct walk *w, const char *name, enum dns_type type, struct dns_answer *answer)
{
    if (w->questions >= SPF_TREE_QUESTIONS || when_monotonic_ms() > w->deadline) {
        *answer = (struct dns_answer){.status = DNS_FAILED, .failure = "not asked any more"};
        w->tree->cut = true;
        return false;
    }
    w->questions++;
    subject_ask(w->subject, name, type, answer);
    return answer->status != DNS_FAILED;
}

static const char *current_domain(void *ctx, char letter)
{
    return letter == 'd' ? *(const char **)ctx : NULL;
}

const char *spf_node_target(const struct spf_node *n, const struct spf_term *t, struct arena *a)
{
    const char *name = n->domain;

    if (t->dynamic)
        return NULL;
    if (t->domain)
        name = spf_domain_expand(a, t->domain, current_domain, &name);
    return name ? dns_query_name(a, name) : NULL;
}

/* What will be asked for anyway goes out at once: one round trip for each level of the tree. */
static void expect(struct walk *w, const struct spf_branch *b)
{
    if (!b->target || b->skipped)
        return;
    switch (b->term->kind) {
    case SPF_INCLUDE:
    case SPF_REDIRECT:
        dns_expect(w->subject->dns, b->target, DNS_TXT);
        break;
    case SPF_A:
        dns_expect(w->subject->dns, b->target, DNS_AAAA);
        dns_expect(w->subject->dns, b->target, DNS_A);
        break;
    case SPF_EXISTS:
        dns_expect(w->subject->dns, b->target, DNS_A);
        break;
    case SPF_MX:
        dns_expect(w->subject->dns, b->target, DNS_MX);
        break;
    case SPF_ALL:
    case SPF_PTR:
    case SPF_IP4:
    case SPF_IP6:
    case SPF_EXP:
    case SPF_OTHER_MODIFIER:
    case SPF_UNKNOWN:
        break;
    }
}

/* ---- networks ---- */

static void add_network(struct walk *w, const struct spf_node *n, const struct spf_term *t,
    const struct addr *ip, unsigned bits)
{
    if (!n->passes || n->repeated || t->qualifier != SPF_PASS)
        return;
    if (w->n_networks >= SPF_TREE_NETWORKS) {
        w->tree->cut = true;
        return;
    }
    w->networks = arena_grow(w->arena, w->networks, &w->n_networks, sizeof *w->networks);
    struct spf_network *net = &w->networks[w->n_networks - 1];
    *net = (struct spf_network){.first = *ip, .bits = bits, .node = n, .term = t};
    for (unsigned i = bits; i < ip->len * 8U; i++)
        net->first.bytes[i / 8] &= (unsigned char)~(0x80U >> (i % 8));
}

/* The addresses behind a name; false when they are not known. */
static bool add_addresses(struct walk *w, const struct spf_node *n, const struct spf_term *t,
    const char *name, bool *empty)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA};

    bool known = true;

    *empty = true;
    for (size_t k = 0; k < 2; k++) {
        struct dns_answer answer;
        known = ask(w, name, types[k], &answer) && known;
        for (size_t i = 0; i < answer.n; i++) {
            const struct addr *ip = &answer.records[i].addr;
            add_network(w, n, t, ip, ip->len == 4 ? t->prefix4 : t->prefix6);
        }
        *empty = *empty && answer.n == 0;
    }
    return known;
}

/* ---- terms ---- */

static void walk_a(struct walk *w, struct spf_node *n, struct spf_branch *b)
{
    bool empty;

    if (add_addresses(w, n, b->term, b->target, &empty) && empty)
        b->voids = 1;
}

static void walk_mx(struct walk *w, struct spf_node *n, struct spf_branch *b)
{
    struct dns_answer mx;
    bool empty;

    if (!ask(w, b->target, DNS_MX, &mx))
        return;
    b->voids = mx.n == 0;
    b->mx = mx;
    for (size_t i = 0; i < mx.n && i < SPF_NAMES_MAX; i++) {
        if (*mx.records[i].name) {
            dns_expect(w->subject->dns, mx.records[i].name, DNS_A);
            dns_expect(w->subject->dns, mx.records[i].name, DNS_AAAA);
        }
    }
    for (size_t i = 0; i < mx.n && i < SPF_NAMES_MAX; i++) {
        if (*mx.records[i].name)
            (void)add_addresses(w, n, b->term, mx.records[i].name, &empty);
    }
}

static const struct met *find_met(const struct walk *w, const char *domain)
{
    for (size_t i = 0; i < w->n_met; i++) {
        if (strcmp(w->met[i].domain, domain) == 0)
            return &w->met[i];
    }
    return NULL;
}

/* What a term asks the DNS itself; the record of an include or redirect is another matter. */
static void ask_for_term(struct walk *w, struct spf_node *n, struct spf_branch *b)
{
    struct dns_answer answer;

    if (!b->target)
        return;
    if (b->term->kind == SPF_A) {
        walk_a(w, n, b);
    } else if (b->term->kind == SPF_MX) {
        walk_mx(w, n, b);
    } else if (b->term->kind == SPF_EXISTS) {
        b->voids = ask(w, b->target, DNS_A, &answer) && answer.n == 0;
        b->dynamic = true; /* it lets pass whoever comes, or nobody: no network shows that */
    }
}

/* True when the term leads to another record. */
static bool walk_term(struct walk *w, struct spf_node *n, struct spf_branch *b)
{
    const struct spf_term *t = b->term;

    b->networks_from = b->networks_to = w->n_networks;
    if (t->fault || b->skipped)
        return false;
    if (t->kind == SPF_IP4 || t->kind == SPF_IP6)
        add_network(w, n, t, &t->network, t->kind == SPF_IP4 ? t->prefix4 : t->prefix6);
    if (spf_term_looks_up(t)) {
        if (w->terms >= SPF_TREE_TERMS) {
            w->tree->cut = true;
            return false;
        }
        w->terms++;
        b->lookups = 1;
        b->dynamic = t->dynamic || t->kind == SPF_PTR;
        ask_for_term(w, n, b);
    }
    b->networks_to = w->n_networks;
    return (t->kind == SPF_INCLUDE || t->kind == SPF_REDIRECT) && !t->dynamic;
}

/* ---- records ---- */

static bool is_above(const struct spf_node *n)
{
    for (const struct spf_node *up = n->above; up; up = up->above) {
        if (strcmp(up->domain, n->domain) == 0)
            return true;
    }
    return false;
}

/* Chooses the record among the TXT records (section 4.5). */
static enum spf_node_state select_record(struct walk *w, struct spf_node *n)
{
    size_t count = 0;

    if (n->txt.status == DNS_FAILED)
        return SPF_NODE_UNKNOWN;
    for (size_t i = 0; i < n->txt.n; i++) {
        if (!spf_is_record(n->txt.records[i].data, n->txt.records[i].len))
            continue;
        if (count++ == 0)
            n->found = i;
    }
    if (count > 1)
        return SPF_NODE_MANY;
    if (count == 0)
        return n->txt.status == DNS_NXDOMAIN ? SPF_NODE_NO_NAME : SPF_NODE_NONE;
    const struct dns_record *r = &n->txt.records[n->found];
    spf_record_read(w->arena, r->data, r->len, &n->record);
    return SPF_NODE_RECORD;
}

static void plan(struct walk *w, struct spf_node *n)
{
    n->branches = arena_alloc(w->arena, (n->record.n + 1) * sizeof *n->branches);
    for (size_t i = 0; i < n->record.n && !n->all; i++) {
        if (n->record.terms[i].kind == SPF_ALL && !n->record.terms[i].fault)
            n->all = &n->record.terms[i];
    }
    for (size_t i = 0; i < n->record.n; i++) {
        const struct spf_term *t = &n->record.terms[i];
        struct spf_branch *b = &n->branches[i];
        b->term = t;
        if (t->kind == SPF_REDIRECT) {
            b->skipped = n->all || t != n->record.redirect;
        } else {
            b->skipped =
                n->all && t > n->all && t->kind != SPF_EXP && t->kind != SPF_OTHER_MODIFIER;
        }
        if (!t->fault && spf_term_looks_up(t)) {
            b->target = spf_node_target(n, t, w->arena);
            if (w->questions < SPF_TREE_QUESTIONS && i < SPF_TREE_TERMS)
                expect(w, b);
        }
    }
}

/* Looks for the record of a node; its terms come later, if there is room for another level. */
static void enter(struct walk *w, struct spf_node *n)
{
    if (!dns_query_name(w->arena, n->domain) || !strchr(n->domain, '.') || *n->domain == '[') {
        n->state = SPF_NODE_BAD_NAME;
        return;
    }
    if (is_above(n)) {
        n->state = SPF_NODE_LOOP;
        return;
    }
    n->state = SPF_NODE_CUT;
    if (w->depth == SPF_TREE_DEPTH || w->all_terms >= SPF_TREE_ALL_TERMS) {
        w->tree->cut = true;
        return;
    }
    (void)ask(w, n->domain, DNS_TXT, &n->txt);
    n->state = select_record(w, n);
    if (n->state != SPF_NODE_RECORD)
        return;
    w->all_terms += n->record.n;
    plan(w, n);
    w->levels[w->depth++] = (struct level){.node = n, .from = w->n_networks};
}

/* The record that a term leads to. */
static void enter_below(struct walk *w, struct spf_node *n, struct spf_branch *b)
{
    struct spf_node *child = arena_alloc(w->arena, sizeof *child);
    const struct spf_term *t = b->term;

    *child = (struct spf_node){.domain = b->target ? b->target : t->domain, .above = n};
    child->passes = n->passes && (t->kind == SPF_REDIRECT || t->qualifier == SPF_PASS);
    child->decides = n->decides && t->kind == SPF_REDIRECT;
    child->repeated = b->target && find_met(w, b->target);
    b->node = child;
    if (b->target) {
        enter(w, child);
    } else {
        child->state = SPF_NODE_BAD_NAME;
    }
}

/* The numbers of a term are complete: adds them to those of its record. */
static void leave_term(struct walk *w, struct spf_node *n, struct spf_branch *b)
{
    const struct spf_node *child = b->node;

    if (child) {
        const struct met *before = child->repeated ? find_met(w, child->domain) : NULL;
        b->lookups += child->lookups;
        b->voids += child->voids;
        b->dynamic = b->dynamic || child->dynamic;
        b->networks_from = before ? before->from : b->networks_from;
        b->networks_to = before ? before->to : w->n_networks;
    }
    n->lookups += b->lookups;
    n->voids += b->voids;
    n->dynamic = n->dynamic || b->dynamic;
}

static void leave(struct walk *w)
{
    const struct level *done = &w->levels[--w->depth];
    const struct spf_node *n = done->node;

    if (!n->repeated && n->passes) {
        w->met = arena_grow(w->arena, w->met, &w->n_met, sizeof *w->met);
        w->met[w->n_met - 1] =
            (struct met){.domain = n->domain, .from = done->from, .to = w->n_networks};
    }
    if (w->depth) {
        struct level *above = &w->levels[w->depth - 1];
        leave_term(w, above->node, &above->node->branches[above->next - 1]);
    }
}

static void walk(struct walk *w)
{
    enter(w, w->tree->top);
    while (w->depth) {
        struct level *level = &w->levels[w->depth - 1];
        struct spf_node *n = level->node;
        if (level->next == n->record.n) {
            leave(w);
            continue;
        }
        unsigned depth = w->depth;
        struct spf_branch *b = &n->branches[level->next++];
        w->lines = arena_grow(w->arena, w->lines, &w->n_lines, sizeof *w->lines);
        w->lines[w->n_lines - 1] = (struct spf_line){.node = n, .branch = b, .depth = depth - 1};
        if (walk_term(w, n, b))
            enter_below(w, n, b);
        if (w->depth == depth)
            leave_term(w, n, b);
    }
}

void spf_tree_build(
    struct subject *s, const char *domain, unsigned patience_ms, struct spf_tree *out)
{
    struct spf_tree tree = {.top = arena_alloc(s->arena, sizeof *tree.top)};
    struct walk w = {.subject = s,
        .arena = s->arena,
        .tree = &tree,
        .deadline = when_monotonic_ms() + (patience_ms ? patience_ms : SPF_TREE_MS)};

    *tree.top = (struct spf_node){.domain = domain, .passes = true, .decides = true};
    walk(&w);
    tree.lines = w.lines;
    tree.n_lines = w.n_lines;
    tree.networks = w.networks;
    tree.n_networks = w.n_networks;
    *out = tree;
}

bool spf_node_is_own(const struct spf_tree *t, const struct spf_node *n)
{
    return domain_is_within(n->domain, domain_registrable(t->top->domain));
}
