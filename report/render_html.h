/*
 * The parts of a report in HTML, in the order in which they stand there.
 */
#ifndef REPORT_RENDER_HTML_H
#define REPORT_RENDER_HTML_H

#include "report/html.h"
#include "report/tell.h"

extern const char report_css[]; /* report/data/report.css */

void html_findings(struct html *h, const struct tell *t);
/* A heading, and a list below it, if there is anything in it. `id` may be NULL. */
void html_list(
    struct html *h, const char *id, const char *class, const char *heading, struct lines l);
void html_lines(struct html *h, const char *class, struct lines l);

/* A table of the report. */
void html_domains(struct html *h, const struct tell *t);
void html_sources(struct html *h, const struct tell *t);
void html_totals(struct html *h, const struct tell *t);
void html_reporters(struct html *h, const struct tell *t);

#endif
