/*
 * From rows back to the model (parse/model.h): the inverse of encode.c. Nobody outside the store
 * includes this.
 */
#ifndef STORE_DECODE_H
#define STORE_DECODE_H

#include "parse/model.h"
#include "store/core.h"

/* A word that is none, or none at all, is "unknown". */
enum verdict decode_verdict(const char *name);
enum disposition decode_disposition(const char *name);
enum grade decode_grade(const char *name); /* refused, if it is none */
struct addr decode_addr(struct db_value v);

/*
 * The current row of sql_report_whole, sql_failure_whole, sql_tls_whole (into r and one policy),
 * sql_tls_failures and sql_export_records. Everything lives in the arena. A `sent` that was spelled
 * like the normal form points to the same text.
 */
void decode_report(
    const struct store *s, const struct db_stmt *stmt, struct arena *a, struct aggregate_report *r);
void decode_record(
    const struct store *s, const struct db_stmt *stmt, struct arena *a, struct aggregate_record *r);
void decode_failure(
    const struct store *s, const struct db_stmt *stmt, struct arena *a, struct failure_report *r);
void decode_tls(const struct store *s, const struct db_stmt *stmt, struct arena *a,
    struct tls_report *r, struct tls_policy *p);
void decode_tls_failure(
    const struct store *s, const struct db_stmt *stmt, struct arena *a, struct tls_failure *f);

#endif
