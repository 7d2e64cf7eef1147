/*
 * What becomes of an IMAP folder's mails when they are done: moved by MOVE (RFC 6851), else by
 * COPY, \Deleted and UID EXPUNGE (RFC 4315); deleted; flagged; or left. Only mails that were named
 * here are ever removed: on a server without UIDPLUS they stay behind, marked \Deleted, because a
 * plain EXPUNGE would take other clients' deletions with it. A connection that breaks between COPY
 * and EXPUNGE leaves a second copy where the mail went, never none.
 */
#ifndef INGEST_IMAP_FILING_H
#define INGEST_IMAP_FILING_H

#include "base/err.h"
#include "ingest/imap_session.h"
#include "ingest/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct imap_filing;

/* *set must stay valid. */
struct imap_filing *imap_filing_new(const struct imap_settings *set);
void imap_filing_free(struct imap_filing *f); /* accepts NULL */

/* Is anything to be changed in the folder? */
bool imap_filing_changes(const struct imap_settings *set);

/* Makes names for the wire out of the settings'; `folder` is the quoted name of the folder the
 * mails are in. ERR_CONFIG, folder-name: a mail would be moved to where it is. */
int imap_filing_names(struct imap_filing *f, const struct imap_names *names, const char *folder,
    struct err *e) ERR_CHECKED;

/* Such a mail stays where it is, but must it still be flagged, having these flags? */
bool imap_filing_lacks_flag(const struct imap_filing *f, enum message_kind kind, const char *flags);

/* A mail that is marked \\Deleted, with these flags: was it done before, and only the removal is
 * left to do? Then the next flush does it. */
void imap_filing_finish(struct imap_filing *f, uint32_t uid, const char *flags);

void imap_filing_add(struct imap_filing *f, uint32_t uid, enum message_kind kind);

/* Does what waits. After an error the rest still waits. ERR_TEMPORARY: archive-failed, refused, and
 * whatever breaks a session. */
int imap_filing_flush(struct imap_filing *f, struct imap_session *s, struct err *e) ERR_CHECKED;

/* Appends "5:9,12" of sorted UIDs, at most as many as one command can name. Returns how many of
 * them these are. */
size_t imap_ranges(struct buf *out, const uint32_t *uids, size_t n);

#endif
