/*
 * A file in MaxMind's format that tells which autonomous system an address belongs to (GeoLite2-ASN
 * and its kin; the operator brings it).
 */
#ifndef CLI_ASN_H
#define CLI_ASN_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct asn_file;

/* ERR_CONFIG: not there, or not such a file. */
int asn_open(const char *path, struct asn_file **out, struct err *e) ERR_CHECKED;
void asn_close(struct asn_file *f); /* accepts NULL */

/* False when the file does not know the address. The name is fit for showing. */
bool asn_find(
    const struct asn_file *f, const struct addr *ip, int64_t *number, char *name, size_t size);

#endif
