#include "base/arena.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/print.h"
#include "store/store.h"

struct export_options {
    const struct printer_format *format;
    enum report_kind kind;
    struct store_period period;
    struct arena *arena;
    bool all;
};

static int take_option(struct export_options *o, struct period_options *days, int c, struct err *e)
{
    switch (c) {
    case 'c':
        o->period.client = optarg;
        return 0;
    case 'd':
        return options_domain(o->arena, "--domain", optarg, &o->period.domain, e);
    case 'F':
        days->from = optarg;
        return 0;
    case 'T':
        days->to = optarg;
        return 0;
    case 'a':
        o->all = true;
        return 0;
    case 'k':
        return printer_kind_parse(optarg, &o->kind, e);
    default:
        return printer_format_parse(optarg, &o->format, e);
    }
}

static int read_options(int argc, char **argv, struct export_options *o, struct err *e)
{
    static const struct option longs[] = {
        {"client", required_argument, NULL, 'c'},
        {"domain", required_argument, NULL, 'd'},
        {"from", required_argument, NULL, 'F'},
        {"to", required_argument, NULL, 'T'},
        {"all", no_argument, NULL, 'a'},
        {"kind", required_argument, NULL, 'k'},
        {"format", required_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    struct period_options days = {0};
    int c;

    options_start();
    while ((c = options_next(argc, argv, ":c:d:k:f:", longs, e)) > OPTION_END) {
        int rc = take_option(o, &days, c, e);
        if (rc)
            return rc;
    }
    if (!c)
        c = options_no_arguments(argc, argv, e);
    return c ? c : options_period(&days, PERIOD_EVERYTHING, &o->period.from, &o->period.to, e);
}

static int export_to(struct export_options *o, struct store *s, struct err *e)
{
    struct printer *printer = o->format->make(stdout, o->kind);
    int rc = store_export(s, &o->period, o->all, &printer->sink, e);

    if (!rc)
        rc = printer->finish(printer, e);
    printer->free(printer);
    return rc;
}

static int run_export(struct app *app, int argc, char **argv, struct err *e)
{
    struct export_options o = {
        .format = printer_formats, .kind = REPORT_AGGREGATE, .arena = arena_new()};
    struct store *s = NULL;
    int rc = read_options(argc, argv, &o, e);

    if (!rc)
        rc = app_open_store(app, &s, e);
    if (!rc && o.period.client)
        rc = app_find_client(app, s, o.period.client, e);
    if (!rc)
        rc = export_to(&o, s, e);
    store_close(s);
    arena_free(o.arena);
    return rc;
}

const struct command cmd_export = {
    .name = "export",
    .usage = "export [--client NAME] [--domain DOMAIN]\n"
             "       [--from DAY] [--to DAY] [--all]\n"
             "       [--format FORMAT] [--kind KIND]",
    .summary = "print stored reports, as `parse` prints them",
    .help = "  --client NAME    of this client only\n"
            "  --domain DOMAIN  of this domain and those below it\n"
            "  --from, --to DAY whole days (YYYY-MM-DD), both included; default: all\n"
            "  --all            also what counts in no total: reports that are cut off, and\n"
            "                   doubtful ones where the configuration leaves them out\n"
            "  --format FORMAT  json (default), jsonl (a report in each line), text,\n"
            "                   csv, none, parsedmarc-json or parsedmarc-csv\n"
            "  --kind KIND      for csv: aggregate (default), failure or smtp_tls\n"
            "\n"
            "Of failure reports comes out what was kept of them.\n",
    .run = run_export,
};
