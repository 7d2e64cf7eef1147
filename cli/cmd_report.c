#include "base/arena.h"
#include "base/when.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/delivery.h"
#include "cli/files.h"
#include "cli/options.h"
#include "report/enrichment.h"
#include "report/phrases.h"
#include "report/render.h"
#include "report/report.h"
#include "send/message.h"
#include "store/store.h"

#include <string.h>

enum {
    OPTION_SEND = 256,
    OPTION_RESEND,
    OPTION_RECIPIENT,
    OPTION_WORDS
};

struct report_run {
    const char *client;
    bool all_clients;
    struct period_options period;
    const struct report_format *format;
    const char *folder; /* --out */
    bool send, resend;
    bool words; /* what reports say, nothing else */
    const char *recipient;
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
    case OPTION_WORDS:
        r->words = true;
        return 0;
    case OPTION_SEND:
        r->send = true;
        return 0;
    case OPTION_RESEND:
        r->resend = true;
        return 0;
    case OPTION_RECIPIENT:
        r->recipient = message_address(r->arena, optarg);
        return r->recipient ? 0
                            : err_set(e, ERR_USAGE, "usage",
                                  "--recipient wants an address like a@b.example");
    default:
        r->folder = optarg;
        return 0;
    }
}

/* What is sent is recorded as sent: so it must be all there is to say about that time. */
static int check_sending(const struct report_run *r, int64_t to, struct err *e)
{
    if (!r->send && (r->resend || r->recipient)) {
        return err_set(
            e, ERR_USAGE, "usage", "--%s goes with --send", r->resend ? "resend" : "recipient");
    }
    if (r->send && (r->folder || r->format)) {
        return err_set(e, ERR_USAGE, "usage",
            "--send goes without --%s: in which formats is in the configuration",
            r->folder ? "out" : "format");
    }
    if (r->send && to >= when_day(when_now())) {
        return err_set(
            e, ERR_USAGE, "usage", "the period is not over: its report is sent once, when it is");
    }
    return 0;
}

static int check_options(struct report_run *r, struct err *e)
{
    if (r->client && r->all_clients)
        return err_set(e, ERR_USAGE, "usage", "--client and --all-clients exclude each other");
    if (!r->client && !r->folder && r->format && strcmp(r->format->name, "csv") == 0) {
        return err_set(e, ERR_USAGE, "usage",
            "csv has no column for the client: use --client NAME, or --out DIR for all");
    }
    if (!r->client && !r->folder && r->format && strcmp(r->format->name, "html") == 0) {
        return err_set(e, ERR_USAGE, "usage",
            "html is one page for each client: use --client NAME, or --out DIR for all");
    }
    if ((r->period.from != NULL) != (r->period.to != NULL))
        return err_set(e, ERR_USAGE, "usage", "--from and --to go together");
    int64_t from;
    int64_t to;
    int rc = options_period(&r->period, PERIOD_LAST_WEEK, &from, &to, e);
    if (!rc)
        rc = check_sending(r, to, e);
    if (!rc && !r->format)
        r->format = report_formats;
    return rc;
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
        {"words", no_argument, NULL, OPTION_WORDS},
        {"send", no_argument, NULL, OPTION_SEND},
        {"resend", no_argument, NULL, OPTION_RESEND},
        {"recipient", required_argument, NULL, OPTION_RECIPIENT},
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

/* What the command line says, else what the client's cadence is. */
static int period_of(void *context, const char *client, int64_t *from, int64_t *to, struct err *e)
{
    const struct report_run *r = context;
    bool monthly = looks_find(&r->app->config->looks, client)->monthly;

    return options_period(&r->period, monthly ? PERIOD_LAST_MONTH : PERIOD_LAST_WEEK, from, to, e);
}

static int build(
    void *context, const char *client, struct arena *a, struct client_report *out, struct err *e)
{
    const struct report_run *r = context;
    const struct report_settings set = {
        .identities = r->app->config->identities, .enrichment = r->enrichment};
    struct store_period p = {.client = client};
    int rc = period_of(context, client, &p.from, &p.to, e);

    if (!rc)
        rc = report_complete(r->store, &p, &set, a, out, e);
    if (!rc)
        out->look = looks_find(&r->app->config->looks, client)->look;
    return rc;
}

static int report_one(struct report_run *r, const char *client, struct err *e)
{
    struct client_report report = {0};
    struct arena *a = arena_new();
    int rc = build(r, client, a, &report, e);

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

static int send_reports(struct report_run *r, struct err *e)
{
    const struct delivery d = {
        .config = r->app->config,
        .store = r->store,
        .verbosity = r->app->verbosity,
        .client = r->client,
        .recipient = r->recipient,
        .resend = r->resend,
        .period = period_of,
        .build = build,
        .context = r,
    };

    return delivery_run(&d, e);
}

static int run_report(struct app *app, int argc, char **argv, struct err *e)
{
    struct report_run r = {.app = app, .arena = arena_new()};
    int rc = read_options(&r, argc, argv, e);

    if (!rc && r.words) {
        phrases_write(looks_find(&app->config->looks, r.client)->look.phrases, stdout);
        arena_free(r.arena);
        return 0;
    }
    /* who sends writes to the store anyway, and must know the clients of the configuration */
    if (!rc) {
        rc = r.send ? app_open_store_with_clients(app, &r.store, e)
                    : app_open_store(app, &r.store, e);
    }
    if (!rc) {
        r.enrichment = enrichment_new(r.store, app->config->identities);
        rc = r.send ? send_reports(&r, e) : report_all(&r, e);
        enrichment_free(r.enrichment);
    }
    store_close(r.store);
    arena_free(r.arena);
    return rc;
}

const struct command cmd_report = {
    .name = "report",
    .usage = "report [--client NAME | --all-clients]\n"
             "       [--week YYYY-Www | --last-week | --month YYYY-MM |\n"
             "        --last-month | --from DAY --to DAY]\n"
             "       [--format text|csv|html|json] [--out DIR]\n"
             "report --send [--client NAME] [--recipient ADDRESS] [--resend]\n"
             "       [--week YYYY-Www | --last-week | --month YYYY-MM |\n"
             "        --last-month | --from DAY --to DAY]\n"
             "report --words [--client NAME]",
    .summary = "write or mail the report of a client for a week or a month",
    .help = "  --client NAME     one client; default: all clients\n"
            "  --week YYYY-Www   an ISO week, Monday to Sunday\n"
            "  --last-week       the last whole week (default; of a client whose cadence\n"
            "                    is monthly, the last whole month)\n"
            "  --month YYYY-MM   a calendar month\n"
            "  --last-month      the last whole month\n"
            "  --from, --to DAY  whole days (YYYY-MM-DD), both included\n"
            "  --format FORMAT   text (default), csv (a row for each source), html\n"
            "                    or json (all)\n"
            "  --out DIR         write DIR/CLIENT/YYYY-Www.{txt,csv,html,json} instead, or\n"
            "                    YYYY-MM for a month\n"
            "  --send            mail it to the recipients of the configuration, once to\n"
            "                    each: those who have it are left out, in later runs too\n"
            "  --recipient ADDR  to this one only\n"
            "  --resend          also to those who have it, and whose server refused it\n"
            "  --words           print what reports say, to be translated into a file for\n"
            "                    'language' in the configuration\n"
            "\n"
            "A report counts on the UTC day on which its period begins. -v names the files\n"
            "that were written. Clients that are new in the configuration are known after the\n"
            "next poll or ingest.\n"
            "\n"
            "--send ends with 65 when a recipient was refused for ever, with 75 or 69 when it\n"
            "is to be run again; 'query deliveries' shows what was sent and what was not.\n",
    .run = run_report,
};
