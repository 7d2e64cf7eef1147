/*
 * What a person sees: results on standard output, everything else on standard error, one line per
 * problem. No other file writes to standard error.
 */
#ifndef CLI_CONSOLE_H
#define CLI_CONSOLE_H

#include "base/err.h"

#include <stdbool.h>

/* A large buffer for standard output, and no death by SIGPIPE or SIGXFSZ: a reader that went away
 * and a file that may not grow are errors like a full disk. */
void console_init(void);

/* Writes out what waits. ERR_TEMPORARY "write-failed" when anything of the output was lost. */
int console_flush(struct err *e) ERR_CHECKED;

/* "dmarcmill: NAME: CLASS: explanation"; without the name when it is NULL. Safe on a terminal. */
void console_problem(const char *name, const struct err *why);

/* "dmarcmill: mailbox NAME: CLASS: explanation", or "mailbox NAME/FOLDER" unless that is NULL,
 * whether the explanation begins with the mailbox or not; an empty name: as console_problem(NULL).
 */
void console_mailbox_problem(const char *mailbox, const char *folder, const struct err *why);

/* From now on each line on standard error is a JSON object: time, and class, name and text, or text
 * alone. */
void console_log_json(void);

/* Is there somebody who sees standard error as it comes? */
bool console_is_watched(void);

/* A line that the next one takes the place of, whoever prints it; NULL takes it away. */
void console_progress(const char *text);

/* "dmarcmill: ..." */
void console_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
