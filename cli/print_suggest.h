/*
 * Suggested records, written down: as a piece of a zone file and a table, or as JSON.
 */
#ifndef CLI_PRINT_SUGGEST_H
#define CLI_PRINT_SUGGEST_H

#include "base/json.h"
#include "check/suggest.h"

#include <stdio.h>

struct arena;

void print_suggest_text(FILE *out, struct arena *a, const char *domain, const struct suggestion *s);
void print_suggest_json(struct json *j, const char *domain, const struct suggestion *s);

#endif
