/*
 * BIMI: the logo that mailbox providers may show beside a domain's mail (draft-brand-indicators).
 */
#ifndef CHECK_BIMI_H
#define CHECK_BIMI_H

#include "check/dmarc.h"
#include "check/subject.h"
#include "check/tags.h"

#include <stddef.h>

struct bimi_result {
    const char *name;                /* of the record that applies, or would */
    const struct dns_record *record; /* NULL: there is none that counts */
    struct tags tags;
};

void bimi_check(struct subject *s, const struct dmarc_result *dmarc, struct bimi_result *out);

/* What keeps a logo from being SVG Tiny PS, in words (static); NULL: nothing that was looked for.
 */
const char *bimi_logo_fault(const char *svg, size_t len);

#endif
