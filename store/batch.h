/*
 * What waits for the next commit: messages, and in them reports with their records, payloads,
 * rejects. Built by the sink (writer.c) with the help of encode.c, written by items.c, below.c,
 * ledger.c and flush.c.
 *
 * A raw payload that is in the store already can be read again (struct again): once only to look
 * what would come of it, and once more to write it, if anything is to be gained.
 *
 * Nothing here knows a client yet: a domain's owner is looked up in the transaction that writes the
 * row, which is why column 0 of every row, client_id, is filled in last.
 */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "base/arena.h"
#include "parse/flow.h"
#include "store/core.h"
#include "store/digest.h"
#include "store/payload.h"
#include "store/store.h"

enum {
    REPORT_COLUMNS = 37,
    FAILURE_COLUMNS = 34,
    TLS_COLUMNS = 25,
    RECORD_COLUMNS = 13,
    TLS_FAILURE_COLUMNS = 11,
    CHILD_COLUMNS_MAX = RECORD_COLUMNS,
    AUTH_BUCKETS = 4096 /* a power of two */
};

/* A table that is loaded in bulk. */
struct table {
    const char *name;
    const char *const *columns;
    const enum db_type *types;
    size_t n;
};

extern const struct table table_record, table_tls_failure;

/* Reports, failure reports and TLS policies are written alike: one row with an identity, and
 * perhaps rows below it. */
struct item_kind {
    const char *insert;
    const char *find; /* id, digest, state by the columns 0 and 2 to 2 + n_identity */
    size_t n_identity;
    size_t n_columns;             /* the last two: payload and stored_at */
    const struct table *children; /* or NULL */

    const char *whole;  /* all columns by client and id */
    const char *below;  /* children of client and id behind a number, some at a time; or NULL */
    const char *remove; /* by client and id */
    int digest, grade;  /* columns */
    int records, uid, trust; /* columns, or 0 */
};

extern const struct item_kind item_report, item_failure, item_tls;

enum fate {
    FATE_WAITING,
    FATE_NEW,
    FATE_DUPLICATE,
    FATE_CONFLICT,
    FATE_COMPARE /* a report that is still being streamed in has a stored namesake: judged at its
                    end, by its digest */
};

/* A distinct set of identifiers and authentication results of this batch. */
struct auth {
    struct auth *next; /* in the bucket */
    struct hash128 key;
    unsigned char id[AUTH_ID_BYTES];
    const char *header_from, *envelope_from, *results;
    int64_t client; /* the last one it was queued or found for in this transaction */
};

struct child {
    struct child *next;
    struct auth *auth; /* records only */
    struct db_value values[CHILD_COLUMNS_MAX];
};

struct payload {
    struct payload *next;
    int64_t id;
    int64_t client; /* of its first report */
    const char *name, *container;
    unsigned char sha256[32];
    uint64_t bytes;
    bool packed;
    bool has_items, has_rejects;
    bool wanted; /* something new in it, or something to look at */
    bool kept;   /* it is the one that is read again: in the store already */
    bool written;
    struct chunk *chunks, **chunks_end;
};

struct chunk {
    struct chunk *next;
    int64_t seq;
    const void *bytes;
    size_t len;
};

struct item {
    struct item *next;
    const struct item_kind *kind;
    struct payload *payload;
    const char *domain;
    int64_t id, client;
    struct db_value *values;                       /* kind->n_columns */
    struct db_value *forms[FAILURE_DATA_FULL + 1]; /* failure reports: the values by what is kept */
    enum failure_data data;                        /* which of them it is */
    struct digest sum;
    unsigned char digest[DIGEST_BYTES];
    struct digest rows; /* what its children were, when it is only looked at */
    int64_t records, messages;
    bool open;     /* between aggregate_begin and aggregate_end */
    int64_t aside; /* the partial report whose place it has until its own end is seen; 0: none */
    bool partial;
    bool counted; /* its fate is in the message's counts */
    enum fate fate;
    struct child *children, **children_end;
};

struct reject {
    struct reject *next;
    int64_t id;
    struct payload *payload;
    int64_t report_id; /* a partial report: 0 for none */
    const char *document, *class, *reason;
    bool replaced; /* the partial report has given way to a complete one in this transaction */
};

struct counts {
    int64_t reports_new, reports_duplicate, reports_conflict, reports_partial, reports_rejected;
    int64_t records;
    int64_t others_new, others_known;
    int64_t tls_new, failures_new;
};

struct message {
    struct message *next;
    uint64_t number; /* the source's own, for `committed` */
    int64_t id;
    const char *source, *key, *name, *from, *subject, *mail_id, *authentication_results;
    unsigned char sha256[32];
    bool has_sha256;
    uint64_t bytes;
    int64_t date;

    bool skipped;    /* known before: nothing in it was read */
    bool record;     /* belongs into the ledger */
    bool is_failure; /* its From and Subject are somebody's */
    struct trust_evidence evidence;
    enum outcome verdict; /* intake's; after judging, the store's */
    const char *class, *reason;
    struct counts parsed; /* rejects, and what a skipped message is known to hold */
    struct counts counts; /* parsed and the fates of its items */
    enum outcome outcome;
    enum message_kind kind;

    struct item *items, **items_end;
    struct payload *payloads, **payloads_end;
    struct reject *rejects, **rejects_end;
    struct reject *derived, **derived_end; /* conflicts and partial reports, found while writing */
};

struct writer {
    struct sink sink; /* first: a struct sink * is a struct writer * */
    struct store *store;
    struct store_writer_settings settings;
    struct store_summary summary;
    struct packer *packer;

    struct arena *heads; /* messages, items, payloads, rejects: until the commit */
    struct arena *rows;  /* records, chunks, authentication sets: until they are in the database */
    struct arena *scratch;
    struct buf text;
    unsigned char redact_key[REDACT_KEY_BYTES];
    struct auth **auths; /* AUTH_BUCKETS */

    struct message *messages, **messages_end; /* complete */
    unsigned n_messages;
    struct message *message; /* open, not in the list; or NULL */
    struct item *report;     /* open */
    struct payload *payload; /* open */
    struct blob payload_blob;
    struct again *again; /* a kept payload is read again; or NULL */
    int failures;        /* failure reports in the open payload */

    /* The batch that is committed while the next one is read (store/behind.h): a writer that has
     * nothing but the messages of it. NULL as long as there was none. */
    struct writer *ahead;
    bool flying;      /* `ahead` was handed over, and nobody has been told what became of it */
    int result;       /* of flush_batch */
    struct err error; /* likewise */
    bool streaming;   /* a transaction is open that holds a part of the open message */
};

/* ---- encode.c: from the model to rows ---- */

/* A report's identity, and values that will do until encode_report. */
void encode_identity(struct writer *w, struct item *i, const struct aggregate_report *r);
int encode_report(
    struct writer *w, struct item *i, const struct aggregate_report *r, struct err *e) ERR_CHECKED;
int encode_record(
    struct writer *w, struct item *i, const struct aggregate_record *r, struct err *e) ERR_CHECKED;
int encode_failure(
    struct writer *w, struct item *i, const struct failure_report *r, struct err *e) ERR_CHECKED;
int encode_tls(struct writer *w, struct item *i, const struct tls_report *r, size_t policy,
    struct err *e) ERR_CHECKED;

/* ---- items.c: inside the transaction ---- */

/* What has the identity of an item. */
struct stored {
    bool found;
    int64_t id;
    bool same; /* equal digests */
    bool partial;
};

/* The item's client must be known. */
int items_find(
    struct writer *w, const struct item *i, struct stored *out, struct err *e) ERR_CHECKED;

/* Writes what the messages from `first` to the end of the list hold, and sets the items' fates and
 * the messages' counts. */
int items_write(struct writer *w, struct message *first, struct err *e) ERR_CHECKED;
/* The last word on a report that was streamed, after its last records are written. */
int items_finish_report(
    struct writer *w, struct message *m, struct item *i, struct err *e) ERR_CHECKED;

/*
 * What may be kept of a payload, or of the message's header (NULL): as the failure reports in it
 * say, once they are written; of one that could not be read, and so has no owner, the least that is
 * configured for anybody.
 */
enum failure_data items_data(
    const struct writer *w, const struct message *m, const struct payload *p);
/* Could that come out for some failure report? */
bool items_may_keep(const struct writer *w, enum failure_data data);
/* A failure report's values, when its client is known. */
int items_choose_form(struct writer *w, struct item *i, struct err *e) ERR_CHECKED;

/* ---- below.c: inside the transaction ---- */

/* Authentication sets, records, TLS failures of the items that are new, and the payloads that are
 * wanted; after the items. */
int below_write(struct writer *w, struct message *first, struct err *e) ERR_CHECKED;
/* A payload straight from its blob, if it is wanted; its items must be written. */
int below_write_blob(
    struct writer *w, struct payload *p, const struct blob *b, struct err *e) ERR_CHECKED;

/* ---- ledger.c: inside the transaction ---- */

/* Judges each message and writes it and its rejects. */
int ledger_write(struct writer *w, struct message *first, struct err *e) ERR_CHECKED;

/* ---- flush.c ---- */

/* Commits the complete messages and calls `committed` for each, also for those that were handed
 * over. After an error nothing waits any more, not even the open message. */
int flush_messages(struct writer *w, struct err *e) ERR_CHECKED;
/* The same, but the complete messages are handed over where that can be. */
int flush_ahead(struct writer *w, struct err *e) ERR_CHECKED;
/* Tells of the batch that was handed over, if it is committed; `wait`: waits for that. */
int flush_land(struct writer *w, bool wait, struct err *e) ERR_CHECKED;
/* What the other thread does with a batch: the answer is in its `result` and `error`. */
void flush_batch(struct writer *batch);
struct writer *flush_writer_new(struct store *s, const struct store_writer_settings *set);
void flush_writer_free(struct writer *w); /* accepts NULL */
/*
 * Opens a transaction for the open message (the complete ones are committed first) unless it has
 * one, and writes what has come of it: from here on it takes no more memory, and cannot be repeated
 * from memory either.
 */
int flush_stream(struct writer *w, struct err *e) ERR_CHECKED;
/* Ends the transaction of a streamed message. */
int flush_streamed(struct writer *w, struct err *e) ERR_CHECKED;
void flush_drop(struct writer *w);        /* forgets everything that waits */
void flush_forget_rows(struct writer *w); /* records, chunks, authentication sets */

/* ---- again.c: a kept payload is read again ---- */

/* What becomes of a report that was read again; the better answer is the later one. */
enum again_verdict {
    AGAIN_WORSE,    /* today it would be read less well: the stored one stays */
    AGAIN_CONFLICT, /* another payload's report has the identity, and other content: that one stays
                     */
    AGAIN_SAME,
    AGAIN_REPLACED,
    AGAIN_NEW
};

struct again_report {
    struct hash128 identity;
    const struct item_kind *kind;
    enum again_verdict verdict;
    int64_t client, stored; /* the one that is there; 0: none */
    const char *domain, *uid;
    unsigned char digest[DIGEST_BYTES];
    const char *trust; /* of the same payload's earlier one; or NULL */
    enum grade grade;
    int64_t records;
};

/* A report that is known to have come from the payload. */
struct again_source {
    const struct item_kind *kind;
    int64_t client, id;
    bool met; /* it was found again by its identity */
};

struct again {
    struct arena *arena;
    struct raw_payload raw;
    unsigned char sha256[32];
    struct again_source *sources;
    size_t n_sources;
    int64_t message, rejects; /* documents of it that are open rejects, and whose they are */

    bool looking; /* the first reading: nothing is written */
    struct again_report *reports;
    size_t n_reports;
    struct digest reading; /* of what was read the first time */
    bool wanted;           /* there is something to be gained */
    struct store_again_result result;
};

bool again_looks(const struct writer *w);
void again_adopt(const struct again *a, struct payload *p);
void again_forget_rows(struct writer *w);
int again_look_at(struct writer *w, struct item *i, struct err *e) ERR_CHECKED;
int again_end_looking(struct writer *w, const struct message *m, struct err *e) ERR_CHECKED;
/* Was it decided that the stored report stays as it is? */
bool again_keeps(const struct writer *w, int64_t id);
/* Who sent the payload is judged once: when it came. */
void again_keep_trust(struct writer *w, struct item *i);
/* First in the transaction: what gives way. */
int again_make_room(struct writer *w, struct err *e) ERR_CHECKED;
/* Last in it: what is being written must be what was looked at. */
int again_check(struct writer *w, const struct message *m, struct err *e) ERR_CHECKED;
/* The database refuses it: told as a reject that stays one. */
void again_refused(struct writer *w, const struct err *why);

/* A new one at the end of a list. */
struct reject *reject_append(struct arena *a, struct reject ***end);

#endif
