#include "ingest/imap_filing.h"

#include "base/arena.h"
#include "base/buf.h"
#include "ingest/imap_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    RANGES_MAX = 350, /* servers read lines of 8,000 bytes */
    MOVED_BYTES = 64  /* the answer, for each mail that is moved: an EXPUNGE line, COPYUID */
};

/* A keyword that is set with \\Deleted: what has it was moved or is to go, and not by anybody else.
 */
static const char our_mark[] = "$DmarcmillDone";

/* What is to be done with mails of one kind. */
struct way {
    const struct disposal *how;
    const char *folder; /* on the wire, quoted; NULL: is not moved */
    bool made;          /* it was tried to make the folder */
    uint32_t *uids;     /* what waits */
    size_t n, size;
};

struct imap_filing {
    const struct imap_settings *set;
    struct arena *arena;
    struct way ways[MESSAGE_KINDS];
    struct way unfinished; /* only to be expunged */
    bool told;             /* that mails stay behind */
    bool no_keywords;      /* the server takes none */
};

struct imap_filing *imap_filing_new(const struct imap_settings *set)
{
    struct imap_filing *f = mem_alloc(sizeof *f);

    f->set = set;
    f->arena = arena_new();
    for (int k = 0; k < MESSAGE_KINDS; k++)
        f->ways[k].how = &set->after[k];
    return f;
}

void imap_filing_free(struct imap_filing *f)
{
    if (!f)
        return;
    for (int k = 0; k < MESSAGE_KINDS; k++)
        free(f->ways[k].uids);
    free(f->unfinished.uids);
    arena_free(f->arena);
    free(f);
}

bool imap_filing_changes(const struct imap_settings *set)
{
    bool changes = false;

    for (int k = 0; k < MESSAGE_KINDS; k++)
        changes = changes || set->after[k].how != DISPOSE_LEAVE;
    return changes && !set->look_only;
}

static bool same_folder(const char *a, const char *b)
{
    /* INBOX is the one name whose case means nothing (RFC 9051 section 5.1) */
    return !strcmp(a, b) || (!strcasecmp(a, "\"INBOX\"") && !strcasecmp(b, "\"INBOX\""));
}

int imap_filing_names(
    struct imap_filing *f, const struct imap_names *names, const char *folder, struct err *e)
{
    for (int k = 0; k < MESSAGE_KINDS; k++) {
        struct way *w = &f->ways[k];
        if (w->how->how != DISPOSE_MOVE)
            continue;
        int r = imap_name_wire(f->arena, w->how->where, names, &w->folder, e);
        if (r)
            return r;
        if (same_folder(folder, w->folder)) {
            return err_set(e, ERR_CONFIG, "folder-name", "the archive is the folder itself: %s",
                w->how->where);
        }
    }
    return 0;
}

static bool has_flag(const char *flags, const char *flag)
{
    size_t n = strlen(flag);

    for (const char *at = flags; *at; at += strcspn(at, " "), at += *at == ' ') {
        if (strncasecmp(at, flag, n) == 0 && (at[n] == ' ' || !at[n]))
            return true;
    }
    return false;
}

bool imap_filing_lacks_flag(const struct imap_filing *f, enum message_kind kind, const char *flags)
{
    const struct disposal *d = f->ways[kind].how;

    return d->how == DISPOSE_FLAG && !has_flag(flags, d->where);
}

static void add_uid(struct way *w, uint32_t uid)
{
    if (w->n == w->size) {
        w->size = w->size ? w->size * 2 : 256;
        w->uids = mem_realloc(w->uids, w->size * sizeof *w->uids);
    }
    w->uids[w->n++] = uid;
}

void imap_filing_finish(struct imap_filing *f, uint32_t uid, const char *flags)
{
    if (has_flag(flags, our_mark))
        add_uid(&f->unfinished, uid);
}

void imap_filing_add(struct imap_filing *f, uint32_t uid, enum message_kind kind)
{
    struct way *w = &f->ways[kind];

    if (w->how->how == DISPOSE_LEAVE || f->set->look_only)
        return;
    add_uid(w, uid);
}

size_t imap_ranges(struct buf *out, const uint32_t *uids, size_t n)
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

/* Makes a folder. What the server says to it is returned; many mail programs show only folders that
 * are subscribed to, but a refusal of that does not matter. */
static int make_folder(struct imap_session *s, const char *folder, struct err *e)
{
    static const char doing[] = "creating the archive";
    struct buf b;

    buf_init(&b, IMAP_COMMAND_MAX);
    (void)buf_printf(&b, "CREATE %s", folder);
    int r = imap_command(s, doing, IMAP_ANSWER_BYTES, b.data, e);
    if (r == IMAP_OK) {
        buf_clear(&b);
        (void)buf_printf(&b, "SUBSCRIBE %s", folder);
        r = imap_command(s, doing, IMAP_ANSWER_BYTES, b.data, e);
        if (r > 0)
            r = IMAP_OK;
    }
    buf_done(&b);
    return r;
}

/* Moves or copies. When that is refused, the folder may be missing: servers should say so
 * (TRYCREATE), not all do. It is tried again even if the folder cannot be made: the session of
 * another folder may have been first. */
static int send_to_folder(
    struct way *w, struct imap_session *s, uint64_t bytes, const char *command, struct err *e)
{
    static const char doing[] = "archiving";
    char words[IMAP_WORDS_MAX];
    int r = imap_command(s, doing, bytes, command, e);

    if (r <= 0)
        return r;
    (void)imap_words(s, words);
    if (!w->made) {
        w->made = true;
        r = make_folder(s, w->folder, e);
        if (r >= 0) {
            r = imap_command(s, doing, bytes, command, e);
            (void)imap_words(s, words);
        }
    }
    if (r <= 0)
        return r;
    return err_set(e, ERR_TEMPORARY, "archive-failed", "archive %s: the server says: %s",
        w->how->where, words);
}

static int store_flag(
    struct imap_session *s, const char *ranges, const char *flag, uint64_t bytes, struct err *e)
{
    struct buf b;

    buf_init(&b, IMAP_COMMAND_MAX);
    (void)buf_printf(&b, "UID STORE %s +FLAGS.SILENT (%s)", ranges, flag);
    int r = imap_must(s, "marking mails", bytes, b.data, e);
    buf_done(&b);
    return r;
}

static void tell_left_behind(struct imap_filing *f)
{
    struct err why;

    if (f->told || !f->set->notice)
        return;
    f->told = true;
    (void)err_set(&why, ERR_INPUT, "no-uidplus",
        "the server has neither MOVE nor UIDPLUS: mails that are done stay in folder %s, marked "
        "as deleted, until a mail program expunges it",
        f->set->folder);
    f->set->notice(f->set->context, &why);
}

static int mark_deleted(struct imap_filing *f, struct imap_session *s, const char *ranges,
    uint64_t bytes, struct err *e)
{
    char both[40];

    (void)snprintf(both, sizeof both, "\\Deleted %s", our_mark);
    if (!f->no_keywords && store_flag(s, ranges, both, bytes, e) == 0)
        return 0;
    if (!f->no_keywords && strcmp(e->tag, "refused") != 0)
        return (int)e->class;
    f->no_keywords = true;
    return store_flag(s, ranges, "\\Deleted", bytes, e);
}

/* Marked mails are not listed again, so those that stay behind do no harm. */
static int expunge(struct imap_filing *f, struct imap_session *s, const char *ranges,
    uint64_t bytes, struct err *e)
{
    struct buf b;

    if (!imap_has(s, "UIDPLUS")) {
        tell_left_behind(f);
        return 0;
    }
    buf_init(&b, IMAP_COMMAND_MAX);
    (void)buf_printf(&b, "UID EXPUNGE %s", ranges);
    int r = imap_must(s, "removing mails", bytes, b.data, e);
    buf_done(&b);
    return r;
}

static int remove_mails(struct imap_filing *f, struct imap_session *s, const char *ranges,
    uint64_t bytes, struct err *e)
{
    int r = mark_deleted(f, s, ranges, bytes, e);

    return r ? r : expunge(f, s, ranges, bytes, e);
}

static int move(struct imap_filing *f, struct way *w, struct imap_session *s, const char *ranges,
    uint64_t bytes, struct err *e)
{
    bool at_once = imap_has(s, "MOVE");
    struct buf b;

    buf_init(&b, IMAP_COMMAND_MAX);
    (void)buf_printf(&b, "UID %s %s %s", at_once ? "MOVE" : "COPY", ranges, w->folder);
    int r = send_to_folder(w, s, bytes, b.data, e);
    buf_done(&b);
    return r || at_once ? r : remove_mails(f, s, ranges, bytes, e);
}

/* As many of the mails as one command can name: *n of them. */
static int dispose_some(struct imap_filing *f, struct way *w, struct imap_session *s, size_t from,
    size_t *n, struct err *e)
{
    struct buf ranges;
    int r = 0;

    buf_init(&ranges, IMAP_COMMAND_MAX / 2);
    *n = imap_ranges(&ranges, w->uids + from, w->n - from);
    uint64_t bytes = IMAP_ANSWER_BYTES + (uint64_t)*n * MOVED_BYTES;
    if (w == &f->unfinished) {
        r = expunge(f, s, ranges.data, bytes, e);
    } else if (w->how->how == DISPOSE_MOVE) {
        r = move(f, w, s, ranges.data, bytes, e);
    } else if (w->how->how == DISPOSE_DELETE) {
        r = remove_mails(f, s, ranges.data, bytes, e);
    } else {
        r = store_flag(s, ranges.data, w->how->where, bytes, e);
    }
    buf_done(&ranges);
    return r;
}

static int compare_uid(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static int flush_way(struct imap_filing *f, struct way *w, struct imap_session *s, struct err *e)
{
    size_t at = 0;
    int r = 0;

    if (!w->n)
        return 0;
    qsort(w->uids, w->n, sizeof *w->uids, compare_uid);
    while (!r && at < w->n) {
        size_t n;
        r = dispose_some(f, w, s, at, &n, e);
        if (!r)
            at += n;
    }
    w->n -= at;
    memmove(w->uids, w->uids + at, w->n * sizeof *w->uids);
    return r;
}

int imap_filing_flush(struct imap_filing *f, struct imap_session *s, struct err *e)
{
    int r = flush_way(f, &f->unfinished, s, e);

    for (int k = 0; k < MESSAGE_KINDS && !r; k++)
        r = flush_way(f, &f->ways[k], s, e);
    return r;
}
