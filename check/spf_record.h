/*
 * An SPF record (RFC 7208 sections 4.5, 4.6, 5, 6 and 12) taken apart into terms. One bad term
 * makes every receiver give up ("permerror"); whoever has to repair it wants to know all of them:
 * reading never stops at a fault, each term has its own, with the offset in the record.
 */
#ifndef CHECK_SPF_RECORD_H
#define CHECK_SPF_RECORD_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

enum spf_result {
    SPF_NONE,
    SPF_NEUTRAL,
    SPF_PASS,
    SPF_FAIL,
    SPF_SOFTFAIL,
    SPF_TEMPERROR,
    SPF_PERMERROR
};

const char *spf_result_name(enum spf_result r); /* "none", "neutral", ... */

enum {
    /* terms that are taken apart; a record of 64 kB has room for 30,000. What follows is one more
     * term, with a fault. */
    SPF_RECORD_TERMS = 5000
};

enum spf_kind {
    SPF_ALL,
    SPF_INCLUDE,
    SPF_A,
    SPF_MX,
    SPF_PTR,
    SPF_IP4,
    SPF_IP6,
    SPF_EXISTS,
    SPF_REDIRECT,
    SPF_EXP,
    SPF_OTHER_MODIFIER, /* name=value that RFC 7208 does not know: ignored by receivers */
    SPF_UNKNOWN         /* no term at all */
};

struct spf_term {
    enum spf_kind kind;
    enum spf_result qualifier; /* what a match gives; SPF_PASS where no sign stands */
    size_t offset;             /* in the record's text */
    size_t len;
    const char *text; /* as it stands */
    const char *name; /* "include", "redirect", lower case; of modifiers without "=" */
    const char
        *domain;  /* the domain-spec or macro-string; NULL: none, the current domain is meant */
    bool dynamic; /* domain holds macros that depend on the connection */
    struct addr network; /* SPF_IP4, SPF_IP6; never mapped: ::ffff:192.0.2.1 has 16 octets here */
    unsigned prefix4;    /* bits; 32 where none stands */
    unsigned prefix6;    /* 128 */
    const char *fault;   /* what is wrong, in words; NULL: nothing */
    size_t fault_offset; /* in the record's text */
};

struct spf_record {
    const char *text; /* NUL octets are \x01 here: forbidden alike, and a string can hold them */
    size_t len;
    const struct spf_term *terms; /* in the order of the record, modifiers among them */
    size_t n;
    size_t n_faults;
    const struct spf_term *redirect; /* the first one that is right, or NULL */
    const struct spf_term *exp;
    /* a second redirect or exp (RFC 7208 section 6: a permanent error, too), or NULL */
    const struct spf_term *repeated;
};

/* "v=spf1", in any case, then a blank or the end (section 4.5)? */
bool spf_is_record(const char *text, size_t len);

/* No record, but meant to be one: "v=spf1;", "v=spf10", "spf1 ...", a blank or quote in front. */
bool spf_is_nearly_record(const char *text, size_t len);

/* Takes a record apart; the text must be one by spf_is_record(). Everything lives in the arena. */
void spf_record_read(struct arena *a, const char *text, size_t len, struct spf_record *out);

/* Will a receiver give up on it? */
bool spf_record_is_broken(const struct spf_record *r);

/* Does evaluating the term cost one of the ten look-ups (section 4.6.4)? */
bool spf_term_looks_up(const struct spf_term *t);

#endif
