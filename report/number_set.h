/*
 * A set of small numbers, as bits: which of the receivers were seen.
 */
#ifndef REPORT_NUMBER_SET_H
#define REPORT_NUMBER_SET_H

#include <stddef.h>
#include <stdint.h>

struct arena;

/* All zero: empty. */
struct number_set {
    uint64_t *words;
    size_t n_words;
    int64_t n; /* how many are in it */
};

void number_set_add(struct arena *a, struct number_set *s, size_t number);
void number_set_clear(struct number_set *s); /* keeps the memory */

#endif
