/*
 * What the store knows of sources, From domains and mail services (store/facts.h), for the decision
 * table.
 */
#ifndef REPORT_ENRICHMENT_H
#define REPORT_ENRICHMENT_H

#include "report/context.h"

struct identities;
struct store;

/*
 * Reads on demand, each source and each domain once; what cannot be read is not known. Valid as
 * long as the store; used by one thread, and not while a row of the store is being handed out.
 */
struct enrichment *enrichment_new(struct store *s, const struct identities *ids);
void enrichment_free(struct enrichment *e); /* accepts NULL */

/* Does the name of a host say that it is a line of a home or an office:
 * "dsl-192-0-2-7.isp.example"?
 */
bool enrichment_is_residential(const char *ptr, const struct addr *ip);

#endif
