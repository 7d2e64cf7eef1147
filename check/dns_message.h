/*
 * DNS messages as they are on the wire (RFC 1035 section 4): a question made, an answer read.
 */
#ifndef CHECK_DNS_MESSAGE_H
#define CHECK_DNS_MESSAGE_H

#include "check/dns.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    /* What every path carries in one piece; a server with more to say truncates, and is asked
     * again over TCP (DNS flag day 2020) */
    DNS_UDP_SIZE = 1232,
    /* header, the longest name, type and class, OPT record */
    DNS_QUESTION_MAX = 12 + 255 + 4 + 11
};

enum dns_rcode {
    DNS_RCODE_NOERROR = 0,
    DNS_RCODE_FORMERR = 1,
    DNS_RCODE_SERVFAIL = 2,
    DNS_RCODE_NXDOMAIN = 3,
    DNS_RCODE_REFUSED = 5
};

/* How a question differs from the usual one; to be added up. */
enum {
    DNS_UNCHECKED = 1, /* hand out what was found wrong, too (CD, RFC 4035 section 3.2.2) */
    DNS_PLAIN = 2      /* without EDNS, for servers that refuse it (RFC 6891 section 7) */
};

/*
 * A question with recursion desired, EDNS and the AD bit: a resolver that validates then says so
 * (RFC 6840 section 5.7). The name is one that dns_query_name made; anything longer gives 0.
 */
size_t dns_message_question(const char *name, enum dns_type type, unsigned id, unsigned how,
    unsigned char out[DNS_QUESTION_MAX]);

/* The response code; DNS_RCODE_SERVFAIL when it is no message. */
unsigned dns_message_rcode(const unsigned char *bytes, size_t len);

/*
 * What a message answers to a question of this type. It may hold a chain of CNAMEs whose end it
 * says nothing about: then *open is set, the status is DNS_NODATA, and the last name of the chain
 * must be asked. Nothing in *out points into the bytes.
 */
void dns_message_read(const unsigned char *bytes, size_t len, enum dns_type type, struct arena *a,
    struct dns_answer *out, bool *open);

#endif
