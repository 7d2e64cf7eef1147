/*
 * CSV rows (RFC 4180: comma, CRLF, quotes only where needed). With `guard`, a cell that a
 * spreadsheet would take for a formula (it starts with = + - @ TAB or CR and is not a plain number)
 * gets a leading apostrophe, and controls are replaced; without it the bytes are kept exactly, for
 * byte-for-byte compatible output.
 */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct csv {
    FILE *out;
    bool guard;
    bool started; /* a cell of the current row was written */
};

void csv_init(struct csv *c, FILE *out, bool guard);
void csv_text(struct csv *c, const char *s); /* NULL writes an empty cell */
void csv_int(struct csv *c, int64_t n);
void csv_end_row(struct csv *c);

#endif
