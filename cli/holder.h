/*
 * Who holds a lease (store/store.h): this process, told apart from every other one there is or was.
 */
#ifndef CLI_HOLDER_H
#define CLI_HOLDER_H

#include "store/store.h"

#include <stdbool.h>

/* Boot, PID namespace, process and when it was started. */
void holder_self(char out[STORE_HOLDER_MAX]);

/* Is it certain that he is no more? Not so for one on another machine or in another container. */
bool holder_is_dead(const char *holder);

/*
 * Takes a lease for this process, or keeps it; also that of one who is certainly no more, which
 * cannot be known of one on another machine or in another container. `other` is "" if it is ours.
 * HOLDER_OF_THE_DEAD: it is, and was that of one who is no more; 0, or an error.
 */
enum {
    HOLDER_OF_THE_DEAD = 1
};

int holder_lease(struct store *s, const char *name, const char holder[STORE_HOLDER_MAX],
    int64_t seconds, char other[STORE_HOLDER_MAX], struct err *e) ERR_CHECKED;

#endif
