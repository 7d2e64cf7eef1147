/*
 * Who sends a domain's mail, and whether its policy may be stricter, for check/suggest.h: a bridge
 * from report/.
 */
#ifndef CLI_SUGGEST_FACTS_H
#define CLI_SUGGEST_FACTS_H

#include "base/err.h"
#include "check/suggest.h"

#include <stdint.h>

struct arena;
struct identities;
struct store;

struct suggest_request {
    const struct identities *identities;
    const char *domain; /* normalised */
    enum suggest_policy today;
    int64_t now;     /* seconds */
    const char *rua; /* of the command line, or NULL */
};

/* From the reports of 30 days. A NULL store knows nothing. Everything lives in the arena. */
int suggest_facts_read(struct store *s, const struct suggest_request *want, struct arena *a,
    struct suggest_facts *out, struct err *e) ERR_CHECKED;

/* The value of --rua: an address, made a URI. ERR_USAGE. */
int suggest_rua(struct arena *a, const char *text, const char **out, struct err *e) ERR_CHECKED;

/* What a mail service of the list asks for in SPF at the domain itself: "include:..."; NULL when it
 * asks for nothing, or for one of several. */
const char *suggest_term(struct arena *a, const char *spf, const char *spf_where);

#endif
