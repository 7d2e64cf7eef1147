/*
 * Where a domain wants reports about TLS (RFC 8460 section 3).
 */
#ifndef CHECK_TLSRPT_RECORD_H
#define CHECK_TLSRPT_RECORD_H

#include "check/subject.h"
#include "check/tags.h"

#include <stdbool.h>

struct tlsrpt_result {
    const char *name;
    const struct dns_record *record; /* NULL: there is none that counts */
    struct tags tags;
    bool enforced; /* senders must refuse to deliver without good TLS */
};

/* `protected`: MTA-STS or DANE is in use; `enforced`: in mode enforce. */
void tlsrpt_check(struct subject *s, bool protected, bool enforced, struct tlsrpt_result *out);

/* One URI of rua=. NULL when it is sound, else what is wrong with it, in words (static). */
const char *tlsrpt_uri_fault(struct arena *a, const char *uri);

#endif
