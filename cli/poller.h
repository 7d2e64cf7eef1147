/*
 * Mailboxes into the store, once or for ever. Each folder has a thread and a connection of its own,
 * so that one that is slow or away keeps no other waiting. The store is one for all and used by one
 * thread at a time: whoever reads or stores a message holds the gate, whoever waits for a server
 * does not.
 */
#ifndef CLI_POLLER_H
#define CLI_POLLER_H

#include "base/err.h"
#include "cli/cmd.h"
#include "cli/run.h"

#include <stdbool.h>
#include <stddef.h>

struct poller_settings {
    struct app *app;
    char **names; /* of mailboxes; none: all of the configuration */
    size_t n_names;
    enum run_format format;
    bool dry_run; /* say what would be done, touch nothing */
    bool watch;   /* go on until asked to end */
};

/*
 * Returns as struct command's run(). With `watch`: 0 after SIGINT or SIGTERM, which end it within a
 * second: what is being read then is not stored, and read again the next time. *fresh is the
 * configuration to go on with after a SIGHUP, else NULL; one that cannot be read is said and left
 * alone.
 */
int poller_run(const struct poller_settings *set, struct config **fresh, struct err *e) ERR_CHECKED;

#endif
