/*
 * Passwords, tokens and the like: from a file, a command or the environment, never from the
 * configuration itself.
 */
#ifndef CLI_SECRET_H
#define CLI_SECRET_H

#include "base/err.h"

#include <stdbool.h>

struct secret_source {
    const char *what; /* "password": what stands before _file in the setting's name */
    const char *file, *command, *env; /* one of them; the others are NULL */
};

/* How many of the three are set. */
int secret_sources(const struct secret_source *from);

/*
 * The first line of what the setting leads to; freed by secret_free. ERR_CONFIG when there is none,
 * or one with control characters, which IMAP would send as they are.
 */
int secret_read(const struct secret_source *from, char **out, struct err *e) ERR_CHECKED;
void secret_free(char *secret); /* overwrites it; accepts NULL */

/* Can others than its owner and group read the file? */
bool secret_is_exposed(const char *file);

#endif
