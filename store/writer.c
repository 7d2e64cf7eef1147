/*
 * The store's end of the flow: takes messages apart into rows that wait, and decides when to write
 * them.
 */
#include "base/text.h"
#include "store/batch.h"
#include "store/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    BATCH_MESSAGES = 1000,
    BATCH_BYTES = 4 * 1024 * 1024,
    STREAM_BYTES = 1024 * 1024, /* of records between two bulk loads of a streamed report */
    HEADER_MAX = 1024
};

static struct writer *writer_of(struct sink *s)
{
    return (struct writer *)(void *)s;
}

static int out_of_order(struct err *e, const char *call)
{
    return err_set(e, ERR_BUG, "flow-order", "%s came out of order", call);
}

/* ---- when to write ---- */

static int relieve(struct writer *w, struct err *e)
{
    uint64_t limit = w->settings.batch_bytes;

    if (again_looks(w)) {
        if (w->report && arena_used(w->rows) > STREAM_BYTES)
            again_forget_rows(w);
        return 0;
    }
    if (w->streaming && limit > STREAM_BYTES)
        limit = STREAM_BYTES;
    return arena_used(w->rows) > limit ? flush_stream(w, e) : 0;
}

/* Half full is full: the next message shall find room, so that it need not be streamed. */
static int end_of_message(struct writer *w, struct err *e)
{
    bool full = w->n_messages >= w->settings.batch_messages ||
                arena_used(w->rows) >= w->settings.batch_bytes / 2;

    return full ? flush_ahead(w, e) : flush_land(w, false, e);
}

static void queue_message(struct writer *w, struct message *m)
{
    w->message = NULL;
    *w->messages_end = m;
    w->messages_end = &m->next;
    w->n_messages++;
}

/* ---- messages ---- */

struct known_message {
    bool found;
    bool rejected;
    int64_t reports, rejects;
    enum message_kind kind;
    char class[40]; /* why it was rejected; "" */
};

static int take_known(void *context, struct store *s, struct db_stmt *stmt)
{
    struct known_message *k = context;
    const char *outcome = store_text(s, stmt, 0);
    const char *class = store_text(s, stmt, 3);
    const char *kind = store_text(s, stmt, 4);

    k->found = true;
    if (!kind || !message_kind_parse(kind, &k->kind))
        k->kind = KIND_AGGREGATE;
    k->rejected = outcome && strcmp(outcome, outcome_name(OUTCOME_REJECTED)) == 0;
    k->reports = store_int(s, stmt, 1);
    k->rejects = store_int(s, stmt, 2);
    (void)snprintf(k->class, sizeof k->class, "%s", class ? class : "");
    return 0;
}

static bool has_key(const struct message_info *m)
{
    return m->source && *m->source && m->key && *m->key;
}

static int find_by_key(
    struct store *s, const char *source, const char *key, struct known_message *out, struct err *e)
{
    struct arena *a = arena_new();
    struct db_value values[] = {
        db_text(store_key_text(a, source)), db_text(store_key_text(a, key))};
    int got = store_query(s, &(struct query){sql_message_by_key, values, 2, take_known, out}, e);

    arena_free(a);
    return got;
}

static int find_by_hash(
    struct writer *w, const struct message_info *m, struct known_message *out, struct err *e)
{
    struct db_value value = db_blob(m->sha256, sizeof m->sha256);

    return store_query(
        w->store, &(struct query){sql_message_by_hash, &value, 1, take_known, out}, e);
}

static bool holds(const struct writer *w, const struct message_info *m)
{
    for (const struct message *p = w->messages; p; p = p->next) {
        if (p->has_sha256 && memcmp(p->sha256, m->sha256, sizeof p->sha256) == 0)
            return true;
    }
    return false;
}

static bool waits(const struct writer *w, const struct message_info *m)
{
    return holds(w, m) || (w->flying && holds(w->ahead, m));
}

static const char *header_in(struct writer *w, const char *s)
{
    return s ? text_safe(w->heads, s, HEADER_MAX) : NULL;
}

static struct message *new_message(struct writer *w, const struct message_info *info, bool hashed)
{
    struct message *m = arena_alloc(w->heads, sizeof *m);

    m->number = info->id;
    m->source = arena_strdup(w->heads, store_key_text(w->heads, info->source ? info->source : ""));
    m->key = arena_strdup(w->heads, store_key_text(w->heads, info->key ? info->key : ""));
    m->name = header_in(w, info->name);
    m->from = header_in(w, info->from);
    m->subject = header_in(w, info->subject);
    m->mail_id = header_in(w, info->message_id);
    m->authentication_results = header_in(w, info->authentication_results);
    m->date = info->date;
    m->is_failure = info->is_failure;
    trust_read(w->heads, &w->store->policy.trust, info, &m->evidence);
    m->bytes = info->bytes;
    memcpy(m->sha256, info->sha256, sizeof m->sha256);
    m->has_sha256 = hashed;
    if (w->again) /* the message itself is in the ledger, with all this */
        m->from = m->subject = m->mail_id = m->authentication_results = NULL;
    m->record = true;
    m->items_end = &m->items;
    m->payloads_end = &m->payloads;
    m->rejects_end = &m->rejects;
    m->derived_end = &m->derived;
    return m;
}

/* Nothing of it is read again; but a second copy in a mailbox is noted, so that it is not
 * downloaded again. */
static int skip_message(struct writer *w, const struct message_info *info, bool hashed,
    const struct known_message *known, struct err *e)
{
    struct known_message by_key = {0};
    int got = has_key(info) ? find_by_key(w->store, info->source, info->key, &by_key, e) : 0;

    if (got < 0)
        return got;
    struct message *m = new_message(w, info, hashed);
    m->skipped = true;
    m->record = has_key(info) && !by_key.found;
    m->verdict = known->rejected ? OUTCOME_REJECTED : OUTCOME_DUPLICATE;
    m->kind = known->kind;
    m->class = known->rejected ? "known-reject" : NULL;
    m->reason = known->rejected ? arena_printf(w->heads, "the same bytes were rejected before: %s",
                                      known->class)
                                : NULL;
    m->parsed.reports_duplicate = known->reports;
    m->parsed.reports_rejected = known->rejects;
    got = m->record ? store_take_id(w->store, &m->id, e) : 0;
    if (got < 0)
        return got;
    queue_message(w, m);
    got = end_of_message(w, e);
    return got < 0 ? got : FLOW_SKIP;
}

static int look_up(struct writer *w, const struct message_info *info, bool hashed,
    struct known_message *known, struct err *e)
{
    int got = 0;

    if (w->again)
        return 0;
    if (hashed && waits(w, info))
        got = flush_messages(w, e);
    if (got == 0 && hashed)
        return find_by_hash(w, info, known, e);
    if (got == 0 && has_key(info))
        return find_by_key(w->store, info->source, info->key, known, e);
    return got;
}

static int message_begin(struct sink *s, const struct message_info *info, struct err *e)
{
    static const unsigned char no_hash[32];
    struct writer *w = writer_of(s);
    bool hashed = !w->again && memcmp(info->sha256, no_hash, sizeof no_hash) != 0;
    struct known_message known = {0};

    if (w->message)
        return out_of_order(e, "message_begin");
    int got = look_up(w, info, hashed, &known, e);
    if (got < 0)
        return got;
    if (known.found)
        return skip_message(w, info, hashed, &known, e);
    struct message *m = new_message(w, info, hashed);
    got = store_take_id(w->store, &m->id, e);
    if (got == 0)
        w->message = m;
    return got;
}

static void forget_message(struct writer *w)
{
    if (w->streaming) {
        flush_drop(w);
        return;
    }
    w->message = NULL;
    w->report = NULL;
    w->payload = NULL;
}

static int message_end(struct sink *s, enum outcome o, const struct err *reason, struct err *e)
{
    struct writer *w = writer_of(s);
    struct message *m = w->message;

    if (!m)
        return 0; /* skipped, or gone with an error */
    if (o == OUTCOME_DEFERRED) {
        forget_message(w);
        return 0;
    }
    if (w->report || w->payload)
        return out_of_order(e, "message_end");
    m->verdict = o;
    if (reason) {
        m->class = arena_strdup(w->heads, reason->tag ? reason->tag : "other");
        m->reason = text_safe(w->heads, reason->text, sizeof reason->text);
    }
    if (again_looks(w)) {
        int got = again_end_looking(w, m, e);
        flush_drop(w);
        return got;
    }
    if (w->streaming)
        return flush_streamed(w, e);
    queue_message(w, m);
    return end_of_message(w, e);
}

/* ---- payloads ---- */

static int payload_begin(struct sink *s, const struct payload_info *info, struct err *e)
{
    struct writer *w = writer_of(s);

    if (!w->message || w->payload)
        return out_of_order(e, "payload_begin");
    struct payload *p = arena_alloc(w->heads, sizeof *p);
    int got = store_take_id(w->store, &p->id, e);
    if (got < 0)
        return got;
    if (w->again && memcmp(info->sha256, w->again->sha256, sizeof p->sha256) == 0)
        again_adopt(w->again, p);
    p->name = info->name ? text_safe(w->heads, info->name, HEADER_MAX) : NULL;
    p->container = arena_strdup(w->heads, info->container ? info->container : "other");
    memcpy(p->sha256, info->sha256, sizeof p->sha256);
    p->bytes = info->bytes->len;
    p->packed = payload_wants_packing(p->container);
    p->chunks_end = &p->chunks;
    w->payload = p;
    w->payload_blob = *info->bytes;
    w->failures = 0;
    return FLOW_GO_ON;
}

static int keep_chunk(void *context, int64_t seq, const void *bytes, size_t len, struct err *e)
{
    struct writer *w = context;
    struct payload *p = w->payload;
    struct chunk *c = arena_alloc(w->rows, sizeof *c);

    (void)e;
    c->seq = seq;
    c->bytes = arena_strndup(w->rows, bytes, len);
    c->len = len;
    *p->chunks_end = c;
    p->chunks_end = &c->next;
    return 0;
}

static int payload_end(struct sink *s, struct err *e)
{
    struct writer *w = writer_of(s);
    struct payload *p = w->payload;
    int got = 0;

    if (!p || w->report)
        return out_of_order(e, "payload_end");
    if (!p->has_items && !p->has_rejects) {
        w->payload = NULL;
        return 0;
    }
    *w->message->payloads_end = p;
    w->message->payloads_end = &p->next;
    if (p->kept || again_looks(w)) {
        w->payload = NULL;
        return 0;
    }
    if (w->streaming || p->bytes > w->settings.batch_bytes / 2) {
        p->written = true; /* keep flush_stream from writing it without its bytes */
        got = flush_stream(w, e);
        if (got == 0) { /* else p is gone with the batch */
            p->written = false;
            got = below_write_blob(w, p, &w->payload_blob, e);
        }
    } else {
        if (strcmp(p->container, "arf") != 0 || items_may_keep(w, FAILURE_DATA_FULL))
            got = packer_run(w->packer, &w->payload_blob, p->packed, keep_chunk, w, e);
        if (got == 0)
            got = relieve(w, e);
    }
    w->payload = NULL;
    return got;
}

static int reject(struct sink *s, const char *document, const struct err *why, struct err *e)
{
    struct writer *w = writer_of(s);
    struct message *m = w->message;

    if (!m)
        return out_of_order(e, "reject");
    struct reject *j = reject_append(w->heads, &m->rejects_end);
    j->payload = w->payload;
    j->document = document ? text_safe(w->heads, document, HEADER_MAX) : NULL;
    j->class = arena_strdup(w->heads, why->tag ? why->tag : "other");
    j->reason = text_safe(w->heads, why->text, sizeof why->text);
    if (w->payload)
        w->payload->has_rejects = w->payload->wanted = true;
    m->parsed.reports_rejected++;
    m->counts.reports_rejected++;
    return store_take_id(w->store, &j->id, e);
}

/* ---- reports ---- */

static struct item *new_item(struct writer *w, const struct item_kind *kind, struct err *e)
{
    struct item *i = arena_alloc(w->heads, sizeof *i);

    if (store_take_id(w->store, &i->id, e) < 0)
        return NULL;
    i->kind = kind;
    i->children_end = &i->children;
    i->payload = w->payload;
    if (w->payload)
        w->payload->has_items = true;
    return i;
}

static void add_item(struct writer *w, struct item *i)
{
    *w->message->items_end = i;
    w->message->items_end = &i->next;
}

static int aggregate_begin(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct writer *w = writer_of(s);

    if (!w->message || w->report)
        return out_of_order(e, "aggregate_begin");
    struct item *i = new_item(w, &item_report, e);
    if (!i)
        return (int)e->class;
    i->open = true;
    encode_identity(w, i, r);
    again_keep_trust(w, i);
    add_item(w, i);
    w->report = i;
    return FLOW_GO_ON;
}

static int aggregate_record(struct sink *s, const struct aggregate_record *r, struct err *e)
{
    struct writer *w = writer_of(s);

    if (!w->report)
        return out_of_order(e, "aggregate_record");
    int got = encode_record(w, w->report, r, e);
    return got == 0 ? relieve(w, e) : got;
}

static int aggregate_end(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    struct writer *w = writer_of(s);
    struct item *i = w->report;

    if (!i)
        return out_of_order(e, "aggregate_end");
    bool begun = i->fate != FATE_WAITING;
    int got = begun ? flush_stream(w, e) : 0;
    if (got == 0)
        got = encode_report(w, i, r, e);
    if (got < 0)
        return got;
    i->open = false;
    w->report = NULL;
    if (again_looks(w))
        return again_look_at(w, i, e);
    return begun ? items_finish_report(w, w->message, i, e) : relieve(w, e);
}

static int failure(struct sink *s, const struct failure_report *r, struct err *e)
{
    struct writer *w = writer_of(s);

    if (!w->message)
        return out_of_order(e, "failure");
    struct item *i = new_item(w, &item_failure, e);
    if (!i)
        return (int)e->class;
    w->message->is_failure = true;
    int got = encode_failure(w, i, r, e);
    if (got < 0)
        return got;
    add_item(w, i);
    return again_looks(w) ? again_look_at(w, i, e) : relieve(w, e);
}

static int tls(struct sink *s, const struct tls_report *r, struct err *e)
{
    struct writer *w = writer_of(s);
    size_t n = r->n_policies ? r->n_policies : 1;
    int got = 0;

    if (!w->message)
        return out_of_order(e, "tls");
    for (size_t p = 0; p < n && got == 0; p++) {
        struct item *i = new_item(w, &item_tls, e);
        if (!i)
            return (int)e->class;
        got = encode_tls(w, i, r, p, e);
        if (got < 0)
            return got;
        again_keep_trust(w, i);
        add_item(w, i);
        got = again_looks(w) ? again_look_at(w, i, e) : relieve(w, e);
    }
    return got;
}

/* ---- the sink ---- */

static const struct sink_ops writer_ops = {
    .message_begin = message_begin,
    .payload_begin = payload_begin,
    .aggregate_begin = aggregate_begin,
    .aggregate_record = aggregate_record,
    .aggregate_end = aggregate_end,
    .failure = failure,
    .tls = tls,
    .reject = reject,
    .payload_end = payload_end,
    .message_end = message_end,
};

/* ---- the key of this installation ---- */

static int take_key(void *context, struct store *s, struct db_stmt *stmt)
{
    struct db_value value = s->c.driver->column(stmt, 0);

    if (value.len == REDACT_KEY_BYTES)
        memcpy(context, value.bytes, REDACT_KEY_BYTES);
    return value.len == REDACT_KEY_BYTES;
}

/* Two that make one at the same time agree on the first. */
static int make_key(struct store *s, struct err *e)
{
    unsigned char key[REDACT_KEY_BYTES];
    struct db_value values[] = {db_text("redact_key"), db_blob(key, sizeof key)};

    if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
        return err_set(e, ERR_TEMPORARY, "random", "no random bytes for the key of hashes");
    int got = store_begin(s, e);
    if (got < 0)
        return got;
    return store_end(s, db_exec(&s->c, sql_setting_insert, values, 2, e), e);
}

static int load_key(struct store *s, unsigned char key[REDACT_KEY_BYTES], struct err *e)
{
    struct db_value name = db_text("redact_key");
    struct query q = {sql_setting, &name, 1, take_key, NULL};

    q.context = key;
    int got = store_query(s, &q, e);
    if (got != 0)
        return got < 0 ? got : 0;
    got = make_key(s, e);
    if (got == 0)
        got = store_query(s, &q, e);
    if (got == 0)
        return err_set(e, ERR_BUG, "database", "the key of hashes in the store is damaged");
    return got < 0 ? got : 0;
}

int store_writer_open(
    struct sink **out, struct store *s, const struct store_writer_settings *set, struct err *e)
{
    unsigned char key[REDACT_KEY_BYTES];
    int got = load_key(s, key, e);

    if (got < 0)
        return got;
    struct writer *w = flush_writer_new(s, set);
    memcpy(w->redact_key, key, sizeof key);
    w->sink.ops = &writer_ops;
    if (!w->settings.batch_messages)
        w->settings.batch_messages = BATCH_MESSAGES;
    if (!w->settings.batch_bytes)
        w->settings.batch_bytes = BATCH_BYTES;
    w->packer = packer_new();
    *out = &w->sink;
    return 0;
}

int store_writer_flush(struct sink *sink, struct err *e)
{
    struct writer *w = writer_of(sink);

    if (w->message)
        return out_of_order(e, "flush");
    return flush_messages(w, e);
}

const struct store_summary *store_writer_summary(const struct sink *sink)
{
    return &((const struct writer *)(const void *)sink)->summary;
}

void store_writer_close(struct sink *sink)
{
    struct writer *w = writer_of(sink);

    if (!w)
        return;
    flush_drop(w);
    flush_writer_free(w->ahead);
    flush_writer_free(w);
}

int store_message_known(struct store *s, const char *source, const char *key, bool *known,
    enum message_kind *kind, struct err *e)
{
    struct known_message k = {0};
    int got = find_by_key(s, source, key, &k, e);

    *known = k.found;
    *kind = k.kind;
    return got;
}
