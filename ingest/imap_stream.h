/*
 * The connection below an IMAP session: TCP, or TLS in it, as a driver for libetpan's mailstream.
 * libetpan's own streams verify no certificate, spin at the end of the input and wait for ever;
 * this one verifies chain and host name, ends every wait, holds each command to a deadline and a
 * number of bytes, and shows what arrives to an imap_guard first.
 */
#ifndef INGEST_IMAP_STREAM_H
#define INGEST_IMAP_STREAM_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct imap_stream;
struct _mailstream; /* libetpan's */

struct imap_stream_settings {
    const char *host;
    unsigned port;
    bool tls; /* at once */
    bool verify;
    const char *ca_file;    /* PEM; NULL: the system's. Read again after an hour */
    const char *cert, *key; /* PEM: a client's certificate; both or neither */
    unsigned timeout;       /* seconds without a byte */
    unsigned deadline;      /* seconds until connected and encrypted */
    /* Is it time to give up? Asked while waiting; may be NULL. Then there is a second left for
     * whatever is still begun. */
    bool (*stop)(void *context);
    void *context;
};

/*
 * Connects (each address of the host in turn) and, with `tls`, shakes hands (1.2 at least).
 * ERR_UNREACHABLE: unreachable, timeout, tls-untrusted, tls-failed. ERR_CONFIG: ca-file.
 * ERR_TEMPORARY: interrupted.
 */
int imap_stream_open(
    struct imap_stream **out, const struct imap_stream_settings *set, struct err *e) ERR_CHECKED;

/*
 * Begins TLS on a plain connection (RFC 9051 section 11.1). Everything that came before is the word
 * of nobody: the caller must have nothing of it left in a buffer, and believe nothing of it. *set
 * is as for opening. ERR_UNREACHABLE: timeout, tls-untrusted, tls-failed.
 */
int imap_stream_starttls(
    struct imap_stream *s, const struct imap_stream_settings *set, struct err *e) ERR_CHECKED;

/* Waits for the server to say something of its own accord. 1: it did; 0: not in that time; else the
 * connection is of no use any more, or it is time to give up (ERR_TEMPORARY, interrupted: then it
 * can still be used for a second). */
int imap_stream_await(struct imap_stream *s, int64_t milliseconds, struct err *e) ERR_CHECKED;

/* Closes the socket; libetpan's end must be closed before, if it was made. Accepts NULL. */
void imap_stream_free(struct imap_stream *s);

/* A libetpan stream over this connection, closed by mailstream_close(). NULL: no memory. */
struct _mailstream *imap_stream_mailstream(struct imap_stream *s);

/* From here on at most so many seconds and bytes, until the next call. */
void imap_stream_begin(struct imap_stream *s, unsigned seconds, uint64_t bytes);

/* Why reading or writing failed: fills *e and returns its class, or 0 if nothing failed.
 * ERR_TEMPORARY: connection-lost, timeout, protocol, interrupted. */
int imap_stream_why(const struct imap_stream *s, struct err *e);

#endif
