/*
 * SMTP TLS reports: RFC 8460 JSON with the spellings that occur. Read whole (at most LIMIT_JSON
 * bytes). ERR_INPUT tags: json-malformed, limit-depth, limit-size, schema-missing, value-range,
 * not-a-report, encoding.
 */
#ifndef PARSE_TLSRPT_H
#define PARSE_TLSRPT_H

#include "parse/aggregate.h"
#include "parse/flow.h"

int tlsrpt_read(const char *bytes, size_t len, const struct report_hints *hints, struct sink *sink,
    enum grade *grade, struct err *e) ERR_CHECKED;

#endif
