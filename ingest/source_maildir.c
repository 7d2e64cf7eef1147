#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "ingest/file.h"
#include "ingest/source.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    NAME_TRIES = 100,
    WAIT_STEP_MS = 500,
    FOLDER_MODE = 0700,
    MOVE_TAKEN = 1 /* another file has that name */
};

static const char info_mark[] = ":2,"; /* after it come the flags */

/* The flags of IMAP that a Maildir can hold. */
static const struct {
    const char *name;
    char letter;
} letters[] = {
    {"\\Flagged", 'F'}, {"\\Seen", 'S'}, {"\\Answered", 'R'}, {"\\Draft", 'D'}, {"\\Deleted", 'T'}};

struct item {
    const char *name;
    bool is_new;     /* in new/, else in cur/ */
    bool unreadable; /* it stays where it is */
};

struct maildir {
    struct source source; /* first */
    const struct maildir_settings *set;
    const struct limits *limits;
    struct arena *listing; /* lives as long as the source */
    struct arena *scratch; /* paths and names of the current call */
    struct item *items;
    size_t n, at;
    bool listed;
    struct timespec as_of; /* of new/, before it was listed */
    struct file file;
    struct err why; /* the current one is unreadable */
};

static struct maildir *maildir_of(struct source *s)
{
    return (struct maildir *)s;
}

/* ---- listing ---- */

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_message(const struct dirent *x)
{
    return x->d_name[0] != '.' && strncmp(x->d_name, "dovecot", 7) != 0;
}

static int list(struct maildir *d, const char *folder, bool is_new, struct err *e)
{
    struct dirent **found = NULL;
    int n = scandir(
        arena_printf(d->scratch, "%s/%s", d->set->path, folder), &found, is_message, by_name);

    if (n < 0) {
        return err_set(e, ERR_TEMPORARY, "read-failed", "%s/%s: %s", d->set->path, folder,
            strerrordesc_np(errno));
    }
    for (int i = 0; i < n; i++) {
        d->items = arena_grow(d->listing, d->items, &d->n, sizeof *d->items);
        d->items[d->n - 1] =
            (struct item){.name = arena_strdup(d->listing, found[i]->d_name), .is_new = is_new};
        free(found[i]);
    }
    free(found);
    return 0;
}

/* ---- messages ---- */

static const char *path_of(struct maildir *d, const struct item *x)
{
    return arena_printf(d->scratch, "%s/%s/%s", d->set->path, x->is_new ? "new" : "cur", x->name);
}

/* The unique part of a file name: other programs change only what follows. */
static char *unique_name(struct maildir *d, const char *name)
{
    return arena_strndup(d->scratch, name, strcspn(name, ":"));
}

static void describe(struct maildir *d, const struct item *x, struct source_message *m)
{
    char *unique = unique_name(d, x->name);
    uint64_t size = d->file.bytes.len;

    m->key = unique;
    m->name = arena_printf(d->scratch, "mailbox %s: %s", d->set->name, unique);
    m->arrived = d->file.modified;
    m->too_large = size > d->limits->message ? size : 0;
    m->bytes = m->too_large ? blob_of_memory("", 0) : d->file.bytes;
    m->unreadable = NULL;
    m->id = (uint64_t)(x - d->items) + 1;
}

static void describe_unreadable(struct maildir *d, const struct item *x, struct source_message *m)
{
    describe(d, x, m); /* no file is open */
    m->arrived = -1;
    m->unreadable = &d->why;
}

static bool is_to_stay(const struct maildir *d, enum message_kind kind)
{
    enum disposal_how how = d->set->after[kind].how;

    return how == DISPOSE_LEAVE || how == DISPOSE_FLAG;
}

/* In new/ nothing has been done, and in cur/ may wait what is to be moved or deleted. But what
 * could not be read is told once only, wherever it lies. */
static bool is_known(struct maildir *d, const struct item *x)
{
    enum message_kind kind;

    if ((x->is_new && !x->unreadable) || !d->set->known ||
        !d->set->known(d->set->context, d->set->name, unique_name(d, x->name), &kind))
        return false;
    return x->unreadable || is_to_stay(d, kind);
}

/* 1: the mail is open, or known to be unreadable; 0: there is nothing to do with it. */
static int open_item(struct maildir *d, struct item *x, struct err *e)
{
    if (is_known(d, x))
        return 0;
    int r = file_open(&d->file, path_of(d, x), false, e);
    if (r == 0)
        return 1;
    if (r != ERR_INPUT)
        return r;
    if (strcmp(e->tag, "not-found") == 0)
        return 0; /* somebody else has moved or deleted it meanwhile */
    d->why = *e;
    x->unreadable = true;
    return !is_known(d, x);
}

/* When something came into new/ last. */
static struct timespec changed(struct maildir *d)
{
    struct stat st = {0};

    (void)stat(arena_printf(d->scratch, "%s/new", d->set->path), &st);
    return st.st_mtim;
}

static int maildir_next(struct source *s, struct source_message *m, struct err *e)
{
    struct maildir *d = maildir_of(s);
    int r = 0;

    file_close(&d->file);
    arena_reset(d->scratch);
    if (!d->listed) {
        d->listed = true;
        d->as_of = changed(d);
        r = list(d, "new", true, e);
        if (r == 0)
            r = list(d, "cur", false, e);
        if (r < 0)
            return r;
        s->waiting = d->n;
    }
    while (d->at < d->n) {
        struct item *x = &d->items[d->at++];

        s->waiting = d->n - d->at;

        arena_reset(d->scratch);
        r = open_item(d, x, e);
        if (r < 0)
            return r;
        if (r == 1) {
            (x->unreadable ? describe_unreadable : describe)(d, x, m);
            return SOURCE_MESSAGE;
        }
    }
    return SOURCE_END;
}

/* ---- moving ---- */

static bool same_file(const char *a, const char *b)
{
    struct stat x;
    struct stat y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The flags of the name, and these two; they are kept in ASCII order. */
static const char *flags_with(struct maildir *d, const char *name, char first, char second)
{
    const char *info = strstr(name, info_mark);
    const char *flags = info ? info + strlen(info_mark) : "";
    char out[26 * 2 + 1];
    size_t n = 0;

    for (int c = 'A'; c <= 'z'; c++) {
        if (isalpha(c) && (strchr(flags, c) || c == first || c == second))
            out[n++] = (char)c;
    }
    return arena_strndup(d->scratch, out, n);
}

/* rename() would overwrite; link() does not. A crash in between leaves both names, which the next
 * run settles. */
static int move(const char *from, const char *to, struct err *e)
{
    if (strcmp(from, to) == 0)
        return 0;
    if (link(from, to) < 0 && !(errno == EEXIST && same_file(from, to))) {
        if (errno == EEXIST)
            return MOVE_TAKEN;
        if (errno == ENOENT && access(from, F_OK) < 0)
            return 0; /* somebody else has moved it */
        return err_set(e, ERR_TEMPORARY, "move-failed", "cannot move %s to %s: %s", from, to,
            strerrordesc_np(errno));
    }
    if (unlink(from) < 0 && errno != ENOENT) {
        return err_set(
            e, ERR_TEMPORARY, "move-failed", "cannot remove %s: %s", from, strerrordesc_np(errno));
    }
    return 0;
}

/* To cur/ of a Maildir under a name that is free there. */
static int move_to(
    struct maildir *d, const struct item *x, const char *folder, char flag, struct err *e)
{
    struct arena *a = d->scratch;
    const char *unique = unique_name(d, x->name);
    const char *flags = flags_with(d, x->name, 'S', flag);
    const char *from = path_of(d, x);

    for (int i = 0; i < NAME_TRIES; i++) {
        const char *name = i == 0 ? unique : arena_printf(a, "%s_%d", unique, i);
        int r = move(from, arena_printf(a, "%s/cur/%s%s%s", folder, name, info_mark, flags), e);

        if (r != MOVE_TAKEN)
            return r;
    }
    return err_set(
        e, ERR_TEMPORARY, "move-failed", "%s/cur has too many files named %s", folder, unique);
}

static int delete (struct maildir *d, const struct item *x, struct err *e)
{
    const char *path = path_of(d, x);

    if (unlink(path) == 0 || errno == ENOENT)
        return 0;
    return err_set(
        e, ERR_TEMPORARY, "move-failed", "cannot remove %s: %s", path, strerrordesc_np(errno));
}

static char flag_letter(const char *flag)
{
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (strcasecmp(letters[i].name, flag) == 0)
            return letters[i].letter;
    }
    return '\0';
}

static int maildir_done(struct source *s, uint64_t id, enum message_kind kind, struct err *e)
{
    struct maildir *d = maildir_of(s);
    const struct disposal *after = &d->set->after[kind];
    const struct item *x;

    if (id == 0 || id > d->n)
        return err_set(e, ERR_BUG, "source", "done called for no message");
    x = &d->items[id - 1];
    if (x->unreadable || d->set->look_only)
        return 0;
    if (after->how == DISPOSE_MOVE)
        return move_to(d, x, after->where, 'S', e);
    if (after->how == DISPOSE_DELETE)
        return delete (d, x, e);
    if (after->how == DISPOSE_FLAG)
        return move_to(d, x, d->set->path, flag_letter(after->where), e);
    return x->is_new ? move_to(d, x, d->set->path, 'S', e) : 0;
}

static bool asked_to_stop(const struct maildir *d)
{
    return d->set->stop && d->set->stop(d->set->context);
}

static int maildir_wait(struct source *s, struct err *e)
{
    static const struct timespec pause = {.tv_nsec = WAIT_STEP_MS * 1000000L};
    struct maildir *d = maildir_of(s);
    int64_t until = when_monotonic_ms() + (int64_t)d->set->interval * 1000;
    bool news = false;

    file_close(&d->file);
    while (!news && when_monotonic_ms() < until) {
        if (asked_to_stop(d))
            return err_set(e, ERR_TEMPORARY, "interrupted", "stopped while mails are awaited");
        (void)nanosleep(&pause, NULL);
        arena_reset(d->scratch);
        struct timespec now = changed(d);
        news = now.tv_sec != d->as_of.tv_sec || now.tv_nsec != d->as_of.tv_nsec;
    }
    arena_reset(d->listing);
    d->items = NULL;
    d->n = d->at = 0;
    d->listed = false;
    return SOURCE_MESSAGE;
}

static int maildir_flush(struct source *s, struct err *e)
{
    (void)s;
    (void)e;
    return 0;
}

static void maildir_close(struct source *s)
{
    struct maildir *d = maildir_of(s);

    file_close(&d->file);
    arena_free(d->listing);
    arena_free(d->scratch);
    free(d);
}

/* ---- opening ---- */

static const struct source_ops maildir_ops = {
    .next = maildir_next,
    .done = maildir_done,
    .flush = maildir_flush,
    .wait = maildir_wait,
    .close = maildir_close,
};

static int check_folder(const char *path, dev_t *device, struct err *e)
{
    struct stat st;

    if (stat(path, &st) < 0 && errno == ENOENT) {
        return err_set(e, ERR_CONFIG, "maildir",
            "there is no folder %s (a Maildir has cur, new and tmp)", path);
    }
    if (stat(path, &st) < 0)
        return err_set(e, ERR_CONFIG, "maildir", "%s: %s", path, strerrordesc_np(errno));
    if (!S_ISDIR(st.st_mode))
        return err_set(e, ERR_CONFIG, "maildir", "%s: not a folder", path);
    *device = st.st_dev;
    return 0;
}

static int make_maildir(struct maildir *d, const char *path, struct err *e)
{
    static const char *const below[] = {"", "/tmp", "/new", "/cur"};

    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
        const char *one = arena_printf(d->scratch, "%s%s", path, below[i]);

        if (mkdir(one, FOLDER_MODE) < 0 && errno != EEXIST) {
            return err_set(
                e, ERR_CONFIG, "maildir", "cannot create %s: %s", one, strerrordesc_np(errno));
        }
    }
    return 0;
}

/* Can mails go there? */
static int check_target(struct maildir *d, const char *path, dev_t here, struct err *e)
{
    dev_t there = 0;
    int r = d->set->look_only ? 0 : make_maildir(d, path, e);

    if (r == 0 && !d->set->look_only)
        r = check_folder(arena_printf(d->scratch, "%s/cur", path), &there, e);
    if (r == 0 && !d->set->look_only && here != there) {
        r = err_set(e, ERR_CONFIG, "maildir",
            "the archive %s must be on the same file system as %s", path, d->set->path);
    }
    return r;
}

static int check_maildir(struct maildir *d, struct err *e)
{
    struct arena *a = d->scratch;
    dev_t here = 0;
    int r = check_folder(arena_printf(a, "%s/cur", d->set->path), &here, e);

    if (r == 0)
        r = check_folder(arena_printf(a, "%s/new", d->set->path), &here, e);
    for (int k = 0; k < MESSAGE_KINDS && r == 0; k++) {
        const struct disposal *after = &d->set->after[k];
        if (after->how == DISPOSE_MOVE)
            r = check_target(d, after->where, here, e);
        if (after->how == DISPOSE_FLAG && !flag_letter(after->where)) {
            r = err_set(e, ERR_CONFIG, "maildir", "a Maildir has no flag %s", after->where);
        }
    }
    return r;
}

int source_maildir_open(struct source **out, const struct maildir_settings *set,
    const struct limits *limits, struct err *e)
{
    struct maildir *d = mem_alloc(sizeof *d);
    int r;

    d->source.ops = &maildir_ops;
    d->source.name = set->name;
    d->set = set;
    d->limits = limits;
    d->listing = arena_new();
    d->scratch = arena_new();
    d->file.fd = -1;
    r = check_maildir(d, e);
    if (r < 0) {
        maildir_close(&d->source);
    } else {
        *out = &d->source;
    }
    return r;
}
