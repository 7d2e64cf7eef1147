#include "cli/poller.h"

#include "base/arena.h"
#include "base/when.h"
#include "cli/console.h"
#include "cli/holder.h"
#include "cli/metrics.h"
#include "cli/notify.h"
#include "cli/unit.h"
#include "cli/warn.h"

#include <inttypes.h>
#include <malloc.h>
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
    GRACE_MS = 600, /* then whatever is not done is left: nothing is lost by it */
    RENEW_MS = 60 * 1000,
    KEEPER_MS = 1000,
    METRICS_MS = 5 * 1000,
    WARN_FIRST_MS = 10 * 1000,
    WARN_MS = 300 * 1000,
    HEAPS_MAX = 2,
    PROGRESS_AFTER_MS = 1000,
    PROGRESS_WIDTH = 30,
    STUCK_SECONDS = 600 /* longer than anything that is limited by itself */
};

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
        unit_init(u);
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
        const struct timespec until = unit_after(KEEPER_MS);
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

/* ---- warnings ---- */

/* Whoever is warned is waited for without the store. */
static void warn(struct poller *p)
{
    struct warn_round *round = NULL;
    struct err e;

    gate_enter(&p->gate);
    int rc = warn_begin(&round, p->config, p->store, &e);
    gate_leave(&p->gate);
    p->warning = true;
    warn_tell(round);
    p->warning = false;
    gate_enter(&p->gate);
    if (!rc)
        rc = warn_end(round, p->store, &e);
    gate_leave(&p->gate);
    if (rc)
        console_problem("warnings", &e);
}

static void *warner_main(void *context)
{
    struct poller *p = context;
    int64_t next_ms = p->start_ms + WARN_FIRST_MS;

    (void)pthread_mutex_lock(&p->lock);
    while (!p->over) {
        const struct timespec until = unit_after(KEEPER_MS);
        (void)pthread_cond_timedwait(&p->changed, &p->lock, &until);
        if (p->over || run_asked_to_stop() || when_monotonic_ms() < next_ms)
            continue;
        (void)pthread_mutex_unlock(&p->lock);
        warn(p);
        next_ms = when_monotonic_ms() + WARN_MS;
        (void)pthread_mutex_lock(&p->lock);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

static int start_helpers(struct poller *p)
{
    int rc = pthread_create(&p->keeper, NULL, keeper_main, p);

    p->kept = rc == 0;
    if (rc || !p->set->watch || !warn_is_wanted(p->config))
        return rc;
    rc = pthread_create(&p->warner, NULL, warner_main, p);
    p->warned = rc == 0;
    return rc;
}

/* Signals are this thread's business. */
static int start(struct poller *p, struct err *e)
{
    sigset_t all, before;
    int rc = 0;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    if (!p->set->dry_run)
        rc = start_helpers(p);
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

/* For somebody who waits for the end of a long first fetch. */
static void show_progress(const struct poller *p, int64_t now)
{
    char line[PROGRESS_WIDTH + 80];
    char bar[PROGRESS_WIDTH + 1];
    uint64_t read = 0;
    uint64_t waiting = 0;

    if (now - p->start_ms < PROGRESS_AFTER_MS)
        return;
    for (size_t i = 0; i < p->n_units; i++) {
        read += p->units[i].read;
        waiting += p->units[i].waiting;
    }
    size_t full = read + waiting ? (size_t)(read * PROGRESS_WIDTH / (read + waiting)) : 0;
    memset(bar, '.', PROGRESS_WIDTH);
    memset(bar, '#', full);
    bar[PROGRESS_WIDTH] = '\0';
    (void)snprintf(
        line, sizeof line, "[%s] %" PRIu64 " of %" PRIu64 " mails", bar, read, read + waiting);
    console_progress(line);
}

static void tick(struct poller *p)
{
    int64_t now = when_monotonic_ms();

    if (p->watched)
        show_progress(p, now);

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
        const struct timespec until = unit_after(TICK_MS);
        (void)pthread_cond_timedwait(&p->changed, &p->lock, &until);
        tick(p);
    }
    p->over = true;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
    if (p->watched)
        console_progress(NULL);
    if (p->kept)
        (void)pthread_join(p->keeper, NULL);
    if (p->warning && run_asked_to_end())
        leave(p); /* a mail server may take its time; what it took and nobody noted is sent again */
    if (p->warned)
        (void)pthread_join(p->warner, NULL);
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
    p->renewed_ms = p->start_ms = when_monotonic_ms();
    p->watched = !set->watch && set->app->verbosity == 0 && console_is_watched();
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
        if (!rc && !p->set->watch && warn_is_wanted(p->config))
            warn(p);
    }
    if (rc || p->set->watch)
        return rc;
    return conclusion(p, e);
}

int poller_run(const struct poller_settings *set, struct config **fresh, struct err *e)
{
    struct poller p = {0};
    int rc;

    /* A heap for each thread would keep what one of them needed once. */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
    (void)mallopt(M_ARENA_MAX, HEAPS_MAX);
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
