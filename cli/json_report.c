#include "cli/json_report.h"

#include "base/arena.h"
#include "base/when.h"

#include <stdlib.h>
#include <string.h>

static void member_time(struct json *j, const char *key, int64_t seconds)
{
    char text[WHEN_TEXT_MAX];

    when_format(seconds, text);
    json_member_string(j, key, text);
}

static void member_time_if(struct json *j, const char *key, int64_t seconds)
{
    json_key(j, key);
    if (seconds < 0) {
        json_null(j);
        return;
    }
    char text[WHEN_TEXT_MAX];
    when_format(seconds, text);
    json_string(j, text);
}

/* What was sent is shown where it is not what is meant. */
static void member_sent(struct json *j, const char *key, const char *sent, const char *normal)
{
    if (sent && (!normal || strcmp(sent, normal) != 0))
        json_member_string(j, key, sent);
}

static void member_strings(struct json *j, const char *key, const char *const *items, size_t n)
{
    json_key(j, key);
    json_array(j);
    for (size_t i = 0; i < n; i++)
        json_string(j, items[i]);
    json_end(j);
}

static void member_addr(struct json *j, const char *key, const struct addr *a)
{
    char text[ADDR_TEXT_MAX];

    addr_format(a, text);
    json_member_string(j, key, a->len ? text : NULL);
}

static void member_addr_sent(
    struct json *j, const char *key, const char *sent, const struct addr *a)
{
    char text[ADDR_TEXT_MAX];

    addr_format(a, text);
    member_sent(j, key, sent, text);
}

static void write_judgement(struct json *j, enum grade grade, const struct notes *notes)
{
    json_member_string(j, "grade", grade_name(grade));
    json_key(j, "notes");
    json_array(j);
    for (size_t i = 0; i < notes->n; i++) {
        json_object(j);
        json_member_string(j, "code", notes->items[i].code);
        json_member_string(j, "detail", notes->items[i].detail);
        json_member_int(j, "times", (int64_t)notes->items[i].times);
        json_end(j);
    }
    json_end(j);
}

/* ---- aggregate reports ---- */

static void write_policy(struct json *j, const struct policy *p)
{
    json_key(j, "policy");
    json_object(j);
    json_member_string(j, "domain", p->domain);
    member_sent(j, "domain_sent", p->domain_sent, p->domain);
    json_member_string(j, "adkim", p->adkim);
    member_sent(j, "adkim_sent", p->adkim_sent, p->adkim);
    json_member_string(j, "aspf", p->aspf);
    member_sent(j, "aspf_sent", p->aspf_sent, p->aspf);
    json_member_string(j, "p", p->p);
    member_sent(j, "p_sent", p->p_sent, p->p);
    json_member_string(j, "sp", p->sp);
    member_sent(j, "sp_sent", p->sp_sent, p->sp);
    json_member_string(j, "np", p->np);
    member_sent(j, "np_sent", p->np_sent, p->np);
    json_member_string(j, "pct", p->pct);
    member_sent(j, "pct_sent", p->pct_sent, p->pct);
    json_member_string(j, "fo", p->fo);
    json_member_string(j, "testing", p->testing);
    member_sent(j, "testing_sent", p->testing_sent, p->testing);
    json_member_string(j, "discovery_method", p->discovery_method);
    json_end(j);
}

void json_aggregate_begin(struct json *j, const struct aggregate_report *r)
{
    json_member_string(j, "dialect", dialect_name(r->dialect));
    json_member_string(j, "version", r->version);
    json_member_string(j, "xml_namespace", r->xml_namespace);
    json_member_string(j, "reporter", r->reporter);
    json_member_string(j, "org_name", r->org_name);
    json_member_string(j, "email", r->email);
    json_member_string(j, "extra_contact_info", r->extra_contact_info);
    json_member_string(j, "report_id", r->report_id);
    member_sent(j, "report_id_sent", r->report_id_sent, r->report_id);
    member_time(j, "begin", r->begin);
    member_time(j, "end", r->end);
    json_member_string(j, "begin_sent", r->begin_sent);
    json_member_string(j, "end_sent", r->end_sent);
    member_strings(j, "errors", r->errors, r->n_errors);
    json_member_string(j, "generator", r->generator);
    write_policy(j, &r->policy);
    json_member_string(j, "extension", r->extension);
    json_key(j, "records");
    json_array(j);
}

static void write_reasons(struct json *j, const struct aggregate_record *r)
{
    json_key(j, "reasons");
    json_array(j);
    for (size_t i = 0; i < r->n_reasons; i++) {
        json_object(j);
        json_member_string(j, "type", r->reasons[i].type);
        member_sent(j, "type_sent", r->reasons[i].type_sent, r->reasons[i].type);
        json_member_string(j, "comment", r->reasons[i].comment);
        json_end(j);
    }
    json_end(j);
}

static void write_results(
    struct json *j, const char *kind, const struct auth_result *results, size_t n)
{
    bool dkim = kind[0] == 'd';

    json_key(j, kind);
    json_array(j);
    for (size_t i = 0; i < n; i++) {
        const struct auth_result *a = &results[i];
        json_object(j);
        json_member_string(j, "domain", a->domain);
        member_sent(j, "domain_sent", a->domain_sent, a->domain);
        json_member_string(j, dkim ? "selector" : "scope", dkim ? a->selector : a->scope);
        json_member_string(j, "result", a->result);
        member_sent(j, "result_sent", a->result_sent, a->result);
        json_member_string(j, "human_result", a->human_result);
        json_end(j);
    }
    json_end(j);
}

void json_aggregate_record(struct json *j, const struct aggregate_record *r)
{
    member_addr(j, "source_ip", &r->source_ip);
    member_addr_sent(j, "source_ip_sent", r->source_ip_sent, &r->source_ip);
    json_member_int(j, "count", r->count);
    json_member_string(j, "disposition", disposition_name(r->disposition));
    member_sent(j, "disposition_sent", r->disposition_sent, disposition_name(r->disposition));
    json_member_string(j, "dkim", verdict_name(r->dkim));
    member_sent(j, "dkim_sent", r->dkim_sent, verdict_name(r->dkim));
    json_member_string(j, "spf", verdict_name(r->spf));
    member_sent(j, "spf_sent", r->spf_sent, verdict_name(r->spf));
    write_reasons(j, r);
    json_member_string(j, "header_from", r->header_from);
    member_sent(j, "header_from_sent", r->header_from_sent, r->header_from);
    json_member_string(j, "envelope_from", r->envelope_from);
    member_sent(j, "envelope_from_sent", r->envelope_from_sent, r->envelope_from);
    json_member_string(j, "envelope_to", r->envelope_to);
    member_sent(j, "envelope_to_sent", r->envelope_to_sent, r->envelope_to);
    json_key(j, "auth_results");
    json_object(j);
    write_results(j, "dkim", r->dkims, r->n_dkims);
    write_results(j, "spf", r->spfs, r->n_spfs);
    json_end(j);
    json_member_string(j, "extension", r->extension);
}

void json_aggregate_end(struct json *j, const struct aggregate_report *r)
{
    json_member_int(j, "record_count", r->records);
    json_member_int(j, "message_count", r->messages);
    json_member_int(j, "dropped_records", r->dropped);
    write_judgement(j, r->grade, &r->notes);
}

/* ---- the two small kinds ---- */

static void write_fields(
    struct json *j, const char *key, const struct header_field *fields, size_t n)
{
    json_key(j, key);
    json_array(j);
    for (size_t i = 0; i < n; i++) {
        json_object(j);
        json_member_string(j, "name", fields[i].name);
        json_member_string(j, "value", fields[i].value);
        json_end(j);
    }
    json_end(j);
}

/* The sample has a length, may hold NULs, and is no text that was checked. */
static void member_sample(struct json *j, const struct failure_report *r)
{
    char *copy = r->sample ? mem_alloc(r->sample_len + 1) : NULL;

    for (size_t i = 0; copy && i < r->sample_len; i++)
        copy[i] = r->sample[i] ? r->sample[i] : ' ';
    json_member_string(j, "sample", copy);
    free(copy);
}

void json_failure(struct json *j, const struct failure_report *r)
{
    json_member_string(j, "reporter", r->reporter);
    json_member_string(j, "feedback_type", r->feedback_type);
    json_member_string(j, "version", r->version);
    json_member_string(j, "user_agent", r->user_agent);
    json_member_string(j, "original_envelope_id", r->original_envelope_id);
    json_member_string(j, "original_mail_from", r->original_mail_from);
    json_member_string(j, "original_rcpt_to", r->original_rcpt_to);
    member_time_if(j, "arrival", r->arrival);
    json_member_string(j, "arrival_date_sent", r->arrival_date_sent);
    json_member_string(j, "message_id", r->message_id);
    json_member_string(j, "authentication_results", r->authentication_results);
    member_addr(j, "source_ip", &r->source_ip);
    member_addr_sent(j, "source_ip_sent", r->source_ip_sent, &r->source_ip);
    json_member_string(j, "delivery_result", r->delivery_result);
    json_member_string(j, "auth_failure", r->auth_failure);
    json_member_string(j, "identity_alignment", r->identity_alignment);
    json_member_string(j, "reported_domain", r->reported_domain);
    json_member_string(j, "dkim_domain", r->dkim_domain);
    json_member_string(j, "dkim_selector", r->dkim_selector);
    json_member_string(j, "dkim_identity", r->dkim_identity);
    json_member_string(j, "spf_dns", r->spf_dns);
    json_member_int(j, "incidents", r->incidents);
    write_fields(j, "fields", r->fields, r->n_fields);
    write_fields(j, "sample_headers", r->sample_headers, r->n_sample_headers);
    json_member_bool(j, "headers_only", r->headers_only);
    member_sample(j, r);
    write_judgement(j, r->grade, &r->notes);
}

static void write_tls_failure(struct json *j, const struct tls_failure *f)
{
    json_object(j);
    json_member_string(j, "result_type", f->result_type);
    json_member_string(j, "sending_mta_ip", f->sending_mta_ip);
    json_member_string(j, "receiving_mx_hostname", f->receiving_mx_hostname);
    json_member_string(j, "receiving_mx_helo", f->receiving_mx_helo);
    json_member_string(j, "receiving_ip", f->receiving_ip);
    json_member_int(j, "failed_sessions", f->sessions);
    json_member_string(j, "additional_information", f->additional_information);
    json_member_string(j, "failure_reason_code", f->reason_code);
    json_end(j);
}

static void write_tls_policy(struct json *j, const struct tls_policy *p)
{
    json_object(j);
    json_member_string(j, "type", p->type);
    json_member_string(j, "domain", p->domain);
    member_sent(j, "domain_sent", p->domain_sent, p->domain);
    member_strings(j, "policy", p->strings, p->n_strings);
    member_strings(j, "mx_hosts", p->mx_hosts, p->n_mx_hosts);
    json_member_int(j, "successful_sessions", p->successful);
    json_member_int(j, "failed_sessions", p->failed);
    json_key(j, "failures");
    json_array(j);
    for (size_t i = 0; i < p->n_failures; i++)
        write_tls_failure(j, &p->failures[i]);
    json_end(j);
    json_end(j);
}

void json_tls(struct json *j, const struct tls_report *r)
{
    json_member_string(j, "reporter", r->reporter);
    json_member_string(j, "organization_name", r->organization_name);
    json_member_string(j, "contact_info", r->contact_info);
    json_member_string(j, "report_id", r->report_id);
    member_time(j, "begin", r->begin);
    member_time(j, "end", r->end);
    json_member_string(j, "begin_sent", r->begin_sent);
    json_member_string(j, "end_sent", r->end_sent);
    json_key(j, "policies");
    json_array(j);
    for (size_t i = 0; i < r->n_policies; i++)
        write_tls_policy(j, &r->policies[i]);
    json_end(j);
    write_judgement(j, r->grade, &r->notes);
}
