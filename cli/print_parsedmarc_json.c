#include "base/arena.h"
#include "base/blob.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/parsedmarc.h"
#include "cli/print.h"
#include "ingest/mail.h"
#include "parse/header.h"

#include <stdlib.h>
#include <string.h>

enum {
    DAY_SECONDS = 86400
};

/* Aggregate reports are streamed; reports of the other kinds come behind them, so they wait in a
 * file. */
struct spool {
    const char *key;
    FILE *file; /* NULL: none came yet */
    long start; /* of the array in it */
    struct json json;
};

struct parsedmarc_json {
    struct printer printer; /* first */
    FILE *out;
    struct json json;
    struct spool failures;
    struct spool tls;
    struct arena *a; /* emptied after each report or record */
    int64_t begin, end;
    bool opened;
};

static struct parsedmarc_json *self(struct sink *s)
{
    return (struct parsedmarc_json *)(void *)s;
}

static void open_document(struct parsedmarc_json *p)
{
    if (p->opened)
        return;
    p->opened = true;
    json_object(&p->json);
    json_key(&p->json, "aggregate_reports");
    json_array(&p->json);
}

/* The spool is a document of its own, so that its reports have the indentation they need in the
 * end. */
static int open_spool(struct spool *s, struct err *e)
{
    if (s->file)
        return 0;
    s->file = tmpfile();
    if (!s->file)
        return err_set(e, ERR_TEMPORARY, "disk", "cannot make a temporary file");
    json_init(&s->json, s->file, true);
    json_object(&s->json);
    json_key(&s->json, s->key);
    json_flush(&s->json);
    s->start = ftell(s->file);
    json_array(&s->json);
    return 0;
}

static int spool_error(const struct spool *s, struct err *e)
{
    return ferror(s->file) ? err_set(e, ERR_TEMPORARY, "disk", "cannot write a temporary file") : 0;
}

static void strings(struct json *j, const char *key, const char *const *items, size_t n)
{
    json_key(j, key);
    json_array(j);
    for (size_t i = 0; i < n; i++)
        json_string(j, items[i]);
    json_end(j);
}

/* What parsedmarc knows about an address; without a network and its maps that is the address. */
static void source(struct json *j, const char *ip)
{
    static const char *const unknown[] = {
        "reverse_dns", "country", "base_domain", "name", "type", "asn", "as_name", "as_domain"};

    json_key(j, "source");
    json_object(j);
    json_member_string(j, "ip_address", ip);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        json_member_string(j, unknown[i], NULL);
    json_end(j);
}

/* ---- aggregate reports ---- */

static void metadata(struct parsedmarc_json *p, const struct aggregate_report *r)
{
    struct json *j = &p->json;

    json_key(j, "report_metadata");
    json_object(j);
    json_member_string(j, "org_name", parsedmarc_org_name(p->a, r));
    json_member_string(j, "org_email", parsedmarc_or_null(r->email));
    json_member_string(j, "org_extra_contact_info", parsedmarc_or_null(r->extra_contact_info));
    json_member_string(j, "report_id", parsedmarc_report_id(p->a, r));
    json_member_string(j, "begin_date", parsedmarc_time(p->a, r->begin));
    json_member_string(j, "end_date", parsedmarc_time(p->a, r->end));
    json_member_bool(j, "timespan_requires_normalization", r->end - r->begin > DAY_SECONDS);
    json_member_int(j, "original_timespan_seconds", r->end - r->begin);
    strings(j, "errors", r->errors, r->n_errors);
    json_member_string(j, "generator", parsedmarc_or_null(r->generator));
    json_end(j);
}

static void policy_published(struct json *j, const struct policy *p)
{
    const char *asked = parsedmarc_or_null(p->p_sent);

    json_key(j, "policy_published");
    json_object(j);
    json_member_string(j, "domain", parsedmarc_or_null(p->domain_sent));
    json_member_string(j, "adkim", parsedmarc_or(p->adkim_sent, "r"));
    json_member_string(j, "aspf", parsedmarc_or(p->aspf_sent, "r"));
    json_member_string(j, "p", asked);
    json_member_string(j, "sp", parsedmarc_or(p->sp_sent, asked));
    json_member_string(j, "pct", parsedmarc_or_null(p->pct_sent));
    json_member_string(j, "fo", parsedmarc_or_null(p->fo));
    json_member_string(j, "np", parsedmarc_or_null(p->np_sent));
    json_member_string(j, "testing", parsedmarc_or_null(p->testing_sent));
    json_member_string(j, "discovery_method", parsedmarc_or_null(p->discovery_method));
    json_end(j);
}

static int aggregate_begin(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct parsedmarc_json *p = self(s);
    struct json *j = &p->json;

    (void)e;
    open_document(p);
    p->begin = r->begin;
    p->end = r->end;
    json_object(j);
    json_member_string(j, "xml_schema", parsedmarc_schema(r));
    json_member_string(j, "xml_namespace", r->xml_namespace);
    metadata(p, r);
    policy_published(j, &r->policy);
    json_key(j, "records");
    json_array(j);
    arena_reset(p->a);
    return 0;
}

static void policy_evaluated(struct parsedmarc_json *p, const struct aggregate_record *r)
{
    struct json *j = &p->json;

    json_key(j, "alignment");
    json_object(j);
    json_member_bool(j, "spf", r->spf == VERDICT_PASS);
    json_member_bool(j, "dkim", r->dkim == VERDICT_PASS);
    json_member_bool(j, "dmarc", r->spf == VERDICT_PASS || r->dkim == VERDICT_PASS);
    json_end(j);
    json_key(j, "policy_evaluated");
    json_object(j);
    json_member_string(j, "disposition", parsedmarc_word(p->a, r->disposition_sent, "none"));
    json_member_string(j, "dkim", parsedmarc_word(p->a, r->dkim_sent, "fail"));
    json_member_string(j, "spf", parsedmarc_word(p->a, r->spf_sent, "fail"));
    json_key(j, "policy_override_reasons");
    json_array(j);
    for (size_t i = 0; i < r->n_reasons; i++) {
        json_object(j);
        if (r->reasons[i].type_sent)
            json_member_string(j, "type", parsedmarc_or_null(r->reasons[i].type_sent));
        json_member_string(j, "comment", parsedmarc_or_null(r->reasons[i].comment));
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

static void identifiers(struct parsedmarc_json *p, const struct aggregate_record *r)
{
    struct json *j = &p->json;

    json_key(j, "identifiers");
    json_object(j);
    json_member_string(j, "header_from", parsedmarc_header_from(p->a, r));
    json_member_string(j, "envelope_from", parsedmarc_envelope_from(p->a, r));
    json_member_string(j, "envelope_to", parsedmarc_or_null(r->envelope_to_sent));
    json_end(j);
}

static void auth_result(struct parsedmarc_json *p, const struct auth_result *a, bool dkim)
{
    struct json *j = &p->json;
    const char *result = parsedmarc_or_null(a->result_sent);

    if (!parsedmarc_shows(a))
        return;
    json_object(j);
    json_member_string(j, "domain", a->domain_sent);
    if (dkim) {
        json_member_string(j, "selector", parsedmarc_or(a->selector, "none"));
    } else {
        json_member_string(j, "scope", parsedmarc_or(a->scope, "mfrom"));
    }
    json_member_string(j, "result", parsedmarc_word(p->a, result, "none"));
    json_member_string(j, "human_result", parsedmarc_or_null(a->human_result));
    json_end(j);
}

static void auth_results(struct parsedmarc_json *p, const struct aggregate_record *r)
{
    struct json *j = &p->json;

    json_key(j, "auth_results");
    json_object(j);
    json_key(j, "dkim");
    json_array(j);
    for (size_t i = 0; i < r->n_dkims; i++)
        auth_result(p, &r->dkims[i], true);
    json_end(j);
    json_key(j, "spf");
    json_array(j);
    for (size_t i = 0; i < r->n_spfs; i++)
        auth_result(p, &r->spfs[i], false);
    json_end(j);
    json_end(j);
}

static int aggregate_record(struct sink *s, const struct aggregate_record *r, struct err *e)
{
    struct parsedmarc_json *p = self(s);
    struct json *j = &p->json;

    (void)e;
    json_object(j);
    source(j, parsedmarc_source_ip(p->a, r->source_ip_sent, &r->source_ip));
    json_member_int(j, "count", r->count);
    policy_evaluated(p, r);
    identifiers(p, r);
    auth_results(p, r);
    json_member_bool(j, "normalized_timespan", false);
    json_member_string(j, "interval_begin", parsedmarc_time(p->a, p->begin));
    json_member_string(j, "interval_end", parsedmarc_time(p->a, p->end));
    json_end(j);
    arena_reset(p->a);
    return 0;
}

static int aggregate_end(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct json *j = &self(s)->json;

    (void)r;
    (void)e;
    json_end(j); /* records */
    json_end(j);
    return 0;
}

/* ---- failure reports ---- */

static void list(struct json *j, const char *key, struct parsedmarc_list items)
{
    strings(j, key, items.items, items.n);
}

static void failure_value(
    struct parsedmarc_json *p, const struct failure_report *r, const char *key)
{
    struct json *j = &p->failures.json;

    if (strcmp(key, "auth_failure") == 0) {
        list(j, key, parsedmarc_auth_failure(p->a, r));
    } else if (strcmp(key, "delivery_result") == 0) {
        json_member_string(j, key, parsedmarc_delivery_result(p->a, r));
    } else {
        json_member_string(j, key, parsedmarc_field(r, key));
    }
}

static bool came_before(const struct failure_report *r, size_t at, const char *key)
{
    for (size_t i = 0; i < at; i++) {
        if (parsedmarc_is_key_of(key, r->fields[i].name))
            return true;
    }
    return false;
}

/* Every field of the feedback part is a key of its own. */
static void failure_fields(struct parsedmarc_json *p, const struct failure_report *r)
{
    for (size_t i = 0; i < r->n_fields; i++) {
        const char *key = parsedmarc_key(p->a, r->fields[i].name);
        if (key && parsedmarc_field(r, key) && !came_before(r, i, key))
            failure_value(p, r, key);
    }
}

/* These are there always, if not as a field then as their default. */
static void failure_defaults(struct parsedmarc_json *p, const struct failure_report *r)
{
    static const char *const nullable[] = {"version", "user_agent", "authentication_results",
        "original_envelope_id", "dkim_domain", "original_mail_from", "original_rcpt_to"};
    struct json *j = &p->failures.json;

    if (!parsedmarc_field(r, "arrival_date"))
        json_member_string(j, "arrival_date", parsedmarc_arrival(p->a, r));
    if (!parsedmarc_field(r, "delivery_result"))
        failure_value(p, r, "delivery_result");
    json_member_string(j, "arrival_date_utc", parsedmarc_arrival_utc(p->a, r));
    source(j, parsedmarc_source_ip(p->a, r->source_ip_sent, &r->source_ip));
    list(j, "authentication_mechanisms", parsedmarc_mechanisms(p->a, r));
    if (!parsedmarc_field(r, "auth_failure"))
        failure_value(p, r, "auth_failure");
    if (!parsedmarc_field(r, "feedback_type"))
        json_member_string(j, "feedback_type", "auth-failure");
    for (size_t i = 0; i < sizeof nullable / sizeof *nullable; i++) {
        if (!parsedmarc_field(r, nullable[i]))
            json_member_string(j, nullable[i], NULL);
    }
    if (!parsedmarc_field(r, "reported_domain"))
        json_member_string(j, "reported_domain", r->reported_domain);
}

/* "local@domain" taken apart */
static void mailbox(struct parsedmarc_json *p, const struct mailbox *m)
{
    struct json *j = &p->failures.json;
    const char *domain = mailbox_domain(m->address);

    json_object(j);
    json_member_string(j, "display_name", m->display_name);
    json_member_string(j, "address", m->address);
    json_member_string(j, "local",
        domain ? text_lower(p->a, arena_strndup(p->a, m->address, strcspn(m->address, "@")))
               : NULL);
    json_member_string(j, "domain", domain ? text_lower(p->a, domain) : NULL);
    json_end(j);
}

static bool holds_mailboxes(const char *field_name)
{
    static const char *const names[] = {"From", "To", "Cc", "Bcc", "Reply-To", "Delivered-To"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (text_equal_nocase(field_name, names[i]))
            return true;
    }
    return false;
}

/* In `headers` mailboxes are pairs of name and address. */
static void header_value(struct parsedmarc_json *p, const struct header_field *f)
{
    struct json *j = &p->failures.json;
    struct mailbox *boxes;

    if (!holds_mailboxes(f->name)) {
        json_string(j, header_decode(p->a, f->value));
        return;
    }
    json_array(j);
    for (size_t i = 0, n = header_mailboxes(p->a, f->value, &boxes); i < n; i++) {
        json_array(j);
        json_string(j, boxes[i].display_name ? boxes[i].display_name : "");
        json_string(j, boxes[i].address);
        json_end(j);
    }
    json_end(j);
}

static size_t times_used(const struct failure_report *r, size_t from, size_t to, const char *name)
{
    size_t n = 0;

    for (size_t i = from; i < to; i++)
        n += strcmp(r->sample_headers[i].name, name) == 0;
    return n;
}

/* A field that comes more than once is a list; of mailboxes only the first is shown. */
static void sample_headers(struct parsedmarc_json *p, const struct failure_report *r)
{
    struct json *j = &p->failures.json;

    json_key(j, "headers");
    json_object(j);
    for (size_t i = 0; i < r->n_sample_headers; i++) {
        const char *name = r->sample_headers[i].name;
        if (times_used(r, 0, i, name) > 0)
            continue;
        json_key_text(j, name);
        if (holds_mailboxes(name) || times_used(r, i, r->n_sample_headers, name) == 1) {
            header_value(p, &r->sample_headers[i]);
            continue;
        }
        json_array(j);
        for (size_t k = i; k < r->n_sample_headers; k++) {
            if (strcmp(r->sample_headers[k].name, name) == 0)
                header_value(p, &r->sample_headers[k]);
        }
        json_end(j);
    }
    json_end(j);
}

static void attachment(struct parsedmarc_json *p, const struct mail_part *part)
{
    struct json *j = &p->failures.json;
    unsigned char sha256[32];
    char hex[65];
    struct err ignored;

    json_object(j);
    json_member_string(j, "filename", part->name);
    json_member_string(j, "mail_content_type", part->media_type);
    if (blob_sha256(&part->bytes, sha256, &ignored) == 0) {
        for (size_t i = 0; i < sizeof sha256; i++)
            (void)snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
        json_member_string(j, "sha256", hex);
    }
    json_end(j);
}

/* Their contents are part of `sample` and are not repeated here. */
static void attachments(struct parsedmarc_json *p, const struct failure_report *r)
{
    struct json *j = &p->failures.json;
    struct limits limits = limits_default();
    struct blob bytes = blob_of_memory(r->sample ? r->sample : "", r->sample_len);
    struct mail m;
    struct err ignored;

    json_key(j, "attachments");
    json_array(j);
    if (!r->headers_only && r->sample && mail_read(&bytes, &limits, p->a, &m, &ignored) == 0) {
        for (size_t i = 0; i < m.n_parts; i++) {
            if (m.parts[i].name)
                attachment(p, &m.parts[i]);
        }
    }
    json_end(j);
}

static void parsed_sample(struct parsedmarc_json *p, const struct failure_report *r)
{
    struct json *j = &p->failures.json;
    struct mailbox *boxes = NULL;
    const char *from = header_find(r->sample_headers, r->n_sample_headers, "From");
    const char *to = header_find(r->sample_headers, r->n_sample_headers, "To");
    const char *subject = header_find(r->sample_headers, r->n_sample_headers, "Subject");
    const char *date = header_find(r->sample_headers, r->n_sample_headers, "Date");
    int64_t seconds;

    json_key(j, "parsed_sample");
    json_object(j);
    sample_headers(p, r);
    json_key(j, "from");
    if (from && header_mailboxes(p->a, from, &boxes) > 0) {
        mailbox(p, &boxes[0]);
    } else {
        json_null(j);
    }
    json_key(j, "to");
    json_array(j);
    for (size_t i = 0, n = to ? header_mailboxes(p->a, to, &boxes) : 0; i < n; i++)
        mailbox(p, &boxes[i]);
    json_end(j);
    json_member_string(j, "subject", subject ? header_decode(p->a, subject) : NULL);
    bool dated = date && when_parse_rfc5322(date, &seconds);
    json_member_string(
        j, "date", dated ? arena_printf(p->a, "%s+00:00", parsedmarc_time(p->a, seconds)) : NULL);
    attachments(p, r);
    json_end(j);
}

/* As a string; a NUL would end it. */
static void sample_text(struct parsedmarc_json *p, const struct failure_report *r)
{
    if (!r->sample) {
        json_member_string(&p->failures.json, "sample", NULL);
        return;
    }
    char *copy = arena_strndup(p->a, r->sample, r->sample_len);
    for (size_t i = 0; i < r->sample_len; i++) {
        if (copy[i] == '\0')
            copy[i] = ' ';
    }
    json_member_string(&p->failures.json, "sample", copy);
}

static int failure(struct sink *s, const struct failure_report *r, struct err *e)
{
    struct parsedmarc_json *p = self(s);
    int rc = open_spool(&p->failures, e);

    if (rc != 0)
        return rc;
    json_object(&p->failures.json);
    failure_fields(p, r);
    failure_defaults(p, r);
    json_member_bool(&p->failures.json, "sample_headers_only", r->headers_only);
    sample_text(p, r);
    parsed_sample(p, r);
    json_end(&p->failures.json);
    arena_reset(p->a);
    return spool_error(&p->failures, e);
}

/* ---- SMTP TLS reports ---- */

static void if_sent(struct json *j, const char *key, const char *value)
{
    if (value)
        json_member_string(j, key, value);
}

static void tls_failure(struct json *j, const struct tls_failure *f)
{
    json_object(j);
    json_member_string(j, "result_type", f->result_type);
    json_member_int(j, "failed_session_count", f->sessions);
    if_sent(j, "sending_mta_ip", f->sending_mta_ip);
    if_sent(j, "receiving_ip", f->receiving_ip);
    if_sent(j, "receiving_mx_hostname", f->receiving_mx_hostname);
    if_sent(j, "receiving_mx_helo", f->receiving_mx_helo);
    if_sent(j, "additional_info_uri", f->additional_information);
    if_sent(j, "failure_reason_code", f->reason_code);
    json_end(j);
}

static void tls_policy(struct json *j, const struct tls_policy *p)
{
    json_object(j);
    json_member_string(j, "policy_domain", p->domain_sent ? p->domain_sent : p->domain);
    json_member_string(j, "policy_type", p->type);
    if (p->n_strings)
        strings(j, "policy_strings", p->strings, p->n_strings);
    if (p->n_mx_hosts)
        strings(j, "mx_host_patterns", p->mx_hosts, p->n_mx_hosts);
    json_member_int(j, "successful_session_count", p->successful);
    json_member_int(j, "failed_session_count", p->failed);
    if (p->n_failures) {
        json_key(j, "failure_details");
        json_array(j);
        for (size_t i = 0; i < p->n_failures; i++)
            tls_failure(j, &p->failures[i]);
        json_end(j);
    }
    json_end(j);
}

static int tls(struct sink *s, const struct tls_report *r, struct err *e)
{
    struct parsedmarc_json *p = self(s);
    struct json *j = &p->tls.json;
    int rc = open_spool(&p->tls, e);

    if (rc != 0)
        return rc;
    json_object(j);
    json_member_string(j, "organization_name", r->organization_name);
    json_member_string(j, "begin_date", r->begin_sent);
    json_member_string(j, "end_date", r->end_sent);
    json_member_string(j, "contact_info", r->contact_info);
    json_member_string(j, "report_id", r->report_id);
    json_key(j, "policies");
    json_array(j);
    for (size_t i = 0; i < r->n_policies; i++)
        tls_policy(j, &r->policies[i]);
    json_end(j);
    json_end(j);
    return spool_error(&p->tls, e);
}

/* ---- the whole ---- */

static int copy(FILE *from, long start, long end, struct json *to, struct err *e)
{
    char chunk[16 * 1024];

    if (start < 0 || end < 0 || fseek(from, start, SEEK_SET) != 0)
        return err_set(e, ERR_TEMPORARY, "disk", "cannot read a temporary file");
    for (long left = end - start; left > 0;) {
        size_t n = fread(chunk, 1, left < (long)sizeof chunk ? (size_t)left : sizeof chunk, from);
        if (n == 0)
            return err_set(e, ERR_TEMPORARY, "disk", "cannot read a temporary file");
        json_raw_more(to, chunk, n);
        left -= (long)n;
    }
    return 0;
}

static int add_spool(struct parsedmarc_json *p, struct spool *s, struct err *e)
{
    json_key(&p->json, s->key);
    if (!s->file) {
        json_array(&p->json);
        json_end(&p->json);
        return 0;
    }
    json_end(&s->json);
    json_flush(&s->json);
    if (fflush(s->file) != 0)
        return spool_error(s, e);
    json_raw(&p->json, ""); /* the value follows from the file */
    return copy(s->file, s->start, ftell(s->file), &p->json, e);
}

static int finish(struct printer *printer, struct err *e)
{
    struct parsedmarc_json *p = self(&printer->sink);

    open_document(p);
    json_end(&p->json);
    int rc = add_spool(p, &p->failures, e);
    if (rc == 0)
        rc = add_spool(p, &p->tls, e);
    json_end(&p->json);
    return rc;
}

static void free_printer(struct printer *printer)
{
    struct parsedmarc_json *p = self(&printer->sink);

    if (p->failures.file)
        (void)fclose(p->failures.file);
    if (p->tls.file)
        (void)fclose(p->tls.file);
    arena_free(p->a);
    free(p);
}

struct printer *print_parsedmarc_json(FILE *out, enum report_kind kind)
{
    static const struct sink_ops ops = {
        .aggregate_begin = aggregate_begin,
        .aggregate_record = aggregate_record,
        .aggregate_end = aggregate_end,
        .failure = failure,
        .tls = tls,
    };
    struct parsedmarc_json *p = mem_alloc(sizeof *p);

    (void)kind; /* all kinds are printed */
    *p = (struct parsedmarc_json){
        .printer = {.sink = {&ops}, .finish = finish, .free = free_printer},
        .out = out,
        .failures = {.key = "failure_reports"},
        .tls = {.key = "smtp_tls_reports"},
        .a = arena_new(),
    };
    json_init(&p->json, out, true);
    return &p->printer;
}
