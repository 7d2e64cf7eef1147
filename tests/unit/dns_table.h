/*
 * A resolver whose answers stand in a table: tests plant what a domain has published, name by name,
 * without a server.
 *
 *     struct dns_table *t = dns_table_new();
 *     dns_table_lines(t, "example.com      TXT      v=spf1 mx -all\n"
 *                        "example.com      MX       10 mail.example.com\n"
 *                        "mail.example.com A        192.0.2.1\n"
 *                        "www.example.com  CNAME    example.com\n"
 *                        "*.w.example.com  TXT      v=spf1 -all\n"
 *                        "lame.example.com SERVFAIL\n");
 *     struct dns *d = dns_table_open(t);
 *
 * What is not in the table does not exist. A name above another one does: it has no records then
 * (RFC 8020). Wildcards are those of RFC 4592; a CNAME is followed as dns_ask promises.
 *
 * The words for a type, and what follows them:
 *
 *     A AAAA CNAME MX NS PTR     as in a zone file
 *     SOA                        ignored: there is one
 *     TLSA                       3 1 1 0123abcd
 *     TXT SPF                    the text as it is, without quotes, cut into strings of 255 octets
 *     STRINGS                    TXT of several strings: "v=spf1 " "-all"
 *     SERVFAIL TIMEOUT           of one type, or without one of every type that has no record
 *     NXDOMAIN                   where a wildcard would answer
 *     EXISTS                     a name without records
 *     AD                         answers about the name are authenticated
 *     TTL                        of answers about the name; else 3600
 */
#ifndef UNIT_DNS_TABLE_H
#define UNIT_DNS_TABLE_H

#include "check/dns.h"

struct dns_table;

struct dns_table *dns_table_new(void);
/* Everything is copied. A word that is not in the list above, or a value that does not fit it, is
 * ignored: fuzzers write tables, too. */
void dns_table_add(
    struct dns_table *t, const char *name, const char *type, const char *value, size_t len);
/* A line for each entry: name, type, value, with blanks between them. */
void dns_table_lines(struct dns_table *t, const char *lines);

/* The resolver takes the table over. It may be asked by many threads. */
struct dns *dns_table_open(struct dns_table *t);

/* Both in one call. */
struct dns *dns_table_of(const char *lines);

#endif
