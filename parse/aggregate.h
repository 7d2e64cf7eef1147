/*
 * Aggregate reports: DMARC XML of all three dialects (0.1, RFC 7489 appendix C, RFC 9990 appendix
 * A), pushed in pieces.
 *
 * Elements are matched by local name without regard to case, in any order. Any DTD is refused; no
 * entity but the five of XML is expanded; nothing is ever fetched. The bytes may be in any encoding
 * that is declared or can be seen (UTF-8, UTF-16 with a byte order mark, ISO-8859-1, windows-1252);
 * bytes that are not valid are read as windows-1252 and noted.
 *
 * Records are collected until the report ends or some 256 KiB are full, and only then handed to the
 * sink, so that an ordinary report is delivered when everything about it is known; a huge one is
 * streamed.
 *
 * Errors (class ERR_INPUT) have these tags: dtd-forbidden, limit-depth, limit-token, limit-records,
 * xml-malformed, truncated, encoding, schema-missing, value-range, not-a-report, empty.
 */
#ifndef PARSE_AGGREGATE_H
#define PARSE_AGGREGATE_H

#include "parse/flow.h"
#include "parse/limits.h"

struct aggregate_reader;

/* What the envelope knows, used where the report itself is silent. All may be NULL / -1. */
struct report_hints {
    const char *file_name; /* receiver!domain!begin!end[!id].xml */
    const char *mail_from;
    const char *subject;
    int64_t mail_date;
    bool truncated_payload; /* the container broke off: what follows the last byte is missing */
};

/* One reader serves any number of documents, one after another. Never fails. */
struct aggregate_reader *aggregate_reader_new(const struct limits *limits);
void aggregate_reader_free(struct aggregate_reader *r);

/* Starts a document. The hints must stay valid until aggregate_finish. */
void aggregate_start(
    struct aggregate_reader *r, struct sink *sink, const struct report_hints *hints);

/* The next piece. Once it fails it goes on failing with the same error. */
int aggregate_push(
    struct aggregate_reader *r, const void *bytes, size_t len, struct err *e) ERR_CHECKED;

/* Instead, when the document lies in memory as a whole, with a NUL behind it: the same, faster. */
int aggregate_whole(
    struct aggregate_reader *r, const void *bytes, size_t len, struct err *e) ERR_CHECKED;

enum aggregate_result {
    AGGREGATE_DONE = 0,
    AGGREGATE_AGAIN = 1 /* feed the whole document once more (aggregate_push ... aggregate_finish),
                           it will be read in a repairing way; nothing was delivered yet. Happens at
                           most twice per document. aggregate_push may return it early, too. */
};

/* The end of the document. *grade (may be NULL): of the report that was delivered. */
int aggregate_finish(struct aggregate_reader *r, enum grade *grade, struct err *e) ERR_CHECKED;

/*
 * After aggregate_finish has answered: does another report follow in the same document (gzip files
 * in a row, a wrapper around several)? Then feed the whole document once more, as after
 * AGGREGATE_AGAIN, and it is read. At most 100 of one document are; a note says that more follow.
 */
bool aggregate_more(struct aggregate_reader *r);

#endif
