/*
 * Why the messages of a row passed or failed, and what the owner of the domain can do: the decision
 * table P1 to P16 (rows that pass) and F1 to F28 (rows that fail). The first condition that holds
 * decides; every row has exactly one cause.
 *
 * One rule above all: no remedy tells anyone to put the address of a forwarder, of a stranger or of
 * an abuser into an SPF record. Addresses are named only where the history or the operator says
 * that the host is the owner's, and then with an "if".
 */
#ifndef REPORT_CAUSE_H
#define REPORT_CAUSE_H

#include "report/features.h"

#include <stdbool.h>

/* In the order in which the table is asked. */
enum cause_id {
    CAUSE_P1,
    CAUSE_P2,
    CAUSE_P3,
    CAUSE_P4,
    CAUSE_P5,
    CAUSE_P6,
    CAUSE_P7,
    CAUSE_P8,
    CAUSE_P9,
    CAUSE_P10,
    CAUSE_P11,
    CAUSE_P12,
    CAUSE_P13,
    CAUSE_P14,
    CAUSE_P15,
    CAUSE_P16,
    CAUSE_F1,
    CAUSE_F2,
    CAUSE_F3,
    CAUSE_F4,
    CAUSE_F5,
    CAUSE_F6,
    CAUSE_F7,
    CAUSE_F8,
    CAUSE_F9,
    CAUSE_F10,
    CAUSE_F11,
    CAUSE_F12,
    CAUSE_F13,
    CAUSE_F14,
    CAUSE_F15,
    CAUSE_F16,
    CAUSE_F17,
    CAUSE_F18,
    CAUSE_F19,
    CAUSE_F20,
    CAUSE_F21,
    CAUSE_F22,
    CAUSE_F23,
    CAUSE_F24,
    CAUSE_F25,
    CAUSE_F26,
    CAUSE_F27,
    CAUSE_F28,
    CAUSE_COUNT
};

enum cause_class {
    CLASS_OK,
    CLASS_OK_WEAK, /* passes, but by one leg, or with a flaw */
    CLASS_FORWARD, /* passed on by others, and passes still */
    CLASS_FORWARD_BROKEN,
    CLASS_FIX,        /* can be made to pass */
    CLASS_NONCAPABLE, /* cannot, where it is sent */
    CLASS_TRANSIENT,
    CLASS_SPOOF,
    CLASS_UNKNOWN,
    CLASS_COUNT
};

/* What the rows of one finding have in common, besides the policy domain and the cause. */
enum cause_group {
    GROUP_DOMAIN, /* nothing more */
    GROUP_SOURCE, /* the mail service, or who else the source is */
    GROUP_KEY,    /* d= and selector, and the source */
    GROUP_SPF     /* the domain SPF was asked about */
};

struct cause {
    const char *name; /* "P1": stable, for programs */
    enum cause_class class;
    bool (*holds)(const struct features *f);
    enum cause_group group;
    bool confirm;       /* advice only once it was seen often enough */
    const char *reason; /* templates, see report/words.h */
    const char *remedy;
};

extern const struct cause causes[CAUSE_COUNT];

enum cause_id cause_find(const struct features *f);

const char *class_name(enum cause_class class);         /* "OK", "OK-weak", "FIX" ... */
const char *cause_name(enum cause_id id);               /* "P1" */
bool cause_parse(const char *name, enum cause_id *out); /* "f14" too */
/* Mail that somebody meant to send as the domain, and that reached, or should reach, its reader. */
bool class_is_legitimate(enum cause_class class);

#endif
