#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/run.h"

#include <sysexits.h>

struct parse_options {
    const struct printer_format *format;
    enum report_kind kind;
};

static int read_options(int argc, char **argv, struct parse_options *o, struct err *e)
{
    static const struct option longs[] = {
        {"format", required_argument, NULL, 'f'},
        {"kind", required_argument, NULL, 'k'},
        {NULL, 0, NULL, 0},
    };
    int c;

    options_start();
    while ((c = options_next(argc, argv, ":f:", longs, e)) > OPTION_END) {
        int rc = c == 'f' ? printer_format_parse(optarg, &o->format, e)
                          : printer_kind_parse(optarg, &o->kind, e);
        if (rc)
            return rc;
    }
    if (c == OPTION_END && optind == argc)
        return err_set(e, ERR_USAGE, "usage", "which files? (- is standard input)");
    return c;
}

static int run_parse(struct app *app, int argc, char **argv, struct err *e)
{
    struct parse_options o = {.format = printer_formats, .kind = REPORT_AGGREGATE};
    struct run run = {.name = "", .limits = &app->config->limits, .verbose = app->verbosity > 0};
    struct source *source;
    int rc = read_options(argc, argv, &o, e);

    if (rc)
        return rc;
    rc = source_files_open(&source, (const char *const *)argv + optind, (size_t)(argc - optind),
        &app->config->limits, e);
    if (rc)
        return rc;
    struct printer *printer = o.format->make(stdout, o.kind);
    rc = run_into_sink(&run, source, &printer->sink, e);
    if (!rc)
        rc = printer->finish(printer, e);
    printer->free(printer);
    source->ops->close(source);
    if (rc)
        return rc;
    if (run.interrupted)
        return err_set(e, ERR_TEMPORARY, "interrupted", "stopped before the end of the input");
    /* here, other than in a mailbox, everything that is given is meant to be a report */
    return run_rejected(&run, NULL) || run.outcomes[OUTCOME_NOT_A_REPORT] ? EX_DATAERR : 0;
}

const struct command cmd_parse = {
    .name = "parse",
    .usage = "parse [--format FORMAT] [--kind KIND] PATH...",
    .summary = "read reports and print them, store nothing",
    .help = "  --format FORMAT  json (default): all that was read, in normal form;\n"
            "                   jsonl: the same, a report in each line; text; csv;\n"
            "                   none: read and check only;\n"
            "                   parsedmarc-json, parsedmarc-csv: as parsedmarc prints it\n"
            "  --kind KIND      for csv: aggregate (default), failure or smtp_tls\n"
            "\n"
            "A PATH is a file (XML, JSON, gzip, zip, mail, mbox: told by content), a folder\n"
            "or Maildir, or - for standard input. The exit status is 65 when\n"
            "something given was no report, or could not be read whole.\n",
    .run = run_parse,
};
