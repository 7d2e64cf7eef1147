#include "base/arena.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/mailbox.h"
#include "cli/options.h"
#include "cli/run.h"
#include "cli/secret.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* A mailbox that is to be polled. */
struct chosen {
    const struct config_mailbox *config;
    char *password; /* NULL: needs none */
};

struct poll {
    struct app *app;
    enum run_format format;
    struct chosen *chosen;
    size_t n;
    struct store *store;
    bool rejected, interrupted;
    int failure; /* the exit status of the first mailbox that failed */
};

static int read_options(int argc, char **argv, enum run_format *format, struct err *e)
{
    static const struct option longs[] = {
        {"format", required_argument, NULL, 'f'},
        {"once", no_argument, NULL, 'o'},
        {"watch", no_argument, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    int c;

    options_start();
    while ((c = options_next(argc, argv, ":f:", longs, e)) > OPTION_END) {
        if (c == 'w') {
            return err_set(
                e, ERR_USAGE, "usage", "--watch is not available in this version; use --once");
        }
        if (c == 'f' && run_format_parse(optarg, format, e))
            return (int)e->class;
    }
    return c;
}

static int choose(struct poll *p, char **names, size_t n, struct err *e)
{
    const struct config *c = p->app->config;
    size_t wanted = n ? n : c->n_mailboxes;

    if (c->n_mailboxes == 0) {
        return err_set(e, ERR_CONFIG, "config", "no mailbox is configured%s%s",
            c->path ? " in " : ": there is no configuration file", c->path ? c->path : "");
    }
    p->chosen = mem_alloc(wanted * sizeof *p->chosen);
    for (size_t i = 0; i < wanted; i++) {
        const struct config_mailbox *m = n ? config_mailbox(c, names[i]) : &c->mailboxes[i];
        if (!m) {
            return err_set(
                e, ERR_USAGE, "usage", "there is no mailbox '%s' in %s", names[i], c->path);
        }
        p->chosen[p->n++].config = m;
    }
    return 0;
}

/* All passwords before any mailbox: half a run because of a mistake in the configuration helps no
 * one. */
static int read_secrets(struct poll *p, struct err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct config_mailbox *m = p->chosen[i].config;
        if (!m->kind->needs_password)
            continue;
        int rc = secret_read(m, &p->chosen[i].password, e);
        if (rc) {
            console_mailbox_problem(m->name, e);
            return err_exit_status(e->class);
        }
        if (secret_is_exposed(m)) {
            console_say("mailbox %s: password-exposed: everybody can read %s; chmod 600 it",
                m->name, m->password_file);
        }
    }
    return 0;
}

/* A store that cannot answer makes the mail be read again: it will be found to be a duplicate. */
static bool is_known(void *context, const char *source, const char *key, enum message_kind *kind)
{
    struct poll *p = context;
    struct err ignored;
    bool known = false;

    return store_message_known(p->store, source, key, &known, kind, &ignored) == 0 && known;
}

static void poll_one(struct poll *p, const struct chosen *c)
{
    struct mailbox_open how = {
        .config = c->config,
        .limits = &p->app->config->limits,
        .password = c->password,
        .known = is_known,
        .context = p,
    };
    struct run run = {
        .name = c->config->name,
        .limits = &p->app->config->limits,
        .batch_messages = p->app->config->batch_messages,
        .verbose = p->app->verbosity > 0,
    };
    struct store_summary summary = {0};
    struct source *source;
    struct err e;
    int rc = c->config->kind->open(&source, &how, &e);
    bool opened = !rc;

    if (opened) {
        rc = run_into_store(&run, source, p->store, &summary, &e);
        source->ops->close(source);
    }
    if (p->format == RUN_JSON || (opened && p->app->verbosity >= 0))
        run_print(&run, &summary, p->format, rc ? &e : NULL);
    if (rc)
        console_mailbox_problem(c->config->name, &e);
    if (rc && !p->failure)
        p->failure = err_exit_status(e.class);
    p->rejected = p->rejected || run_rejected(&run, &summary);
    p->interrupted = p->interrupted || run.interrupted || (rc && strcmp(e.tag, "interrupted") == 0);
}

static void poll_done(struct poll *p)
{
    for (size_t i = 0; i < p->n; i++)
        secret_free(p->chosen[i].password);
    free(p->chosen);
    store_close(p->store);
}

static int poll_all(struct poll *p, struct err *e)
{
    int rc = read_secrets(p, e);

    if (!rc)
        rc = app_open_store_with_clients(p->app, &p->store, e);
    if (rc)
        return rc;
    run_catch_signals();
    for (size_t i = 0; i < p->n && !p->interrupted; i++)
        poll_one(p, &p->chosen[i]);
    if (p->interrupted)
        return err_set(e, ERR_TEMPORARY, "interrupted", "stopped before all mailboxes were read");
    /* what was not read at all is the greater trouble */
    if (p->failure)
        return p->failure;
    return p->rejected ? EX_DATAERR : 0;
}

static int run_poll(struct app *app, int argc, char **argv, struct err *e)
{
    struct poll p = {.app = app, .format = RUN_TEXT};
    int rc = read_options(argc, argv, &p.format, e);

    if (!rc)
        rc = choose(&p, argv + optind, (size_t)(argc - optind), e);
    if (!rc)
        rc = poll_all(&p, e);
    poll_done(&p);
    return rc;
}

const struct command cmd_poll = {
    .name = "poll",
    .usage = "poll [--once] [--format text|json] [MAILBOX...]",
    .summary = "take reports from the configured mailboxes into the store",
    .help = "  --once              read what is there, then end (default)\n"
            "  --format text|json  of the summaries, one for each mailbox\n"
            "\n"
            "Without names all mailboxes of the configuration are read. A mailbox that fails\n"
            "does not keep the others from being read. The clients of the configuration are\n"
            "given their domains first.\n",
    .run = run_poll,
};
