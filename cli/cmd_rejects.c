#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/options.h"
#include "cli/retry.h"
#include "cli/run.h"
#include "cli/table.h"
#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct rejects {
    struct arena *arena;
    struct app *app;
    struct store *store;
    struct table table;
    enum table_format format;
    bool formatted, raw, all, accept_partial; /* options that were given */
    int64_t found;
    int64_t *ids; /* of those to be tried again */
    size_t n_ids;
    int64_t stay; /* rejected after all */
};

static int put_row(void *context, const struct store_reject *r)
{
    struct rejects *list = context;
    struct table *t = &list->table;
    char at[WHEN_TEXT_MAX];

    when_format(r->at, at);
    table_row(t);
    table_int(t, r->id);
    table_text(t, at);
    table_text(t, r->source && *r->source ? r->source : NULL);
    table_text(t, r->name);
    table_text(t, r->document);
    table_text(t, r->class);
    table_text(t, r->reason);
    return 0;
}

static int list_rejects(struct rejects *list, struct err *e)
{
    static const struct table_column columns[] = {{"id", true}, {"at", false}, {"mailbox", false},
        {"message", false}, {"document", false}, {"class", false}, {"reason", false}};

    table_init(&list->table, list->arena, columns, sizeof columns / sizeof *columns);
    int rc = store_rejects(list->store, 0, put_row, list, e);
    if (!rc)
        table_write(&list->table, list->format, stdout);
    return rc;
}

static void put_field(struct rejects *list, const char *label, const char *value)
{
    if (value && *value)
        (void)printf("%-9s %s\n", label, text_safe(list->arena, value, 2048));
}

static int put_whole(void *context, const struct store_reject *r)
{
    struct rejects *list = context;
    char at[WHEN_TEXT_MAX];

    when_format(r->at, at);
    put_field(list, "at", at);
    put_field(list, "mailbox", r->source);
    put_field(list, "key", r->key);
    put_field(list, "message", r->name);
    put_field(list, "document", r->document);
    put_field(list, "class", r->class);
    put_field(list, "reason", r->reason);
    put_field(list, "raw", r->raw_kept ? "kept (show --raw)" : "not kept");
    list->found++;
    return 0;
}

static int put_raw(void *context, const void *bytes, size_t len, struct err *e)
{
    (void)context;
    if (fwrite(bytes, 1, len, stdout) != len) {
        return err_set(
            e, ERR_TEMPORARY, "write-failed", "standard output: %s", strerrordesc_np(errno));
    }
    return 0;
}

static int show_reject(struct rejects *list, int64_t id, struct err *e)
{
    if (list->raw)
        return store_reject_raw(list->store, id, put_raw, list, e);
    int rc = store_rejects(list->store, id, put_whole, list, e);
    if (!rc && !list->found)
        rc = err_set(e, ERR_USAGE, "no-such-reject", "there is no reject %lld", (long long)id);
    return rc;
}

/* ---- another try ---- */

static void add_id(struct rejects *list, int64_t id)
{
    list->ids = arena_grow(list->arena, list->ids, &list->n_ids, sizeof *list->ids);
    list->ids[list->n_ids - 1] = id;
}

static int take_open(void *context, const struct store_reject *r)
{
    add_id(context, r->id);
    return 0;
}

/* What matters of a reject after the call that shows it. */
struct glance {
    bool open, raw_kept, partial;
};

static int take_glance(void *context, const struct store_reject *r)
{
    struct glance *g = context;

    *g = (struct glance){strcmp(r->state, "open") == 0, r->raw_kept, r->partial};
    return 0;
}

static int look(struct rejects *list, int64_t id, struct glance *g, struct err *e)
{
    *g = (struct glance){0};
    return store_rejects(list->store, id, take_glance, g, e);
}

static int take_ids(struct rejects *list, int n, char **words, struct err *e)
{
    struct glance g;
    int64_t id = 0;

    if (list->all)
        return store_rejects(list->store, 0, take_open, list, e);
    for (int i = 0; i < n; i++) {
        if (options_count("ID", words[i], &id, e) || look(list, id, &g, e))
            return (int)e->class;
        if (!g.open) {
            return err_set(e, ERR_USAGE, "no-such-reject", "there is no open reject %" PRId64, id);
        }
        add_id(list, id);
    }
    return 0;
}

static void say_stays(struct rejects *list, int64_t id, const char *class, const char *reason)
{
    list->stay++;
    (void)printf("reject %" PRId64 ": still %s: %s\n", id, class,
        reason ? text_safe(list->arena, reason, 2048) : "");
}

static void say_result(struct rejects *list, int64_t id, const struct store_again_result *r)
{
    if (!r->written) {
        say_stays(list, id, r->class ? r->class : "rejected", r->reason);
        return;
    }
    (void)printf("reject %" PRId64 ": read: %" PRId64 " new, %" PRId64 " replaced, %" PRId64
                 " known, %" PRId64 " records",
        id, r->fresh, r->replaced, r->same, r->records);
    if (r->partial)
        (void)printf("; %" PRId64 " cut off, not counted", r->partial);
    if (r->rejected + r->conflict) {
        (void)printf("; %" PRId64 " documents still rejected, the first: %s: %s",
            r->rejected + r->conflict, r->class, text_safe(list->arena, r->reason, 2048));
    }
    (void)putchar('\n');
    list->stay += r->partial || r->rejected || r->conflict;
}

static int read_payload(struct rejects *list, int64_t id, const struct glance *g, struct err *e)
{
    struct store_again *a = NULL;
    int rc = store_again_reject(&a, list->store, id, e);

    if (rc)
        return rc;
    rc = retry_payload(a, &list->app->config->limits, list->app->verbosity < 0, e);
    if (!rc && g->partial && !store_again_result(a)->written) {
        say_stays(list, id, "partial", "--accept-partial makes the report count as it is");
    } else if (!rc) {
        say_result(list, id, store_again_result(a));
    }
    store_again_close(a);
    return rc;
}

static int retry(struct rejects *list, int64_t id, struct err *e)
{
    struct glance g;
    int rc = look(list, id, &g, e);

    if (rc)
        return rc;
    if (!g.open) { /* its payload has been read for another one */
        (void)printf("reject %" PRId64 ": settled with the one before\n", id);
        return 0;
    }
    if (g.partial && list->accept_partial) {
        rc = store_reject_accept(list->store, id, e);
        if (!rc)
            (void)printf("reject %" PRId64 ": accepted, the report counts as it is\n", id);
        return rc;
    }
    if (!g.raw_kept) {
        say_stays(list, id, "rejected", "no raw payload is kept that could be read");
        return 0;
    }
    return read_payload(list, id, &g, e);
}

static int retry_rejects(struct rejects *list, int n, char **words, struct err *e)
{
    int rc = take_ids(list, n, words, e);

    run_catch_signals();
    for (size_t i = 0; i < list->n_ids && !rc; i++) {
        if (run_asked_to_stop()) {
            return err_set(e, ERR_TEMPORARY, "interrupted", "stopped before all were tried again");
        }
        rc = retry(list, list->ids[i], e);
        (void)fflush(stdout);
    }
    if (rc)
        return rc;
    return list->stay ? EX_DATAERR : 0;
}

/* ---- the command ---- */

static int read_options(struct rejects *list, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {
        {"format", required_argument, NULL, 'f'},
        {"raw", no_argument, NULL, 'r'},
        {"all", no_argument, NULL, 'a'},
        {"accept-partial", no_argument, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    int c;

    options_start();
    while ((c = options_next(argc, argv, ":f:", longs, e)) > OPTION_END) {
        list->formatted = list->formatted || c == 'f';
        list->raw = list->raw || c == 'r';
        list->all = list->all || c == 'a';
        list->accept_partial = list->accept_partial || c == 'p';
        if (c == 'f' && table_format_parse(optarg, &list->format, e))
            return (int)e->class;
    }
    return c;
}

enum verb {
    VERB_NONE,
    VERB_LIST,
    VERB_SHOW,
    VERB_RETRY
};

static enum verb find_verb(const struct rejects *list, const char *verb, int words)
{
    bool retrying = list->all || list->accept_partial;

    if (strcmp(verb, "list") == 0 && words == 0 && !list->raw && !retrying)
        return VERB_LIST;
    if (strcmp(verb, "show") == 0 && words == 1 && !list->formatted && !retrying)
        return VERB_SHOW;
    if (strcmp(verb, "retry") == 0 && list->all == (words == 0) && !list->raw && !list->formatted)
        return VERB_RETRY;
    return VERB_NONE;
}

static int run_verb(struct rejects *list, enum verb verb, int n, char **words, struct err *e)
{
    int64_t id = 0;

    if (verb == VERB_LIST)
        return list_rejects(list, e);
    if (verb == VERB_RETRY)
        return retry_rejects(list, n, words, e);
    int rc = options_count("ID", words[0], &id, e);
    return rc ? rc : show_reject(list, id, e);
}

static int run_rejects(struct app *app, int argc, char **argv, struct err *e)
{
    struct rejects list = {.arena = arena_new(), .app = app, .format = TABLE_TEXT};
    int rc = read_options(&list, argc, argv, e);
    int words = argc - optind - 1;
    enum verb verb = rc || words < 0 ? VERB_NONE : find_verb(&list, argv[optind], words);

    if (!rc && verb == VERB_NONE) {
        rc = err_set(e, ERR_USAGE, "usage",
            "rejects wants: list, show ID [--raw], or retry ID... or --all [--accept-partial]");
    }
    if (!rc && verb == VERB_RETRY) {
        rc = app_open_store_with_clients(app, &list.store, e);
    } else if (!rc) {
        rc = app_open_store(app, &list.store, e);
    }
    if (!rc)
        rc = run_verb(&list, verb, words, argv + optind + 1, e);
    store_close(list.store);
    arena_free(list.arena);
    return rc;
}

const struct command cmd_rejects = {
    .name = "rejects",
    .usage = "rejects list [--format text|csv|json]\n"
             "rejects show ID [--raw]\n"
             "rejects retry ID...|--all [--accept-partial]",
    .summary = "list, show or retry what could not be read",
    .help = "  --raw             the bytes themselves, as they came\n"
            "  --all             all that are open\n"
            "  --accept-partial  a report that is cut off counts from now on, as it is\n"
            "\n"
            "retry reads the raw payloads again, with the limits of today's configuration;\n"
            "what is readable now is stored and the reject is closed. The exit status is 65\n"
            "when some stay rejected or cut off.\n",
    .run = run_rejects,
};
