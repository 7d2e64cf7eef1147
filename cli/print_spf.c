#include "cli/print_spf.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/text.h"
#include "check/finding.h"
#include "check/history.h"

#include <inttypes.h>
#include <string.h>

enum {
    TERM_MAX = 120,    /* octets of a term that are shown */
    LINES_MAX = 300,   /* terms that are shown */
    OVERLAPS_MAX = 20, /* hints that are shown */
    EXPLANATION_MAX = 500
};

static const char *shown(struct arena *a, const char *text)
{
    size_t len = strlen(text);
    const char *escaped = finding_escape(a, text, len < TERM_MAX ? len : TERM_MAX);

    return len > TERM_MAX ? arena_printf(a, "%s...", escaped) : escaped;
}

/* ---- the tree ---- */

const char *print_spf_state(enum spf_node_state state)
{
    switch (state) {
    case SPF_NODE_NONE:
        return "no SPF record";
    case SPF_NODE_NO_NAME:
        return "does not exist";
    case SPF_NODE_BAD_NAME:
        return "not a domain name";
    case SPF_NODE_MANY:
        return "more than one SPF record: none counts";
    case SPF_NODE_UNKNOWN:
        return "not known: the DNS does not answer";
    case SPF_NODE_LOOP:
        return "a loop";
    case SPF_NODE_CUT:
        return "not followed, too deep";
    case SPF_NODE_RECORD:
        break;
    }
    return NULL;
}

static const char *remark(struct arena *a, const struct spf_branch *b)
{
    const char *text = b->term->fault;

    if (b->skipped)
        return "  (no effect)";
    if (!text && b->node)
        text = print_spf_state(b->node->state);
    if (!text && b->term->dynamic)
        text = "depends on the mail";
    if (!text && b->voids && !b->node)
        text = "void";
    return text ? arena_printf(a, "  (%s)", text) : "";
}

struct tree_printer {
    FILE *out;
    int indent;
    struct json *json;
    struct arena *arena;
    const struct spf_tree *tree;
    const struct check_history *history;
};

/* Messages from what the branch authorises, or -1: not known, or nothing is. */
static int64_t messages_of(const struct tree_printer *p, const struct spf_branch *b)
{
    const struct check_history *h = p->history;

    return h && h->n_sources && b->networks_from < b->networks_to
               ? spf_branch_messages(p->tree, b, h->sources, h->n_sources)
               : -1;
}

static void print_branch(const struct tree_printer *p, const struct spf_branch *b, unsigned depth)
{
    char lookups[16] = "";
    char messages[24] = "";
    int64_t count = messages_of(p, b);

    if (b->lookups)
        (void)snprintf(lookups, sizeof lookups, "%u", b->lookups);
    if (count >= 0)
        (void)snprintf(messages, sizeof messages, "%" PRId64, count);
    (void)fprintf(p->out, "%*s%8s", p->indent, "", lookups);
    if (p->history && p->history->n_sources)
        (void)fprintf(p->out, "  %10s", messages);
    (void)fprintf(p->out, "  %*s%s%s\n", (int)(depth * 2), "", shown(p->arena, b->term->text),
        remark(p->arena, b));
}

/* Of the domain's own record what costs a look-up, is wrong, or was used; of what it includes only
 * what costs or is wrong: addresses of others are none of the reader's business. */
static bool is_shown(const struct tree_printer *p, const struct spf_branch *b, unsigned depth)
{
    return b->lookups || b->term->fault || (depth == 0 && (b->skipped || messages_of(p, b) >= 0));
}

static void print_lines(const struct tree_printer *p)
{
    size_t printed = 0;

    for (size_t i = 0; i < p->tree->n_lines; i++) {
        const struct spf_line *l = &p->tree->lines[i];
        if (!is_shown(p, l->branch, l->depth))
            continue;
        if (printed == 0) {
            (void)fprintf(p->out, "%*slook-ups%s  term\n", p->indent, "",
                p->history && p->history->n_sources ? "    messages" : "");
        }
        if (printed++ == LINES_MAX) {
            (void)fprintf(p->out, "%*s%8s  ... and more\n", p->indent, "", "");
            break;
        }
        print_branch(p, l->branch, l->depth);
    }
}

static const char *counted(struct arena *a, uint64_t n, const char *one, const char *more)
{
    return arena_printf(a, "%" PRIu64 " %s", n, n == 1 ? one : more);
}

static void print_flat(const struct tree_printer *p, const struct spf_flat *f)
{
    struct arena *a = p->arena;

    if (f->networks == 0)
        return;
    (void)fprintf(p->out, "%*sauthorises%s %s in %s", p->indent, "",
        f->incomplete ? ", as far as can be told," : "",
        counted(a, f->addresses, "IPv4 address", "IPv4 addresses"),
        counted(a, f->networks - f->networks6, "network", "networks"));
    if (f->networks6)
        (void)fprintf(p->out, " and %s", counted(a, f->networks6, "IPv6 network", "IPv6 networks"));
    (void)fprintf(p->out, "; without includes its record would have about %zu octets\n", f->octets);
}

static const char *network_text(struct arena *a, const struct spf_network *n)
{
    char text[ADDR_TEXT_MAX];

    addr_format(&n->first, text);
    return n->bits == n->first.len * 8U ? arena_strdup(a, text)
                                        : arena_printf(a, "%s/%u", text, n->bits);
}

static void print_overlaps(const struct tree_printer *p, const struct spf_flat *f)
{
    for (size_t i = 0; i < f->n_overlaps && i < OVERLAPS_MAX; i++) {
        const struct spf_overlap *o = &f->overlaps[i];
        (void)fprintf(p->out, "%*ssuperfluous: %s lies within %s (%s of %s)\n", p->indent, "",
            shown(p->arena, o->inner->term->text), network_text(p->arena, o->outer),
            shown(p->arena, o->outer->term->text), shown(p->arena, o->outer->node->domain));
    }
    if (f->n_overlaps > OVERLAPS_MAX)
        (void)fprintf(p->out, "%*s... and %zu more\n", p->indent, "", f->n_overlaps - OVERLAPS_MAX);
}

void print_spf_tree(FILE *out, int indent, struct arena *a, const struct spf_outcome *o,
    const struct check_history *h)
{
    const struct tree_printer p = {
        .out = out, .indent = indent, .arena = a, .tree = &o->tree, .history = h};

    print_lines(&p);
    print_flat(&p, &o->flat);
    print_overlaps(&p, &o->flat);
}

/* ---- the tree as JSON ---- */

static void json_branch(const struct tree_printer *p, const struct spf_branch *b, unsigned depth)
{
    struct json *j = p->json;
    int64_t messages = messages_of(p, b);

    json_object(j);
    json_member_int(j, "depth", depth);
    json_member_string(j, "term", shown(p->arena, b->term->text));
    json_member_int(j, "offset", (int64_t)b->term->offset);
    if (b->term->fault)
        json_member_string(j, "fault", b->term->fault);
    if (b->target)
        json_member_string(j, "target", b->target);
    if (b->node && print_spf_state(b->node->state))
        json_member_string(j, "state", print_spf_state(b->node->state));
    json_member_int(j, "lookups", b->lookups);
    json_member_int(j, "void_lookups", b->voids);
    json_member_bool(j, "evaluated", !b->skipped);
    json_member_bool(j, "depends_on_mail", b->dynamic);
    if (messages >= 0)
        json_member_int(j, "messages", messages);
    json_end(j);
}

static void json_overlaps(const struct tree_printer *p, const struct spf_flat *f)
{
    struct json *j = p->json;

    json_key(j, "superfluous");
    json_array(j);
    for (size_t i = 0; i < f->n_overlaps && i < OVERLAPS_MAX; i++) {
        const struct spf_overlap *o = &f->overlaps[i];
        json_object(j);
        json_member_string(j, "term", shown(p->arena, o->inner->term->text));
        json_member_string(j, "within", network_text(p->arena, o->outer));
        json_member_string(j, "of", o->outer->node->domain);
        json_end(j);
    }
    json_end(j);
}

void print_spf_tree_json(
    struct json *j, struct arena *a, const struct spf_outcome *o, const struct check_history *h)
{
    const struct tree_printer p = {.json = j, .arena = a, .tree = &o->tree, .history = h};
    const struct spf_flat *f = &o->flat;

    json_member_int(j, "lookups", o->tree.top->lookups);
    json_member_int(j, "void_lookups", o->tree.top->voids);
    json_key(j, "terms");
    json_array(j);
    for (size_t i = 0; i < o->tree.n_lines && i < LINES_MAX; i++)
        json_branch(&p, o->tree.lines[i].branch, o->tree.lines[i].depth);
    json_end(j);
    json_key(j, "authorises");
    json_object(j);
    json_member_bool(j, "complete", !f->incomplete);
    json_member_int(j, "addresses_ipv4", (int64_t)f->addresses);
    json_member_int(j, "networks_ipv4", (int64_t)(f->networks - f->networks6));
    json_member_int(j, "networks_ipv6", (int64_t)f->networks6);
    json_member_int(j, "octets_without_includes", (int64_t)f->octets);
    json_end(j);
    json_overlaps(&p, f);
}

/* ---- verdicts ---- */

/* The term that decided: the last step's, where there is one. */
static const struct spf_step *deciding_step(const struct spf_verdict *v)
{
    const struct spf_step *last = v->n_steps ? &v->steps[v->n_steps - 1] : NULL;

    return last && last->term ? last : NULL;
}

void print_spf_verdict(
    FILE *out, struct arena *a, const struct spf_question *q, const struct spf_verdict *v)
{
    const struct spf_step *deciding = deciding_step(v);
    char ip[ADDR_TEXT_MAX];

    addr_format(&q->ip, ip);
    (void)fprintf(
        out, "%s from %s: %s", text_safe(a, q->domain, 300), ip, spf_result_name(v->result));
    if (deciding)
        (void)fprintf(out, " by %s", shown(a, deciding->term));
    (void)fputs("\n", out);
    if (v->why)
        (void)fprintf(out, "  %s\n", text_safe(a, v->why, 600));
    for (size_t i = 0; i < v->n_steps; i++) {
        const struct spf_step *s = &v->steps[i];
        if (s->term) {
            (void)fprintf(out, "  %*s%s: %s (offset %zu)\n", (int)(2 * i), "", shown(a, s->domain),
                shown(a, s->term), s->offset);
        } else {
            (void)fprintf(out, "  %*s%s\n", (int)(2 * i), "", shown(a, s->domain));
        }
    }
    (void)fprintf(out, "  %u of 10 look-ups, %u of 2 void\n", v->lookups, v->voids);
    if (v->explanation)
        (void)fprintf(out, "  explanation: %s\n", text_safe(a, v->explanation, EXPLANATION_MAX));
}

void print_spf_verdict_json(
    struct json *j, struct arena *a, const struct spf_question *q, const struct spf_verdict *v)
{
    const struct spf_step *deciding = deciding_step(v);
    char ip[ADDR_TEXT_MAX];

    addr_format(&q->ip, ip);
    json_object(j);
    json_member_string(j, "domain", q->domain);
    json_member_string(j, "ip", ip);
    json_member_string(j, "sender", q->sender);
    json_member_string(j, "helo", q->helo);
    json_member_string(j, "result", spf_result_name(v->result));
    json_member_string(j, "term", deciding ? shown(a, deciding->term) : NULL);
    json_member_string(j, "why", v->why);
    json_key(j, "steps");
    json_array(j);
    for (size_t i = 0; i < v->n_steps; i++) {
        json_object(j);
        json_member_string(j, "domain", v->steps[i].domain);
        json_member_string(j, "term", v->steps[i].term ? shown(a, v->steps[i].term) : NULL);
        if (v->steps[i].term)
            json_member_int(j, "offset", (int64_t)v->steps[i].offset);
        json_end(j);
    }
    json_end(j);
    json_member_int(j, "lookups", v->lookups);
    json_member_int(j, "void_lookups", v->voids);
    json_member_string(j, "explanation", v->explanation);
    json_end(j);
}
