#include "base/arena.h"
#include "base/nearest.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/options.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = {
    &cmd_parse,
    &cmd_ingest,
    &cmd_poll,
    &cmd_report,
    &cmd_query,
    &cmd_export,
    &cmd_check,
    &cmd_setup,
    &cmd_enrich,
    &cmd_policy,
    &cmd_client,
    &cmd_domain,
    &cmd_rejects,
    &cmd_reparse,
    &cmd_status,
    &cmd_doctor,
    &cmd_store,
    NULL,
};

/* ---- help ---- */

static const char synopsis[] =
    "usage: dmarcmill [--config FILE] [--store URL] [-v | -q] COMMAND [ARGS]\n";

static void print_help(void)
{
    (void)fputs(synopsis, stdout);
    (void)fputs("\n"
                "  --config FILE  instead of ~/.config/dmarcmill/dmarcmill.conf or\n"
                "                 /etc/dmarcmill/dmarcmill.conf\n"
                "  --store URL    sqlite:PATH or postgresql://...\n"
                "  -v, -q         say more, say less\n"
                "  --help, --version\n"
                "\n"
                "Commands\n",
        stdout);
    for (size_t i = 0; commands[i]; i++)
        (void)printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    (void)fputs("\n'dmarcmill help COMMAND' says more about each.\n"
                "\n"
                "Exit status\n"
                "   0  all done\n"
                "  64  the command line is wrong\n"
                "  65  some input was rejected; the rest was processed\n"
                "  69  a server does not answer\n"
                "  70  a mistake in this program\n"
                "  75  try again later: a full disk, a lock, a lost connection\n"
                "  77  a server refused the login\n"
                "  78  the configuration is wrong\n",
        stdout);
}

/* The lines of a usage that begin a form get the program's name in front, the others its width. */
static void print_command_help(const struct command *c)
{
    size_t name = strlen(c->name);

    for (const char *line = c->usage; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        bool form = strncmp(line, c->name, name) == 0;
        const char *before = !form ? "                 " : line == c->usage ? "usage: " : "       ";
        (void)printf(
            "%s%s%.*s\n", before, form ? "dmarcmill " : "", (int)strcspn(line, "\n"), line);
    }
    (void)printf("\n%s\n\n%s", c->summary, c->help);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static int no_such_command(const char *name, struct err *e)
{
    const char *names[sizeof commands / sizeof(struct command *)];
    size_t n = 0;

    for (; commands[n]; n++)
        names[n] = commands[n]->name;
    const char *nearest = nearest_name(name, names, n);
    if (nearest) {
        return err_set(
            e, ERR_USAGE, "usage", "there is no command '%s', did you mean '%s'?", name, nearest);
    }
    return err_set(
        e, ERR_USAGE, "usage", "there is no command '%s'; 'dmarcmill help' lists them", name);
}

static int help(int argc, char **argv, struct err *e)
{
    if (argc < 2) {
        print_help();
        return 0;
    }
    const struct command *c = find_command(argv[1]);
    if (!c)
        return no_such_command(argv[1], e);
    print_command_help(c);
    return 0;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return true;
    }
    return false;
}

/* ---- the store ---- */

int app_open_store(struct app *app, struct store **out, struct err *e)
{
    const char *url = app->store_url ? app->store_url : app->config->store;
    int rc = url ? 0 : config_default_store(app->config->arena, &url, e);

    if (!rc)
        rc = store_open(out, url, e);
    if (!rc)
        store_set_policy(*out, &app->config->policy);
    return rc;
}

static int apply_clients(const struct config *c, struct store *s, struct err *e)
{
    bool created;

    for (size_t i = 0; i < c->n_clients; i++) {
        int rc = store_client_add(s, c->clients[i], &created, e);
        if (rc)
            return rc;
    }
    return c->n_domains ? store_domains_assign(s, c->domains, c->n_domains, e) : 0;
}

int app_open_store_with_clients(struct app *app, struct store **out, struct err *e)
{
    int rc = app_open_store(app, out, e);

    if (rc)
        return rc;
    rc = apply_clients(app->config, *out, e);
    if (rc) {
        store_close(*out);
        *out = NULL;
    }
    return rc;
}

int app_find_client(const struct app *app, struct store *s, const char *name, struct err *e)
{
    const struct config *c = app->config;
    int64_t id;
    int rc = store_client_find(s, name, &id, e);

    for (size_t i = 0; rc == ERR_USAGE && i < c->n_clients; i++) {
        if (strcmp(c->clients[i], name) == 0) {
            return err_set(e, ERR_USAGE, e->tag,
                "client %.100s is new in %s: 'dmarcmill poll' or 'ingest' takes it over", name,
                c->path);
        }
    }
    return rc;
}

/* ---- the program ---- */

enum {
    OPTION_STORE = 256,
    OPTION_HELP,
    OPTION_VERSION
};

/* Returns what is to be done: 0 a command, else the letter of an option that is one by itself. */
static int read_options(struct app *app, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'},
        {"store", required_argument, NULL, OPTION_STORE},
        {"verbose", no_argument, NULL, 'v'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, OPTION_HELP},
        {"version", no_argument, NULL, OPTION_VERSION},
        {NULL, 0, NULL, 0},
    };
    int c;

    options_start();
    while ((c = options_next(argc, argv, "+:vqh", longs, e)) > OPTION_END) {
        if (c == 'c') {
            app->config_path = optarg;
        } else if (c == OPTION_STORE) {
            app->store_url = optarg;
        } else if (c == 'v') {
            app->verbosity++;
        } else if (c == 'q') {
            app->verbosity = -1;
        } else {
            return c;
        }
    }
    return c;
}

static int run_command(struct app *app, int argc, char **argv, struct err *e)
{
    const struct command *c;

    if (argc < 1)
        return err_set(e, ERR_USAGE, "usage", "which command? 'dmarcmill help' lists them");
    if (strcmp(argv[0], "help") == 0)
        return help(argc, argv, e);
    c = find_command(argv[0]);
    if (!c)
        return no_such_command(argv[0], e);
    if (asks_for_help(argc, argv)) {
        print_command_help(c);
        return 0;
    }
    int rc = config_load(&app->config, app->config_path, e);
    if (rc)
        return rc;
    if (app->verbosity > 0 && app->config->path)
        console_say("configuration: %s", app->config->path);
    if (app->config->log_json)
        console_log_json();
    rc = c->run(app, argc, argv, e);
    config_free(app->config);
    return rc;
}

static int run_program(struct app *app, int argc, char **argv, struct err *e)
{
    int what = read_options(app, argc, argv, e);

    if (what < 0)
        return what;
    if (what == OPTION_VERSION) {
        (void)puts("dmarcmill " DM_VERSION);
        return 0;
    }
    if (what != OPTION_END) {
        print_help();
        return 0;
    }
    return run_command(app, argc - optind, argv + optind, e);
}

int commands_main(int argc, char **argv)
{
    struct app app = {0};
    struct err e;

    console_init();
    int rc = run_program(&app, argc, argv, &e);
    if (rc < 0)
        console_problem(NULL, &e);
    int status = rc < 0 ? err_exit_status(e.class) : rc;
    rc = console_flush(&e);
    if (rc && status == 0) {
        console_problem(NULL, &e);
        status = err_exit_status(e.class);
    }
    return status;
}
