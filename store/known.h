/*
 * What this process remembers about authentication sets, so that one that comes again costs
 * nothing: the id of a set's text, and which (client, set) are in the database already. Both are
 * caches of fixed size (3.5 MB): a place is taken over by the next one that falls on it. What is
 * remembered may be forgotten at any time, and must be after a rollback.
 */
#ifndef STORE_KNOWN_H
#define STORE_KNOWN_H

#include "store/digest.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    AUTH_ID_BYTES = 16
};

struct known;

struct known *known_new(void);
void known_free(struct known *k); /* accepts NULL */

/* A key for a set's text, under this process's secret. */
struct hash128 known_key(const struct known *k, const void *text, size_t len);

bool known_id(const struct known *k, struct hash128 key, unsigned char id[AUTH_ID_BYTES]);
void known_id_add(struct known *k, struct hash128 key, const unsigned char id[AUTH_ID_BYTES]);

bool known_written(const struct known *k, int64_t client, const unsigned char id[AUTH_ID_BYTES]);
void known_written_add(struct known *k, int64_t client, const unsigned char id[AUTH_ID_BYTES]);
void known_forget_written(struct known *k);

#endif
