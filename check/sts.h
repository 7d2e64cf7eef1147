/*
 * MTA-STS (RFC 8461): the record, the policy behind it, and whether the MX hosts fit it.
 */
#ifndef CHECK_STS_H
#define CHECK_STS_H

#include "check/mx.h"
#include "check/subject.h"
#include "check/tags.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STS_PATTERNS_MAX = 64,
    STS_POLICY_MAX = 64 * 1024 /* octets (RFC 8461 section 3.3) */
};

enum sts_mode {
    STS_MODE_INVALID,
    STS_MODE_NONE,
    STS_MODE_TESTING,
    STS_MODE_ENFORCE
};

const char *sts_mode_name(enum sts_mode m);

struct sts_policy {
    bool version; /* STSv1 */
    enum sts_mode mode;
    int64_t max_age; /* seconds; -1: missing or no number */
    const char **patterns;
    size_t n_patterns;
};

struct sts_result {
    const char *name;                /* of the record */
    const struct dns_record *record; /* NULL: there is none that counts */
    struct tags tags;
    const char *url;
    const struct sts_policy *policy; /* NULL: not fetched */
};

/* Lines "key: value" with CRLF or LF (RFC 8461 section 3.2). */
void sts_policy_read(struct arena *a, const char *text, size_t len, struct sts_policy *out);
/* Is the pattern a host name, or "*." and one? */
bool sts_pattern_is_valid(const char *pattern);
/* RFC 8461 section 4.1: "*." stands for one label. */
bool sts_pattern_matches(const char *pattern, const char *host);

void sts_check(struct subject *s, const struct mx_result *mx, struct sts_result *out);

#endif
