#include "cli/gate.h"

void gate_init(struct gate *g)
{
    *g = (struct gate){.next = 0};
    (void)pthread_mutex_init(&g->lock, NULL);
    (void)pthread_cond_init(&g->turn, NULL);
}

void gate_done(struct gate *g)
{
    (void)pthread_cond_destroy(&g->turn);
    (void)pthread_mutex_destroy(&g->lock);
}

void gate_enter(struct gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    uint64_t mine = g->next++;
    while (g->serving != mine)
        (void)pthread_cond_wait(&g->turn, &g->lock);
    (void)pthread_mutex_unlock(&g->lock);
}

void gate_leave(struct gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    g->serving++;
    (void)pthread_cond_broadcast(&g->turn);
    (void)pthread_mutex_unlock(&g->lock);
}
