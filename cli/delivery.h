/*
 * Reports by mail: each is sent once to each recipient of a client. And notes, which nobody keeps
 * count of here.
 *
 * The store is told before an attempt, once more before the end of the mail goes out, and after the
 * server's answer (store/store.h). A mail whose answer was never seen is sent again at the next run
 * with the same Message-ID, made of client, period, recipient and edition: it may arrive twice, but
 * not be lost, and a mailbox that drops what it has already shows it once.
 */
#ifndef CLI_DELIVERY_H
#define CLI_DELIVERY_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct client_report;
struct config;
struct config_smtp;
struct report_format;
struct store;

struct delivery {
    const struct config *config;
    struct store *store;
    int verbosity;
    const char *client;    /* NULL: all that have recipients */
    const char *recipient; /* NULL: all of them */
    bool resend;           /* also what was sent or refused before, as a new edition */
    /* Which days a client's report is about, both included; they are over. */
    int (*period)(void *context, const char *client, int64_t *from, int64_t *to, struct err *e);
    /* The report of a client for the period. */
    int (*build)(void *context, const char *client, struct arena *a, struct client_report *out,
        struct err *e);
    void *context;
};

/*
 * Says on standard output how many mails were sent. What failed for one recipient is told at once
 * and does not keep the others from theirs; what would fail for all ends the run and is returned.
 * Above zero: the exit status of the worst that was told, 75 before 65.
 */
int delivery_run(const struct delivery *d, struct err *e) ERR_CHECKED;

/* Connects to the server and logs in, and sends nothing. ERR_CONFIG as in cli/secret.h; the rest as
 * in send/smtp.h. */
int delivery_probe(const struct config_smtp *c, struct err *e) ERR_CHECKED;

/* A mail of one plain text, to one of message_address. Errors as in send/smtp.h and cli/secret.h.
 */
int delivery_note(const struct config_smtp *c, const char *to, const char *subject,
    const char *text, int64_t date, struct err *e) ERR_CHECKED;

/* Is it a form of the text of a mail? All others are attached. */
bool delivery_is_text(const struct report_format *f);

/* ERR_CONFIG when settings are missing, or do not go together. */
int delivery_check_smtp(const struct config_smtp *c, struct err *e) ERR_CHECKED;

#endif
