/*
 * Which DMARC record applies to a domain, and which domain is its organisational domain: by the
 * tree walk (RFC 9989 section 4.10) and by the public suffix list (RFC 7489 sections 3.2, 6.6.3).
 */
#ifndef CHECK_DMARC_FIND_H
#define CHECK_DMARC_FIND_H

#include "check/dmarc_record.h"
#include "check/subject.h"

#include <stdbool.h>
#include <stddef.h>

/* What stands at _dmarc of a domain. */
struct dmarc_place {
    const char *domain; /* without _dmarc */
    const char *name;   /* with it */
    struct dns_answer answer;
    const struct dns_record *first;    /* of kind DMARC_RECORD; NULL: there is none */
    const struct dns_record *near;     /* the first near miss */
    const struct dns_record *other;    /* the first that is neither */
    size_t n_records;                  /* of kind DMARC_RECORD: more than one void each other */
    const struct dmarc_record *record; /* NULL unless there is exactly one */
};

enum {
    DMARC_WALK_MAX = 8 /* questions (RFC 9989 section 4.10) */
};

struct dmarc_walk {
    struct dmarc_place places[DMARC_WALK_MAX]; /* in the order asked: longest name first */
    size_t n;
    bool incomplete;                     /* a question was not answered: the result is a guess */
    const char *org;                     /* the organisational domain */
    const struct dmarc_place *org_place; /* NULL: the walk found no record there */
    const struct dmarc_place *psd;       /* a record above it with psd=y */
};

/* `quiet`: as subject_ask_quietly. */
void dmarc_place_read(struct subject *s, const char *domain, bool quiet, struct dmarc_place *out);

/*
 * Walks from the domain towards the root. Public suffixes are asked quietly: their servers are
 * nothing the owner of a domain could repair.
 */
void dmarc_walk(struct subject *s, const char *domain, struct dmarc_walk *out);

#endif
