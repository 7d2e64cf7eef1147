/*
 * An IMAP mailbox. The folder is listed once, when it is opened; the mails are then fetched ahead
 * in batches and handed out one at a time. With an archive folder, mails that are done are moved
 * there at each flush: by MOVE (RFC 6851), else by COPY, \Deleted and EXPUNGE. A connection that
 * breaks between COPY and EXPUNGE leaves a second copy in the archive, never none. Without an
 * archive folder the mailbox is opened read-only and nothing is sent that changes it.
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
    LIST_MAX = 4 * 1000 * 1000,
    BATCH_MAX = 500,         /* mails named in one command: servers read lines of 8,000 bytes */
    RANGES_MAX = 350,        /* the same */
    FETCH_BYTES = 64 * 1024, /* for each mail, on top of twice the size it was listed with */
    MOVED_BYTES = 64,        /* for each mail that is moved: an EXPUNGE line, COPYUID */
    SEARCH_BYTES = 64 * 1024 * 1024, /* the numbers of all mails that are marked \Deleted */
    KEY_SIZE = 32
};

struct listed {
    uint32_t uid;
    uint32_t size;
    int64_t arrived;
};

struct fetched {
    struct listed listed;
    bool too_large;
    bool here; /* it came; else it has gone meanwhile */
    char *body;
    size_t len;
};

struct imap_source {
    struct source base;
    struct arena *arena;
    struct imap_settings set; /* its strings are in the arena; without the password */
    uint64_t message_max;
    struct imap_session *session;
    const char *folder;  /* on the wire, quoted */
    const char *archive; /* the same, or NULL */
    bool archive_made;

    struct listed *list; /* by UID */
    size_t n_list, list_size, at;

    struct fetched *batch;
    size_t n_batch, batch_size, batch_at;

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

    if (strchr(s->set.folder, '/') || (s->set.archive && strchr(s->set.archive, '/')))
        r = imap_delimiter(s->session, &delimiter, e);
    if (!r)
        r = wire_name(s, s->set.folder, delimiter, &s->folder, e);
    if (!r && s->set.archive)
        r = wire_name(s, s->set.archive, delimiter, &s->archive, e);
    if (!r && s->archive && same_folder(s->folder, s->archive)) {
        r = err_set(
            e, ERR_CONFIG, "folder-name", "the archive is the folder itself: %s", s->set.folder);
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
            s->set.folder, imap_words(s->session, words));
    }
    if (r < 0)
        return r;
    if (!imap_uidvalidity(s->session)) {
        return err_set(e, ERR_TEMPORARY, "protocol", "folder %s: the server gives no UIDVALIDITY",
            s->set.folder);
    }
    if (s->archive && imap_read_only(s->session)) {
        return err_set(e, ERR_CONFIG, "read-only",
            "folder %s: this user may only read it, so nothing can be moved to %s", s->set.folder,
            s->set.archive);
    }
    return 0;
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

/* Message numbers do not change while nothing but FETCH is used (RFC 9051 section 7.5.1), so the
 * folder can be listed in steps that need little memory. */
static int folder_list(struct imap_source *s, struct err *e)
{
    const char *what =
        s->archive ? "UID RFC822.SIZE INTERNALDATE FLAGS" : "UID RFC822.SIZE INTERNALDATE";
    uint64_t exists = imap_exists(s->session);
    int r = 0;

    if (exists > LIST_MAX && !s->archive) {
        return err_set(e, ERR_CONFIG, "too-many",
            "folder %s has more than %d mails; without an archive folder that is too many",
            s->set.folder, LIST_MAX);
    }
    imap_receive(s->session, list_add, s);
    for (uint64_t from = 1; !r && from <= exists && s->n_list < LIST_MAX; from += LIST_STEP) {
        uint64_t to = from + LIST_STEP - 1 < exists ? from + LIST_STEP - 1 : exists;
        char command[128];
        (void)snprintf(
            command, sizeof command, "FETCH %" PRIu64 ":%" PRIu64 " (%s)", from, to, what);
        r = imap_must(s->session, "listing the folder",
            IMAP_ANSWER_BYTES + (uint64_t)LIST_STEP * LIST_BYTES, command, e);
    }
    imap_receive(s->session, NULL, NULL);
    list_sort(s);
    return r;
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

    if (!in->has_body || !f || f->here)
        return;
    f->here = true;
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
    return !s->archive && s->set.known &&
           s->set.known(s->set.context, s->base.name, message_key(s, uid));
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
        if (!too_large && bytes && bytes + l->size > s->set.batch_bytes)
            break;
        s->batch[s->n_batch++] = (struct fetched){.listed = *l, .too_large = too_large};
        if (!too_large) {
            bytes += l->size;
            may_come += (uint64_t)l->size * 2 + FETCH_BYTES;
        }
    }
    return may_come;
}

/* Mails that have gone meanwhile are no error; RFC 5530 gives such a NO this code. */
static int fetch_some(struct imap_source *s, uint64_t bytes, const char *command, struct err *e)
{
    int r = imap_command(s->session, "fetching", bytes, command, e);

    if (r == IMAP_NO && imap_code(s->session, "EXPUNGEISSUED"))
        return 0;
    return r > 0 ? imap_refused(s->session, "fetching", e) : r;
}

static int batch_fetch(struct imap_source *s, struct err *e)
{
    uint32_t uids[BATCH_MAX];
    size_t n = 0;
    uint64_t bytes = batch_choose(s);
    struct buf command;
    int r = 0;

    for (size_t i = 0; i < s->n_batch; i++) {
        if (!s->batch[i].too_large)
            uids[n++] = s->batch[i].listed.uid;
    }
    buf_init(&command, IMAP_COMMAND_MAX);
    imap_receive(s->session, batch_take, s);
    for (size_t at = 0; !r && at < n;) {
        buf_clear(&command);
        (void)buf_adds(&command, "UID FETCH ");
        at += add_ranges(&command, uids + at, n - at);
        (void)buf_adds(&command, " (UID BODY.PEEK[])");
        r = fetch_some(s, bytes, command.data, e);
    }
    imap_receive(s->session, NULL, NULL);
    buf_done(&command);
    return r;
}

static int hand_out(
    struct imap_source *s, const struct fetched *f, struct source_message *m, struct err *e)
{
    if (!f->too_large && !f->len && f->listed.size) {
        return err_set(e, ERR_INPUT, "empty",
            "UID %" PRIu32 ": listed with %" PRIu32 " bytes, but the server gives none",
            f->listed.uid, f->listed.size);
    }
    buf_clear(&s->name);
    (void)buf_printf(&s->name, "mailbox %s: UID %" PRIu32, s->base.name, f->listed.uid);
    *m = (struct source_message){
        .key = message_key(s, f->listed.uid),
        .name = s->name.data,
        .bytes = blob_of_memory(NULL, 0),
        .arrived = f->listed.arrived,
        .id = f->listed.uid,
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
            if (f->too_large || f->here)
                return hand_out(s, f, m, e);
        }
        batch_clear(s);
        if (s->at == s->n_list)
            return SOURCE_END;
        int r = batch_fetch(s, e);
        if (r) {
            batch_clear(s);
            return r;
        }
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
        s->set.archive, words);
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
    if (!s->archive || o == OUTCOME_DEFERRED)
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
    s->set = (struct imap_settings){
        .name = arena_strdup(s->arena, set->name),
        .folder = arena_strdup(s->arena, set->folder),
        .archive = set->archive ? arena_strdup(s->arena, set->archive) : NULL,
        .batch_bytes = set->batch_bytes,
        .known = set->known,
        .context = set->context,
    };
    s->message_max = limits->message;
    s->batch_size = batch < BATCH_MAX ? batch : BATCH_MAX;
    s->batch = mem_alloc(s->batch_size * sizeof *s->batch);
    buf_init(&s->name, IMAP_COMMAND_MAX);
    s->base.ops = &imap_ops;
    s->base.name = s->set.name;
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
