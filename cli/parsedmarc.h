/*
 * parsedmarc's renderings: what it prints is not always what a report said. Shared by its JSON and
 * its CSV; not used by anything else. All results live in the arena or in the report.
 */
#ifndef CLI_PARSEDMARC_H
#define CLI_PARSEDMARC_H

#include "base/arena.h"
#include "parse/model.h"

#include <stdbool.h>
#include <stdint.h>

const char *parsedmarc_time(
    struct arena *a, int64_t seconds);             /* 2026-11-16 00:00:00; NULL before 1970 */
const char *parsedmarc_or_null(const char *value); /* NULL instead of "" */
const char *parsedmarc_or(
    const char *value, const char *missing); /* missing instead of NULL and "" */
/* In lower case; NULL for an empty word, `missing` for none. */
const char *parsedmarc_word(struct arena *a, const char *sent, const char *missing);
const char *parsedmarc_source_ip(struct arena *a, const char *sent, const struct addr *ip);

/* Of an aggregate report */
const char *parsedmarc_schema(const struct aggregate_report *r);
const char *parsedmarc_org_name(struct arena *a, const struct aggregate_report *r);
const char *parsedmarc_report_id(struct arena *a, const struct aggregate_report *r);
const char *parsedmarc_header_from(struct arena *a, const struct aggregate_record *r);
const char *parsedmarc_envelope_from(struct arena *a, const struct aggregate_record *r);
bool parsedmarc_shows(const struct auth_result *result); /* results without a domain are left out */

/* A list that was sent with commas. */
struct parsedmarc_list {
    const char **items;
    size_t n;
};

/* Of a failure report; `key` as parsedmarc spells it ("original_mail_from"). */
const char *parsedmarc_key(
    struct arena *a, const char *field_name); /* NULL: it would not take this field */
bool parsedmarc_is_key_of(const char *key, const char *field_name);
const char *parsedmarc_field(
    const struct failure_report *r, const char *key); /* the last that is not empty, whole */
const char *parsedmarc_arrival(struct arena *a, const struct failure_report *r);
const char *parsedmarc_arrival_utc(struct arena *a, const struct failure_report *r);
const char *parsedmarc_delivery_result(struct arena *a, const struct failure_report *r);
struct parsedmarc_list parsedmarc_auth_failure(struct arena *a, const struct failure_report *r);
struct parsedmarc_list parsedmarc_mechanisms(struct arena *a, const struct failure_report *r);

#endif
