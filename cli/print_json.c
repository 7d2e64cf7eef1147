/*
 * The normal form as JSON: one object with an array for each kind of report. Aggregate reports go
 * out as they come, record by record; the two small kinds wait in temporary files for their turn.
 */
#include "base/arena.h"
#include "base/json.h"
#include "cli/json_report.h"
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

static int check_output(struct json_printer *p, struct err *e)
{
    json_flush(&p->json);
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

/* ---- aggregate reports ---- */

static int write_aggregate_begin(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct json *j = &printer_of(s)->json;

    object_on_a_line(j);
    json_aggregate_begin(j, r);
    return check_output(printer_of(s), e);
}

static int write_record(struct sink *s, const struct aggregate_record *r, struct err *e)
{
    struct json *j = &printer_of(s)->json;

    (void)e;
    object_on_a_line(j);
    json_aggregate_record(j, r);
    json_end(j);
    return 0;
}

static int write_aggregate_end(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct json *j = &printer_of(s)->json;

    end_of_lines(j);
    json_aggregate_end(j, r);
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

static int write_failure(struct sink *s, const struct failure_report *r, struct err *e)
{
    struct spool *sp = &printer_of(s)->failures;
    struct json *j = spool_begin(sp, e);

    if (!j)
        return (int)e->class;
    json_failure(j, r);
    return spool_end(sp, e);
}

static int write_tls(struct sink *s, const struct tls_report *r, struct err *e)
{
    struct spool *sp = &printer_of(s)->tls;
    struct json *j = spool_begin(sp, e);

    if (!j)
        return (int)e->class;
    json_tls(j, r);
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
    json_flush(&sp->json);
    if (fflush(sp->file) || fseek(sp->file, 1, SEEK_SET)) {
        return err_set(
            e, ERR_TEMPORARY, "write-failed", "a temporary file: %s", strerrordesc_np(errno));
    }
    json_raw(j, "");
    while ((n = fread(piece, 1, sizeof piece, sp->file)) > 0)
        json_raw_more(j, piece, n);
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
