#include "cli/metrics.h"

#include "base/text.h"
#include "cli/files.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    LABEL_MAX = 300
};

/* Each is one number of struct store_mailbox. */
static const struct metric {
    const char *name, *type, *help;
    size_t at;
} metrics[] = {
    {"last_poll_timestamp_seconds", "gauge", "When the folder was polled last.",
        offsetof(struct store_mailbox, polled_at)},
    {"last_success_timestamp_seconds", "gauge", "When that went well last; -1: never.",
        offsetof(struct store_mailbox, succeeded_at)},
    {"failing_since_timestamp_seconds", "gauge", "Since when every poll has failed; -1: none.",
        offsetof(struct store_mailbox, failing_since)},
    {"waiting_messages", "gauge", "Messages that are still to be read; -1: not known.",
        offsetof(struct store_mailbox, waiting)},
    {"polls_total", "counter", "Polls.", offsetof(struct store_mailbox, polls)},
    {"poll_failures_total", "counter", "Polls that failed.",
        offsetof(struct store_mailbox, failures)},
    {"messages_total", "counter", "Messages taken in.", offsetof(struct store_mailbox, messages)},
    {"messages_stored_total", "counter", "Messages with something new.",
        offsetof(struct store_mailbox, stored)},
    {"messages_duplicate_total", "counter", "Messages with nothing new.",
        offsetof(struct store_mailbox, duplicate)},
    {"messages_conflict_total", "counter", "Messages that contradict an earlier report.",
        offsetof(struct store_mailbox, conflict)},
    {"messages_not_a_report_total", "counter", "Messages without a report.",
        offsetof(struct store_mailbox, not_a_report)},
    {"messages_partial_total", "counter", "Messages with a report that is cut off.",
        offsetof(struct store_mailbox, partial)},
    {"messages_rejected_total", "counter", "Messages that could not be read.",
        offsetof(struct store_mailbox, rejected)},
    {"open_rejects", "gauge", "Rejects of the whole mailbox that wait for a decision.",
        offsetof(struct store_mailbox, open_rejects)},
};

struct writing {
    FILE *out;
    const struct config *config;
    const struct metric *metric;
};

/* Backslash, quote and line feed are written otherwise in a label. */
static void print_label(FILE *out, const char *name, const char *value)
{
    char safe[LABEL_MAX];

    text_safe_into(safe, sizeof safe, value);
    (void)fprintf(out, "%s=\"", name);
    for (const char *p = safe; *p; p++) {
        if (*p == '\\' || *p == '"')
            (void)fputc('\\', out);
        (void)fputc(*p, out);
    }
    (void)fputc('"', out);
}

/* What was taken out of the configuration is nobody's worry any more. */
static bool is_configured(const struct config *c, const struct store_mailbox *m)
{
    const struct config_mailbox *mailbox = config_mailbox(c, m->name);

    for (size_t i = 0; mailbox && i < mailbox->n_folders; i++) {
        if (strcmp(mailbox->folders[i], m->folder) == 0)
            return true;
    }
    return false;
}

static int print_line(void *context, const struct store_mailbox *m)
{
    const struct writing *w = context;
    int64_t value;

    if (!is_configured(w->config, m))
        return 0;
    memcpy(&value, (const char *)m + w->metric->at, sizeof value);
    (void)fprintf(w->out, "dmarcmill_mailbox_%s{", w->metric->name);
    print_label(w->out, "mailbox", m->name);
    (void)fputc(',', w->out);
    print_label(w->out, "folder", m->folder);
    (void)fprintf(w->out, "} %" PRId64 "\n", value);
    return 0;
}

int metrics_write(struct store *s, const struct config *c, struct err *e)
{
    struct new_file f;
    int rc = files_create(&f, c->metrics, e);

    if (rc)
        return rc;
    (void)fchmod(fileno(f.out), S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics && !rc; i++) {
        struct writing w = {f.out, c, &metrics[i]};
        (void)fprintf(f.out, "# HELP dmarcmill_mailbox_%s %s\n# TYPE dmarcmill_mailbox_%s %s\n",
            metrics[i].name, metrics[i].help, metrics[i].name, metrics[i].type);
        rc = store_mailboxes(s, print_line, &w, e);
    }
    if (!rc)
        return files_commit(&f, e);
    files_abandon(&f);
    return rc;
}
