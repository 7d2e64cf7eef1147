/*
 * Growing bytes with a ceiling. Everything whose size comes from outside is collected in one of
 * these.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

struct buf {
    char *data; /* always terminated by a NUL that is not counted, once something was added */
    size_t len;
    size_t cap;
    size_t max; /* the ceiling, given at the start */
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);  /* frees; the buffer may be used again */
void buf_wipe(struct buf *b);  /* the same for secrets: overwrites what was in it before */
void buf_clear(struct buf *b); /* forgets the contents, keeps the memory */

/* 0, or -1 when the ceiling would be passed (then nothing was added). */
int buf_add(struct buf *b, const void *bytes, size_t len);
int buf_adds(struct buf *b, const char *s);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
