/*
 * Macros in SPF (RFC 7208 section 7): their grammar and their expansion.
 */
#ifndef CHECK_SPF_MACRO_H
#define CHECK_SPF_MACRO_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

enum {
    SPF_EXPANDED_MAX = 8192 /* octets of an expanded macro string; longer ones are not expanded */
};

/*
 * Checks a macro-string. Returns NULL, or what is wrong in words (static), and where in *at. The
 * letters c, r and t are for explanations only (section 7.2).
 */
const char *spf_macro_check(const char *s, size_t len, bool explanation, size_t *at);

/* A domain-spec: a macro-string that ends in a macro or a top-level label (section 7.1). */
const char *spf_domain_check(const char *s, size_t len, size_t *at);

/* Does it hold macros whose value is known only when a mail arrives: all but %{d}? */
bool spf_macro_is_dynamic(const char *s);

/* The value of a letter (lower case), or NULL when there is none: then nothing is expanded. */
typedef const char *spf_macro_value(void *ctx, char letter);

/* Expands a macro-string that was checked. NULL when a value is missing or the result too long. */
const char *spf_macro_expand(
    struct arena *a, const char *s, bool explanation, spf_macro_value *value, void *ctx);

/*
 * The target name that a domain-spec expands to: without trailing dot, and with labels cut off on
 * the left until it has at most 253 octets (section 7.3). NULL as above.
 */
const char *spf_domain_expand(struct arena *a, const char *spec, spf_macro_value *value, void *ctx);

#endif
