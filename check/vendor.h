/*
 * Mailbox providers whose set-up has rules of its own, told by MX and SPF.
 */
#ifndef CHECK_VENDOR_H
#define CHECK_VENDOR_H

#include "base/vendor_mx.h"
#include "check/subject.h"

#include <stdbool.h>

struct vendor_facts {
    const char *name;
    const char *include; /* what SPF of its customers includes */
};

extern const struct vendor_facts vendors[VENDOR_COUNT];

/* Does a TXT record at the domain include the vendor in SPF? */
bool vendor_in_spf(struct subject *s, enum vendor v);
bool vendor_in_mx(struct subject *s, enum vendor v);
bool vendor_in_use(struct subject *s, enum vendor v);

#endif
