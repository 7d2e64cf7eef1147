/*
 * A kept payload through the flow once more: store -> intake -> store.
 */
#ifndef CLI_RETRY_H
#define CLI_RETRY_H

#include "base/err.h"
#include "store/store.h"

struct limits;

/*
 * Reads the payload of `a`, as often as it asks for. quiet: what is remarkable about its reports is
 * not said again. The result is in the store_again.
 */
int retry_payload(
    struct store_again *a, const struct limits *limits, bool quiet, struct err *e) ERR_CHECKED;

#endif
