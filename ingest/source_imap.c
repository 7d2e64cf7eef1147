/*
 * A folder of an IMAP mailbox. It is listed once, when it is opened; the mails are then fetched
 * ahead in batches and handed out one at a time. What becomes of those that are done is
 * imap_filing's part. Where all of them stay the folder is opened read-only and nothing is sent
 * that changes it.
 *
 * One mail that a server cannot give must not keep the others from being read: what a failed batch
 * leaves missing is fetched again mail by mail, in new sessions. A server that fails for all of
 * them is to blame itself, and the run ends with its error.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "ingest/imap_filing.h"
#include "ingest/imap_session.h"
#include "ingest/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    LIST_STEP = 20000, /* mails listed by one command */
    LIST_BYTES = 512,  /* for each of them */
    LIST_SPLIT = 20,
    LIST_MAX = 4 * 1000 * 1000,
    BATCH_MAX = 500,          /* mails named in one command: servers read lines of 8,000 bytes */
    FETCH_BYTES = 64 * 1024,  /* for each mail, on top of twice the size it was listed with */
    FETCH_TRIES = 2,          /* for one mail alone */
    BLAMED_MAX = 5,           /* mails in a row */
    KEEP_ALIVE_SECONDS = 120, /* while mails are being read that were fetched before */
    KEY_MAX = 64 * 1024
};

/* Above the UID in a message's id: the mail stays where it is. */
static const uint64_t stays = UINT64_C(1) << 32;

struct listed {
    uint32_t uid;
    uint32_t size;     /* 0: the server does not say */
    unsigned unmarked; /* a bit for each kind of mail whose flag is not set */
    int64_t arrived;
};

struct fetched {
    struct listed listed;
    bool too_large;
    bool here;  /* it came */
    bool there; /* it did not come, but is in the folder; else it has gone meanwhile */
    bool blamed;
    const struct err *fault; /* why there is no body; in the arena */
    char *body;
    size_t len;
};

struct imap_source {
    struct source base;
    struct arena *arena;
    const struct imap_settings *set;
    uint64_t message_max;
    struct imap_session *session;
    const char *folder; /* on the wire, quoted */
    struct imap_filing *filing;
    bool changes; /* something is to become of mails that are done */
    bool flags;   /* they matter */
    bool stays;   /* of some kind of mails nothing is, or only a flag */

    struct listed *list; /* by UID */
    size_t n_list, list_size, at;
    uint32_t last_uid; /* the highest that was ever in the list */

    struct fetched *batch;
    size_t n_batch, batch_size, batch_at;
    bool able; /* the server has given a mail */
    unsigned blamed_in_a_row;
    bool failed; /* nothing comes after this batch: */
    struct err why;

    struct buf key, name;
};

/* --- opening --- */

/* How the server names folders matters only where there are other folders than INBOX. */
static int folder_names(struct imap_source *s, struct err *e)
{
    struct imap_names names = {0};
    bool ask = strcasecmp(s->set->folder, "INBOX") != 0;
    int r = 0;

    for (int k = 0; k < MESSAGE_KINDS; k++)
        ask = ask || s->set->after[k].how == DISPOSE_MOVE;
    if (ask)
        r = imap_naming(s->session, &names, e);
    if (!r)
        r = imap_name_wire(s->arena, s->set->folder, &names, &s->folder, e);
    return r ? r : imap_filing_names(s->filing, &names, s->folder, e);
}

/* Where all mails stay by EXAMINE, which cannot change anything. */
static int folder_open(struct imap_source *s, struct err *e)
{
    char words[IMAP_WORDS_MAX];
    int r = imap_select(s->session, s->folder, !s->changes, e);

    if (r > 0 && imap_is_busy(s->session))
        return imap_refused(s->session, "opening the folder", e);
    if (r > 0) {
        return err_set(e, ERR_CONFIG, "no-such-folder", "folder %s: the server says: %s",
            s->set->folder, imap_words(s->session, words));
    }
    if (r < 0)
        return r;
    if (!imap_uidvalidity(s->session)) {
        return err_set(e, ERR_TEMPORARY, "protocol", "folder %s: the server gives no UIDVALIDITY",
            s->set->folder);
    }
    if (s->changes && imap_read_only(s->session)) {
        return err_set(e, ERR_CONFIG, "read-only",
            "folder %s: this user may only read it, so nothing can be moved, deleted or flagged",
            s->set->folder);
    }
    return 0;
}

/* A new session on the same folder. If there is none the old one stays, on which every command
 * fails. */
static int reconnect(struct imap_source *s)
{
    struct imap_session *old = s->session;
    struct err ignored; /* what broke the old one says more */
    int r = imap_session_open(&s->session, s->set, &ignored);

    if (r) {
        s->session = old;
        return r;
    }
    r = folder_open(s, &ignored);
    if (!r && imap_uidvalidity(s->session) == imap_uidvalidity(old)) {
        imap_session_close(old);
        return 0;
    }
    imap_session_close(s->session);
    s->session = old;
    return -1;
}

/* Is this an error that one mail can be the cause of, and is there a new session to go on with?
 * After a refusal, too: an answer with a wrong tag leaves the old one out of step. */
static bool can_go_on(struct imap_source *s, const struct err *e)
{
    static const char *const tags[] = {"connection-lost", "protocol", "timeout", "refused"};

    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (strcmp(e->tag, tags[i]) == 0)
            return reconnect(s) == 0;
    }
    return false;
}

/* A mail that is marked \Deleted was archived before, on a server that could not expunge it, or
 * somebody wants it gone. */
static void list_add(void *context, struct imap_fetched *f)
{
    struct imap_source *s = context;

    unsigned unmarked = 0;

    if (f->deleted && s->flags) {
        if (s->changes)
            imap_filing_finish(s->filing, f->uid, f->flags);
        return;
    }
    if (s->n_list == LIST_MAX)
        return;
    for (int k = 0; k < MESSAGE_KINDS; k++) {
        if (imap_filing_lacks_flag(s->filing, (enum message_kind)k, f->flags))
            unmarked |= 1U << k;
    }
    if (s->n_list == s->list_size) {
        s->list_size = s->list_size ? s->list_size * 2 : 1024;
        s->list = mem_realloc(s->list, s->list_size * sizeof *s->list);
    }
    s->list[s->n_list++] = (struct listed){
        .uid = f->uid, .size = f->size, .unmarked = unmarked, .arrived = f->arrived};
}

/* "n:*" always names the last mail, be it new or not (RFC 9051 section 9, seq-range). */
static void list_add_new(void *context, struct imap_fetched *f)
{
    struct imap_source *s = context;

    if (f->uid > s->last_uid)
        list_add(context, f);
}

static int compare_uid(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static int compare_listed(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;

    return compare_uid(&x->uid, &y->uid);
}

static void list_sort(struct imap_source *s)
{
    size_t kept = 0;

    if (s->n_list)
        qsort(s->list, s->n_list, sizeof *s->list, compare_listed);
    if (s->n_list && s->list[s->n_list - 1].uid > s->last_uid)
        s->last_uid = s->list[s->n_list - 1].uid;
    for (size_t i = 0; i < s->n_list; i++) {
        if (!kept || s->list[kept - 1].uid != s->list[i].uid)
            s->list[kept++] = s->list[i];
    }
    s->n_list = kept;
}

/* The mails with these numbers. Sizes are not always to be had: to know them a server may have to
 * read the mails. */
static int list_some(struct imap_source *s, uint64_t from, uint64_t to, bool sizes, struct err *e)
{
    char command[128];

    (void)snprintf(command, sizeof command, "FETCH %" PRIu64 ":%" PRIu64 " (UID%s%s)", from, to,
        s->flags ? " FLAGS" : "", sizes ? " RFC822.SIZE INTERNALDATE" : "");
    imap_receive(s->session, list_add, s);
    int r = imap_must(s->session, "listing the folder",
        IMAP_ANSWER_BYTES + (uint64_t)LIST_STEP * LIST_BYTES, command, e);
    imap_receive(s->session, NULL, NULL);
    return r;
}

/*
 * Message numbers do not change while nothing but FETCH is used (RFC 9051 section 7.5.1), so the
 * folder can be listed in steps that need little memory. A step that fails is made again in smaller
 * ones, until it is one mail whose size the server cannot tell.
 */
static int folder_list(struct imap_source *s, struct err *e)
{
    uint64_t step = LIST_STEP;
    unsigned in_a_row = 0;

    if (imap_exists(s->session) > LIST_MAX && s->stays) {
        return err_set(e, ERR_CONFIG, "too-many",
            "folder %s has more than %d mails; where mails stay that is too many", s->set->folder,
            LIST_MAX);
    }
    for (uint64_t from = 1; from <= imap_exists(s->session) && s->n_list < LIST_MAX;) {
        uint64_t exists = imap_exists(s->session);
        uint64_t to = from + step - 1 < exists ? from + step - 1 : exists;
        int r = list_some(s, from, to, true, e);
        if (r && (in_a_row == BLAMED_MAX || !can_go_on(s, e)))
            return r;
        if (r && to > from) {
            step = (to - from) / LIST_SPLIT + 1;
            continue;
        }
        if (r && list_some(s, from, to, false, e))
            return (int)e->class;
        in_a_row = r ? in_a_row + 1 : 0;
        step = r ? 1 : step * LIST_SPLIT;
        if (step > LIST_STEP)
            step = LIST_STEP;
        from = to + 1;
    }
    list_sort(s);
    s->base.waiting = s->n_list;
    return 0;
}

/* --- handing out --- */

static void batch_clear(struct imap_source *s)
{
    for (size_t i = 0; i < s->n_batch; i++)
        imap_body_free(s->batch[i].body);
    s->n_batch = s->batch_at = 0;
}

static int compare_fetched(const void *uid, const void *fetched)
{
    const struct fetched *f = fetched;

    return compare_uid(uid, &f->listed.uid);
}

static void batch_take(void *context, struct imap_fetched *in)
{
    struct imap_source *s = context;
    struct fetched *f = bsearch(&in->uid, s->batch, s->n_batch, sizeof *s->batch, compare_fetched);

    if (!f || f->here)
        return;
    f->there = true;
    if (!in->has_body || (!in->body_len && f->listed.size))
        return;
    s->able = f->here = true;
    s->blamed_in_a_row = 0;
    f->body = in->body;
    f->len = in->body_len;
    in->body = NULL;
}

static const char *message_key(struct imap_source *s, uint32_t uid)
{
    bool inbox = strcasecmp(s->set->folder, "INBOX") == 0;

    buf_clear(&s->key);
    if (buf_printf(&s->key, "%s%s%" PRIu32 "/%" PRIu32, inbox ? "" : s->set->folder,
            inbox ? "" : "/", imap_uidvalidity(s->session), uid))
        return "";
    return s->key.data;
}

/*
 * A mail that was done and may stay where it is. Not so one that was to be moved or deleted: a
 * number is not proof enough for that, so it is read again and recognised by its bytes. Where the
 * flag is missing there was a crash before it was set.
 */
static bool is_known(struct imap_source *s, const struct listed *l)
{
    enum message_kind kind;

    if (!s->stays || !s->set->known ||
        !s->set->known(s->set->context, s->base.name, message_key(s, l->uid), &kind))
        return false;
    enum disposal_how how = s->set->after[kind].how;
    if (how != DISPOSE_LEAVE && how != DISPOSE_FLAG)
        return false;
    if (l->unmarked & 1U << kind)
        imap_filing_add(s->filing, l->uid, kind);
    return true;
}

/* What a mail may take, so far as is known. */
static uint64_t size_of(const struct imap_source *s, const struct listed *l)
{
    return l->size ? l->size : s->message_max;
}

/* Chooses the next mails, as many as the settings allow. Returns how many bytes may come for them,
 * so that a server that lies about sizes cannot fill the memory. */
static uint64_t batch_choose(struct imap_source *s)
{
    uint64_t bytes = 0, may_come = IMAP_ANSWER_BYTES;

    for (; s->at < s->n_list && s->n_batch < s->batch_size; s->at++) {
        const struct listed *l = &s->list[s->at];
        bool too_large = l->size > s->message_max;
        if (is_known(s, l)) {
            if (s->base.waiting)
                s->base.waiting--;
            continue;
        }
        if (!too_large && bytes && bytes + size_of(s, l) > s->set->batch_bytes)
            break;
        s->batch[s->n_batch++] = (struct fetched){.listed = *l, .too_large = too_large};
        if (!too_large) {
            bytes += size_of(s, l);
            may_come += size_of(s, l) * 2 + FETCH_BYTES;
        }
    }
    return may_come;
}

/* Mails that have gone meanwhile are no error; RFC 5530 gives such a NO this code. */
static int fetch_command(struct imap_source *s, uint64_t bytes, const char *command, struct err *e)
{
    int r = imap_command(s->session, "fetching", bytes, command, e);

    if (r == IMAP_NO && imap_code(s->session, "EXPUNGEISSUED"))
        return 0;
    if (r > 0) {
        r = imap_refused(s->session, "fetching", e);
        if (imap_is_busy(s->session) && !imap_code(s->session, "SERVERBUG"))
            e->tag = "server-busy";
    }
    return r;
}

/* `what`: "UID BODY.PEEK[]", or less. */
static int fetch_uids(struct imap_source *s, const uint32_t *uids, size_t n, const char *what,
    uint64_t bytes, struct err *e)
{
    struct buf command;
    int r = 0;

    buf_init(&command, IMAP_COMMAND_MAX);
    imap_receive(s->session, batch_take, s);
    for (size_t at = 0; !r && at < n;) {
        buf_clear(&command);
        (void)buf_adds(&command, "UID FETCH ");
        at += imap_ranges(&command, uids + at, n - at);
        (void)buf_printf(&command, " (%s)", what);
        r = fetch_command(s, bytes, command.data, e);
    }
    imap_receive(s->session, NULL, NULL);
    buf_done(&command);
    return r;
}

static bool is_missing(const struct fetched *f)
{
    return !f->too_large && !f->here;
}

static size_t missing_uids(const struct imap_source *s, uint32_t uids[BATCH_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_batch; i++) {
        if (is_missing(&s->batch[i]))
            uids[n++] = s->batch[i].listed.uid;
    }
    return n;
}

static const struct err *fault(struct imap_source *s, const struct err *e)
{
    struct err *f = arena_alloc(s->arena, sizeof *f);

    *f = *e;
    return f;
}

/* One mail alone. 1: it is the mail's fault that it does not come, *e says how. */
static int fetch_alone(struct imap_source *s, struct fetched *f, struct err *e)
{
    uint64_t bytes = IMAP_ANSWER_BYTES + size_of(s, &f->listed) * 2 + FETCH_BYTES;

    for (int i = 0; i < FETCH_TRIES; i++) {
        struct err why;
        int r = fetch_uids(s, &f->listed.uid, 1, "UID BODY.PEEK[]", bytes, e);
        if (!r && !f->here) {
            (void)err_set(
                &why, ERR_INPUT, "empty", "it is listed, but the server gives no byte of it");
            f->fault = fault(s, &why);
        }
        if (!r)
            return 0;
        if (!can_go_on(s, e))
            return r;
    }
    return 1;
}

static int fetch_each_alone(struct imap_source *s, struct err *e)
{
    size_t blamed = 0;

    for (size_t i = 0; i < s->n_batch; i++) {
        struct fetched *f = &s->batch[i];
        if (!is_missing(f) || !f->there)
            continue;
        if (s->set->stop && s->set->stop(s->set->context))
            return err_set(e, ERR_TEMPORARY, "interrupted", "stopped while mails are fetched");
        int r = fetch_alone(s, f, e);
        if (r < 0)
            return r;
        if (r == 0)
            continue;
        struct err why;
        (void)err_set(&why, ERR_INPUT, "unfetchable", "the server fails on it: %s", e->text);
        f->fault = fault(s, &why);
        f->blamed = true;
        blamed++;
        if (++s->blamed_in_a_row == BLAMED_MAX)
            return (int)e->class;
    }
    return blamed > 1 && !s->able ? (int)e->class : 0;
}

/* Nothing can be said about the mails of a batch that ended with an error. */
static void blame_none(struct imap_source *s)
{
    for (size_t i = 0; i < s->n_batch; i++) {
        if (s->batch[i].blamed)
            s->batch[i].fault = NULL;
    }
}

/* On an error some of the mails may have come all the same. */
static int batch_fetch(struct imap_source *s, struct err *e)
{
    uint32_t uids[BATCH_MAX];
    uint64_t bytes = batch_choose(s);
    size_t n = missing_uids(s, uids);
    int r = fetch_uids(s, uids, n, "UID BODY.PEEK[]", bytes, e);

    if (r && !can_go_on(s, e))
        return r;
    n = missing_uids(s, uids);
    r = fetch_uids(s, uids, n, "UID", IMAP_ANSWER_BYTES + (uint64_t)n * LIST_BYTES, e);
    if (!r)
        r = fetch_each_alone(s, e);
    if (r)
        blame_none(s);
    return r;
}

static int hand_out(struct imap_source *s, const struct fetched *f, struct source_message *m)
{
    buf_clear(&s->name);
    (void)buf_printf(&s->name, "mailbox %s: UID %" PRIu32, s->base.name, f->listed.uid);
    *m = (struct source_message){
        .key = message_key(s, f->listed.uid),
        .name = s->name.data,
        .bytes = blob_of_memory(NULL, 0),
        .arrived = f->listed.arrived,
        .id = f->listed.uid | (f->blamed ? stays : 0),
        .unreadable = f->fault,
    };
    if (f->too_large) {
        m->too_large = f->listed.size;
    } else if (f->len > s->message_max) {
        m->too_large = f->len; /* it was listed with less */
    } else {
        m->bytes = blob_of_memory(f->body, f->len);
    }
    return SOURCE_MESSAGE;
}

/* What was handed out before is not needed any more. */
static void batch_forget_last(struct imap_source *s)
{
    if (s->batch_at > 0) {
        imap_body_free(s->batch[s->batch_at - 1].body);
        s->batch[s->batch_at - 1].body = NULL;
    }
}

static int next_message(struct imap_source *s, struct source_message *m, struct err *e)
{
    struct err ignored; /* the next command says it again */

    batch_forget_last(s);
    int alive = imap_keep_alive(s->session, KEEP_ALIVE_SECONDS, &ignored);
    (void)alive;
    for (;;) {
        while (s->batch_at < s->n_batch) {
            const struct fetched *f = &s->batch[s->batch_at++];
            if (s->base.waiting)
                s->base.waiting--;
            if (f->too_large || f->here || f->fault)
                return hand_out(s, f, m);
        }
        batch_clear(s);
        if (s->failed) {
            *e = s->why;
            return (int)e->class;
        }
        if (s->at == s->n_list)
            return SOURCE_END;
        s->failed = batch_fetch(s, &s->why) != 0;
    }
}

/* --- waiting --- */

static int named(struct imap_source *s, int r, struct err *e)
{
    return r < 0 ? err_wrap(e, "mailbox %s", s->base.name) : r;
}

/* The mails that came since the folder was listed. */
static int list_new(struct imap_source *s, struct err *e)
{
    char command[128];

    s->n_list = s->at = 0;
    if (s->last_uid == UINT32_MAX)
        return err_set(e, ERR_TEMPORARY, "protocol", "the server has run out of UIDs");
    (void)snprintf(command, sizeof command,
        "UID FETCH %" PRIu32 ":* (UID%s RFC822.SIZE INTERNALDATE)", s->last_uid + 1,
        s->flags ? " FLAGS" : "");
    imap_receive(s->session, list_add_new, s);
    int r = imap_must(s->session, "listing new mails",
        IMAP_ANSWER_BYTES + (uint64_t)LIST_STEP * LIST_BYTES, command, e);
    imap_receive(s->session, NULL, NULL);
    list_sort(s);
    return r;
}

/* A mail that comes between the listing and the wait is told of by then. */
static int wait_for_mails(struct imap_source *s, struct err *e)
{
    uint32_t before;
    int r;

    batch_forget_last(s);
    batch_clear(s);
    do {
        before = imap_exists_now(s->session);
        r = list_new(s, e);
    } while (!r && !s->n_list && imap_exists_now(s->session) > before);
    if (!r && !s->n_list)
        r = imap_wait(s->session, s->set->idle, s->set->interval, e);
    if (r > 0 && !s->n_list)
        r = list_new(s, e);
    s->base.waiting = s->n_list;
    if (r < 0)
        return r;
    return s->n_list ? SOURCE_MESSAGE : SOURCE_END;
}

static int source_imap_wait(struct source *base, struct err *e)
{
    struct imap_source *s = (struct imap_source *)base;

    return named(s, wait_for_mails(s, e), e);
}

/* --- the source --- */

static int source_imap_next(struct source *base, struct source_message *m, struct err *e)
{
    struct imap_source *s = (struct imap_source *)base;
    int r = next_message(s, m, e);

    s->base.at_hand = s->n_batch - s->batch_at;
    return named(s, r, e);
}

static int source_imap_done(struct source *base, uint64_t id, enum message_kind kind, struct err *e)
{
    struct imap_source *s = (struct imap_source *)base;

    (void)e; /* nothing can fail here: flush does it */
    if (!(id & stays))
        imap_filing_add(s->filing, (uint32_t)id, kind);
    return 0;
}

static int source_imap_flush(struct source *base, struct err *e)
{
    struct imap_source *s = (struct imap_source *)base;

    return named(s, imap_filing_flush(s->filing, s->session, e), e);
}

static void source_imap_close(struct source *base)
{
    struct imap_source *s = (struct imap_source *)base;

    imap_session_close(s->session);
    batch_clear(s);
    buf_done(&s->key);
    buf_done(&s->name);
    imap_filing_free(s->filing);
    arena_free(s->arena);
    free(s->batch);
    free(s->list);
    free(s);
}

static const struct source_ops imap_ops = {
    .next = source_imap_next,
    .done = source_imap_done,
    .flush = source_imap_flush,
    .wait = source_imap_wait,
    .close = source_imap_close,
};

static struct imap_source *imap_source_new(
    const struct imap_settings *set, const struct limits *limits)
{
    struct imap_source *s = mem_alloc(sizeof *s);
    unsigned batch = set->batch_messages ? set->batch_messages : 1;

    s->arena = arena_new();
    s->set = set;
    s->message_max = limits->message;
    s->batch_size = batch < BATCH_MAX ? batch : BATCH_MAX;
    s->batch = mem_alloc(s->batch_size * sizeof *s->batch);
    buf_init(&s->key, KEY_MAX);
    buf_init(&s->name, IMAP_COMMAND_MAX);
    s->filing = imap_filing_new(set);
    s->changes = imap_filing_changes(set);
    for (int k = 0; k < MESSAGE_KINDS; k++) {
        enum disposal_how how = set->after[k].how;
        s->flags = s->flags || how != DISPOSE_LEAVE;
        s->stays = s->stays || how == DISPOSE_LEAVE || how == DISPOSE_FLAG;
    }
    s->base.ops = &imap_ops;
    s->base.name = set->name;
    return s;
}

int source_imap_open(struct source **out, const struct imap_settings *set,
    const struct limits *limits, struct err *e)
{
    struct imap_source *s = imap_source_new(set, limits);
    int r = imap_session_open(&s->session, set, e);

    if (!r)
        r = folder_names(s, e);
    if (!r)
        r = folder_open(s, e);
    if (!r)
        r = folder_list(s, e);
    if (r) {
        r = named(s, r, e);
        source_imap_close(&s->base);
        return r;
    }
    *out = &s->base;
    return 0;
}
