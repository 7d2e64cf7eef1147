/*
 * A streaming JSON writer (RFC 8259). Output is always valid: strings are repaired to UTF-8 and
 * escaped (controls, DEL, C1, U+2028/2029 as \uXXXX); nesting is checked. Reading JSON is jansson's
 * job.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    JSON_DEPTH_MAX = 32,
    JSON_HELD = 4096
};

struct json {
    FILE *out;
    bool pretty; /* two-space indent, one member per line; else compact with ", " and ": " */
    int depth;
    bool first[JSON_DEPTH_MAX];  /* nothing was written at this level yet */
    bool object[JSON_DEPTH_MAX]; /* it is closed by }, not by ] */
    bool after_key;
    /* What was written last: it goes out when this is full, and with the end of the outermost
     * value. A call of stdio for every comma would take most of the time. */
    char held[JSON_HELD];
    size_t held_len;
};

void json_init(struct json *j, FILE *out, bool pretty);
/* For whoever wants to see all of it in `out` before the outermost value is closed. */
void json_flush(struct json *j);

void json_object(struct json *j);
void json_array(struct json *j);
void json_end(struct json *j); /* closes the innermost object or array */

void json_key(struct json *j, const char *key);       /* one of our own: written as it is */
void json_key_text(struct json *j, const char *text); /* any text, as json_string */
void json_string(struct json *j, const char *s);      /* NULL writes null */
void json_int(struct json *j, int64_t n);
void json_bool(struct json *j, bool b);
void json_null(struct json *j);
void json_raw(struct json *j, const char *text); /* a finished JSON value, or its beginning */
void json_raw_more(struct json *j, const char *bytes, size_t n); /* and how it goes on */

/* key and value in one call */
void json_member_string(struct json *j, const char *key, const char *s);
void json_member_int(struct json *j, const char *key, int64_t n);
void json_member_bool(struct json *j, const char *key, bool b);

#endif
