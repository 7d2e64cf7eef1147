/*
 * The ledger: what came in, what became of it, and what could not be read.
 */
#include "base/when.h"
#include "store/batch.h"

#include <string.h>

static const char *const message_columns[] = {"message_id", "source", "source_key", "sha256",
    "bytes", "name", "mail_from", "subject", "mail_message_id", "authentication_results",
    "mail_date", "seen_at", "outcome", "class", "reason", "reports_new", "reports_duplicate",
    "reports_conflict", "reports_partial", "reports_rejected", "others_new", "others_known",
    "kind"};

static const enum db_type message_types[] = {DB_INT, DB_TEXT, DB_TEXT, DB_BLOB, DB_INT, DB_TEXT,
    DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_INT, DB_INT, DB_TEXT, DB_TEXT, DB_TEXT, DB_INT, DB_INT,
    DB_INT, DB_INT, DB_INT, DB_INT, DB_INT, DB_TEXT};

static const char *const reject_columns[] = {"reject_id", "message_id", "payload_id", "report_id",
    "document", "class", "reason", "at", "state"};

static const enum db_type reject_types[] = {
    DB_INT, DB_INT, DB_INT, DB_INT, DB_TEXT, DB_TEXT, DB_TEXT, DB_INT, DB_TEXT};

static enum outcome judge(const struct message *m)
{
    const struct counts *c = &m->counts;
    bool something_new = c->reports_new || c->others_new || c->reports_partial;

    if (m->skipped || (m->verdict != OUTCOME_STORED && m->verdict != OUTCOME_PARTIAL))
        return m->verdict;
    if (c->reports_conflict)
        return OUTCOME_CONFLICT;
    if (!something_new)
        return OUTCOME_DUPLICATE;
    bool others_partial = m->verdict == OUTCOME_PARTIAL && c->others_new;
    return c->reports_partial || others_partial ? OUTCOME_PARTIAL : OUTCOME_STORED;
}

static enum message_kind kind_of(const struct message *m)
{
    enum message_kind kind = KIND_TLS;

    if (m->skipped) /* as it was then */
        return m->kind;
    if (m->outcome == OUTCOME_NOT_A_REPORT)
        return KIND_NOT_A_REPORT;
    if (m->outcome != OUTCOME_STORED && m->outcome != OUTCOME_DUPLICATE)
        return KIND_REJECTED;
    for (const struct item *i = m->items; i; i = i->next) {
        if (i->kind == &item_failure)
            return KIND_FAILURE;
        if (i->kind == &item_report)
            kind = KIND_AGGREGATE;
    }
    return kind;
}

static int message_row(struct writer *w, const struct message *m, struct err *e)
{
    const struct counts *c = &m->counts;
    struct redactor r = {.arena = w->scratch, .data = items_data(w, m, NULL)};

    memcpy(r.key, w->redact_key, sizeof r.key);
    struct db_value row[] = {
        db_int(m->id),
        db_text(m->source),
        db_text(m->key),
        m->has_sha256 ? db_blob(m->sha256, sizeof m->sha256) : db_null(),
        db_int((int64_t)m->bytes),
        db_text(m->name),
        db_text(redact_mailboxes(&r, m->from)),
        db_text(redact_subject(&r, m->subject)),
        db_text(r.data == FAILURE_DATA_NONE ? NULL : m->mail_id),
        db_text(redact_text(&r, m->authentication_results)),
        m->date >= 0 ? db_int(m->date) : db_null(),
        db_int(when_now()),
        db_text(outcome_name(m->outcome)),
        db_text(m->class),
        db_text(m->reason),
        db_int(c->reports_new),
        db_int(c->reports_duplicate),
        db_int(c->reports_conflict),
        db_int(c->reports_partial),
        db_int(c->reports_rejected),
        db_int(c->others_new),
        db_int(c->others_known),
        db_text(message_kind_name(m->kind)),
    };

    int got = w->store->c.driver->bulk_row(w->store->c.db, row, e);
    arena_reset(w->scratch);
    return got;
}

static int reject_rows(
    struct store *s, const struct message *m, const struct reject *j, struct err *e)
{
    int got = 0;

    for (; j && got == 0; j = j->next) {
        struct db_value row[] = {
            db_int(j->id),
            db_int(m->id),
            j->payload ? db_int(j->payload->id) : db_null(),
            j->report_id ? db_int(j->report_id) : db_null(),
            db_text(j->document),
            db_text(j->class),
            db_text(j->reason),
            db_int(when_now()),
            db_text(j->replaced ? "replaced" : "open"),
        };
        got = s->c.driver->bulk_row(s->c.db, row, e);
    }
    return got;
}

static int write_messages(struct writer *w, const struct message *first, struct err *e)
{
    struct store *s = w->store;
    int got = s->c.driver->bulk_begin(s->c.db, "message", message_columns, message_types,
        sizeof message_types / sizeof *message_types, e);

    for (const struct message *m = first; m && got == 0; m = m->next)
        got = m->record ? message_row(w, m, e) : 0;
    return got == 0 ? s->c.driver->bulk_end(s->c.db, e) : got;
}

static int write_rejects(struct store *s, const struct message *first, struct err *e)
{
    int got = s->c.driver->bulk_begin(s->c.db, "reject", reject_columns, reject_types,
        sizeof reject_types / sizeof *reject_types, e);

    for (const struct message *m = first; m && got == 0; m = m->next) {
        got = reject_rows(s, m, m->rejects, e);
        if (got == 0)
            got = reject_rows(s, m, m->derived, e);
    }
    return got == 0 ? s->c.driver->bulk_end(s->c.db, e) : got;
}

int ledger_write(struct writer *w, struct message *first, struct err *e)
{
    bool rejects = false;

    for (struct message *m = first; m; m = m->next) {
        m->outcome = judge(m);
        m->kind = kind_of(m);
        rejects = rejects || m->rejects || m->derived;
    }
    int got = write_messages(w, first, e);
    return got == 0 && rejects ? write_rejects(w->store, first, e) : got;
}
