#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/table.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct rejects {
    struct arena *arena;
    struct store *store;
    struct table table;
    enum table_format format;
    bool raw;
    int64_t found;
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

static int read_options(struct rejects *list, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {
        {"format", required_argument, NULL, 'f'},
        {"raw", no_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };
    int c;

    options_start();
    while ((c = options_next(argc, argv, ":f:", longs, e)) > OPTION_END) {
        if (c == 'r') {
            list->raw = true;
        } else if (table_format_parse(optarg, &list->format, e)) {
            return (int)e->class;
        }
    }
    return c;
}

static int run_rejects(struct app *app, int argc, char **argv, struct err *e)
{
    struct rejects list = {.arena = arena_new(), .format = TABLE_TEXT};
    int rc = read_options(&list, argc, argv, e);
    const char *verb = optind < argc ? argv[optind] : "";
    int words = argc - optind - 1;
    bool all = strcmp(verb, "list") == 0 && words == 0 && !list.raw;
    bool one = strcmp(verb, "show") == 0 && words == 1;
    int64_t id = 0;

    if (!rc && !all && !one)
        rc = err_set(e, ERR_USAGE, "usage", "rejects wants: list, or show ID [--raw]");
    if (!rc && one)
        rc = options_count("ID", argv[optind + 1], &id, e);
    if (!rc)
        rc = app_open_store(app, &list.store, e);
    if (!rc)
        rc = all ? list_rejects(&list, e) : show_reject(&list, id, e);
    store_close(list.store);
    arena_free(list.arena);
    return rc;
}

const struct command cmd_rejects = {
    .name = "rejects",
    .usage = "rejects list [--format text|csv|json]\n"
             "rejects show ID [--raw]",
    .summary = "what could not be read, kept until someone decides",
    .help = "  --raw  the bytes themselves, as they came\n",
    .run = run_rejects,
};
