/*
 * Findings: the rows of a client that have the same cause for the same reason, told once. Every row
 * of the period is in exactly one.
 */
#ifndef REPORT_FINDING_H
#define REPORT_FINDING_H

#include "report/judge.h"
#include "report/words.h"

#include <stddef.h>
#include <stdint.h>

/* Messages by what receivers did with them. RFC 9990's "pass" is no action, as "none" is. */
struct report_actions {
    int64_t none, quarantine, reject;
    int64_t other; /* a word we do not know, or no word */
};

void report_count_action(struct report_actions *to, enum disposition d, int64_t messages);
/* Counts come from strangers, each up to 2^53: a sum stays at the largest number. */
void report_add(int64_t *sum, int64_t n);

enum finding_status {
    FINDING_OPEN,
    FINDING_MINOR,   /* too few for advice: below 3 messages, on one day */
    FINDING_QUIET,   /* not seen in the period */
    FINDING_RESOLVED /* not seen for 14 days */
};

enum {
    FINDING_MESSAGES = 3,
    FINDING_RESOLVED_DAYS = 14,
    FINDING_EXAMPLES = 3
};

/* How what was done with messages that fail is to be read, next to the policy. */
enum reading {
    READING_PLAIN,        /* as the policy asks, or they passed */
    READING_SAMPLED,      /* pct let them through, one step weaker */
    READING_TEST_MODE,    /* t=y */
    READING_EXCEPTION,    /* the receiver's own, for a reason it names */
    READING_NOT_ENFORCED, /* less than asked for, without a reason: RFC 9989 7.4 allows it */
    READING_OWN_DECISION, /* more than asked for */
    READING_COUNT
};

struct finding_host {
    struct addr ip;
    int64_t messages;
};

struct finding {
    const char *domain; /* the policy domain */
    enum cause_id cause;
    const char *source; /* id of the sender, name of a label, identity or network; "" */
    const char *key;    /* "selector/d", or the domain of SPF; "" */
    enum finding_status status;
    /* of the period */
    int64_t records, messages;
    int64_t failed; /* by the DMARC layer */
    int64_t lost;   /* failed and rejected or quarantined, though somebody meant to send them */
    struct report_actions actions;
    int64_t readings[READING_COUNT];
    int64_t reporters, hosts;
    struct finding_host examples[FINDING_EXAMPLES]; /* most messages first */
    size_t n_examples;
    bool large; /* more than 5 % of the domain's messages */
    /* of all rows that were judged */
    int64_t first, last;      /* begin of the first and the last report, seconds */
    struct evidence evidence; /* of the largest row */
};

/* Of the class that makes it worth a look: what was lost first, then what can be repaired. */
struct findings;

/* `to` is the last day of the period. Everything lives in the arena. */
struct findings *findings_new(struct arena *a, int64_t to);
void findings_add(struct findings *l, const struct judgement *j);
/* Once all rows are there. What was not seen in the period is only there if it was to be fixed. */
struct finding *findings_finish(struct findings *l, size_t *n);

/* "open", "minor", "quiet", "resolved" */
const char *finding_status_name(enum finding_status s);
/* "Twilio SendGrid", "12 hosts in 192.0.2.0/24" */
const char *finding_who(struct arena *a, const struct finding *f);
/* "Twilio SendGrid, as acme.example", "12 hosts in 192.0.2.0/24, as acme.example" */
const char *finding_title(struct arena *a, const struct finding *f);
/* A sentence on what receivers did with it, "" if there is nothing to say. */
const char *finding_reading(struct arena *a, const struct finding *f);

#endif
