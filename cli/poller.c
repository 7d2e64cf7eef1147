#include "cli/poller.h"

#include "base/arena.h"
#include "base/when.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/credential.h"
#include "cli/holder.h"
#include "cli/mailbox.h"
#include "cli/metrics.h"
#include "cli/notify.h"
#include "cli/preview.h"
#include "store/store.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK_MS = 200,
    GRACE_MS = 600,      /* then whatever is not done is left: nothing is lost by it */
    LEASE_SECONDS = 300, /* several times as long as the next */
    LEASE_TRIES = 3,
    LEASE_AGAIN_MS = 300,
    RENEW_MS = 60 * 1000,
    KEEPER_MS = 1000,
    METRICS_MS = 5 * 1000,
    LEASED_PAUSE_MS = 30 * 1000, /* before a folder that somebody else reads is tried again */
    RETRY_FIRST_MS = 2000,
    RETRY_LOGIN_MS = 60 * 1000, /* servers lock out who tries too often */
    RETRY_MAX_MS = 10 * 60 * 1000,
    STUCK_SECONDS = 600 /* longer than anything that is limited by itself */
};

struct poller;

/* A folder of a mailbox. */
struct unit {
    struct poller *p;
    const struct config_mailbox *config;
    const char *folder;
    bool only;                     /* the mailbox has no other */
    struct credential *credential; /* shared by the mailbox's folders */
    struct mailbox_open how;

    pthread_t thread;
    bool started, finished; /* under the poller's lock */
    atomic_int_least64_t alive_ms;
    unsigned failed; /* times in a row */
    bool leased_out; /* somebody else reads it; was said */

    bool rejected, interrupted;
    int failure; /* exit status */
};

struct poller {
    const struct poller_settings *set;
    const struct config *config;
    struct unit *units;
    size_t n_units;
    struct credential **credentials; /* by mailbox of the configuration */
    struct store *store;
    struct gate gate; /* of the store, and of everything that reads messages */
    char holder[STORE_HOLDER_MAX];

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a unit has finished, or all are asked to */
    atomic_bool dirty;      /* the metrics are older than the store */
    int64_t renewed_ms, metrics_ms, watched_ms, stop_ms;
    struct config *fresh;

    pthread_t keeper;
    bool kept; /* it runs */
    bool over; /* it is to end */
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

static struct timespec after(int64_t ms)
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
    const struct timespec until = after(ms);
    int rc = 0;

    (void)pthread_mutex_lock(&u->p->lock);
    while (!run_asked_to_stop() && rc == 0) {
        rc = pthread_cond_timedwait(&u->p->changed, &u->p->lock, &until);
        u->alive_ms = when_monotonic_ms();
    }
    (void)pthread_mutex_unlock(&u->p->lock);
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
    };
    struct store_summary summary = {0};
    int rc;

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
    gate_leave(&u->p->gate);
    return rc;
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
    rc = session(u, &e);
    if (rc == ERR_LOGIN)
        credential_forget(u->credential);
    return rc ? backoff(u, &e) : 0;
}

static void *unit_main(void *context)
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

/* ---- all of them ---- */

static int add_mailbox(struct poller *p, const struct config_mailbox *m, struct err *e)
{
    size_t at = (size_t)(m - p->config->mailboxes);

    if (p->credentials[at])
        return 0; /* named twice */
    p->credentials[at] = credential_new(m);
    for (size_t i = 0; i < m->n_folders; i++) {
        struct unit *u = &p->units[p->n_units++];
        u->p = p;
        u->config = m;
        u->folder = m->folders[i];
        u->only = m->n_folders == 1;
        u->credential = p->credentials[at];
        u->how = (struct mailbox_open){
            .config = m,
            .limits = &p->config->limits,
            .folder = u->folder,
            .secret = give_secret,
            .notice = tell,
            .stop = give_up,
            .known = p->set->dry_run ? NULL : is_known,
            .look_only = p->set->dry_run,
            .context = u,
        };
    }
    if (!m->kind->needs_login)
        return 0;
    /* all passwords before any mailbox: half a run because of a mistake helps no one */
    int rc = credential_check(p->credentials[at], e);
    if (rc)
        console_mailbox_problem(m->name, NULL, e);
    return rc ? err_exit_status(e->class) : 0;
}

static size_t count_folders(const struct config *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n_mailboxes; i++)
        n += c->mailboxes[i].n_folders;
    return n;
}

static int check_names(const struct poller_settings *set, const struct config *c, struct err *e)
{
    if (c->n_mailboxes == 0) {
        return err_set(e, ERR_CONFIG, "config", "no mailbox is configured%s%s",
            c->path ? " in " : ": there is no configuration file", c->path ? c->path : "");
    }
    for (size_t i = 0; i < set->n_names; i++) {
        if (!config_mailbox(c, set->names[i])) {
            return err_set(
                e, ERR_USAGE, "usage", "there is no mailbox '%s' in %s", set->names[i], c->path);
        }
    }
    return 0;
}

static int choose(struct poller *p, struct err *e)
{
    const struct config *c = p->config;
    size_t n = p->set->n_names ? p->set->n_names : c->n_mailboxes;
    int rc = check_names(p->set, c, e);

    if (rc)
        return rc;
    p->units = mem_alloc(count_folders(c) * sizeof *p->units);
    p->credentials = mem_alloc(c->n_mailboxes * sizeof(struct credential *));
    for (size_t i = 0; i < n && !rc; i++) {
        rc = add_mailbox(
            p, p->set->n_names ? config_mailbox(c, p->set->names[i]) : &c->mailboxes[i], e);
    }
    return rc;
}

static bool all_finished(const struct poller *p)
{
    bool all = true;

    for (size_t i = 0; i < p->n_units; i++)
        all = all && (p->units[i].finished || !p->units[i].started);
    return all;
}

/* Can all mailboxes log in, so far as that can be told without them? */
static int check_secrets(const struct config *c, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < c->n_mailboxes && !rc; i++) {
        struct credential *one = credential_new(&c->mailboxes[i]);
        if (c->mailboxes[i].kind->needs_login && credential_check(one, e))
            rc = err_wrap(e, "mailbox %s", c->mailboxes[i].name);
        credential_free(one);
    }
    return rc;
}

/* A fresh configuration that is good ends all units, so that they can begin anew with it. */
static void reload(struct poller *p)
{
    struct err e;
    int rc = config_load(&p->fresh, p->set->app->config_path, &e);

    if (!rc)
        rc = check_names(p->set, p->fresh, &e);
    if (!rc)
        rc = check_secrets(p->fresh, &e);
    if (rc) {
        console_problem("SIGHUP", &e);
        config_free(p->fresh);
        p->fresh = NULL;
        return;
    }
    notify("RELOADING=1");
    run_halt(true);
}

static void write_metrics(struct poller *p)
{
    struct err e;

    p->dirty = false;
    if (p->config->metrics && metrics_write(p->store, p->config, &e))
        console_problem("metrics", &e);
}

static bool due(const struct poller *p, int64_t now)
{
    return now - p->renewed_ms >= RENEW_MS || (p->dirty && now - p->metrics_ms >= METRICS_MS);
}

static void look_after(struct poller *p, int64_t now)
{
    struct err ignored;

    gate_enter(&p->gate);
    if (now - p->renewed_ms >= RENEW_MS &&
        store_lease_renew(p->store, p->holder, LEASE_SECONDS, &ignored) == 0)
        p->renewed_ms = now;
    if (p->dirty && now - p->metrics_ms >= METRICS_MS) {
        write_metrics(p);
        p->metrics_ms = now;
    }
    gate_leave(&p->gate);
}

/* What has to be done now and then with the store, which may take its time. */
static void *keeper_main(void *context)
{
    struct poller *p = context;

    (void)pthread_mutex_lock(&p->lock);
    while (!p->over) {
        const struct timespec until = after(KEEPER_MS);
        (void)pthread_cond_timedwait(&p->changed, &p->lock, &until);
        int64_t now = when_monotonic_ms();
        if (p->over || run_asked_to_stop() || !due(p, now))
            continue;
        (void)pthread_mutex_unlock(&p->lock);
        look_after(p, now);
        (void)pthread_mutex_lock(&p->lock);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Signals are this thread's business. */
static int start(struct poller *p, struct err *e)
{
    sigset_t all, before;
    int rc = 0;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    if (!p->set->dry_run) {
        rc = pthread_create(&p->keeper, NULL, keeper_main, p);
        p->kept = rc == 0;
    }
    for (size_t i = 0; i < p->n_units && !rc; i++) {
        struct unit *u = &p->units[i];
        u->alive_ms = when_monotonic_ms();
        rc = pthread_create(&u->thread, NULL, unit_main, u);
        u->started = rc == 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc) {
        run_halt(true);
        return err_set(
            e, ERR_TEMPORARY, "threads", "cannot start a thread: %s", strerrordesc_np(rc));
    }
    return 0;
}

/* Does every unit move, or wait for something that has an end? */
static bool is_alive(const struct poller *p, int64_t now)
{
    int64_t longest = ((int64_t)p->config->limits.seconds + STUCK_SECONDS) * 1000;
    bool alive = true;

    for (size_t i = 0; i < p->n_units; i++)
        alive = alive && now - p->units[i].alive_ms < longest;
    return alive;
}

static void feed_watchdog(struct poller *p, int64_t now)
{
    int64_t every = notify_watchdog_ms();

    if (!every || now - p->watched_ms < every || !is_alive(p, now))
        return;
    notify("WATCHDOG=1");
    p->watched_ms = now;
}

/* Whoever is in the middle of something that takes long is left there: what was not committed will
 * be read again. */
static void leave(const struct poller *p)
{
    struct err e;

    if (!p->set->watch) {
        (void)err_set(&e, ERR_TEMPORARY, "interrupted", "stopped before all mailboxes were read");
        console_problem(NULL, &e);
    }
    (void)fflush(stdout);
    _exit(p->set->watch ? 0 : EX_TEMPFAIL);
}

static void tick(struct poller *p)
{
    int64_t now = when_monotonic_ms();

    if (run_asked_to_end() && !p->stop_ms) {
        p->stop_ms = now;
        notify("STOPPING=1");
    }
    if (p->stop_ms && now - p->stop_ms > GRACE_MS)
        leave(p);
    if (run_asked_to_stop()) {
        (void)pthread_cond_broadcast(&p->changed);
        return;
    }
    (void)pthread_mutex_unlock(&p->lock); /* a file may take its time */
    if (p->set->watch && run_took_hangup())
        reload(p);
    feed_watchdog(p, now);
    (void)pthread_mutex_lock(&p->lock);
}

static void supervise(struct poller *p)
{
    (void)pthread_mutex_lock(&p->lock);
    while (!all_finished(p)) {
        const struct timespec until = after(TICK_MS);
        (void)pthread_cond_timedwait(&p->changed, &p->lock, &until);
        tick(p);
    }
    p->over = true;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
    if (p->kept)
        (void)pthread_join(p->keeper, NULL);
    for (size_t i = 0; i < p->n_units; i++) {
        if (p->units[i].started)
            (void)pthread_join(p->units[i].thread, NULL);
    }
}

/* The exit status of a run that has an end. */
static int conclusion(const struct poller *p, struct err *e)
{
    bool rejected = false;
    int failure = 0;

    for (size_t i = 0; i < p->n_units; i++) {
        const struct unit *u = &p->units[i];
        if (u->interrupted) {
            return err_set(
                e, ERR_TEMPORARY, "interrupted", "stopped before all mailboxes were read");
        }
        if (!failure)
            failure = u->failure;
        rejected = rejected || u->rejected;
    }
    /* what was not read at all is the greater trouble */
    if (failure)
        return failure;
    return rejected ? EX_DATAERR : 0;
}

static void init(struct poller *p, const struct poller_settings *set)
{
    pthread_condattr_t attr;

    p->set = set;
    p->config = set->app->config;
    p->renewed_ms = when_monotonic_ms();
    holder_self(p->holder);
    gate_init(&p->gate);
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&p->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
}

static void done(struct poller *p)
{
    for (size_t i = 0; p->credentials && i < p->config->n_mailboxes; i++)
        credential_free(p->credentials[i]);
    free(p->credentials);
    free(p->units);
    store_close(p->store);
    (void)pthread_cond_destroy(&p->changed);
    (void)pthread_mutex_destroy(&p->lock);
    gate_done(&p->gate);
}

static int run_units(struct poller *p, struct err *e)
{
    struct err ignored;
    int rc = start(p, e);

    if (!rc && p->set->watch)
        notify("READY=1");
    supervise(p);
    run_halt(false);
    if (!p->set->dry_run) {
        int released = store_lease_release(p->store, p->holder, &ignored);
        (void)released; /* it ends by itself */
        write_metrics(p);
    }
    if (rc || p->set->watch)
        return rc;
    return conclusion(p, e);
}

int poller_run(const struct poller_settings *set, struct config **fresh, struct err *e)
{
    struct poller p = {0};
    int rc;

    init(&p, set);
    rc = choose(&p, e);
    if (!rc && !set->dry_run)
        rc = app_open_store_with_clients(set->app, &p.store, e);
    if (!rc)
        rc = run_units(&p, e);
    *fresh = p.fresh;
    done(&p);
    return rc;
}
