/*
 * How each client's report looks, and how often it comes: the settings timezone, cadence, language
 * and provider, outside of all sections for everybody, or in a client's section for that one.
 */
#ifndef CLI_LOOKS_H
#define CLI_LOOKS_H

#include "base/err.h"
#include "report/look.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct client_look {
    const char *client; /* NULL: everybody else */
    bool monthly;       /* a report is about a month, not about a week */
    struct look look;
};

struct looks {
    struct client_look *list; /* the first one is for everybody else */
    size_t n;
    struct zone **zones; /* all that were opened */
    size_t n_zones;
};

/* The texts of one section; NULL: not set there. */
struct look_settings {
    const char *timezone, *cadence, *language, *provider, *logo;
};

/* Adds a client, who has what everybody has where its own settings say nothing. `client` NULL comes
 * first, once. What it reads from files lives in the arena. ERR_CONFIG. */
int looks_add(struct arena *a, struct looks *l, const char *client, const struct look_settings *s,
    struct err *e) ERR_CHECKED;
void looks_close(struct looks *l);
/* Would one of these settings be taken? */
int looks_check(const struct look_settings *s, struct err *e) ERR_CHECKED;

/* Of a client by name, else of everybody; never NULL once that one was added. */
const struct client_look *looks_find(const struct looks *l, const char *client);

#endif
