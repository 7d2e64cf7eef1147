#include "ingest/file.h"

#include "base/arena.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_SHOWN = 300,
    SMALL = 256 * 1024 /* a report or a mail, nearly always: one read instead of several */
};

/* Into memory; the descriptor is not needed any more. */
static int read_small(struct file *f, struct err *e)
{
    struct blob b = f->bytes;
    size_t had = 0;
    size_t got = 1;
    int r = 0;

    f->small = mem_realloc(NULL, (size_t)b.len);
    while (r == 0 && got > 0 && had < b.len) {
        r = blob_read(&b, had, f->small + had, (size_t)b.len - had, &got, e);
        had += r == 0 ? got : 0;
    }
    (void)close(f->fd);
    f->fd = -1;
    f->bytes = blob_of_memory(f->small, had);
    return r;
}

int file_open(struct file *f, const char *path, bool follow_link, struct err *e)
{
    /* O_NONBLOCK: opening a pipe must not wait for its writer */
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (follow_link ? 0 : O_NOFOLLOW);
    int fd = open(path, flags);
    char shown[PATH_SHOWN];
    struct stat st;

    text_safe_into(shown, sizeof shown, path);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int why = errno;

        if (fd >= 0)
            (void)close(fd);
        if (why == EMFILE || why == ENFILE || why == ENOMEM || why == EIO)
            return err_set(e, ERR_TEMPORARY, "read-failed", "%s: %s", shown, strerrordesc_np(why));
        return err_set(e, ERR_INPUT, why == ENOENT ? "not-found" : "unreadable", "%s: %s", shown,
            strerrordesc_np(why));
    }
    if (!S_ISREG(st.st_mode)) {
        (void)close(fd);
        return err_set(e, ERR_INPUT, "not-a-file", "%s: neither a file nor a folder", shown);
    }
    f->fd = fd;
    f->small = NULL;
    f->bytes = blob_of_file(fd, 0, (uint64_t)st.st_size);
    f->modified = st.st_mtime;
    if (st.st_size > SMALL)
        return 0;
    int r = read_small(f, e);
    if (r < 0)
        file_close(f);
    return r < 0 ? err_wrap(e, "%s", shown) : 0;
}

void file_close(struct file *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    free(f->small);
    f->fd = -1;
    f->small = NULL;
    f->bytes = blob_of_memory("", 0);
}
