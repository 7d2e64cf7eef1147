#include "cli/unit.h"

#include "base/when.h"
#include "cli/console.h"
#include "cli/holder.h"
#include "cli/preview.h"
#include "cli/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum {
    LEASE_TRIES = 3,
    LEASE_AGAIN_MS = 300,
    TAKE_OVER_MS = 2000,
    LEASED_PAUSE_MS = 30 * 1000, /* before a folder that somebody else reads is tried again */
    RETRY_FIRST_MS = 2000,
    RETRY_LOGIN_MS = 60 * 1000, /* servers lock out who tries too often */
    RETRY_MAX_MS = 10 * 60 * 1000
};

/* ---- what a source asks ---- */

static bool give_up(void *context)
{
    struct unit *u = context;

    u->alive_ms = when_monotonic_ms();
    return run_asked_to_stop();
}

static int give_secret(void *context, bool refused, struct buf *out, struct err *e)
{
    const struct unit *u = context;

    return credential_get(u->credential, refused, out, e);
}

/* A store that cannot answer makes the mail be read again: it will be found to be a duplicate. */
static bool is_known(void *context, const char *source, const char *key, enum message_kind *kind)
{
    const struct unit *u = context;
    struct poller *p = u->p;
    struct err ignored;
    bool known = false;

    gate_enter(&p->gate);
    int rc = store_message_known(p->store, source, key, &known, kind, &ignored);
    gate_leave(&p->gate);
    return rc == 0 && known;
}

static void tell(void *context, const struct err *why)
{
    const struct unit *u = context;

    console_mailbox_problem(u->config->name, u->only ? NULL : u->folder, why);
}

/* ---- waiting ---- */

struct timespec unit_after(int64_t ms)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static void pause_unit(struct unit *u, int64_t ms)
{
    const struct timespec until = unit_after(ms);
    int rc = 0;

    (void)pthread_mutex_lock(&u->p->lock);
    while (!run_asked_to_stop() && rc == 0) {
        rc = pthread_cond_timedwait(&u->p->changed, &u->p->lock, &until);
        u->alive_ms = when_monotonic_ms();
    }
    (void)pthread_mutex_unlock(&u->p->lock);
}

void unit_init(struct unit *u)
{
    u->how = (struct mailbox_open){
        .config = u->config,
        .limits = &u->p->config->limits,
        .folder = u->folder,
        .secret = give_secret,
        .notice = tell,
        .stop = give_up,
        .known = u->p->set->dry_run ? NULL : is_known,
        .look_only = u->p->set->dry_run,
        .context = u,
    };
}

/* ---- one folder ---- */

static bool was_interrupted(const struct err *e)
{
    return strcmp(e->tag, "interrupted") == 0;
}

/* That a poll went so. What keeps the store from taking this has been said already. */
static void record(
    struct unit *u, const struct err *failure, int64_t waiting, const struct store_summary *summary)
{
    static const struct store_summary nothing;
    struct poller *p = u->p;
    struct store_poll poll = {failure, waiting, summary ? summary : &nothing};
    struct err ignored;

    if (p->set->dry_run)
        return;
    gate_enter(&p->gate);
    if (store_mailbox_polled(p->store, u->config->name, u->folder, &poll, &ignored) == 0)
        p->dirty = true;
    gate_leave(&p->gate);
}

/* After something that failed, or not. */
static void conclude(struct unit *u, int rc, const struct err *e)
{
    if (rc && was_interrupted(e)) {
        u->interrupted = true;
        return;
    }
    if (rc) {
        tell(u, e);
        u->failed++;
        if (!u->failure)
            u->failure = err_exit_status(e->class);
    } else if (u->failed) {
        if (u->p->set->watch)
            console_say("mailbox %s: well again", u->config->name);
        u->failed = 0;
    }
}

static void print(const struct unit *u, const struct run *run, const struct store_summary *s,
    const struct err *failure)
{
    const struct poller_settings *set = u->p->set;

    if (set->watch && !s->messages && set->app->verbosity <= 0)
        return;
    if (set->format == RUN_JSON || set->app->verbosity >= 0)
        run_print(run, s, set->format, failure);
}

static int preview(struct unit *u, struct run *run, struct source *source, struct err *e)
{
    struct preview preview;

    preview_init(&preview, u->config, u->p->set->app->verbosity > 0);
    int rc = run_into_sink(run, source, &preview.sink, e);
    preview_print(&preview, u->p->set->format, rc ? e : NULL);
    return rc;
}

/* All that is there. */
static int drain(struct unit *u, struct source *source, struct err *e)
{
    struct poller *p = u->p;
    struct run run = {
        .name = u->config->name,
        .folder = u->only ? NULL : u->folder,
        .limits = &p->config->limits,
        .batch_messages = p->config->batch_messages,
        .verbose = p->set->app->verbosity > 0,
        .gate = &p->gate,
        .read = &u->read,
        .waiting = &u->waiting,
    };
    struct store_summary summary = {0};
    int rc;

    u->waiting = source->waiting;
    if (p->set->dry_run)
        return preview(u, &run, source, e);
    rc = run_into_store(&run, source, p->store, &summary, e);
    bool failed = rc && !was_interrupted(e);
    print(u, &run, &summary, rc ? e : NULL);
    record(u, failed ? e : NULL, (int64_t)source->waiting, &summary);
    conclude(u, rc, e);
    u->rejected = u->rejected || run_rejected(&run, &summary);
    u->interrupted = u->interrupted || run.interrupted;
    return rc;
}

/* What comes later, until something fails or it is time to end. */
static int stay(struct unit *u, struct source *source, struct err *e)
{
    int rc = 0;

    while (!rc && !run_asked_to_stop()) {
        rc = source->ops->wait(source, e);
        if (rc == SOURCE_MESSAGE) {
            rc = drain(u, source, e);
        } else if (rc == SOURCE_END) {
            record(u, NULL, 0, NULL);
        } else {
            if (!was_interrupted(e))
                record(u, e, -1, NULL);
            conclude(u, rc, e);
        }
    }
    return rc;
}

/* `other` is "" if the lease is ours. */
static int claim_lease(
    struct unit *u, const char *name, char other[STORE_HOLDER_MAX], struct err *e)
{
    gate_enter(&u->p->gate);
    int rc = holder_lease(u->p->store, name, u->p->holder, LEASE_SECONDS, other, e);
    u->took_over = rc == HOLDER_OF_THE_DEAD;
    gate_leave(&u->p->gate);
    return rc < 0 ? rc : 0;
}

/* The lease is ours if *mine. Whoever is just about to end or to die gets a moment for it. */
static int take_lease(struct unit *u, bool *mine, struct err *e)
{
    char name[STORE_HOLDER_MAX * 4];
    char other[STORE_HOLDER_MAX] = "";
    int rc = 0;

    if (!u->p->set->dry_run) {
        (void)snprintf(name, sizeof name, "%s/%s", u->config->name, u->folder);
        rc = claim_lease(u, name, other, e);
    }
    for (int i = 0; !rc && *other && i < LEASE_TRIES && !run_asked_to_stop(); i++) {
        pause_unit(u, LEASE_AGAIN_MS);
        rc = claim_lease(u, name, other, e);
    }
    *mine = !rc && !*other;
    return rc;
}

static int session(struct unit *u, struct err *e)
{
    struct source *source;
    int rc = u->config->kind->open(&source, &u->how, e);

    if (rc) {
        static const struct store_summary nothing;
        const struct run run = {.name = u->config->name, .folder = u->only ? NULL : u->folder};
        if (u->p->set->format == RUN_JSON && !u->p->set->watch && !u->p->set->dry_run)
            run_print(&run, &nothing, RUN_JSON, e);
        if (!was_interrupted(e))
            record(u, e, -1, NULL);
        conclude(u, rc, e);
        return rc;
    }
    rc = drain(u, source, e);
    if (!rc && u->p->set->watch)
        rc = stay(u, source, e);
    source->ops->close(source);
    return rc;
}

/* Twice as long after each failure, up to a limit; and not all of them at the same time. */
static int64_t backoff(const struct unit *u, const struct err *e)
{
    int64_t ms = e->class == ERR_LOGIN ? RETRY_LOGIN_MS : RETRY_FIRST_MS;

    for (unsigned i = 1; i < u->failed && ms < RETRY_MAX_MS; i++)
        ms *= 2;
    if (ms > RETRY_MAX_MS)
        ms = RETRY_MAX_MS;
    return ms / 2 + (int64_t)arc4random_uniform((uint32_t)ms / 2 + 1);
}

/* One attempt. Returns how long to wait before the next. */
static int64_t attempt(struct unit *u)
{
    struct err e;
    bool mine;
    int rc = take_lease(u, &mine, &e);

    if (rc) {
        conclude(u, rc, &e);
        return backoff(u, &e);
    }
    if (!mine) {
        if (!u->leased_out) {
            console_say("mailbox %s: leased: another poller reads %s at present", u->config->name,
                u->folder);
        }
        u->leased_out = true;
        u->failure = EX_TEMPFAIL;
        return LEASED_PAUSE_MS;
    }
    u->leased_out = false;
    /* its server may still be moving what the dead one has asked for */
    if (u->took_over && u->config->kind->needs_login)
        pause_unit(u, TAKE_OVER_MS);
    u->took_over = false;
    rc = session(u, &e);
    if (rc == ERR_LOGIN)
        credential_forget(u->credential);
    return rc ? backoff(u, &e) : 0;
}

void *unit_main(void *context)
{
    struct unit *u = context;
    struct poller *p = u->p;

    do {
        u->alive_ms = when_monotonic_ms();
        int64_t ms = attempt(u);
        if (p->set->watch)
            pause_unit(u, ms);
    } while (p->set->watch && !run_asked_to_stop());
    (void)pthread_mutex_lock(&p->lock);
    u->finished = true;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}
