#include "base/when.h"

#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    DAY_SECONDS = 86400
};

int64_t when_now(void)
{
    int64_t fixed;
    const char *pinned =
        getenv("DMARCMILL_NOW"); /* NOLINT(concurrency-mt-unsafe): nobody changes the environment */

    if (pinned && when_parse_rfc3339(pinned, &fixed))
        return fixed;
    return (int64_t)time(NULL);
}

int64_t when_monotonic_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t when_day(int64_t seconds)
{
    int64_t day = seconds / DAY_SECONDS;

    return seconds % DAY_SECONDS < 0 ? day - 1 : day;
}

/* The proleptic Gregorian calendar in whole 400-year cycles; years begin in March, so that the leap
 * day comes last. */
static int64_t days_from_date(int64_t year, int month, int day)
{
    if (month <= 2)
        year--;
    int64_t cycle = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_cycle = year - cycle * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_cycle =
        year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;

    return cycle * 146097 + day_of_cycle - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t cycle = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_cycle = days - cycle * 146097;
    int64_t year_of_cycle =
        (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
    int64_t day_of_year =
        day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    int64_t m = (5 * day_of_year + 2) / 153;

    *day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = year_of_cycle + cycle * 400 + (*month <= 2 ? 1 : 0);
}

static void format_both(
    int64_t seconds, char out[WHEN_TEXT_MAX], const char *between, const char *after)
{
    int64_t year;
    int month;
    int day;
    int64_t days = when_day(seconds);
    int rest = (int)(seconds - days * DAY_SECONDS);

    date_from_days(days, &year, &month, &day);
    (void)snprintf(out, WHEN_TEXT_MAX, "%04" PRId64 "-%02d-%02d%s%02d:%02d:%02d%s", year, month,
        day, between, rest / 3600, rest / 60 % 60, rest % 60, after);
}

void when_format(int64_t seconds, char out[WHEN_TEXT_MAX])
{
    format_both(seconds, out, "T", "Z");
}

void when_format_plain(int64_t seconds, char out[WHEN_TEXT_MAX])
{
    format_both(seconds, out, " ", "");
}

void when_format_day(int64_t day, char out[WHEN_TEXT_MAX])
{
    int64_t year;
    int month;
    int d;

    date_from_days(day, &year, &month, &d);
    (void)snprintf(out, WHEN_TEXT_MAX, "%04" PRId64 "-%02d-%02d", year, month, d);
}

int64_t when_monday(int64_t day)
{
    int64_t weekday = (day + 3) % 7; /* 1970-01-01 was a Thursday */

    return day - (weekday < 0 ? weekday + 7 : weekday);
}

int64_t when_month(int64_t day)
{
    int64_t year;
    int month;
    int d;

    date_from_days(day, &year, &month, &d);
    return day - (d - 1);
}

int64_t when_next_month(int64_t day)
{
    return when_month(
        when_month(day) + 31); /* no month is longer, and none is so short that it is skipped */
}

bool when_is_month(int64_t from, int64_t to)
{
    return from == when_month(from) && to == when_next_month(from) - 1;
}

/* ISO 8601: a week belongs to the year that holds its Thursday. */
void when_format_week(int64_t day, char out[WHEN_TEXT_MAX])
{
    int64_t year;
    int month;
    int d;
    int64_t thursday = when_monday(day) + 3;

    date_from_days(thursday, &year, &month, &d);
    int64_t week = (thursday - days_from_date(year, 1, 1)) / 7 + 1;
    (void)snprintf(out, WHEN_TEXT_MAX, "%04" PRId64 "-W%02" PRId64, year, week);
}

/* Exactly n digits at *s; moves on. */
static bool digits(const char **s, int n, int64_t *out)
{
    int64_t value = 0;

    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)(*s)[i]))
            return false;
        value = value * 10 + ((*s)[i] - '0');
    }
    *s += n;
    *out = value;
    return true;
}

static bool is_date(int64_t year, int64_t month, int64_t day)
{
    static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1])
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return !(month == 2 && day == 29 && !leap);
}

static bool parse_date(const char **s, int64_t *days)
{
    int64_t year;
    int64_t month;
    int64_t day;

    if (!digits(s, 4, &year) || *(*s)++ != '-' || !digits(s, 2, &month) || *(*s)++ != '-' ||
        !digits(s, 2, &day))
        return false;
    if (!is_date(year, month, day))
        return false;
    *days = days_from_date(year, (int)month, (int)day);
    return true;
}

bool when_parse_day(const char *text, int64_t *day)
{
    int64_t value;

    if (!parse_date(&text, &value) || *text)
        return false;
    *day = value;
    return true;
}

bool when_parse_month(const char *text, int64_t *first)
{
    char day[WHEN_TEXT_MAX];

    if (strlen(text) != strlen("YYYY-MM"))
        return false;
    (void)snprintf(day, sizeof day, "%s-01", text);
    return when_parse_day(day, first);
}

bool when_parse_week(const char *text, int64_t *monday)
{
    int64_t year;
    int64_t week;
    char again[WHEN_TEXT_MAX];

    const char *s = text;
    if (!digits(&s, 4, &year) || *s++ != '-' || *s++ != 'W' || !digits(&s, 2, &week) || *s ||
        week < 1)
        return false;
    /* 4 January is always in week 1; week 53 exists only where it reads back as itself */
    int64_t value = when_monday(days_from_date(year, 1, 4)) + (week - 1) * 7;
    when_format_week(value, again);
    if (strcmp(text, again) != 0)
        return false;
    *monday = value;
    return true;
}

/* "Z", "+02:00", "-0130", "+02" or nothing; the seconds to subtract. */
static bool parse_offset(const char *s, int64_t *offset)
{
    int64_t hours;
    int64_t minutes = 0;

    *offset = 0;
    while (*s == ' ')
        s++;
    if (*s == '\0')
        return true;
    if (*s == 'Z' || *s == 'z')
        return s[1] == '\0';
    if (*s != '+' && *s != '-')
        return false;
    int sign = *s++ == '-' ? -1 : 1;
    if (!digits(&s, 2, &hours))
        return false;
    if (*s == ':')
        s++;
    if (*s && !digits(&s, 2, &minutes))
        return false;
    if (*s || hours > 23 || minutes > 59)
        return false;
    *offset = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool parse_clock(const char **s, int64_t *seconds)
{
    int64_t hour;
    int64_t minute;
    int64_t second = 0;

    if (!digits(s, 2, &hour) || *(*s)++ != ':' || !digits(s, 2, &minute))
        return false;
    if (**s == ':') {
        (*s)++;
        if (!digits(s, 2, &second))
            return false;
    }
    if (hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute || second)))
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

bool when_parse_rfc3339(const char *text, int64_t *seconds)
{
    int64_t days;
    int64_t clock = 0;
    int64_t offset = 0;
    size_t len;

    char copy[64];
    text = text_trim(text, &len);
    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    const char *s = copy;
    if (!parse_date(&s, &days))
        return false;
    if (*s) {
        if (*s != 'T' && *s != 't' && *s != ' ' && *s != '_')
            return false;
        s++;
        if (!parse_clock(&s, &clock))
            return false;
        if (*s == '.' || *s == ',') {
            s++;
            while (isdigit((unsigned char)*s))
                s++;
        }
        if (!parse_offset(s, &offset))
            return false;
    }
    *seconds = days * DAY_SECONDS + clock - offset;
    return true;
}

static int month_number(const char *s)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (int i = 0; i < 12; i++) {
        if (strncasecmp(s, names + (size_t)i * 3, 3) == 0)
            return i + 1;
    }
    return 0;
}

/* RFC 5322 4.3: the zones that had names; all others mean "unknown" and are read as UTC. */
static int64_t named_zone(const char *s)
{
    static const struct {
        char name[4];
        int hours;
    } zones[] = {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6},
        {"PST", -8}, {"PDT", -7}};

    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        if (strncasecmp(s, zones[i].name, 3) == 0)
            return (int64_t)zones[i].hours * 3600;
    }
    return 0;
}

static const char *skip_space(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    return s;
}

/* One or two digits, or all four of a year. */
static bool short_number(const char **s, int most, int64_t *out)
{
    int n = 0;

    while (n < most && isdigit((unsigned char)(*s)[n]))
        n++;
    return n > 0 && digits(s, n, out);
}

/* "2 Mar 2026", "2-Mar-26"; the day's name before it is passed over. */
static bool parse_mail_date(const char **text, int64_t *days)
{
    int64_t day;
    int64_t year;
    const char *s = skip_space(*text);
    const char *comma = strchr(s, ',');

    if (comma && comma - s < 12) {
        s = skip_space(comma + 1);
    } else if (isalpha((unsigned char)*s)) {
        s = skip_space(s + strcspn(s, " \t")); /* a day's name without its comma */
    }
    if (!short_number(&s, 2, &day))
        return false;
    s += strspn(s, " \t-");
    int month = month_number(s);
    s += strcspn(s, " \t-0123456789");
    s += strspn(s, " \t-");
    const char *start = s;
    if (!short_number(&s, 4, &year))
        return false;
    /* RFC 5322 4.3: two digits below 50 are of this century; other two and three count from 1900 */
    if (s - start <= 3)
        year += s - start == 2 && year < 50 ? 2000 : 1900;
    if (!is_date(year, month, day))
        return false;
    *days = days_from_date(year, month, (int)day);
    *text = s;
    return true;
}

/* "+0100", "GMT", "EST (comment)", or nothing; what nobody knows is UTC. */
static int64_t mail_zone(const char *s)
{
    char zone[8] = {0};
    size_t len = strcspn(s, " \t\r\n(");
    int64_t offset;

    memcpy(zone, s, len < sizeof zone ? len : sizeof zone - 1);
    if (*zone == '+' || *zone == '-')
        return parse_offset(zone, &offset) ? offset : 0;
    return named_zone(zone);
}

bool when_parse_rfc5322(const char *text, int64_t *seconds)
{
    int64_t days;
    int64_t hour;
    int64_t minute;
    int64_t second = 0;

    if (!parse_mail_date(&text, &days))
        return false;
    text = skip_space(text);
    if (!short_number(&text, 2, &hour) || *text++ != ':' || !short_number(&text, 2, &minute))
        return false;
    if (*text == ':') {
        text++;
        if (!short_number(&text, 2, &second))
            return false;
    }
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *seconds =
        days * DAY_SECONDS + hour * 3600 + minute * 60 + second - mail_zone(skip_space(text));
    return true;
}
