#include "base/arena.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/credential.h"
#include "cli/delivery.h"
#include "cli/mailbox.h"
#include "cli/options.h"
#include "cli/warn.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What to do, by what was found. */
struct advice {
    const char *tag, *advice;
};

/* Where it is something else for the server that takes mails; the rest is as for mailboxes. */
static const struct advice smtp_advices[] = {
    {"timeout", "check the port (465 for tls = yes, 587 for tls = starttls) and firewalls; a slow "
                "server may need a longer timeout"},
    {"tls-failed", "check that the port speaks TLS at once (tls = yes), or set tls = starttls; TLS "
                   "1.2 is the least that is accepted"},
    {"tls-missing", "somebody may be in between, or the server has no STARTTLS: use tls = yes with "
                    "port 465"},
    {"login-refused", "check user and password, and that the account may send by SMTP; with a "
                      "token, auth says which kind"},
    {"greeting", "the server takes no mails from here: ask who runs it"},
    {"password", "check the file, command or variable the password or token comes from, and that "
                 "this user may read it"},
    {NULL, NULL},
};

static const struct advice webhook_advices[] = {
    {"unreachable",
        "check webhook, the DNS, and that no firewall is in between; behind a proxy set "
        "https_proxy"},
    {"timeout", "check webhook and firewalls"},
    {"tls-untrusted", "name the host as its certificate does; if its issuer is your own CA, set "
                      "ca_file in the section warnings"},
    {"tls-failed", "check that the server speaks TLS 1.2 or later at this port"},
    {NULL, NULL},
};

static const struct advice advices[] = {
    {"unreachable", "check host and port, the DNS, and that no firewall is in between"},
    {"timeout", "check the port (993 for tls = yes, 143 for tls = starttls) and firewalls; a slow "
                "server may need a longer timeout"},
    {"tls-untrusted", "name the host as its certificate does; if its issuer is your own CA, set "
                      "ca_file; an expired certificate is the server's to renew"},
    {"tls-failed", "check that the port speaks TLS at once (tls = yes), or set tls = starttls; TLS "
                   "1.2 is the least that is accepted"},
    {"tls-stripped",
        "somebody may be in between, or the server has no STARTTLS: use tls = yes with "
        "port 993"},
    {"tls-injected", "somebody is in between; use tls = yes with port 993"},
    {"ca-file", "ca_file must name a readable file with PEM certificates"},
    {"client-certificate",
        "tls_cert and tls_key must name readable PEM files that belong together"},
    {"login-refused", "check user and password; Microsoft 365 and Google take no passwords of "
                      "accounts: see auth in dmarcmill.conf.example, or use an app password; IMAP "
                      "may have to be enabled for the mailbox"},
    {"server-busy", "try again later"},
    {"password", "check the file, command or variable the password comes from, and that this user "
                 "may read it"},
    {"config", "check the files the setting names, and that this user may read them"},
    {"login", "check user, and what the password or token comes from"},
    {"token-refused", "check client_id, client_secret_file, refresh_token_file and scope; the "
                      "application may have lost its permission, or its secret may have expired"},
    {"token-server", "check token_url, the DNS and firewalls; behind a proxy set https_proxy"},
    {"no-such-folder", "check folder; levels are separated by /"},
    {"folder-name", "mails must be moved to another folder than they are read from"},
    {"read-only", "give the user the right to change the folder, or leave out archive"},
    {"permission", "give the user dmarcmill runs as the right to write there"},
    {"maildir", "check path; a Maildir has cur, new and tmp, and its archive must be on the same "
                "file system"},
    {"store-url", "store is sqlite:PATH or postgresql://USER@HOST/DATABASE"},
    {NULL, NULL},
};

/* NULL when there is none. */
static const char *find_advice(const struct advice *list, const char *tag)
{
    while (list->tag && strcmp(list->tag, tag) != 0)
        list++;
    return list->advice;
}

struct doctor {
    const char *name;          /* of what is looked at */
    const struct advice *list; /* where it is something else than for mailboxes; or NULL */
    struct credential *credential;
    int failure; /* exit status of the first fault */
};

static void good(void *context, const char *step, const char *found)
{
    const struct doctor *d = context;

    (void)printf("%s: ok: %s: %s\n", d->name, step, found);
    (void)fflush(stdout); /* the next step may take long */
}

static void bad(struct doctor *d, const struct err *why)
{
    char mailbox[200];
    const char *text = why->text;

    (void)snprintf(mailbox, sizeof mailbox, "mailbox %s: ", d->name);
    if (strncmp(text, mailbox, strlen(mailbox)) == 0)
        text += strlen(mailbox);
    (void)printf("%s: FAULT: %s: %s\n", d->name, why->tag, text);
    const char *advice = d->list ? find_advice(d->list, why->tag) : NULL;
    if (!advice)
        advice = find_advice(advices, why->tag);
    if (advice)
        (void)printf("%s: to do: %s\n", d->name, advice);
    (void)fflush(stdout);
    if (!d->failure)
        d->failure = err_exit_status(why->class);
}

static int give_secret(void *context, bool refused, struct buf *out, struct err *e)
{
    const struct doctor *d = context;

    return credential_get(d->credential, refused, out, e);
}

static void look_at_mailbox(
    struct doctor *d, const struct config *c, const struct config_mailbox *m)
{
    struct err e;
    int rc = 0;

    d->name = m->name;
    d->credential = credential_new(m);
    if (m->kind->needs_login)
        rc = credential_check(d->credential, &e);
    for (size_t i = 0; i < m->n_folders && !rc; i++) {
        struct mailbox_open how = {
            .config = m,
            .limits = &c->limits,
            .folder = m->folders[i],
            .secret = give_secret,
            .context = d,
        };
        rc = m->kind->inspect(&how, good, &e);
    }
    if (rc)
        bad(d, &e);
    credential_free(d->credential);
}

static void look_at_store(struct doctor *d, struct app *app)
{
    struct store *s = NULL;
    struct err e;
    char text[100];

    d->name = "store";
    if (app_open_store(app, &s, &e)) {
        bad(d, &e);
        return;
    }
    (void)snprintf(
        text, sizeof text, "%s, schema version %d", store_backend(s), store_schema_version(s));
    good(d, "open", text);
    store_close(s);
}

static void look_at_metrics(struct doctor *d, const struct config *c)
{
    struct arena *a = arena_new();
    const char *slash = strrchr(c->metrics, '/');
    const char *folder =
        slash ? arena_strndup(a, c->metrics, (size_t)(slash - c->metrics) + 1) : ".";
    struct err e;

    d->name = "metrics";
    if (access(folder, W_OK | X_OK) == 0) {
        good(d, "folder", folder);
    } else {
        (void)err_set(&e, ERR_CONFIG, "permission", "%s cannot be written to", folder);
        bad(d, &e);
    }
    arena_free(a);
}

static void look_at_smtp(struct doctor *d, const struct config_smtp *c)
{
    struct err e;
    char text[400];

    d->name = "smtp";
    d->list = smtp_advices;
    if (delivery_probe(c, &e)) {
        bad(d, &e);
    } else {
        (void)snprintf(text, sizeof text, "%.200s port %u, %s, %s%.100s", c->host, c->port,
            c->tls == SMTP_TLS_NONE ? "without TLS" : "TLS", c->user ? "user " : "without login",
            c->user ? c->user : "");
        good(d, "login", text);
    }
    d->list = NULL;
}

static void look_at_webhook(struct doctor *d, const struct config_warnings *w)
{
    struct err e;

    d->name = "webhook";
    d->list = webhook_advices;
    if (warn_probe_webhook(w, &e)) {
        bad(d, &e);
    } else {
        good(d, "connect", w->webhook);
    }
    d->list = NULL;
}

static int run_doctor(struct app *app, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {{NULL, 0, NULL, 0}};
    const struct config *c = app->config;
    struct doctor d = {.name = "configuration"};

    options_start();
    int rc = options_next(argc, argv, ":", longs, e);
    if (rc)
        return rc;
    for (int i = optind; i < argc; i++) {
        if (!config_mailbox(c, argv[i]))
            return err_set(e, ERR_USAGE, "usage", "there is no mailbox '%s'", argv[i]);
    }
    good(&d, "read", c->path ? c->path : "there is none; all is by default");
    look_at_store(&d, app);
    if (c->metrics)
        look_at_metrics(&d, c);
    if (c->smtp.host && optind == argc)
        look_at_smtp(&d, &c->smtp);
    if (c->warnings.webhook && optind == argc)
        look_at_webhook(&d, &c->warnings);
    for (size_t i = 0; i < c->n_mailboxes; i++) {
        bool wanted = optind == argc;
        for (int k = optind; k < argc; k++)
            wanted = wanted || strcmp(argv[k], c->mailboxes[i].name) == 0;
        if (wanted)
            look_at_mailbox(&d, c, &c->mailboxes[i]);
    }
    return d.failure;
}

const struct command cmd_doctor = {
    .name = "doctor",
    .usage = "doctor [MAILBOX...]",
    .summary = "try every step of a poll, and say what to do about what fails",
    .help = "Looks at the configuration, the store and each mailbox: name, connection, TLS,\n"
            "login, folders, permissions; and the server that takes mails. No mail is touched\n"
            "or sent. Run it as the user that polls.\n"
            "The exit status is that of the first fault.\n",
    .run = run_doctor,
};
