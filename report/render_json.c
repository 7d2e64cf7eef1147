/*
 * The report as JSON, whole: what the other formats show is a part of this.
 */
#include "base/arena.h"
#include "base/json.h"
#include "base/when.h"
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

static void write_domains(struct json *j, const struct client_report *r)
{
    json_key(j, "domains");
    json_array(j);
    for (size_t i = 0; i < r->n_domains; i++) {
        json_object(j);
        json_member_string(j, "domain", r->domains[i].name);
        write_totals(j, &r->domains[i].totals);
        json_member_string(j, "policy", r->domains[i].policy);
        json_member_bool(j, "policy_changed", r->domains[i].policy_changed);
        json_end(j);
    }
    json_end(j);
}

static void write_source(struct json *j, const struct report_source *s, struct arena *a)
{
    char ip[ADDR_TEXT_MAX];

    addr_format(&s->ip, ip);
    json_object(j);
    json_member_string(j, "domain", s->domain);
    json_member_string(j, "source_ip", s->ip.len ? ip : NULL);
    json_member_int(j, "reporters", s->reporters);
    json_member_int(j, "records", s->records);
    json_member_int(j, "messages", s->messages);
    json_member_int(j, "dmarc_pass", s->dmarc_pass);
    json_member_int(j, "spf_aligned", s->spf_aligned);
    json_member_int(j, "dkim_aligned", s->dkim_aligned);
    write_actions(j, &s->actions);
    json_member_string(j, "identity", cause_identity(a, &s->sender));
    json_member_string(j, "results", cause_results(a, &s->evidence));
    json_member_string(j, "cause", cause_name(s->cause));
    json_member_string(j, "reason", cause_reason(a, s->cause, &s->evidence));
    json_member_string(j, "remedy", cause_remedy(a, s->cause, &s->evidence));
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
    write_domains(&j, r);
    json_key(&j, "sources");
    json_array(&j);
    for (size_t i = 0; i < r->n_sources; i++) {
        arena_reset(a);
        write_source(&j, &r->sources[i], a);
    }
    json_end(&j);
    write_remarks(&j, r);
    json_end(&j);
    arena_free(a);
}
