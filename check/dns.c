/*
 * A resolver over c-ares. One thread owns the sockets; those that ask wait at their question, which
 * stands in the cache from the moment it is first asked: who asks the same meanwhile waits at the
 * same place. Answers are kept as they came from the wire and read by whoever asked.
 */
#include "check/dns.h"

#include "base/arena.h"
#include "base/when.h"
#include "check/dns_channel.h"
#include "check/dns_message.h"

#include <ares.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    DEFAULT_TIMEOUT_MS = 2000,
    DEFAULT_ATTEMPTS = 3,
    DEFAULT_IN_FLIGHT = 500,
    SERVERS_MAX = 4,
    POLL_MAX = SERVERS_MAX * DNS_CHANNEL_SOCKETS + 1,
    CHAIN_MAX = 8,
    BUCKETS = 16384,
    CACHE_BYTES_MAX = 64 << 20,
    WAIT_MS = 1000,
    /* Questions within a millisecond: what does not fit into the server's socket is lost, and costs
     * a timeout. */
    BURST = 10,
    PAUSE_MS = 1,
    MS_PER_SECOND = 1000,
    /* How long a question without answer is not asked again: one dead name server that a hundred
     * domains point at must not cost its timeout a hundred times. */
    FAILED_TTL = 60,
    /* A TTL of 0 must not make a question that was sent ahead useless. */
    LEAST_TTL = 5
};

enum state {
    WAITING, /* in the queue */
    SENT,
    DONE
};

struct question {
    struct servers *servers;
    struct question *next_in_bucket;
    struct question *next_in_queue;
    struct question *older, *newer; /* among those that are done */
    pthread_cond_t done;
    enum state state;
    unsigned waiters; /* threads that still want to read it */
    /* what was asked */
    enum dns_type type;
    size_t bucket;
    char *name;
    /* on the way */
    unsigned attempts;
    unsigned server;
    bool unchecked; /* the attempt under way takes answers that failed validation */
    bool suspected; /* there was such an answer */
    bool plain;     /* sent without EDNS, because the server refused it with */
    /* the answer */
    unsigned char *bytes;
    size_t len;
    int64_t expires; /* by the monotonic clock, ms */
    const char *failure;
    bool bogus;
};

struct servers {
    pthread_mutex_t lock;
    pthread_t thread;
    int wake; /* an eventfd: there is something in the queue, or an end to make */
    bool stop;
    struct ares_channeldata
        *channels[SERVERS_MAX]; /* one for each server; only the thread touches them */
    bool plain[SERVERS_MAX];    /* that server knows no EDNS */
    unsigned n_channels;
    unsigned timeout_ms;
    unsigned attempts, in_flight_max;
    unsigned in_flight;
    uint64_t sent;
    struct question *buckets[BUCKETS];
    struct question *queue, **queue_end;
    int64_t burst_at;                 /* the millisecond in which questions were sent last, */
    unsigned burst;                   /* and how many; only the thread touches them */
    struct question *oldest, *newest; /* of those that are done */
    size_t bytes;                     /* of the cache */
};

/* ---- the cache; all under the lock ---- */

static size_t bucket_of(const char *name, enum dns_type type)
{
    uint64_t h = UINT64_C(14695981039346656037) ^ (uint64_t)type; /* FNV-1a */

    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return (size_t)(h ^ h >> 32) % BUCKETS;
}

static size_t weight(const struct question *q)
{
    return sizeof *q + strlen(q->name) + q->len;
}

static void unlink_done(struct servers *s, struct question *q)
{
    *(q->older ? &q->older->newer : &s->oldest) = q->newer;
    *(q->newer ? &q->newer->older : &s->newest) = q->older;
    q->older = q->newer = NULL;
    s->bytes -= weight(q);
}

static void link_done(struct servers *s, struct question *q)
{
    q->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = q;
    s->newest = q;
    s->bytes += weight(q);
}

static void free_question(struct question *q)
{
    (void)pthread_cond_destroy(&q->done);
    free(q->bytes);
    free(q->name);
    free(q);
}

static void forget(struct servers *s, struct question *q)
{
    struct question **at = &s->buckets[q->bucket];

    while (*at != q)
        at = &(*at)->next_in_bucket;
    *at = q->next_in_bucket;
    unlink_done(s, q);
    free_question(q);
}

/* The oldest go first; those that are being read stay. */
static void keep_within_bounds(struct servers *s)
{
    struct question *next;

    for (struct question *q = s->oldest; q && s->bytes > CACHE_BYTES_MAX; q = next) {
        next = q->newer;
        if (q->waiters == 0)
            forget(s, q);
    }
}

static void enqueue(struct servers *s, struct question *q)
{
    const uint64_t one = 1;

    q->state = WAITING;
    q->attempts = 0;
    q->unchecked = q->suspected = q->plain = q->bogus = false;
    q->failure = NULL;
    q->next_in_queue = NULL;
    *s->queue_end = q;
    s->queue_end = &q->next_in_queue;
    while (write(s->wake, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* The question, asked by now. */
static struct question *find(struct servers *s, const char *name, enum dns_type type)
{
    size_t bucket = bucket_of(name, type);
    struct question *q = s->buckets[bucket];

    while (q && (q->type != type || strcmp(q->name, name) != 0))
        q = q->next_in_bucket;
    if (!q) {
        q = mem_alloc(sizeof *q);
        q->servers = s;
        q->type = type;
        q->name = mem_strdup(name);
        q->bucket = bucket;
        q->next_in_bucket = s->buckets[bucket];
        s->buckets[bucket] = q;
        (void)pthread_cond_init(&q->done, NULL);
        enqueue(s, q);
    } else if (q->state == DONE && q->waiters == 0 && when_monotonic_ms() >= q->expires) {
        unlink_done(s, q);
        enqueue(s, q);
    }
    return q;
}

/* ---- answers; in the thread ---- */

static void send_question(struct servers *s, struct question *q);

static void finish(struct servers *s, struct question *q, int64_t ttl)
{
    (void)pthread_mutex_lock(&s->lock);
    q->expires = when_monotonic_ms() + ttl * MS_PER_SECOND;
    q->state = DONE;
    s->in_flight--;
    link_done(s, q);
    (void)pthread_cond_broadcast(&q->done);
    keep_within_bounds(s);
    (void)pthread_mutex_unlock(&s->lock);
}

static void finish_failed(struct servers *s, struct question *q, const char *why)
{
    q->failure = why;
    free(q->bytes);
    q->bytes = NULL;
    q->len = 0;
    finish(s, q, FAILED_TTL);
}

static void finish_answered(
    struct servers *s, struct question *q, const unsigned char *bytes, size_t len)
{
    struct arena *a = arena_new();
    struct dns_answer answer;
    bool open;

    dns_message_read(bytes, len, q->type, a, &answer, &open);
    uint32_t ttl = answer.status == DNS_FAILED ? FAILED_TTL : answer.ttl;
    ttl = ttl < LEAST_TTL ? LEAST_TTL : ttl;
    arena_free(a);
    free(q->bytes);
    q->bytes = mem_alloc(len);
    memcpy(q->bytes, bytes, len);
    q->len = len;
    finish(s, q, ttl);
}

/* Once more, to the next server; false when that was the last attempt. */
static bool try_again(struct servers *s, struct question *q)
{
    unsigned most = s->attempts > s->n_channels ? s->attempts : s->n_channels;

    if (q->attempts >= most)
        return false;
    q->server = (q->server + 1) % s->n_channels;
    send_question(s, q);
    return true;
}

/*
 * A resolver says SERVFAIL for a broken zone and for a broken signature alike; what it hands out
 * unchecked tells them apart (RFC 6840 section 5.9), once it has refused a second time: the first
 * may have been a passing trouble.
 */
static void take_servfail(
    struct servers *s, struct question *q, const unsigned char *bytes, size_t len)
{
    if (q->suspected) {
        q->bogus = true;
        finish_failed(s, q, "the signatures of the answer are wrong (DNSSEC)");
        return;
    }
    q->unchecked = !q->unchecked;
    if (q->unchecked) {
        send_question(s, q);
    } else if (q->attempts > s->n_channels || !try_again(s, q)) {
        finish_answered(s, q, bytes, len);
    }
}

static void take_answer(void *arg, int status, int timeouts, unsigned char *bytes, int size)
{
    struct question *q = arg;
    struct servers *s = q->servers;
    size_t len = size > 0 ? (size_t)size : 0;

    (void)timeouts;
    if (status != ARES_SUCCESS) {
        bool over = status == ARES_EDESTRUCTION || status == ARES_ECANCELLED;
        q->unchecked = false;
        if (over || !try_again(s, q))
            finish_failed(s, q, dns_channel_failure(status));
        return;
    }
    unsigned rcode = dns_message_rcode(bytes, len);
    if (rcode == DNS_RCODE_FORMERR && !q->plain) {
        q->plain = true;
        send_question(s, q);
        return;
    }
    s->plain[q->server] = s->plain[q->server] || (q->plain && rcode != DNS_RCODE_FORMERR);
    if (rcode == DNS_RCODE_SERVFAIL || rcode == DNS_RCODE_REFUSED) {
        take_servfail(s, q, bytes, len);
    } else if (q->unchecked) {
        q->unchecked = false;
        q->suspected = true;
        send_question(s, q);
    } else {
        finish_answered(s, q, bytes, len);
    }
}

/* ---- questions; in the thread ---- */

static void send_question(struct servers *s, struct question *q)
{
    unsigned char message[DNS_QUESTION_MAX];
    unsigned id = arc4random() & 0xFFFF; /* with the port, what a forger must guess */
    unsigned how =
        (q->unchecked ? DNS_UNCHECKED : 0) | (q->plain || s->plain[q->server] ? DNS_PLAIN : 0);
    size_t len = dns_message_question(q->name, q->type, id, how, message);

    q->attempts++;
    (void)pthread_mutex_lock(&s->lock);
    s->sent++;
    (void)pthread_mutex_unlock(&s->lock);
    ares_send(s->channels[q->server], message, (int)len, take_answer, q);
}

/* The next one that may be sent, or NULL. */
static struct question *next_waiting(struct servers *s)
{
    struct question *q = s->in_flight < s->in_flight_max && !s->stop ? s->queue : NULL;

    if (!q)
        return NULL;
    s->queue = q->next_in_queue;
    if (!s->queue)
        s->queue_end = &s->queue;
    q->state = SENT;
    q->server = 0;
    s->in_flight++;
    return q;
}

static bool may_send(struct servers *s)
{
    int64_t now = when_monotonic_ms();

    if (now != s->burst_at) {
        s->burst_at = now;
        s->burst = 0;
    }
    return s->burst++ < BURST;
}

/* Sends what may be in flight; *more when that was not all. False when there is an end to make. */
static bool send_waiting(struct servers *s, bool *more)
{
    bool stop = false;

    *more = true;
    while (*more && !stop && may_send(s)) {
        (void)pthread_mutex_lock(&s->lock);
        struct question *q = next_waiting(s);
        stop = s->stop;
        (void)pthread_mutex_unlock(&s->lock);
        *more = q != NULL;
        if (q)
            send_question(s, q);
    }
    return !stop;
}

static int patience_ms(struct servers *s)
{
    int least = WAIT_MS;

    for (unsigned c = 0; c < s->n_channels; c++) {
        int ms = dns_channel_patience(s->channels[c]);
        least = ms < least ? ms : least;
    }
    return least;
}

static void *serve(void *arg)
{
    struct servers *s = arg;
    struct pollfd fds[POLL_MAX];
    struct ares_channeldata *owners[POLL_MAX];

    bool more;

    while (send_waiting(s, &more)) {
        nfds_t n = 1;
        fds[0] = (struct pollfd){.fd = s->wake, .events = POLLIN};
        for (unsigned c = 0; c < s->n_channels; c++)
            n = dns_channel_sockets(s->channels[c], fds, owners, n);
        if (poll(fds, n, more ? PAUSE_MS : patience_ms(s)) < 0 && errno != EINTR)
            break;
        if (fds[0].revents) {
            uint64_t ignored;
            (void)!read(s->wake, &ignored, sizeof ignored);
        }
        dns_channel_process(fds, owners, 1, n);
        for (unsigned c = 0; c < s->n_channels; c++) /* what has waited too long */
            ares_process_fd(s->channels[c], ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    }
    for (unsigned c = 0; c < s->n_channels; c++)
        ares_cancel(s->channels[c]);
    return NULL;
}

/* ---- asking ---- */

static void look_up(struct servers *s, const char *name, enum dns_type type, struct arena *a,
    struct dns_answer *out, bool *open)
{
    (void)pthread_mutex_lock(&s->lock);
    struct question *q = find(s, name, type);
    q->waiters++;
    while (q->state != DONE)
        (void)pthread_cond_wait(&q->done, &s->lock);
    const char *failure = q->failure;
    bool bogus = q->bogus;
    size_t len = q->len;
    unsigned char *bytes = arena_alloc(a, len + 1);
    if (len)
        memcpy(bytes, q->bytes, len);
    q->waiters--;
    (void)pthread_mutex_unlock(&s->lock);
    *open = false;
    if (failure) {
        *out = (struct dns_answer){.status = DNS_FAILED, .failure = failure, .bogus = bogus};
    } else {
        dns_message_read(bytes, len, type, a, out, open);
    }
}

/* What one server says ends where its zones end: the rest of a chain of CNAMEs is asked for. */
static void servers_ask(
    void *self, const char *name, enum dns_type type, struct arena *a, struct dns_answer *out)
{
    bool open;
    struct dns_answer part;
    const char **chain = arena_alloc(a, (size_t)CHAIN_MAX * 2 * sizeof *chain);
    size_t n = 0;

    look_up(self, name, type, a, &part, &open);
    *out = part;
    while (open && n + part.n_chain <= CHAIN_MAX) {
        uint32_t ttl = out->ttl;
        memcpy(chain + n, part.chain, part.n_chain * sizeof *chain);
        n += part.n_chain;
        const char *next = dns_query_name(a, chain[n - 1]);
        if (!next)
            break;
        look_up(self, next, type, a, &part, &open);
        bool authenticated = out->authenticated && part.authenticated;
        *out = part;
        out->authenticated = authenticated;
        out->ttl = part.ttl < ttl ? part.ttl : ttl;
    }
    if (n == 0)
        return;
    if (n + part.n_chain > CHAIN_MAX) {
        *out = (struct dns_answer){.status = DNS_FAILED, .failure = "more than 8 CNAMEs"};
        return;
    }
    if (part.n_chain && !open)
        memcpy(chain + n, part.chain, part.n_chain * sizeof *chain);
    out->chain = chain;
    out->n_chain = n + (open ? 0 : part.n_chain);
}

static void servers_expect(void *self, const char *name, enum dns_type type)
{
    struct servers *s = self;

    (void)pthread_mutex_lock(&s->lock);
    (void)find(s, name, type);
    (void)pthread_mutex_unlock(&s->lock);
}

static void servers_ask_server(void *self, const struct addr *server, const char *name,
    enum dns_type type, struct arena *a, struct dns_answer *out)
{
    struct servers *s = self;
    const struct dns_server at = {.addr = *server, .port = DNS_PORT};

    (void)pthread_mutex_lock(&s->lock);
    s->sent++;
    (void)pthread_mutex_unlock(&s->lock);
    dns_channel_ask(&at, s->timeout_ms, name, type, a, out);
}

static uint64_t servers_sent(void *self)
{
    struct servers *s = self;

    (void)pthread_mutex_lock(&s->lock);
    uint64_t sent = s->sent;
    (void)pthread_mutex_unlock(&s->lock);
    return sent;
}

/* ---- from open to close ---- */

static void servers_free(struct servers *s)
{
    for (unsigned c = 0; c < s->n_channels; c++)
        ares_destroy(s->channels[c]);
    for (size_t i = 0; i < BUCKETS; i++) {
        struct question *next;
        for (struct question *q = s->buckets[i]; q; q = next) {
            next = q->next_in_bucket;
            free_question(q);
        }
    }
    if (s->wake >= 0)
        (void)close(s->wake);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static void servers_close(void *self)
{
    struct servers *s = self;
    const uint64_t one = 1;

    (void)pthread_mutex_lock(&s->lock);
    s->stop = true;
    (void)pthread_mutex_unlock(&s->lock);
    while (write(s->wake, &one, sizeof one) < 0 && errno == EINTR)
        ;
    (void)pthread_join(s->thread, NULL);
    servers_free(s);
}

static int open_channels(struct servers *s, const struct dns_settings *set, struct err *e)
{
    struct dns_server list[SERVERS_MAX];
    size_t n = 1;
    int rc = 0;

    if (!set->server) {
        rc = dns_system_servers(list, SERVERS_MAX, &n, e);
    } else if (!dns_server_parse(set->server, &list[0])) {
        rc = err_set(e, ERR_USAGE, "usage",
            "a resolver is an address, as 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53, not '%.80s'",
            set->server);
    }
    for (size_t i = 0; i < n && !rc; i++) {
        rc = dns_channel_open(&s->channels[i], &list[i], s->timeout_ms, e);
        s->n_channels += rc == 0;
    }
    return rc;
}

static int start(struct servers *s, const struct dns_settings *set, struct err *e)
{
    int rc = open_channels(s, set, e);

    if (rc)
        return rc;
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->wake < 0)
        return err_set(e, ERR_TEMPORARY, "dns", "eventfd: %s", strerrordesc_np(errno));
    if (pthread_create(&s->thread, NULL, serve, s) != 0)
        return err_set(e, ERR_TEMPORARY, "dns", "no thread for the resolver");
    return 0;
}

int dns_open(const struct dns_settings *settings, struct dns **out, struct err *e)
{
    static const struct dns_ops ops = {.ask = servers_ask,
        .expect = servers_expect,
        .ask_server = servers_ask_server,
        .sent = servers_sent,
        .close = servers_close};
    static const struct dns_settings defaults = {0};
    const struct dns_settings *set = settings ? settings : &defaults;
    struct servers *s = mem_alloc(sizeof *s);

    (void)pthread_mutex_init(&s->lock, NULL);
    s->wake = -1;
    s->queue_end = &s->queue;
    s->timeout_ms = set->timeout_ms ? set->timeout_ms : DEFAULT_TIMEOUT_MS;
    s->attempts = set->attempts ? set->attempts : DEFAULT_ATTEMPTS;
    s->in_flight_max = set->in_flight ? set->in_flight : DEFAULT_IN_FLIGHT;
    int rc = start(s, set, e);
    if (rc) {
        servers_free(s);
        return rc;
    }
    *out = dns_from(&ops, s);
    return 0;
}
