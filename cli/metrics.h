/*
 * What is known of the mailboxes, as a file for the textfile collector of Prometheus's
 * node_exporter.
 */
#ifndef CLI_METRICS_H
#define CLI_METRICS_H

#include "base/err.h"
#include "cli/config.h"
#include "store/store.h"

/* The configuration's `metrics` file, about the mailboxes that are in it. It is there whole or not
 * at all. */
int metrics_write(struct store *s, const struct config *c, struct err *e) ERR_CHECKED;

#endif
