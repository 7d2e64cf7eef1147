#include "cli/looks.h"

#include "base/arena.h"
#include "base/zone.h"
#include "cli/files.h"
#include "report/phrases.h"

#include <string.h>

enum {
    LANGUAGE_MAX = 1024 * 1024
};

static int take_zone(
    struct arena *a, struct looks *l, const char *name, struct client_look *to, struct err *e)
{
    struct zone *z = zone_open(name);

    if (!z) {
        return err_set(e, ERR_CONFIG, "config",
            "timezone: there is no '%.60s'; names are like Europe/Berlin", name);
    }
    l->zones = arena_grow(a, l->zones, &l->n_zones, sizeof(struct zone *));
    l->zones[l->n_zones - 1] = z;
    to->look.zone = z;
    return 0;
}

static int take_cadence(const char *word, struct client_look *to, struct err *e)
{
    to->monthly = strcmp(word, "monthly") == 0;
    if (to->monthly || strcmp(word, "weekly") == 0)
        return 0;
    return err_set(e, ERR_CONFIG, "config", "cadence must be weekly or monthly");
}

static int take_language(struct arena *a, const char *path, struct client_look *to, struct err *e)
{
    struct buf text;

    buf_init(&text, LANGUAGE_MAX);
    int rc = files_read(path, &text, e);
    if (!rc)
        rc = phrases_read(a, text.data ? text.data : "", path, &to->look.phrases, e);
    buf_done(&text);
    return rc ? err_wrap(e, "language") : 0;
}

static int take_logo(struct arena *a, const char *path, struct client_look *to, struct err *e)
{
    struct buf bytes;

    buf_init(&bytes, LOGO_BYTES_MAX);
    int rc = files_read(path, &bytes, e);
    const char *fault = rc ? NULL : look_logo_fault(bytes.data, bytes.len);
    if (fault)
        rc = err_set(e, ERR_CONFIG, "config", "%s %s", path, fault);
    if (!rc) {
        void *copy = arena_alloc(a, bytes.len);
        memcpy(copy, bytes.data, bytes.len);
        to->look.logo = copy;
        to->look.logo_len = bytes.len;
    }
    buf_done(&bytes);
    return rc ? err_wrap(e, "logo") : 0;
}

int looks_add(struct arena *a, struct looks *l, const char *client, const struct look_settings *s,
    struct err *e)
{
    struct client_look one = l->n ? l->list[0] : (struct client_look){0};
    int rc = 0;

    one.client = client;
    if (s->timezone)
        rc = take_zone(a, l, s->timezone, &one, e);
    if (!rc && s->cadence)
        rc = take_cadence(s->cadence, &one, e);
    if (!rc && s->language)
        rc = take_language(a, s->language, &one, e);
    if (!rc && s->logo)
        rc = take_logo(a, s->logo, &one, e);
    if (rc)
        return rc;
    if (s->provider)
        one.look.provider = arena_strdup(a, s->provider);
    l->list = arena_grow(a, l->list, &l->n, sizeof *l->list);
    l->list[l->n - 1] = one;
    return 0;
}

void looks_close(struct looks *l)
{
    for (size_t i = 0; i < l->n_zones; i++)
        zone_close(l->zones[i]);
}

int looks_check(const struct look_settings *s, struct err *e)
{
    struct arena *a = arena_new();
    struct looks l = {0};
    int rc = looks_add(a, &l, NULL, s, e);

    looks_close(&l);
    arena_free(a);
    return rc;
}

const struct client_look *looks_find(const struct looks *l, const char *client)
{
    for (size_t i = 1; client && i < l->n; i++) {
        if (strcmp(l->list[i].client, client) == 0)
            return &l->list[i];
    }
    return &l->list[0];
}
