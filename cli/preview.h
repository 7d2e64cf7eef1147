/*
 * What `poll --dry-run` makes of a mailbox: a sink that stores nothing and counts what would become
 * of its mails.
 */
#ifndef CLI_PREVIEW_H
#define CLI_PREVIEW_H

#include "cli/config.h"
#include "cli/run.h"
#include "parse/flow.h"

#include <stdbool.h>
#include <stdint.h>

struct preview {
    struct sink sink; /* first */
    const struct config_mailbox *mailbox;
    bool verbose; /* say it of each mail */
    int64_t messages[MESSAGE_KINDS];

    char name[200]; /* of the message that is being read */
    bool has_aggregate, has_failure;
};

void preview_init(struct preview *p, const struct config_mailbox *m, bool verbose);

/* On standard output; why: what ended it early, or NULL. */
void preview_print(const struct preview *p, enum run_format format, const struct err *why);

#endif
