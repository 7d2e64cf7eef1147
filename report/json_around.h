/*
 * What stands around the findings of a report, as members of its JSON object: "verdict", "changes",
 * "published_changes", "coverage", "tls", "failure_reports".
 */
#ifndef REPORT_JSON_AROUND_H
#define REPORT_JSON_AROUND_H

#include "base/json.h"
#include "report/report.h"

void json_around(struct json *j, const struct client_report *r, struct arena *a);

#endif
