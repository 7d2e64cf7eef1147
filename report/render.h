/*
 * A report written down. A format is one file render_NAME.c with one function, and one line in the
 * table of render.c. Whoever gave the FILE looks at ferror() afterwards.
 */
#ifndef REPORT_RENDER_H
#define REPORT_RENDER_H

#include "report/report.h"

#include <stdio.h>

struct report_format {
    const char *name;
    const char *extension;
    void (*write)(const struct client_report *r, FILE *out);
};

extern const struct report_format report_formats[]; /* ends with a NULL name */

const struct report_format *report_format_find(const char *name); /* NULL if there is none */

void render_json(const struct client_report *r, FILE *out);
void render_text(const struct client_report *r, FILE *out);
void render_html(const struct client_report *r, FILE *out);
void render_csv(const struct client_report *r, FILE *out);

#endif
