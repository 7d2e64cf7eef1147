/*
 * What the files of the store share: the connection, ids, transactions, and who owns which domain.
 * Nobody else includes this.
 */
#ifndef STORE_CORE_H
#define STORE_CORE_H

#include "base/err.h"
#include "store/db.h"
#include "store/known.h"
#include "store/owners.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct behind;

/* No sum goes beyond 2^53: nobody has so much mail, and readers of JSON count wrong from there on.
 */
#define COUNT_SUM_MAX (INT64_C(1) << 53)

struct store {
    struct db_conn c;
    char *url;
    struct arena *texts;   /* of statements that are not in store/sql.c */
    struct behind *behind; /* store/behind.h; NULL as long as nobody needs it */
    int version;
    struct store_policy policy;
    bool in_transaction;
    bool reading;            /* from store_read_begin to store_read_end */
    struct err read_failure; /* the first in there, class 0: none */
    struct known *known;

    struct owners *owners; /* as of owners_version */
    int64_t owners_version;

    int64_t next_id;
    int64_t ids_left;
    bool ids_uncommitted; /* the block was taken inside the open transaction */
};

/* A writing transaction; the owners in memory are those of its start. */
int store_begin(struct store *s, struct err *e) ERR_CHECKED;
/* An error means unknown (store/db.h). Either way the transaction is over. */
int store_commit(struct store *s, struct err *e) ERR_CHECKED;
void store_rollback(struct store *s);
/* Commits if `got` is 0, else rolls back and returns it. */
int store_end(struct store *s, int got, struct err *e) ERR_CHECKED;

/*
 * To be called last before store_commit by a transaction that wrote rows under a client: holds the
 * owners' counter until the commit and fails with ERR_TEMPORARY if somebody has assigned domains
 * since store_begin. store_owners_change is the other side, called first.
 */
int store_owners_hold(struct store *s, struct err *e) ERR_CHECKED;
int store_owners_change(struct store *s, struct err *e) ERR_CHECKED;
/* Reads the owners again if they have changed, also by this transaction. */
int store_owners_refresh(struct store *s, struct err *e) ERR_CHECKED;

/* The next free id. Ids are taken in blocks, in a transaction of their own where none is open, and
 * are unique over all tables. */
int store_take_id(struct store *s, int64_t *id, struct err *e) ERR_CHECKED;

/* From now on so many ids are there without asking the database. Outside transactions. */
int store_have_ids(struct store *s, int64_t n, struct err *e) ERR_CHECKED;

/* A query; `row` is called for each row while the statement is open and may not use the database.
 * What it returns other than 0 ends the reading and is the result. */
struct query {
    const char *sql;
    const struct db_value *values;
    size_t n;
    int (*row)(void *context, struct store *s, struct db_stmt *stmt);
    void *context;
};

/* After a failure nothing can be read of the same moment any more. Whoever asks on, because he did
 * not mind it, is told what it was. */
bool store_read_failed(const struct store *s, struct err *e);

int store_query(struct store *s, const struct query *q, struct err *e) ERR_CHECKED;

/* Of the current row; the text is valid until the next step, NULL for NULL. */
const char *store_text(const struct store *s, const struct db_stmt *stmt, int column);
int64_t store_int(const struct store *s, const struct db_stmt *stmt, int column); /* 0 for NULL */

/* A copy of a text that lives as long as the store: what is prepared has to. */
const char *store_text_kept(struct store *s, const char *text);

/* The bytes of a raw payload, in pieces, as they came. */
struct raw_payload {
    int64_t client, payload;
    bool packed;
};

int store_raw(struct store *s, const struct raw_payload *r,
    int (*piece)(void *context, const void *bytes, size_t len, struct err *e), void *context,
    struct err *e) ERR_CHECKED;

/* By the name that is stored; DELIVERY_NONE if it is none. */
enum delivery_state store_delivery_state(const char *name);

/* A sum of counts that comes in halves (high * 2^20 + low), at most COUNT_SUM_MAX. */
int64_t store_sum(int64_t high, int64_t low);

/*
 * A text fit for an index: PostgreSQL takes no key above 2.7 KB, and a report's id may be 2 KB
 * alone. What is longer than 400 bytes keeps its beginning and gets a hash of the whole.
 */
const char *store_key_text(struct arena *a, const char *s);
bool store_key_is_cut(const char *key);

#endif
