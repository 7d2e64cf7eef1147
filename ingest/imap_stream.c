#include "ingest/imap_stream.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/when.h"
#include "ingest/imap_guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <libetpan/mailstream.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAILSTREAM_BUFFER =
        8192, /* libetpan moves what is left of it after every line: keep it small */
    REASONS_MAX = 300,
    KEEPALIVE_SECONDS = 60, /* a peer that is gone without a word is noticed by TCP */
    KEEPALIVE_INTERVAL = 20,
    KEEPALIVE_PROBES = 4,
    TRUST_MS = 3600 * 1000,
    STOP_CHECK_MS = 200, /* a signal may come just before the wait begins */
    STOP_GRACE_MS = 1000,
    READ_MAX = 16 * 1024 * 1024 /* keeps a size within what GnuTLS and read() can return */
};

/* The certificates of a ca_file are kept for a while: the system's are 140 and take 8 ms. They are
 * renewed under a program that runs for years, so not for ever. */
struct trust {
    struct trust *next;
    unsigned users;
    int64_t read_ms;
    char *ca_file; /* NULL: the system's */
    char *cert, *key;
    bool verify;
    gnutls_certificate_credentials_t credentials;
};

static struct trust *trusts;
static pthread_mutex_t trusts_lock = PTHREAD_MUTEX_INITIALIZER;

struct imap_stream {
    int fd;
    gnutls_session_t tls; /* NULL: plain */
    struct trust *trust;  /* that it uses */
    unsigned timeout;
    unsigned allowed;    /* seconds for the current command, for the message */
    int64_t deadline_ms; /* of when_monotonic_ms() */
    bool (*stop)(void *context);
    void *context;
    bool stopping; /* it said yes */
    struct imap_guard guard;
    unsigned char early; /* was read while nothing was expected */
    bool has_early;
    bool failed;
    struct err why;
};

static bool same_file(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static int load_authorities(struct trust *t, struct err *e)
{
    int n = t->ca_file ? gnutls_certificate_set_x509_trust_file(
                             t->credentials, t->ca_file, GNUTLS_X509_FMT_PEM)
                       : gnutls_certificate_set_x509_system_trust(t->credentials);
    if (n > 0)
        return 0;
    return err_set(e, ERR_CONFIG, "ca-file", "no CA certificates in %s: %s",
        t->ca_file ? t->ca_file : "the system's store",
        n < 0 ? gnutls_strerror(n) : "it holds none");
}

static int load_own_certificate(struct trust *t, struct err *e)
{
    int r =
        gnutls_certificate_set_x509_key_file(t->credentials, t->cert, t->key, GNUTLS_X509_FMT_PEM);

    if (r >= 0)
        return 0;
    return err_set(
        e, ERR_CONFIG, "client-certificate", "%s with %s: %s", t->cert, t->key, gnutls_strerror(r));
}

static int trust_load(struct trust *t, struct err *e)
{
    int r = 0;

    if (gnutls_certificate_allocate_credentials(&t->credentials) < 0)
        return err_set(e, ERR_TEMPORARY, "memory", "no memory for TLS");
    if (t->verify)
        r = load_authorities(t, e);
    if (!r && t->cert)
        r = load_own_certificate(t, e);
    if (r)
        gnutls_certificate_free_credentials(t->credentials);
    return r;
}

static struct trust *trust_new(const struct imap_stream_settings *set)
{
    struct trust *t = mem_alloc(sizeof *t);

    t->ca_file = set->ca_file ? mem_strdup(set->ca_file) : NULL;
    t->cert = set->cert ? mem_strdup(set->cert) : NULL;
    t->key = set->key ? mem_strdup(set->key) : NULL;
    t->verify = set->verify;
    return t;
}

static void trust_free(struct trust *t)
{
    if (t->read_ms)
        gnutls_certificate_free_credentials(t->credentials);
    free(t->ca_file);
    free(t->cert);
    free(t->key);
    free(t);
}

static bool trust_is_for(const struct trust *t, const struct imap_stream_settings *set)
{
    return when_monotonic_ms() - t->read_ms < TRUST_MS && t->verify == set->verify &&
           same_file(t->ca_file, set->ca_file) && same_file(t->cert, set->cert) &&
           same_file(t->key, set->key);
}

/* Those that are out of date and that nobody uses any more. */
static void trusts_clean(void)
{
    for (struct trust **at = &trusts; *at;) {
        struct trust *t = *at;
        if (t->users == 0 && when_monotonic_ms() - t->read_ms >= TRUST_MS) {
            *at = t->next;
            trust_free(t);
        } else {
            at = &t->next;
        }
    }
}

static int trust_get(const struct imap_stream_settings *set, struct trust **out, struct err *e)
{
    int r = 0;

    (void)pthread_mutex_lock(&trusts_lock);
    trusts_clean();
    struct trust *t = trusts;
    while (t && !trust_is_for(t, set))
        t = t->next;
    if (!t) {
        t = trust_new(set);
        r = trust_load(t, e);
        if (r) {
            trust_free(t);
        } else {
            t->read_ms = when_monotonic_ms();
            t->next = trusts;
            trusts = t;
        }
    }
    if (!r) {
        t->users++;
        *out = t;
    }
    (void)pthread_mutex_unlock(&trusts_lock);
    return r;
}

static void trust_put(struct trust *t)
{
    (void)pthread_mutex_lock(&trusts_lock);
    t->users--;
    (void)pthread_mutex_unlock(&trusts_lock);
}

void imap_stream_begin(struct imap_stream *s, unsigned seconds, uint64_t bytes)
{
    s->allowed = seconds;
    s->deadline_ms = when_monotonic_ms() + (s->stopping ? STOP_GRACE_MS : (int64_t)seconds * 1000);
    s->guard.budget = bytes;
}

int imap_stream_why(const struct imap_stream *s, struct err *e)
{
    if (!s->failed)
        return 0;
    *e = s->why;
    return (int)e->class;
}

/* Milliseconds left for the current command: few, once it is time to give up. */
static int64_t stream_left(struct imap_stream *s)
{
    int64_t now = when_monotonic_ms();

    if (!s->stopping && s->stop && s->stop(s->context)) {
        s->stopping = true;
        if (s->deadline_ms > now + STOP_GRACE_MS)
            s->deadline_ms = now + STOP_GRACE_MS;
    }
    return s->deadline_ms - now;
}

static void stream_late(struct imap_stream *s)
{
    if (s->stopping) {
        (void)err_set(&s->why, ERR_TEMPORARY, "interrupted", "stopped while the server is awaited");
    } else {
        (void)err_set(&s->why, ERR_TEMPORARY, "timeout", "not done within %u seconds", s->allowed);
    }
}

/* Waits for the socket. 0, or -1 with the reason kept: silence, the command's deadline, or it is
 * time to give up. */
static int stream_wait(struct imap_stream *s, short events)
{
    int64_t silent_until = when_monotonic_ms() + (int64_t)s->timeout * 1000;

    for (;;) {
        struct pollfd p = {.fd = s->fd, .events = events};
        int64_t left = stream_left(s);
        int64_t patience = silent_until - when_monotonic_ms();
        if (left <= 0) {
            stream_late(s);
            break;
        }
        if (patience <= 0) {
            (void)err_set(
                &s->why, ERR_TEMPORARY, "timeout", "no answer for %u seconds", s->timeout);
            break;
        }
        if (patience > left)
            patience = left;
        int r = poll(&p, 1, patience < STOP_CHECK_MS ? (int)patience : STOP_CHECK_MS);
        if (r > 0)
            return 0;
        if (r < 0 && errno != EINTR) {
            (void)err_set(
                &s->why, ERR_TEMPORARY, "connection-lost", "poll: %s", strerrordesc_np(errno));
            break;
        }
    }
    s->failed = true;
    return -1;
}

/* Why there is no connection, out of why a wait ended. */
static int stream_unreachable(const struct imap_stream *s, struct err *e)
{
    *e = s->why;
    if (!s->stopping)
        e->class = ERR_UNREACHABLE;
    return (int)e->class;
}

static int stream_lost(struct imap_stream *s, const char *how)
{
    (void)err_set(&s->why, ERR_TEMPORARY, "connection-lost", "connection lost: %s", how);
    s->failed = true;
    return -1;
}

/* What a call that moved no byte means. 0: try again. */
static int tls_again(struct imap_stream *s, ssize_t r)
{
    if (r == GNUTLS_E_INTERRUPTED)
        return 0;
    if (r == GNUTLS_E_AGAIN)
        return stream_wait(s, gnutls_record_get_direction(s->tls) ? POLLOUT : POLLIN);
    return stream_lost(s, r ? gnutls_strerror((int)r) : "the server closed it");
}

static int plain_again(struct imap_stream *s, ssize_t r, short events)
{
    if (r < 0 && errno == EINTR)
        return 0;
    if (r < 0 && errno == EAGAIN)
        return stream_wait(s, events);
    return stream_lost(s, r ? strerrordesc_np(errno) : "the server closed it");
}

static ssize_t stream_receive(struct imap_stream *s, void *out, size_t n)
{
    if (s->has_early) {
        s->has_early = false;
        memcpy(out, &s->early, 1);
        return 1;
    }
    for (;;) {
        ssize_t r = s->tls ? gnutls_record_recv(s->tls, out, n) : recv(s->fd, out, n, 0);
        if (r > 0)
            return r;
        if (s->tls ? tls_again(s, r) : plain_again(s, r, POLLIN))
            return -1;
    }
}

/* The end of the input is -1 too: libetpan takes 0 for progress and spins. */
static ssize_t driver_read(mailstream_low *low, void *out, size_t n)
{
    struct imap_stream *s = low->data;

    if (s->failed)
        return -1;
    if (stream_left(s) <= 0 && stream_wait(s, POLLIN))
        return -1;
    ssize_t got = stream_receive(s, out, n < READ_MAX ? n : READ_MAX);
    if (got < 0)
        return -1;
    size_t good = imap_guard_pass(&s->guard, out, (size_t)got);
    if (s->guard.fault[0]) {
        (void)err_set(&s->why, ERR_TEMPORARY, s->guard.goodbye ? "connection-lost" : "protocol",
            "%s", s->guard.fault);
        s->failed = true;
    }
    return good ? (ssize_t)good : -1;
}

static ssize_t driver_write(mailstream_low *low, const void *bytes, size_t n)
{
    struct imap_stream *s = low->data;

    while (!s->failed) {
        size_t piece = n < READ_MAX ? n : READ_MAX;
        ssize_t r = s->tls ? gnutls_record_send(s->tls, bytes, piece)
                           : send(s->fd, bytes, piece, MSG_NOSIGNAL);
        if (r > 0)
            return r;
        if (s->tls ? tls_again(s, r) : plain_again(s, r, POLLOUT))
            break;
    }
    return -1;
}

static int driver_close(mailstream_low *low)
{
    struct imap_stream *s = low->data;

    if (s->tls && !s->failed)
        (void)gnutls_bye(s->tls, GNUTLS_SHUT_WR);
    return 0;
}

static int driver_fd(mailstream_low *low)
{
    const struct imap_stream *s = low->data;

    return s->fd;
}

static void driver_free(mailstream_low *low)
{
    free(low); /* ours, by mailstream_low_new(); the connection outlives it */
}

static mailstream_low_driver driver = {
    .mailstream_read = driver_read,
    .mailstream_write = driver_write,
    .mailstream_close = driver_close,
    .mailstream_get_fd = driver_fd,
    .mailstream_free = driver_free,
};

struct _mailstream *imap_stream_mailstream(struct imap_stream *s)
{
    mailstream_low *low = mailstream_low_new(s, &driver);

    if (!low)
        return NULL;
    mailstream *m = mailstream_new(low, MAILSTREAM_BUFFER);
    if (!m)
        mailstream_low_free(low);
    return m;
}

static int connect_drop(struct imap_stream *s)
{
    (void)close(s->fd);
    s->fd = -1;
    return -1;
}

static void set_options(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_SECONDS},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
    };

    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        (void)setsockopt(
            fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
    }
}

/* One address. 0, or -1 with *why. */
static int connect_address(struct imap_stream *s, const struct addrinfo *a, struct err *why)
{
    int error = 0;
    socklen_t len = sizeof error;

    s->fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (s->fd < 0)
        return err_set(why, ERR_UNREACHABLE, "unreachable", "%s", strerrordesc_np(errno));
    set_options(s->fd);
    if (connect(s->fd, a->ai_addr, a->ai_addrlen) == 0)
        return 0;
    error = errno;
    if (error == EINPROGRESS) {
        if (stream_wait(s, POLLOUT)) {
            s->failed = false; /* the next address may answer */
            (void)stream_unreachable(s, why);
            return connect_drop(s);
        }
        if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
            error = errno;
    }
    if (!error)
        return 0;
    (void)err_set(why, ERR_UNREACHABLE, "unreachable", "%s", strerrordesc_np(error));
    return connect_drop(s);
}

/* All addresses in the resolver's order (RFC 6724). The resolver keeps its own time limit. */
static int stream_connect(
    struct imap_stream *s, const struct imap_stream_settings *set, struct err *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list;
    char port[16];
    int r;

    (void)snprintf(port, sizeof port, "%u", set->port);
    r = getaddrinfo(set->host, port, &hints, &list);
    if (r) {
        return err_set(e, ERR_UNREACHABLE, "unreachable", "%s",
            r == EAI_SYSTEM ? strerrordesc_np(errno) : gai_strerror(r));
    }
    r = -1;
    for (const struct addrinfo *a = list; a && r && !s->stopping; a = a->ai_next)
        r = connect_address(s, a, e);
    freeaddrinfo(list);
    return r ? (int)e->class : 0;
}

/* Which checks a certificate did not pass, in words. */
static void untrusted_reasons(unsigned status, char out[REASONS_MAX])
{
    static const struct {
        unsigned bit;
        const char *words;
    } reasons[] = {
        {GNUTLS_CERT_SIGNER_NOT_FOUND, "issuer unknown"},
        {GNUTLS_CERT_UNEXPECTED_OWNER, "name mismatch"},
        {GNUTLS_CERT_EXPIRED, "expired"},
        {GNUTLS_CERT_NOT_ACTIVATED, "not valid yet"},
        {GNUTLS_CERT_REVOKED, "revoked"},
        {GNUTLS_CERT_SIGNER_NOT_CA, "signed by something that is no CA"},
        {GNUTLS_CERT_SIGNATURE_FAILURE, "bad signature"},
        {GNUTLS_CERT_INSECURE_ALGORITHM, "weak algorithm or short key"},
        {GNUTLS_CERT_PURPOSE_MISMATCH, "not meant for a server"},
    };
    struct buf b;

    buf_init(&b, REASONS_MAX - 1);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (status & reasons[i].bit)
            (void)buf_printf(&b, "%s%s", b.len ? ", " : "", reasons[i].words);
    }
    (void)snprintf(out, REASONS_MAX, "%s", b.len ? b.data : "not valid");
    buf_done(&b);
}

static int handshake_failed(struct imap_stream *s, int r, struct err *e)
{
    char reasons[REASONS_MAX];

    if (r == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR) {
        untrusted_reasons(gnutls_session_get_verify_cert_status(s->tls), reasons);
        return err_set(e, ERR_UNREACHABLE, "tls-untrusted",
            "the server's certificate is not trusted: %s", reasons);
    }
    if (r == GNUTLS_E_FATAL_ALERT_RECEIVED) {
        return err_set(e, ERR_UNREACHABLE, "tls-failed", "TLS handshake: the server says: %s",
            gnutls_alert_get_name(gnutls_alert_get(s->tls)));
    }
    return err_set(e, ERR_UNREACHABLE, "tls-failed", "TLS handshake: %s", gnutls_strerror(r));
}

static bool is_address(const char *host)
{
    unsigned char any[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, any) == 1 || inet_pton(AF_INET6, host, any) == 1;
}

static int tls_prepare(struct imap_stream *s, const struct imap_stream_settings *set, struct err *e)
{
    int r = trust_get(set, &s->trust, e);

    if (r)
        return r;
    r = gnutls_init(&s->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    if (r >= 0) {
        r = gnutls_set_default_priority_append(
            s->tls, "-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%PROFILE_MEDIUM", NULL, 0);
    }
    if (r >= 0)
        r = gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE, s->trust->credentials);
    if (r >= 0 && !is_address(set->host)) /* RFC 6066 section 3: no addresses in SNI */
        r = gnutls_server_name_set(s->tls, GNUTLS_NAME_DNS, set->host, strlen(set->host));
    if (r < 0)
        return err_set(e, ERR_TEMPORARY, "tls-failed", "TLS: %s", gnutls_strerror(r));
    if (set->verify)
        gnutls_session_set_verify_cert(s->tls, set->host, 0);
    gnutls_handshake_set_timeout(s->tls, GNUTLS_INDEFINITE_TIMEOUT); /* stream_wait has it */
    gnutls_transport_set_int(s->tls, s->fd);
    return 0;
}

static int stream_handshake(
    struct imap_stream *s, const struct imap_stream_settings *set, struct err *e)
{
    int r = tls_prepare(s, set, e);

    if (r)
        return r;
    do {
        r = gnutls_handshake(s->tls);
        if (r == GNUTLS_E_AGAIN &&
            stream_wait(s, gnutls_record_get_direction(s->tls) ? POLLOUT : POLLIN))
            return stream_unreachable(s, e);
    } while (r < 0 && !gnutls_error_is_fatal(r));
    return r < 0 ? handshake_failed(s, r, e) : 0;
}

int imap_stream_open(
    struct imap_stream **out, const struct imap_stream_settings *set, struct err *e)
{
    struct imap_stream *s = mem_alloc(sizeof *s);
    int r;

    s->fd = -1;
    s->timeout = set->timeout;
    s->stop = set->stop;
    s->context = set->context;
    imap_guard_init(&s->guard);
    imap_stream_begin(s, set->deadline, 0);
    r = stream_connect(s, set, e);
    if (!r && set->tls)
        r = stream_handshake(s, set, e);
    if (r) {
        imap_stream_free(s);
        return err_wrap(e, "%s port %u", set->host, set->port);
    }
    *out = s;
    return 0;
}

int imap_stream_starttls(
    struct imap_stream *s, const struct imap_stream_settings *set, struct err *e)
{
    int r = stream_handshake(s, set, e);
    uint64_t budget = s->guard.budget;

    imap_guard_init(&s->guard);
    s->guard.budget = budget;
    return r ? err_wrap(e, "%s port %u", set->host, set->port) : 0;
}

/* A byte that can be had without waiting is kept for the next read: that a socket is readable says
 * little about TLS, whose own messages are no news. 1, 0, or -1 with the reason kept. */
static int take_early(struct imap_stream *s)
{
    ssize_t r = s->tls ? gnutls_record_recv(s->tls, &s->early, 1) : recv(s->fd, &s->early, 1, 0);

    s->has_early = r > 0;
    if (r > 0)
        return 1;
    if (s->tls && (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED))
        return 0;
    if (!s->tls && r < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (s->tls)
        return stream_lost(s, r ? gnutls_strerror((int)r) : "the server closed it");
    return stream_lost(s, r ? strerrordesc_np(errno) : "the server closed it");
}

int imap_stream_await(struct imap_stream *s, int64_t milliseconds, struct err *e)
{
    int64_t until = when_monotonic_ms() + milliseconds;
    int r = s->has_early ? 1 : s->failed ? -1 : take_early(s);

    s->deadline_ms = until + STOP_GRACE_MS;
    while (r == 0) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        int64_t left = until - when_monotonic_ms();

        (void)stream_left(s);
        if (s->stopping) {
            stream_late(s);
            *e = s->why;
            return (int)e->class;
        }
        if (left <= 0)
            return 0;
        int ready = poll(&p, 1, left < STOP_CHECK_MS ? (int)left : STOP_CHECK_MS);
        if (ready > 0)
            r = take_early(s);
        if (ready < 0 && errno != EINTR)
            r = stream_lost(s, strerrordesc_np(errno));
    }
    if (r > 0)
        return 1;
    *e = s->why;
    return (int)e->class;
}

void imap_stream_free(struct imap_stream *s)
{
    if (!s)
        return;
    if (s->tls)
        gnutls_deinit(s->tls);
    if (s->trust)
        trust_put(s->trust);
    if (s->fd >= 0)
        (void)close(s->fd);
    free(s);
}
