/*
 * Fields of a mail header (RFC 5322): blocks of fields, encoded words (RFC 2047), lists of
 * addresses. All results live in the arena, are valid UTF-8 without NUL, and are bounded by the
 * limits below.
 */
#ifndef PARSE_HEADER_H
#define PARSE_HEADER_H

#include "base/arena.h"
#include "parse/model.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    HEADER_FIELDS_MAX = 1000,
    HEADER_VALUE_MAX = 64 * 1024,
    HEADER_MAILBOXES_MAX = 100
};

struct header_block {
    struct header_field *fields; /* values unfolded and trimmed, not decoded */
    size_t n;
    size_t body;     /* offset of the first byte behind the empty line, or len */
    bool cut;        /* there were more fields, or a longer value, than is kept */
    bool recoded;    /* some bytes were not UTF-8 (charset_repair) */
    bool junk_lines; /* lines that are no fields were skipped */
};

enum header_end {
    HEADER_ENDS_AT_EMPTY_LINE, /* a mail */
    HEADER_ENDS_WITH_BYTES     /* a part that has nothing but fields: empty lines are passed over */
};

/* Some bytes as a string: repaired, trimmed, NUL made a space, at most HEADER_VALUE_MAX bytes read.
 * Sets *recoded or leaves it. */
char *header_text(struct arena *a, const char *bytes, size_t len, bool *recoded);

/* Never fails. Lines may end in CRLF, LF or CR; names are matched without case and kept as they
 * came. */
void header_read(
    struct arena *a, const char *bytes, size_t len, enum header_end end, struct header_block *out);

/* The first field of that name, without regard to case; NULL if there is none. */
const char *header_find(const struct header_field *fields, size_t n, const char *name);

/* Encoded words replaced by what they mean. */
const char *header_decode(struct arena *a, const char *value);

struct mailbox {
    const char *display_name; /* decoded; NULL when there is none */
    const char *address;
};

/* The mailboxes of From, To and their kin; groups are flattened. Broken lists give what can be
 * read. */
size_t header_mailboxes(struct arena *a, const char *value, struct mailbox **out);

/* What stands behind the last '@' of an address, or NULL. */
const char *mailbox_domain(const char *address);

#endif
