#include "cli/secret.h"

#include "base/arena.h"
#include "base/buf.h"
#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SECRET_MAX = 16 * 1024 /* an access token may have some thousand bytes */
};

int secret_sources(const struct secret_source *from)
{
    return (from->file != NULL) + (from->command != NULL) + (from->env != NULL);
}

static int read_pipe(int fd, struct buf *out, struct err *e)
{
    char piece[512];
    ssize_t n;

    while ((n = read(fd, piece, sizeof piece)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            return err_set(
                e, ERR_CONFIG, "password", "cannot read its output: %s", strerrordesc_np(errno));
        }
        if (buf_add(out, piece, (size_t)n))
            return err_set(e, ERR_CONFIG, "password", "it printed more than %d bytes", SECRET_MAX);
    }
    return 0;
}

/* What this program and its threads do with signals is no business of the command's. */
static int usual_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, ignored;
    int rc = posix_spawnattr_init(attributes);

    (void)sigemptyset(&none);
    (void)sigemptyset(&ignored);
    (void)sigaddset(&ignored, SIGPIPE);
    (void)sigaddset(&ignored, SIGXFSZ);
    if (!rc)
        rc = posix_spawnattr_setsigmask(attributes, &none);
    if (!rc)
        rc = posix_spawnattr_setsigdefault(attributes, &ignored);
    if (!rc)
        rc = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return rc;
}

static int spawn(const char *command, int out, pid_t *pid)
{
    char sh[] = "sh";
    char dash_c[] = "-c";
    char *copy = mem_strdup(command);
    char *argv[] = {sh, dash_c, copy, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int rc = posix_spawn_file_actions_init(&actions);

    if (rc) {
        free(copy);
        return rc;
    }
    rc = usual_signals(&attributes);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (!rc)
        rc = posix_spawn(pid, "/bin/sh", &actions, &attributes, argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    free(copy);
    return rc;
}

static int start(const char *command, int *fd, pid_t *pid)
{
    int ends[2];
    int rc = pipe2(ends, O_CLOEXEC) ? errno : 0;

    if (rc)
        return rc;
    rc = spawn(command, ends[1], pid);
    (void)close(ends[1]);
    if (rc)
        (void)close(ends[0]);
    *fd = ends[0];
    return rc;
}

/* The command is a shell's, so that "pass show dmarc | head -1" works: who writes the configuration
 * may run anything as this user already. */
static int read_command(const char *command, struct buf *out, struct err *e)
{
    int fd;
    int status = 0;
    pid_t pid;
    int rc = start(command, &fd, &pid);

    if (rc)
        return err_set(e, ERR_CONFIG, "password", "cannot start it: %s", strerrordesc_np(rc));
    rc = read_pipe(fd, out, e);
    (void)close(fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!rc && status) {
        return err_set(e, ERR_CONFIG, "password", "it failed (%s %d)",
            WIFEXITED(status) ? "exit status" : "signal",
            WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
    return rc;
}

static int collect(const struct secret_source *from, struct buf *out, struct err *e)
{
    if (from->file)
        return files_read(from->file, out, e) ? err_wrap(e, "%s_file", from->what) : 0;
    if (from->command)
        return read_command(from->command, out, e) ? err_wrap(e, "%s_command", from->what) : 0;
    const char *value = from->env ? secure_getenv(from->env) : NULL;
    if (!value) {
        return err_set(e, ERR_CONFIG, "password", "%s_env: %s is not set", from->what,
            from->env ? from->env : "");
    }
    return buf_adds(out, value)
               ? err_set(e, ERR_CONFIG, "password", "%s_env: its value is too long", from->what)
               : 0;
}

/* The first line is it. What else is there was meant for somebody else, or it is a mistake. */
static int only_line(char *text, struct err *e)
{
    size_t end = strcspn(text, "\r\n");

    if (text[end + strspn(text + end, " \t\r\n")])
        return err_set(e, ERR_CONFIG, "password", "there is more than one line");
    text[end] = '\0';
    return 0;
}

static int check(const char *what, const char *secret, struct err *e)
{
    if (!*secret)
        return err_set(e, ERR_CONFIG, "password", "the %s is empty", what);
    for (const char *p = secret; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            return err_set(
                e, ERR_CONFIG, "password", "there is a control character in the %s", what);
        }
    }
    return 0;
}

int secret_read(const struct secret_source *from, char **out, struct err *e)
{
    struct buf text;
    int rc;

    buf_init(&text, SECRET_MAX);
    rc = collect(from, &text, e);
    if (!rc && !text.len)
        rc = err_set(e, ERR_CONFIG, "password", "the %s is empty", from->what);
    if (!rc) {
        rc = only_line(text.data, e);
        if (!rc)
            rc = check(from->what, text.data, e);
    }
    if (!rc)
        *out = mem_strdup(text.data);
    buf_wipe(&text);
    return rc;
}

void secret_free(char *secret)
{
    if (!secret)
        return;
    explicit_bzero(secret, strlen(secret));
    free(secret);
}

bool secret_is_exposed(const char *file)
{
    struct stat st;

    return file && stat(file, &st) == 0 && (st.st_mode & S_IROTH);
}
