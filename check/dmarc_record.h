/*
 * A DMARC record read (RFC 9989 sections 4.7 and 4.8; RFC 7489 section 6.3 where it differs), and
 * what receivers of either do with it.
 */
#ifndef CHECK_DMARC_RECORD_H
#define CHECK_DMARC_RECORD_H

#include "check/tags.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* What stands at _dmarc. */
enum dmarc_kind {
    DMARC_RECORD,    /* begins as a DMARC record must */
    DMARC_NEAR_MISS, /* was meant as one; nobody reads it */
    DMARC_OTHER
};

enum dmarc_kind dmarc_kind_of(const char *text, size_t len);

enum dmarc_policy {
    DMARC_ABSENT, /* there is no such tag */
    DMARC_INVALID,
    /* from here on in order of strength */
    DMARC_NONE,
    DMARC_QUARANTINE,
    DMARC_REJECT
};

const char *dmarc_policy_name(enum dmarc_policy p);

enum dmarc_psd {
    DMARC_PSD_UNKNOWN, /* psd=u, or no such tag */
    DMARC_PSD_NO,
    DMARC_PSD_YES
};

/* A place that reports are to go to. */
struct dmarc_uri {
    const char *text;   /* as published */
    const char *fault;  /* id of a finding; NULL: sound */
    const char *why;    /* in words */
    bool usable;        /* a mailto: URI that receivers can send to */
    bool sized;         /* with "!10m" */
    const char *local;  /* of the address */
    const char *domain; /* of the address, normalised */
};

struct dmarc_uris {
    struct dmarc_uri *items;
    size_t n;
    bool usable; /* at least one is */
};

enum {
    DMARC_URIS_MAX = 20
};

struct dmarc_record {
    const char *text; /* octets as published */
    size_t len;
    struct tags tags;
    enum dmarc_policy p, sp, np;
    bool testing; /* t=y */
    enum dmarc_psd psd;
    bool strict_dkim, strict_spf;
    int pct; /* 0 to 100; 100 when it is not there or not a number */
    struct dmarc_uris rua, ruf;
};

/* Text of kind DMARC_RECORD. Everything lives in the arena. */
void dmarc_record_read(struct arena *a, const char *text, size_t len, struct dmarc_record *out);

/* Whose rules a receiver follows. */
enum dmarc_reader {
    DMARC_7489, /* knows pct; neither np nor t */
    DMARC_9989  /* knows np and t; not pct */
};

/* Whose mail it is. */
enum dmarc_scope {
    DMARC_DOMAIN,    /* From the domain of the record */
    DMARC_SUBDOMAIN, /* From a domain below it that has no record of its own */
    DMARC_INVENTED   /* From a name below it that does not exist */
};

/*
 * What such a receiver applies to mail that fails: DMARC_NONE to DMARC_REJECT, or DMARC_ABSENT: it
 * goes on as if there were no record (RFC 9989 section 4.10.1, RFC 7489 section 6.6.3).
 */
enum dmarc_policy dmarc_effective(
    const struct dmarc_record *r, enum dmarc_scope scope, enum dmarc_reader reader);
/* In words: "reject", "reject for 50 %, else quarantine", "no DMARC". */
const char *dmarc_effective_text(struct arena *a, const struct dmarc_record *r,
    enum dmarc_scope scope, enum dmarc_reader reader);

/* A tag as receivers read it: those that are not in the record have their default. */
struct dmarc_reading {
    const char *tag;
    const char *value;   /* as published, escaped; or the default; "" when there is neither */
    bool published;      /* else it is the default */
    const char *meaning; /* a few words (static) */
};

enum {
    DMARC_READINGS = 11
};

/* All tags that receivers know today, in a fixed order. */
void dmarc_record_explain(
    struct arena *a, const struct dmarc_record *r, struct dmarc_reading out[DMARC_READINGS]);

#endif
