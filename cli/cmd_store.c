#include "cli/cmd.h"
#include "cli/console.h"
#include "cli/options.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* Opening a store brings it to this program's schema. */
static int migrate_store(struct store *s)
{
    (void)printf("%s store, schema version %d\n", store_backend(s), store_schema_version(s));
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

static int verify_store(struct store *s, struct err *e)
{
    int64_t checked = 0;
    int64_t faults = 0;
    int rc = store_verify(s, show_fault, &faults, &checked, e);

    if (rc)
        return rc;
    (void)printf("%" PRId64 " %s checked, %" PRId64 " %s\n", checked,
        checked == 1 ? "report" : "reports", faults, faults == 1 ? "fault" : "faults");
    return faults ? EX_DATAERR : 0;
}

static int run_store(struct app *app, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {{NULL, 0, NULL, 0}};
    struct store *s = NULL;

    options_start();
    int rc = options_next(argc, argv, ":", longs, e);
    const char *verb = optind + 1 == argc ? argv[optind] : "";
    bool migrating = strcmp(verb, "migrate") == 0;

    if (!rc && !migrating && strcmp(verb, "verify") != 0)
        rc = err_set(e, ERR_USAGE, "usage", "store wants: migrate or verify");
    if (!rc)
        rc = app_open_store(app, &s, e);
    if (!rc)
        rc = migrating ? migrate_store(s) : verify_store(s, e);
    store_close(s);
    return rc;
}

const struct command cmd_store = {
    .name = "store",
    .usage = "store migrate\n"
             "store verify",
    .summary = "make or check the store",
    .help = "  migrate  make the store or bring it to this program's schema; say its version\n"
            "  verify   count again what is stored, and compare\n",
    .run = run_store,
};
