#include "check/check.h"

#include "base/arena.h"
#include "base/text.h"
#include "check/combine.h"
#include "check/general.h"
#include "check/history.h"
#include "check/servers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- one domain ---- */

static void check_records(
    struct subject *s, const struct check_settings *set, struct check_result *r)
{
    mx_check(s, &r->mx);
    dmarc_check(s, true, &r->dmarc);
    r->parked = combine_is_parked(s, &r->mx);
    const struct check_history *h = s->history;
    const struct spf_context spf = {
        .dmarc_is_none = r->dmarc.as_9989.place && r->dmarc.as_9989.policy == DMARC_NONE,
        .parked = r->parked,
        .sources = h ? h->sources : NULL,
        .n_sources = h ? h->n_sources : 0,
        .sources_complete = h && h->sources_complete};
    spf_check(s, &spf, &r->spf);
    dkim_check(s, &set->dkim, &r->dkim);
    sts_check(s, &r->mx, &r->sts);
    bool protected = r->sts.record != NULL;
    for (size_t i = 0; i < r->mx.n; i++)
    protected = protected || r->mx.hosts[i].has_tlsa;
    bool enforced = r->sts.policy && r->sts.policy->mode == STS_MODE_ENFORCE;
    tlsrpt_check(s, protected, enforced, &r->tlsrpt);
    bimi_check(s, &r->dmarc, &r->bimi);
    if (set->each_server)
        servers_check(s);
    combine_check(s, &(struct combine_input){&r->mx, &r->dmarc, &r->spf, &r->dkim, r->parked});
}

void check_domain(const struct check_settings *set, const struct check_target *target,
    struct arena *a, struct check_result *out)
{
    bool odd = false;
    const char *name = domain_normalise(a, target->name, &odd);
    struct subject s = {.arena = a,
        .dns = set->dns,
        .domain = name,
        .history = target->history,
        .fetch = set->fetch,
        .fetch_context = set->fetch_context,
        .now = set->now,
        .nonce = arc4random()};
    struct addr ignored;

    *out = (struct check_result){.given = target->name, .history = target->history};
    if (odd || !strchr(name, '.') || addr_parse(name, &ignored))
        return;
    out->domain = name;
    findings_init(&s.findings, a, name);
    general_expect(&s);
    enum general_state state = general_check(&s);
    out->exists = state != GENERAL_NO_NAME;
    out->answered = state != GENERAL_UNANSWERED;
    if (state == GENERAL_EXISTS) {
        check_records(&s, set, out);
    } else if (state == GENERAL_NO_NAME) {
        dmarc_check(&s, false, &out->dmarc);
    }
    out->questions = s.asked;
    findings_sort(&s.findings);
    out->findings = s.findings;
}

/* ---- many ---- */

enum slot_state {
    SLOT_FREE,
    SLOT_BUSY,
    SLOT_DONE
};

struct slot {
    enum slot_state state;
    struct arena *arena;
    struct check_result result;
};

/* Target i is worked on in slot i % n_slots: who is far ahead waits for those that are slow. */
struct run {
    const struct check_settings *set;
    const struct check_target *targets;
    size_t n;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct slot *slots;
    size_t n_slots;
    size_t next; /* target that nobody has begun */
    bool stop;
};

static void *work(void *arg)
{
    struct run *r = arg;

    (void)pthread_mutex_lock(&r->lock);
    while (!r->stop && r->next < r->n) {
        size_t i = r->next;
        struct slot *slot = &r->slots[i % r->n_slots];
        if (slot->state != SLOT_FREE) {
            (void)pthread_cond_wait(&r->changed, &r->lock);
            continue;
        }
        r->next++;
        slot->state = SLOT_BUSY;
        (void)pthread_mutex_unlock(&r->lock);
        slot->arena = arena_new();
        check_domain(r->set, &r->targets[i], slot->arena, &slot->result);
        (void)pthread_mutex_lock(&r->lock);
        slot->state = SLOT_DONE;
        (void)pthread_cond_broadcast(&r->changed);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* Hands out what is done, in order. */
static int collect(struct run *r, int (*done)(void *, const struct check_result *, struct err *),
    void *context, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < r->n && !rc; i++) {
        struct slot *slot = &r->slots[i % r->n_slots];
        (void)pthread_mutex_lock(&r->lock);
        while (slot->state != SLOT_DONE)
            (void)pthread_cond_wait(&r->changed, &r->lock);
        (void)pthread_mutex_unlock(&r->lock);
        rc = done(context, &slot->result, e);
        arena_free(slot->arena);
        (void)pthread_mutex_lock(&r->lock);
        slot->arena = NULL;
        slot->state = SLOT_FREE;
        r->stop = rc != 0;
        (void)pthread_cond_broadcast(&r->changed);
        (void)pthread_mutex_unlock(&r->lock);
    }
    return rc;
}

static size_t start(struct run *r, pthread_t *threads, size_t wanted)
{
    size_t n = 0;

    while (n < wanted && pthread_create(&threads[n], NULL, work, r) == 0)
        n++;
    return n;
}

int check_run(const struct check_settings *set, const struct check_target *targets, size_t n,
    int (*done)(void *context, const struct check_result *r, struct err *e), void *context,
    struct err *e)
{
    size_t jobs = set->jobs ? set->jobs : CHECK_JOBS;
    struct run r = {.set = set, .targets = targets, .n = n};
    int rc;

    jobs = jobs > CHECK_JOBS_MAX ? CHECK_JOBS_MAX : jobs;
    jobs = jobs > n ? n : jobs;
    if (n == 0)
        return 0;
    r.n_slots = jobs * 2;
    r.slots = mem_alloc(r.n_slots * sizeof *r.slots);
    pthread_t *threads = mem_alloc(jobs * sizeof *threads);
    (void)pthread_mutex_init(&r.lock, NULL);
    (void)pthread_cond_init(&r.changed, NULL);
    size_t started = start(&r, threads, jobs);
    rc = started ? collect(&r, done, context, e)
                 : err_set(e, ERR_TEMPORARY, "check", "no thread can be started");
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    for (size_t i = 0; i < r.n_slots; i++)
        arena_free(r.slots[i].arena);
    (void)pthread_cond_destroy(&r.changed);
    (void)pthread_mutex_destroy(&r.lock);
    free(threads);
    free(r.slots);
    return rc;
}
