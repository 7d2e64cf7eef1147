/*
 * Mail services that ask their customers for an include, as far as it matters what follows from it.
 */
#ifndef CHECK_SPF_SERVICES_H
#define CHECK_SPF_SERVICES_H

#include <stdbool.h>

struct spf_service {
    const char *include; /* the name that customers include; names below it are meant, too */
    const char *name;
    bool shared;      /* sends for every customer, and does not check who sets which sender */
    bool own_bounces; /* uses an envelope domain of its own: SPF never aligns */
};

/* By the normalised target of an include; NULL: none that is known. */
const struct spf_service *spf_service_find(const char *target);

#endif
