/*
 * Charts of a report as inline SVG, with title and description for those who do not see them.
 */
#ifndef REPORT_CHART_H
#define REPORT_CHART_H

#include "report/html.h"
#include "report/tell.h"

/* Passed and failed messages, day by day; nothing where there are no days. */
void chart_days(struct html *h, const struct tell *t);
/* One bar, shared by the classes of messages, and what each stands for. */
void chart_classes(struct html *h, const struct tell *t);

#endif
