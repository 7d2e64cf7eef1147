#include "base/zone.h"

#include "base/arena.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct zone {
    GTimeZone *zone;
    char *name;
};

/* GLib takes it for a path below the database's folder. */
static bool is_name(const char *s)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";

    return *s && *s != '/' && s[strspn(s, allowed)] == '\0';
}

struct zone *zone_open(const char *name)
{
    GTimeZone *found = is_name(name) ? g_time_zone_new_identifier(name) : NULL;

    if (!found)
        return NULL;
    struct zone *z = mem_alloc(sizeof *z);
    z->zone = found;
    z->name = mem_strdup(name);
    return z;
}

void zone_close(struct zone *z)
{
    if (!z)
        return;
    g_time_zone_unref(z->zone);
    free(z->name);
    free(z);
}

const char *zone_name(const struct zone *z)
{
    return z ? z->name : "UTC";
}

void zone_format(const struct zone *z, int64_t seconds, char out[ZONE_TEXT_MAX])
{
    GDateTime *utc = g_date_time_new_from_unix_utc(seconds);
    GDateTime *there = utc && z ? g_date_time_to_timezone(utc, z->zone) : NULL;
    GDateTime *shown = there ? there : utc;

    if (shown) {
        /* a zone without a name has its offset for one */
        (void)snprintf(out, ZONE_TEXT_MAX, "%04d-%02d-%02d %02d:%02d %s",
            g_date_time_get_year(shown), g_date_time_get_month(shown),
            g_date_time_get_day_of_month(shown), g_date_time_get_hour(shown),
            g_date_time_get_minute(shown), g_date_time_get_timezone_abbreviation(shown));
    } else {
        char text[WHEN_TEXT_MAX];
        when_format(seconds, text);
        (void)snprintf(out, ZONE_TEXT_MAX, "%s", text);
    }
    if (there)
        g_date_time_unref(there);
    if (utc)
        g_date_time_unref(utc);
}
