/*
 * The store: what anyone may ask of it, without SQL and without a backend in sight.
 *
 *   store_open
 *     -> store_writer_open (a sink, parse/flow.h) -> store_writer_flush -> the `committed` calls
 *     -> clients, domains, rejects
 *     -> the reading calls that `report` and `query` stand on
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
#include "parse/redact.h"
#include "parse/trust.h"

#include <stdbool.h>
#include <stdint.h>

#define STORE_UNASSIGNED "unassigned"

struct store;

/* "sqlite:PATH" or a libpq URI. Creates or migrates the schema. */
int store_open(struct store **out, const char *url, struct err *e) ERR_CHECKED;
void store_close(struct store *s);                /* accepts NULL */
const char *store_backend(const struct store *s); /* "sqlite", "postgresql" */
int store_schema_version(const struct store *s);

/* How much of failure reports about this client's domains is kept. */
struct store_failure_data {
    const char *client;
    enum failure_data data;
};

/* What the operator decides. What is not to be kept is never written, into no table. */
struct store_policy {
    enum failure_data failure_data; /* of clients that are not listed, unassigned too */
    const struct store_failure_data *clients;
    size_t n_clients;
    struct trust_settings trust;
    bool exclude_untrusted; /* doubtful reports are not in any total */
};

/* Before anything is written or read; without it the policy is all zero. The lists in it must stay
 * valid as long as the store is open. */
void store_set_policy(struct store *s, const struct store_policy *p);

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
    /* A full batch is committed by a thread of the store's own, on a connection of its own, while
     * the next one is read. What became of it is told by later calls, in order, by their
     * thread. Not where a batch is one message. */
    bool ahead;
    /* Called after the commit for each message of the batch, in order; an error ends the flush and
     * is returned. May be NULL. */
    int (*committed)(
        void *context, uint64_t id, enum outcome o, enum message_kind kind, struct err *e);
    /* Called after the commit for what only the store can see: a conflict, bytes that were rejected
     * before, a message that the database refuses. May be NULL. */
    void (*problem)(void *context, const char *name, const struct err *why);
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

/* Has this message of this source been committed already (for mails that are left in place), and
 * what was it? */
int store_message_known(struct store *s, const char *source, const char *key, bool *known,
    enum message_kind *kind, struct err *e) ERR_CHECKED;

/* ---- what is older than it is to be kept ---- */

/* In days; 0: for ever. By the day a report is about; a failure report's is that of its arrival. */
struct store_retention {
    int64_t aggregate, failure, tls;
};

struct store_prune {
    int64_t today; /* a day */
    bool dry_run;  /* only count */
    /* what was done so far */
    int64_t reports, records, failures, tls;
    int64_t raw; /* payloads whose bytes are not kept any more */
};

/*
 * Removes what is too old of a client. In short transactions, beside which others write; a run that
 * is cut short is gone on with by the next one. The ledger stays: the same mail is not read again.
 * What somebody has to decide about stays, too. ERR_USAGE no-such-client.
 */
int store_prune(struct store *s, const char *client, const struct store_retention *keep,
    struct store_prune *run, struct err *e) ERR_CHECKED;

/* After all clients: the bytes that nothing refers to any more, and those of reports that are older
 * than so many days (0: only the former). What was read in them stays. */
int store_prune_raw(
    struct store *s, int64_t days, struct store_prune *run, struct err *e) ERR_CHECKED;

/* ---- another store ---- */

/* What was done to a table of the copy. */
struct store_copied {
    const char *table;
    int64_t rows; /* of the original */
    int64_t added, removed;
};

/*
 * Makes `to` alike `from`, whatever databases they are in: as `from` was when it began, while
 * others go on writing to it. Cut short, it is gone on with by the next run; a later run brings
 * over what has changed since. `to` is empty, or an earlier copy of the same that nobody has stored
 * reports in: ERR_CONFIG store-not-empty, store-in-use. Memory: a page of rows. `table` is called
 * for each table when it is done.
 */
int store_copy(struct store *from, struct store *to,
    void (*table)(void *context, const struct store_copied *done), void *context,
    struct err *e) ERR_CHECKED;

/* ---- warnings ----
 *
 * A row is there from when a channel (a recipient, a webhook) was told of some trouble until it was
 * told of its end.
 */

struct store_warning {
    const char *channel;
    const char *kind;    /* "mailbox", "rejects", "reporter" */
    const char *subject; /* which one */
    int64_t since;       /* when the trouble began, as it was told */
    int64_t told_at;     /* the last time */
};

int store_warnings(struct store *s, int (*row)(void *context, const struct store_warning *w),
    void *context, struct err *e) ERR_CHECKED;
/* Told just now; `told_at` is not looked at. */
int store_warning_told(struct store *s, const struct store_warning *w, struct err *e) ERR_CHECKED;
/* Nothing is known of it any more. */
int store_warning_over(struct store *s, const struct store_warning *w, struct err *e) ERR_CHECKED;

/* How many documents nobody could read came in from `from` to before `to` (seconds). */
int store_unreadable_between(
    struct store *s, int64_t from, int64_t to, int64_t *out, struct err *e) ERR_CHECKED;
/* The days from `from_day` on that each reporter has written aggregate reports about; a pair comes
 * more than once if they are of several clients. */
int store_reporter_days(struct store *s, int64_t from_day,
    int (*row)(void *context, const char *reporter, int64_t day), void *context,
    struct err *e) ERR_CHECKED;

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
 * transaction; none if all of it is so already. */
struct store_assignment {
    const char *domain;
    const char *client;
};

int store_domains_assign(
    struct store *s, const struct store_assignment *list, size_t n, struct err *e) ERR_CHECKED;
/* They belong to the owner of the next shorter domain, or to nobody, from then on, with what is
 * stored of them. ERR_USAGE no-such-domain when one of them is not assigned: then nothing is
 * changed. */
int store_domains_remove(
    struct store *s, const char *const *domains, size_t n, struct err *e) ERR_CHECKED;
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
/* The partial report behind it counts from now on. ERR_USAGE when there is none. */
int store_reject_accept(struct store *s, int64_t id, struct err *e) ERR_CHECKED;

/* ---- reading again what is kept ----
 *
 *   store_again_reject, or store_reparse_next -> store_again_sink -> store_again_go_on -> ...
 *
 * The payload is read into the sink as if it came as a message, and once more whenever
 * store_again_go_on says so: first to look what would come of it, then to write it, if anything is
 * to be gained. The writing is one transaction, with what it replaces and the rejects it closes.
 *
 * A report takes the place of the one that the same payload gave before if it is not read less
 * well: not with a worse grade, nor, the grade being equal, with fewer records. Nothing is written
 * when all is as it was. What other payloads gave stays, unless it is cut off and this is not.
 */

struct store_kept {
    int64_t payload;
    const char *container, *name;
    const char *source, *key, *message; /* of the message it came in; "" */
    bool attached;                      /* to a mail */
    const char *from, *subject;         /* of that mail, or what is known of them; NULL */
    const char *authentication_results; /* the topmost; NULL */
    int64_t date;
};

struct store_again_result {
    bool written;                                   /* else nothing was to be gained */
    int64_t same, replaced, worse, fresh, conflict; /* reports, TLS policies, failure reports */
    int64_t records;                                /* of the replaced and the new ones */
    int64_t partial;                                /* of the replaced and the new ones, cut off */
    int64_t rejected;                               /* documents that still cannot be read */
    const char *class, *reason; /* of the first of them or of the first conflict */
};

struct store_again;

/* The payload behind an open reject. ERR_USAGE when there is none. */
int store_again_reject(
    struct store_again **out, struct store *s, int64_t reject, struct err *e) ERR_CHECKED;
void store_again_close(struct store_again *a); /* accepts NULL */
const struct store_kept *store_again_kept(const struct store_again *a);
int store_again_raw(struct store_again *a,
    int (*piece)(void *context, const void *bytes, size_t len, struct err *e), void *context,
    struct err *e) ERR_CHECKED;
struct sink *store_again_sink(struct store_again *a);
int store_again_go_on(struct store_again *a, bool *more, struct err *e) ERR_CHECKED;
const struct store_again_result *store_again_result(const struct store_again *a);

/* All payloads of what was stored since then (seconds), at least one thing of it with this grade or
 * a worse one. */
struct store_reparse;

struct store_reparse *store_reparse_new(struct store *s, int64_t since, enum grade grade);
void store_reparse_free(struct store_reparse *r); /* accepts NULL */
/* *out is NULL at the end. */
int store_reparse_next(
    struct store_reparse *r, struct store_again **out, struct err *e) ERR_CHECKED;

/* ---- reading ---- */

struct store_period {
    const char *client; /* NULL: all */
    const char *domain; /* this policy domain and those below it; NULL: all */
    int64_t from,
        to; /* days since 1970, both included; a report counts on the UTC day of its begin */
};

struct store_report_row {
    int64_t id;
    const char *client, *domain, *reporter, *org_name, *report_id;
    int64_t begin, end;
    const char *p, *sp, *adkim, *aspf;
    bool testing; /* t=y */
    int64_t records, messages;
    const char *grade;
    const char *notes; /* codes, comma-separated */
    enum trust trust;
    bool partial; /* cut off */
    bool counts;  /* neither partial nor left out as doubtful */
};

/* Without partial ones unless asked for; doubtful ones always. */
int store_reports(struct store *s, const struct store_period *p, bool with_partial,
    int (*row)(void *context, const struct store_report_row *r), void *context,
    struct err *e) ERR_CHECKED;

/*
 * Records that count, grouped by (client, domain, source address, the three verdicts, header_from
 * and authentication results, override reasons, reporter and the policy it saw), ordered by domain,
 * then source address. `auth` is the packed text of auth_results (store/auth.h).
 */
struct store_source_row {
    const char *client, *domain;
    struct addr source_ip;
    enum disposition disposition;
    enum verdict dkim, spf;
    const char *header_from, *envelope_from;
    const char *auth;
    const char *reasons; /* override reasons, packed, or NULL */
    const char *reporter;
    const char *p, *sp, *adkim, *aspf, *discovery_method; /* of the policy, as published then */
    int64_t records, messages; /* messages: at most 2^53, whatever reports claim */
    int64_t first, last;       /* begin of the first and last report */
};

int store_sources(struct store *s, const struct store_period *p,
    int (*row)(void *context, const struct store_source_row *r), void *context,
    struct err *e) ERR_CHECKED;

/* Messages of the records that count, day by day, each client by itself. */
struct store_day_row {
    int64_t day;
    int64_t messages, passed; /* passed: by DKIM or SPF aligned */
};

int store_days(struct store *s, const struct store_period *p,
    int (*row)(void *context, const struct store_day_row *r), void *context,
    struct err *e) ERR_CHECKED;

struct store_failure_row {
    int64_t id;
    const char *client, *domain, *reporter;
    int64_t arrival; /* -1: unknown */
    struct addr source_ip;
    const char *feedback_type, *auth_failure, *delivery_result;
    const char *original_mail_from; /* redacted as the operator decided */
    const char *dkim_domain, *dkim_selector;
    int64_t incidents;
    const char *grade;
    const char *notes; /* codes, comma-separated */
};

/* Ordered by domain and arrival. One counts on the day it arrived; if it does not say, on the day
 * it was read. */
int store_failures(struct store *s, const struct store_period *p,
    int (*row)(void *context, const struct store_failure_row *r), void *context,
    struct err *e) ERR_CHECKED;

/* One kind of failure of one policy of a TLS report; a policy without failures is one row, too. */
struct store_tls_row {
    int64_t id; /* of the policy: its rows stand together */
    const char *client, *domain, *reporter, *organization_name, *report_id;
    int64_t begin, end;
    int64_t payload; /* what it came in: the same for all policies of a report */
    const char *policy_type;
    int64_t successful, failed; /* sessions of the policy */
    const char *grade;
    const char *notes; /* codes, comma-separated */
    enum trust trust;
    bool counts;
    const char *result_type; /* NULL if there are no failures, or they have no type */
    int64_t sessions;        /* of this kind of failure */
};

/* Ordered by begin, reporter, report and policy. */
int store_tls(struct store *s, const struct store_period *p,
    int (*row)(void *context, const struct store_tls_row *r), void *context,
    struct err *e) ERR_CHECKED;

/*
 * What is stored, handed out as it came in: aggregate reports with their records, then failure
 * reports, then TLS reports, each client by client and day by day. What counts in no total (cut
 * off, or doubtful and left out) only if `all` is set. Of a TLS report that speaks of domains of
 * several clients each client gets its own policies. Of the sink only the calls for reports are
 * used.
 */
int store_export(struct store *s, const struct store_period *p, bool all, struct sink *sink,
    struct err *e) ERR_CHECKED;

/* ---- mailboxes: who reads which, and how it went ---- */

enum {
    STORE_HOLDER_MAX = 160
};

/*
 * A lease keeps two pollers from reading the same folder at the same time. It only saves work: what
 * both read all the same is stored once. It ends by itself, and whoever finds its holder dead may
 * name him in `over`.
 */
struct store_claim {
    const char *holder;
    int64_t seconds;
    const char *over; /* or NULL */
};

/* `other` is "" if the lease is ours now, else whose it is. */
int store_lease_take(struct store *s, const char *name, const struct store_claim *claim,
    char other[STORE_HOLDER_MAX], struct err *e) ERR_CHECKED;
/* All of a holder's. */
int store_lease_renew(
    struct store *s, const char *holder, int64_t seconds, struct err *e) ERR_CHECKED;
int store_lease_release(struct store *s, const char *holder, struct err *e) ERR_CHECKED;

struct store_poll {
    const struct err *failure; /* NULL: it went well */
    int64_t waiting;           /* messages that are still there to be read; -1: not known */
    const struct store_summary *summary;
};

/* Adds one poll to what is known of a mailbox. */
int store_mailbox_polled(struct store *s, const char *name, const char *folder,
    const struct store_poll *p, struct err *e) ERR_CHECKED;

struct store_mailbox {
    const char *name, *folder;
    int64_t polled_at;                             /* seconds, like all times here */
    int64_t succeeded_at, failing_since, error_at; /* -1: never, it is not */
    const char *error_class, *error_text;          /* of the last failure, or NULL */
    int64_t waiting;                               /* -1: not known */
    int64_t polls, failures;
    int64_t messages, stored, duplicate, conflict, not_a_report, partial, rejected;
    int64_t open_rejects; /* of the whole mailbox */
};

/* In order of name and folder. */
int store_mailboxes(struct store *s, int (*row)(void *context, const struct store_mailbox *m),
    void *context, struct err *e) ERR_CHECKED;

/* ---- deliveries: which report was mailed to whom ----
 *
 *   store_delivery_find -> store_delivery_begin -> "handed" -> "sent"
 *
 * A delivery is a client's report on a period for one recipient; it is sent once. Each step is
 * committed before the next is made, so that what a kill leaves behind says how far it came:
 * `intended`, the server has no mail; `handed`, it may have one, without our knowing. Both are
 * tried again, under the same Message-ID: rather a mail that comes twice, and says so, than none.
 */

enum delivery_state {
    DELIVERY_NONE,     /* nothing was tried */
    DELIVERY_INTENDED, /* an attempt was begun */
    DELIVERY_HANDED,   /* the server was about to have all of it; it has not said yes */
    DELIVERY_WAITING,  /* it failed for now */
    DELIVERY_SENT,     /* the server said yes */
    DELIVERY_REFUSED   /* the server said no, for ever */
};

const char *delivery_state_name(enum delivery_state s);

struct store_delivery {
    const char *client;
    int64_t from, to; /* days, both included */
    const char *recipient;
    enum delivery_state state;
    int64_t edition;  /* from 1 on: raised to send it once more all the same */
    int64_t attempts; /* so far */
    const char *message_id;
    int64_t changed_at, sent_at; /* seconds; sent_at -1: never */
    const char *reason;          /* of the last failure, or NULL */
};

/* Fills in state, edition and attempts by client, period and recipient. */
int store_delivery_find(struct store *s, struct store_delivery *d, struct err *e) ERR_CHECKED;
/* One more attempt, with the edition and message_id of *d, whose attempts are raised. ERR_TEMPORARY
 * delivery-taken when somebody else has tried since it was found. */
int store_delivery_begin(struct store *s, struct store_delivery *d, struct err *e) ERR_CHECKED;
/* What became of this attempt: d->state, d->reason. ERR_TEMPORARY delivery-taken as above. */
int store_delivery_settle(
    struct store *s, const struct store_delivery *d, struct err *e) ERR_CHECKED;

/* Those whose period has a day in common with this one, client by client. */
int store_deliveries(struct store *s, const struct store_period *p,
    int (*row)(void *context, const struct store_delivery *d), void *context,
    struct err *e) ERR_CHECKED;

/* ---- several readings of one moment ---- */

/* What is read between the two is as it was at the first, whatever others write. In between nothing
 * is written here. */
int store_read_begin(struct store *s, struct err *e) ERR_CHECKED;
void store_read_end(struct store *s);

/* ---- upkeep ---- */

/* Recounts what is stored against what is written about it; calls `fault` for each difference. */
int store_verify(struct store *s, void (*fault)(void *context, const char *what), void *context,
    int64_t *checked, struct err *e) ERR_CHECKED;

#endif
