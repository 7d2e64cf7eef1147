/*
 * Bytes of doubtful encoding made into UTF-8.
 */
#ifndef PARSE_CHARSET_H
#define PARSE_CHARSET_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Appends the bytes to out. What is valid UTF-8 stays; every other byte is read as windows-1252,
 * which is what undeclared 8-bit text nearly always is. Returns how many bytes were not UTF-8.
 * Stops silently at out's ceiling.
 */
size_t charset_repair(struct buf *out, const char *bytes, size_t len);

/* The same from a declared charset (RFC 2047, RFC 2978 name); an unknown one is repaired as above.
 */
void charset_decode(struct buf *out, const char *charset, const char *bytes, size_t len);

#endif
