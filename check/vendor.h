/*
 * Mailbox providers whose set-up has rules of its own, told by MX and SPF.
 */
#ifndef CHECK_VENDOR_H
#define CHECK_VENDOR_H

#include "check/subject.h"

#include <stdbool.h>

enum vendor {
    VENDOR_MICROSOFT,
    VENDOR_GOOGLE,
    VENDOR_COUNT
};

struct vendor_facts {
    const char *name;
    const char *include;            /* what SPF of its customers includes */
    const char *const *mx_suffixes; /* its MX hosts are below one of these; ends with NULL */
};

extern const struct vendor_facts vendors[VENDOR_COUNT];

/* Which vendor's host this is, or -1. */
int vendor_of_mx(const char *host);
/* Does a TXT record at the domain include the vendor in SPF? */
bool vendor_in_spf(struct subject *s, enum vendor v);
bool vendor_in_mx(struct subject *s, enum vendor v);
bool vendor_in_use(struct subject *s, enum vendor v);

#endif
