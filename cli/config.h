/*
 * The configuration file. It is checked whole before anything is done: what is misspelled, doubled,
 * out of range, contradictory or not closed is an error with its line, never a guess.
 */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "base/err.h"
#include "cli/looks.h"
#include "cli/secret.h"
#include "ingest/source.h"
#include "parse/limits.h"
#include "send/smtp.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct identities;
struct mailbox_kind;
struct report_format;

/* Where access tokens come from: exactly one of token_command and token_url is there. */
struct config_oauth {
    const char *token_command;
    const char *token_url;
    const char *client_id;
    const char *client_secret_file; /* or NULL */
    const char *refresh_token_file; /* NULL: by client credentials */
    const char *scope;              /* or NULL */
};

struct config_mailbox {
    const char *name;
    const struct mailbox_kind *kind;
    /* imap */
    const char *host;
    unsigned port;
    const char *user;
    enum imap_login login;
    struct secret_source password; /* of exactly one source, or ... */
    struct config_oauth oauth;
    const char **folders; /* at least one; a Maildir has one without a name */
    size_t n_folders;
    const char *ca_file, *tls_cert, *tls_key;
    enum imap_tls tls;
    bool verify;
    unsigned timeout, deadline, idle; /* seconds */
    uint64_t batch_bytes;
    unsigned batch_messages;
    /* maildir */
    const char *path;
    /* both */
    unsigned interval; /* seconds */
    /* both: what becomes of mails that are done */
    struct disposal after[MESSAGE_KINDS];
};

/* The server that takes our mails, and what is said of their sender. */
struct config_smtp {
    const char *host; /* NULL: there is no such section */
    unsigned port;
    enum smtp_tls tls;
    const char *ca_file;
    const char *user; /* NULL: without login, and without the ones below */
    enum smtp_login login;
    struct secret_source password; /* of exactly one source, or ... */
    const char *token_command;     /* ... this */
    unsigned timeout;              /* seconds */
    const char *from, *reply_to;   /* addresses of message_address; reply_to may be NULL */
    const char *from_name;         /* or NULL */
};

/* How long a client's reports are kept; of those that are not listed: as is said for all. */
struct config_retention {
    const char *client;
    struct store_retention keep;
};

/* Who is warned of what (cli/warn.h). */
struct config_warnings {
    const char **recipients; /* addresses of message_address */
    size_t n_recipients;
    const char *webhook;        /* of webhook_url_is_safe, or NULL */
    const char *ca_file;        /* of the webhook's server; NULL: the system's */
    struct secret_source token; /* of none or one source */
    unsigned mailbox_failing;   /* seconds; 0: this is no trouble */
    unsigned rejects;           /* in 24 hours, at least; likewise */
    unsigned reporter_silent;   /* days; likewise */
    unsigned repeat;            /* seconds; 0: it is not said again */
};

/* Whom a client's reports are mailed to, and how they are written. */
struct config_recipients {
    const char *client;
    const char **addresses; /* of message_address, at least one */
    size_t n_addresses;
    const struct report_format **formats; /* at least one that is text */
    size_t n_formats;
};

struct config {
    struct arena *arena;     /* of everything here */
    const char *path;        /* NULL: there is no file, all is by default */
    const char *store;       /* NULL: not said */
    unsigned batch_messages; /* into the store with one commit */
    struct limits limits;
    const char *metrics; /* a file for node_exporter's textfile collector, or NULL */
    bool log_json;       /* one JSON object for each line on standard error */
    struct config_mailbox *mailboxes;
    size_t n_mailboxes;
    const char **clients;
    size_t n_clients;
    struct store_assignment *domains; /* each domain once */
    size_t n_domains;
    struct store_retention keep; /* of all clients but these: */
    struct config_retention *retentions;
    size_t n_retentions;
    int64_t keep_raw; /* days; 0: for ever */
    struct config_smtp smtp;
    struct config_warnings warnings;
    struct config_recipients *recipients; /* of clients that have some */
    size_t n_recipients;
    struct store_policy policy; /* its lists are in the arena, too */
    const char **selectors;     /* of DKIM, that checks look at besides those that reports show */
    size_t n_selectors;
    const char *asn_file;          /* networks by address, in MaxMind's format; or NULL */
    const char *country_file;      /* the same of countries; or NULL */
    struct identities *identities; /* the built-in list, `senders`, and the labels */
    struct looks looks;            /* of reports, by client */
};

/*
 * Reads `path`; NULL reads $XDG_CONFIG_HOME/dmarcmill/dmarcmill.conf (below ~/.config if that is
 * not set), else /etc/dmarcmill/dmarcmill.conf, else nothing. All errors are ERR_CONFIG,
 * "FILE:LINE: ...".
 */
int config_load(struct config **out, const char *path, struct err *e) ERR_CHECKED;
void config_free(struct config *c); /* accepts NULL */

/* NULL if there is none of that name. */
const struct config_mailbox *config_mailbox(const struct config *c, const char *name);

/* "sqlite:" and the default path, whose folder is made if need be. */
int config_default_store(struct arena *a, const char **url, struct err *e) ERR_CHECKED;

#endif
