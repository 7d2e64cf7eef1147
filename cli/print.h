/*
 * What `parse` and `export` print. A format is one file print_NAME.c that makes a printer, and one
 * line in the table of print.c.
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include "parse/flow.h"

#include <stdio.h>

/* A sink that writes. It is allocated by its maker, which puts this struct first into its own. */
struct printer {
    struct sink sink;
    /* What has to be written behind the last report. Errors of `out` itself are seen by the caller
     * (ferror), which owns and closes it. */
    int (*finish)(struct printer *p, struct err *e);
    void (*free)(struct printer *p);
};

struct printer_format {
    const char *name;
    /* `kind`: which reports, for formats whose rows differ by kind; others print all kinds. */
    struct printer *(*make)(FILE *out, enum report_kind kind);
};

extern const struct printer_format printer_formats[]; /* ends with a NULL name */

/* The values of --format and --kind. */
int printer_format_parse(
    const char *name, const struct printer_format **out, struct err *e) ERR_CHECKED;
int printer_kind_parse(const char *name, enum report_kind *out, struct err *e) ERR_CHECKED;

struct printer *print_json(FILE *out, enum report_kind kind);
struct printer *print_jsonl(FILE *out, enum report_kind kind);
struct printer *print_text(FILE *out, enum report_kind kind);
struct printer *print_csv(FILE *out, enum report_kind kind);
struct printer *print_none(FILE *out, enum report_kind kind);
struct printer *print_parsedmarc_json(FILE *out, enum report_kind kind);
struct printer *print_parsedmarc_csv(FILE *out, enum report_kind kind);

#endif
