#include "cli/files.h"

#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *doing, const char *path, struct err *e)
{
    return err_set(
        e, ERR_TEMPORARY, "write-failed", "%s %s: %s", doing, path, strerrordesc_np(errno));
}

int files_read(const char *path, struct buf *out, struct err *e)
{
    char piece[4096];
    size_t n;
    int rc = 0;
    FILE *in = fopen(path, "re");

    if (!in)
        return err_set(e, ERR_CONFIG, "config", "cannot open %s: %s", path, strerrordesc_np(errno));
    while (!rc && (n = fread(piece, 1, sizeof piece, in)) > 0) {
        if (buf_add(out, piece, n))
            rc = err_set(e, ERR_CONFIG, "config", "%s is larger than %zu bytes", path, out->max);
    }
    if (!rc && ferror(in))
        rc = err_set(e, ERR_CONFIG, "config", "cannot read %s: %s", path, strerrordesc_np(errno));
    (void)fclose(in);
    return rc;
}

int files_make_folder(const char *path, mode_t mode, struct err *e)
{
    char *part = mem_strdup(path);
    int rc = 0;

    for (char *slash = strchr(part + 1, '/'); !rc; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (*part && mkdir(part, mode) && errno != EEXIST)
            rc = failed("cannot make folder", part, e);
        if (!slash)
            break;
        *slash = '/';
    }
    free(part);
    return rc;
}

const char *files_safe_name(struct arena *a, const char *name)
{
    char *safe = arena_alloc(a, strlen(name) * 3 + 1);
    char *to = safe;

    for (const char *p = name; *p; p++) {
        unsigned char c = (unsigned char)*p;
        bool unsafe =
            c < 0x20 || c == 0x7f || c == '/' || c == '\\' || c == '%' || (c == '.' && p == name);
        if (unsafe) {
            to += snprintf(to, 4, "%%%02X", c);
        } else {
            *to++ = (char)c;
        }
    }
    return *safe ? safe : "%";
}

int files_create(struct new_file *f, const char *path, struct err *e)
{
    const char *base = strrchr(path, '/');
    int folder = base ? (int)(base - path) + 1 : 0;
    size_t size = strlen(path) + 32;

    *f = (struct new_file){.path = mem_strdup(path), .temporary = mem_alloc(size)};
    (void)snprintf(f->temporary, size, "%.*s.%s.%ld", folder, path, path + folder, (long)getpid());
    (void)unlink(f->temporary); /* left by a process of the same number that was killed */
    int fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0)
        f->out = fdopen(fd, "w");
    if (f->out)
        return 0;
    (void)failed("cannot make", f->temporary, e);
    if (fd >= 0)
        (void)close(fd);
    files_abandon(f);
    return (int)e->class;
}

/* The new name is there after a power cut only once its folder was written, too. */
static int sync_folder_of(const char *path, struct err *e)
{
    char *folder = mem_strdup(path);
    char *slash = strrchr(folder, '/');
    int rc = 0;

    if (slash)
        slash[slash == folder] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd))
        rc = failed("cannot sync the folder of", path, e);
    if (fd >= 0)
        (void)close(fd);
    free(folder);
    return rc;
}

int files_commit(struct new_file *f, struct err *e)
{
    int rc = 0;

    if (fflush(f->out) || ferror(f->out) || fsync(fileno(f->out)))
        rc = failed("cannot write", f->temporary, e);
    if (fclose(f->out) && !rc)
        rc = failed("cannot write", f->temporary, e);
    f->out = NULL;
    if (!rc && rename(f->temporary, f->path))
        rc = failed("cannot rename to", f->path, e);
    if (!rc)
        rc = sync_folder_of(f->path, e);
    files_abandon(f);
    return rc;
}

void files_abandon(struct new_file *f)
{
    if (f->out)
        (void)fclose(f->out);
    (void)unlink(f->temporary); /* there no more after a commit */
    free(f->temporary);
    free(f->path);
    *f = (struct new_file){0};
}
