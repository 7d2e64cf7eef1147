/*
 * IP addresses: RFC 4291 text in, canonical RFC 5952 text out.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>

enum {
    ADDR_TEXT_MAX = 46 /* INET6_ADDRSTRLEN */
};

struct addr {
    unsigned char len; /* 4, 16, or 0 for "none" */
    unsigned char bytes[16];
};

/*
 * Strict: dotted quad or RFC 4291 text only (no inet_aton forms, brackets, zones, ports, CIDR);
 * space around it is ignored; IPv4-mapped IPv6 (::ffff:a.b.c.d) becomes IPv4. False leaves *out
 * untouched.
 */
bool addr_parse(const char *text, struct addr *out);
/* Also accepts what reporters decorate addresses with: [..], %zone, :port behind v4 or ], /32 and
 * /128. */
bool addr_parse_lenient(const char *text, struct addr *out);

void addr_format(const struct addr *a, char out[ADDR_TEXT_MAX]); /* "" for none */

/* "192.0.2.0/24", "2001:db8::/32" or a single address: first and last address of the network. */
bool addr_parse_network(const char *text, struct addr *first, struct addr *last);

/* Is this host (a name, or an address without brackets) this machine, whatever the DNS says? */
bool addr_host_is_loopback(const char *host);

#endif
