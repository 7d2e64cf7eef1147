/*
 * Words from strangers: UTF-8, white space, numbers, domain names.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

bool text_is_utf8(const char *s, size_t len);

/*
 * The character at s, of which `left` > 0 bytes are there: its length in bytes, its code point in
 * *code. 0 when it is not UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
 */
size_t text_decode(const char *s, size_t left, unsigned *code);

/* Characters that change a terminal, a line or the direction of what follows. */
bool text_is_unsafe(unsigned code);

/* Stands for what cannot be shown: U+FFFD. */
#define TEXT_REPLACEMENT "\xEF\xBF\xBD"

/*
 * A copy that is safe on a terminal, in a log line and in a cell: valid UTF-8 (U+FFFD for what is
 * not), C0/C1 controls, DEL, line separators and bidirectional overrides replaced by U+FFFD, at
 * most max bytes (an ellipsis marks the cut). Never NULL; NULL in gives "".
 */
const char *text_safe(struct arena *a, const char *s, size_t max);
/* The same into a caller's buffer. */
void text_safe_into(char *out, size_t size, const char *s);

/* s, which must end with NUL, without white space around it: returns a pointer into s and sets
 * *len. Never allocates. */
const char *text_trim(const char *s, size_t *len);
char *text_lower(struct arena *a, const char *s);     /* ASCII only */
bool text_equal_nocase(const char *a, const char *b); /* ASCII; NULL equals only NULL */

/* A whole decimal number, optional sign, nothing else. False on overflow or junk. */
bool text_int64(const char *s, int64_t *out);

/*
 * A domain name for comparing and keying: trimmed, lower case, one trailing dot removed, U-labels
 * to A-labels (IDNA 2008, RFC 5891). *odd is set when the result is not a valid host-like name
 * (labels 1-63 of letters, digits, - and _, 253 in all); such a name is still returned, lower-cased
 * and with controls replaced, but never longer than it came or than 759 bytes, whichever is more.
 * NULL in, NULL out.
 */
const char *domain_normalise(struct arena *a, const char *name, bool *odd);

/*
 * The registrable domain (public suffix list, one label below the suffix; RFC 7489 section 3.2
 * "organizational domain"), from a normalised name; the name itself when it is a suffix, an address
 * or has no dot. The result points into the name. Thread-safe; the list is loaded once.
 */
const char *domain_registrable(const char *name);

/* Is the normalised name a public suffix ("com", "co.uk"), below which strangers have their
 * domains?
 */
bool domain_is_suffix(const char *name);

/* Is `name` equal to `parent` or below it? Both normalised. */
bool domain_is_within(const char *name, const char *parent);

#endif
