/*
 * What real reports do differently, each with a stable code that is stored with the report.
 * The table in quirks.c says for each code how bad it is (the grade it lowers a report to) and what
 * it means in words.
 */
#ifndef PARSE_QUIRKS_H
#define PARSE_QUIRKS_H

#include "parse/model.h"

struct arena;

struct quirk {
    const char *code;
    enum grade grade;
    const char *meaning; /* one line for a person */
};

extern const struct quirk quirk_table[]; /* ends with a NULL code */

const struct quirk *quirk_find(const char *code); /* NULL if there is no such code */

/* Adds a note (or counts it up), and lowers *grade as the table says. The code must be in the
 * table. */
void notes_add(
    struct notes *notes, enum grade *grade, struct arena *a, const char *code, const char *detail);

#endif
