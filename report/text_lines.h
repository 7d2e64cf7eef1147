/*
 * Text of 80 columns: numbers, and paragraphs that are broken into lines.
 */
#ifndef REPORT_TEXT_LINES_H
#define REPORT_TEXT_LINES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    LINE_COLUMNS = 80,
    NUMBER_MAX = 32
};

/* 1234567 as 1,234,567 */
const char *number_grouped(int64_t n, char out[NUMBER_MAX]);
/* Rounded, but "100.0 %" and "0.0 %" are said only when they are exact. */
const char *number_share(int64_t part, int64_t whole, char out[NUMBER_MAX]);
const char *number_plural(int64_t n, const char *one, const char *many);

/* Columns that a UTF-8 text takes, near enough: its characters. */
int line_columns(const char *s, size_t len);
/* Words, broken into lines; `label` stands in front of the first, as many spaces before the rest.
 */
void line_wrapped(FILE *out, const char *label, const char *text);

#endif
