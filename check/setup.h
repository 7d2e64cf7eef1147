/*
 * The way of a domain from no DMARC at all to a policy that is enforced: at which step it is, and
 * what that step waits for.
 */
#ifndef CHECK_SETUP_H
#define CHECK_SETUP_H

#include "check/suggest.h"

#include <stdbool.h>

enum setup_step {
    SETUP_CLIENT,     /* whose domain it is */
    SETUP_REPORTING,  /* p=none, and reports are asked for */
    SETUP_COLLECT,    /* until reports are there */
    SETUP_REPAIR,     /* until hardly any mail of the owner's fails */
    SETUP_QUARANTINE, /* the first policy */
    SETUP_REJECT,     /* the last one */
    SETUP_DONE
};

struct setup_words {
    const char *title;
    const char *then; /* what to wait for, once the records of the step are published */
};

extern const struct setup_words setup_words[SETUP_DONE + 1];

/*
 * `owned`: it belongs to a client. A domain whose policy stands at the domain above is where that
 * one is: SETUP_DONE says nothing then, see *above.
 */
enum setup_step setup_step_of(const struct check_result *r, const struct suggest_facts *facts,
    const struct suggestion *s, bool owned, const char **above);

#endif
