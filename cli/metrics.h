/*
 * What is known of the mailboxes, as a file for the textfile collector of Prometheus's
 * node_exporter.
 */
#ifndef CLI_METRICS_H
#define CLI_METRICS_H

#include "base/err.h"
#include "store/store.h"

/* The file is there whole or not at all. */
int metrics_write(struct store *s, const char *path, struct err *e) ERR_CHECKED;

#endif
