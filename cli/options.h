/*
 * Options of a command line, for all commands alike.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/err.h"

#include <getopt.h>
#include <stdint.h>

struct arena;

enum {
    OPTION_END = 0
};

/* Must be called before the first option of an argument list; `optind` then counts on. */
void options_start(void);

/* The next option's letter or number, OPTION_END, or an error class (usage). As getopt_long: the
 * argument is in optarg, the rest of the command line begins at optind. `shorts` begins with ':'.
 */
int options_next(int argc, char **argv, const char *shorts, const struct option *longs,
    struct err *e) ERR_CHECKED;

int options_no_arguments(int argc, char **argv, struct err *e) ERR_CHECKED;

/* A whole number from 1 on. */
int options_count(const char *option, const char *text, int64_t *out, struct err *e) ERR_CHECKED;

/* A domain name, normalised (base/text.h). */
int options_domain(struct arena *a, const char *option, const char *text, const char **out,
    struct err *e) ERR_CHECKED;

/* Which days: what the options of `report` and `query` came to. */
struct period_options {
    const char *week, *month, *from, *to;
    int last_week, last_month;
};

enum {
    PERIOD_FIRST_DAY = -719162, /* 0001-01-01 */
    PERIOD_LAST_DAY = 2932896   /* 9999-12-31 */
};

enum period_default {
    PERIOD_LAST_WEEK,
    PERIOD_LAST_MONTH,
    PERIOD_EVERYTHING
};

int options_period(const struct period_options *o, enum period_default otherwise, int64_t *from,
    int64_t *to, struct err *e) ERR_CHECKED;

#endif
