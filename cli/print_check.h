/*
 * What a check found, written down: as text for a person, or as JSON.
 */
#ifndef CLI_PRINT_CHECK_H
#define CLI_PRINT_CHECK_H

#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct check_result;

/* Of several results; nothing is written for a name that is no domain. */
struct check_printer {
    FILE *out;
    size_t n; /* written so far */
    struct json json;
    void (*begin)(struct check_printer *p);
    void (*one)(struct check_printer *p, const struct check_result *r);
    void (*end)(struct check_printer *p);
};

void print_check_text(struct check_printer *p, FILE *out);
void print_check_json(struct check_printer *p, FILE *out);

#endif
