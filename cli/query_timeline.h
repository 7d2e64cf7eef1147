/*
 * `query timeline`: messages day by day.
 */
#ifndef CLI_QUERY_TIMELINE_H
#define CLI_QUERY_TIMELINE_H

#include "cli/table.h"
#include "store/store.h"

/* Days without messages have no row. */
struct timeline {
    struct store_period period;
    bool failing;  /* only days with failed messages */
    int64_t limit; /* 0: all */
};

int query_timeline(struct store *s, const struct timeline *wanted, struct arena *a,
    struct table *out, struct err *e) ERR_CHECKED;

#endif
