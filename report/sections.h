/*
 * Which findings stand together in a report, and in which order: what to fix first; apart from it
 * what others broke or passed on, and apart from both what is abuse. Every finding is in at most
 * one section; what passes as it should is in none.
 */
#ifndef REPORT_SECTIONS_H
#define REPORT_SECTIONS_H

#include "report/finding.h"
#include "report/phrases.h"

#include <stdbool.h>

struct section {
    const char *name; /* a word for anchors and styles: "fix", "weak" ... */
    enum phrase_id heading;
    enum phrase_id note; /* below it; PHRASE_COUNT: none */
    bool (*holds)(const struct finding *f);
    bool brief; /* one line each: nothing is to be done */
};

enum {
    SECTION_COUNT = 11,
    SECTION_ENTRIES = 20 /* that are shown; the rest is counted */
};

extern const struct section sections[SECTION_COUNT];

enum cause_class finding_class(const struct finding *f);
bool finding_is_to_fix(const struct finding *f); /* open, and something can be done at the sender */
bool finding_is_weak(const struct finding *f);   /* open, passes, but could pass more safely */
bool finding_is_unknown(const struct finding *f); /* open, and nobody knows who it is */

#endif
