/*
 * The notes of a report as the store keeps them (store/pack.h): one row each, code, detail, and how
 * often if more than once.
 */
#ifndef STORE_NOTES_H
#define STORE_NOTES_H

#include "base/buf.h"
#include "parse/model.h"

struct arena;

/* Adds to `out`; 0, or -1 when its ceiling would be passed. */
int notes_pack(struct buf *out, const struct notes *notes);

/* `packed` may be NULL. */
void notes_unpack(struct arena *a, const char *packed, struct notes *out);
/* Only the codes, comma-separated; NULL if there are none. */
const char *notes_codes(struct arena *a, const char *packed);

#endif
