#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/options.h"
#include "cli/poller.h"
#include "cli/run.h"

#include <stddef.h>

static int take_option(int c, struct poller_settings *set, struct err *e)
{
    if (c == 'f')
        return run_format_parse(optarg, &set->format, e);
    set->watch = set->watch || c == 'w';
    set->dry_run = set->dry_run || c == 'n';
    return 0;
}

static int read_options(int argc, char **argv, struct poller_settings *set, struct err *e)
{
    static const struct option longs[] = {
        {"format", required_argument, NULL, 'f'},
        {"once", no_argument, NULL, 'o'},
        {"watch", no_argument, NULL, 'w'},
        {"dry-run", no_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    int once = 0;
    int c;

    options_start();
    while ((c = options_next(argc, argv, ":f:n", longs, e)) > OPTION_END) {
        if (take_option(c, set, e))
            return (int)e->class;
        once = once || c == 'o';
    }
    if (c == OPTION_END && set->watch && (once || set->dry_run)) {
        return err_set(e, ERR_USAGE, "usage", "--watch and %s exclude each other",
            once ? "--once" : "--dry-run");
    }
    return c;
}

static int run_poll(struct app *app, int argc, char **argv, struct err *e)
{
    struct poller_settings set = {.app = app, .format = RUN_TEXT};
    struct config *fresh = NULL;
    int rc = read_options(argc, argv, &set, e);

    if (rc)
        return rc;
    set.names = argv + optind;
    set.n_names = (size_t)(argc - optind);
    run_catch_signals();
    if (set.watch)
        run_catch_hangup();
    do {
        rc = poller_run(&set, &fresh, e);
        if (fresh) {
            config_free(app->config);
            app->config = fresh;
        }
    } while (fresh && !rc && !run_asked_to_stop());
    return rc;
}

const struct command cmd_poll = {
    .name = "poll",
    .usage = "poll [--once | --watch] [--format text|json] [MAILBOX...]\n"
             "poll --dry-run [--format text|json] [MAILBOX...]",
    .summary = "take reports from the configured mailboxes into the store",
    .help = "  --once              read what is there, then end (default)\n"
            "  --watch             go on until SIGTERM; SIGHUP reads the configuration anew\n"
            "  -n, --dry-run       read what is there and say what would become of it;\n"
            "                      nothing is stored, moved, deleted or flagged\n"
            "  --format text|json  of the summaries, one for each mailbox\n"
            "\n"
            "Without names all mailboxes of the configuration are read, at the same time. A\n"
            "mailbox that fails does not keep the others from being read. The clients of the\n"
            "configuration are given their domains first.\n",
    .run = run_poll,
};
