#include "base/arena.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/options.h"
#include "report/enrichment.h"
#include "report/render.h"
#include "report/report.h"
#include "store/store.h"

#include <string.h>

struct report_run {
    const char *client;
    bool all_clients;
    struct period_options period;
    const struct report_format *format;
    const char *folder; /* --out */
    const struct app *app;
    struct store *store;
    struct enrichment *enrichment;
    size_t written; /* reports on standard output so far */
    /* names, for --all-clients */
    struct arena *arena;
    const char **names;
    size_t n_names;
};

static int take_format(struct report_run *r, const char *name, struct err *e)
{
    r->format = report_format_find(name);
    if (r->format)
        return 0;
    return err_set(e, ERR_USAGE, "usage", "--format wants text, csv, html or json, not '%s'", name);
}

static int take_option(struct report_run *r, int c, struct err *e)
{
    switch (c) {
    case 'c':
        r->client = optarg;
        return 0;
    case 'a':
        r->all_clients = true;
        return 0;
    case 'w':
        r->period.week = optarg;
        return 0;
    case 'l':
        r->period.last_week = 1;
        return 0;
    case 'm':
        r->period.month = optarg;
        return 0;
    case 'L':
        r->period.last_month = 1;
        return 0;
    case 'F':
        r->period.from = optarg;
        return 0;
    case 'T':
        r->period.to = optarg;
        return 0;
    case 'f':
        return take_format(r, optarg, e);
    case 'o':
        r->folder = optarg;
        return 0;
    default:
        return err_set(e, ERR_USAGE, "usage", "--send is not available in this version");
    }
}

static int check_options(struct report_run *r, struct err *e)
{
    if (r->client && r->all_clients)
        return err_set(e, ERR_USAGE, "usage", "--client and --all-clients exclude each other");
    if (!r->client && !r->folder && strcmp(r->format->name, "csv") == 0) {
        return err_set(e, ERR_USAGE, "usage",
            "csv has no column for the client: use --client NAME, or --out DIR for all");
    }
    if ((r->period.from != NULL) != (r->period.to != NULL))
        return err_set(e, ERR_USAGE, "usage", "--from and --to go together");
    int64_t from;
    int64_t to;
    return options_period(&r->period, PERIOD_LAST_WEEK, &from, &to, e);
}

static int read_options(struct report_run *r, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {
        {"client", required_argument, NULL, 'c'},
        {"all-clients", no_argument, NULL, 'a'},
        {"week", required_argument, NULL, 'w'},
        {"last-week", no_argument, NULL, 'l'},
        {"month", required_argument, NULL, 'm'},
        {"last-month", no_argument, NULL, 'L'},
        {"from", required_argument, NULL, 'F'},
        {"to", required_argument, NULL, 'T'},
        {"format", required_argument, NULL, 'f'},
        {"out", required_argument, NULL, 'o'},
        {"send", no_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    int c;

    options_start();
    while ((c = options_next(argc, argv, ":c:f:o:", longs, e)) > OPTION_END) {
        int rc = take_option(r, c, e);
        if (rc)
            return rc;
    }
    if (c == OPTION_END)
        c = options_no_arguments(argc, argv, e);
    return c ? c : check_options(r, e);
}

static int write_file(const struct report_run *r, const struct client_report *report, struct err *e)
{
    struct arena *a = arena_new();
    const char *folder = arena_printf(a, "%s/%s", r->folder, files_safe_name(a, report->client));
    char period[REPORT_PERIOD_MAX];
    struct new_file file;

    report_period_name(report->from, report->to, period);
    const char *path = arena_printf(a, "%s/%s.%s", folder, period, r->format->extension);
    int rc = files_make_folder(folder, 0777, e);
    if (!rc)
        rc = files_create(&file, path, e);
    if (!rc) {
        r->format->write(report, file.out);
        rc = files_commit(&file, e);
    }
    if (!rc && r->app->verbosity > 0)
        console_say("%s: written", path);
    arena_free(a);
    return rc;
}

/* Several JSON reports on standard output are one array; several texts have a line between them. */
static void write_output(struct report_run *r, const struct client_report *report)
{
    bool json = strcmp(r->format->name, "json") == 0;

    if (!r->client)
        (void)fputs(r->written == 0 ? (json ? "[\n" : "") : (json ? ",\n" : "\n\f\n"), stdout);
    r->format->write(report, stdout);
    r->written++;
}

static void finish_output(const struct report_run *r)
{
    if (r->client || r->folder || strcmp(r->format->name, "json") != 0)
        return;
    (void)fputs(r->written ? "]\n" : "[]\n", stdout);
}

static int report_one(struct report_run *r, const char *client, struct err *e)
{
    const struct client_look *look = looks_find(&r->app->config->looks, client);
    struct store_period period = {.client = client};
    struct client_report report;
    struct arena *a = arena_new();
    const struct report_settings set = {
        .identities = r->app->config->identities, .enrichment = r->enrichment};
    int rc = options_period(&r->period, look->monthly ? PERIOD_LAST_MONTH : PERIOD_LAST_WEEK,
        &period.from, &period.to, e);

    if (!rc)
        rc = report_complete(r->store, &period, &set, a, &report, e);
    report.look = look->look;
    /* nobody waits for a report on domains that belong to nobody, unless there is something in it
     */
    bool skip = !r->client && strcmp(client, STORE_UNASSIGNED) == 0 &&
                report.totals.reports + (int64_t)report.n_remarks == 0;
    if (!rc && !skip && r->folder) {
        rc = write_file(r, &report, e);
    } else if (!rc && !skip) {
        write_output(r, &report);
    }
    arena_free(a);
    return rc;
}

static int take_client(void *context, const struct store_client *c)
{
    struct report_run *r = context;
    size_t at = r->n_names;

    r->names = arena_grow(r->arena, r->names, &r->n_names, sizeof *r->names);
    r->names[at] = arena_strdup(r->arena, c->name);
    return 0;
}

static int report_all(struct report_run *r, struct err *e)
{
    if (r->client) {
        int rc = app_find_client(r->app, r->store, r->client, e);
        return rc ? rc : report_one(r, r->client, e);
    }
    int rc = store_clients(r->store, take_client, r, e);
    for (size_t i = 0; i < r->n_names && !rc; i++)
        rc = report_one(r, r->names[i], e);
    if (!rc)
        finish_output(r);
    return rc;
}

static int run_report(struct app *app, int argc, char **argv, struct err *e)
{
    struct report_run r = {.format = report_formats, .app = app};
    int rc = read_options(&r, argc, argv, e);

    if (!rc)
        rc = app_open_store(app, &r.store, e);
    if (rc)
        return rc;
    r.arena = arena_new();
    r.enrichment = enrichment_new(r.store);
    rc = report_all(&r, e);
    enrichment_free(r.enrichment);
    arena_free(r.arena);
    store_close(r.store);
    return rc;
}

const struct command cmd_report = {
    .name = "report",
    .usage = "report [--client NAME | --all-clients]\n"
             "       [--week YYYY-Www | --last-week | --month YYYY-MM | --last-month\n"
             "        | --from DAY --to DAY]\n"
             "       [--format text|csv|html|json] [--out DIR]",
    .summary = "write the report of a client for a week or a month",
    .help = "  --client NAME     one client; default: all clients\n"
            "  --week YYYY-Www   an ISO week, Monday to Sunday\n"
            "  --last-week       the last whole week (default; of a client whose cadence\n"
            "                    is monthly, the last whole month)\n"
            "  --month YYYY-MM   a calendar month\n"
            "  --last-month      the last whole month\n"
            "  --from, --to DAY  whole days (YYYY-MM-DD), both included\n"
            "  --format FORMAT   text (default), csv (a row for each source), html or json (all)\n"
            "  --out DIR         write DIR/CLIENT/YYYY-Www.{txt,csv,html,json} instead, or\n"
            "                    YYYY-MM for a month\n"
            "\n"
            "A report counts on the UTC day on which its period begins. -v names the files\n"
            "that were written. Clients that are new in the configuration are known after the\n"
            "next poll or ingest.\n",
    .run = run_report,
};
