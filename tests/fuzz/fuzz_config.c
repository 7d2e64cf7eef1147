/*
 * The settings. config_load only reads and checks: a password_command is kept as text and run when
 * a mailbox is opened (cli/secret.h), which no input can bring about here.
 */
#include "base/text.h"
#include "cli/config.h"
#include "cli/mailbox.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* config_load takes a path: the input becomes a file that is only in memory. */
static const char *file_of(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];

    if (fd < 0) {
        fd = memfd_create("settings", MFD_CLOEXEC);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    return path;
}

/* What goes into SMTP as it is. */
static bool is_address(const char *s)
{
    for (const char *p = s; *p; p++) {
        if (*p <= ' ' || *p > '~' || strchr("<>,;:\"()[]\\", *p))
            return false;
    }
    return strchr(s, '@') != NULL;
}

static void look_at_delivery(const struct config *c)
{
    const struct config_smtp *m = &c->smtp;
    int secrets =
        !!m->password.file + !!m->password.command + !!m->password.env + !!m->token_command;

    if (m->host && (!m->from || !is_address(m->from) || m->port == 0 || m->port > 65535 ||
                       secrets != !!m->user || (m->reply_to && !is_address(m->reply_to))))
        abort();
    for (size_t i = 0; i < c->n_recipients; i++) {
        const struct config_recipients *r = &c->recipients[i];
        if (r->n_addresses == 0 || r->n_formats == 0)
            abort();
        for (size_t k = 0; k < r->n_addresses; k++) {
            if (!is_address(r->addresses[k]))
                abort();
        }
    }
}

/* The promises of cli/config.h about what was accepted. */
static void look(const struct config *c)
{
    if (c->batch_messages == 0 || c->limits.message == 0 || c->limits.unpacked == 0 ||
        c->limits.ratio < 2 || c->limits.members == 0 || c->limits.nesting == 0 ||
        c->limits.records <= 0 || c->limits.seconds == 0)
        abort();
    for (size_t i = 0; i < c->n_mailboxes; i++) {
        const struct config_mailbox *m = &c->mailboxes[i];
        int passwords = !!m->password.file + !!m->password.command + !!m->password.env;
        bool wanted = m->kind->needs_login && m->login == IMAP_LOGIN_PASSWORD;
        if (passwords != wanted || m->port == 0 || m->port > 65535 || m->n_folders == 0)
            abort();
        if (config_mailbox(c, m->name) != m) /* the names are distinct */
            abort();
    }
    for (size_t i = 0; i < c->n_domains; i++) {
        if (!c->domains[i].client ||
            !text_is_utf8(c->domains[i].domain, strlen(c->domains[i].domain)))
            abort();
    }
    look_at_delivery(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = file_of(data, size);
    struct config *c = NULL;
    struct err e;
    int rc = config_load(&c, path, &e);

    if (rc == 0) {
        look(c);
    } else if (rc != ERR_CONFIG || strncmp(e.text, path, strlen(path)) != 0) {
        abort();
    }
    config_free(rc ? NULL : c);
    return 0;
}
