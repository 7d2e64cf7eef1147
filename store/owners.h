/*
 * Who owns which domain: the whole table in memory, for the longest suffix.
 */
#ifndef STORE_OWNERS_H
#define STORE_OWNERS_H

#include "base/err.h"
#include "store/db.h"

#include <stdint.h>

enum {
    CLIENT_UNASSIGNED = 1 /* the row that the schema itself puts into `client` */
};

struct owners;

int owners_load(struct owners **out, struct db_conn *c, struct err *e) ERR_CHECKED;
void owners_free(struct owners *o); /* accepts NULL */

/* The client of the longest domain in the table that `domain` is or lies below, or
 * CLIENT_UNASSIGNED. */
int64_t owners_client(const struct owners *o, const char *domain);

#endif
