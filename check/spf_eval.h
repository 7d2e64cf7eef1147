/*
 * What a receiver makes of a mail from an address: check_host() of RFC 7208, with its limits (ten
 * look-up terms, two void ones, ten names of an mx or ptr term), macros and explanation.
 */
#ifndef CHECK_SPF_EVAL_H
#define CHECK_SPF_EVAL_H

#include "base/addr.h"
#include "check/spf_record.h"

#include <stdint.h>

struct arena;
struct dns;

enum {
    SPF_LOOKUPS_MAX = 10, /* terms that ask the DNS (section 4.6.4) */
    SPF_VOIDS_MAX = 2,    /* terms whose question finds nothing */
    SPF_CHECK_MS = 30000, /* at least 20 seconds (section 4.6.4) */
    SPF_NAMES_MAX = 10    /* hosts of an mx term, names of a ptr term or a %{p} */
};

struct spf_question {
    struct addr ip;     /* IPv4-mapped is IPv4 (section 5); base/addr.h reads it so */
    const char *domain; /* NULL: that of the sender, or helo where there is no sender */
    const char *sender; /* the envelope sender; NULL, "" and "<>": postmaster@helo (section 2.4) */
    const char *helo;   /* NULL: the domain */
    const char *receiver; /* for %{r}; NULL: "unknown" (section 7.3) */
    int64_t time;         /* for %{t}; seconds */
    unsigned patience_ms; /* then "temperror"; 0: SPF_CHECK_MS */
};

/* A record on the way to the result, and the term of it that led on, or matched. */
struct spf_step {
    const char *domain;
    const char *term; /* as it stands in the record; NULL: no term matched */
    size_t offset;
};

struct spf_verdict {
    enum spf_result result;
    const char *why; /* in words where no term decides: no record, a limit, a fault, no answer */
    const struct spf_step *steps; /* from the question's domain to the term that decided */
    size_t n_steps;
    const char *explanation; /* of a fail, from strangers; NULL: none */
    unsigned lookups;
    unsigned voids;
};

/* Blocks while the DNS is asked. Everything in *out lives in the arena. */
void spf_check_host(
    struct dns *d, const struct spf_question *q, struct arena *a, struct spf_verdict *out);

/*
 * The SPF records among the TXT records at a name: reads the only one into *record. SPF_NEUTRAL
 * when there is one, SPF_NONE, SPF_PERMERROR (more than one) or SPF_TEMPERROR (no answer);
 * *why says so in words.
 */
enum spf_result spf_fetch(struct dns *d, const char *domain, struct arena *a,
    struct spf_record *record, const char **why);

#endif
