/*
 * What single records do not show: records that do not go together, and domains that take no part
 * in mail., DMARC-44; and which findings explain failures in reports.
 */
#ifndef CHECK_COMBINE_H
#define CHECK_COMBINE_H

#include "check/dkim.h"
#include "check/dmarc.h"
#include "check/mx.h"
#include "check/spf_check.h"
#include "check/subject.h"

#include <stdbool.h>

/*
 * Does the domain neither take nor send mail, by all that is known: a null MX, or no MX, with an
 * SPF record that permits nobody or none at all, and no mail in reports that passed?
 */
bool combine_is_parked(struct subject *s, const struct mx_result *mx);

struct combine_input {
    const struct mx_result *mx;
    const struct dmarc_result *dmarc;
    const struct spf_outcome *spf;
    const struct dkim_result *dkim;
    bool parked;
};

/* After all others. */
void combine_check(struct subject *s, const struct combine_input *in);

#endif
