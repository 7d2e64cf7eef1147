#include "cli/run.h"

#include "base/json.h"
#include "cli/console.h"
#include "ingest/intake.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

static atomic_bool stop;   /* by a signal */
static atomic_bool halt;   /* by run_halt() */
static atomic_bool hangup; /* SIGHUP came */

static void ask_to_stop(int signal)
{
    (void)signal;
    stop = true;
}

static void note_hangup(int signal)
{
    (void)signal;
    hangup = true;
}

void run_catch_signals(void)
{
    /* no SA_RESTART: whoever waits for a server wakes up, and asks run_asked_to_stop() */
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = (int)SA_RESETHAND};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool run_asked_to_stop(void)
{
    return stop || halt;
}

bool run_asked_to_end(void)
{
    return stop;
}

void run_halt(bool yes)
{
    halt = yes;
}

void run_catch_hangup(void)
{
    struct sigaction action = {.sa_handler = note_hangup, .sa_flags = SA_RESTART};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGHUP, &action, NULL);
}

bool run_took_hangup(void)
{
    return atomic_exchange(&hangup, false);
}

static void show_problem(void *context, const char *name, const struct err *why)
{
    (void)context;
    console_problem(name, why);
}

enum {
    PLACE_MAX = 300
};

/* A run on its way. */
struct passage {
    struct run *run;
    struct source *from;
    struct intake *in;
    bool told; /* of commits, since the source was flushed last */
};

static int flush_source(struct passage *p, struct err *e)
{
    p->told = false;
    return p->from->ops->flush ? p->from->ops->flush(p->from, e) : 0;
}

static void enter(const struct run *r)
{
    if (r->gate)
        gate_enter(r->gate);
}

static void leave(const struct run *r)
{
    if (r->gate)
        gate_leave(r->gate);
}

static int read_message(
    struct passage *p, const struct source_message *m, struct sink *to, struct err *e)
{
    struct run *r = p->run;
    enum outcome o = OUTCOME_DEFERRED;
    int rc = intake_message(p->in, r->name, m, to, &o, e);

    if (rc)
        return rc;
    r->outcomes[o]++;
    r->rejected += (int64_t)intake_rejected(p->in);
    if (r->verbose)
        console_say("%s: %s", m->name ? m->name : m->key, outcome_name(o));
    return 0;
}

static void show_progress(const struct passage *p)
{
    if (p->run->read)
        ++*p->run->read;
    if (p->run->waiting)
        *p->run->waiting = p->from->waiting;
}

/* The next message: 1 when there may be more, 0 at the end, or an error. What was committed goes to
 * the archive soon, so that it is not read again should the run break off later: when the source
 * has to ask its server for more, or at once where there is none. */
static int pass_one(struct passage *p, struct sink *to, struct err *e)
{
    struct source_message m = {0};
    int rc = p->from->ops->next(p->from, &m, e);

    if (rc == SOURCE_END)
        return 0;
    if (rc == SOURCE_MESSAGE) {
        enter(p->run);
        rc = read_message(p, &m, to, e);
        leave(p->run);
        show_progress(p);
        if (!rc && p->told && p->from->at_hand == 0)
            rc = flush_source(p, e);
        return rc ? rc : 1;
    }
    if (rc == ERR_INPUT) {
        p->run->unreadable++;
        console_mailbox_problem(p->run->name, p->run->folder, e);
        return 1;
    }
    if (strcmp(e->tag, "interrupted") == 0) {
        p->run->interrupted = true;
        return 0;
    }
    return rc;
}

static int pass_all(struct passage *p, struct sink *to, struct err *e)
{
    int rc = 1;

    p->in = intake_new(p->run->limits, show_problem, NULL);
    while (rc == 1 && !run_asked_to_stop())
        rc = pass_one(p, to, e);
    if (rc == 1)
        p->run->interrupted = true;
    intake_free(p->in);
    return rc < 0 ? rc : 0;
}

int run_into_sink(struct run *r, struct source *from, struct sink *to, struct err *e)
{
    struct passage p = {.run = r, .from = from};

    return pass_all(&p, to, e);
}

/* What the store's writer calls after each commit. */
static int tell_source(
    void *context, uint64_t id, enum outcome o, enum message_kind kind, struct err *e)
{
    struct passage *p = context;

    (void)o;
    p->told = true;
    return p->from->ops->done ? p->from->ops->done(p->from, id, kind, e) : 0;
}

int run_into_store(struct run *r, struct source *from, struct store *to,
    struct store_summary *summary, struct err *e)
{
    struct passage p = {.run = r, .from = from};
    const struct store_writer_settings set = {
        .batch_messages = r->batch_messages,
        .ahead = true,
        .committed = tell_source,
        .problem = show_problem,
        .context = &p,
    };
    struct sink *writer;
    struct err later;

    *summary = (struct store_summary){0};
    enter(r);
    int rc = store_writer_open(&writer, to, &set, e);
    leave(r);
    if (rc)
        return rc;
    rc = pass_all(&p, writer, e);
    /* What was read before a failure is good; it is the first failure that is told. */
    enter(r);
    int flushed = store_writer_flush(writer, rc ? &later : e);
    leave(r);
    if (!rc)
        rc = flushed;
    int archived = flush_source(&p, rc ? &later : e);
    if (!rc)
        rc = archived;
    *summary = *store_writer_summary(writer);
    enter(r);
    store_writer_close(writer);
    leave(r);
    return rc;
}

bool run_rejected(const struct run *r, const struct store_summary *s)
{
    if (r->unreadable || r->rejected || r->outcomes[OUTCOME_REJECTED] ||
        r->outcomes[OUTCOME_PARTIAL])
        return true;
    return s && (s->rejected || s->partial || s->reports_rejected);
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
    if (r->folder)
        json_member_string(&j, "folder", r->folder);
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
    char colon[PLACE_MAX];

    (void)snprintf(colon, sizeof colon, "%s%s%s", r->folder ? "/" : "", r->folder ? r->folder : "",
        *r->name ? ": " : "");
    (void)printf("%s%s%" PRId64 " %s: %" PRId64 " stored, %" PRId64 " duplicate, %" PRId64
                 " conflict, %" PRId64 " without report, %" PRId64 " partial, %" PRId64
                 " rejected\n",
        r->name, colon, s->messages, s->messages == 1 ? "message" : "messages", s->stored,
        s->duplicate, s->conflict, s->not_a_report, s->partial, s->rejected);
    (void)printf("%s%s%" PRId64 " new %s with %" PRId64 " %s; %" PRId64 " duplicate, %" PRId64
                 " conflict, %" PRId64 " partial, %" PRId64 " rejected\n",
        r->name, colon, s->reports_new, s->reports_new == 1 ? "report" : "reports", s->records,
        s->records == 1 ? "record" : "records", s->reports_duplicate, s->reports_conflict,
        s->reports_partial, s->reports_rejected);
}

void run_print(const struct run *r, const struct store_summary *s, enum run_format format,
    const struct err *failure)
{
    console_progress(NULL);
    flockfile(stdout);
    if (format == RUN_JSON) {
        print_json_line(r, s, failure);
    } else {
        print_text_lines(r, s);
    }
    (void)fflush(stdout); /* the next mailbox may take long */
    funlockfile(stdout);
}
