#include "report/json_around.h"

#include "base/arena.h"
#include "base/when.h"
#include "report/changes.h"
#include "report/tell.h"

static void member_day(struct json *j, const char *key, int64_t day)
{
    char text[WHEN_TEXT_MAX];

    when_format_day(day, text);
    json_member_string(j, key, text);
}

static void member_addr(struct json *j, const char *key, const struct addr *a)
{
    char ip[ADDR_TEXT_MAX];

    addr_format(a, ip);
    json_member_string(j, key, a->len ? ip : NULL);
}

/* ---- changes ---- */

static void write_changed_findings(struct json *j, const struct changes *c, struct arena *a)
{
    json_key(j, "findings");
    json_array(j);
    for (size_t i = 0; i < c->n_findings; i++) {
        const struct changed_finding *f = &c->findings[i];
        json_object(j);
        json_member_string(j, "change", finding_change_name(f->change));
        json_member_string(j, "domain", f->finding->domain);
        json_member_string(j, "cause", cause_name(f->finding->cause));
        json_member_string(j, "title", finding_title(a, f->finding));
        json_member_int(j, "dmarc_fail_before", f->failed_before);
        json_member_int(j, "dmarc_fail", f->failed_now);
        json_end(j);
    }
    json_end(j);
}

static void write_changed_sources(
    struct json *j, const char *key, const struct changed_source *list, size_t n, struct arena *a)
{
    json_key(j, key);
    json_array(j);
    for (size_t i = 0; i < n; i++) {
        json_object(j);
        json_member_string(j, "domain", list[i].domain);
        json_member_string(j, "identity", words_identity(a, &list[i].largest->all.evidence));
        member_addr(j, "source_ip", &list[i].largest->ip);
        json_member_int(j, "hosts", list[i].hosts);
        json_member_int(j, "messages", list[i].messages);
        json_end(j);
    }
    json_end(j);
}

static void write_changes(struct json *j, const struct changes *c, struct arena *a)
{
    json_key(j, "changes");
    json_object(j);
    member_day(j, "from", c->from);
    member_day(j, "to", c->to);
    json_member_bool(j, "comparable", c->comparable);
    json_member_int(j, "messages_before", c->messages_before);
    json_member_int(j, "dmarc_pass_before", c->passed_before);
    write_changed_findings(j, c, a);
    write_changed_sources(j, "new_sources", c->new_sources, c->n_new_sources, a);
    write_changed_sources(j, "gone_sources", c->gone_sources, c->n_gone_sources, a);
    json_key(j, "policies");
    json_array(j);
    for (size_t i = 0; i < c->n_policies; i++) {
        json_object(j);
        json_member_string(j, "domain", c->policies[i].domain);
        json_member_string(j, "tag", c->policies[i].tag);
        json_member_string(j, "before", c->policies[i].before);
        json_member_string(j, "now", c->policies[i].now);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

/* ---- coverage ---- */

static void write_coverage(struct json *j, const struct coverage *c)
{
    json_key(j, "coverage");
    json_object(j);
    json_key(j, "days");
    json_array(j);
    for (size_t i = 0; i < c->n_days; i++) {
        json_object(j);
        member_day(j, "day", c->days[i].day);
        json_member_int(j, "reports", c->days[i].reports);
        json_member_int(j, "messages", c->days[i].messages);
        json_member_int(j, "dmarc_pass", c->days[i].passed);
        json_end(j);
    }
    json_end(j);
    json_key(j, "reporters");
    json_array(j);
    for (size_t i = 0; i < c->n_reporters; i++) {
        const struct coverage_reporter *r = &c->reporters[i];
        json_object(j);
        json_member_string(j, "reporter", r->name);
        json_member_int(j, "reports", r->reports);
        json_member_int(j, "messages", r->messages);
        json_member_int(j, "days", r->days);
        json_member_int(j, "days_before", r->days_before);
        member_day(j, "last", r->last);
        json_member_bool(j, "silent", r->reports == 0);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

/* ---- TLS and failure reports ---- */

static void write_tls(struct json *j, const struct beside *b)
{
    json_key(j, "tls");
    json_array(j);
    for (size_t i = 0; i < b->n_tls; i++) {
        const struct tls_domain *d = &b->tls[i];
        json_object(j);
        json_member_string(j, "domain", d->name);
        json_member_int(j, "reports", d->reports);
        json_member_int(j, "reporters", d->reporters);
        json_member_int(j, "successful", d->successful);
        json_member_int(j, "failed", d->failed);
        json_key(j, "failures");
        json_array(j);
        for (size_t k = 0; k < d->n_kinds; k++) {
            json_object(j);
            json_member_string(j, "policy_type", d->kinds[k].policy_type);
            json_member_string(j, "result_type", d->kinds[k].result_type);
            json_member_int(j, "sessions", d->kinds[k].sessions);
            json_end(j);
        }
        json_end(j);
        json_end(j);
    }
    json_end(j);
}

static void write_failures(struct json *j, const struct beside *b)
{
    json_key(j, "failure_reports");
    json_array(j);
    for (size_t i = 0; i < b->n_failures; i++) {
        const struct failure_kind *k = &b->failures[i];
        char time[WHEN_TEXT_MAX];
        when_format(k->last, time);
        json_object(j);
        json_member_string(j, "domain", k->domain);
        member_addr(j, "source_ip", &k->source_ip);
        json_member_string(j, "auth_failure", k->auth_failure);
        json_member_string(j, "delivery_result", k->delivery_result);
        json_member_string(j, "original_mail_from", k->mail_from);
        json_member_string(j, "reporter", k->reporter);
        json_member_int(j, "reports", k->reports);
        json_member_int(j, "incidents", k->incidents);
        json_member_string(j, "last", k->last < 0 ? NULL : time);
        json_end(j);
    }
    json_end(j);
}

static void write_published(struct json *j, const struct published_in_period *p)
{
    json_key(j, "published_changes");
    json_array(j);
    for (size_t i = 0; i < p->n; i++) {
        const struct publishing *x = &p->list[i];
        char time[WHEN_TEXT_MAX];
        when_format(x->at, time);
        json_object(j);
        json_member_string(j, "domain", x->domain);
        json_member_string(j, "seen", time);
        json_member_string(j, "rank", x->rank);
        json_member_string(j, "kind", x->kind);
        json_member_string(j, "name", x->name);
        json_member_string(j, "before", x->before);
        json_member_string(j, "now", x->now);
        json_member_string(j, "message", x->message);
        json_end(j);
    }
    json_end(j);
}

void json_around(struct json *j, const struct client_report *r, struct arena *a)
{
    const struct tell t = {.report = r, .words = r->look.phrases, .arena = a};

    json_member_string(j, "verdict", tell_verdict(&t));
    if (r->changes)
        write_changes(j, r->changes, a);
    write_published(j, &r->published);
    write_coverage(j, &r->coverage);
    write_tls(j, &r->beside);
    write_failures(j, &r->beside);
}
