/* What concerns records as a whole, and the tree; the terms are spf_terms.c's. */
#include "check/spf_check.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "check/history.h"
#include "check/spf_eval.h"
#include "check/subject.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum {
    SHOWN_MAX = 100,  /* octets of a term in a message */
    RECORD_MAX = 450, /* octets; RFC 7208 section 3.4 */
    ANSWER_MAX = 512, /* octets of an answer that old resolvers take by UDP */
    LOOKUPS_MANY = 8,
    LIST_MAX = 400 /* octets of an enumeration */
};

const char *spf_shown(const struct spf_checking *c, const struct spf_term *t)
{
    const char *text =
        finding_escape(c->subject->arena, t->text, t->len < SHOWN_MAX ? t->len : SHOWN_MAX);

    return t->len > SHOWN_MAX ? arena_printf(c->subject->arena, "%s...", text) : text;
}

void spf_place(const struct spf_checking *c, const struct spf_node *n, size_t offset)
{
    finding_text(&c->subject->findings, n->record.text, n->record.len);
    finding_offset(&c->subject->findings, offset);
}

/* ---- the TXT records at a name ---- */

static void glance_at(const struct spf_record *r, struct spf_glance *g)
{
    bool others = false;
    bool all = false;

    for (size_t i = 0; i < r->n; i++) {
        const struct spf_term *t = &r->terms[i];
        bool modifier = t->kind == SPF_EXP || t->kind == SPF_OTHER_MODIFIER;
        bool nobody = t->kind == SPF_ALL && t->qualifier != SPF_PASS && !t->fault;
        all = all || nobody;
        others = others || (!nobody && !modifier);
        g->mx = g->mx || (t->kind == SPF_MX && t->qualifier == SPF_PASS && !t->domain && !t->fault);
    }
    g->record = true;
    g->nobody = all && !others;
}

struct spf_glance spf_glance(struct subject *s)
{
    struct spf_glance g = {0};
    struct spf_record record;
    struct dns_answer txt;

    subject_ask_quietly(s, s->domain, DNS_TXT, &txt);
    for (size_t i = 0; i < txt.n && !g.record; i++) {
        if (!spf_is_record(txt.records[i].data, txt.records[i].len))
            continue;
        spf_record_read(s->arena, txt.records[i].data, txt.records[i].len, &record);
        glance_at(&record, &g);
    }
    return g;
}

static void check_other_texts(const struct spf_checking *c, const struct spf_node *n)
{
    struct findings *f = &c->subject->findings;

    for (size_t i = 0; i < n->txt.n; i++) {
        const struct dns_record *r = &n->txt.records[i];
        if (record_begins(r, "spf2.0/")) {
            finding_add(f, "SPF-20", n->domain, "a record of Sender ID beside SPF");
            finding_text(f, r->data, r->len);
        } else if (spf_is_nearly_record(r->data, r->len)) {
            finding_add(f, "SPF-09", n->domain,
                "meant as an SPF record, but not one by its first characters");
            finding_text(f, r->data, r->len);
            finding_offset(f, 0);
        }
    }
    if (n->state == SPF_NODE_RECORD && memcmp(n->record.text, "v=spf1", 6) != 0) {
        finding_add(f, "SPF-09", n->domain, "the version is not in lower case");
        finding_severity(f, SEVERITY_WARN); /* the ABNF takes it, some receivers do not */
        spf_place(c, n, 0);
    }
}

/* As the answer goes over the wire: header, question, records with compressed names, EDNS. */
static size_t answer_octets(const struct spf_node *n)
{
    size_t octets = 12 + strlen(n->domain) + 2 + 4 + 11;

    for (size_t i = 0; i < n->txt.n; i++)
        octets += 12 + n->txt.records[i].len + n->txt.records[i].n_strings;
    return octets;
}

static void check_size(const struct spf_checking *c, const struct spf_node *n)
{
    struct findings *f = &c->subject->findings;
    size_t answer = answer_octets(n);

    if (n->record.len > RECORD_MAX) {
        finding_add(f, "SPF-03", n->domain, "the record has %zu octets", n->record.len);
        spf_place(c, n, RECORD_MAX);
    } else if (answer > ANSWER_MAX) {
        finding_add(f, "SPF-03", n->domain, "the answer with all %zu TXT records has %zu octets",
            n->txt.n, answer);
    }
}

/* Does a term begin here? */
static bool begins_term(const char *s, size_t len)
{
    static const char *const words[] = {
        "include:", "redirect=", "exists:", "ip4:", "ip6:", "ptr:", "exp=", "a:", "mx:"};

    while (len && *s && strchr("+-~?", *s)) {
        s++;
        len--;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (len >= n && strncasecmp(s, words[i], n) == 0)
            return true;
    }
    return len >= 3 && strncasecmp(s, "all", 3) == 0 && (len == 3 || s[3] == ' ');
}

/* "v=spf1 include:_spf.example" "include:..." : joined without a blank (section 3.3). */
static void check_strings(const struct spf_checking *c, const struct spf_node *n)
{
    const struct dns_record *r = &n->txt.records[n->found];

    for (size_t i = 0; i + 1 < r->n_strings; i++) {
        size_t at = r->strings[i];
        if (at == 0 || at >= r->len || r->data[at - 1] == ' ' ||
            !begins_term(r->data + at, r->len - at))
            continue;
        finding_add(&c->subject->findings, "SPF-18", n->domain,
            "no blank between character-string %zu and the next, in which a term begins", i + 1);
        spf_place(c, n, at);
    }
}

static void check_type_99(const struct spf_checking *c)
{
    struct dns_answer spf;
    const struct spf_node *n = c->tree->top;
    bool differs = true;

    subject_ask_quietly(c->subject, n->domain, DNS_SPF, &spf);
    if (spf.status != DNS_DATA)
        return;
    if (n->state == SPF_NODE_RECORD && spf.n == 1) {
        const struct dns_record *r = &n->txt.records[n->found];
        differs = r->len != spf.records[0].len || memcmp(r->data, spf.records[0].data, r->len) != 0;
    }
    finding_add(&c->subject->findings, "SPF-19", n->domain, "a record of type SPF, %s",
        differs ? "with another text than TXT" : "the same as TXT");
    finding_text(&c->subject->findings, spf.records[0].data, spf.records[0].len);
}

/* ---- no record ---- */

static void check_wrong_names(const struct spf_checking *c)
{
    static const char *const labels[] = {"_spf", "spf", "www"};
    struct subject *s = c->subject;

    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        struct dns_answer txt;
        const char *name = arena_printf(s->arena, "%s.%s", labels[i], c->tree->top->domain);
        subject_ask_quietly(s, name, DNS_TXT, &txt);
        for (size_t k = 0; k < txt.n; k++) {
            if (!spf_is_record(txt.records[k].data, txt.records[k].len))
                continue;
            finding_add(&s->findings, "SPF-31", name, "an SPF record at %s, and none at %s", name,
                c->tree->top->domain);
            finding_text(&s->findings, txt.records[k].data, txt.records[k].len);
            break;
        }
    }
}

static void check_absence(const struct spf_checking *c)
{
    const struct spf_node *n = c->tree->top;
    struct findings *f = &c->subject->findings;

    if (n->state != SPF_NODE_NONE && n->state != SPF_NODE_NO_NAME)
        return;
    finding_add(f, "SPF-01", n->domain, "%s has no SPF record", n->domain);
    if (c->context->parked)
        finding_add(f, "SPF-30", n->domain, "the domain sends no mail, and no record says so");
    check_wrong_names(c);
}

/* ---- faults ---- */

static void check_syntax(const struct spf_checking *c, const struct spf_node *n)
{
    struct findings *f = &c->subject->findings;

    for (size_t i = 0; i < n->record.n; i++) {
        const struct spf_term *t = &n->record.terms[i];
        if (!t->fault)
            continue;
        const char *shown = spf_shown(c, t);
        finding_add(f, "SPF-08", n->domain, "%s: %s", shown, t->fault);
        spf_place(c, n, t->fault_offset);
        finding_arg(f, "n", "%zu", t->fault_offset); /* first: a term may hold "{n}" */
        finding_arg(f, "term", "%s", shown);
    }
    if (n->record.repeated) {
        finding_add(f, "SPF-27", n->domain, "%s is given more than once", n->record.repeated->name);
        spf_place(c, n, n->record.repeated->offset);
    }
}

static const char *loop_path(const struct spf_checking *c, const struct spf_node *end)
{
    const char *path = end->domain;

    for (const struct spf_node *up = end->above; up; up = up->above) {
        path = arena_printf(c->subject->arena, "%s > %s", up->domain, path);
        if (strcmp(up->domain, end->domain) == 0)
            break;
    }
    return path;
}

static void check_dangling(
    const struct spf_checking *c, const struct spf_node *n, const struct spf_branch *b)
{
    if (b->node->state != SPF_NODE_NO_NAME || !subject_is_unregistered(c->subject, b->node->domain))
        return;
    finding_add(&c->subject->findings, "X-08", n->domain, "%s: the domain of %s is not registered",
        spf_shown(c, b->term), b->node->domain);
    spf_place(c, n, b->term->offset);
}

/* An include or redirect that gives a permanent error by its target. */
static void check_target(
    const struct spf_checking *c, const struct spf_node *n, const struct spf_branch *b)
{
    struct findings *f = &c->subject->findings;
    const char *shown = spf_shown(c, b->term);
    const char *why;

    switch (b->node->state) {
    case SPF_NODE_NONE:
        why = "has no SPF record";
        break;
    case SPF_NODE_NO_NAME:
        why = "does not exist";
        break;
    case SPF_NODE_BAD_NAME:
        why = "is no domain name";
        break;
    case SPF_NODE_LOOP:
        finding_add(f, "SPF-16", n->domain, "%s leads back to itself", shown);
        spf_place(c, n, b->term->offset);
        finding_arg(f, "path", "%s", loop_path(c, b->node));
        return;
    case SPF_NODE_MANY:
        finding_add(f, "SPF-02", b->node->domain,
            "%s, which the record of %s names, has more "
            "than one SPF record",
            b->node->domain, n->domain);
        return;
    case SPF_NODE_RECORD:
    case SPF_NODE_UNKNOWN:
    case SPF_NODE_CUT:
    default:
        return;
    }
    finding_add(f, "SPF-10", n->domain, "%s: %s %s", shown,
        finding_escape(c->subject->arena, b->node->domain, strlen(b->node->domain)), why);
    spf_place(c, n, b->term->offset);
    check_dangling(c, n, b);
}

/* ---- limits ---- */

static void check_lookups(const struct spf_checking *c)
{
    const struct spf_node *n = c->tree->top;
    struct findings *f = &c->subject->findings;
    struct buf list;

    if (n->lookups < LOOKUPS_MANY)
        return;
    if (n->lookups <= SPF_LOOKUPS_MAX) {
        finding_add(f, "SPF-15", n->domain, "%u of 10 look-ups are needed", n->lookups);
        spf_place(c, n, 0);
        return;
    }
    buf_init(&list, LIST_MAX);
    for (size_t i = 0; i < n->record.n; i++) {
        if (n->branches[i].lookups &&
            buf_printf(&list, "%s%s = %u", list.len ? ", " : "", spf_shown(c, n->branches[i].term),
                n->branches[i].lookups))
            break;
    }
    finding_add(f, "SPF-05", n->domain, "%s%u look-ups are needed, 10 are allowed",
        c->tree->cut ? "at least " : "", n->lookups);
    spf_place(c, n, 0);
    finding_arg(f, "list", "%s", list.len ? list.data : "");
    buf_done(&list);
}

static void check_voids(const struct spf_checking *c)
{
    const struct spf_node *n = c->tree->top;
    struct findings *f = &c->subject->findings;
    struct buf list;

    if (n->voids <= SPF_VOIDS_MAX)
        return;
    buf_init(&list, LIST_MAX);
    for (size_t i = 0; i < c->tree->n_lines; i++) {
        const struct spf_branch *b = c->tree->lines[i].branch;
        if (b->voids && !b->node &&
            buf_printf(&list, "%s%s", list.len ? ", " : "", spf_shown(c, b->term)))
            break;
    }
    finding_add(f, "SPF-06", n->domain, "%u terms ask for what does not exist", n->voids);
    spf_place(c, n, 0);
    finding_arg(f, "terms", "%s", list.len ? list.data : "");
    buf_done(&list);
}

static void check_repetition(const struct spf_checking *c, const struct spf_flat *flat)
{
    struct findings *f = &c->subject->findings;

    for (size_t i = 0; i < flat->n_overlaps; i++) {
        const struct spf_network *inner = flat->overlaps[i].inner;
        const struct spf_network *outer = flat->overlaps[i].outer;
        bool literal = outer->term->kind == SPF_IP4 || outer->term->kind == SPF_IP6;
        if (inner->bits != outer->bits || !literal)
            continue;
        finding_add(f, "SPF-17", inner->node->domain, "%s stands in the record of %s, too",
            spf_shown(c, inner->term), outer->node->domain);
        spf_place(c, inner->node, inner->term->offset);
    }
}

/* ---- the tree ---- */

static void check_record(const struct spf_checking *c, const struct spf_node *n)
{
    if (n->state != SPF_NODE_RECORD)
        return;
    check_syntax(c, n);
    if (spf_node_is_own(c->tree, n)) {
        check_size(c, n);
        check_strings(c, n);
    }
    spf_check_terms(c, n);
}

static void check_branch(
    const struct spf_checking *c, const struct spf_node *n, const struct spf_branch *b)
{
    const struct spf_node *below = b->node;

    if (!below)
        return;
    if (below->repeated && below->state == SPF_NODE_RECORD && below->passes) {
        finding_add(&c->subject->findings, "SPF-17", n->domain,
            "the record of %s is included more than once", below->domain);
    }
    check_target(c, n, b);
    check_record(c, below);
}

void spf_check(struct subject *s, const struct spf_context *context, struct spf_outcome *out)
{
    struct spf_outcome o;
    struct spf_checking c = {.subject = s, .context = context, .tree = &o.tree};

    spf_tree_build(s, s->domain, context->patience_ms, &o.tree);
    spf_tree_flatten(&o.tree, s->arena, &o.flat);
    check_absence(&c);
    check_other_texts(&c, o.tree.top);
    if (o.tree.top->state == SPF_NODE_MANY) {
        finding_add(&s->findings, "SPF-02", o.tree.top->domain, "%s has more than one SPF record",
            o.tree.top->domain);
    }
    check_record(&c, o.tree.top);
    for (size_t i = 0; i < o.tree.n_lines; i++)
        check_branch(&c, o.tree.lines[i].node, o.tree.lines[i].branch);
    check_lookups(&c);
    check_voids(&c);
    check_repetition(&c, &o.flat);
    if (o.tree.top->state != SPF_NODE_UNKNOWN)
        check_type_99(&c);
    *out = o;
}
