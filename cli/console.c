#include "cli/console.h"

#include "base/text.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    OUTPUT_BUFFER = 256 * 1024,
    LINE_MAX_SHOWN = 1024
};

void console_init(void)
{
    static char buffer[OUTPUT_BUFFER];

    (void)setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

int console_flush(struct err *e)
{
    errno = 0;
    if (fflush(stdout) || ferror(stdout)) {
        return err_set(e, ERR_TEMPORARY, "write-failed", "standard output: %s",
            errno ? strerrordesc_np(errno) : "not all of it was written");
    }
    return 0;
}

/* Results that were printed before belong before the line, also when both go to one terminal. */
static void put_line(const char *line)
{
    char safe[LINE_MAX_SHOWN];

    text_safe_into(safe, sizeof safe, line);
    (void)fflush(stdout);
    (void)fprintf(stderr, "dmarcmill: %s\n", safe);
}

void console_problem(const char *name, const struct err *why)
{
    char line[LINE_MAX_SHOWN];
    const char *tag = why->tag ? why->tag : "error";

    (void)snprintf(line, sizeof line, "%s%s%s: %s", name && *name ? name : "",
        name && *name ? ": " : "", tag, why->text);
    put_line(line);
}

void console_mailbox_problem(const char *mailbox, const struct err *why)
{
    char name[LINE_MAX_SHOWN];
    struct err rest = *why;

    if (!*mailbox) {
        console_problem(NULL, why);
        return;
    }
    (void)snprintf(name, sizeof name, "mailbox %s", mailbox);
    size_t len = strlen(name);
    if (strncmp(why->text, name, len) == 0 && strncmp(why->text + len, ": ", 2) == 0)
        (void)snprintf(rest.text, sizeof rest.text, "%s", why->text + len + 2);
    console_problem(name, &rest);
}

void console_say(const char *fmt, ...)
{
    char line[LINE_MAX_SHOWN];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    put_line(line);
}

void console_progress(size_t done, size_t all, const char *what)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (done < all)
        (void)fprintf(stderr, "\r%zu of %zu %s ", done, all, what);
    else
        (void)fputs("\r\x1B[K", stderr); /* erases the line */
    (void)fflush(stderr);
}
