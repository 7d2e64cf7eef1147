#include "base/arena.h"
#include "base/when.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/options.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct store_command {
    struct app *app;
    struct store *store;
    const char *client; /* NULL: all */
    bool dry_run;
    const char *from, *to; /* URLs */
};

/* Opening a store brings it to this program's schema. */
static int migrate_store(struct store_command *c, struct err *e)
{
    (void)e;
    (void)printf(
        "%s store, schema version %d\n", store_backend(c->store), store_schema_version(c->store));
    return 0;
}

static void show_fault(void *context, const char *what)
{
    const struct err fault = {.class = ERR_INPUT, .tag = "store-damaged"};
    struct err e = fault;
    int64_t *faults = context;

    (void)err_set(&e, ERR_INPUT, fault.tag, "%s", what);
    console_problem("store", &e);
    ++*faults;
}

static int verify_store(struct store_command *c, struct err *e)
{
    int64_t checked = 0;
    int64_t faults = 0;
    int rc = store_verify(c->store, show_fault, &faults, &checked, e);

    if (rc)
        return rc;
    (void)printf("%" PRId64 " %s checked, %" PRId64 " %s\n", checked,
        checked == 1 ? "report" : "reports", faults, faults == 1 ? "fault" : "faults");
    return faults ? EX_DATAERR : 0;
}

/* ---- prune ---- */

struct client_names {
    struct arena *arena;
    const char **names;
    size_t n;
};

static int take_client(void *context, const struct store_client *client)
{
    struct client_names *l = context;

    l->names = arena_grow(l->arena, l->names, &l->n, sizeof *l->names);
    l->names[l->n - 1] = arena_strdup(l->arena, client->name);
    return 0;
}

static const struct store_retention *retention_of(const struct config *c, const char *client)
{
    for (size_t i = 0; i < c->n_retentions; i++) {
        if (strcmp(c->retentions[i].client, client) == 0)
            return &c->retentions[i].keep;
    }
    return &c->keep;
}

static int prune_clients(struct store_command *c, struct store_prune *run, struct err *e)
{
    const struct config *config = c->app->config;
    struct client_names l = {.arena = arena_new()};
    int rc = store_clients(c->store, take_client, &l, e);

    for (size_t i = 0; i < l.n && !rc; i++) {
        const char *name = l.names[i];
        if (!c->client || strcmp(c->client, name) == 0)
            rc = store_prune(c->store, name, retention_of(config, name), run, e);
    }
    if (!rc)
        rc = store_prune_raw(c->store, config->keep_raw, run, e);
    arena_free(l.arena);
    return rc;
}

static int prune_store(struct store_command *c, struct err *e)
{
    struct store_prune run = {.today = when_day(when_now()), .dry_run = c->dry_run};
    int rc = c->client ? app_find_client(c->app, c->store, c->client, e) : 0;

    if (!rc)
        rc = prune_clients(c, &run, e);
    if (rc)
        return rc;
    (void)printf("%s: %" PRId64 " aggregate reports with %" PRId64 " records, %" PRId64
                 " failure reports, %" PRId64 " policies of TLS reports, %" PRId64
                 " raw payloads\n",
        run.dry_run ? "would remove" : "removed", run.reports, run.records, run.failures, run.tls,
        run.raw);
    return 0;
}

/* ---- copy ---- */

struct copied {
    int64_t rows, added, removed;
};

static void show_table(void *context, const struct store_copied *done)
{
    struct copied *sum = context;

    sum->rows += done->rows;
    sum->added += done->added;
    sum->removed += done->removed;
    if (done->rows || done->removed) {
        (void)printf("%-16s %12" PRId64 " rows, %" PRId64 " added, %" PRId64 " removed\n",
            done->table, done->rows, done->added, done->removed);
        (void)fflush(stdout);
    }
}

static int copy_store(struct store_command *c, struct err *e)
{
    struct store *to = NULL;
    struct copied sum = {0};
    int rc = store_open(&c->store, c->from, e);

    if (!rc)
        rc = store_open(&to, c->to, e);
    if (!rc)
        rc = store_copy(c->store, to, show_table, &sum, e);
    if (!rc) {
        (void)printf("the copy has all %" PRId64 " rows: %" PRId64 " added, %" PRId64 " removed\n",
            sum.rows, sum.added, sum.removed);
    }
    store_close(to);
    return rc;
}

/* ---- the command ---- */

static const struct {
    const char *name;
    int (*run)(struct store_command *c, struct err *e);
    int names; /* that follow; then these name the stores */
} verbs[] = {{"migrate", migrate_store, 0}, {"verify", verify_store, 0}, {"prune", prune_store, 0},
    {"copy", copy_store, 2}};

static int read_options(struct store_command *c, int argc, char **argv, size_t *verb, struct err *e)
{
    static const struct option longs[] = {
        {"client", required_argument, NULL, 'c'},
        {"dry-run", no_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    int option;

    options_start();
    while ((option = options_next(argc, argv, ":c:", longs, e)) > OPTION_END) {
        if (option == 'c') {
            c->client = optarg;
        } else {
            c->dry_run = true;
        }
    }
    if (option)
        return option;
    const char *word = optind < argc ? argv[optind] : "";
    *verb = 0;
    while (*verb < sizeof verbs / sizeof *verbs && strcmp(verbs[*verb].name, word) != 0)
        ++*verb;
    if (*verb == sizeof verbs / sizeof *verbs)
        return err_set(e, ERR_USAGE, "usage", "store wants: migrate, verify, prune or copy");
    if (argc - optind - 1 != verbs[*verb].names) {
        return err_set(e, ERR_USAGE, "usage", "store %s %s", word,
            verbs[*verb].names ? "wants two stores: FROM and TO" : "takes no more words");
    }
    if ((c->client || c->dry_run) && verbs[*verb].run != prune_store)
        return err_set(e, ERR_USAGE, "usage", "--client and --dry-run are for store prune");
    if (verbs[*verb].names) {
        c->from = argv[optind + 1];
        c->to = argv[optind + 2];
    }
    return 0;
}

static int run_store(struct app *app, int argc, char **argv, struct err *e)
{
    struct store_command c = {.app = app};
    size_t verb;
    int rc = read_options(&c, argc, argv, &verb, e);

    if (!rc && !c.from)
        rc = app_open_store(app, &c.store, e);
    if (!rc)
        rc = verbs[verb].run(&c, e);
    store_close(c.store);
    return rc;
}

const struct command cmd_store = {
    .name = "store",
    .usage = "store migrate\n"
             "store verify\n"
             "store prune [--dry-run] [--client NAME]\n"
             "store copy FROM TO",
    .summary = "make, check, thin out or copy the store",
    .help = "  migrate  make the store or bring it to this program's schema; say its version\n"
            "  verify   count again what is stored, and compare\n"
            "  prune    remove what is older than keep_aggregate, keep_failure, keep_tls and\n"
            "           keep_raw in the configuration say; without them, nothing but raw\n"
            "           payloads that no report refers to any more. The ledger of mails\n"
            "           stays.\n"
            "  copy     make the store TO alike the store FROM, each sqlite:PATH or\n"
            "           postgresql://...: all of it, as it is when the run begins. What was\n"
            "           cut short is gone on with by the same command, and what came in\n"
            "           since is brought over by it, until somebody stores reports in TO.\n"
            "\n"
            "  --dry-run      only count\n"
            "  --client NAME  only this client's reports\n",
    .run = run_store,
};
