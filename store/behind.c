#include "store/behind.h"

#include "base/arena.h"
#include "store/batch.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct behind {
    struct store *store; /* the thread's own */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct writer *batch; /* what is to be written, or is; NULL: nothing */
    bool over;
};

static void *behind_main(void *context)
{
    struct behind *b = context;

    (void)pthread_mutex_lock(&b->lock);
    for (;;) {
        while (!b->batch && !b->over)
            (void)pthread_cond_wait(&b->changed, &b->lock);
        if (!b->batch)
            break;
        (void)pthread_mutex_unlock(&b->lock);
        flush_batch(b->batch);
        (void)pthread_mutex_lock(&b->lock);
        b->batch = NULL;
        (void)pthread_cond_broadcast(&b->changed);
    }
    (void)pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* Signals are other threads' business. */
static bool start_thread(struct behind *b)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&b->thread, NULL, behind_main, b) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void discard(struct behind *b)
{
    (void)pthread_cond_destroy(&b->changed);
    (void)pthread_mutex_destroy(&b->lock);
    store_close(b->store);
    free(b);
}

struct behind *behind_of(struct store *s)
{
    struct err e;

    if (s->behind)
        return s->behind;
    struct behind *b = mem_alloc(sizeof *b);
    (void)pthread_mutex_init(&b->lock, NULL);
    (void)pthread_cond_init(&b->changed, NULL);
    if (store_open(&b->store, s->url, &e) < 0 || !start_thread(b)) {
        discard(b);
        return NULL;
    }
    s->behind = b;
    return b;
}

void behind_launch(struct behind *b, struct writer *batch)
{
    (void)pthread_mutex_lock(&b->lock);
    while (b->batch)
        (void)pthread_cond_wait(&b->changed, &b->lock);
    b->store->policy = batch->store->policy;
    b->store->c.driver = batch->store->c.driver; /* the same, unless a test looks on */
    batch->store = b->store;
    b->batch = batch;
    (void)pthread_cond_broadcast(&b->changed);
    (void)pthread_mutex_unlock(&b->lock);
}

bool behind_has(struct behind *b, const struct writer *batch)
{
    (void)pthread_mutex_lock(&b->lock);
    bool has = b->batch == batch;
    (void)pthread_mutex_unlock(&b->lock);
    return has;
}

void behind_wait(struct behind *b, const struct writer *batch)
{
    (void)pthread_mutex_lock(&b->lock);
    while (b->batch == batch)
        (void)pthread_cond_wait(&b->changed, &b->lock);
    (void)pthread_mutex_unlock(&b->lock);
}

void behind_wait_all(struct behind *b)
{
    if (!b)
        return;
    (void)pthread_mutex_lock(&b->lock);
    while (b->batch)
        (void)pthread_cond_wait(&b->changed, &b->lock);
    (void)pthread_mutex_unlock(&b->lock);
}

void behind_free(struct behind *b)
{
    if (!b)
        return;
    (void)pthread_mutex_lock(&b->lock);
    b->over = true;
    (void)pthread_cond_broadcast(&b->changed);
    (void)pthread_mutex_unlock(&b->lock);
    (void)pthread_join(b->thread, NULL);
    discard(b);
}
