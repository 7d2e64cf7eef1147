/*
 * A sink that believes nothing: every promise of parse/model.h and parse/flow.h that can be checked
 * from here is, and a broken one ends the program. What a store does with the words of strangers
 * before it keeps them, parse/redact.h and parse/trust.h, is done here too.
 */
#include "base/arena.h"
#include "base/text.h"
#include "parse/limits.h"
#include "parse/quirks.h"
#include "parse/redact.h"
#include "parse/trust.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static const int64_t count_most = INT64_C(1) << 53;

/* Where the flow is. */
static struct {
    bool in_message, in_payload, in_report;
    int64_t records, messages; /* of this report */
} flow;

static void promise(bool kept)
{
    if (!kept)
        abort();
}

/* Text of any length: clean UTF-8, readable to its end. */
static void look_long(const char *s)
{
    promise(!s || text_is_utf8(s, strlen(s)));
}

/* A value of the normal form. */
static void look(const char *s)
{
    look_long(s);
    promise(!s || strlen(s) <= LIMIT_FIELD);
}

static void look_at_notes(const struct notes *notes, enum grade grade)
{
    promise(grade < GRADE_REFUSED);
    for (size_t i = 0; i < notes->n; i++) {
        const struct quirk *q = quirk_find(notes->items[i].code);
        promise(q && q->grade <= grade && notes->items[i].times > 0);
        look_long(notes->items[i].detail);
    }
}

static void look_at_addr(const struct addr *a)
{
    promise(a->len == 0 || a->len == 4 || a->len == 16);
}

static void look_at_results(const struct auth_result *list, size_t n)
{
    promise(n <= LIMIT_RESULTS);
    for (size_t i = 0; i < n; i++) {
        look(list[i].domain);
        look(list[i].domain_sent);
        look(list[i].selector);
        look(list[i].scope);
        look(list[i].result);
        look(list[i].result_sent);
        look(list[i].human_result);
        /* fails safe: only the very word is a pass */
        promise(!list[i].result || strcmp(list[i].result, "pass") != 0 ||
                text_equal_nocase(list[i].result_sent, "pass"));
    }
}

static void look_at_policy(const struct policy *p)
{
    const char *const values[] = {p->domain, p->domain_sent, p->adkim, p->adkim_sent, p->aspf,
        p->aspf_sent, p->p, p->p_sent, p->sp, p->sp_sent, p->np, p->np_sent, p->pct, p->pct_sent,
        p->fo, p->testing, p->testing_sent, p->discovery_method};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        look(values[i]);
    promise(p->domain != NULL);
}

static void look_at_report(const struct aggregate_report *r)
{
    const char *const values[] = {r->version, r->xml_namespace, r->org_name, r->email,
        r->extra_contact_info, r->report_id, r->report_id_sent, r->begin_sent, r->end_sent,
        r->generator, r->reporter};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        look(values[i]);
    promise(r->n_errors <= LIMIT_ERRORS);
    for (size_t i = 0; i < r->n_errors; i++)
        look(r->errors[i]);
    look_at_policy(&r->policy);
    look_long(r->extension);
    promise(!r->extension || strlen(r->extension) <= LIMIT_EXTENSION);
    promise(r->reporter && r->report_id && r->begin <= r->end);
}

/* ---- the flow ---- */

static void look_at_evidence(const struct message_info *m)
{
    static const char *const servers[] = {"mx.google.com", "mx.receiver.example", "example.org"};
    static const struct trust_settings believed = {servers, sizeof servers / sizeof *servers};
    struct arena *a = arena_new();
    struct trust_evidence v;

    trust_read(a, &believed, m, &v);
    promise(v.n_senders <= TRUST_DOMAINS_MAX && v.n_vouched <= TRUST_DOMAINS_MAX);
    for (size_t i = 0; i < v.n_senders; i++)
        look_long(v.senders[i]);
    for (size_t i = 0; i < v.n_vouched; i++)
        look_long(v.vouched[i]);
    /* nobody becomes verified whom no believed server vouches for */
    promise(trust_judge(&v, "example.com") != TRUST_VERIFIED || v.n_vouched > 0);
    arena_free(a);
}

static int message_begin(struct sink *s, const struct message_info *m, struct err *e)
{
    (void)s;
    (void)e;
    promise(!flow.in_message);
    flow.in_message = true;
    look_long(m->from);
    look_long(m->subject);
    look_long(m->message_id);
    look_long(m->authentication_results);
    look_at_evidence(m);
    return 0;
}

static int payload_begin(struct sink *s, const struct payload_info *p, struct err *e)
{
    (void)s;
    (void)e;
    promise(flow.in_message && !flow.in_payload && p->container);
    flow.in_payload = true;
    look_long(p->name);
    return 0;
}

static int begin(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    (void)s;
    (void)e;
    promise(!flow.in_report);
    flow.in_report = true;
    flow.records = flow.messages = 0;
    look_at_report(r);
    return 0;
}

static int record(struct sink *s, const struct aggregate_record *r, struct err *e)
{
    const char *const values[] = {r->source_ip_sent, r->disposition_sent, r->dkim_sent, r->spf_sent,
        r->header_from, r->header_from_sent, r->envelope_from, r->envelope_from_sent,
        r->envelope_to, r->envelope_to_sent};

    (void)s;
    (void)e;
    promise(flow.in_report);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        look(values[i]);
    look_at_addr(&r->source_ip);
    look_at_results(r->dkims, r->n_dkims);
    look_at_results(r->spfs, r->n_spfs);
    promise(r->n_reasons <= LIMIT_RESULTS);
    for (size_t i = 0; i < r->n_reasons; i++) {
        look(r->reasons[i].type);
        look(r->reasons[i].type_sent);
        look(r->reasons[i].comment);
    }
    look_long(r->extension);
    promise(r->count >= 0 && r->count <= count_most);
    /* fails safe: only the very word is a pass, and only the very word a reject */
    promise(r->dkim != VERDICT_PASS || text_equal_nocase(r->dkim_sent, "pass"));
    promise(r->spf != VERDICT_PASS || text_equal_nocase(r->spf_sent, "pass"));
    promise(
        r->disposition != DISPOSITION_REJECT || text_equal_nocase(r->disposition_sent, "reject"));
    flow.records++;
    flow.messages += r->count; /* no sum goes beyond the most that one record may claim */
    if (flow.messages > count_most)
        flow.messages = count_most;
    return 0;
}

static int end(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    (void)s;
    (void)e;
    promise(flow.in_report);
    flow.in_report = false;
    look_at_report(r);
    look_at_notes(&r->notes, r->grade);
    promise(r->records == flow.records && r->messages == flow.messages && r->dropped >= 0);
    return 0;
}

static void look_at_fields(const struct header_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        look_long(fields[i].name);
        look_long(fields[i].value);
    }
}

/* Hashes are longer than the names that they stand for: any length is right. */
static void look_at_redacted(const struct failure_report *r, enum failure_data data)
{
    const struct redactor redactor = {.arena = arena_new(), .data = data};
    struct failure_report kept;

    redact_failure(&redactor, r, &kept);
    const char *const values[] = {kept.feedback_type, kept.version, kept.user_agent,
        kept.original_envelope_id, kept.original_mail_from, kept.original_rcpt_to,
        kept.arrival_date_sent, kept.mail_date_sent, kept.message_id, kept.authentication_results,
        kept.source_ip_sent, kept.delivery_result, kept.auth_failure, kept.identity_alignment,
        kept.reported_domain, kept.dkim_domain, kept.dkim_selector, kept.dkim_identity,
        kept.spf_dns, kept.reporter};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        look_long(values[i]);
    look_at_fields(kept.fields, kept.n_fields);
    look_at_fields(kept.sample_headers, kept.n_sample_headers);
    promise(data == FAILURE_DATA_FULL || !kept.sample);
    promise(data != FAILURE_DATA_NONE || kept.n_fields + kept.n_sample_headers == 0);
    arena_free(redactor.arena);
}

static int failure(struct sink *s, const struct failure_report *r, struct err *e)
{
    const char *const values[] = {r->feedback_type, r->version, r->user_agent,
        r->original_envelope_id, r->original_mail_from, r->original_rcpt_to, r->arrival_date_sent,
        r->mail_date_sent, r->message_id, r->authentication_results, r->source_ip_sent,
        r->delivery_result, r->auth_failure, r->identity_alignment, r->reported_domain,
        r->dkim_domain, r->dkim_selector, r->dkim_identity, r->spf_dns, r->reporter};

    (void)s;
    (void)e;
    promise(!flow.in_report);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        look(values[i]);
    look_at_fields(r->fields, r->n_fields);
    look_at_fields(r->sample_headers, r->n_sample_headers);
    look_at_addr(&r->source_ip);
    look_at_notes(&r->notes, r->grade);
    promise(r->arrival >= -1 && r->arrival != 0);
    promise(r->incidents >= 0 && r->incidents <= count_most && r->reporter);
    for (int data = FAILURE_DATA_NONE; data <= (int)FAILURE_DATA_FULL; data++)
        look_at_redacted(r, (enum failure_data)data);
    return 0;
}

static void look_at_tls_policy(const struct tls_policy *p)
{
    look(p->type);
    look(p->domain);
    look(p->domain_sent);
    for (size_t i = 0; i < p->n_strings; i++)
        look(p->strings[i]);
    for (size_t i = 0; i < p->n_mx_hosts; i++)
        look(p->mx_hosts[i]);
    promise(p->successful >= 0 && p->successful <= count_most);
    promise(p->failed >= 0 && p->failed <= count_most);
    for (size_t i = 0; i < p->n_failures; i++) {
        const struct tls_failure *f = &p->failures[i];
        look(f->result_type);
        look(f->sending_mta_ip);
        look(f->receiving_mx_hostname);
        look(f->receiving_mx_helo);
        look(f->receiving_ip);
        look(f->additional_information);
        look(f->reason_code);
        promise(f->sessions >= 0 && f->sessions <= count_most);
    }
}

static int tls(struct sink *s, const struct tls_report *r, struct err *e)
{
    (void)s;
    (void)e;
    promise(!flow.in_report);
    look(r->organization_name);
    look(r->contact_info);
    look(r->report_id);
    look(r->begin_sent);
    look(r->end_sent);
    look(r->reporter);
    for (size_t i = 0; i < r->n_policies; i++)
        look_at_tls_policy(&r->policies[i]);
    look_at_notes(&r->notes, r->grade);
    promise(r->report_id && r->reporter && r->begin <= r->end);
    return 0;
}

static int reject(struct sink *s, const char *document, const struct err *why, struct err *e)
{
    (void)s;
    (void)e;
    promise(flow.in_message && !flow.in_report && why->class == ERR_INPUT && why->tag);
    look_long(document);
    return 0;
}

static int payload_end(struct sink *s, struct err *e)
{
    (void)s;
    (void)e;
    promise(flow.in_payload && !flow.in_report);
    flow.in_payload = false;
    return 0;
}

static int message_end(struct sink *s, enum outcome o, const struct err *reason, struct err *e)
{
    (void)s;
    (void)e;
    promise(flow.in_message && !flow.in_payload && !flow.in_report);
    promise(o == OUTCOME_STORED || o == OUTCOME_NOT_A_REPORT || o == OUTCOME_PARTIAL ||
            o == OUTCOME_REJECTED);
    promise(o != OUTCOME_REJECTED || reason);
    flow.in_message = false;
    return 0;
}

static const struct sink_ops ops = {
    .message_begin = message_begin,
    .payload_begin = payload_begin,
    .aggregate_begin = begin,
    .aggregate_record = record,
    .aggregate_end = end,
    .failure = failure,
    .tls = tls,
    .reject = reject,
    .payload_end = payload_end,
    .message_end = message_end,
};

struct sink fuzz_sink = {&ops};
