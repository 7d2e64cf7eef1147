/*
 * Memory with one lifetime and one free. Parsers allocate here and never free; what must live
 * longer is copied by its new owner. Running out of memory for such small pieces ends the process
 * with EX_TEMPFAIL (75): dying is safe at every point, because the store commits or it does not.
 * Everything whose size an input decides goes through a struct buf with a ceiling instead.
 * Not thread-safe: one arena, one thread.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a);         /* accepts NULL */
void arena_reset(struct arena *a);        /* forgets everything, keeps one block for re-use */
size_t arena_used(const struct arena *a); /* bytes handed out since the last reset */

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len); /* always terminated */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Grows an array of elements of `size` bytes by one, which is cleared; returns the (maybe moved)
 * array. *n is raised. */
void *arena_grow(struct arena *a, void *array, size_t *n, size_t size);

/* For the few things that live outside arenas: as malloc and friends, but end the process with 75.
 */
void *mem_alloc(size_t size); /* zeroed */
void *mem_realloc(void *p, size_t size);
char *mem_strdup(const char *s);
_Noreturn void mem_exhausted(void); /* what they do then, for calls that allocate themselves */

#endif
