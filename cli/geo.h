/*
 * A file in MaxMind's format that tells which autonomous system or country an address belongs to
 * (GeoLite2-ASN, GeoLite2-Country and their kin; the operator brings it).
 */
#ifndef CLI_GEO_H
#define CLI_GEO_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct geo_file;

/* ERR_CONFIG: not there, or not such a file. */
int geo_open(const char *path, struct geo_file **out, struct err *e) ERR_CHECKED;
void geo_close(struct geo_file *f); /* accepts NULL */

/* False when the file does not know the address. The name is fit for showing. */
bool geo_network(
    const struct geo_file *f, const struct addr *ip, int64_t *number, char *name, size_t size);

enum {
    GEO_COUNTRY_MAX = 3
};

/* Its code of two letters (ISO 3166-1); false when the file does not know it. */
bool geo_country(const struct geo_file *f, const struct addr *ip, char code[GEO_COUNTRY_MAX]);

#endif
