/*
 * One message through the flow: told apart by content, taken apart, unpacked, read, delivered to
 * the sink, and judged.
 *
 * How a message ends, the first that applies:
 *   DEFERRED      the sink or this machine failed
 *   PARTIAL       a report in it is cut off
 *   STORED        something was read (or is known already: FLOW_SKIP for a payload); other
 * documents in it may have been rejected, each through sink->reject, and the first one's reason
 * goes to message_end REJECTED      something ought to have been readable and was not: broken,
 * encrypted, over a limit, an attachment declared as a report that is none, or a plain file that
 * holds no report NOT_A_REPORT  a mail without any of that: a bounce, an automatic reply, a
 * complaint, spam (tags mail-not-report, arf-other-type) Parts of a mail that cannot hold a report
 * (texts, pictures, signatures) are passed over in silence; a bad part never stops the others.
 *
 * In the flow, payload_end follows each payload_begin that did not fail, and message_end each
 * message_begin that did not fail; FLOW_SKIP is not a failure. After FLOW_SKIP from message_begin,
 * message_end gets OUTCOME_STORED and the caller OUTCOME_DUPLICATE. The reason given to message_end
 * is NULL when all went well. A message that is over the limit, so that it was not fetched, has a
 * reject outside of any payload.
 */
#ifndef INGEST_INTAKE_H
#define INGEST_INTAKE_H

#include "ingest/source.h"
#include "parse/flow.h"
#include "parse/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct intake;

/*
 * `problem` is called for each line that an operator may want to see: a reject, a report that is
 * cut off (tag partial) or damaged but readable (recovered), a container that is damaged although
 * the report in it is whole, and a mail that is no report. NAME is "x.eml: report.zip: a.xml". May
 * be NULL. The limits must stay valid.
 */
struct intake *intake_new(const struct limits *limits,
    void (*problem)(void *context, const char *name, const struct err *why), void *context);
void intake_free(struct intake *in); /* accepts NULL */

/*
 * Reads one message into the sink. Returns 0 when the message was judged (*o says how, good or
 * bad), and an error class only when the sink or this machine failed: then nothing is decided (*o
 * is DEFERRED) and the message must stay where it is.
 */
int intake_message(struct intake *in, const char *source, const struct source_message *m,
    struct sink *sink, enum outcome *o, struct err *e) ERR_CHECKED;

/* How many documents of the last message were rejected; it may count as stored all the same. */
size_t intake_rejected(const struct intake *in);

/* How a payload came of which only the bytes are left. */
struct kept_payload {
    const char *name;
    bool attached; /* to a mail with these fields */
    const char *from, *subject, *authentication_results;
    int64_t date;
};

/* The same for such a payload, whose bytes are the message's: it is read as if it had come that way
 * again. One that is a mail itself is read as a mail. */
int intake_kept(struct intake *in, const struct kept_payload *kept, const char *source,
    const struct source_message *m, struct sink *sink, struct err *e) ERR_CHECKED;

#endif
