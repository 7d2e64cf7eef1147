/*
 * Tag lists, "name=value; name=value", as DKIM, DMARC, TLS-RPT, MTA-STS and BIMI publish them
 * (RFC 6376 section 3.2). Nothing is refused here: what is odd is kept as it is, with its place.
 */
#ifndef CHECK_TAGS_H
#define CHECK_TAGS_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

enum {
    TAGS_MAX = 200 /* elements that are read; what follows is ignored */
};

struct tag {
    const char *name;  /* before the first "=", trimmed, in lower case */
    const char *value; /* behind it, trimmed; NULL: there is no "=" */
    const char *text;  /* the element, trimmed, as it is */
    size_t offset;     /* of the element, in octets of the record */
};

struct tags {
    struct tag *items;
    size_t n;
    size_t empty;     /* elements with nothing in them, the end behind a final ";" not counted */
    bool cut;         /* there were more than TAGS_MAX */
    bool closed;      /* it ends with ";" */
    size_t non_ascii; /* how many octets are not printable ASCII or white space, */
    size_t first_non_ascii; /* and where the first is */
};

/* A NUL octet becomes \x01, which no tag may hold either. Everything lives in the arena. */
void tags_read(struct arena *a, const char *record, size_t len, struct tags *out);

/* The first of that name; NULL if there is none. The name in lower case. */
const struct tag *tags_find(const struct tags *t, const char *name);
/* Its value; NULL if there is no such tag. */
const char *tags_value(const struct tags *t, const char *name);
/* Is there an earlier tag of that name? */
bool tags_repeated(const struct tags *t, size_t i);

#endif
