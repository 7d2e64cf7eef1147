/*
 * One folder of a mailbox, as poller.c has it polled. Nobody else includes this.
 */
#ifndef CLI_UNIT_H
#define CLI_UNIT_H

#include "cli/config.h"
#include "cli/credential.h"
#include "cli/gate.h"
#include "cli/mailbox.h"
#include "cli/poller.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum {
    LEASE_SECONDS = 300 /* several times as long as they are renewed after */
};

struct poller;

/* A folder of a mailbox. */
struct unit {
    struct poller *p;
    const struct config_mailbox *config;
    const char *folder;
    bool only;                     /* the mailbox has no other */
    struct credential *credential; /* shared by the mailbox's folders */
    struct mailbox_open how;

    pthread_t thread;
    bool started, finished; /* under the poller's lock */
    atomic_int_least64_t alive_ms;
    atomic_uint_least64_t read, waiting; /* messages: were read, are still to be read */
    unsigned failed;                     /* times in a row */
    bool leased_out;                     /* somebody else reads it; was said */
    bool took_over;                      /* from somebody who died */

    bool rejected, interrupted;
    int failure; /* exit status */
};

struct poller {
    const struct poller_settings *set;
    const struct config *config;
    struct unit *units;
    size_t n_units;
    struct credential **credentials; /* by mailbox of the configuration */
    struct store *store;
    struct gate gate; /* of the store, and of everything that reads messages */
    char holder[STORE_HOLDER_MAX];

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a unit has finished, or all are asked to */
    atomic_bool warning;    /* somebody is being told */
    atomic_bool dirty;      /* the metrics are older than the store */
    bool watched;           /* somebody sees how it goes on */
    int64_t start_ms, renewed_ms, metrics_ms, watched_ms, stop_ms;
    struct config *fresh;

    pthread_t keeper, warner;
    bool kept, warned; /* they run */
    bool over;         /* it is to end */
};

/* u->config, folder, only and credential are there; this fills in the rest. */
void unit_init(struct unit *u);

/* Polls the unit that it is given, once or until it is time to end: a thread's function. */
void *unit_main(void *context);

/* So many milliseconds from now, of the clock that p->changed waits by. */
struct timespec unit_after(int64_t ms);

#endif
