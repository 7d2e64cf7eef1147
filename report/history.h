/*
 * What a client's rows of the last weeks show about a key, a source, a mail service: the features
 * HOME, SEEN and SPREAD of the decision table. Filled row by row, then asked.
 *
 * A network is a /24 of IPv4 or a /48 of IPv6: large senders change addresses, not networks.
 */
#ifndef REPORT_HISTORY_H
#define REPORT_HISTORY_H

#include "report/features.h"

struct history;

struct history *history_new(void);
void history_free(struct history *h); /* accepts NULL */

/* A row of this reporter; its first and last day. */
void history_add(
    struct history *h, const struct features *f, const char *reporter, int64_t first, int64_t last);

void history_ask(const struct history *h, const struct features *f, struct past *out);

/*
 * Reporters that copy raw SPF results into the DMARC layer: of their records whose SPF passed for a
 * foreign domain, most are said to be aligned.
 */
void history_add_reporter(
    struct history *h, const struct features *f, const char *reporter, int64_t records);
bool history_distrusts_spf(const struct history *h, const char *reporter);

/* The network of an address as text, "192.0.2.0/24"; "" for none. */
enum {
    NETWORK_TEXT_MAX = ADDR_TEXT_MAX + 4
};

void history_network(const struct addr *a, char out[NETWORK_TEXT_MAX]);

#endif
