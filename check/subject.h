/*
 * One domain under examination: what the checks of its records share.
 */
#ifndef CHECK_SUBJECT_H
#define CHECK_SUBJECT_H

#include "base/err.h"
#include "check/dns.h"
#include "check/finding.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct check_history;

/* A document from the web, for a policy or a logo. */
struct fetched {
    unsigned status;          /* of HTTP */
    const char *content_type; /* in lower case, without parameters; "" if it says none */
    const char *body;
    size_t len;
    int64_t certificate_expires; /* seconds; 0: not known */
};

enum {
    SUBJECT_QUESTIONS_MAX = 150
};

struct subject_question {
    const char *name;
    enum dns_type type;
    struct dns_answer answer;
};

struct subject {
    struct arena *arena;
    struct dns *dns;
    const char *domain; /* normalised */
    struct findings findings;
    const struct check_history *history; /* NULL: there are no reports */
    /*
     * Gets an https URL, at most `max` bytes. May be called from many threads. NULL: nothing is
     * fetched, and what depends on it is not found.
     */
    int (*fetch)(void *context, const char *url, size_t max, struct arena *a, struct fetched *out,
        struct err *e);
    void *fetch_context;
    int64_t now;    /* seconds */
    unsigned nonce; /* makes names that nobody has planted: what answers for them is a wildcard */
    /* by subject_ask: each question once */
    struct subject_question *questions;
    size_t asked;
    size_t unanswered;
};

/*
 * Asks. A question that is not answered is a finding (DNS-01, DNS-03), and whatever depends on it
 * stays undecided. After SUBJECT_QUESTIONS_MAX questions everything is DNS_FAILED, without a
 * finding.
 */
void subject_ask(struct subject *s, const char *name, enum dns_type type, struct dns_answer *out);
/* The same for what only adds to a finding: no answer is no finding. */
void subject_ask_quietly(
    struct subject *s, const char *name, enum dns_type type, struct dns_answer *out);
/* Has the name such records? False, too, when that cannot be told. */
bool subject_has(struct subject *s, const char *name, enum dns_type type);

/* Can it take mail: MX (no null MX), or an address (RFC 5321 section 5.1)? True if undecided. */
bool subject_takes_mail(struct subject *s, const char *name);
/* Is the registrable domain of this name not registered? False if undecided. */
bool subject_is_unregistered(struct subject *s, const char *name);

/* Does a TXT record begin with these words, ASCII case ignored? */
bool record_begins(const struct dns_record *r, const char *words);

#endif
