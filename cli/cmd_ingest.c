#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/options.h"
#include "cli/run.h"

#include <sysexits.h>

static int read_options(int argc, char **argv, enum run_format *format, struct err *e)
{
    static const struct option longs[] = {
        {"format", required_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    int c;

    options_start();
    while ((c = options_next(argc, argv, ":f:", longs, e)) > OPTION_END) {
        if (run_format_parse(optarg, format, e))
            return (int)e->class;
    }
    if (c == OPTION_END && optind == argc)
        return err_set(e, ERR_USAGE, "usage", "which files? (- is standard input)");
    return c;
}

static int run_ingest(struct app *app, int argc, char **argv, struct err *e)
{
    enum run_format format = RUN_TEXT;
    struct run run = {
        .name = "",
        .limits = &app->config->limits,
        .batch_messages = app->config->batch_messages,
        .verbose = app->verbosity > 0,
    };
    struct store_summary summary;
    struct source *source;
    struct store *store;
    int rc = read_options(argc, argv, &format, e);

    if (rc)
        return rc;
    rc = source_files_open(&source, (const char *const *)argv + optind, (size_t)(argc - optind),
        &app->config->limits, e);
    if (rc)
        return rc;
    rc = app_open_store_with_clients(app, &store, e);
    if (rc) {
        source->ops->close(source);
        return rc;
    }
    run_catch_signals();
    rc = run_into_store(&run, source, store, &summary, e);
    source->ops->close(source);
    store_close(store);
    if (format == RUN_JSON || app->verbosity >= 0)
        run_print(&run, &summary, format, rc ? e : NULL);
    if (rc)
        return rc;
    if (run.interrupted)
        return err_set(e, ERR_TEMPORARY, "interrupted", "stopped before the end of the input");
    return run_rejected(&run, &summary) ? EX_DATAERR : 0;
}

const struct command cmd_ingest = {
    .name = "ingest",
    .usage = "ingest [--format text|json] PATH...",
    .summary = "take reports from files into the store",
    .help = "  --format text|json  of the summary\n"
            "\n"
            "A PATH is a file (XML, JSON, gzip, zip, mail, mbox: told by content), a folder\n"
            "or Maildir, or - for standard input. What was ingested before\n"
            "changes nothing. The clients of the configuration are given their domains first.\n"
            "The exit status is 65 when something could not be read whole (see 'dmarcmill\n"
            "rejects').\n",
    .run = run_ingest,
};
