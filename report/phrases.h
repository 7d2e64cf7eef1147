/*
 * The words of a client's report. English is built in (report/phrases.def); a language file
 * replaces it line by line:
 *
 *     # comment
 *     do_first = Was zuerst zu tun ist
 *     F13.remedy = ...                 reason and remedy of a cause, see report/cause.c
 *
 * What a file does not have stays English. {name} stands for what is filled in; a replacement may
 * use the names of the English phrase, in any order, and no others.
 */
#ifndef REPORT_PHRASES_H
#define REPORT_PHRASES_H

#include "base/err.h"
#include "report/cause.h"

#include <stddef.h>
#include <stdio.h>

struct arena;

enum phrase_id {
#define P(key, text) PHRASE_##key,
#include "report/phrases.def"
#undef P
    PHRASE_COUNT
};

struct phrases; /* NULL is English */

/* A language file's text; `path` is for messages. Lives in the arena. ERR_CONFIG, with the line. */
int phrases_read(struct arena *a, const char *text, const char *path, const struct phrases **out,
    struct err *e) ERR_CHECKED;

/* All of them as a language file, to be translated. */
void phrases_write(const struct phrases *p, FILE *out);

const char *phrase(const struct phrases *p, enum phrase_id id); /* as it is, not filled in */
/* With values in the order in which the English phrase first names them. */
const char *phrase_fill(struct arena *a, const struct phrases *p, enum phrase_id id,
    const char *const *values, size_t n);
#define PHRASE_FILL(a, p, id, ...)                                     \
    phrase_fill(a, p, PHRASE_##id, (const char *const[]){__VA_ARGS__}, \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* The templates of a cause. */
const char *phrases_reason(const struct phrases *p, enum cause_id id);
const char *phrases_remedy(const struct phrases *p, enum cause_id id);

#endif
