#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum {
    FIRST_BLOCK = 16 * 1024,
    LARGEST_BLOCK = 1024 * 1024 /* a bigger piece has a block of its own size */
};

struct block {
    struct block *older;
    size_t size;
    size_t used;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *newest;
    size_t used;
};

_Noreturn void mem_exhausted(void)
{
    (void)fputs("dmarcmill: out of memory\n", stderr);
    exit(EX_TEMPFAIL); /* NOLINT(concurrency-mt-unsafe): nothing can go on from here */
}

void *mem_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);

    if (!p)
        mem_exhausted();
    return p;
}

void *mem_realloc(void *p, size_t size)
{
    void *q = realloc(p, size ? size : 1);

    if (!q)
        mem_exhausted();
    return q;
}

char *mem_strdup(const char *s)
{
    size_t size = strlen(s) + 1;

    return memcpy(mem_alloc(size), s, size);
}

static struct block *block_new(struct block *older, size_t size)
{
    if (size > SIZE_MAX - sizeof(struct block))
        mem_exhausted();
    struct block *b = malloc(sizeof *b + size);
    if (!b)
        mem_exhausted();
    b->older = older;
    b->size = size;
    b->used = 0;
    return b;
}

struct arena *arena_new(void)
{
    struct arena *a = mem_alloc(sizeof *a);

    a->newest = block_new(NULL, FIRST_BLOCK);
    return a;
}

static void free_blocks(struct block *b)
{
    while (b) {
        struct block *older = b->older;
        free(b);
        b = older;
    }
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    free_blocks(a->newest);
    free(a);
}

void arena_reset(struct arena *a)
{
    struct block *kept = a->newest;

    free_blocks(kept->older);
    if (kept->size > LARGEST_BLOCK) { /* one huge report must not hold its memory for good */
        free(kept);
        kept = block_new(NULL, LARGEST_BLOCK);
    }
    kept->older = NULL;
    kept->used = 0;
    a->newest = kept;
    a->used = 0;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}

__attribute__((noinline)) static struct block *next_block(struct arena *a, size_t size)
{
    const struct block *b = a->newest;
    size_t next = b->size < LARGEST_BLOCK / 2 ? b->size * 2 : LARGEST_BLOCK;

    a->newest = block_new(a->newest, next < size ? size : next);
    return a->newest;
}

/* Memory that is not cleared: for callers that fill all of it. */
static void *take(struct arena *a, size_t size, size_t align)
{
    if (size > SIZE_MAX / 4)
        mem_exhausted();
    struct block *b = a->newest;
    size_t gap = -b->used & (align - 1);
    if (b->size - b->used < gap + size) {
        b = next_block(a, size);
        gap = 0;
    }
    void *p = b->bytes + b->used + gap;
    b->used += gap + size;
    a->used += gap + size;
    return p;
}

/* For anything but letters. */
static void *take_aligned(struct arena *a, size_t size)
{
    return take(a, size, _Alignof(max_align_t));
}

void *arena_alloc(struct arena *a, size_t size)
{
    return memset(take_aligned(a, size), 0, size);
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *copy = take(a, len + 1, 1);

    if (len)
        memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it does not see va_start */
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return arena_strndup(a, "", 0);
    char *s = take(a, (size_t)n + 1, 1);
    va_start(ap, fmt);
    (void)vsnprintf(s, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return s;
}

void *arena_grow(struct arena *a, void *array, size_t *n, size_t size)
{
    /* The capacity is the next power of two: it need not be stored. */
    bool full = (*n & (*n - 1)) == 0;

    if (full) {
        size_t capacity = *n ? *n * 2 : 1;
        if (size && capacity > SIZE_MAX / 4 / size)
            mem_exhausted();
        void *bigger = take_aligned(a, capacity * size);
        if (*n)
            memcpy(bigger, array, *n * size);
        array = bigger;
    }
    memset((char *)array + *n * size, 0, size);
    (*n)++;
    return array;
}
