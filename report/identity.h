/*
 * Whose host a source is: a label of the operator's, or a mail service of the list.
 *
 * The list is report/data/senders.tsv, built into the program. A user's file in the same form (its
 * first line names the columns) adds to it, or replaces what has the same id. A file with the
 * columns base_reverse_dns,name,type (parsedmarc's base_reverse_dns_map.csv) gives names, and of
 * what those services can do nothing is known.
 */
#ifndef REPORT_IDENTITY_H
#define REPORT_IDENTITY_H

#include "base/addr.h"
#include "base/err.h"
#include "report/context.h"
#include "store/auth.h"

#include <stdbool.h>
#include <stddef.h>

enum sender_kind {
    SENDER_OTHER,
    SENDER_MAILBOX,
    SENDER_ESP,
    SENDER_SAAS,
    SENDER_SECURITY,
    SENDER_HOSTING,
    SENDER_FORWARDER,
    SENDER_LIST
};

const char *sender_kind_name(enum sender_kind kind); /* "other", "mailbox", "esp" ... */
bool sender_kind_parse(const char *name, enum sender_kind *out);

/* Texts are those of the list, NULL where it has none. */
struct sender {
    const char *id, *name;
    enum sender_kind kind;
    enum known capable; /* can it sign with its customers' domains? */
    const char *spf, *spf_where;
    const char *dkim; /* the list's word: "cname", "by panel" ... */
    const char *dkim_records, *return_path;
    const char *where;
    const char *networks; /* what its autonomous systems are called; or NULL */
    bool from_user;       /* from a file or label of the user's */
};

/* What the operator says of a network. */
struct label {
    struct addr first, last;
    const char *name;
    bool mine;
    const struct sender *sender; /* NULL: only `mine` and the name are known */
};

struct identities;

/* With the list that is built in. */
struct identities *identities_new(void);
void identities_free(struct identities *ids); /* accepts NULL */
/* `path` is for messages. ERR_CONFIG: the list may have been taken in part, do not use it then. */
int identities_add(
    struct identities *ids, const char *text, const char *path, struct err *e) ERR_CHECKED;
const struct sender *identities_sender(const struct identities *ids, const char *id); /* or NULL */
/* Labels an address or network: `sender` is an id, or "mine", or a kind. ERR_CONFIG. */
int identities_label(struct identities *ids, const char *network, const char *name,
    const char *sender, struct err *e) ERR_CHECKED;

/* By what a source is told. */
struct identity_signs {
    const struct addr *ip;
    const struct auth_results *auth; /* its passing signatures */
    const char *spf_domain;          /* NULL unless SPF passed for it */
    const struct context *context;
};

struct identity {
    const struct label *label;   /* or NULL */
    const struct sender *sender; /* or NULL */
};

/*
 * The first of: label, domain of a passing signature, domain that SPF passed for (of mail, or of
 * the service's hosts), confirmed name of the host, networks the service has published, name of the
 * network. Among signatures a forwarder's or list's own counts first: the others may have survived
 * its hands. The longest pattern wins, then the user's file.
 */
struct identity identity_find(const struct identities *ids, const struct identity_signs *s);

/* Is the name one of the sender's hosts? */
bool identity_is_host(const struct identities *ids, const struct sender *sender, const char *name);

enum {
    IDENTITY_NAME_MAX = 256
};

/* The SPF records that a domain's own is to include for this sender, one after the other; *at is
 * NULL before the first. False when there are no more. */
bool identity_next_include(
    const struct sender *sender, const char **at, char name[IDENTITY_NAME_MAX]);

/* Each of the senders, those of the user's files too. */
void identities_each(const struct identities *ids,
    void (*take)(void *context, const struct sender *sender), void *context);

/* The built-in list as text. */
extern const char senders_text[];

#endif
