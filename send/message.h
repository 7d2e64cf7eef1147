/*
 * A mail of ours (RFC 5322, RFC 2045 and following): one text in several forms, and attachments.
 * The same input gives the same bytes. Thread-safe.
 */
#ifndef SEND_MESSAGE_H
#define SEND_MESSAGE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct message_part {
    const char *media_type; /* "text/plain"; the bytes of text/... are UTF-8 */
    const char *name;       /* of an attachment, ASCII; NULL: a form of the text, plainest first */
    const void *bytes;
    size_t len;
};

/* Addresses are those of message_address. Everything else may be any text: what is not fit for a
 * header is replaced or encoded (RFC 2047). */
struct message {
    const char *from, *to;
    const char *from_name; /* or NULL */
    const char *reply_to;  /* or NULL */
    const char *subject;
    const char *id; /* of message_id */
    int64_t date;   /* seconds since 1970 */
    const struct message_part *parts;
    size_t n_parts; /* at least one form of the text */
};

/* Adds the mail as it goes over the wire: lines end with CR LF and have at most 998 bytes (RFC 5321
 * 4.5.3.1.6), all is ASCII. ERR_INPUT mail-too-large when it is beyond the buffer's ceiling. */
int message_write(const struct message *m, struct buf *out, struct err *e) ERR_CHECKED;

/*
 * An address as SMTP takes it without extensions (RFC 5321 4.1.2): ASCII letters, digits and the
 * usual signs before the @, at most 64 of them and no quotes; a domain name behind it, which is
 * normalised (base/text.h). NULL when it is no such address.
 */
const char *message_address(struct arena *a, const char *text);

/*
 * A Message-ID, without brackets, that is the same for the same words: their hash, at the domain of
 * the address `from`. Whoever gets a mail twice can see by it that it is the same one.
 */
const char *message_id(struct arena *a, const char *from, const char *const *words, size_t n_words);

#endif
