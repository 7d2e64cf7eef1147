#include "cli/mailbox.h"

#include "cli/console.h"
#include "cli/run.h"

#include <string.h>

static int missing(const struct config_mailbox *m, const char *what, struct err *e)
{
    return err_set(e, ERR_CONFIG, "config", "mailbox %s: %s is missing", m->name, what);
}

static int does_not_belong(const struct config_mailbox *m, const char *what, struct err *e)
{
    return err_set(
        e, ERR_CONFIG, "config", "mailbox %s: %s is not for type %s", m->name, what, m->kind->name);
}

static int check_imap(const struct config_mailbox *m, struct err *e)
{
    int passwords =
        (m->password_file != NULL) + (m->password_command != NULL) + (m->password_env != NULL);

    if (m->path)
        return does_not_belong(m, "path", e);
    if (!m->host)
        return missing(m, "host", e);
    if (!m->user)
        return missing(m, "user", e);
    if (passwords == 0)
        return missing(m, "password_file (or password_command, or password_env)", e);
    if (passwords > 1) {
        return err_set(e, ERR_CONFIG, "config",
            "mailbox %s: password_file, password_command and password_env exclude each other",
            m->name);
    }
    return 0;
}

static bool give_up(void *context)
{
    (void)context;
    return run_asked_to_stop();
}

/* `notice` of the settings; the context is as for `known`. */
static void tell(void *context, const struct err *why)
{
    (void)context;
    console_problem(NULL, why);
}

static int open_imap(struct source **out, struct mailbox_open *o, struct err *e)
{
    const struct config_mailbox *m = o->config;
    o->settings.imap = (struct imap_settings){
        .name = m->name,
        .host = m->host,
        .port = m->port,
        .user = m->user,
        .password = o->password,
        .folder = m->folder,
        .look_only = o->look_only,
        .ca_file = m->ca_file,
        .verify = m->verify,
        .tls = m->tls,
        .timeout = m->timeout,
        .deadline = m->deadline,
        .batch_bytes = m->batch_bytes,
        .batch_messages = m->batch_messages,
        .known = o->known,
        .notice = tell,
        .stop = give_up,
        .context = o->context,
    };
    memcpy(o->settings.imap.after, m->after, sizeof m->after);

    return source_imap_open(out, &o->settings.imap, o->limits, e);
}

static int check_maildir(const struct config_mailbox *m, struct err *e)
{
    const struct {
        const char *name;
        const char *value;
    } others[] = {
        {"host", m->host},
        {"user", m->user},
        {"password_file", m->password_file},
        {"password_command", m->password_command},
        {"password_env", m->password_env},
        {"ca_file", m->ca_file},
    };

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (others[i].value)
            return does_not_belong(m, others[i].name, e);
    }
    if (!m->path)
        return missing(m, "path", e);
    /* a timer or cron starts the program who knows where */
    if (*m->path != '/')
        return err_set(e, ERR_CONFIG, "config", "mailbox %s: path must begin with /", m->name);
    for (int k = 0; k < MESSAGE_KINDS; k++) {
        if (m->after[k].how == DISPOSE_MOVE && *m->after[k].where != '/') {
            return err_set(e, ERR_CONFIG, "config",
                "mailbox %s: the path of an archive must begin with /", m->name);
        }
    }
    return 0;
}

static int open_maildir(struct source **out, struct mailbox_open *o, struct err *e)
{
    o->settings.maildir = (struct maildir_settings){
        .name = o->config->name,
        .path = o->config->path,
        .look_only = o->look_only,
        .known = o->known,
        .context = o->context,
    };
    memcpy(o->settings.maildir.after, o->config->after, sizeof o->config->after);

    return source_maildir_open(out, &o->settings.maildir, o->limits, e);
}

const struct mailbox_kind mailbox_kinds[] = {
    {"imap", true, check_imap, open_imap},
    {"maildir", false, check_maildir, open_maildir},
    {NULL, false, NULL, NULL},
};

const struct mailbox_kind *mailbox_kind_find(const char *name)
{
    for (const struct mailbox_kind *k = mailbox_kinds; k->name; k++) {
        if (strcmp(k->name, name) == 0)
            return k;
    }
    return NULL;
}
