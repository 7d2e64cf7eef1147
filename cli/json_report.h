/*
 * The members of a report in JSON, for the printers that wrap it in different ways. The caller
 * opens and closes the object around them.
 */
#ifndef CLI_JSON_REPORT_H
#define CLI_JSON_REPORT_H

#include "base/json.h"
#include "parse/model.h"

/* begin leaves the array of records open; each record is the members of an object of its own; the
 * caller closes the array before end. */
void json_aggregate_begin(struct json *j, const struct aggregate_report *r);
void json_aggregate_record(struct json *j, const struct aggregate_record *r);
void json_aggregate_end(struct json *j, const struct aggregate_report *r);

void json_failure(struct json *j, const struct failure_report *r);
void json_tls(struct json *j, const struct tls_report *r);

#endif
