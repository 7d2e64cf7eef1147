/*
 * The report as JSON, whole: what the other formats show is a part of this.
 */
#include "base/arena.h"
#include "base/json.h"
#include "base/when.h"
#include "report/json_around.h"
#include "report/render.h"

static void write_actions(struct json *j, const struct report_actions *a)
{
    json_key(j, "disposition");
    json_object(j);
    json_member_int(j, "none", a->none);
    json_member_int(j, "quarantine", a->quarantine);
    json_member_int(j, "reject", a->reject);
    json_member_int(j, "other", a->other);
    json_end(j);
}

static void write_totals(struct json *j, const struct report_totals *t)
{
    json_member_int(j, "reports", t->reports);
    json_member_int(j, "reporters", t->reporters);
    json_member_int(j, "records", t->records);
    json_member_int(j, "messages", t->messages);
    json_member_int(j, "dmarc_pass", t->dmarc_pass);
    json_member_int(j, "dmarc_fail", t->dmarc_fail);
    json_member_int(j, "spf_aligned", t->spf_aligned);
    json_member_int(j, "dkim_aligned", t->dkim_aligned);
    write_actions(j, &t->actions);
}

static void member_day(struct json *j, const char *key, int64_t day)
{
    char text[WHEN_TEXT_MAX];

    when_format_day(day, text);
    json_member_string(j, key, text);
}

static void write_readiness(struct json *j, const struct report_domain *d, struct arena *a)
{
    const struct readiness *r = &d->readiness;

    json_key(j, "readiness");
    json_object(j);
    json_member_int(j, "failing", readiness_failing(r));
    json_member_int(j, "legitimate", readiness_legitimate(r));
    json_member_int(j, "days", readiness_days(r));
    json_member_int(j, "reporters", r->reporters);
    json_member_bool(j, "ready", readiness_ready(r));
    json_member_string(j, "verdict", readiness_words(a, NULL, r, d->policy, NULL));
    json_key(j, "classes");
    json_object(j);
    for (unsigned i = 0; i < CLASS_COUNT; i++)
        json_member_int(j, class_name((enum cause_class)i), r->classes[i]);
    json_end(j);
    json_end(j);
}

static void write_domains(struct json *j, const struct client_report *r, struct arena *a)
{
    json_key(j, "domains");
    json_array(j);
    for (size_t i = 0; i < r->n_domains; i++) {
        arena_reset(a);
        json_object(j);
        json_member_string(j, "domain", r->domains[i].name);
        write_totals(j, &r->domains[i].totals);
        json_member_string(j, "policy", r->domains[i].policy);
        json_member_bool(j, "policy_changed", r->domains[i].policy_changed);
        write_readiness(j, &r->domains[i], a);
        json_end(j);
    }
    json_end(j);
}

static void write_shares(struct json *j, const struct report_source *s)
{
    json_key(j, "causes");
    json_array(j);
    for (size_t i = 0; i < s->n_shares; i++) {
        json_object(j);
        json_member_string(j, "cause", cause_name(s->shares[i].cause));
        json_member_string(j, "class", class_name(causes[s->shares[i].cause].class));
        json_member_int(j, "messages", s->shares[i].messages);
        json_end(j);
    }
    json_end(j);
}

static void write_source(struct json *j, const struct report_source *s, struct arena *a)
{
    const struct report_share *all = &s->all;
    const struct evidence *why = &s->shares[s->main].evidence;
    char ip[ADDR_TEXT_MAX];

    addr_format(&s->ip, ip);
    json_object(j);
    json_member_string(j, "domain", s->domain);
    json_member_string(j, "source_ip", s->ip.len ? ip : NULL);
    json_member_int(j, "reporters", s->reporters);
    json_member_int(j, "records", all->records);
    json_member_int(j, "messages", all->messages);
    json_member_int(j, "dmarc_pass", all->dmarc_pass);
    json_member_int(j, "spf_aligned", all->spf_aligned);
    json_member_int(j, "dkim_aligned", all->dkim_aligned);
    write_actions(j, &all->actions);
    json_member_string(j, "identity", words_identity(a, &all->evidence));
    json_member_string(j, "results", words_results(a, why));
    json_member_string(j, "cause", cause_name(all->cause));
    json_member_string(j, "class", class_name(causes[all->cause].class));
    json_member_string(j, "reason", words_reason(a, all->cause, why));
    json_member_string(j, "remedy", words_remedy(a, all->cause, why));
    write_shares(j, s);
    json_end(j);
}

static void write_examples(struct json *j, const struct finding *f)
{
    json_key(j, "examples");
    json_array(j);
    for (size_t i = 0; i < f->n_examples; i++) {
        char ip[ADDR_TEXT_MAX];
        addr_format(&f->examples[i].ip, ip);
        json_object(j);
        json_member_string(j, "source_ip", f->examples[i].ip.len ? ip : NULL);
        json_member_int(j, "messages", f->examples[i].messages);
        json_end(j);
    }
    json_end(j);
}

static void write_finding(
    struct json *j, const struct client_report *r, const struct finding *f, struct arena *a)
{
    json_object(j);
    json_member_string(j, "domain", f->domain);
    json_member_string(j, "cause", cause_name(f->cause));
    json_member_string(j, "class", class_name(causes[f->cause].class));
    json_member_string(j, "status", finding_status_name(f->status));
    json_member_string(j, "source", *f->source ? f->source : NULL);
    json_member_string(j, "key", *f->key ? f->key : NULL);
    json_member_string(j, "title", finding_title(a, f));
    json_member_string(j, "identity", words_identity(a, &f->evidence));
    json_member_int(j, "records", f->records);
    json_member_int(j, "messages", f->messages);
    json_member_string(j, "share", share_words(a, f->messages, r->totals.messages));
    json_member_int(j, "dmarc_fail", f->failed);
    json_member_int(j, "lost", f->lost);
    write_actions(j, &f->actions);
    json_member_int(j, "reporters", f->reporters);
    json_member_int(j, "hosts", f->hosts);
    write_examples(j, f);
    member_day(j, "first", when_day(f->first));
    member_day(j, "last", when_day(f->last));
    json_member_string(j, "reason", words_reason(a, f->cause, &f->evidence));
    json_member_string(j, "remedy", words_remedy(a, f->cause, &f->evidence));
    json_member_string(j, "reading", finding_reading(a, f));
    json_end(j);
}

static void write_findings(struct json *j, const struct client_report *r, struct arena *a)
{
    json_key(j, "findings");
    json_array(j);
    for (size_t i = 0; i < r->n_findings; i++) {
        arena_reset(a);
        write_finding(j, r, &r->findings[i], a);
    }
    json_end(j);
}

static const char *remark_state(const struct report_remark *m)
{
    if (m->partial)
        return "partial";
    return m->counts ? "repaired" : "doubtful";
}

static void write_remarks(struct json *j, const struct client_report *r)
{
    json_key(j, "remarks");
    json_array(j);
    for (size_t i = 0; i < r->n_remarks; i++) {
        const struct report_remark *m = &r->remarks[i];
        json_object(j);
        json_member_string(j, "domain", m->domain);
        json_member_string(j, "reporter", m->reporter);
        json_member_string(j, "report_id", m->report_id);
        member_day(j, "day", when_day(m->begin));
        json_member_string(j, "state", remark_state(m));
        json_member_bool(j, "counted", m->counts);
        json_member_string(j, "notes", m->notes);
        json_end(j);
    }
    json_end(j);
}

void render_json(const struct client_report *r, FILE *out)
{
    struct arena *a = arena_new();
    struct json j;

    json_init(&j, out, true);
    json_object(&j);
    json_member_string(&j, "client", r->client);
    json_key(&j, "period");
    json_object(&j);
    member_day(&j, "from", r->from);
    member_day(&j, "to", r->to);
    json_end(&j);
    json_key(&j, "totals");
    json_object(&j);
    write_totals(&j, &r->totals);
    json_member_int(&j, "untrusted", r->untrusted);
    json_end(&j);
    write_domains(&j, r, a);
    json_key(&j, "sources");
    json_array(&j);
    for (size_t i = 0; i < r->n_sources; i++) {
        arena_reset(a);
        write_source(&j, &r->sources[i], a);
    }
    json_end(&j);
    write_findings(&j, r, a);
    write_remarks(&j, r);
    json_around(&j, r, a);
    json_end(&j);
    arena_free(a);
}
