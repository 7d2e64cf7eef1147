/*
 * How a client's report looks: whose name stands on it, in which language, in whose time. What is
 * in it is not changed by that.
 */
#ifndef REPORT_LOOK_H
#define REPORT_LOOK_H

#include <stddef.h>

struct phrases;
struct zone;

/* All zero: English, UTC, nobody's name. */
struct look {
    const struct phrases *phrases;
    const struct zone *zone; /* of the times that are shown; days stay UTC days, as reports count */
    const char *provider;    /* who sends the report; NULL: not said */
    const void *logo;        /* a PNG (look_logo_fault); NULL: none */
    size_t logo_len;
};

enum {
    LOGO_BYTES_MAX = 128 * 1024,
    LOGO_SIDE_MAX = 2000 /* pixels */
};

/* NULL when the bytes are a PNG that may be shown, else what is wrong with them. */
const char *look_logo_fault(const void *bytes, size_t len);

#endif
