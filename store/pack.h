/*
 * A small table in one text, for what belongs to one row and is never searched: fields are
 * separated by TAB, every row ends with LF, and \t, \n, \\ stand for those characters, \N for "not
 * there" (the spelling of PostgreSQL's COPY). Absent fields at the end of a row are left out.
 */
#ifndef STORE_PACK_H
#define STORE_PACK_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* Adds a row. 0, or -1 when the buffer's ceiling would be passed. */
int pack_row(struct buf *out, const char *const *fields, size_t n);

/* What was sent, when it is not spelled as `value`; else NULL. */
const char *pack_difference(const char *value, const char *sent);

/* Adds the row (name, sent) when `sent` is not spelled as `value`, or only one of them is there. */
int pack_if_differs(struct buf *out, const char *name, const char *value, const char *sent);

/*
 * Reads the row at *at and moves *at behind it; n fields are filled, NULL where the row has none.
 * False at the end. Any text can be read: what pack_row did not write gives odd fields, never a
 * fault.
 */
bool unpack_row(struct arena *a, const char **at, const char **fields, size_t n);

#endif
