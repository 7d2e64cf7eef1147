#include "cli/console.h"

#include "base/json.h"
#include "base/text.h"
#include "base/when.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
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

static bool log_json;
static pthread_mutex_t lines = PTHREAD_MUTEX_INITIALIZER; /* one at a time on stderr */
static bool progress_shown;                               /* under this lock */

bool console_is_watched(void)
{
    return !log_json && isatty(STDERR_FILENO) == 1;
}

/* With the lock of lines. */
static void clear_progress(void)
{
    if (progress_shown)
        (void)fputs("\r\033[K", stderr);
    progress_shown = false;
}

void console_progress(const char *text)
{
    (void)pthread_mutex_lock(&lines);
    clear_progress();
    if (text)
        (void)fputs(text, stderr);
    progress_shown = text != NULL;
    (void)fflush(stderr);
    (void)pthread_mutex_unlock(&lines);
}

void console_log_json(void)
{
    log_json = true;
}

static void put_json(const char *name, const char *class, const char *text)
{
    char now[WHEN_TEXT_MAX];
    struct json j;

    when_format(when_now(), now);
    (void)pthread_mutex_lock(&lines);
    json_init(&j, stderr, false);
    json_object(&j);
    json_member_string(&j, "time", now);
    if (class)
        json_member_string(&j, "class", class);
    if (name && *name)
        json_member_string(&j, "name", name);
    json_member_string(&j, "text", text);
    json_end(&j);
    (void)fputc('\n', stderr);
    (void)pthread_mutex_unlock(&lines);
}

/* Results that were printed before belong before the line, also when both go to one terminal. */
static void put_line(const char *line)
{
    char safe[LINE_MAX_SHOWN];

    text_safe_into(safe, sizeof safe, line);
    (void)fflush(stdout);
    if (log_json) {
        put_json(NULL, NULL, safe);
        return;
    }
    (void)pthread_mutex_lock(&lines);
    clear_progress();
    (void)fprintf(stderr, "dmarcmill: %s\n", safe);
    (void)pthread_mutex_unlock(&lines);
}

void console_problem(const char *name, const struct err *why)
{
    char line[LINE_MAX_SHOWN];
    const char *tag = why->tag ? why->tag : "error";

    if (log_json) {
        char safe[LINE_MAX_SHOWN];
        text_safe_into(safe, sizeof safe, why->text);
        put_json(name, tag, safe);
        return;
    }
    (void)snprintf(line, sizeof line, "%s%s%s: %s", name && *name ? name : "",
        name && *name ? ": " : "", tag, why->text);
    put_line(line);
}

void console_mailbox_problem(const char *mailbox, const char *folder, const struct err *why)
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
    if (folder)
        (void)snprintf(name, sizeof name, "mailbox %s/%s", mailbox, folder);
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
