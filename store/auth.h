/*
 * Authentication results and override reasons as the store keeps them (store/pack.h): `auth` and
 * `reasons` of struct store_source_row are such texts.
 *
 *   auth     one row per <dkim> or <spf>, in the report's order, all dkim first:
 *            kind ("dkim", "spf"), domain, selector or scope, result, human_result,
 *            then domain and result as sent where they differ
 *   reasons  one row per <reason>: type, comment, and type as sent where it differs
 */
#ifndef STORE_AUTH_H
#define STORE_AUTH_H

#include "base/buf.h"
#include "parse/model.h"

#include <stddef.h>

struct arena;

struct auth_results {
    struct auth_result *dkims;
    size_t n_dkims;
    struct auth_result *spfs;
    size_t n_spfs;
};

/* Both add to `out`; 0, or -1 when its ceiling would be passed. */
int auth_pack(struct buf *out, const struct aggregate_record *r);
int reasons_pack(struct buf *out, const struct aggregate_record *r);

/* `packed` may be NULL. domain_sent, result_sent and type_sent are NULL where they are spelled like
 * the normal form. */
void auth_unpack(struct arena *a, const char *packed, struct auth_results *out);
struct override_reason *reasons_unpack(struct arena *a, const char *packed, size_t *n);

#endif
