/*
 * Failure reports: ARF mails (RFC 5965, 6591, 9991) and the text-only mails of Exim/cPanel and
 * their kin. The mail was taken apart by ingest/mail.c; here its pieces become a struct
 * failure_report.
 */
#ifndef PARSE_FAILURE_H
#define PARSE_FAILURE_H

#include "parse/flow.h"

/* The pieces of one mail that matter here; NULL/0 where there is none. Transfer encodings are
 * removed. */
struct failure_parts {
    const char *feedback; /* the message/feedback-report part, or what looks like one */
    size_t feedback_len;
    const char *original; /* message/rfc822, text/rfc822-headers or alike: the mail that failed */
    size_t original_len;
    bool original_headers_only; /* declared as headers */
    const char *text;           /* the human-readable part */
    size_t text_len;
    const char *mail_from;
    const char *mail_to;
    const char *subject;
    int64_t mail_date;
    const char *mail_date_sent; /* the Date field as it came */
};

/* True when the bytes begin like the fields of a feedback-report part (Feedback-Type among them).
 */
bool failure_looks_like_feedback(const char *bytes, size_t len);
/* True when the text is one of the known text-only failure reports. */
bool failure_looks_like_text_report(const char *text, size_t len);

/* Reads and delivers one report (sink failure). ERR_INPUT tags: arf-other-type (abuse, opt-out
 * ...), schema-missing. */
int failure_read(const struct failure_parts *parts, struct sink *sink, enum grade *grade,
    struct err *e) ERR_CHECKED;

#endif
