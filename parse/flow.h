/*
 * The one flow: whatever the source (IMAP, Maildir, files, standard input) and whatever the sink (a
 * store, a printer), reports travel through this interface, left to right:
 *
 *   message_begin                      a mail or a file
 *     payload_begin                    an attachment or a file: the bytes that are kept
 *       aggregate_begin                one report, streamed;
 *         aggregate_record ...         as many as the payload holds
 *       aggregate_end
 *       failure | tls                  or a whole small report
 *       reject                         or a document that could not be read, with its reason
 *     payload_end
 *   message_end                        the verdict on the whole, with its reason
 *
 * A report of a million records needs no more memory here than one of ten: nothing is collected,
 * and what a call gets is valid only during that call. aggregate_begin comes when the report's
 * identity is known; aggregate_end follows, unless the answer was FLOW_SKIP, with the final grade:
 * a report that breaks off after it began ends as GRADE_PARTIAL.
 *
 * Every call returns 0 or an error class; an error from a sink stops the message, and is never the
 * message's fault. message_end is called after an error too (with OUTCOME_DEFERRED), so that a sink
 * can drop what it began. A sink is used by one thread at a time.
 */
#ifndef PARSE_FLOW_H
#define PARSE_FLOW_H

#include "base/blob.h"
#include "base/err.h"
#include "parse/model.h"

#include <stdbool.h>
#include <stdint.h>

struct message_info {
    uint64_t id;        /* the source's own number, for source_ops.done */
    const char *source; /* "main" (a mailbox), or "" for ingest and parse */
    const char *key;  /* what finds it again there: "1699999999/812" (UIDVALIDITY/UID), a Maildir's
                         unique name, a path */
    const char *name; /* for people and for errors: "mailbox main: UID 812", "reports/x.eml" */
    unsigned char sha256[32]; /* of all its bytes; all zero if it was not downloaded */
    uint64_t bytes;
    bool is_mail;
    const char *from; /* header fields, decoded; NULL when there are none */
    const char *subject;
    const char *message_id;
    const char *authentication_results; /* the topmost */
    const char *from_sent;              /* From as it came, not decoded */
    const char *const *authentications; /* the Authentication-Results fields, topmost first, not
                                           decoded */
    size_t n_authentications;
    bool is_failure; /* a failure report: its header, too, is about people */
    int64_t date;    /* Date header, else the server's arrival time, else -1 */
};

struct payload_info {
    const char *name; /* file name as declared, for people only; NULL if none */
    unsigned char sha256[32];
    const struct blob *bytes; /* as it arrived, decoded; stays until payload_end */
    const char *container;    /* "gzip", "zip", "xml", "json", "arf", "mail", "other" */
};

/* How a message ended. Every one ends as exactly one of these. */
enum outcome {
    OUTCOME_STORED,    /* all its reports are new and stored (in `parse`: read) */
    OUTCOME_DUPLICATE, /* nothing new in it */
    OUTCOME_CONFLICT,  /* a known identity with other content: the first is kept, this one recorded
                        */
    OUTCOME_NOT_A_REPORT, /* bounce, vacation reply, spam, verification mail: no error */
    OUTCOME_PARTIAL,      /* a report in it is cut off; kept, not counted */
    OUTCOME_REJECTED,     /* something in it looked like a report and could not be read */
    OUTCOME_DEFERRED      /* not decided: a store or disk failed; it stays where it is */
};

const char *outcome_name(enum outcome o); /* "stored", "duplicate", "conflict", "not_a_report",
                                             "partial", "rejected", "deferred" */

/* What a message is to whoever files it away: the first that applies. */
enum message_kind {
    KIND_REJECTED,     /* rejected, cut off or in conflict: somebody has to look at it */
    KIND_NOT_A_REPORT, /* nothing in it was meant to be a report */
    KIND_FAILURE,      /* it holds a failure report, which names people */
    KIND_AGGREGATE,
    KIND_TLS,
    MESSAGE_KINDS
};

const char *message_kind_name(
    enum message_kind k); /* "rejected", "not_a_report", "failure", "aggregate", "tls" */
bool message_kind_parse(const char *name, enum message_kind *out);

/* aggregate_begin, failure and tls may also say that the report is not wanted; it is not an error.
 */
enum flow_answer {
    FLOW_GO_ON = 0,
    FLOW_SKIP = 1 /* payload_begin: known already, do not read it. message_begin: the same for the
                     whole message */
};

struct sink;

struct sink_ops {
    /* Any of these may be NULL: then nothing is done and FLOW_GO_ON is the answer. */
    int (*message_begin)(struct sink *s, const struct message_info *m, struct err *e);
    int (*payload_begin)(struct sink *s, const struct payload_info *p, struct err *e);
    int (*aggregate_begin)(struct sink *s, const struct aggregate_report *r, struct err *e);
    int (*aggregate_record)(struct sink *s, const struct aggregate_record *r, struct err *e);
    int (*aggregate_end)(struct sink *s, const struct aggregate_report *r, struct err *e);
    int (*failure)(struct sink *s, const struct failure_report *r, struct err *e);
    int (*tls)(struct sink *s, const struct tls_report *r, struct err *e);
    /* document: name inside the payload ("a.zip: b.xml"); why: tag and text, class ERR_INPUT */
    int (*reject)(struct sink *s, const char *document, const struct err *why, struct err *e);
    int (*payload_end)(struct sink *s, struct err *e);
    /*
     * What intake found: STORED (something was read), NOT_A_REPORT, PARTIAL, REJECTED or DEFERRED,
     * with the reason. A store makes DUPLICATE or CONFLICT of STORED itself, at its next commit.
     */
    int (*message_end)(struct sink *s, enum outcome o, const struct err *reason, struct err *e);
};

struct sink {
    const struct sink_ops *ops;
};

#endif
