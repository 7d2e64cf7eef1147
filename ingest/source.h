/*
 * A source hands out messages one by one and is told how each ended: an IMAP mailbox, a Maildir,
 * files and folders, an mbox, standard input. A new kind of source fills in a struct source_ops and
 * gets one line in the table of cli/.
 */
#ifndef INGEST_SOURCE_H
#define INGEST_SOURCE_H

#include "base/blob.h"
#include "base/buf.h"
#include "base/err.h"
#include "parse/flow.h"
#include "parse/limits.h"

struct source_message {
    const char *key; /* see struct message_info */
    const char *name;
    struct blob bytes;  /* valid until the next source_next */
    int64_t arrived;    /* the server's or the file's time; -1: unknown */
    uint64_t too_large; /* not 0: this many bytes, over the limit, so not fetched; bytes is empty */
    const struct err *unreadable; /* not NULL: why there are no bytes, class ERR_INPUT; valid as
                                     long as they would be */
    uint64_t id;                  /* for source_ops.done */
};

struct source;

enum source_answer {
    SOURCE_END = 0,
    SOURCE_MESSAGE = 1
};

struct source_ops {
    /* SOURCE_MESSAGE with *m filled in, SOURCE_END, or an error. After ERR_INPUT (a file that is
     * no mail of a mailbox cannot be read) go on. */
    int (*next)(struct source *s, struct source_message *m, struct err *e);
    /*
     * Called after the commit that holds the message's outcome, in any order, for each message
     * once: now it may be moved, deleted or flagged. Not called for what was deferred. May queue;
     * `flush`, at any time between two messages, makes it so.
     */
    int (*done)(struct source *s, uint64_t id, enum message_kind kind, struct err *e);
    int (*flush)(struct source *s, struct err *e);
    /* After SOURCE_END: waits for new messages. SOURCE_MESSAGE: `next` has them; SOURCE_END: ask
     * again; or an error, as of `next`. NULL: there will be none. */
    int (*wait)(struct source *s, struct err *e);
    void (*close)(struct source *s);
};

struct source {
    const struct source_ops *ops;
    const char *name; /* of the mailbox; "" for files */
    uint64_t waiting; /* messages that are known to be there and were not handed out yet */
    size_t at_hand;   /* of them, those that no server has to be asked for any more */
};

/* Files, folders (walked; a Maildir is recognised), mbox, "-": told by content. `paths` must stay
 * valid. Nothing is moved. */
int source_files_open(struct source **out, const char *const *paths, size_t n,
    const struct limits *limits, struct err *e) ERR_CHECKED;

/* What becomes of a mailbox's mails when they are done. */
enum disposal_how {
    DISPOSE_LEAVE, /* it stays and is remembered; in a Maildir it goes from new/ to cur/ */
    DISPOSE_MOVE,
    DISPOSE_DELETE,
    DISPOSE_FLAG /* it stays with a mark */
};

struct disposal {
    enum disposal_how how;
    /* A folder, for a Maildir the path of another one, created if need be; or a flag as IMAP spells
     * it: "\Flagged", "Processed". */
    const char *where;
};

struct maildir_settings {
    const char *name;
    const char *path;
    unsigned interval; /* seconds between two looks at all of it */
    struct disposal after[MESSAGE_KINDS];
    bool look_only; /* change nothing */
    /* Has this message been done before, and as what? Asked for what is left in cur/ and for what
     * cannot be read; may be NULL. */
    bool (*known)(void *context, const char *source, const char *key, enum message_kind *kind);
    bool (*stop)(void *context); /* Is it time to give up? Asked while waiting; may be NULL. */
    void *context;
};

/* *set must stay valid until the source is closed. */
int source_maildir_open(struct source **out, const struct maildir_settings *set,
    const struct limits *limits, struct err *e) ERR_CHECKED;

enum imap_tls {
    IMAP_TLS, /* at once, port 993 */
    IMAP_STARTTLS,
    IMAP_PLAIN /* for loopback and tunnels */
};

enum imap_login {
    IMAP_LOGIN_PASSWORD,
    IMAP_LOGIN_XOAUTH2,
    IMAP_LOGIN_OAUTHBEARER
};

struct imap_settings {
    const char *name;
    const char *host;
    unsigned port; /* 993 */
    const char *user;
    enum imap_login login;
    /*
     * Adds the password or access token of the user to an empty buffer, which is wiped afterwards.
     * Called for each login, and with `refused` once more when a token was not taken.
     */
    int (*secret)(void *context, bool refused, struct buf *out, struct err *e);
    const char *folder; /* "INBOX" */
    /* What stays is remembered by UIDVALIDITY/UID, with the folder in front unless it is INBOX. */
    struct disposal after[MESSAGE_KINDS];
    bool look_only;         /* change nothing */
    const char *ca_file;    /* NULL: the system's */
    const char *cert, *key; /* a client's certificate, or NULL */
    bool verify;            /* true unless the operator said otherwise */
    enum imap_tls tls;
    unsigned timeout;  /* seconds for one read or write */
    unsigned deadline; /* seconds for one whole command */
    unsigned idle;     /* seconds after which IDLE is begun anew; servers end it after 30 minutes */
    unsigned interval; /* seconds between two looks where there is no IDLE */
    uint64_t batch_bytes; /* at most this much is fetched ahead */
    unsigned batch_messages;
    /* Has this message been done before, and as what? Asked where mails may stay; may be NULL */
    bool (*known)(void *context, const char *source, const char *key, enum message_kind *kind);
    /* Something the operator may want to know; may be NULL. */
    void (*notice)(void *context, const struct err *why);
    /* Is it time to give up? Asked while waiting for the server, which then has a second to finish:
     * ERR_TEMPORARY, interrupted. May be NULL. */
    bool (*stop)(void *context);
    void *context;
};

/*
 * A connection that breaks while mails are fetched is made anew, once for a batch of mails and then
 * for each of them; a mail that breaks it twice is handed out as unreadable (unfetchable), and
 * stays where it is. *set must stay valid until the source is closed.
 */
int source_imap_open(struct source **out, const struct imap_settings *set,
    const struct limits *limits, struct err *e) ERR_CHECKED;

#endif
