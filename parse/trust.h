/*
 * How far a report can be trusted. Anybody can write a report and call himself google.com; what can
 * be known of it is who sent the mail, and that only as far as the operator's own mail server has
 * checked it (Authentication-Results, RFC 8601).
 *
 * Compared are registrable domains: that of the report's reporter (parse/model.h: of its e-mail
 * address, else of the receiver in the file name) with that of the mail's sender and those that the
 * mail server vouches for. A reporter that is known by a free name only ("Enterprise Outlook")
 * contradicts nobody. Neither does a receiver in the file name that is not the reporter's e-mail
 * domain: RFC 9990 3.5.1 means the domain whose mail was received, and Microsoft reports for
 * hotmail.com.
 */
#ifndef PARSE_TRUST_H
#define PARSE_TRUST_H

#include "parse/flow.h"

struct arena;

/* Ordered: a later one is worse. */
enum trust {
    TRUST_VERIFIED,  /* the operator's mail server vouches for the reporter's domain */
    TRUST_PLAUSIBLE, /* not checked, or a file; nothing speaks against it */
    TRUST_DOUBTFUL   /* the sender is somebody else, or failed the checks */
};

const char *trust_name(enum trust t); /* "verified", "plausible", "doubtful" */

enum trust trust_parse(const char *name); /* doubtful for a word nobody knows, and for NULL */

enum {
    TRUST_DOMAINS_MAX = 16
};

/* What a mail says about its sender; for a file all is empty. Lives in the arena of trust_read. */
struct trust_evidence {
    const char *senders[TRUST_DOMAINS_MAX]; /* registrable domains of From */
    size_t n_senders;
    const char *vouched[TRUST_DOMAINS_MAX]; /* registrable domains that passed a check */
    size_t n_vouched;
    bool failed; /* a check was not passed */
};

/* The names of the mail servers whose results are believed, as they stand in front of their results
 * (RFC 8601 2.5); case does not matter. */
struct trust_settings {
    const char *const *authserv_ids;
    size_t n_authserv_ids;
};

/*
 * Only the topmost field of a believed server counts: a server writes above what came with the mail
 * (RFC 8601 section 4), so what is below may be forged, in that server's name too.
 */
void trust_read(struct arena *a, const struct trust_settings *set, const struct message_info *m,
    struct trust_evidence *out);

/* reporter: the key of the report. */
enum trust trust_judge(const struct trust_evidence *v, const char *reporter);

#endif
