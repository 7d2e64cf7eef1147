/*
 * Time zones of the IANA database, for showing times; nothing is ever counted by them. Threads may
 * share a zone.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/when.h"

struct zone;

struct zone *zone_open(const char *name); /* "Europe/Berlin"; NULL: there is none of that name */
void zone_close(struct zone *z);          /* accepts NULL */
const char *zone_name(const struct zone *z);

/* 2026-11-16 01:00 CET; NULL is UTC. */
enum {
    ZONE_TEXT_MAX = 64
};

void zone_format(const struct zone *z, int64_t seconds, char out[ZONE_TEXT_MAX]);

#endif
