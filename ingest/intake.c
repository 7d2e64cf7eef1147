#include "ingest/intake.h"

#include "base/text.h"
#include "base/when.h"
#include "ingest/mail.h"
#include "ingest/payload.h"
#include "ingest/unpack.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct intake {
    const struct limits *limits;
    void (*problem)(void *context, const char *name, const struct err *why);
    void *context;
    struct arena *arena;
    struct aggregate_reader *aggregate;
    size_t rejected; /* documents of the last message */
};

/* One message on its way. */
struct passage {
    struct reading rd; /* first: it is the sink of the readers */
    const struct source_message *message;
    const struct kept_payload *kept; /* the message is the payload of another one; or NULL */
    unsigned char sha256[32];
    enum content content;
    struct mail mail;
    bool attached; /* the message is a kept payload, `mail` what it was attached to */
    bool unread;   /* the mail could not be taken apart, `fault` says why */
    struct err fault;
};

struct intake *intake_new(const struct limits *limits,
    void (*problem)(void *context, const char *name, const struct err *why), void *context)
{
    struct intake *in = mem_alloc(sizeof *in);

    in->limits = limits;
    in->problem = problem;
    in->context = context;
    in->arena = arena_new();
    in->aggregate = aggregate_reader_new(limits);
    return in;
}

void intake_free(struct intake *in)
{
    if (!in)
        return;
    aggregate_reader_free(in->aggregate);
    arena_free(in->arena);
    free(in);
}

/* ---- which parts of a mail are worth reading ---- */

static bool holds(const struct blob *b, const char *words)
{
    size_t len = b->len < CONTENT_HEAD ? (size_t)b->len : (size_t)CONTENT_HEAD;

    return memmem(b->mem, len, words, strlen(words)) != NULL;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s);
    size_t m = strlen(end);

    return n >= m && strcasecmp(s + n - m, end) == 0;
}

/* Words for people; text/xml and text/json are not. */
static bool is_prose(const char *type)
{
    return strncmp(type, "text/", 5) == 0 && !strstr(type, "xml") && !strstr(type, "json");
}

/* Declared so that no spam is likely to look like it: RFC 9990 3.5, RFC 8460 5.3, and what
 * reporters made of them. */
static bool claims_report(const struct mail_part *p)
{
    if (strstr(p->media_type, "gzip") || strstr(p->media_type, "tlsrpt"))
        return true;
    return p->name && (ends_with(p->name, ".xml.gz") || ends_with(p->name, ".xml.zip") ||
                          ends_with(p->name, ".json.gz"));
}

/* Content decides; but HTML is not XML that somebody meant as a report, and a brace in a letter is
 * not JSON. */
static bool is_candidate(const struct mail_part *p, enum content content)
{
    bool prose = is_prose(p->media_type);

    switch (content) {
    case CONTENT_GZIP:
    case CONTENT_ZIP:
    case CONTENT_ARCHIVE:
        return true;
    case CONTENT_XML:
        return prose ? holds(&p->bytes, "<feedback") && !holds(&p->bytes, "<html")
                     : strcmp(p->media_type, "image/svg+xml") != 0;
    case CONTENT_JSON:
        return !prose || holds(&p->bytes, "\"policies\"");
    case CONTENT_MBOX:
        return !prose;
    case CONTENT_EMPTY:
    case CONTENT_MAIL:
    case CONTENT_OTHER:
        break;
    }
    return claims_report(p);
}

static const char *container_name(enum content content)
{
    return content == CONTENT_EMPTY || content == CONTENT_ARCHIVE || content == CONTENT_MBOX
               ? "other"
               : content_name(content);
}

static int read_part(struct reading *rd, const struct mail_part *part, struct err *e)
{
    size_t head = part->bytes.len < CONTENT_HEAD ? (size_t)part->bytes.len : (size_t)CONTENT_HEAD;
    enum content content = content_sniff(part->bytes.mem, head);
    struct payload p = {.name = part->name,
        .container = container_name(content),
        .bytes = part->bytes,
        .claims_report = claims_report(part)};

    return is_candidate(part, content) ? reading_payload(rd, &p, e) : 0;
}

/* ---- mails ---- */

static const char *words_of_class(enum mail_class class)
{
    switch (class) {
    case MAIL_BOUNCE:
        return "a bounce: what it returns is not read";
    case MAIL_RECEIPT:
        return "a read receipt";
    case MAIL_AUTO_REPLY:
        return "an automatic reply";
    case MAIL_ENCRYPTED:
        return "the mail is encrypted";
    case MAIL_SIGNED_OPAQUE:
        return "the mail is inside of its S/MIME signature, which is not read";
    case MAIL_ORDINARY:
    case MAIL_FAILURE_REPORT:
        break;
    }
    return "a mail in which no part holds a report";
}

static int read_parts(struct reading *rd, const struct mail *mail, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < mail->n_parts; i++)
        r = read_part(rd, &mail->parts[i], e);
    return r;
}

/* A mail in rd->mail, outermost or nested. `whole`: all of it, in case that it is kept as such. */
static int read_mail(struct reading *rd, const struct payload *whole, struct err *e)
{
    const struct mail *mail = rd->mail;
    size_t settled = rd->read + rd->partial + rd->rejected;
    struct err why;
    int r;

    if (mail->class == MAIL_FAILURE_REPORT) {
        r = reading_failure_reports(rd, whole, e);
        return r < 0 ? r : read_parts(rd, mail, e);
    }
    r = read_parts(rd, mail, e);
    if (r < 0 || rd->read + rd->partial + rd->rejected > settled)
        return r;
    if (mail->class == MAIL_ENCRYPTED || mail->class == MAIL_SIGNED_OPAQUE) {
        (void)err_set(&why, ERR_INPUT,
            mail->class == MAIL_ENCRYPTED ? "encrypted" : "container-unsupported", "%s",
            words_of_class(mail->class));
        return reading_reject_payload(rd, whole, &why, e);
    }
    (void)err_set(&why, ERR_INPUT, "mail-not-report", "%s", words_of_class(mail->class));
    if (rd->excused && mail->class == MAIL_ORDINARY) {
        (void)err_set(
            &why, ERR_INPUT, "mail-not-report", "a mail without a report: %s", rd->excuse.text);
    }
    rd->excused = false; /* the mail's class says more than what a part of it is */
    reading_excuse(rd, &why);
    return 0;
}

/* Mails that were found in archives, which may hold archives with mails. */
static int read_nested(struct reading *rd, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < rd->n_nested; i++) {
        struct nested_mail n = rd->nested[i];
        struct payload whole = {.name = n.name, .container = "mail", .bytes = n.bytes};
        struct mail *mail = arena_alloc(rd->arena, sizeof *mail);
        struct err why;

        if (n.depth > rd->limits->nesting) {
            r = err_set(
                &why, ERR_INPUT, "limit-nesting", "mails and archives are nested too deeply");
        } else {
            r = mail_read(&n.bytes, rd->limits, rd->arena, mail, &why);
        }
        rd->mail = mail;
        rd->depth = n.depth;
        whole.container = mail->class == MAIL_FAILURE_REPORT ? "arf" : "mail";
        if (r == 0) {
            r = read_mail(rd, &whole, e);
        } else {
            r = reading_reject_payload(rd, &whole, &why, e);
        }
    }
    return r;
}

/* ---- the message ---- */

static int look(struct passage *p, struct err *e)
{
    const struct blob *b = &p->message->bytes;
    const struct limits *l = p->rd.limits;
    unsigned char head[CONTENT_HEAD];
    size_t got = 0;
    bool hashed = p->rd.sink->ops->message_begin || p->rd.sink->ops->payload_begin;
    int r = hashed ? blob_sha256(b, p->sha256, e) : 0;

    if (r == 0)
        r = blob_read(b, 0, head, sizeof head, &got, e);
    if (r < 0)
        return r;
    p->content = content_sniff(head, got);
    if (p->content != CONTENT_MAIL && p->content != CONTENT_MBOX)
        return 0;
    p->rd.mail = &p->mail;
    p->mail.date = -1;
    if (b->len > l->message) {
        r = err_set(&p->fault, ERR_INPUT, "limit-size",
            "a mail of %llu bytes, over the limit of %llu", (unsigned long long)b->len,
            (unsigned long long)l->message);
    } else {
        r = mail_read(b, l, p->rd.arena, &p->mail, &p->fault);
    }
    p->unread = r < 0;
    return 0;
}

/* The mail around a kept payload, as far as it is known. */
static void put_around(struct passage *p)
{
    const struct kept_payload *k = p->kept;
    struct mail *m = &p->mail;

    if (p->rd.mail || !k->attached)
        return;
    m->date = k->date;
    m->from = k->from;
    m->subject = k->subject;
    m->authentication_results = k->authentication_results;
    m->authentications = &m->authentication_results;
    m->n_authentications = m->authentication_results ? 1 : 0;
    p->attached = true;
    p->rd.mail = m;
}

/* Only mailboxes hand out such messages. */
static bool has_no_bytes(const struct source_message *m)
{
    return m->too_large || m->unreadable;
}

static int begin_message(struct passage *p, const char *source, struct err *e)
{
    const struct source_message *m = p->message;
    struct message_info info = {.id = m->id,
        .source = source,
        .key = text_safe(p->rd.arena, m->key, LIMIT_FIELD),
        .name = p->rd.name,
        .bytes = m->too_large ? m->too_large : m->bytes.len,
        .is_mail = p->rd.mail != NULL || has_no_bytes(m),
        .from = p->mail.from,
        .subject = p->mail.subject,
        .message_id = p->mail.message_id,
        .authentication_results = p->mail.authentication_results,
        .from_sent = p->mail.from_sent,
        .authentications = p->mail.authentications,
        .n_authentications = p->mail.n_authentications,
        .is_failure = p->mail.class == MAIL_FAILURE_REPORT,
        .date = p->rd.mail && p->mail.date >= 0 ? p->mail.date : m->arrived};
    const struct sink_ops *ops = p->rd.sink->ops;

    memcpy(info.sha256, p->sha256, sizeof info.sha256);
    return ops->message_begin ? ops->message_begin(p->rd.sink, &info, e) : FLOW_GO_ON;
}

/* The name of a plain file without its folders, as a reporter may have named it. */
static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int read_message(struct passage *p, struct err *e)
{
    struct reading *rd = &p->rd;
    const struct source_message *m = p->message;
    struct payload whole = {
        .container = container_name(p->content), .bytes = m->bytes, .sha256 = p->sha256};
    struct err why;
    int r;

    if (m->too_large) {
        (void)err_set(&why, ERR_INPUT, "limit-size", "a mail of %llu bytes, over the limit of %llu",
            (unsigned long long)m->too_large, (unsigned long long)rd->limits->message);
        return reading_reject(rd, NULL, &why, e);
    }
    if (m->unreadable)
        return reading_reject(rd, NULL, m->unreadable, e);
    if (p->kept)
        whole.name = p->kept->name;
    if (p->attached) {
        whole.claims_report = true;
        r = reading_payload(rd, &whole, e);
        return r < 0 ? r : read_nested(rd, e);
    }
    if (rd->mail)
        whole.container = p->mail.class == MAIL_FAILURE_REPORT ? "arf" : "mail";
    if (p->unread)
        return reading_reject_payload(rd, &whole, &p->fault, e);
    if (rd->mail) {
        r = read_mail(rd, &whole, e);
    } else {
        if (!p->kept)
            whole.name = file_name(m->name);
        r = reading_payload(rd, &whole, e);
    }
    return r < 0 ? r : read_nested(rd, e);
}

static enum outcome judge(const struct reading *rd)
{
    if (rd->partial > 0)
        return OUTCOME_PARTIAL;
    if (rd->read > 0)
        return OUTCOME_STORED;
    return rd->rejected > 0 ? OUTCOME_REJECTED : OUTCOME_NOT_A_REPORT;
}

static int end_message(struct passage *p, enum outcome o, const struct err *reason, struct err *e)
{
    const struct sink_ops *ops = p->rd.sink->ops;

    return ops->message_end ? ops->message_end(p->rd.sink, o, reason, e) : 0;
}

static int end_judged(struct passage *p, enum outcome *o, struct err *e)
{
    struct reading *rd = &p->rd;
    const struct err *reason = rd->rejected > 0 ? &rd->reject : NULL;

    *o = judge(rd);
    if (*o == OUTCOME_NOT_A_REPORT) {
        reason = &rd->excuse;
        if (rd->problem)
            rd->problem(rd->problem_context, rd->name, reason);
    }
    return end_message(p, *o, reason, e);
}

static int pass(struct passage *p, const char *source, enum outcome *o, struct err *e)
{
    struct err ignored;
    int r = has_no_bytes(p->message) ? 0 : look(p, e);

    if (r == 0 && p->kept)
        put_around(p);
    if (r == 0)
        r = begin_message(p, source, e);
    if (r < 0)
        return r;
    if (r == FLOW_SKIP) {
        *o = OUTCOME_DUPLICATE;
        return end_message(p, OUTCOME_STORED, NULL, e);
    }
    r = read_message(p, e);
    if (r == 0)
        return end_judged(p, o, e);
    (void)end_message(p, OUTCOME_DEFERRED, e, &ignored); /* the first error is the one to tell */
    return r;
}

static int run(struct intake *in, struct passage *p, const char *source, struct sink *sink,
    enum outcome *o, struct err *e)
{
    int r;

    arena_reset(in->arena);
    reading_init(&p->rd);
    p->rd.sink = sink;
    p->rd.limits = in->limits;
    p->rd.arena = in->arena;
    p->rd.aggregate = in->aggregate;
    p->rd.problem = in->problem;
    p->rd.problem_context = in->context;
    p->rd.name = text_safe(in->arena, p->message->name, LIMIT_FIELD);
    p->rd.budget.limits = in->limits;
    p->rd.budget.packed = p->message->bytes.len;
    p->rd.budget.started_ms = when_monotonic_ms();
    r = pass(p, source, o, e);
    in->rejected = p->rd.rejected;
    if (r < 0)
        *o = OUTCOME_DEFERRED;
    return r;
}

int intake_message(struct intake *in, const char *source, const struct source_message *m,
    struct sink *sink, enum outcome *o, struct err *e)
{
    struct passage p = {.message = m};

    return run(in, &p, source, sink, o, e);
}

size_t intake_rejected(const struct intake *in)
{
    return in->rejected;
}

int intake_kept(struct intake *in, const struct kept_payload *kept, const char *source,
    const struct source_message *m, struct sink *sink, struct err *e)
{
    struct passage p = {.message = m, .kept = kept};
    enum outcome o = OUTCOME_DEFERRED;

    return run(in, &p, source, sink, &o, e);
}
