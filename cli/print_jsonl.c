/*
 * The normal form as JSON lines: each report is one object in one line, and its `kind` is said
 * first.
 */
#include "base/arena.h"
#include "base/json.h"
#include "cli/json_report.h"
#include "cli/print.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct jsonl_printer {
    struct printer printer;
    FILE *out;
    struct json json; /* of the line */
};

static struct json *begin_line(struct sink *s, const char *kind)
{
    struct jsonl_printer *p = (struct jsonl_printer *)s;

    json_init(&p->json, p->out, false);
    json_object(&p->json);
    json_member_string(&p->json, "kind", kind);
    return &p->json;
}

static int end_line(struct sink *s, struct err *e)
{
    struct jsonl_printer *p = (struct jsonl_printer *)s;

    json_end(&p->json);
    (void)fputc('\n', p->out);
    if (ferror(p->out)) {
        return err_set(
            e, ERR_TEMPORARY, "write-failed", "standard output: %s", strerrordesc_np(errno));
    }
    return 0;
}

static int write_aggregate_begin(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    (void)e;
    json_aggregate_begin(begin_line(s, "aggregate"), r);
    return 0;
}

static int write_record(struct sink *s, const struct aggregate_record *r, struct err *e)
{
    struct json *j = &((struct jsonl_printer *)s)->json;

    (void)e;
    json_object(j);
    json_aggregate_record(j, r);
    json_end(j);
    return 0;
}

static int write_aggregate_end(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct json *j = &((struct jsonl_printer *)s)->json;

    json_end(j);
    json_aggregate_end(j, r);
    return end_line(s, e);
}

static int write_failure(struct sink *s, const struct failure_report *r, struct err *e)
{
    json_failure(begin_line(s, "failure"), r);
    return end_line(s, e);
}

static int write_tls(struct sink *s, const struct tls_report *r, struct err *e)
{
    json_tls(begin_line(s, "smtp_tls"), r);
    return end_line(s, e);
}

static int finish(struct printer *p, struct err *e)
{
    (void)p;
    (void)e;
    return 0;
}

static void free_printer(struct printer *p)
{
    free(p);
}

struct printer *print_jsonl(FILE *out, enum report_kind kind)
{
    static const struct sink_ops ops = {
        .aggregate_begin = write_aggregate_begin,
        .aggregate_record = write_record,
        .aggregate_end = write_aggregate_end,
        .failure = write_failure,
        .tls = write_tls,
    };
    struct jsonl_printer *p = mem_alloc(sizeof *p);

    (void)kind;
    p->printer = (struct printer){.sink = {&ops}, .finish = finish, .free = free_printer};
    p->out = out;
    return &p->printer;
}
