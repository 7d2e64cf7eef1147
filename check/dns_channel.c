#include "check/dns_channel.h"

#include "base/arena.h"
#include "check/dns_message.h"

#include <ares.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    SOCKET_BUFFER = 4 << 20, /* for the answers to all questions in flight */
    WAIT_MS = 1000,
    MS_PER_SECOND = 1000
};

_Static_assert(DNS_CHANNEL_SOCKETS == ARES_GETSOCK_MAXNUM, "as many as c-ares tells of");

/* ---- servers ---- */

bool dns_server_parse(const char *text, struct dns_server *out)
{
    char host[ADDR_TEXT_MAX];
    const char *start = text;
    const char *end;
    unsigned long port = DNS_PORT;

    if (*text == '[') {
        start++;
        end = strchr(text, ']');
    } else {
        end = strchr(text, ':');
        if (!end || strchr(end + 1, ':')) /* the colons of an IPv6 address */
            end = text + strlen(text);
    }
    if (!end || (size_t)(end - start) >= sizeof host)
        return false;
    (void)snprintf(host, sizeof host, "%.*s", (int)(end - start), start);
    end += *end == ']';
    if (*end == ':') {
        char *rest;
        port = strtoul(end + 1, &rest, 10);
        if (end[1] < '0' || end[1] > '9' || *rest || port == 0 || port > UINT16_MAX)
            return false;
    } else if (*end) {
        return false;
    }
    out->port = (unsigned)port;
    return addr_parse(host, &out->addr);
}

static int library_failed(int status, struct err *e)
{
    return err_set(e, ERR_TEMPORARY, "dns", "the resolver cannot start: %s", ares_strerror(status));
}

static int open_with(struct ares_channeldata **out, unsigned timeout_ms, struct err *e)
{
    struct ares_options o = {.flags = ARES_FLAG_EDNS | ARES_FLAG_NOCHECKRESP,
        .timeout = (int)timeout_ms,
        .tries = 1,
        .ednspsz = DNS_UDP_SIZE,
        .socket_receive_buffer_size = SOCKET_BUFFER};
    int status = ares_init_options(out, &o,
        ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
            ARES_OPT_SOCK_RCVBUF);

    return status == ARES_SUCCESS ? 0 : library_failed(status, e);
}

int dns_system_servers(struct dns_server *list, size_t max, size_t *n, struct err *e)
{
    ares_channel system;
    struct ares_addr_port_node *first = NULL;
    int rc = open_with(&system, MS_PER_SECOND, e);

    *n = 0;
    if (rc)
        return rc;
    int status = ares_get_servers_ports(system, &first);
    ares_destroy(system);
    if (status != ARES_SUCCESS)
        return library_failed(status, e);
    for (const struct ares_addr_port_node *x = first; x && *n < max; x = x->next) {
        struct dns_server *to = &list[(*n)++];
        *to = (struct dns_server){.port = x->udp_port ? (unsigned)x->udp_port : DNS_PORT};
        to->addr.len = x->family == AF_INET ? 4 : 16;
        memcpy(to->addr.bytes, &x->addr, to->addr.len);
    }
    ares_free_data(first);
    return *n ? 0
              : err_set(e, ERR_CONFIG, "dns", "the system has no resolver: use --resolver ADDR");
}

int dns_channel_open(struct ares_channeldata **out, const struct dns_server *server,
    unsigned timeout_ms, struct err *e)
{
    struct ares_addr_port_node node = {.family = server->addr.len == 4 ? AF_INET : AF_INET6,
        .udp_port = (int)server->port,
        .tcp_port = (int)server->port};
    int rc = open_with(out, timeout_ms, e);

    if (rc)
        return rc;
    memcpy(&node.addr, server->addr.bytes, server->addr.len);
    int status = ares_set_servers_ports(*out, &node);
    if (status == ARES_SUCCESS)
        return 0;
    ares_destroy(*out);
    return library_failed(status, e);
}

/* ---- sockets ---- */

nfds_t dns_channel_sockets(struct ares_channeldata *channel, struct pollfd *fds,
    struct ares_channeldata **owners, nfds_t n)
{
    ares_socket_t list[ARES_GETSOCK_MAXNUM];
    unsigned bits = (unsigned)ares_getsock(channel, list, ARES_GETSOCK_MAXNUM);

    for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        /* not ARES_GETSOCK_WRITABLE: it shifts an int into its sign */
        unsigned in = bits >> i & 1U;
        unsigned out = bits >> (i + ARES_GETSOCK_MAXNUM) & 1U;
        short events = (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0));
        if (!events)
            break; /* the list has no gaps: a channel has one UDP and one TCP socket */
        fds[n] = (struct pollfd){.fd = list[i], .events = events};
        owners[n++] = channel;
    }
    return n;
}

int dns_channel_patience(struct ares_channeldata *channel)
{
    struct timeval most = {.tv_sec = WAIT_MS / MS_PER_SECOND};
    struct timeval t;
    const struct timeval *next = ares_timeout(channel, &most, &t);

    return (int)((int64_t)next->tv_sec * MS_PER_SECOND + (next->tv_usec + 999) / 1000);
}

void dns_channel_process(
    const struct pollfd *fds, struct ares_channeldata **owners, nfds_t from, nfds_t n)
{
    for (nfds_t i = from; i < n; i++) {
        bool in = fds[i].revents & (POLLIN | POLLERR | POLLHUP);
        bool out = fds[i].revents & POLLOUT;
        if (in || out) {
            ares_process_fd(
                owners[i], in ? fds[i].fd : ARES_SOCKET_BAD, out ? fds[i].fd : ARES_SOCKET_BAD);
        }
    }
}

const char *dns_channel_failure(int status)
{
    switch (status) {
    case ARES_ETIMEOUT:
        return "no answer in time";
    case ARES_ECONNREFUSED:
        return "the server cannot be reached";
    case ARES_EDESTRUCTION:
    case ARES_ECANCELLED:
        return "the check was ended";
    default:
        return ares_strerror(status);
    }
}

/* ---- one question ---- */

struct waiting {
    bool done;
    int status;
    struct arena *arena;
    unsigned char *bytes;
    size_t len;
};

static void take(void *arg, int status, int timeouts, unsigned char *bytes, int size)
{
    struct waiting *w = arg;

    (void)timeouts;
    w->done = true;
    w->status = status;
    if (status != ARES_SUCCESS || size <= 0)
        return;
    w->len = (size_t)size;
    w->bytes = arena_alloc(w->arena, w->len);
    memcpy(w->bytes, bytes, w->len);
}

static void wait_for(struct ares_channeldata *channel, const struct waiting *w)
{
    while (!w->done) {
        struct pollfd fds[DNS_CHANNEL_SOCKETS];
        struct ares_channeldata *owners[DNS_CHANNEL_SOCKETS];
        nfds_t n = dns_channel_sockets(channel, fds, owners, 0);
        if (poll(fds, n, dns_channel_patience(channel)) < 0 && errno != EINTR)
            return;
        dns_channel_process(fds, owners, 0, n);
        ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* what waited too long */
    }
}

void dns_channel_ask(const struct dns_server *server, unsigned timeout_ms, const char *name,
    enum dns_type type, struct arena *a, struct dns_answer *out)
{
    unsigned char message[DNS_QUESTION_MAX];
    struct waiting w = {.arena = a};
    struct ares_channeldata *channel;
    struct err ignored;
    bool open;

    *out = (struct dns_answer){.status = DNS_FAILED, .failure = "the server cannot be asked"};
    size_t len = dns_message_question(name, type, arc4random() & 0xFFFF, 0, message);
    if (len == 0 || dns_channel_open(&channel, server, timeout_ms, &ignored))
        return;
    ares_send(channel, message, (int)len, take, &w);
    wait_for(channel, &w);
    ares_destroy(channel); /* calls back, if that did not happen yet */
    if (w.status == ARES_SUCCESS && w.bytes) {
        dns_message_read(w.bytes, w.len, type, a, out, &open);
    } else {
        out->failure = dns_channel_failure(w.status);
    }
}
