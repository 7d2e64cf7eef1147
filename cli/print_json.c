/*
 * The normal form as JSON: one object with an array for each kind of report. Aggregate reports go
 * out as they come, record by record; the two small kinds wait in temporary files for their turn.
 */
#include "base/arena.h"
#include "base/json.h"
#include "base/when.h"
#include "cli/print.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Reports of one kind, set aside. */
struct spool {
    const char *key; /* in the object */
    FILE *file;      /* NULL: none so far */
    struct json json;
};

struct json_printer {
    struct printer printer;
    FILE *out;
    struct json json;
    struct spool failures;
    struct spool tls;
};

static struct json_printer *printer_of(struct sink *s)
{
    return (struct json_printer *)s;
}

static int check_output(const struct json_printer *p, struct err *e)
{
    if (ferror(p->out)) {
        return err_set(
            e, ERR_TEMPORARY, "write-failed", "standard output: %s", strerrordesc_np(errno));
    }
    return 0;
}

/* Opens an object on a line of its own and leaves the rest of it compact. */
static void object_on_a_line(struct json *j)
{
    j->pretty = true;
    json_object(j);
    j->pretty = false;
}

/* An array whose elements had lines of their own. */
static void end_of_lines(struct json *j)
{
    j->pretty = true;
    json_end(j);
    j->pretty = false;
}

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

static int write_aggregate_begin(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct json *j = &printer_of(s)->json;

    object_on_a_line(j);
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
    return check_output(printer_of(s), e);
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

static int write_record(struct sink *s, const struct aggregate_record *r, struct err *e)
{
    struct json *j = &printer_of(s)->json;

    (void)e;
    object_on_a_line(j);
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
    json_end(j);
    return 0;
}

static int write_aggregate_end(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct json *j = &printer_of(s)->json;

    end_of_lines(j);
    json_member_int(j, "record_count", r->records);
    json_member_int(j, "message_count", r->messages);
    json_member_int(j, "dropped_records", r->dropped);
    write_judgement(j, r->grade, &r->notes);
    json_end(j);
    return check_output(printer_of(s), e);
}

/* ---- the two kinds that wait ---- */

/* Opens the next report. NULL when there is no room for temporary files. */
static struct json *spool_begin(struct spool *sp, struct err *e)
{
    if (!sp->file) {
        sp->file = tmpfile();
        if (!sp->file) {
            (void)err_set(
                e, ERR_TEMPORARY, "write-failed", "a temporary file: %s", strerrordesc_np(errno));
            return NULL;
        }
        json_init(&sp->json, sp->file, false);
        json_array(&sp->json);
        json_array(&sp->json); /* as deep as in the object it will stand in */
    }
    object_on_a_line(&sp->json);
    return &sp->json;
}

static int spool_end(struct spool *sp, struct err *e)
{
    json_end(&sp->json);
    if (ferror(sp->file)) {
        return err_set(
            e, ERR_TEMPORARY, "write-failed", "a temporary file: %s", strerrordesc_np(errno));
    }
    return 0;
}

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

static int write_failure(struct sink *s, const struct failure_report *r, struct err *e)
{
    struct spool *sp = &printer_of(s)->failures;
    struct json *j = spool_begin(sp, e);

    if (!j)
        return (int)e->class;
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
    return spool_end(sp, e);
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

static int write_tls(struct sink *s, const struct tls_report *r, struct err *e)
{
    struct spool *sp = &printer_of(s)->tls;
    struct json *j = spool_begin(sp, e);

    if (!j)
        return (int)e->class;
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
    return spool_end(sp, e);
}

/* ---- the end ---- */

/* The spool began with "[[": its second bracket opens the array that is wanted here. */
static int unspool(struct json *j, struct spool *sp, struct err *e)
{
    char piece[16 * 1024];
    size_t n;

    json_key(j, sp->key);
    if (!sp->file) {
        json_array(j);
        json_end(j);
        return 0;
    }
    end_of_lines(&sp->json);
    if (fflush(sp->file) || fseek(sp->file, 1, SEEK_SET)) {
        return err_set(
            e, ERR_TEMPORARY, "write-failed", "a temporary file: %s", strerrordesc_np(errno));
    }
    json_raw(j, "");
    while ((n = fread(piece, 1, sizeof piece, sp->file)) > 0)
        (void)fwrite(piece, 1, n, j->out);
    if (ferror(sp->file)) {
        return err_set(
            e, ERR_TEMPORARY, "read-failed", "a temporary file: %s", strerrordesc_np(errno));
    }
    return 0;
}

static int json_finish(struct printer *printer, struct err *e)
{
    struct json_printer *p = (struct json_printer *)printer;

    end_of_lines(&p->json);
    int rc = unspool(&p->json, &p->failures, e);
    if (rc)
        return rc;
    rc = unspool(&p->json, &p->tls, e);
    if (rc)
        return rc;
    json_end(&p->json);
    (void)fputc('\n', p->out);
    return check_output(p, e);
}

static void json_free(struct printer *printer)
{
    struct json_printer *p = (struct json_printer *)printer;

    if (p->failures.file)
        (void)fclose(p->failures.file);
    if (p->tls.file)
        (void)fclose(p->tls.file);
    free(p);
}

struct printer *print_json(FILE *out, enum report_kind kind)
{
    static const struct sink_ops ops = {
        .aggregate_begin = write_aggregate_begin,
        .aggregate_record = write_record,
        .aggregate_end = write_aggregate_end,
        .failure = write_failure,
        .tls = write_tls,
    };
    struct json_printer *p = mem_alloc(sizeof *p);

    (void)kind;
    p->printer = (struct printer){.sink = {&ops}, .finish = json_finish, .free = json_free};
    p->out = out;
    p->failures.key = "failure_reports";
    p->tls.key = "smtp_tls_reports";
    json_init(&p->json, out, false);
    json_object(&p->json);
    json_key(&p->json, "aggregate_reports");
    json_array(&p->json);
    return &p->printer;
}
