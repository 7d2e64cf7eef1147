/*
 * Mails taken apart with GMime: every leaf part, decoded by its transfer encoding, whatever it
 * calls itself. Attached mails (message/rfc822, in base64 too, and .eml files) are opened, bounded
 * in depth; the mail that a failure report, a bounce or an automatic reply returns is not, because
 * anyone can put a forged report into a mail that bounces.
 */
#ifndef INGEST_MAIL_H
#define INGEST_MAIL_H

#include "base/arena.h"
#include "base/blob.h"
#include "base/err.h"
#include "parse/failure.h"
#include "parse/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mail_class {
    MAIL_ORDINARY,
    MAIL_BOUNCE,  /* delivery-status (RFC 3464), or X-Failed-Recipients; its parts are left out */
    MAIL_RECEIPT, /* disposition-notification (RFC 8098); its parts are left out */
    MAIL_AUTO_REPLY,     /* Auto-Submitted: auto-replied (RFC 3834) and its older relatives */
    MAIL_FAILURE_REPORT, /* ARF, or a known text-only failure report: see `failures` */
    MAIL_ENCRYPTED,      /* S/MIME or PGP */
    MAIL_SIGNED_OPAQUE   /* S/MIME with the contents inside the signature */
};

struct mail_part {
    const char *
        name; /* declared file name, decoded (RFC 2231, RFC 2047), without folders, safe; or NULL */
    const char *media_type; /* "application/gzip", lower case */
    struct blob bytes;      /* decoded, in memory */
    bool damaged;           /* its base64 had foreign characters in it */
};

struct mail {
    enum mail_class class;
    /* of the outermost mail; decoded, valid UTF-8, without controls, at most LIMIT_FIELD bytes;
     * NULL: not there */
    const char *from, *to, *subject, *message_id, *date_sent;
    const char *authentication_results; /* the topmost */
    const char *from_sent;              /* not decoded */
    const char **authentications;       /* all of them, topmost first, not decoded, up to some
                                           number */
    size_t n_authentications;
    int64_t date; /* -1: none or unreadable */
    /* leaves, depth first, attached mails' parts included; none of a mail that is a failure report
     */
    struct mail_part *parts;
    size_t n_parts;
    /* for MAIL_FAILURE_REPORT: one, or several if the mail has more feedback-report parts or has
     * such mails attached */
    struct failure_parts *failures;
    size_t n_failures;
};

/* All of *out lives in the arena. ERR_INPUT tags: limit-entries, limit-nesting, limit-size,
 * empty. */
int mail_read(const struct blob *bytes, const struct limits *limits, struct arena *a,
    struct mail *out, struct err *e) ERR_CHECKED;

#endif
