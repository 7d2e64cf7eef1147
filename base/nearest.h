/*
 * "Did you mean ...?"
 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

/* The name that is a few typing errors from `word`, or NULL when none is near. */
const char *nearest_name(const char *word, const char *const *names, size_t n);

#endif
