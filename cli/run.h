/*
 * Messages through the flow: source -> intake -> sink, until the source has no more, something
 * fails that is not a message's fault, or the operator says stop.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/gate.h"
#include "ingest/source.h"
#include "parse/limits.h"
#include "store/store.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

struct json;

enum {
    RUN_OUTCOMES = OUTCOME_DEFERRED + 1
};

/* How a run went. */
struct run {
    const char *name;   /* of the mailbox; "" for files */
    const char *folder; /* NULL: the mailbox's only one */
    const struct limits *limits;
    unsigned batch_messages; /* into the store with one commit */
    bool verbose;            /* say how each message ended */
    /* Held while a message is read and stored, but not while the source is waited for: so several
     * threads can use one store. NULL: there is one thread. */
    struct gate *gate;
    /* How many messages were read, and how many are known to be still there; or NULL. */
    atomic_uint_least64_t *read, *waiting;
    int64_t outcomes[RUN_OUTCOMES]; /* what intake found */
    int64_t rejected;               /* documents, also in messages that count as stored */
    int64_t unreadable;             /* files that could not even be opened */
    bool interrupted;               /* SIGINT or SIGTERM came; what was begun was finished */
};

/* From now on SIGINT and SIGTERM end a run after the message that is being read; a server that is
 * waited for has a second left, see struct imap_settings. A second signal kills. */
void run_catch_signals(void);
bool run_asked_to_stop(void);

/* For a program that goes on: all runs end as if a signal had come, until it is taken back. */
void run_halt(bool yes);
bool run_asked_to_end(void); /* by a signal */

/* From now on SIGHUP is noted; true once for each time it came. */
void run_catch_hangup(void);
bool run_took_hangup(void);

/* All messages of the source into the sink. Nothing is told to the source. */
int run_into_sink(struct run *r, struct source *from, struct sink *to, struct err *e) ERR_CHECKED;

/*
 * All messages of the source into the store; each is told to the source as done once it is
 * committed, and the source is flushed after each commit. *summary says what was committed, also
 * after an error.
 */
int run_into_store(struct run *r, struct source *from, struct store *to,
    struct store_summary *summary, struct err *e) ERR_CHECKED;

/*
 * Was some of the input not taken in whole? Then the exit status is 65. s: what a store made of it,
 * which also remembers what it rejected before; NULL without a store.
 */
bool run_rejected(const struct run *r, const struct store_summary *s);

enum run_format {
    RUN_TEXT,
    RUN_JSON
};

int run_format_parse(const char *name, enum run_format *out, struct err *e) ERR_CHECKED;

/* The summary of one run, on standard output; failure: what ended it early, or NULL. */
void run_print(const struct run *r, const struct store_summary *s, enum run_format format,
    const struct err *failure);

#endif
