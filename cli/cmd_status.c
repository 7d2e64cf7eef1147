#include "base/arena.h"
#include "base/when.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/options.h"
#include "cli/table.h"
#include "store/store.h"

#include <stdbool.h>
#include <string.h>
#include <sysexits.h>

enum {
    AGE_DEFAULT = 86400
};

static const struct table_column columns[] = {
    {"mailbox", false},
    {"folder", false},
    {"state", false},
    {"last_success", false},
    {"failing_since", false},
    {"waiting", true},
    {"messages", true},
    {"stored", true},
    {"rejected", true},
    {"open_rejects", true},
    {"error_at", false},
    {"error", false},
};

struct status {
    struct arena *arena;
    struct store_mailbox *rows; /* what the store knows; copied */
    size_t n;
    int64_t max_age;
    bool trouble;
};

static int keep(void *context, const struct store_mailbox *m)
{
    struct status *s = context;
    size_t at = s->n;

    s->rows = arena_grow(s->arena, s->rows, &s->n, sizeof *s->rows);
    s->rows[at] = *m;
    s->rows[at].name = arena_strdup(s->arena, m->name);
    s->rows[at].folder = arena_strdup(s->arena, m->folder);
    s->rows[at].error_class = m->error_class ? arena_strdup(s->arena, m->error_class) : NULL;
    s->rows[at].error_text = m->error_text ? arena_strdup(s->arena, m->error_text) : NULL;
    return 0;
}

static const struct store_mailbox *find(
    const struct status *s, const char *name, const char *folder)
{
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->rows[i].name, name) == 0 && strcmp(s->rows[i].folder, folder) == 0)
            return &s->rows[i];
    }
    return NULL;
}

static const char *state(const struct status *s, const struct store_mailbox *m)
{
    if (!m || (m->succeeded_at < 0 && m->failing_since < 0))
        return "never";
    if (m->failing_since >= 0)
        return "failing";
    return when_now() - m->succeeded_at > s->max_age ? "late" : "ok";
}

static void add_time(struct table *t, int64_t seconds)
{
    char text[WHEN_TEXT_MAX];

    if (seconds < 0) {
        table_text(t, NULL);
        return;
    }
    when_format(seconds, text);
    table_text(t, text);
}

static void add_row(struct status *s, struct table *t, const char *name, const char *folder)
{
    static const struct store_mailbox unknown = {
        .succeeded_at = -1, .failing_since = -1, .error_at = -1, .waiting = -1};
    const struct store_mailbox *m = find(s, name, folder);
    const char *how = state(s, m);

    if (!m)
        m = &unknown;
    s->trouble = s->trouble || strcmp(how, "ok") != 0;
    table_row(t);
    table_text(t, name);
    table_text(t, folder);
    table_text(t, how);
    add_time(t, m->succeeded_at);
    add_time(t, m->failing_since);
    if (m->waiting < 0) {
        table_text(t, NULL);
    } else {
        table_int(t, m->waiting);
    }
    table_int(t, m->messages);
    table_int(t, m->stored);
    table_int(t, m->rejected);
    table_int(t, m->open_rejects);
    add_time(t, m->error_at);
    table_text(
        t, m->error_class ? arena_printf(s->arena, "%s: %s", m->error_class, m->error_text) : NULL);
}

static int show(struct app *app, struct status *s, enum table_format format, struct err *e)
{
    const struct config *c = app->config;
    struct store *store = NULL;
    struct table t;

    if (c->n_mailboxes == 0)
        return err_set(e, ERR_CONFIG, "config", "no mailbox is configured");
    int rc = app_open_store(app, &store, e);
    if (!rc)
        rc = store_mailboxes(store, keep, s, e);
    store_close(store);
    if (rc)
        return rc;
    table_init(&t, s->arena, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < c->n_mailboxes; i++) {
        for (size_t k = 0; k < c->mailboxes[i].n_folders; k++)
            add_row(s, &t, c->mailboxes[i].name, c->mailboxes[i].folders[k]);
    }
    table_write(&t, format, stdout);
    return s->trouble ? EX_UNAVAILABLE : 0;
}

static int run_status(struct app *app, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {
        {"format", required_argument, NULL, 'f'},
        {"max-age", required_argument, NULL, 'a'},
        {NULL, 0, NULL, 0},
    };
    enum table_format format = TABLE_TEXT;
    struct status s = {.max_age = AGE_DEFAULT};
    int c;

    options_start();
    while ((c = options_next(argc, argv, ":f:", longs, e)) > OPTION_END) {
        int bad = c == 'f' ? table_format_parse(optarg, &format, e)
                           : options_count("--max-age", optarg, &s.max_age, e);
        if (bad)
            return bad;
    }
    int rc = c ? c : options_no_arguments(argc, argv, e);
    if (rc)
        return rc;
    s.arena = arena_new();
    rc = show(app, &s, format, e);
    arena_free(s.arena);
    return rc;
}

const struct command cmd_status = {
    .name = "status",
    .usage = "status [--format text|csv|json] [--max-age SECONDS]",
    .summary = "say how the configured mailboxes are doing",
    .help = "  --format text|csv|json\n"
            "  --max-age SECONDS  since the last success; more is late (default 86400)\n"
            "\n"
            "The state of a folder is ok, late, failing or never (polled). The exit status is\n"
            "0 if all are ok, else 69, for a monitoring system to see.\n",
    .run = run_status,
};
