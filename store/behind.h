/*
 * Batches are committed by a thread of their own, with a connection of its own, while the next one
 * is read. One thread for each store, one batch at a time: batches are committed in the order in
 * which they were handed over.
 *
 * A batch travels as a struct writer that holds nothing else. Until behind_wait() it belongs to the
 * thread, which only writes and commits it; who hears of it is its owner's business.
 *
 * Whoever uses the store may call this; a struct writer has one owner.
 */
#ifndef STORE_BEHIND_H
#define STORE_BEHIND_H

#include "base/err.h"

#include <stdbool.h>

struct store;
struct writer;

/* The thread of this store, made when it is asked for first. NULL: there can be none, because the
 * database gives no second connection or the system no thread. */
struct behind *behind_of(struct store *s);

/* Waits for the batch that is being written, whoever's it is, and returns at once after handing
 * over this one. */
void behind_launch(struct behind *b, struct writer *batch);

bool behind_has(struct behind *b, const struct writer *batch);
void behind_wait(struct behind *b, const struct writer *batch); /* until it is the caller's again */
void behind_wait_all(struct behind *b); /* until nothing is being written; accepts NULL */

void behind_free(struct behind *b); /* accepts NULL; what was handed over is finished */

#endif
