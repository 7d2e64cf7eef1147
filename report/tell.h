/*
 * What a report says, sentence by sentence: the same in every format that people read. The words
 * are those of report/phrases.h; what strangers wrote is safe for a terminal (text_safe), and still
 * has to be escaped where markup is written.
 */
#ifndef REPORT_TELL_H
#define REPORT_TELL_H

#include "report/changes.h"
#include "report/phrases.h"
#include "report/report.h"

#include <stdbool.h>
#include <stddef.h>

struct tell {
    const struct client_report *report;
    const struct phrases *words;
    struct arena *arena; /* of all that is returned */
};

struct lines {
    const char **list;
    size_t n;
};

enum tone {
    TONE_NONE, /* nothing was reported */
    TONE_ACT,  /* something is to be fixed */
    TONE_LOOK, /* senders to be looked at */
    TONE_GOOD
};

/* ---- the first screen ---- */

const char *tell_title(const struct tell *t);
const char *tell_period(const struct tell *t);
enum tone tell_tone(const struct tell *t);
const char *tell_verdict(const struct tell *t); /* one line */
/* "93.3 % of 2,064 messages passed DMARC ...", "Of those that failed: ...", and what was lost. */
struct lines tell_numbers(const struct tell *t);

/* What to do first: the findings that are open, as numbered in the report, and a sentence of each.
 */
enum {
    STEPS_MAX = 3
};

struct step {
    const char *who;
    const char *what;   /* how many failed, and a sentence on what to do */
    size_t number;      /* of the finding; 0: it is about no single one */
    const char *anchor; /* where more is said: "f1", "unknown", "stricter" */
};

struct steps {
    struct step list[STEPS_MAX];
    size_t n, more;
};

struct steps tell_steps(const struct tell *t);

const char *tell_changes_heading(const struct tell *t);
struct lines tell_changes(const struct tell *t);

/* ---- findings ---- */

/* Who it is; as which domain, only if the client has several. */
const char *tell_who(const struct tell *t, const struct finding *f);
const char *tell_outcome(const struct tell *t, const struct finding *f);
const char *tell_seen(const struct tell *t, const struct finding *f);
const char *tell_reason(const struct tell *t, const struct finding *f);
const char *tell_remedy(const struct tell *t, const struct finding *f);
const char *tell_reading(const struct tell *t, const struct finding *f); /* "": nothing to say */
/* The same, to be said in the report's language. */
struct evidence tell_evidence(const struct tell *t, const struct evidence *v);
const char *tell_brief(const struct tell *t, const struct finding *f);
const char *tell_class(const struct tell *t, enum cause_class class);

/* ---- what stands around them ---- */

struct lines tell_readiness(const struct tell *t);
struct lines tell_published(const struct tell *t);
struct lines tell_tls(const struct tell *t);
struct lines tell_failures(const struct tell *t);
struct lines tell_coverage(const struct tell *t);

enum remark_kind {
    REMARK_PARTIAL,
    REMARK_DOUBTFUL,
    REMARK_REPAIRED,
    REMARK_COUNT
};

const char *tell_remarks_heading(const struct tell *t, enum remark_kind kind);
struct lines tell_remarks(const struct tell *t, enum remark_kind kind);
struct lines tell_glossary(const struct tell *t);
const char *tell_footnote(const struct tell *t);

/* ---- small words ---- */

const char *tell_day(const struct tell *t, int64_t day);
const char *tell_number(const struct tell *t, int64_t n);                  /* 1,234 */
const char *tell_share(const struct tell *t, int64_t part, int64_t whole); /* 93.3 % */
/* "1 message", "1,234 messages": one of the pairs of phrases. */
const char *tell_count(const struct tell *t, int64_t n, enum phrase_id one, enum phrase_id many);
const char *tell_messages(const struct tell *t, int64_t n);
void lines_add(const struct tell *t, struct lines *l, const char *line);

#endif
