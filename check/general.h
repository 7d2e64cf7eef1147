/*
 * The zone itself: does the domain exist, is it signed, what else answers in its name.
 */
#ifndef CHECK_GENERAL_H
#define CHECK_GENERAL_H

#include "check/subject.h"

/* The questions that every check of a domain has, sent at once. */
void general_expect(struct subject *s);

enum general_state {
    GENERAL_EXISTS,
    GENERAL_NO_NAME,
    GENERAL_UNANSWERED /* the DNS says nothing about the domain itself */
};

/* Findings DNS-02 to DNS-07, DMARC-40. */
enum general_state general_check(struct subject *s);

#endif
