/*
 * What is wrong with what a domain has published, or worth knowing about it. The kinds stand in one
 * table (finding_table.c), by id; a check adds a finding when it sees one, with what it saw.
 */
#ifndef CHECK_FINDING_H
#define CHECK_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* Worst first. */
enum severity {
    SEVERITY_CRIT, /* mail is lost, or protection does not exist although it looks so */
    SEVERITY_ERR,  /* a standard is violated, receivers differ, or a function is off */
    SEVERITY_WARN, /* works, but is risky or outdated */
    SEVERITY_INFO
};

const char *severity_name(enum severity s); /* "crit", "err", "warn", "info" */

struct finding_kind {
    const char *id;
    enum severity severity;
    const char *what;   /* when it is found */
    const char *advice; /* {name} stands for an argument; {d} is the domain checked */
};

extern const struct finding_kind finding_kinds[];
extern const size_t finding_kinds_count;

const struct finding_kind *finding_kind_find(const char *id); /* NULL if there is none */

struct check_finding {
    const struct finding_kind *kind;
    enum severity severity; /* that of its kind, unless the check knows better */
    const char *domain;     /* that was checked */
    const char *name;       /* of the record; NULL: of none */
    const char *text;       /* of the record, fit for showing (finding_escape); NULL */
    int64_t offset;         /* in the record, in octets as published; -1: all of it */
    const char *message;    /* what was seen; fit for showing, as name and advice are */
    const char *advice;     /* what to do, arguments filled in */
    int64_t messages;       /* of reports, that it explains; -1: not known */
};

enum {
    /* of one kind for one domain; a record of 64 kB has room for thousands of the same mistake */
    FINDINGS_OF_A_KIND = 10,
    FINDING_TEXT_MAX = 4096 /* octets of a record that are shown */
};

struct findings {
    struct arena *arena; /* of everything in it */
    const char *domain;
    struct check_finding *items;
    size_t n;
    size_t left_out;            /* beyond FINDINGS_OF_A_KIND */
    struct check_finding *last; /* added last; NULL: it was not, or they are in order now */
};

void findings_init(struct findings *f, struct arena *a, const char *domain);

/*
 * Adds a finding about the record at `name` (NULL: of none); the rest is the message. An id that is
 * not in the table is a mistake in this program, and ends it. One that says the same as an earlier
 * one is not added again.
 */
void finding_add(struct findings *f, const char *id, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* More about the finding that was added last. */
void finding_text(struct findings *f, const void *record, size_t len);
void finding_offset(struct findings *f, size_t offset);
void finding_severity(struct findings *f, enum severity s);
void finding_messages(struct findings *f, int64_t messages);
/* Fills in {name} in the advice. */
void finding_arg(struct findings *f, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

bool findings_have(const struct findings *f, const char *id);
/* The first of the worst severity decides; SEVERITY_INFO when there is none. */
enum severity findings_worst(const struct findings *f);
/* By severity; then what voids a whole record, then what explains most messages, then by id. */
void findings_sort(struct findings *f);

/*
 * Octets of a record for a person: printable ASCII as it is, a backslash doubled, everything else
 * as \ddd (RFC 1035 section 5.1); an ellipsis marks what was cut off after FINDING_TEXT_MAX.
 */
const char *finding_escape(struct arena *a, const void *octets, size_t len);

#endif
