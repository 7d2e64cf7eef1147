#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "ingest/file.h"
#include "ingest/mbox.h"
#include "ingest/source.h"
#include "ingest/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SPOOL_IN_MEMORY = 1024 * 1024,
    PIECE = 64 * 1024
};

/* not /tmp: that may be in memory */
#define SPOOL_FOLDER "/var/tmp"

struct files {
    struct source source; /* first */
    const char *const *paths;
    size_t n, at;
    const struct limits *limits;
    uint64_t next_id;
    struct arena *names; /* of the current message */

    FTS *tree; /* the folder that is being walked */
    char *root;

    struct file file; /* the one that is open */
    char *path;       /* its path, as it is shown; NULL: none is open */
    struct buf input; /* a small standard input */
    bool in_mbox;
    struct mbox mbox;
    struct buf mail; /* of the mbox */
    uint64_t mail_number;
};

static struct files *files_of(struct source *s)
{
    return (struct files *)s;
}

static void close_tree(struct files *f)
{
    if (f->tree)
        (void)fts_close(f->tree);
    free(f->root);
    f->tree = NULL;
    f->root = NULL;
}

static void close_file(struct files *f)
{
    mbox_close(&f->mbox);
    f->in_mbox = false;
    file_close(&f->file);
    buf_done(&f->input);
    free(f->path);
    f->path = NULL;
}

/* ---- folders ---- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int open_tree(struct files *f, const char *path, struct err *e)
{
    char *roots[2] = {mem_strdup(path), NULL};

    f->root = roots[0];
    f->tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    if (f->tree)
        return 0;
    close_tree(f);
    return err_set(e, ERR_TEMPORARY, "read-failed", "%s", strerrordesc_np(errno));
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool has_folder(struct files *f, const char *path, const char *name)
{
    return is_folder(arena_printf(f->names, "%s/%s", path, name));
}

static bool is_maildir(struct files *f, const char *path)
{
    return has_folder(f, path, "cur") && has_folder(f, path, "new") && has_folder(f, path, "tmp");
}

/* fts_number tells that a folder is a Maildir: only cur and new are walked, indexes and mails in
 * delivery are not. */
static void enter_folder(struct files *f, FTSENT *x)
{
    bool in_maildir = x->fts_level > 0 && x->fts_parent->fts_number == 1;
    bool hidden = x->fts_level > 0 && x->fts_name[0] == '.';
    bool wanted = strcmp(x->fts_name, "cur") == 0 || strcmp(x->fts_name, "new") == 0;

    if (hidden || (in_maildir && !wanted)) {
        (void)fts_set(f->tree, x, FTS_SKIP);
    } else {
        x->fts_number = is_maildir(f, x->fts_path);
    }
}

static bool is_wanted_file(const FTSENT *x)
{
    return x->fts_name[0] != '.' && strncmp(x->fts_name, "dovecot", 7) != 0 &&
           x->fts_parent->fts_number != 1;
}

static int unreadable(const FTSENT *x, const char *why, struct err *e)
{
    char shown[300];

    text_safe_into(shown, sizeof shown, x->fts_path);
    return err_set(e, ERR_INPUT, "unreadable", "%s: %s", shown, why);
}

/* NULL is the end only if errno is 0. */
static FTSENT *fts_next(FTS *tree)
{
    errno = 0;
    return fts_read(tree);
}

/* Opens the next file of the tree: 1, 0 at its end, or an error. Links in it are passed over. */
static int next_in_tree(struct files *f, struct err *e)
{
    FTSENT *x;
    int r;

    while ((x = fts_next(f->tree)) != NULL) {
        switch (x->fts_info) {
        case FTS_D:
            enter_folder(f, x);
            break;
        case FTS_F:
            if (!is_wanted_file(x))
                break;
            r = file_open(&f->file, x->fts_path, false, e);
            if (r < 0)
                return r;
            f->path = mem_strdup(x->fts_path);
            return 1;
        case FTS_DNR:
        case FTS_ERR:
        case FTS_NS:
            return unreadable(x, strerrordesc_np(x->fts_errno), e);
        case FTS_DEFAULT:
            return unreadable(x, "neither a file nor a folder", e);
        default:
            break;
        }
    }
    if (errno)
        return err_set(e, ERR_TEMPORARY, "read-failed", "%s: %s", f->root, strerrordesc_np(errno));
    close_tree(f);
    return 0;
}

/* ---- standard input ---- */

static int write_all(int fd, const char *bytes, size_t len, struct err *e)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            return err_set(e, ERR_TEMPORARY, "write-failed", "cannot keep standard input in %s: %s",
                SPOOL_FOLDER, strerrordesc_np(errno));
        }
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static int open_spool(struct files *f, struct err *e)
{
    char name[] = SPOOL_FOLDER "/dmarcmill-XXXXXX";

    f->file.fd = mkostemp(name, O_CLOEXEC);
    if (f->file.fd < 0) {
        return err_set(e, ERR_TEMPORARY, "write-failed", "cannot create a file in %s: %s",
            SPOOL_FOLDER, strerrordesc_np(errno));
    }
    (void)unlink(name);
    return 0;
}

/* A file without a name takes what is too much for memory. */
static int spool(struct files *f, const char *bytes, size_t len, struct err *e)
{
    int r = 0;

    if (f->file.fd < 0) {
        r = open_spool(f, e);
        if (r == 0)
            r = write_all(f->file.fd, f->input.data, f->input.len, e);
    }
    return r == 0 ? write_all(f->file.fd, bytes, len, e) : r;
}

static int read_input(struct files *f, struct err *e)
{
    char piece[PIECE];
    uint64_t total = 0;

    buf_init(&f->input, SPOOL_IN_MEMORY);
    for (;;) {
        ssize_t n = read(STDIN_FILENO, piece, sizeof piece);
        int r = 0;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            return err_set(
                e, ERR_INPUT, "unreadable", "standard input: %s", strerrordesc_np(errno));
        }
        if (n == 0)
            break;
        total += (size_t)n;
        if (total > f->limits->unpacked)
            return err_set(e, ERR_INPUT, "limit-size", "standard input: over the limit");
        if (f->file.fd >= 0 || buf_add(&f->input, piece, (size_t)n) < 0)
            r = spool(f, piece, (size_t)n, e);
        if (r < 0)
            return r;
    }
    f->file.bytes = f->file.fd >= 0 ? blob_of_file(f->file.fd, 0, total)
                                    : blob_of_memory(f->input.data, f->input.len);
    f->file.modified = -1;
    f->path = mem_strdup("-");
    return 0;
}

/* ---- messages ---- */

/* Opens something more: 1 when a file is open now, 0 to be called again, -1 via error; at the end
 * *ended is set. */
static int open_next(struct files *f, bool *ended, struct err *e)
{
    const char *path;
    int r;

    if (f->tree)
        return next_in_tree(f, e);
    if (f->at == f->n) {
        *ended = true;
        return 0;
    }
    path = f->paths[f->at++];
    if (strcmp(path, "-") == 0) {
        r = read_input(f, e);
        return r < 0 ? r : 1;
    }
    r = file_open(&f->file, path, true, e);
    if (r < 0)
        return is_folder(path) ? open_tree(f, path, e) : r;
    f->path = mem_strdup(path);
    return 1;
}

/* Is the file that has just been opened an mbox? */
static int look(struct files *f, struct err *e)
{
    unsigned char head[CONTENT_HEAD];
    size_t got;
    int r = blob_read(&f->file.bytes, 0, head, sizeof head, &got, e);

    if (r < 0)
        return r;
    f->in_mbox = content_sniff(head, got) == CONTENT_MBOX;
    if (f->in_mbox)
        mbox_open(&f->mbox, f->file.bytes);
    f->mail_number = 0;
    return 0;
}

static void whole_file(struct files *f, struct source_message *m)
{
    m->key = f->path;
    m->name = f->path;
    m->bytes = f->file.bytes;
    m->arrived = f->file.modified;
    m->too_large = 0;
    m->id = f->next_id++;
}

/* The next mail of the mbox: 1, or 0 when there is none left. */
static int next_in_mbox(struct files *f, struct source_message *m, struct err *e)
{
    struct mbox_mail info;
    int r = mbox_next(&f->mbox, &f->mail, &info, e);

    if (r != 1)
        return r;
    f->mail_number++;
    m->key = arena_printf(f->names, "%s:%llu", f->path, (unsigned long long)info.offset);
    m->name =
        arena_printf(f->names, "%s: message %llu", f->path, (unsigned long long)f->mail_number);
    m->bytes = blob_of_memory(f->mail.data, f->mail.len);
    m->arrived = -1;
    m->too_large = info.too_large;
    m->id = f->next_id++;
    return 1;
}

static int files_next(struct source *s, struct source_message *m, struct err *e)
{
    struct files *f = files_of(s);
    bool ended = false;

    arena_reset(f->names);
    if (!f->in_mbox)
        close_file(f);
    while (!ended) {
        int r = f->in_mbox ? next_in_mbox(f, m, e) : open_next(f, &ended, e);

        if (r == 0 && f->in_mbox)
            close_file(f);
        if (r == 1 && f->in_mbox)
            return SOURCE_MESSAGE;
        if (r == 1)
            r = look(f, e);
        if (r < 0) {
            close_file(f);
            return r;
        }
        if (f->path && !f->in_mbox) {
            whole_file(f, m);
            return SOURCE_MESSAGE;
        }
    }
    return SOURCE_END;
}

static void files_close(struct source *s)
{
    struct files *f = files_of(s);

    close_file(f);
    close_tree(f);
    buf_done(&f->mail);
    arena_free(f->names);
    free(f);
}

/* Files stay where they are. */
static int files_done(struct source *s, uint64_t id, enum message_kind kind, struct err *e)
{
    (void)s;
    (void)id;
    (void)kind;
    (void)e;
    return 0;
}

static int files_flush(struct source *s, struct err *e)
{
    (void)s;
    (void)e;
    return 0;
}

static const struct source_ops files_ops = {
    .next = files_next, .done = files_done, .flush = files_flush, .close = files_close};

int source_files_open(struct source **out, const char *const *paths, size_t n,
    const struct limits *limits, struct err *e)
{
    struct files *f = mem_alloc(sizeof *f);

    (void)e;
    f->source.ops = &files_ops;
    f->source.name = "";
    f->paths = paths;
    f->n = n;
    f->limits = limits;
    f->next_id = 1;
    f->names = arena_new();
    f->file.fd = -1;
    buf_init(&f->input, SPOOL_IN_MEMORY);
    buf_init(&f->mail, (size_t)limits->message);
    *out = &f->source;
    return 0;
}
