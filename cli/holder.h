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

#endif
