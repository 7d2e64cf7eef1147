/*
 * From a mailbox of the configuration to a source of messages. A new kind of mailbox is one line in
 * the table of mailbox.c.
 */
#ifndef CLI_MAILBOX_H
#define CLI_MAILBOX_H

#include "cli/config.h"
#include "ingest/source.h"

struct mailbox_open {
    const struct config_mailbox *config;
    const struct limits *limits;
    const char *folder; /* one of the configuration's */
    /* as in struct imap_settings */
    int (*secret)(void *context, bool refused, struct buf *out, struct err *e);
    void (*notice)(void *context, const struct err *why);
    bool (*stop)(void *context);
    bool (*known)(void *context, const char *source, const char *key, enum message_kind *kind);
    bool look_only; /* change nothing */
    void *context;

    /* filled in by open(): a source keeps looking at its settings */
    union {
        struct imap_settings imap;
        struct maildir_settings maildir;
    } settings;
};

struct mailbox_kind {
    const char *name; /* the `type` of the configuration */
    bool needs_login;
    /* ERR_CONFIG when settings are missing or do not belong to this kind. */
    int (*check)(const struct config_mailbox *m, struct err *e);
    /* *o must stay valid until the source is closed. */
    int (*open)(struct source **out, struct mailbox_open *o, struct err *e);
    /* Tries every step of reading it and changes nothing; `good` is called for each that went well,
     * with o->context. */
    int (*inspect)(struct mailbox_open *o,
        void (*good)(void *context, const char *step, const char *found), struct err *e);
};

extern const struct mailbox_kind mailbox_kinds[]; /* ends with a NULL name */

const struct mailbox_kind *mailbox_kind_find(const char *name); /* NULL if there is none */

#endif
