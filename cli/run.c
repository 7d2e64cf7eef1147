#include "cli/run.h"

#include "base/json.h"
#include "cli/console.h"
#include "ingest/intake.h"
#include "ingest/mail.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

static volatile sig_atomic_t stop;

void run_init(void)
{
    mail_init();
}

static void ask_to_stop(int signal)
{
    (void)signal;
    stop = 1;
}

void run_catch_signals(void)
{
    /* no SA_RESTART: a read that waits for a server ends, too */
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = (int)SA_RESETHAND};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

static void show_problem(void *context, const char *name, const struct err *why)
{
    (void)context;
    console_problem(name, why);
}

static int read_message(struct run *r, struct intake *in, const struct source_message *m,
    struct sink *to, struct err *e)
{
    enum outcome o = OUTCOME_DEFERRED;
    int rc = intake_message(in, r->name, m, to, &o, e);

    if (rc)
        return rc;
    r->outcomes[o]++;
    if (r->verbose)
        console_say("%s: %s", m->name ? m->name : m->key, outcome_name(o));
    return 0;
}

int run_into_sink(struct run *r, struct source *from, struct sink *to, struct err *e)
{
    struct intake *in = intake_new(r->limits, show_problem, NULL);
    struct source_message m;
    int rc = 0;

    while (!rc) {
        if (stop) {
            r->interrupted = true;
            break;
        }
        memset(&m, 0, sizeof m);
        rc = from->ops->next(from, &m, e);
        if (rc == SOURCE_END)
            break;
        if (rc == SOURCE_MESSAGE) {
            rc = read_message(r, in, &m, to, e);

        } else if (e->class == ERR_INPUT) {
            r->unreadable++;
            console_problem(r->name, e);
            rc = 0;
        }
    }
    intake_free(in);
    return rc;
}

/* What the store's writer calls after each commit. */
static int tell_source(void *context, uint64_t id, enum outcome o, struct err *e)
{
    struct source *s = context;

    return s->ops->done ? s->ops->done(s, id, o, e) : 0;
}

int run_into_store(struct run *r, struct source *from, struct store *to,
    struct store_summary *summary, struct err *e)
{
    const struct store_writer_settings set = {
        .batch_messages = r->batch_messages,
        .committed = tell_source,
        .context = from,
    };
    struct sink *writer;
    struct err later;

    *summary = (struct store_summary){0};
    int rc = store_writer_open(&writer, to, &set, e);
    if (rc)
        return rc;
    rc = run_into_sink(r, from, writer, e);
    /* What was read before a failure is good; it is the first failure that is told. */
    int flushed = store_writer_flush(writer, rc ? &later : e);
    if (!rc)
        rc = flushed;
    int archived = from->ops->flush ? from->ops->flush(from, rc ? &later : e) : 0;
    if (!rc)
        rc = archived;
    *summary = *store_writer_summary(writer);
    store_writer_close(writer);
    return rc;
}

bool run_rejected(const struct run *r, const struct store_summary *s)
{
    if (r->unreadable || r->outcomes[OUTCOME_REJECTED] || r->outcomes[OUTCOME_PARTIAL])
        return true;
    return s && (s->rejected || s->partial);
}

int run_format_parse(const char *name, enum run_format *out, struct err *e)
{
    if (strcmp(name, "text") != 0 && strcmp(name, "json") != 0)
        return err_set(e, ERR_USAGE, "usage", "--format wants text or json here, not '%s'", name);
    *out = *name == 'j' ? RUN_JSON : RUN_TEXT;
    return 0;
}

static void print_json_line(
    const struct run *r, const struct store_summary *s, const struct err *failure)
{
    struct json j;

    json_init(&j, stdout, false);
    json_object(&j);
    if (*r->name)
        json_member_string(&j, "mailbox", r->name);
    json_member_int(&j, "messages", s->messages);
    json_key(&j, "reports");
    json_object(&j);
    json_member_int(&j, "new", s->reports_new);
    json_member_int(&j, "duplicate", s->reports_duplicate);
    json_member_int(&j, "conflict", s->reports_conflict);
    json_member_int(&j, "partial", s->reports_partial);
    json_member_int(&j, "rejected", s->reports_rejected);
    json_end(&j);
    json_member_int(&j, "records", s->records);
    json_key(&j, "outcomes");
    json_object(&j);
    json_member_int(&j, outcome_name(OUTCOME_STORED), s->stored);
    json_member_int(&j, outcome_name(OUTCOME_DUPLICATE), s->duplicate);
    json_member_int(&j, outcome_name(OUTCOME_CONFLICT), s->conflict);
    json_member_int(&j, outcome_name(OUTCOME_NOT_A_REPORT), s->not_a_report);
    json_member_int(&j, outcome_name(OUTCOME_PARTIAL), s->partial);
    json_member_int(&j, outcome_name(OUTCOME_REJECTED), s->rejected);
    json_end(&j);
    if (failure)
        json_member_string(&j, "error", failure->tag);
    json_end(&j);
    (void)fputc('\n', stdout);
}

static void print_text_lines(const struct run *r, const struct store_summary *s)
{
    const char *colon = *r->name ? ": " : "";

    (void)printf("%s%s%" PRId64 " messages: %" PRId64 " stored, %" PRId64 " duplicate, %" PRId64
                 " conflict, %" PRId64 " without report, %" PRId64 " partial, %" PRId64
                 " rejected\n",
        r->name, colon, s->messages, s->stored, s->duplicate, s->conflict, s->not_a_report,
        s->partial, s->rejected);
    (void)printf("%s%s%" PRId64 " new reports with %" PRId64 " records; %" PRId64
                 " duplicate, %" PRId64 " conflict, %" PRId64 " partial, %" PRId64 " rejected\n",
        r->name, colon, s->reports_new, s->records, s->reports_duplicate, s->reports_conflict,
        s->reports_partial, s->reports_rejected);
}

void run_print(const struct run *r, const struct store_summary *s, enum run_format format,
    const struct err *failure)
{
    if (format == RUN_JSON) {
        print_json_line(r, s, failure);
    } else {
        print_text_lines(r, s);
    }
    (void)fflush(stdout); /* the next mailbox may take long */
}
