#include "ingest/payload.h"

#include "base/buf.h"
#include "base/text.h"
#include "parse/failure.h"
#include "parse/tlsrpt.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
    NOTES_IN_REMARK = 5
};

/* A payload while its documents come by. */
struct visit {
    struct reading *rd;
    const struct payload *payload;
    struct report_hints hints;
    /*
     * Documents are counted so that one can be read again (AGGREGATE_AGAIN, aggregate_more): the
     * payload is unpacked anew and those that are done are passed over.
     */
    size_t at, done;
    bool again;  /* the current document wants another round */
    bool resume; /* this is that round */
    enum content content;
    bool whole;           /* the current document comes at once */
    const char *document; /* its name: "a.zip: b.xml" */
    struct buf bytes;     /* of a document that is read whole */
    size_t settled;       /* documents that were read or rejected */
    bool has_soft;
    const char *soft_document; /* the first that is no report, in case that nothing else is found */
    struct err soft;
};

/* ---- what the readers deliver passes through here ---- */

static void tell(struct reading *rd, const char *place, const struct err *why)
{
    if (rd->problem)
        rd->problem(rd->problem_context, place ? place : rd->name, why);
}

/* One line for a report that is damaged, with the codes of what was found in it. */
static void remark(struct reading *rd, const char *id, enum grade grade, const struct notes *notes)
{
    struct err why;
    char codes[200] = "";
    size_t used = 0;

    if (grade < GRADE_RECOVERED)
        return;
    for (size_t i = 0; i < notes->n && i < NOTES_IN_REMARK && used < sizeof codes; i++) {
        used += (size_t)snprintf(
            codes + used, sizeof codes - used, "%s%s", i ? ", " : ": ", notes->items[i].code);
    }
    (void)err_set(&why, ERR_INPUT, grade == GRADE_PARTIAL ? "partial" : "recovered",
        "report %s is %s%s", text_safe(rd->arena, id ? id : "(without an id)", 120),
        grade == GRADE_PARTIAL ? "cut off, its complete records are kept" : "damaged but readable",
        codes);
    tell(rd, rd->place, &why);
    rd->remarked = true;
}

/* Counts a report and returns its grade, which no reader can know to be worse because of a wrong
 * checksum. */
static enum grade count_report(
    struct reading *rd, const char *id, enum grade grade, const struct notes *notes)
{
    if (rd->suspect && grade < GRADE_PARTIAL) {
        grade = GRADE_PARTIAL; /* settle tells why */
    } else {
        remark(rd, id, grade, notes);
    }
    if (grade == GRADE_PARTIAL) {
        rd->partial++;
    } else {
        rd->read++;
    }
    return grade;
}

static struct reading *reading_of(struct sink *watch)
{
    return (struct reading *)watch;
}

static int watch_aggregate_begin(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct sink *to = reading_of(s)->sink;

    return to->ops->aggregate_begin ? to->ops->aggregate_begin(to, r, e) : FLOW_GO_ON;
}

static int watch_aggregate_record(struct sink *s, const struct aggregate_record *r, struct err *e)
{
    struct sink *to = reading_of(s)->sink;

    return to->ops->aggregate_record ? to->ops->aggregate_record(to, r, e) : FLOW_GO_ON;
}

static int watch_aggregate_end(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct sink *to = reading_of(s)->sink;
    struct aggregate_report judged = *r;

    judged.grade = count_report(reading_of(s), r->report_id, r->grade, &r->notes);
    return to->ops->aggregate_end ? to->ops->aggregate_end(to, &judged, e) : FLOW_GO_ON;
}

static int watch_failure(struct sink *s, const struct failure_report *r, struct err *e)
{
    struct sink *to = reading_of(s)->sink;

    (void)count_report(reading_of(s), r->message_id, r->grade, &r->notes);
    return to->ops->failure ? to->ops->failure(to, r, e) : FLOW_GO_ON;
}

static int watch_tls(struct sink *s, const struct tls_report *r, struct err *e)
{
    struct sink *to = reading_of(s)->sink;
    struct tls_report judged = *r;

    judged.grade = count_report(reading_of(s), r->report_id, r->grade, &r->notes);
    return to->ops->tls ? to->ops->tls(to, &judged, e) : FLOW_GO_ON;
}

static const struct sink_ops watch_ops = {
    .aggregate_begin = watch_aggregate_begin,
    .aggregate_record = watch_aggregate_record,
    .aggregate_end = watch_aggregate_end,
    .failure = watch_failure,
    .tls = watch_tls,
};

void reading_init(struct reading *rd)
{
    rd->watch.ops = &watch_ops;
}

/* ---- rejects and excuses ---- */

static const char *place_of(struct reading *rd, const char *document)
{
    return document ? arena_printf(rd->arena, "%s: %s", rd->name, document) : rd->name;
}

int reading_reject(struct reading *rd, const char *document, const struct err *why, struct err *e)
{
    const struct sink_ops *ops = rd->sink->ops;

    if (rd->rejected++ == 0)
        rd->reject = *why;
    tell(rd, place_of(rd, document), why);
    return ops->reject ? ops->reject(rd->sink, document, why, e) : 0;
}

void reading_excuse(struct reading *rd, const struct err *why)
{
    if (!rd->excused)
        rd->excuse = *why;
    rd->excused = true;
}

/* Words that mean "something else", not "a broken report". */
static bool is_soft(const struct err *why)
{
    return strcmp(why->tag, "not-a-report") == 0 || strcmp(why->tag, "empty") == 0 ||
           strcmp(why->tag, "arf-other-type") == 0;
}

/* The current document is done with, and this is why it gave nothing. */
static int give_up(struct visit *v, const struct err *why, struct err *e)
{
    v->done = v->at;
    if (!is_soft(why)) {
        v->settled++;
        return reading_reject(v->rd, v->document, why, e);
    }
    if (!v->has_soft) {
        v->has_soft = true;
        v->soft_document = v->document;
        v->soft = *why;
    }
    return 0;
}

static int give_up_as(struct visit *v, const char *tag, const char *text, struct err *e)
{
    struct err why;

    (void)err_set(&why, ERR_INPUT, tag, "%s", text);
    return give_up(v, &why, e);
}

/* ---- names ---- */

/* What an operator calls the document: "a.zip: b.xml". A plain file needs no name beside its own.
 */
static const char *document_label(const struct visit *v, const char *member)
{
    const char *payload = v->rd->mail ? v->payload->name : NULL;

    if (payload && member)
        return arena_printf(v->rd->arena, "%s: %s", payload, member);
    return member ? arena_strdup(v->rd->arena, member) : payload;
}

/* The name that may be of the form receiver!domain!begin!end (RFC 9990 3.5.1): the member's, else
 * the payload's. */
static const char *hint_name(const struct visit *v, const char *member)
{
    const char *last = member ? strrchr(member, '/') : NULL;

    if (!member || !strchr(member, '!'))
        return v->payload->name;
    return arena_strdup(v->rd->arena, last ? last + 1 : member);
}

/* ---- the readers ---- */

/* After a reader's verdict: 0, or an error that is not the document's fault. */
static int settle(struct visit *v, int r, struct err *why, const struct err *broken, struct err *e)
{
    struct reading *rd = v->rd;

    if (r < 0 && why->class != ERR_INPUT) {
        *e = *why;
        return r;
    }
    /* that the container broke off explains more than what a reader makes of the stump */
    if (r < 0)
        return give_up(v, broken ? broken : why, e);
    v->done = v->at;
    v->settled++;
    if (broken && !rd->remarked)
        tell(rd, rd->place, broken);
    return 0;
}

static void note_broken(struct visit *v, const struct err *broken)
{
    v->hints.truncated_payload = broken != NULL;
    v->rd->suspect = broken && strcmp(broken->tag, "container-corrupt") == 0;
}

static int finish_xml(struct visit *v, const struct err *broken, struct err *e)
{
    struct err why;
    int r;

    note_broken(v, broken);
    r = aggregate_finish(v->rd->aggregate, NULL, &why);
    if (r == AGGREGATE_AGAIN) {
        v->again = true;
        return UNPACK_STOP;
    }
    r = settle(v, r, &why, broken, e);
    if (r == 0 && aggregate_more(v->rd->aggregate)) {
        v->done = v->at - 1;
        v->again = true;
        return UNPACK_STOP;
    }
    return r;
}

static int push_xml(struct visit *v, const unsigned char *bytes, size_t len, struct err *e)
{
    struct err why;
    int r = v->whole ? aggregate_whole(v->rd->aggregate, bytes, len, &why)
                     : aggregate_push(v->rd->aggregate, bytes, len, &why);

    if (r == AGGREGATE_AGAIN) {
        v->again = true;
        return UNPACK_STOP;
    }
    if (r == 0)
        return 0;
    if (why.class != ERR_INPUT) {
        *e = why;
        return r;
    }
    /* the reader has given up: what it had delivered before is ended, the rest is not even unpacked
     */
    r = finish_xml(v, NULL, e);
    return r == 0 ? UNPACK_SKIP : r;
}

static int finish_json(struct visit *v, const struct err *broken, struct err *e)
{
    struct err why;
    enum grade grade;
    int r;

    note_broken(v, broken);
    r = tlsrpt_read(v->bytes.data, v->bytes.len, &v->hints, &v->rd->watch, &grade, &why);
    return settle(v, r, &why, broken, e);
}

/* A mail in an archive waits until this payload is done. */
static int finish_mail(struct visit *v, const struct err *broken, struct err *e)
{
    struct reading *rd = v->rd;
    struct nested_mail *mail;

    if (broken)
        return give_up(v, broken, e);
    rd->nested = arena_grow(rd->arena, rd->nested, &rd->n_nested, sizeof *rd->nested);
    mail = &rd->nested[rd->n_nested - 1];
    mail->name = v->document;
    mail->depth = rd->depth + 1;
    mail->bytes =
        blob_of_memory(arena_strndup(rd->arena, v->bytes.data, v->bytes.len), v->bytes.len);
    rd->nested_bytes += v->bytes.len;
    v->done = v->at;
    v->settled++;
    return 0;
}

/* ---- documents ---- */

/* Nothing but the word, and white space around it? The bytes are a window on a stream: nothing ends
 * them. */
static bool is_word(const unsigned char *s, size_t len, const char *word)
{
    while (len > 0 && isspace(*s)) {
        s++;
        len--;
    }
    while (len > 0 && isspace(s[len - 1]))
        len--;
    return len == strlen(word) && memcmp(s, word, len) == 0;
}

static int begin_other(struct visit *v, const struct document *d, struct err *e)
{
    int r;

    /* Yahoo and AOL sent this in place of reports in May 2023 */
    if (is_word(d->head, d->head_len, "unused")) {
        r = give_up_as(v, "empty", "holds nothing but the word \"unused\"", e);
    } else if (v->payload->claims_report && !d->name) {
        r = give_up_as(v, "container-corrupt", "declared as a report, but it is nothing known", e);
    } else {
        r = give_up_as(v, "not-a-report", "neither XML nor JSON nor a mail", e);
    }
    return r < 0 ? r : UNPACK_SKIP;
}

static int on_begin(void *context, const struct document *d, struct err *e)
{
    struct visit *v = context;
    struct reading *rd = v->rd;

    if (++v->at <= v->done)
        return UNPACK_SKIP;
    v->content = d->content;
    v->whole = d->whole;
    v->document = document_label(v, d->name);
    v->hints.file_name = hint_name(v, d->name);
    note_broken(v, NULL);
    rd->place = place_of(rd, v->document);
    rd->remarked = false;
    if (d->content == CONTENT_XML) {
        if (!v->resume)
            aggregate_start(rd->aggregate, &rd->watch, &v->hints);
        v->resume = false;
        return 0;
    }
    if (d->content == CONTENT_JSON || d->content == CONTENT_MAIL) {
        buf_done(&v->bytes);
        buf_init(&v->bytes, d->content == CONTENT_JSON
                                ? (size_t)LIMIT_JSON
                                : (size_t)(rd->limits->message - rd->nested_bytes));
        return 0;
    }
    if (d->content == CONTENT_MBOX) {
        int r = give_up_as(
            v, "container-unsupported", "an mbox inside of something else is not read", e);

        return r < 0 ? r : UNPACK_SKIP;
    }
    return begin_other(v, d, e);
}

static int on_bytes(void *context, const unsigned char *bytes, size_t len, struct err *e)
{
    struct visit *v = context;
    int r;

    if (v->content == CONTENT_XML)
        return push_xml(v, bytes, len, e);
    if (buf_add(&v->bytes, bytes, len) == 0)
        return 0;
    r = give_up_as(v, "limit-size",
        v->content == CONTENT_JSON ? "a TLS report of more than 16 MiB"
                                   : "the mails in the archive are too large together",
        e);
    return r < 0 ? r : UNPACK_SKIP;
}

static int on_end(void *context, const struct err *broken, struct err *e)
{
    struct visit *v = context;

    if (v->content == CONTENT_XML)
        return finish_xml(v, broken, e);
    return v->content == CONTENT_JSON ? finish_json(v, broken, e) : finish_mail(v, broken, e);
}

static int on_failed(void *context, const char *name, const struct err *why, struct err *e)
{
    struct visit *v = context;

    if (++v->at <= v->done)
        return 0;
    v->document = document_label(v, name);
    return give_up(v, why, e);
}

static const struct document_ops visit_ops = {
    .begin = on_begin, .bytes = on_bytes, .end = on_end, .failed = on_failed};

/* ---- payloads ---- */

/* A payload in which nothing was found that could be read or that ought to be readable. That it is
 * empty, or says "unused", is how reporters spell that they have nothing to say. */
static int judge_soft(struct visit *v, struct err *e)
{
    struct err why = v->soft;
    bool by_reporter = strcmp(why.tag, "empty") == 0;

    if (v->rd->mail && (by_reporter || !v->payload->claims_report)) {
        if (v->soft_document)
            (void)err_wrap(&why, "%s", v->soft_document);
        reading_excuse(v->rd, &why);
        return 0;
    }
    return reading_reject(v->rd, v->soft_document, &why, e);
}

static int visit_documents(struct visit *v, struct err *e)
{
    uint64_t unpacked = v->rd->budget.unpacked;
    int r;

    do {
        v->resume = v->again;
        v->again = false;
        v->at = 0;
        v->rd->budget.unpacked = unpacked; /* the same bytes, not more */
        r = unpack(&v->payload->bytes, &v->rd->budget, &visit_ops, v, e);
    } while (r == 0 && v->again);
    buf_done(&v->bytes);
    if (r == 0 && v->settled == 0 && v->has_soft)
        r = judge_soft(v, e);
    return r;
}

/* FLOW_GO_ON, FLOW_SKIP, or an error. */
static int begin_payload(struct reading *rd, const struct payload *p, struct err *e)
{
    struct payload_info info = {.name = p->name, .bytes = &p->bytes, .container = p->container};
    int r = 0;

    if (!rd->sink->ops->payload_begin)
        return FLOW_GO_ON; /* nobody asks for the hash */
    if (p->sha256) {
        memcpy(info.sha256, p->sha256, sizeof info.sha256);
    } else {
        r = blob_sha256(&p->bytes, info.sha256, e);
    }
    return r == 0 ? rd->sink->ops->payload_begin(rd->sink, &info, e) : r;
}

static int end_payload(struct reading *rd, struct err *e)
{
    return rd->sink->ops->payload_end ? rd->sink->ops->payload_end(rd->sink, e) : 0;
}

int reading_payload(struct reading *rd, const struct payload *p, struct err *e)
{
    struct visit v = {.rd = rd, .payload = p};
    int r = begin_payload(rd, p, e);

    v.hints.mail_date = -1;
    if (rd->mail) {
        v.hints.mail_from = rd->mail->from;
        v.hints.subject = rd->mail->subject;
        v.hints.mail_date = rd->mail->date;
    }
    buf_init(&v.bytes, 0);
    if (r == FLOW_SKIP) {
        rd->read++;
    } else if (r == FLOW_GO_ON) {
        r = visit_documents(&v, e);
    }
    return r < 0 ? r : end_payload(rd, e);
}

int reading_reject_payload(
    struct reading *rd, const struct payload *p, const struct err *why, struct err *e)
{
    int r = begin_payload(rd, p, e);

    if (r >= 0)
        r = reading_reject(rd, p->name, why, e);
    return r < 0 ? r : end_payload(rd, e);
}

static int read_failure(struct reading *rd, const struct failure_parts *parts, struct err *e)
{
    struct err why;
    enum grade grade;
    int r = failure_read(parts, &rd->watch, &grade, &why);

    if (r < 0 && why.class != ERR_INPUT) {
        *e = why;
        return r;
    }
    if (r < 0 && is_soft(&why)) {
        reading_excuse(rd, &why);
        return 0;
    }
    return r < 0 ? reading_reject(rd, NULL, &why, e) : 0;
}

int reading_failure_reports(struct reading *rd, const struct payload *whole, struct err *e)
{
    int r = begin_payload(rd, whole, e);

    if (r < 0)
        return r;
    if (r == FLOW_SKIP) {
        rd->read++;
        return end_payload(rd, e);
    }
    rd->place = rd->name;
    rd->suspect = false;
    r = 0;
    for (size_t i = 0; r == 0 && i < rd->mail->n_failures; i++)
        r = read_failure(rd, &rd->mail->failures[i], e);
    return r < 0 ? r : end_payload(rd, e);
}
