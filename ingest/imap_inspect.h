/*
 * Tries every step of reading a mailbox, one after the other, and changes nothing.
 */
#ifndef INGEST_IMAP_INSPECT_H
#define INGEST_IMAP_INSPECT_H

#include "base/err.h"
#include "ingest/source.h"

/*
 * `good` is called for each step that went well: "connect", "login", "folder", "archive", "server",
 * with what was found. Errors are those of source_imap_open().
 */
int imap_inspect(const struct imap_settings *set,
    void (*good)(void *context, const char *step, const char *found), void *context,
    struct err *e) ERR_CHECKED;

#endif
