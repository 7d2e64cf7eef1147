/*
 * Passwords: from a file, a command or the environment, never from the configuration itself.
 */
#ifndef CLI_SECRET_H
#define CLI_SECRET_H

#include "cli/config.h"

/*
 * The first line of what the mailbox's setting leads to; freed by secret_free. ERR_CONFIG when
 * there is none, or one with control characters, which IMAP would send as they are.
 */
int secret_read(const struct config_mailbox *m, char **out, struct err *e) ERR_CHECKED;
void secret_free(char *secret); /* overwrites it; accepts NULL */

/* Can others than its owner and group read the mailbox's password file? */
bool secret_is_exposed(const struct config_mailbox *m);

#endif
