/*
 * Time: seconds since 1970 in UTC, days since 1970-01-01, ISO 8601 weeks. The only file that reads
 * a clock.
 */
#ifndef BASE_WHEN_H
#define BASE_WHEN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WHEN_TEXT_MAX = 32
};

int64_t when_now(
    void); /* seconds; DMARCMILL_NOW (RFC 3339) in the environment overrides it, for tests */
int64_t when_monotonic_ms(void);

int64_t when_day(int64_t seconds); /* floor division by 86,400, also below 0 */

void when_format(int64_t seconds, char out[WHEN_TEXT_MAX]);       /* 2026-11-16T00:00:00Z */
void when_format_day(int64_t day, char out[WHEN_TEXT_MAX]);       /* 2026-11-16 */
void when_format_plain(int64_t seconds, char out[WHEN_TEXT_MAX]); /* 2026-11-16 00:00:00 */
void when_format_week(int64_t day, char out[WHEN_TEXT_MAX]);      /* 2026-W47 */

bool when_parse_day(const char *text, int64_t *day); /* YYYY-MM-DD */
bool when_parse_week(
    const char *text, int64_t *monday); /* YYYY-Www; the day number of its Monday */
int64_t when_monday(int64_t day);       /* of the ISO week that holds the day */
bool when_parse_month(const char *text, int64_t *first); /* YYYY-MM; its first day */
int64_t when_month(int64_t day);      /* first day of the calendar month that holds the day */
int64_t when_next_month(int64_t day); /* first day of the month after it */
bool when_is_month(int64_t from, int64_t to); /* exactly one calendar month, both ends included? */
/* RFC 3339 and its relaxed relatives: space or t for T, lower z, missing zone = UTC, fractions cut.
 */
bool when_parse_rfc3339(const char *text, int64_t *seconds);
bool when_parse_rfc5322(
    const char *text, int64_t *seconds); /* the Date header of a mail, leniently */

#endif
