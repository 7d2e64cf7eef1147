/*
 * The findings in a text report: what to fix, apart from it what others broke, passed on, or
 * forged.
 */
#ifndef REPORT_TEXT_FINDINGS_H
#define REPORT_TEXT_FINDINGS_H

#include "report/report.h"

#include <stdio.h>

/* One or two sentences: what to do first. */
void text_first(const struct client_report *r, struct arena *a, FILE *out);
void text_findings(const struct client_report *r, struct arena *a, FILE *out);

#endif
