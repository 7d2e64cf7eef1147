#include "report/number_set.h"

#include "base/arena.h"

#include <string.h>

enum {
    WORD_BITS = 64
};

void number_set_add(struct arena *a, struct number_set *s, size_t number)
{
    size_t word = number / WORD_BITS;
    uint64_t bit = UINT64_C(1) << (number % WORD_BITS);

    while (s->n_words <= word)
        s->words = arena_grow(a, s->words, &s->n_words, sizeof *s->words);
    s->n += (s->words[word] & bit) == 0;
    s->words[word] |= bit;
}

void number_set_clear(struct number_set *s)
{
    if (s->n_words)
        memset(s->words, 0, s->n_words * sizeof *s->words);
    s->n = 0;
}
