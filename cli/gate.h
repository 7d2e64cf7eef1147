/*
 * A lock that is given in the order in which it was asked for. A mutex is not: a thread with much
 * to do would take it again before anybody who waits wakes up.
 */
#ifndef CLI_GATE_H
#define CLI_GATE_H

#include <pthread.h>
#include <stdint.h>

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t turn;
    uint64_t next, serving; /* numbers, as at a counter */
};

void gate_init(struct gate *g);
void gate_done(struct gate *g);
void gate_enter(struct gate *g);
void gate_leave(struct gate *g);

#endif
