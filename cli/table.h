/*
 * Rows of a list, shown as aligned text, CSV or JSON (an array of objects).
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct arena;

enum table_format {
    TABLE_TEXT,
    TABLE_CSV,
    TABLE_JSON
};

/* "text", "csv", "json" */
int table_format_parse(const char *name, enum table_format *out, struct err *e) ERR_CHECKED;

struct table_column {
    const char *name;
    bool number; /* cells are whole numbers as text */
};

struct table {
    struct arena *arena; /* of the cells; the caller's */
    const struct table_column *columns;
    size_t n_columns;
    const char **cells; /* row after row */
    size_t n_rows, room;
    const char **next; /* cell that is filled next */
};

void table_init(
    struct table *t, struct arena *a, const struct table_column *columns, size_t n_columns);

/* Starts a row; then one call for each column, in order. Text is copied; NULL is an absent value.
 */
void table_row(struct table *t);
void table_text(struct table *t, const char *s);
void table_int(struct table *t, int64_t n);

void table_write(const struct table *t, enum table_format format, FILE *out);

#endif
