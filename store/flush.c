/*
 * Transactions: a batch is in the database as a whole or not at all, and whoever handed it in hears
 * of it only afterwards.
 */
#include "store/batch.h"
#include "store/behind.h"
#include "store/sql.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    RETRY_AFTER_MS = 300,
    TEXT_MAX = 16 * 1024 * 1024,
    IDS_AHEAD = 500 /* what is read beside a batch hardly takes more */
};

struct writer *flush_writer_new(struct store *s, const struct store_writer_settings *set)
{
    struct writer *w = mem_alloc(sizeof *w);

    w->store = s;
    w->settings = *set;
    w->heads = arena_new();
    w->rows = arena_new();
    w->scratch = arena_new();
    w->auths = mem_alloc(AUTH_BUCKETS * sizeof(struct auth *));
    w->messages_end = &w->messages;
    buf_init(&w->text, TEXT_MAX);
    return w;
}

void flush_writer_free(struct writer *w)
{
    if (!w)
        return;
    packer_free(w->packer);
    arena_free(w->heads);
    arena_free(w->rows);
    arena_free(w->scratch);
    buf_done(&w->text);
    free(w->auths);
    free(w);
}

/* ---- forgetting ---- */

void flush_forget_rows(struct writer *w)
{
    memset(w->auths, 0, AUTH_BUCKETS * sizeof(struct auth *));
    arena_reset(w->rows);
}

static void forget_batch(struct writer *w)
{
    w->messages = NULL;
    w->messages_end = &w->messages;
    w->n_messages = 0;
    if (w->message)
        return; /* the open message lies in the same arenas */
    flush_forget_rows(w);
    arena_reset(w->heads);
}

void flush_drop(struct writer *w)
{
    if (w->flying) {
        behind_wait(w->store->behind, w->ahead);
        w->flying = false;
        forget_batch(w->ahead);
    }
    if (w->streaming)
        store_rollback(w->store);
    w->streaming = false;
    w->message = NULL;
    w->report = NULL;
    w->payload = NULL;
    forget_batch(w);
}

/* ---- one transaction ---- */

static bool is_recorded(const struct message *first)
{
    for (const struct message *m = first; m; m = m->next) {
        if (m->record)
            return true;
    }
    return false;
}

/* Everything as it was before a transaction that failed. */
static void start_over(struct writer *w, struct message *first)
{
    for (struct message *m = first; m; m = m->next) {
        m->counts = m->parsed;
        m->derived = NULL;
        m->derived_end = &m->derived;
        for (struct item *i = m->items; i; i = i->next) {
            i->fate = FATE_WAITING;
            i->counted = false;
        }
        for (struct payload *p = m->payloads; p; p = p->next) {
            p->wanted = p->has_rejects;
            p->written = p->kept;
            if (!p->kept)
                p->client = 0;
        }
    }
    for (size_t b = 0; b < AUTH_BUCKETS; b++) {
        for (struct auth *a = w->auths[b]; a; a = a->next)
            a->client = 0;
    }
}

static int write_transaction(struct writer *w, struct message *first, struct err *e)
{
    int got = w->again ? again_check(w, first, e) : 0;

    if (got == 0)
        got = items_write(w, first, e);
    if (got == 0)
        got = ledger_write(w, first, e);
    return got == 0 ? store_owners_hold(w->store, e) : got;
}

static int try_write(struct writer *w, struct message *first, struct err *e)
{
    int got = store_begin(w->store, e);

    if (got < 0)
        return got;
    start_over(w, first);
    got = w->again ? again_make_room(w, e) : 0;
    if (got == 0)
        got = write_transaction(w, first, e);
    return store_end(w->store, got, e);
}

/* A COMMIT that failed may have been carried out all the same: then its messages are in the ledger.
 */
static int was_committed(struct writer *w, const struct message *first, bool *yes, struct err *e)
{
    int64_t id = 0;

    while (!first->record)
        first = first->next;
    struct db_value key = db_int(first->id);
    int got = db_one_int(&w->store->c, sql_message_by_id, &key, 1, &id, e);
    *yes = got == DB_ROW;
    return got < 0 ? got : 0;
}

static void wait_a_little(void)
{
    const struct timespec pause = {.tv_nsec = RETRY_AFTER_MS * 1000000L};

    (void)nanosleep(&pause, NULL);
}

static int write_with_retry(struct writer *w, struct message *first, struct err *e)
{
    bool committed = false;

    if (!is_recorded(first)) {
        start_over(w, first);
        for (struct message *m = first; m; m = m->next)
            m->outcome = m->verdict;
        return 0;
    }
    int got = try_write(w, first, e);
    if (got != ERR_TEMPORARY && got != ERR_UNREACHABLE)
        return got;
    wait_a_little();
    got = was_committed(w, first, &committed, e);
    if (got < 0 || committed)
        return got;
    return try_write(w, first, e);
}

/*
 * The database refuses something in this message. It is recorded as rejected, with its raw payloads
 * and without any of the texts that may be to blame, so that it cannot stop the others for ever.
 */
static int write_refused(struct writer *w, struct message *m, struct err *e)
{
    const char *reason = arena_strdup(w->heads, e->text);

    m->items = NULL;
    m->name = m->from = m->subject = m->mail_id = m->authentication_results = NULL;
    m->verdict = OUTCOME_REJECTED;
    m->class = "store-refused";
    m->reason = reason;
    m->parsed = (struct counts){.reports_rejected = 1};
    m->rejects = NULL;
    m->rejects_end = &m->rejects;
    struct reject *j = reject_append(w->heads, &m->rejects_end);
    j->payload = m->payloads;
    j->class = "store-refused";
    j->reason = reason;
    for (struct payload *p = m->payloads; p; p = p->next) {
        p->name = NULL;
        p->has_rejects = true;
    }
    int got = store_take_id(w->store, &j->id, e);
    return got == 0 ? write_with_retry(w, m, e) : got;
}

/* ---- after the commit ---- */

static void add_summary(struct store_summary *s, const struct message *m)
{
    const struct counts *c = &m->counts;
    int64_t *const of_outcome[] = {
        [OUTCOME_STORED] = &s->stored,
        [OUTCOME_DUPLICATE] = &s->duplicate,
        [OUTCOME_CONFLICT] = &s->conflict,
        [OUTCOME_NOT_A_REPORT] = &s->not_a_report,
        [OUTCOME_PARTIAL] = &s->partial,
        [OUTCOME_REJECTED] = &s->rejected,
    };

    s->messages++;
    (*of_outcome[m->outcome])++;
    s->reports_new += c->reports_new;
    s->reports_duplicate += c->reports_duplicate;
    s->reports_conflict += c->reports_conflict;
    s->reports_partial += c->reports_partial;
    s->reports_rejected += c->reports_rejected;
    s->records += c->records;
    s->tls_new += c->tls_new;
    s->failures_new += c->failures_new;
}

static void tell(
    const struct writer *w, const struct message *m, const char *class, const char *reason)
{
    struct err why;

    (void)err_set(&why, ERR_INPUT, class, "%s", reason);
    w->settings.problem(w->settings.context, m->name ? m->name : m->key, &why);
}

static void tell_problems(const struct writer *w, const struct message *m)
{
    for (const struct reject *j = m->derived; j; j = j->next) {
        if (strcmp(j->class, "conflict") == 0)
            tell(w, m, j->class, j->reason);
    }
    if (m->class && (m->skipped || strcmp(m->class, "store-refused") == 0))
        tell(w, m, m->class, m->reason);
}

static int announce(struct writer *w, const struct message *first, struct err *e)
{
    int got = 0;

    for (const struct message *m = first; m; m = m->next)
        add_summary(&w->summary, m);
    for (const struct message *m = first; m && w->settings.problem; m = m->next)
        tell_problems(w, m);
    for (const struct message *m = first; m && got == 0 && w->settings.committed; m = m->next)
        got = w->settings.committed(w->settings.context, m->number, m->outcome, m->kind, e);
    return got;
}

/* ---- flushing ---- */

/* Cuts a list behind its n-th message, or where it ends; returns what was behind. */
static struct message *cut(struct message *first, size_t n, struct message **last)
{
    *last = first;
    while (--n > 0 && (*last)->next)
        *last = (*last)->next;
    struct message *rest = (*last)->next;
    (*last)->next = NULL;
    return rest;
}

/* A batch that was refused, in parts: half as many messages after each refusal, twice as many when
 * it went well, so that only the message that the database refuses is rejected, and soon found. The
 * batch may be w itself. */
static int write_apart(struct writer *w, struct writer *batch, struct err *e)
{
    struct message *first = batch->messages;
    size_t n = (batch->n_messages + 1) / 2;
    int got = 0;

    while (first && got == 0) {
        struct message *last;
        struct message *rest = cut(first, n, &last);
        got = write_with_retry(batch, first, e);
        if (got == ERR_BUG && first->next) {
            last->next = rest;
            n = (n + 1) / 2;
            got = 0;
            continue;
        }
        if (got == ERR_BUG)
            got = write_refused(batch, first, e);
        if (got == 0)
            got = announce(w, first, e);
        n *= 2;
        first = rest;
    }
    return got;
}

/* After the first try to write a batch, with the answer `got`. */
static int conclude(struct writer *w, struct writer *batch, int got, struct err *e)
{
    if (got == 0) {
        got = announce(w, batch->messages, e);
    } else if (got == ERR_BUG && w->again) {
        again_refused(w, e);
        got = 0;
    } else if (got == ERR_BUG) {
        got = write_apart(w, batch, e);
    }
    if (got < 0) {
        flush_drop(w);
    } else {
        forget_batch(batch);
    }
    return got;
}

void flush_batch(struct writer *batch)
{
    batch->result = write_with_retry(batch, batch->messages, &batch->error);
}

int flush_land(struct writer *w, bool wait, struct err *e)
{
    if (!w->flying || (!wait && behind_has(w->store->behind, w->ahead)))
        return 0;
    behind_wait(w->store->behind, w->ahead);
    w->flying = false;
    w->ahead->store = w->store;
    if (w->ahead->result < 0)
        *e = w->ahead->error;
    int got = conclude(w, w->ahead, w->ahead->result, e);
    if (got < 0)
        forget_batch(w->ahead);
    return got;
}

int flush_messages(struct writer *w, struct err *e)
{
    int got = flush_land(w, true, e);

    if (got < 0 || !w->messages)
        return got;
    return conclude(w, w, write_with_retry(w, w->messages, e), e);
}

/* The complete messages and all that they are made of change places with an empty batch. */
static void move_messages(struct writer *from, struct writer *to)
{
    struct arena *heads = to->heads;
    struct arena *rows = to->rows;
    struct auth **auths = to->auths;

    to->messages = from->messages;
    to->n_messages = from->n_messages;
    to->heads = from->heads;
    to->rows = from->rows;
    to->auths = from->auths;
    from->heads = heads;
    from->rows = rows;
    from->auths = auths;
    forget_batch(from);
}

int flush_ahead(struct writer *w, struct err *e)
{
    int got = flush_land(w, true, e);

    if (got < 0 || !w->messages)
        return got;
    /* who wants a commit after each message wants to hear of it, too */
    bool ahead = w->settings.ahead && w->settings.batch_messages > 1 && !w->again;
    struct behind *b = ahead ? behind_of(w->store) : NULL;
    /* ids: so that the next batch need not wait for this one's transaction to get them */
    if (!b || store_have_ids(w->store, IDS_AHEAD, e) < 0)
        return flush_messages(w, e);
    if (!w->ahead)
        w->ahead = flush_writer_new(w->store, &w->settings);
    move_messages(w, w->ahead);
    w->flying = true;
    behind_launch(b, w->ahead);
    return 0;
}

static void forget_written(struct writer *w)
{
    for (struct item *i = w->message->items; i; i = i->next) {
        i->children = NULL;
        i->children_end = &i->children;
    }
    for (struct payload *p = w->message->payloads; p; p = p->next)
        p->chunks = NULL;
    flush_forget_rows(w);
}

int flush_stream(struct writer *w, struct err *e)
{
    int got = 0;

    if (!w->streaming) {
        got = flush_messages(w, e);
        if (got < 0)
            return got;
        behind_wait_all(
            w->store->behind); /* two transactions of ours would only be in each other's way */
        got = store_begin(w->store, e);
        w->streaming = got == 0;
        if (got == 0 && w->again)
            got = again_make_room(w, e);
    }
    if (got == 0)
        got = items_write(w, w->message, e);
    if (got < 0) {
        flush_drop(w);
        return got;
    }
    forget_written(w);
    return 0;
}

int flush_streamed(struct writer *w, struct err *e)
{
    struct message *m = w->message;
    int got = write_transaction(w, m, e);

    if (got < 0) {
        flush_drop(w);
        return got;
    }
    w->streaming = false;
    got = store_commit(w->store, e);
    if (got == 0)
        got = announce(w, m, e);
    flush_drop(w);
    return got;
}
