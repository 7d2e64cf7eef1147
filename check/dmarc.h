/*
 * DMARC of one domain: what applies to its mail, and what is wrong with it.
 */
#ifndef CHECK_DMARC_H
#define CHECK_DMARC_H

#include "check/dmarc_find.h"

#include <stdbool.h>

/* The record that receivers of one kind use. */
struct dmarc_applied {
    const struct dmarc_place *place; /* NULL: there is none */
    bool inherited;                  /* it stands at a domain above */
    /* in words, as dmarc_effective_text; "unknown" when a question was not answered */
    const char *domain, *subdomain, *invented;
    enum dmarc_policy policy; /* of the domain's own mail; DMARC_ABSENT: none, or not known */
};

struct dmarc_result {
    struct dmarc_place own; /* what stands at the domain itself */
    struct dmarc_walk walk; /* RFC 9989 */
    const char *org_psl;    /* RFC 7489 */
    struct dmarc_place psl; /* what stands there */
    struct dmarc_applied as_7489, as_9989;
    bool unknown; /* a question that decides was not answered */
};

/* `exists`: the domain is in the DNS at all (else np applies to it). Findings go to the subject's.
 */
void dmarc_check(struct subject *s, bool exists, struct dmarc_result *out);

/* The findings about rua and ruf of a record at this place (check/dmarc_reports.c). */
void dmarc_check_reports(struct subject *s, const struct dmarc_place *place);

#endif
