/*
 * The store: what anyone may ask of it, without SQL and without a backend in sight.
 *
 *   store_open -> store_writer_open (a sink, parse/flow.h) -> ... -> store_writer_flush -> the
 * `committed` calls
 *              -> clients, domains, rejects, and the reading calls that `report` and `query` stand
 * on
 *
 * Exactly once. Messages are written in batches, one transaction each, that holds the reports,
 * their records, the raw payloads and the ledger rows; only after its COMMIT is `committed` called
 * for each message, and only then may a mail be moved. A message that comes again (crash between
 * commit and move, a second copy) is found by its hash, a report by its identity: reporter, policy
 * domain, report id, begin, end (RFC 9990 3.1.4 promises no more).
 *
 * A message whose bytes were committed before is answered with FLOW_SKIP and counted by what it
 * held then: as a duplicate, or once more as rejected. After an error of any writing call nothing
 * waits any more: what was not committed must be handed in again.
 *
 * A `row` call that returns other than 0 ends the reading; its value is returned. What it gets is
 * valid only during the call, and it must not use the store.
 *
 * A client owns domains; the longest suffix wins; what nobody owns belongs to the client
 * "unassigned".
 *
 * One struct store, one thread. Errors as in store/db.h.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/err.h"
#include "parse/flow.h"

#include <stdbool.h>
#include <stdint.h>

#define STORE_UNASSIGNED "unassigned"

struct store;

/* "sqlite:PATH" or a libpq URI. Creates or migrates the schema. */
int store_open(struct store **out, const char *url, struct err *e) ERR_CHECKED;
void store_close(struct store *s);                /* accepts NULL */
const char *store_backend(const struct store *s); /* "sqlite", "postgresql" */
int store_schema_version(const struct store *s);

/* ---- writing ---- */

struct store_summary {
    int64_t messages; /* handed in; = the sum of the six below it */
    int64_t stored, duplicate, conflict, not_a_report, partial, rejected;
    int64_t reports_new, reports_duplicate, reports_conflict, reports_partial, reports_rejected;
    int64_t records;               /* of the new reports */
    int64_t tls_new, failures_new; /* TLS policies and failure reports: not in reports_new */
};

struct store_writer_settings {
    unsigned batch_messages; /* 0: 100 */
    uint64_t batch_bytes; /* of rows waiting for the commit; 0: 8 MiB. Larger reports are streamed
                             into the open transaction. */
    bool again;           /* read what the ledger knows, too: for a second try at a reject */
    /* Called after the commit for each message of the batch, in order; an error ends the flush and
     * is returned. May be NULL. */
    int (*committed)(void *context, uint64_t id, enum outcome o, struct err *e);
    void *context;
};

/* The sink is owned by the caller and freed by store_writer_close, which drops what was not
 * flushed. */
int store_writer_open(struct sink **out, struct store *s, const struct store_writer_settings *set,
    struct err *e) ERR_CHECKED;
int store_writer_flush(struct sink *sink, struct err *e) ERR_CHECKED;
const struct store_summary *store_writer_summary(
    const struct sink *sink); /* what was committed so far */
void store_writer_close(struct sink *sink);

/* Has this message of this source been committed already (for mails that are left in place)? */
int store_message_known(
    struct store *s, const char *source, const char *key, bool *known, struct err *e) ERR_CHECKED;

/* ---- clients and domains ---- */

struct store_client {
    int64_t id;
    const char *name;
    int64_t domains;
};

int store_clients(struct store *s, int (*row)(void *context, const struct store_client *c),
    void *context, struct err *e) ERR_CHECKED;
int store_client_find(struct store *s, const char *name, int64_t *id,
    struct err *e) ERR_CHECKED; /* ERR_USAGE no-such-client */
int store_client_add(struct store *s, const char *name, bool *created, struct err *e) ERR_CHECKED;
int store_client_remove(struct store *s, const char *name,
    struct err *e) ERR_CHECKED; /* its domains' reports go to unassigned */

/* Domains go to a client (created as needed) together with the reports stored for them. One
 * transaction. */
struct store_assignment {
    const char *domain;
    const char *client;
};

int store_domains_assign(
    struct store *s, const struct store_assignment *list, size_t n, struct err *e) ERR_CHECKED;
int store_domains(struct store *s,
    int (*row)(void *context, const char *domain, const char *client), void *context,
    struct err *e) ERR_CHECKED;

/* ---- rejects: what could not be read, conflicts, partial reports; kept until someone decides ----
 */

struct store_reject {
    int64_t id;
    int64_t at; /* seconds */
    const char *source, *key, *name;
    const char *document; /* inside the payload, or NULL */
    const char *class, *reason;
    bool raw_kept;
    bool partial;      /* a partial report: store_reject_accept makes it count */
    const char *state; /* "open", "retried", "accepted", "replaced" (by a complete copy) */
};

/* id 0: all that are open; else that one, whatever its state. */
int store_rejects(struct store *s, int64_t id,
    int (*row)(void *context, const struct store_reject *r), void *context,
    struct err *e) ERR_CHECKED;
/* The raw payload behind a reject, in pieces. ERR_USAGE when there is none. */
int store_reject_raw(struct store *s, int64_t id,
    int (*piece)(void *context, const void *bytes, size_t len, struct err *e), void *context,
    struct err *e) ERR_CHECKED;
/* Closes an open reject after its raw payload was read again. ERR_USAGE when it is not open. */
int store_reject_retried(struct store *s, int64_t id, struct err *e) ERR_CHECKED;
/* The partial report behind it counts from now on. ERR_USAGE when there is none. */
int store_reject_accept(struct store *s, int64_t id, struct err *e) ERR_CHECKED;

/* ---- reading ---- */

struct store_period {
    const char *client; /* NULL: all */
    const char *domain; /* this policy domain and those below it; NULL: all */
    int64_t from,
        to; /* days since 1970, both included; a report counts on the UTC day of its begin */
};

/* One report that counts (partial and untrusted ones do not). */
struct store_report_row {
    int64_t id;
    const char *client, *domain, *reporter, *org_name, *report_id;
    int64_t begin, end;
    const char *p, *sp, *adkim, *aspf;
    int64_t records, messages;
    const char *grade;
    const char *notes; /* codes, comma-separated */
    bool counts;       /* false: partial, kept but not counted */
};

int store_reports(struct store *s, const struct store_period *p, bool with_partial,
    int (*row)(void *context, const struct store_report_row *r), void *context,
    struct err *e) ERR_CHECKED;

/*
 * Records that count, grouped by (client, domain, source address, header_from, the three verdicts,
 * authentication results), ordered by domain, then source address. `auth` is the packed text of
 * auth_results (store/auth.h).
 */
struct store_source_row {
    const char *client, *domain;
    struct addr source_ip;
    enum disposition disposition;
    enum verdict dkim, spf;
    const char *header_from, *envelope_from;
    const char *auth;
    const char *reasons;       /* override reasons, packed, or NULL */
    int64_t records, messages; /* messages: at most 2^53, whatever reports claim */
    int64_t first, last;       /* begin of the first and last report */
    int64_t reporters;
};

int store_sources(struct store *s, const struct store_period *p,
    int (*row)(void *context, const struct store_source_row *r), void *context,
    struct err *e) ERR_CHECKED;

/* ---- upkeep ---- */

/* Recounts what is stored against what is written about it; calls `fault` for each difference. */
int store_verify(struct store *s, void (*fault)(void *context, const char *what), void *context,
    int64_t *checked, struct err *e) ERR_CHECKED;

#endif
