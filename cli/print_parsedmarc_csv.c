#include "base/arena.h"
#include "base/csv.h"
#include "base/text.h"
#include "cli/parsedmarc.h"
#include "cli/print.h"
#include "parse/header.h"

#include <stdlib.h>
#include <string.h>

enum {
    REPORT_CELLS = 19 /* columns that say the same in each row of a report */
};

struct parsedmarc_csv {
    struct printer printer; /* first */
    struct csv csv;
    const char *cells[REPORT_CELLS];
    struct arena *report; /* holds the cells */
    struct arena *row;
};

static struct parsedmarc_csv *self(struct sink *s)
{
    return (struct parsedmarc_csv *)(void *)s;
}

static const char *truth(bool b)
{
    return b ? "True" : "False";
}

static void empty(struct csv *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        csv_text(c, NULL);
}

/* ---- joined lists ---- */

struct joined {
    struct arena *a;
    const char *separator;
    const char *text; /* NULL: nothing was added */
};

static void join(struct joined *j, const char *item)
{
    j->text = j->text ? arena_printf(j->a, "%s%s%s", j->text, j->separator, item) : item;
}

static const char *join_all(
    struct arena *a, const char *separator, const char *const *items, size_t n)
{
    struct joined j = {a, separator, NULL};

    for (size_t i = 0; i < n; i++)
        join(&j, items[i]);
    return j.text;
}

/* ---- aggregate reports ---- */

static int aggregate_begin(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct parsedmarc_csv *p = self(s);
    struct arena *a = p->report;

    (void)e;
    arena_reset(a);
    const char *asked = parsedmarc_or_null(r->policy.p_sent);
    const char *const cells[REPORT_CELLS] = {
        parsedmarc_schema(r),
        parsedmarc_org_name(a, r),
        r->email,
        r->extra_contact_info,
        parsedmarc_report_id(a, r),
        parsedmarc_time(a, r->begin),
        parsedmarc_time(a, r->end),
        truth(false), /* normalized_timespan: no report is split by days here */
        join_all(a, "|", r->errors, r->n_errors),
        r->policy.domain_sent,
        parsedmarc_or(r->policy.adkim_sent, "r"),
        parsedmarc_or(r->policy.aspf_sent, "r"),
        asked,
        parsedmarc_or(r->policy.sp_sent, asked),
        r->policy.np_sent,
        r->policy.pct_sent,
        r->policy.fo,
        r->policy.testing_sent,
        r->policy.discovery_method,
    };
    for (size_t i = 0; i < REPORT_CELLS; i++)
        p->cells[i] = cells[i] ? arena_strdup(a, cells[i]) : NULL;
    return 0;
}

static void reasons(struct parsedmarc_csv *p, const struct aggregate_record *r)
{
    struct joined types = {p->row, ",", NULL};
    struct joined comments = {p->row, "|", NULL};

    for (size_t i = 0; i < r->n_reasons; i++) {
        join(&types, parsedmarc_or(r->reasons[i].type_sent, "none"));
        join(&comments, parsedmarc_or(r->reasons[i].comment, "none"));
    }
    csv_text(&p->csv, types.text);
    csv_text(&p->csv, comments.text);
}

/* Domains, selectors (or scopes) and results, in the same order. */
static void auth_results(
    struct parsedmarc_csv *p, const struct auth_result *results, size_t n, bool dkim)
{
    struct joined domains = {p->row, ",", NULL};
    struct joined places = {p->row, ",", NULL};
    struct joined words = {p->row, ",", NULL};

    for (size_t i = 0; i < n; i++) {
        const struct auth_result *a = &results[i];
        if (!parsedmarc_shows(a))
            continue;
        join(&domains, text_lower(p->row, a->domain_sent));
        join(&places, text_lower(p->row, dkim ? parsedmarc_or(a->selector, "none")
                                              : parsedmarc_or(a->scope, "mfrom")));
        join(&words, text_lower(p->row, parsedmarc_or(a->result_sent, "none")));
    }
    csv_text(&p->csv, domains.text);
    csv_text(&p->csv, places.text);
    csv_text(&p->csv, words.text);
}

static int aggregate_record(struct sink *s, const struct aggregate_record *r, struct err *e)
{
    struct parsedmarc_csv *p = self(s);
    struct csv *c = &p->csv;

    (void)e;
    for (size_t i = 0; i < REPORT_CELLS; i++)
        csv_text(c, p->cells[i]);
    csv_text(c, parsedmarc_source_ip(p->row, r->source_ip_sent, &r->source_ip));
    empty(c, 8); /* source_country to source_as_domain */
    csv_int(c, r->count);
    csv_text(c, truth(r->spf == VERDICT_PASS));
    csv_text(c, truth(r->dkim == VERDICT_PASS));
    csv_text(c, truth(r->spf == VERDICT_PASS || r->dkim == VERDICT_PASS));
    csv_text(c, parsedmarc_word(p->row, r->disposition_sent, "none"));
    reasons(p, r);
    csv_text(c, parsedmarc_envelope_from(p->row, r));
    csv_text(c, parsedmarc_header_from(p->row, r));
    csv_text(c, r->envelope_to_sent);
    auth_results(p, r->dkims, r->n_dkims, true);
    auth_results(p, r->spfs, r->n_spfs, false);
    csv_end_row(c);
    arena_reset(p->row);
    return 0;
}

/* ---- failure reports ---- */

static int failure(struct sink *s, const struct failure_report *r, struct err *e)
{
    struct parsedmarc_csv *p = self(s);
    struct csv *c = &p->csv;
    struct parsedmarc_list reasons_list = parsedmarc_auth_failure(p->row, r);
    struct parsedmarc_list mechanisms = parsedmarc_mechanisms(p->row, r);
    const char *subject = header_find(r->sample_headers, r->n_sample_headers, "Subject");

    (void)e;
    csv_text(c, parsedmarc_or(parsedmarc_field(r, "feedback_type"), "auth-failure"));
    csv_text(c, parsedmarc_field(r, "user_agent"));
    csv_text(c, parsedmarc_field(r, "version"));
    csv_text(c, parsedmarc_field(r, "original_envelope_id"));
    csv_text(c, parsedmarc_field(r, "original_mail_from"));
    csv_text(c, parsedmarc_field(r, "original_rcpt_to"));
    csv_text(c, parsedmarc_arrival(p->row, r));
    csv_text(c, parsedmarc_arrival_utc(p->row, r));
    csv_text(c, subject ? header_decode(p->row, subject) : NULL);
    csv_text(c, parsedmarc_field(r, "message_id"));
    csv_text(c, parsedmarc_field(r, "authentication_results"));
    csv_text(c, parsedmarc_field(r, "dkim_domain"));
    csv_text(c, parsedmarc_source_ip(p->row, r->source_ip_sent, &r->source_ip));
    empty(c, 8); /* source_country to source_as_domain */
    csv_text(c, parsedmarc_delivery_result(p->row, r));
    csv_text(c, join_all(p->row, ",", reasons_list.items, reasons_list.n));
    csv_text(c, parsedmarc_or(parsedmarc_field(r, "reported_domain"), r->reported_domain));
    csv_text(c, join_all(p->row, ",", mechanisms.items, mechanisms.n));
    csv_text(c, truth(r->headers_only));
    csv_end_row(c);
    arena_reset(p->row);
    return 0;
}

/* ---- SMTP TLS reports ---- */

static void tls_report_cells(struct csv *c, const struct tls_report *r)
{
    csv_text(c, r->organization_name);
    csv_text(c, r->begin_sent);
    csv_text(c, r->end_sent);
    csv_text(c, r->report_id);
}

/* The lists of a policy stand in its own row and in those of its failures. */
static void tls_list_cells(struct parsedmarc_csv *p, const struct tls_policy *policy)
{
    csv_text(&p->csv, join_all(p->row, "|", policy->strings, policy->n_strings));
    csv_text(&p->csv, join_all(p->row, "|", policy->mx_hosts, policy->n_mx_hosts));
}

static void tls_failure_row(struct parsedmarc_csv *p, const struct tls_report *r,
    const struct tls_policy *policy, const struct tls_failure *f)
{
    struct csv *c = &p->csv;

    tls_report_cells(c, r);
    csv_text(c, f->result_type);
    empty(c, 1); /* successful_session_count */
    csv_int(c, f->sessions);
    empty(c, 2); /* policy_domain, policy_type */
    tls_list_cells(p, policy);
    csv_text(c, f->sending_mta_ip);
    csv_text(c, f->receiving_ip);
    csv_text(c, f->receiving_mx_hostname);
    csv_text(c, f->receiving_mx_helo);
    csv_text(c, f->additional_information);
    csv_text(c, f->reason_code);
    csv_end_row(c);
}

static void tls_policy_row(
    struct parsedmarc_csv *p, const struct tls_report *r, const struct tls_policy *policy)
{
    struct csv *c = &p->csv;

    tls_report_cells(c, r);
    empty(c, 1); /* result_type */
    csv_int(c, policy->successful);
    csv_int(c, policy->failed);
    csv_text(c, policy->domain_sent ? policy->domain_sent : policy->domain);
    csv_text(c, policy->type);
    tls_list_cells(p, policy);
    empty(c, 6);
    csv_end_row(c);
}

static int tls(struct sink *s, const struct tls_report *r, struct err *e)
{
    struct parsedmarc_csv *p = self(s);

    (void)e;
    for (size_t i = 0; i < r->n_policies; i++) {
        const struct tls_policy *policy = &r->policies[i];
        tls_policy_row(p, r, policy);
        for (size_t k = 0; k < policy->n_failures; k++)
            tls_failure_row(p, r, policy, &policy->failures[k]);
        arena_reset(p->row);
    }
    return 0;
}

/* ---- the whole ---- */

static const char *const columns[] = {
    [REPORT_AGGREGATE] =
        "xml_schema,org_name,org_email,org_extra_contact_info,report_id,begin_date,end_date,"
        "normalized_timespan,errors,domain,adkim,aspf,p,sp,np,pct,fo,testing,discovery_method,"
        "source_ip_address,source_country,source_reverse_dns,source_base_domain,source_name,"
        "source_type,source_asn,source_as_name,source_as_domain,count,spf_aligned,dkim_aligned,"
        "dmarc_aligned,disposition,policy_override_reasons,policy_override_comments,"
        "envelope_from,header_from,envelope_to,dkim_domains,dkim_selectors,dkim_results,"
        "spf_domains,spf_scopes,spf_results",
    [REPORT_FAILURE] =
        "feedback_type,user_agent,version,original_envelope_id,original_mail_from,"
        "original_rcpt_to,arrival_date,arrival_date_utc,subject,message_id,"
        "authentication_results,dkim_domain,source_ip_address,source_country,"
        "source_reverse_dns,source_base_domain,source_name,source_type,source_asn,"
        "source_as_name,source_as_domain,delivery_result,auth_failure,reported_domain,"
        "authentication_mechanisms,sample_headers_only",
    [REPORT_TLS] =
        "organization_name,begin_date,end_date,report_id,result_type,successful_session_count,"
        "failed_session_count,policy_domain,policy_type,policy_strings,mx_host_patterns,"
        "sending_mta_ip,receiving_ip,receiving_mx_hostname,receiving_mx_helo,"
        "additional_info_uri,failure_reason_code",
};

static int finish(struct printer *printer, struct err *e)
{
    (void)printer;
    (void)e;
    return 0;
}

static void free_printer(struct printer *printer)
{
    struct parsedmarc_csv *p = self(&printer->sink);

    arena_free(p->report);
    arena_free(p->row);
    free(p);
}

struct printer *print_parsedmarc_csv(FILE *out, enum report_kind kind)
{
    static const struct sink_ops ops[] = {
        [REPORT_AGGREGATE] = {.aggregate_begin = aggregate_begin,
            .aggregate_record = aggregate_record},
        [REPORT_FAILURE] = {.failure = failure},
        [REPORT_TLS] = {.tls = tls},
    };
    struct parsedmarc_csv *p = mem_alloc(sizeof *p);

    *p = (struct parsedmarc_csv){
        .printer = {.sink = {&ops[kind]}, .finish = finish, .free = free_printer},
        .report = arena_new(),
        .row = arena_new(),
    };
    csv_init(&p->csv, out, false);
    (void)fprintf(out, "%s\r\n", columns[kind]);
    return &p->printer;
}
