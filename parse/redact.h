/*
 * How much of a failure report is kept. Such a report is about one message, and its fields name the
 * people who wrote and received it (RFC 6591 section 6, RFC 9991); what of that is stored is the
 * operator's choice.
 *
 * Replacing a local part by a keyed hash is the way of RFC 6590: equal people stay equal, and
 * nobody without the key can try names.
 */
#ifndef PARSE_REDACT_H
#define PARSE_REDACT_H

#include "parse/model.h"

#include <stdbool.h>

struct arena;

/* Ordered: a later one keeps more. */
enum failure_data {
    FAILURE_DATA_NONE,    /* counters and authentication facts: no address, no header field */
    FAILURE_DATA_HEADERS, /* header fields, with hashes for local parts, names and subjects */
    FAILURE_DATA_FULL     /* everything, the message as it came too */
};

const char *failure_data_name(enum failure_data data); /* "none", "headers", "full" */
bool failure_data_parse(const char *name, enum failure_data *out);

enum {
    REDACT_KEY_BYTES = 32,
    REDACT_HASH_DIGITS = 12
};

struct redactor {
    struct arena *arena; /* of the results */
    enum failure_data data;
    unsigned char key[REDACT_KEY_BYTES];
};

/*
 * All of these take NULL and may return their argument.
 *  - redact_hash: the first 12 hexadecimal digits of HMAC-SHA256, in lower case.
 *  - redact_text, of any field: the local part of each address is hashed, case apart, login names
 *    too; a URL keeps its host. With FAILURE_DATA_NONE an address keeps its domain alone, and
 *    comments go.
 *  - redact_mailboxes, of From, To and their kin: "hash@domain, ..."; display names and comments
 *    go. NULL with FAILURE_DATA_NONE.
 *  - redact_subject: its hash; NULL with FAILURE_DATA_NONE.
 */
const char *redact_hash(const struct redactor *r, const char *text, size_t len);
const char *redact_text(const struct redactor *r, const char *text);
const char *redact_mailboxes(const struct redactor *r, const char *text);
const char *redact_subject(const struct redactor *r, const char *text);

/* *out is a copy that may point into `from`. */
void redact_failure(
    const struct redactor *r, const struct failure_report *from, struct failure_report *out);

#endif
