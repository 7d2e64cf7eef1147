/*
 * Warnings: when a mailbox has failed for a set time, when more documents than usual cannot be
 * read, and when a reporter that used to write daily has fallen silent, people are told: by mail,
 * by a webhook, or both.
 *
 * Each channel (a recipient, the webhook) is told when a trouble begins, again now and then while
 * it lasts, and when it is over. The store remembers what a channel was told only after its server
 * has said yes: so a channel that cannot be reached is tried again by the next round, keeps no
 * other from hearing, and a crash makes somebody hear twice, never not at all.
 */
#ifndef CLI_WARN_H
#define CLI_WARN_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct config;
struct config_warnings;
struct store;
struct warn_round;

/* Is anybody to be told anything? */
bool warn_is_wanted(const struct config *c);

/* ERR_CONFIG when settings are missing, or do not go together. */
int warn_check(const struct config *c, struct err *e) ERR_CHECKED;

/*
 * One round in three steps, so that no mail server is waited for while the store is held. The round
 * belongs to the caller and is freed by warn_end; NULL: there is nothing to tell, or another
 * process is at it. Which mailboxes fail is judged by those of this configuration only.
 */
int warn_begin(
    struct warn_round **out, const struct config *c, struct store *s, struct err *e) ERR_CHECKED;
void warn_tell(struct warn_round *r); /* the store is not used; what fails is said on the console */
int warn_end(struct warn_round *r, struct store *s, struct err *e) ERR_CHECKED;

/* All three. */
int warn_run(const struct config *c, struct store *s, struct err *e) ERR_CHECKED;

/* Connects to the webhook and sends nothing. Errors as in send/webhook.h and cli/secret.h. */
int warn_probe_webhook(const struct config_warnings *w, struct err *e) ERR_CHECKED;

/* ---- judging, without a store ---- */

/*
 * What the days say that a reporter's reports are about: bit i is set if there is one about the day
 * i days ago. A report about a day comes on the next one, so a reporter has been silent for n days
 * when there is none about the days from 2 to n + 1 ago. Whoever wrote on fewer than 24 of the 28
 * days before is expected on no day.
 */
enum reporter_state {
    REPORTER_WRITES,
    REPORTER_SILENT,
    REPORTER_GONE /* silent, but nobody would expect him any more, or ever did */
};

enum reporter_state warn_reporter(uint64_t days, unsigned silent_after);

/* Are `day` unreadable documents in 24 hours many, when there were `before` in the 28 days before
 * that? At least `least`, and three times as many as usual. */
bool warn_rejects_rise(int64_t day, int64_t before, int64_t least);

#endif
