#include "base/json.h"
#include "base/when.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/options.h"
#include "cli/retry.h"
#include "cli/run.h"
#include "store/store.h"

#include <stdio.h>

struct reparse {
    int64_t since; /* day */
    enum grade grade;
    int64_t payloads;
    struct store_again_result sum;
};

static void add(struct store_again_result *sum, const struct store_again_result *r)
{
    sum->same += r->same;
    sum->replaced += r->replaced;
    sum->worse += r->worse;
    sum->fresh += r->fresh;
    sum->conflict += r->conflict;
}

static void print_counts(const struct reparse *r)
{
    struct json j;

    json_init(&j, stdout, false);
    json_object(&j);
    json_member_int(&j, "payloads", r->payloads);
    json_key(&j, "reports");
    json_object(&j);
    json_member_int(&j, "same", r->sum.same);
    json_member_int(&j, "replaced", r->sum.replaced);
    json_member_int(&j, "worse", r->sum.worse);
    json_member_int(&j, "new", r->sum.fresh);
    json_member_int(&j, "conflict", r->sum.conflict);
    json_end(&j);
    json_end(&j);
    (void)fputc('\n', stdout);
}

static int read_options(struct reparse *r, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {
        {"since", required_argument, NULL, 's'},
        {"grade", required_argument, NULL, 'g'},
        {NULL, 0, NULL, 0},
    };
    int c;

    options_start();
    while ((c = options_next(argc, argv, ":", longs, e)) > OPTION_END) {
        if (c == 's' && !when_parse_day(optarg, &r->since)) {
            return err_set(
                e, ERR_USAGE, "usage", "--since wants a day like 2026-11-16, not '%s'", optarg);
        }
        if (c == 'g' && (!grade_parse(optarg, &r->grade) || r->grade == GRADE_REFUSED)) {
            return err_set(e, ERR_USAGE, "usage",
                "--grade wants clean, normalised, recovered or partial, not '%s'", optarg);
        }
    }
    return c ? c : options_no_arguments(argc, argv, e);
}

static int reparse_all(struct reparse *r, struct app *app, struct store *s, struct err *e)
{
    struct store_reparse *all = store_reparse_new(s, r->since * INT64_C(86400), r->grade);
    struct store_again *a = NULL;
    int rc;

    while (!(rc = store_reparse_next(all, &a, e)) && a) {
        if (run_asked_to_stop()) {
            rc = err_set(e, ERR_TEMPORARY, "interrupted", "stopped before all were read again");
        } else {
            rc = retry_payload(a, &app->config->limits, app->verbosity <= 0, e);
        }
        if (!rc) {
            r->payloads++;
            add(&r->sum, store_again_result(a));
        }
        store_again_close(a);
        if (rc)
            break;
    }
    store_reparse_free(all);
    return rc;
}

static int run_reparse(struct app *app, int argc, char **argv, struct err *e)
{
    struct reparse r = {.since = 0, .grade = GRADE_CLEAN};
    struct store *s = NULL;
    int rc = read_options(&r, argc, argv, e);

    if (!rc)
        rc = app_open_store_with_clients(app, &s, e);
    if (rc)
        return rc;
    run_catch_signals();
    rc = reparse_all(&r, app, s, e);
    store_close(s);
    print_counts(&r);
    return rc;
}

const struct command cmd_reparse = {
    .name = "reparse",
    .usage = "reparse [--since DAY] [--grade GRADE]",
    .summary = "read stored reports again from their raw payloads",
    .help = "  --since DAY    those that were stored on that day (UTC) or later\n"
            "  --grade GRADE  those that could be read no better than that: clean,\n"
            "                 normalised, recovered or partial\n"
            "\n"
            "What is read better now takes the place of what is stored, and what is damaged\n"
            "in the store is put right; a worse reading never replaces a better one. Prints\n"
            "counts as JSON.\n",
    .run = run_reparse,
};
