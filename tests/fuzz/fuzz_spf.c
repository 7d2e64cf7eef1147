/*
 * SPF over a DNS made of the input. Its first line holds address, sender and HELO name, with tabs
 * in between; the others are a table (tests/unit/dns_table.h). All of the input is read as a
 * record, too.
 */
#include "base/arena.h"
#include "base/text.h"
#include "check/spf_check.h"
#include "check/spf_eval.h"
#include "check/subject.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/dns_table.h"

#include <stdlib.h>
#include <string.h>

static void promise(bool kept)
{
    if (!kept)
        abort();
}

/* The promises of check/spf_record.h. */
static void look_at_record(const struct spf_record *r)
{
    size_t end = 0;
    size_t faults = 0;

    for (size_t i = 0; i < r->n; i++) {
        const struct spf_term *t = &r->terms[i];
        promise(t->offset >= end && t->len > 0 && t->offset + t->len <= r->len);
        promise(strlen(t->text) == t->len && memcmp(t->text, r->text + t->offset, t->len) == 0);
        end = t->offset + t->len;
        faults += t->fault != NULL;
        promise(!t->fault || (t->fault_offset >= t->offset && t->fault_offset <= end));
        promise(t->prefix4 <= 32 && t->prefix6 <= 128);
        promise(t->fault || t->kind != SPF_UNKNOWN);
        promise(t->fault || t->kind != SPF_IP4 || t->network.len == 4);
        promise(t->fault || t->kind != SPF_IP6 || t->network.len == 16);
    }
    promise(faults == r->n_faults && strlen(r->text) == r->len);
    promise(!r->redirect || (r->redirect->kind == SPF_REDIRECT && !r->redirect->fault));
    promise(!r->exp || (r->exp->kind == SPF_EXP && !r->exp->fault));
}

static void read_as_record(const uint8_t *data, size_t size, struct arena *a)
{
    static const char version[] = "v=spf1 ";
    char *text = arena_alloc(a, sizeof version - 1 + size);
    struct spf_record r;

    memcpy(text, version, sizeof version - 1);
    if (size)
        memcpy(text + sizeof version - 1, data, size);
    spf_record_read(a, text, sizeof version - 1 + size, &r);
    look_at_record(&r);
    (void)spf_is_nearly_record((const char *)data, size);
}

static void look_at_verdict(const struct spf_verdict *v)
{
    bool decided = v->n_steps && v->steps[v->n_steps - 1].term;

    promise(v->result <= SPF_PERMERROR);
    promise(v->lookups <= SPF_LOOKUPS_MAX + 1 && v->voids <= SPF_VOIDS_MAX + 1);
    promise(v->n_steps <= SPF_LOOKUPS_MAX + 2);
    promise(decided || v->why);
    promise(!v->explanation || v->result == SPF_FAIL);
    /* fails safe: a pass has a term that says so */
    promise(v->result != SPF_PASS || decided);
}

static void look_at_node(const struct spf_node *n)
{
    unsigned lookups = 0;

    look_at_record(&n->record);
    for (size_t i = 0; i < n->record.n; i++)
        lookups += n->branches[i].lookups;
    promise(lookups == n->lookups && lookups <= SPF_TREE_TERMS);
}

static void look_at_tree(const struct spf_tree *t)
{
    promise(t->n_lines < SPF_TREE_ALL_TERMS + SPF_RECORD_TERMS + 2);
    for (size_t i = 0; i < t->n_lines; i++) {
        const struct spf_line *l = &t->lines[i];
        promise(l->depth < SPF_TREE_DEPTH);
        promise(l->branch->networks_from <= l->branch->networks_to);
        promise(l->branch->networks_to <= t->n_networks);
        if (l->branch == l->node->branches)
            look_at_node(l->node);
    }
}

static void look_at_findings(const struct findings *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct check_finding *x = &f->items[i];
        promise(x->message && x->advice);
        for (const char *p = x->text ? x->text : ""; *p; p++)
            promise(*p >= ' ' && *p < 0x7F);
        for (const char *p = x->message; *p; p++)
            promise((unsigned char)*p >= ' ');
    }
}

static void check_domain(struct dns *d, const char *domain, struct arena *a)
{
    static const struct spf_source sources[] = {{{4, {192, 0, 2, 1}}, 40}};
    struct spf_context context = {.dmarc_is_none = true,
        .parked = true,
        .sources = sources,
        .n_sources = 1,
        .sources_complete = true};
    struct subject s = {.arena = a, .dns = d};
    struct spf_outcome o;
    bool odd = false;

    s.domain = domain_normalise(a, domain, &odd);
    findings_init(&s.findings, a, s.domain);
    spf_check(&s, &context, &o);
    promise(s.asked <= SUBJECT_QUESTIONS_MAX);
    look_at_tree(&o.tree);
    look_at_findings(&s.findings);
    promise(o.flat.networks <= o.tree.n_networks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    char *lines = arena_strndup(a, (const char *)data, size);
    struct spf_question q = {.time = 1};
    struct spf_verdict v;

    read_as_record(data, size, a);
    char *ip = strsep(&lines, "\n");
    struct dns *d = dns_table_of(lines ? lines : "");
    char *rest = ip;
    ip = strsep(&rest, "\t");
    q.sender = strsep(&rest, "\t");
    q.helo = strsep(&rest, "\t");
    if (addr_parse(ip, &q.ip)) {
        spf_check_host(d, &q, a, &v);
        look_at_verdict(&v);
    }
    const char *at = q.sender ? strrchr(q.sender, '@') : NULL;
    check_domain(d, at ? at + 1 : "example.com", a);
    dns_close(d);
    arena_free(a);
    return 0;
}
