/* An array with an object for each domain. Text of records is escaped as findings show it. */
#include "base/arena.h"
#include "base/when.h"
#include "check/check.h"
#include "cli/print_check.h"
#include "cli/print_spf.h"

#include <string.h>

struct writer {
    struct json *j;
    struct arena *arena;
};

static void member_octets(struct writer *w, const char *key, const char *octets, size_t len)
{
    json_member_string(w->j, key, finding_escape(w->arena, octets, len));
}

static void member_record(struct writer *w, const struct dns_record *r)
{
    if (r) {
        member_octets(w, "text", r->data, r->len);
    } else {
        json_member_string(w->j, "text", NULL);
    }
}

static void member_alias(struct writer *w, const struct dns_answer *x)
{
    if (x->n_chain)
        json_member_string(w->j, "alias_of", x->chain[x->n_chain - 1]);
}

static void put_mx(struct writer *w, const struct mx_result *mx)
{
    json_key(w->j, "mx");
    json_array(w->j);
    for (size_t i = 0; i < mx->n; i++) {
        json_object(w->j);
        json_member_int(w->j, "preference", mx->hosts[i].preference);
        json_member_string(w->j, "host", mx->hosts[i].name);
        json_member_bool(w->j, "tlsa", mx->hosts[i].has_tlsa);
        json_end(w->j);
    }
    json_end(w->j);
    json_member_bool(w->j, "null_mx", mx->null);
}

static void put_spf(struct writer *w, const struct check_result *r)
{
    const struct spf_node *top = r->spf.tree.top;

    json_key(w->j, "spf");
    if (!top || top->state != SPF_NODE_RECORD) {
        json_null(w->j);
        return;
    }
    json_object(w->j);
    member_record(w, &top->txt.records[top->found]);
    print_spf_tree_json(w->j, w->arena, &r->spf, r->history);
    json_end(w->j);
}

static void put_applied(struct writer *w, const char *key, const struct dmarc_applied *as)
{
    json_key(w->j, key);
    json_object(w->j);
    json_member_string(w->j, "record", as->place ? as->place->name : NULL);
    json_member_string(w->j, "domain", as->domain);
    json_member_string(w->j, "subdomains", as->subdomain);
    json_member_string(w->j, "invented", as->invented);
    json_end(w->j);
}

static void put_tags(struct writer *w, const struct dmarc_record *r)
{
    struct dmarc_reading tags[DMARC_READINGS];

    dmarc_record_explain(w->arena, r, tags);
    json_key(w->j, "tags");
    json_object(w->j);
    for (size_t i = 0; i < DMARC_READINGS; i++) {
        json_key(w->j, tags[i].tag);
        json_object(w->j);
        json_member_string(w->j, "value", *tags[i].value ? tags[i].value : NULL);
        json_member_bool(w->j, "published", tags[i].published);
        json_end(w->j);
    }
    json_end(w->j);
}

static void put_dmarc(struct writer *w, const struct dmarc_result *d)
{
    const struct dmarc_place *place = d->as_9989.place ? d->as_9989.place : d->as_7489.place;

    json_key(w->j, "dmarc");
    json_object(w->j);
    json_member_string(w->j, "name", place ? place->name : NULL);
    member_record(w, place ? place->first : NULL);
    if (place) {
        member_alias(w, &place->answer);
        json_member_bool(w->j, "inherited", place->domain != d->own.domain);
        put_tags(w, place->record);
    }
    json_key(w->j, "organisational_domain");
    json_object(w->j);
    json_member_string(w->j, "rfc9989", d->walk.org);
    json_member_string(w->j, "rfc7489", d->org_psl);
    json_end(w->j);
    json_key(w->j, "effective");
    json_object(w->j);
    put_applied(w, "rfc9989", &d->as_9989);
    put_applied(w, "rfc7489", &d->as_7489);
    json_end(w->j);
    json_end(w->j);
}

static void put_selector(struct writer *w, const struct dkim_selector *k)
{
    json_object(w->j);
    json_member_string(w->j, "selector", k->selector);
    json_member_string(w->j, "domain", k->domain);
    json_member_string(w->j, "name", k->name);
    member_record(w, k->record);
    member_alias(w, &k->answer);
    if (k->has_key) {
        json_member_string(w->j, "type", k->key.type == DKIM_KEY_RSA ? "rsa" : "ed25519");
        json_member_int(w->j, "bits", k->key.bits);
    }
    json_member_bool(w->j, "revoked", k->revoked);
    if (k->last_seen) {
        char at[WHEN_TEXT_MAX];
        when_format(k->last_seen, at);
        json_member_int(w->j, "messages", k->messages);
        json_member_string(w->j, "last_seen", at);
    }
    json_end(w->j);
}

static void put_sts(struct writer *w, const struct sts_result *r)
{
    json_key(w->j, "mta_sts");
    if (!r->record && !r->policy) {
        json_null(w->j);
        return;
    }
    json_object(w->j);
    json_member_string(w->j, "name", r->name);
    member_record(w, r->record);
    if (r->policy) {
        json_member_string(w->j, "mode", sts_mode_name(r->policy->mode));
        json_member_int(w->j, "max_age", r->policy->max_age);
        json_key(w->j, "mx");
        json_array(w->j);
        for (size_t i = 0; i < r->policy->n_patterns; i++)
            json_string(w->j, r->policy->patterns[i]);
        json_end(w->j);
    }
    json_end(w->j);
}

static void put_named(
    struct writer *w, const char *key, const char *name, const struct dns_record *r)
{
    json_key(w->j, key);
    if (!r) {
        json_null(w->j);
        return;
    }
    json_object(w->j);
    json_member_string(w->j, "name", name);
    member_record(w, r);
    json_end(w->j);
}

static void put_records(struct writer *w, const struct check_result *r)
{
    json_key(w->j, "records");
    json_object(w->j);
    if (!r->answered) {
        json_end(w->j);
        return;
    }
    if (r->exists) {
        put_mx(w, &r->mx);
        put_spf(w, r);
    }
    put_dmarc(w, &r->dmarc);
    if (r->exists) {
        json_key(w->j, "dkim");
        json_array(w->j);
        for (size_t i = 0; i < r->dkim.n; i++)
            put_selector(w, &r->dkim.selectors[i]);
        json_end(w->j);
        put_sts(w, &r->sts);
        put_named(w, "tls_rpt", r->tlsrpt.name, r->tlsrpt.record);
        put_named(w, "bimi", r->bimi.name, r->bimi.record);
    }
    json_end(w->j);
}

/* crit and err are both errors to whoever reads only `severity`. */
static const char *broad_severity(enum severity s)
{
    return s == SEVERITY_WARN ? "warning" : s == SEVERITY_INFO ? "info" : "error";
}

static void put_finding(struct writer *w, const struct check_finding *f)
{
    json_object(w->j);
    json_member_string(w->j, "id", f->kind->id);
    json_member_string(w->j, "severity", broad_severity(f->severity));
    json_member_string(w->j, "level", severity_name(f->severity));
    json_member_string(w->j, "record", f->name);
    json_member_string(w->j, "text", f->text);
    if (f->offset >= 0)
        json_member_int(w->j, "offset", f->offset);
    if (f->messages >= 0)
        json_member_int(w->j, "messages", f->messages);
    json_member_string(w->j, "message", f->message);
    json_member_string(w->j, "advice", f->advice);
    json_end(w->j);
}

static void put_result(struct check_printer *p, const struct check_result *r)
{
    struct writer w = {.j = &p->json, .arena = arena_new()};

    p->n++;
    json_object(w.j);
    json_member_string(w.j, "domain", r->domain);
    if (strcmp(r->given, r->domain) != 0)
        json_member_string(w.j, "given", r->given);
    json_member_bool(w.j, "exists", r->exists);
    json_member_bool(w.j, "answered", r->answered);
    json_member_int(w.j, "questions", (int64_t)r->questions);
    json_member_bool(w.j, "complete", r->questions < SUBJECT_QUESTIONS_MAX);
    put_records(&w, r);
    json_key(w.j, "findings");
    json_array(w.j);
    for (size_t i = 0; i < r->findings.n; i++)
        put_finding(&w, &r->findings.items[i]);
    json_end(w.j);
    json_end(w.j);
    arena_free(w.arena);
}

static void begin(struct check_printer *p)
{
    json_init(&p->json, p->out, true);
    json_array(&p->json);
}

static void end(struct check_printer *p)
{
    json_end(&p->json);
}

void print_check_json(struct check_printer *p, FILE *out)
{
    *p = (struct check_printer){.out = out, .begin = begin, .one = put_result, .end = end};
}
