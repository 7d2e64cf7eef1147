/*
 * Where a domain takes mail: MX records, their hosts, and DANE for them.
 */
#ifndef CHECK_MX_H
#define CHECK_MX_H

#include "check/subject.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    MX_HOSTS_MAX = 20 /* that are looked at */
};

struct mx_host {
    const char *name;
    unsigned preference;
    bool resolves;              /* or it could not be told */
    const struct addr *address; /* the first; NULL: none */
    bool has_tlsa;              /* at _25._tcp, and the zone is not known to be unsigned */
};

struct mx_result {
    struct mx_host *hosts; /* without the null MX; in the order of the answer */
    size_t n;
    bool unknown; /* the question was not answered */
    bool none;    /* there are no MX records */
    bool null;    /* a null MX (RFC 7505) is the only one */
    bool address; /* no MX, but an A or AAAA record */
};

void mx_check(struct subject *s, struct mx_result *out);

/* Loopback, private, link-local and multicast addresses: nobody can be reached there.  */
bool mx_is_unreachable(const struct addr *a);

#endif
