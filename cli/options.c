#include "cli/options.h"

#include "base/text.h"
#include "base/when.h"

#include <stdbool.h>
#include <string.h>

void options_start(void)
{
    opterr = 0; /* the words are ours */
    optind = 0; /* glibc: start anew */
}

int options_next(
    int argc, char **argv, const char *shorts, const struct option *longs, struct err *e)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread, and one command line */
    int c = getopt_long(argc, argv, shorts, longs, NULL);

    if (c == -1)
        return OPTION_END;
    if (c != '?' && c != ':')
        return c;
    /* a short option may stand in the middle of "-abc": name it by itself */
    const char *word = argv[optind - 1];
    char letter[] = {'-', (char)optopt, '\0'};
    if (optopt > ' ' && optopt < 127 && strncmp(word, "--", 2) != 0)
        word = letter;
    if (c == ':')
        return err_set(e, ERR_USAGE, "usage", "option %s needs a value", word);
    return err_set(e, ERR_USAGE, "usage", "there is no option %s here", word);
}

int options_no_arguments(int argc, char **argv, struct err *e)
{
    if (optind < argc)
        return err_set(e, ERR_USAGE, "usage", "'%s' is too much here", argv[optind]);
    return 0;
}

int options_count(const char *option, const char *text, int64_t *out, struct err *e)
{
    if (!text_int64(text, out) || *out < 1) {
        return err_set(
            e, ERR_USAGE, "usage", "%s wants a whole number from 1 on, not '%s'", option, text);
    }
    return 0;
}

int options_domain(
    struct arena *a, const char *option, const char *text, const char **out, struct err *e)
{
    bool odd = false;

    *out = domain_normalise(a, text, &odd);
    if (odd || !**out)
        return err_set(e, ERR_USAGE, "usage", "%s wants a domain name, not '%s'", option, text);
    return 0;
}

static int parse_day(const char *option, const char *text, int64_t *out, struct err *e)
{
    if (text && !when_parse_day(text, out)) {
        return err_set(
            e, ERR_USAGE, "usage", "%s wants a day like 2026-11-16, not '%s'", option, text);
    }
    return 0;
}

static int no_such_week(const char *text, struct err *e)
{
    static const char form[] = "dddd-Wdd";
    bool formed = strlen(text) == sizeof form - 1;

    for (size_t i = 0; formed && form[i]; i++)
        formed = form[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i];
    if (formed) {
        return err_set(e, ERR_USAGE, "usage",
            "there is no week %s: a year has the weeks 01 to 52, some have 53", text);
    }
    return err_set(e, ERR_USAGE, "usage", "--week wants a week like 2026-W47, not '%s'", text);
}

static int parse_month(const char *text, int64_t *from, int64_t *to, struct err *e)
{
    if (!when_parse_month(text, from))
        return err_set(e, ERR_USAGE, "usage", "--month wants a month like 2026-11, not '%s'", text);
    *to = when_next_month(*from) - 1;
    return 0;
}

static void last_period(bool month, int64_t *from, int64_t *to)
{
    int64_t today = when_day(when_now());

    *to = (month ? when_month(today) : when_monday(today)) - 1;
    *from = month ? when_month(*to) : *to - 6;
}

int options_period(const struct period_options *o, enum period_default otherwise, int64_t *from,
    int64_t *to, struct err *e)
{
    bool days = o->from || o->to;
    int n =
        (o->week != NULL) + (o->month != NULL) + (o->last_week != 0) + (o->last_month != 0) + days;

    if (n > 1) {
        return err_set(e, ERR_USAGE, "usage",
            "--week, --last-week, --month, --last-month and --from/--to exclude each other");
    }
    if (o->month)
        return parse_month(o->month, from, to, e);
    if (o->week) {
        if (!when_parse_week(o->week, from)) {
            return no_such_week(o->week, e);
        }
        *to = *from + 6;
        return 0;
    }
    if (o->last_week || o->last_month || (!days && otherwise != PERIOD_EVERYTHING)) {
        last_period(o->last_month || (!o->last_week && otherwise == PERIOD_LAST_MONTH), from, to);
        return 0;
    }
    *from = PERIOD_FIRST_DAY;
    *to = PERIOD_LAST_DAY;
    if (parse_day("--from", o->from, from, e) || parse_day("--to", o->to, to, e))
        return (int)e->class;
    if (*from > *to)
        return err_set(e, ERR_USAGE, "usage", "--from is later than --to");
    return 0;
}
