/*
 * Reports for reading on a terminal: a heading for each, a line for each record, the remarks.
 */
#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHOWN = 200 /* bytes of one value */
};

struct text_printer {
    struct printer printer;
    FILE *out;
};

static FILE *out_of(struct sink *s)
{
    return ((struct text_printer *)s)->out;
}

static int check_output(FILE *out, struct err *e)
{
    if (ferror(out)) {
        return err_set(
            e, ERR_TEMPORARY, "write-failed", "standard output: %s", strerrordesc_np(errno));
    }
    return 0;
}

/* A stranger's words, after what we say about them; nothing at all when there are none. */
static void put(FILE *out, const char *before, const char *s)
{
    char safe[SHOWN];

    if (!s)
        return;
    text_safe_into(safe, sizeof safe, s);
    (void)fputs(before, out);
    (void)fputs(safe, out);
}

static void put_or_dash(FILE *out, const char *before, const char *s)
{
    put(out, before, s && *s ? s : "-");
}

static void put_period(FILE *out, int64_t begin, int64_t end)
{
    char from[WHEN_TEXT_MAX];
    char to[WHEN_TEXT_MAX];

    when_format(begin, from);
    when_format(end, to);
    (void)fprintf(out, "  period     %s to %s\n", from, to);
}

static void put_judgement(FILE *out, enum grade grade, const struct notes *notes)
{
    (void)fprintf(out, "  grade      %s\n", grade_name(grade));
    for (size_t i = 0; i < notes->n; i++) {
        (void)fprintf(out, "    %s", notes->items[i].code);
        if (notes->items[i].times > 1)
            (void)fprintf(out, " (%" PRIu64 " times)", notes->items[i].times);
        put(out, ": ", notes->items[i].detail);
        (void)fputc('\n', out);
    }
    (void)fputc('\n', out);
}

static int text_aggregate_begin(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    FILE *out = out_of(s);
    const struct policy *p = &r->policy;

    put_or_dash(out, "Aggregate report on ", p->domain);
    put(out, " from ", r->reporter);
    put(out, "\n  organisation ", r->org_name);
    put(out, "\n  report id  ", r->report_id);
    (void)fputc('\n', out);
    put_period(out, r->begin, r->end);
    (void)fprintf(out, "  dialect    %s\n  policy    ", dialect_name(r->dialect));
    put(out, " p=", p->p);
    put(out, " sp=", p->sp);
    put(out, " np=", p->np);
    put(out, " adkim=", p->adkim);
    put(out, " aspf=", p->aspf);
    put(out, " pct=", p->pct);
    put(out, " t=", p->testing);
    (void)fputc('\n', out);
    for (size_t i = 0; i < r->n_errors; i++) {
        put(out, "  error      ", r->errors[i]);
        (void)fputc('\n', out);
    }
    return check_output(out, e);
}

static void put_results(FILE *out, const char *kind, const struct auth_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put_or_dash(out, kind, results[i].domain);
        put(out, " selector ", results[i].selector);
        put_or_dash(out, ": ", results[i].result);
    }
}

static int text_record(struct sink *s, const struct aggregate_record *r, struct err *e)
{
    FILE *out = out_of(s);
    char ip[ADDR_TEXT_MAX];

    (void)e;
    addr_format(&r->source_ip, ip);
    (void)fprintf(out, "  %8" PRId64 " x ", r->count);
    put_or_dash(out, "", r->source_ip.len ? ip : r->source_ip_sent);
    put_or_dash(out, " as ", r->header_from);
    (void)fprintf(out, ": disposition %s, DKIM %s, SPF %s", disposition_name(r->disposition),
        verdict_name(r->dkim), verdict_name(r->spf));
    put_results(out, "\n             dkim ", r->dkims, r->n_dkims);
    put_results(out, "\n             spf ", r->spfs, r->n_spfs);
    for (size_t i = 0; i < r->n_reasons; i++) {
        put_or_dash(out, "\n             reason ", r->reasons[i].type);
        put(out, ": ", r->reasons[i].comment);
    }
    (void)fputc('\n', out);
    return 0;
}

static int text_aggregate_end(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    FILE *out = out_of(s);

    (void)fprintf(
        out, "  in all     %" PRId64 " records, %" PRId64 " messages", r->records, r->messages);
    if (r->dropped)
        (void)fprintf(out, "; %" PRId64 " records could not be used", r->dropped);
    (void)fputc('\n', out);
    put_judgement(out, r->grade, &r->notes);
    return check_output(out, e);
}

static int text_failure(struct sink *s, const struct failure_report *r, struct err *e)
{
    FILE *out = out_of(s);
    char ip[ADDR_TEXT_MAX];
    char when[WHEN_TEXT_MAX] = "-";

    addr_format(&r->source_ip, ip);
    if (r->arrival >= 0)
        when_format(r->arrival, when);
    put_or_dash(out, "Failure report on ", r->reported_domain);
    put(out, " from ", r->reporter);
    (void)fprintf(out, "\n  arrived    %s", when);
    put_or_dash(out, "\n  source     ", r->source_ip.len ? ip : r->source_ip_sent);
    put(out, "\n  failed     ", r->auth_failure);
    put(out, "\n  delivery   ", r->delivery_result);
    put(out, "\n  mail from  ", r->original_mail_from);
    put(out, "\n  recipient  ", r->original_rcpt_to);
    put(out, "\n  message id ", r->message_id);
    put(out, "\n  results    ", r->authentication_results);
    (void)fprintf(out, "\n  incidents  %" PRId64 "\n", r->incidents);
    put_judgement(out, r->grade, &r->notes);
    return check_output(out, e);
}

static void put_tls_failure(FILE *out, const struct tls_failure *f)
{
    (void)fprintf(out, "    %8" PRId64 " x ", f->sessions);
    put_or_dash(out, "", f->result_type);
    put(out, " at ", f->receiving_mx_hostname);
    put(out, " (", f->receiving_ip);
    (void)fputs(f->receiving_ip ? ")" : "", out);
    put(out, " from ", f->sending_mta_ip);
    put(out, ": ", f->reason_code);
    put(out, ": ", f->additional_information);
    (void)fputc('\n', out);
}

static int text_tls(struct sink *s, const struct tls_report *r, struct err *e)
{
    FILE *out = out_of(s);

    put_or_dash(out, "TLS report from ", r->reporter);
    put(out, "\n  organisation ", r->organization_name);
    put(out, "\n  report id  ", r->report_id);
    (void)fputc('\n', out);
    put_period(out, r->begin, r->end);
    for (size_t i = 0; i < r->n_policies; i++) {
        const struct tls_policy *p = &r->policies[i];
        put_or_dash(out, "  ", p->domain);
        put(out, ", policy ", p->type);
        (void)fprintf(out, ": %" PRId64 " sessions succeeded, %" PRId64 " failed\n", p->successful,
            p->failed);
        for (size_t k = 0; k < p->n_failures; k++)
            put_tls_failure(out, &p->failures[k]);
    }
    put_judgement(out, r->grade, &r->notes);
    return check_output(out, e);
}

static int text_finish(struct printer *p, struct err *e)
{
    return check_output(((struct text_printer *)p)->out, e);
}

static void text_free(struct printer *p)
{
    free(p);
}

struct printer *print_text(FILE *out, enum report_kind kind)
{
    static const struct sink_ops ops = {
        .aggregate_begin = text_aggregate_begin,
        .aggregate_record = text_record,
        .aggregate_end = text_aggregate_end,
        .failure = text_failure,
        .tls = text_tls,
    };
    struct text_printer *p = mem_alloc(sizeof *p);

    (void)kind;
    p->printer = (struct printer){.sink = {&ops}, .finish = text_finish, .free = text_free};
    p->out = out;
    return &p->printer;
}
