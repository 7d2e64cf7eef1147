#include "cli/mailbox.h"

#include "ingest/imap_inspect.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int missing(const struct config_mailbox *m, const char *what, struct err *e)
{
    return err_set(e, ERR_CONFIG, "config", "mailbox %s: %s is missing", m->name, what);
}

static int does_not_belong(const struct config_mailbox *m, const char *what, struct err *e)
{
    return err_set(
        e, ERR_CONFIG, "config", "mailbox %s: %s is not for type %s", m->name, what, m->kind->name);
}

static int check_password(const struct config_mailbox *m, struct err *e)
{
    int passwords = secret_sources(&m->password);

    if (passwords == 0)
        return missing(m, "password_file (or password_command, or password_env)", e);
    if (passwords > 1) {
        return err_set(e, ERR_CONFIG, "config",
            "mailbox %s: password_file, password_command and password_env exclude each other",
            m->name);
    }
    return 0;
}

static int check_oauth(const struct config_mailbox *m, struct err *e)
{
    const struct config_oauth *o = &m->oauth;

    if (secret_sources(&m->password)) {
        return err_set(
            e, ERR_CONFIG, "config", "mailbox %s: auth wants a token, not a password", m->name);
    }
    if (o->token_command && o->token_url) {
        return err_set(e, ERR_CONFIG, "config",
            "mailbox %s: token_command and token_url exclude each other", m->name);
    }
    if (o->token_command)
        return 0;
    if (!o->token_url)
        return missing(m, "token_command (or provider, or token_url)", e);
    if (!o->client_id)
        return missing(m, "client_id", e);
    if (!o->refresh_token_file && !o->client_secret_file)
        return missing(m, "client_secret_file or refresh_token_file", e);
    if (!o->refresh_token_file && strstr(o->token_url, "googleapis.com"))
        return missing(m, "refresh_token_file (Google gives no token to client credentials)", e);
    return 0;
}

static int check_folders(const struct config_mailbox *m, struct err *e)
{
    for (size_t i = 0; i < m->n_folders; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(m->folders[i], m->folders[k]) == 0) {
                return err_set(e, ERR_CONFIG, "config", "mailbox %s: folder %s is given twice",
                    m->name, m->folders[i]);
            }
        }
    }
    return 0;
}

static int check_imap(const struct config_mailbox *m, struct err *e)
{
    if (m->path)
        return does_not_belong(m, "path", e);
    if (!m->host)
        return missing(m, "host", e);
    if (!m->user)
        return missing(m, "user", e);
    if (!m->tls_cert != !m->tls_key)
        return missing(m, m->tls_cert ? "tls_key" : "tls_cert", e);
    int rc = m->login == IMAP_LOGIN_PASSWORD ? check_password(m, e) : check_oauth(m, e);
    return rc ? rc : check_folders(m, e);
}

static void set_imap(struct mailbox_open *o)
{
    const struct config_mailbox *m = o->config;
    o->settings.imap = (struct imap_settings){
        .name = m->name,
        .host = m->host,
        .port = m->port,
        .user = m->user,
        .login = m->login,
        .secret = o->secret,
        .folder = o->folder,
        .look_only = o->look_only,
        .ca_file = m->ca_file,
        .cert = m->tls_cert,
        .key = m->tls_key,
        .idle = m->idle,
        .interval = m->interval,
        .verify = m->verify,
        .tls = m->tls,
        .timeout = m->timeout,
        .deadline = m->deadline,
        .batch_bytes = m->batch_bytes,
        .batch_messages = m->batch_messages,
        .known = o->known,
        .notice = o->notice,
        .stop = o->stop,
        .context = o->context,
    };
    memcpy(o->settings.imap.after, m->after, sizeof m->after);
}

static int open_imap(struct source **out, struct mailbox_open *o, struct err *e)
{
    set_imap(o);
    return source_imap_open(out, &o->settings.imap, o->limits, e);
}

static int inspect_imap(struct mailbox_open *o,
    void (*good)(void *context, const char *step, const char *found), struct err *e)
{
    set_imap(o);
    return imap_inspect(&o->settings.imap, good, o->context, e);
}

static int check_maildir(const struct config_mailbox *m, struct err *e)
{
    const struct {
        const char *name;
        const char *value;
    } others[] = {
        {"host", m->host},
        {"user", m->user},
        {"password_file", m->password.file},
        {"password_command", m->password.command},
        {"password_env", m->password.env},
        {"ca_file", m->ca_file},
        {"tls_cert", m->tls_cert},
        {"token_command", m->oauth.token_command},
        {"token_url", m->oauth.token_url},
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
        .interval = o->config->interval,
        .stop = o->stop,
        .look_only = o->look_only,
        .known = o->known,
        .context = o->context,
    };
    memcpy(o->settings.maildir.after, o->config->after, sizeof o->config->after);

    return source_maildir_open(out, &o->settings.maildir, o->limits, e);
}

static int may_write(const char *path, const char *below, struct err *e)
{
    char both[PATH_MAX];

    (void)snprintf(both, sizeof both, "%s/%s", path, below);
    if (access(both, W_OK | X_OK) == 0)
        return 0;
    return err_set(e, ERR_CONFIG, "permission", "%s: %s", both, strerrordesc_np(errno));
}

static int inspect_maildir(struct mailbox_open *o,
    void (*good)(void *context, const char *step, const char *found), struct err *e)
{
    struct source *source;
    int rc;

    o->look_only = true;
    rc = open_maildir(&source, o, e);
    if (rc)
        return rc;
    source->ops->close(source);
    good(o->context, "folder", o->config->path);
    rc = may_write(o->config->path, "new", e);
    if (!rc)
        rc = may_write(o->config->path, "cur", e);
    if (!rc)
        good(o->context, "permissions", "mails can be moved from new and cur");
    return rc;
}

const struct mailbox_kind mailbox_kinds[] = {
    {"imap", true, check_imap, open_imap, inspect_imap},
    {"maildir", false, check_maildir, open_maildir, inspect_maildir},
    {NULL, false, NULL, NULL, NULL},
};

const struct mailbox_kind *mailbox_kind_find(const char *name)
{
    for (const struct mailbox_kind *k = mailbox_kinds; k->name; k++) {
        if (strcmp(k->name, name) == 0)
            return k;
    }
    return NULL;
}
