/*
 * One server, asked through c-ares: what is common to the resolver (check/dns.c) and to asking a
 * server itself. Who owns a channel may use it in one thread only.
 */
#ifndef CHECK_DNS_CHANNEL_H
#define CHECK_DNS_CHANNEL_H

#include "base/addr.h"
#include "base/err.h"
#include "check/dns.h"

#include <poll.h>
#include <stddef.h>

struct ares_channeldata;

enum {
    DNS_PORT = 53,
    DNS_CHANNEL_SOCKETS = 16 /* of one channel, at most */
};

struct dns_server {
    struct addr addr;
    unsigned port;
};

/* "192.0.2.1", "192.0.2.1:53", "[2001:db8::1]:53", "2001:db8::1" */
bool dns_server_parse(const char *text, struct dns_server *out);
/* Those that the system asks; ERR_CONFIG when there are none. */
int dns_system_servers(struct dns_server *list, size_t max, size_t *n, struct err *e) ERR_CHECKED;

/* A question gets one attempt of so many milliseconds. */
int dns_channel_open(struct ares_channeldata **out, const struct dns_server *server,
    unsigned timeout_ms, struct err *e) ERR_CHECKED;

/* Adds the sockets of a channel to n others; owners[i] is whose fds[i] is. Returns how many there
 * are now. */
nfds_t dns_channel_sockets(struct ares_channeldata *channel, struct pollfd *fds,
    struct ares_channeldata **owners, nfds_t n);
/* Milliseconds until a question of the channel has waited too long, or a second. */
int dns_channel_patience(struct ares_channeldata *channel);
/* Lets the channels read and write what they can, from fds[from] on. */
void dns_channel_process(
    const struct pollfd *fds, struct ares_channeldata **owners, nfds_t from, nfds_t n);

/* The status of a question that came to nothing, in words. */
const char *dns_channel_failure(int status);

/* Asks over a channel of its own, and waits: one attempt. */
void dns_channel_ask(const struct dns_server *server, unsigned timeout_ms, const char *name,
    enum dns_type type, struct arena *a, struct dns_answer *out);

#endif
