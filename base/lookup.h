/*
 * Finds things by a text. What is found belongs to whoever added it, begins with a struct
 * lookup_key, and stays where it is as long as the table. One table, one thread.
 */
#ifndef BASE_LOOKUP_H
#define BASE_LOOKUP_H

#include <stdint.h>

struct lookup;

struct lookup_key {
    uint64_t hash; /* filled in by lookup_add */
    const char *text;
};

struct lookup *lookup_new(void);
void lookup_free(struct lookup *l); /* accepts NULL */

void *lookup_find(const struct lookup *l, const char *text); /* NULL: it is not there */
/* Whatever begins with the key; its text must not be there yet. */
void lookup_add(struct lookup *l, struct lookup_key *key);

#endif
