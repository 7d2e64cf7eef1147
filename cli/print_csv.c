/*
 * One row for each record of an aggregate report, each failure report, or each policy and failure
 * of a TLS report: the three have different columns, so one run prints one kind.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/csv.h"
#include "base/when.h"
#include "cli/print.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELL_MAX = 4 * 1024 * 1024 /* LIMIT_RESULTS results of LIMIT_FIELD bytes each fit */
};

struct csv_printer {
    struct printer printer;
    struct csv csv;
    struct buf cell; /* for lists */
    /* What stands in front of each record of the report that is being printed. */
    struct arena *arena;
    const char *head[6];
    int64_t begin, end;
};

static struct csv_printer *printer_of(struct sink *s)
{
    return (struct csv_printer *)s;
}

static int check_output(const struct csv_printer *p, struct err *e)
{
    if (ferror(p->csv.out)) {
        return err_set(
            e, ERR_TEMPORARY, "write-failed", "standard output: %s", strerrordesc_np(errno));
    }
    return 0;
}

static void write_heading(struct csv *c, const char *const *columns)
{
    for (; *columns; columns++)
        csv_text(c, *columns);
    csv_end_row(c);
}

static void csv_time(struct csv *c, int64_t seconds)
{
    char text[WHEN_TEXT_MAX] = "";

    if (seconds >= 0)
        when_format(seconds, text);
    csv_text(c, text);
}

static void csv_addr(struct csv *c, const struct addr *a, const char *sent)
{
    char text[ADDR_TEXT_MAX];

    addr_format(a, text);
    csv_text(c, a->len ? text : sent);
}

/* ---- aggregate ---- */

static const char *const aggregate_columns[] = {"reporter", "org_name", "report_id", "begin", "end",
    "domain", "p", "sp", "source_ip", "count", "disposition", "dkim", "spf", "reasons",
    "header_from", "envelope_from", "envelope_to", "dkim_results", "spf_results", NULL};

static int csv_aggregate_begin(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct csv_printer *p = printer_of(s);
    const char *const head[] = {
        r->reporter, r->org_name, r->report_id, r->policy.domain, r->policy.p, r->policy.sp};

    (void)e;
    arena_reset(p->arena);
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        p->head[i] = head[i] ? arena_strdup(p->arena, head[i]) : NULL;
    p->begin = r->begin;
    p->end = r->end;
    return 0;
}

/* "s1@a.example=pass b.example=fail"; a list that is too long for a cell is cut at a whole item. */
static void csv_results(struct csv_printer *p, const struct auth_result *results, size_t n)
{
    buf_clear(&p->cell);
    for (size_t i = 0; i < n; i++) {
        const struct auth_result *a = &results[i];
        bool named = a->selector && *a->selector;
        if (buf_printf(&p->cell, "%s%s%s%s=%s", i ? " " : "", named ? a->selector : "",
                named ? "@" : "", a->domain ? a->domain : "", a->result ? a->result : ""))
            break;
    }
    csv_text(&p->csv, p->cell.len ? p->cell.data : "");
}

static void csv_reasons(struct csv_printer *p, const struct aggregate_record *r)
{
    buf_clear(&p->cell);
    for (size_t i = 0; i < r->n_reasons; i++) {
        const struct override_reason *o = &r->reasons[i];
        bool said = o->comment && *o->comment;
        if (buf_printf(&p->cell, "%s%s%s%s", i ? "; " : "", o->type ? o->type : "",
                said ? ": " : "", said ? o->comment : ""))
            break;
    }
    csv_text(&p->csv, p->cell.len ? p->cell.data : "");
}

static int csv_record(struct sink *s, const struct aggregate_record *r, struct err *e)
{
    struct csv_printer *p = printer_of(s);
    struct csv *c = &p->csv;

    for (int i = 0; i < 3; i++)
        csv_text(c, p->head[i]);
    csv_time(c, p->begin);
    csv_time(c, p->end);
    for (int i = 3; i < 6; i++)
        csv_text(c, p->head[i]);
    csv_addr(c, &r->source_ip, r->source_ip_sent);
    csv_int(c, r->count);
    csv_text(c, disposition_name(r->disposition));
    csv_text(c, verdict_name(r->dkim));
    csv_text(c, verdict_name(r->spf));
    csv_reasons(p, r);
    csv_text(c, r->header_from);
    csv_text(c, r->envelope_from);
    csv_text(c, r->envelope_to);
    csv_results(p, r->dkims, r->n_dkims);
    csv_results(p, r->spfs, r->n_spfs);
    csv_end_row(c);
    return check_output(p, e);
}

/* ---- failure ---- */

static const char *const failure_columns[] = {"reporter", "arrival", "reported_domain", "source_ip",
    "auth_failure", "delivery_result", "identity_alignment", "original_mail_from",
    "original_rcpt_to", "message_id", "dkim_domain", "dkim_selector", "incidents", NULL};

static int csv_failure(struct sink *s, const struct failure_report *r, struct err *e)
{
    struct csv_printer *p = printer_of(s);
    struct csv *c = &p->csv;

    csv_text(c, r->reporter);
    csv_time(c, r->arrival);
    csv_text(c, r->reported_domain);
    csv_addr(c, &r->source_ip, r->source_ip_sent);
    csv_text(c, r->auth_failure);
    csv_text(c, r->delivery_result);
    csv_text(c, r->identity_alignment);
    csv_text(c, r->original_mail_from);
    csv_text(c, r->original_rcpt_to);
    csv_text(c, r->message_id);
    csv_text(c, r->dkim_domain);
    csv_text(c, r->dkim_selector);
    csv_int(c, r->incidents);
    csv_end_row(c);
    return check_output(p, e);
}

/* ---- TLS ---- */

static const char *const tls_columns[] = {"reporter", "organization_name", "report_id", "begin",
    "end", "policy_domain", "policy_type", "successful_sessions", "failed_sessions", "result_type",
    "failure_sessions", "sending_mta_ip", "receiving_mx_hostname", "receiving_ip",
    "failure_reason_code", NULL};

static void csv_tls_policy(struct csv *c, const struct tls_report *r, const struct tls_policy *p)
{
    csv_text(c, r->reporter);
    csv_text(c, r->organization_name);
    csv_text(c, r->report_id);
    csv_time(c, r->begin);
    csv_time(c, r->end);
    csv_text(c, p->domain);
    csv_text(c, p->type);
}

/* A policy has a row of its own with its sums; its failures follow, without them: a sum over a
 * column is right. */
static int csv_tls(struct sink *s, const struct tls_report *r, struct err *e)
{
    struct csv_printer *printer = printer_of(s);
    struct csv *c = &printer->csv;

    for (size_t i = 0; i < r->n_policies; i++) {
        const struct tls_policy *p = &r->policies[i];
        csv_tls_policy(c, r, p);
        csv_int(c, p->successful);
        csv_int(c, p->failed);
        for (int empty = 0; empty < 6; empty++)
            csv_text(c, NULL);
        csv_end_row(c);
        for (size_t k = 0; k < p->n_failures; k++) {
            const struct tls_failure *f = &p->failures[k];
            csv_tls_policy(c, r, p);
            csv_text(c, NULL);
            csv_text(c, NULL);
            csv_text(c, f->result_type);
            csv_int(c, f->sessions);
            csv_text(c, f->sending_mta_ip);
            csv_text(c, f->receiving_mx_hostname);
            csv_text(c, f->receiving_ip);
            csv_text(c, f->reason_code);
            csv_end_row(c);
        }
    }
    return check_output(printer, e);
}

static int csv_finish(struct printer *p, struct err *e)
{
    return check_output((struct csv_printer *)p, e);
}

static void csv_free(struct printer *printer)
{
    struct csv_printer *p = (struct csv_printer *)printer;

    buf_done(&p->cell);
    arena_free(p->arena);
    free(p);
}

struct printer *print_csv(FILE *out, enum report_kind kind)
{
    static const struct {
        const char *const *columns;
        struct sink_ops ops;
    } kinds[] = {
        [REPORT_AGGREGATE] = {aggregate_columns,
            {.aggregate_begin = csv_aggregate_begin, .aggregate_record = csv_record}},
        [REPORT_FAILURE] = {failure_columns, {.failure = csv_failure}},
        [REPORT_TLS] = {tls_columns, {.tls = csv_tls}},
    };
    struct csv_printer *p = mem_alloc(sizeof *p);

    p->printer =
        (struct printer){.sink = {&kinds[kind].ops}, .finish = csv_finish, .free = csv_free};
    p->arena = arena_new();
    buf_init(&p->cell, CELL_MAX);
    csv_init(&p->csv, out, true);
    write_heading(&p->csv, kinds[kind].columns);
    return &p->printer;
}
