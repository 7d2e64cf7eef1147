/*
 * The zone itself: does the domain exist, is it signed, what else answers in its name.
 */
#ifndef CHECK_GENERAL_H
#define CHECK_GENERAL_H

#include "check/subject.h"

#include <stdbool.h>

/* The questions that every check of a domain has, sent at once. */
void general_expect(struct subject *s);

/* Does the domain exist? True, too, when that could not be told. Findings DNS-02 to DNS-07,
 * DMARC-40. */
bool general_check(struct subject *s);

#endif
