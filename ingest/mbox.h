/*
 * An mbox split into its mails, one at a time, however large it is: mboxo and mboxrd (RFC 4155 and
 * its relatives). A mail begins at a line "From ADDRESS DATE" at the start or after an empty line;
 * one ">" is taken off ">From " lines.
 */
#ifndef INGEST_MBOX_H
#define INGEST_MBOX_H

#include "base/blob.h"
#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mbox {
    struct blob bytes;
    uint64_t at;           /* of the next byte to read into the window */
    unsigned char *window; /* of which from .. to are still to be taken */
    size_t from, to;
    bool in_line; /* the window starts inside of a line */
};

struct mbox_mail {
    uint64_t offset; /* of its "From " line */
    uint64_t
        too_large; /* not 0: so many bytes, more than the buffer takes; then the buffer is empty */
};

/* The bytes must begin with "From ". */
void mbox_open(struct mbox *m, struct blob bytes);
void mbox_close(struct mbox *m); /* may be closed already */

/* 1 with the mail, without its "From " line, in the buffer (whose ceiling is the limit); 0 at the
 * end; or an error. */
int mbox_next(struct mbox *m, struct buf *mail, struct mbox_mail *info, struct err *e) ERR_CHECKED;

#endif
