/*
 * An IMAP mailbox. The folder is listed once, when it is opened; the mails are then fetched ahead
 * in batches and handed out one at a time. With an archive folder, mails that are done are moved
 * there at each flush: by MOVE (RFC 6851), else by COPY, \Deleted and EXPUNGE. A connection that
 * breaks between COPY and EXPUNGE leaves a second copy in the archive, never none. Without an
 * archive folder the mailbox is opened read-only and nothing is sent that changes it.
 *
 * One mail that a server cannot give must not keep the others from being read: what a failed batch
 * leaves missing is fetched again mail by mail, in new sessions. A server that fails for all of
 * them is to blame itself, and the run ends with its error.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "ingest/imap_name.h"
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
    BATCH_MAX = 500,         /* mails named in one command: servers read lines of 8,000 bytes */
    RANGES_MAX = 350,        /* the same */
    FETCH_BYTES = 64 * 1024, /* for each mail, on top of twice the size it was listed with */
    MOVED_BYTES = 64,        /* for each mail that is moved: an EXPUNGE line, COPYUID */
    SEARCH_BYTES = 64 * 1024 * 1024, /* the numbers of all mails that are marked \Deleted */
    FETCH_TRIES = 2,                 /* for one mail alone */
    BLAMED_MAX = 5,                  /* mails in a row */
    KEY_SIZE = 32
};

/* Above the UID in a message's id: the mail stays where it is. */
static const uint64_t stays = UINT64_C(1) << 32;

struct listed {
    uint32_t uid;
    uint32_t size; /* 0: the server does not say */
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
    const char *folder;  /* on the wire, quoted */
    const char *archive; /* the same, or NULL */
    bool archive_made;

    struct listed *list; /* by UID */
    size_t n_list, list_size, at;

    struct fetched *batch;
    size_t n_batch, batch_size, batch_at;
    bool able; /* the server has given a mail */
    unsigned blamed_in_a_row;
    bool failed; /* nothing comes after this batch: */
    struct err why;

    uint32_t *finished; /* for the next flush */
    size_t n_finished, finished_size;

    char key[KEY_SIZE];
    struct buf name;
};

/* --- opening --- */

static int wire_name(
    struct imap_source *s, const char *name, char delimiter, const char **out, struct err *e)
{
    struct buf encoded, quoted;

    buf_init(&encoded, IMAP_COMMAND_MAX / 8);
    buf_init(&quoted, IMAP_COMMAND_MAX / 4);
    int r = imap_name_encode(&encoded, name, delimiter, e);
    if (!r && imap_quote(&quoted, encoded.data))
        r = err_set(e, ERR_CONFIG, "folder-name", "the name of a folder is too long");
    if (!r)
        *out = arena_strdup(s->arena, quoted.data);
    buf_done(&encoded);
    buf_done(&quoted);
    return r;
}

static bool same_folder(const char *a, const char *b)
{
    /* INBOX is the one name whose case means nothing (RFC 9051 section 5.1) */
    return !strcmp(a, b) || (!strcasecmp(a, "\"INBOX\"") && !strcasecmp(b, "\"INBOX\""));
}

static int folder_names(struct imap_source *s, struct err *e)
{
    char delimiter = '\0';
    int r = 0;

    if (strchr(s->set->folder, '/') || (s->set->archive && strchr(s->set->archive, '/')))
        r = imap_delimiter(s->session, &delimiter, e);
    if (!r)
        r = wire_name(s, s->set->folder, delimiter, &s->folder, e);
    if (!r && s->set->archive)
        r = wire_name(s, s->set->archive, delimiter, &s->archive, e);
    if (!r && s->archive && same_folder(s->folder, s->archive)) {
        r = err_set(
            e, ERR_CONFIG, "folder-name", "the archive is the folder itself: %s", s->set->folder);
    }
    return r;
}

/* Without an archive by EXAMINE, which cannot change anything. */
static int folder_open(struct imap_source *s, struct err *e)
{
    char words[IMAP_WORDS_MAX];
    int r = imap_select(s->session, s->folder, !s->archive, e);

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
    if (s->archive && imap_read_only(s->session)) {
        return err_set(e, ERR_CONFIG, "read-only",
            "folder %s: this user may only read it, so nothing can be moved to %s", s->set->folder,
            s->set->archive);
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

    if ((f->deleted && s->archive) || s->n_list == LIST_MAX)
        return;
    if (s->n_list == s->list_size) {
        s->list_size = s->list_size ? s->list_size * 2 : 1024;
        s->list = mem_realloc(s->list, s->list_size * sizeof *s->list);
    }
    s->list[s->n_list++] = (struct listed){.uid = f->uid, .size = f->size, .arrived = f->arrived};
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
        s->archive ? " FLAGS" : "", sizes ? " RFC822.SIZE INTERNALDATE" : "");
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

    if (imap_exists(s->session) > LIST_MAX && !s->archive) {
        return err_set(e, ERR_CONFIG, "too-many",
            "folder %s has more than %d mails; without an archive folder that is too many",
            s->set->folder, LIST_MAX);
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
    return 0;
}

/* --- handing out --- */

/* Appends "5:9,12", at most RANGES_MAX ranges. Returns how many of the UIDs these are. */
static size_t add_ranges(struct buf *out, const uint32_t *uids, size_t n)
{
    size_t at = 0;

    for (unsigned ranges = 0; at < n && ranges < RANGES_MAX; ranges++) {
        size_t last = at;
        while (last + 1 < n && uids[last + 1] <= uids[last] + 1)
            last++;
        (void)buf_printf(out, "%s%" PRIu32, ranges ? "," : "", uids[at]);
        if (last > at)
            (void)buf_printf(out, ":%" PRIu32, uids[last]);
        at = last + 1;
    }
    return at;
}

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
    (void)snprintf(
        s->key, sizeof s->key, "%" PRIu32 "/%" PRIu32, imap_uidvalidity(s->session), uid);
    return s->key;
}

static bool is_known(struct imap_source *s, uint32_t uid)
{
    return !s->archive && s->set->known &&
           s->set->known(s->set->context, s->base.name, message_key(s, uid));
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
        if (is_known(s, l->uid))
            continue;
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
        at += add_ranges(&command, uids + at, n - at);
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
    batch_forget_last(s);
    for (;;) {
        while (s->batch_at < s->n_batch) {
            const struct fetched *f = &s->batch[s->batch_at++];
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

/* --- archiving --- */

/* Makes the archive folder. What the server says to it is returned; many mail programs show only
 * folders that are subscribed to, but a refusal of that does not matter. */
static int archive_create(struct imap_source *s, struct err *e)
{
    struct buf b;

    buf_init(&b, IMAP_COMMAND_MAX);
    (void)buf_printf(&b, "CREATE %s", s->archive);
    int r = imap_command(s->session, "creating the archive", IMAP_ANSWER_BYTES, b.data, e);
    if (r == IMAP_OK) {
        buf_clear(&b);
        (void)buf_printf(&b, "SUBSCRIBE %s", s->archive);
        r = imap_command(s->session, "creating the archive", IMAP_ANSWER_BYTES, b.data, e);
        if (r > 0)
            r = IMAP_OK;
    }
    buf_done(&b);
    return r;
}

/* Moves or copies. When that is refused, the folder may be missing: servers should say so
 * (TRYCREATE), not all do. */
static int archive_command(
    struct imap_source *s, uint64_t bytes, const char *command, struct err *e)
{
    static const char doing[] = "archiving";
    char words[IMAP_WORDS_MAX];
    int r = imap_command(s->session, doing, bytes, command, e);

    if (r <= 0)
        return r;
    (void)imap_words(s->session, words);
    if (!s->archive_made) {
        s->archive_made = true;
        r = archive_create(s, e);
        if (r == IMAP_OK) {
            r = imap_command(s->session, doing, bytes, command, e);
            (void)imap_words(s->session, words);
        }
    }
    if (r <= 0)
        return r;
    return err_set(e, ERR_TEMPORARY, "archive-failed", "archive %s: the server says: %s",
        s->set->archive, words);
}

struct ours {
    const uint32_t *uids;
    size_t n;
    bool all;
};

static void is_ours(void *context, uint32_t uid)
{
    struct ours *o = context;

    if (!bsearch(&uid, o->uids, o->n, sizeof *o->uids, compare_uid))
        o->all = false;
}

/*
 * Without UID EXPUNGE (RFC 4315) a plain EXPUNGE takes every marked mail of the folder, so it is
 * used only when all of them are ours; else ours stay marked, and are not listed again.
 */
static int archive_expunge(struct imap_source *s, struct ours *o, const char *ranges, struct err *e)
{
    static const char doing[] = "removing archived mails";
    uint64_t bytes = IMAP_ANSWER_BYTES + (uint64_t)o->n * MOVED_BYTES;
    struct buf b;
    int r;

    if (imap_has(s->session, "UIDPLUS")) {
        buf_init(&b, IMAP_COMMAND_MAX);
        (void)buf_printf(&b, "UID EXPUNGE %s", ranges);
        r = imap_must(s->session, doing, bytes, b.data, e);
        buf_done(&b);
        return r;
    }
    r = imap_must(s->session, doing, SEARCH_BYTES, "UID SEARCH DELETED", e);
    if (r)
        return r;
    imap_each_found(s->session, is_ours, o);
    return o->all ? imap_must(s->session, doing, bytes, "EXPUNGE", e) : 0;
}

static int archive_by_copy(struct imap_source *s, struct ours *o, const char *ranges, struct err *e)
{
    uint64_t bytes = IMAP_ANSWER_BYTES + (uint64_t)o->n * MOVED_BYTES;
    struct buf b;

    buf_init(&b, IMAP_COMMAND_MAX);
    (void)buf_printf(&b, "UID COPY %s %s", ranges, s->archive);
    int r = archive_command(s, bytes, b.data, e);
    if (!r) {
        buf_clear(&b);
        (void)buf_printf(&b, "UID STORE %s +FLAGS.SILENT (\\Deleted)", ranges);
        r = imap_must(s->session, "marking archived mails", bytes, b.data, e);
    }
    buf_done(&b);
    return r ? r : archive_expunge(s, o, ranges, e);
}

/* As many of the mails as one command can name: *moved of them. */
static int archive_some(
    struct imap_source *s, const uint32_t *uids, size_t n, size_t *moved, struct err *e)
{
    struct buf ranges, command;
    int r;

    buf_init(&ranges, IMAP_COMMAND_MAX / 2);
    buf_init(&command, IMAP_COMMAND_MAX);
    *moved = add_ranges(&ranges, uids, n);
    if (imap_has(s->session, "MOVE")) {
        (void)buf_printf(&command, "UID MOVE %s %s", ranges.data, s->archive);
        r = archive_command(s, IMAP_ANSWER_BYTES + (uint64_t)*moved * MOVED_BYTES, command.data, e);
    } else {
        struct ours o = {.uids = uids, .n = *moved, .all = true};
        r = archive_by_copy(s, &o, ranges.data, e);
    }
    buf_done(&ranges);
    buf_done(&command);
    return r;
}

/* --- the source --- */

static int named(struct imap_source *s, int r, struct err *e)
{
    return r < 0 ? err_wrap(e, "mailbox %s", s->base.name) : r;
}

static int source_imap_next(struct source *base, struct source_message *m, struct err *e)
{
    struct imap_source *s = (struct imap_source *)base;

    return named(s, next_message(s, m, e), e);
}

static int source_imap_done(struct source *base, uint64_t id, enum outcome o, struct err *e)
{
    struct imap_source *s = (struct imap_source *)base;

    (void)e; /* nothing can fail here: flush does it */
    if (!s->archive || o == OUTCOME_DEFERRED || (id & stays))
        return 0;
    if (s->n_finished == s->finished_size) {
        s->finished_size = s->finished_size ? s->finished_size * 2 : 256;
        s->finished = mem_realloc(s->finished, s->finished_size * sizeof *s->finished);
    }
    s->finished[s->n_finished++] = (uint32_t)id;
    return 0;
}

static int source_imap_flush(struct source *base, struct err *e)
{
    struct imap_source *s = (struct imap_source *)base;
    size_t at = 0;
    int r = 0;

    if (!s->n_finished)
        return 0;
    qsort(s->finished, s->n_finished, sizeof *s->finished, compare_uid);
    while (!r && at < s->n_finished) {
        size_t moved;
        r = archive_some(s, s->finished + at, s->n_finished - at, &moved, e);
        if (!r)
            at += moved;
    }
    s->n_finished -= at;
    memmove(s->finished, s->finished + at, s->n_finished * sizeof *s->finished);
    return named(s, r, e);
}

static void source_imap_close(struct source *base)
{
    struct imap_source *s = (struct imap_source *)base;

    imap_session_close(s->session);
    batch_clear(s);
    buf_done(&s->name);
    arena_free(s->arena);
    free(s->batch);
    free(s->list);
    free(s->finished);
    free(s);
}

static const struct source_ops imap_ops = {
    .next = source_imap_next,
    .done = source_imap_done,
    .flush = source_imap_flush,
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
    buf_init(&s->name, IMAP_COMMAND_MAX);
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
