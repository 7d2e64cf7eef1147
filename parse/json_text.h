/*
 * JSON from strangers made fit for a strict reader: UTF-8, without NUL or half characters, of
 * bounded depth and size.
 */
#ifndef PARSE_JSON_TEXT_H
#define PARSE_JSON_TEXT_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct json_text {
    size_t len;    /* of the first whole value in the buffer, which begins at its first byte */
    bool bom;      /* began with a byte order mark (RFC 8259 8.1 lets readers ignore it) */
    bool recoded;  /* had bytes that are not UTF-8 */
    bool repaired; /* had strings with NUL, raw controls or half of a surrogate pair */
    bool clamped;  /* had numbers that no machine holds: they are 9e99 now */
    bool trailing; /* something stands behind the value */
};

/*
 * out is set up here (and to be freed by the caller even after an error). ERR_INPUT tags:
 * not-a-report (does not begin like an object or array), encoding (UTF-16, UTF-32), limit-size
 * (LIMIT_JSON bytes or a million values), limit-depth.
 */
int json_text_prepare(struct buf *out, struct json_text *found, const char *bytes, size_t len,
    struct err *e) ERR_CHECKED;

#endif
