/*
 * What is different from the period before: two built reports compared.
 */
#ifndef REPORT_CHANGES_H
#define REPORT_CHANGES_H

#include "report/report.h"

enum {
    CHANGES_MESSAGES = 5, /* fewer failures more or less are no change for the worse or better */
    CHANGES_FACTOR = 2    /* and their share of all messages must have doubled, or halved */
};

enum finding_change {
    CHANGE_NEW,
    CHANGE_WORSE,
    CHANGE_BETTER,
    CHANGE_GONE,     /* not seen in this period */
    CHANGE_RESOLVED, /* and not for 14 days */
    CHANGE_COUNT
};

const char *finding_change_name(enum finding_change c); /* "new", "worse" ... */

struct changed_finding {
    enum finding_change change;
    const struct finding *finding; /* as it is now; when gone and not kept, as it was */
    int64_t failed_before, failed_now;
};

/* Hosts that are told to be the same sender: by label, mail service, or network. */
struct changed_source {
    const char *domain;
    const struct report_source *largest;
    int64_t messages, hosts;
};

struct changed_policy {
    const char *domain;
    const char *tag;          /* "p", "sp", "adkim", "aspf" */
    const char *before, *now; /* both said: that a reporter leaves a tag out is no change */
};

struct changes {
    bool comparable;  /* both periods have reports: else all below is empty */
    int64_t from, to; /* the period before, days */
    int64_t messages_before, passed_before;
    struct changed_finding *findings; /* by kind of change, then as in the report */
    size_t n_findings;
    /* of what is not abuse; most messages first */
    struct changed_source *new_sources, *gone_sources;
    size_t n_new_sources, n_gone_sources;
    struct changed_policy *policies;
    size_t n_policies;
};

/* What *out holds points into both reports, or lives in the arena. */
void changes_find(struct arena *a, const struct client_report *before,
    const struct client_report *now, struct changes *out);

#endif
