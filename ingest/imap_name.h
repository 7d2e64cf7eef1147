/*
 * Folder names as IMAP4rev1 wants them: modified UTF-7 (RFC 3501 section 5.1.3), the server's own
 * hierarchy delimiter, and quoted strings.
 */
#ifndef INGEST_IMAP_NAME_H
#define INGEST_IMAP_NAME_H

#include "base/buf.h"
#include "base/err.h"

struct arena;

enum {
    IMAP_PREFIX_MAX = 100
};

/* How a server names folders. */
struct imap_names {
    char delimiter;               /* between the levels; '\0': it has no levels */
    char prefix[IMAP_PREFIX_MAX]; /* of all folders of the user but INBOX, on the wire: "INBOX." */
};

/*
 * Appends the wire form of a folder name given in UTF-8, where "/" stands for the hierarchy
 * delimiter ('\0': the server has none, and "/" stays). ERR_CONFIG, tag folder-name: not UTF-8,
 * control characters, empty or too long.
 */
int imap_name_encode(struct buf *out, const char *name, char delimiter, struct err *e) ERR_CHECKED;

/* The same, quoted, and with the server's prefix unless it is there already. */
int imap_name_wire(struct arena *a, const char *name, const struct imap_names *names,
    const char **out, struct err *e) ERR_CHECKED;

/* Appends a quoted string. -1: it has a character that cannot be quoted (CR, LF and other
 * controls), or is too long. */
int imap_quote(struct buf *out, const char *s);

#endif
