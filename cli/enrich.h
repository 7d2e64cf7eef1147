/*
 * Asks the DNS, and files of networks and countries, about sources and From domains of stored
 * reports and about the networks of mail services, and stores the answers: a bridge between check/
 * and store/facts.h.
 */
#ifndef CLI_ENRICH_H
#define CLI_ENRICH_H

#include "base/err.h"

#include <stdint.h>

struct geo_file;
struct dns;
struct identities;
struct store;
struct store_period;

struct enrich_request {
    struct dns *dns;
    const struct geo_file *networks, *countries; /* or NULL */
    int64_t before; /* seconds: what was looked at since then is left alone */
};

struct enrich_totals {
    int64_t hosts, named; /* looked at; with a name that leads back to the address */
    int64_t domains;
    int64_t services;   /* SPF records of mail services */
    int64_t unanswered; /* of all: the DNS said nothing, they are due again the next time */
};

/* The sources and From domains of one client's period (p->client is not NULL). Adds to *totals. */
int enrich_client(struct store *s, const struct store_period *p, const struct enrich_request *want,
    struct enrich_totals *totals, struct err *e) ERR_CHECKED;

/* The SPF records that customers of mail services include: what networks they send from. */
int enrich_services(struct store *s, const struct identities *ids,
    const struct enrich_request *want, struct enrich_totals *totals, struct err *e) ERR_CHECKED;

#endif
