/*
 * What is known of a source from elsewhere than the reports: names, networks, the DNS of today. All
 * of it may be missing; then everything works with what the reports say. A thing that is not known
 * is neither yes nor no.
 */
#ifndef REPORT_CONTEXT_H
#define REPORT_CONTEXT_H

#include "base/addr.h"

struct sender;

enum known {
    UNSURE,
    NO,
    YES
};

/* All zero: nothing is known. Strings belong to whoever filled them in, and stay. The store
 * knows most of it: report/enrichment.h. */
struct context {
    const char *ptr;        /* the host's name, normalised; NULL: none, or not known */
    enum known confirmed;   /* ptr resolves back to the address */
    enum known residential; /* the name is one of dial-up lines or homes */
    enum known ours;        /* the name belongs to the owner of the From domain */
    const char *sender;     /* id of a mail service: by the networks that it has published */
    const char *network;    /* what the autonomous system is called */

    /* of the From domain, today */
    enum known own;    /* an a, mx, ip4 or ip6 term of a record of the owner's names the address */
    enum known in_spf; /* the address passes its SPF record in any way */
    enum known nonexistent; /* the name does not exist */
    enum known parked;      /* it says that it sends no mail */
    enum known mx_microsoft, mx_google;
    const char *organisation; /* by the tree walk (RFC 9989 4.10): the domain or one above it */

    /* of the From domain and the mail service that was found */
    enum known sender_in_spf;  /* its include is in the SPF record */
    enum known sender_has_key; /* one of its DKIM names resolves to a key */
};

/* Who knows more. Both calls only fill in what they know; either may be NULL. Called by one thread.
 */
struct enrichment {
    void (*about_source)(
        void *data, const char *from, const struct addr *source, struct context *out);
    void (*about_sender)(
        void *data, const char *from, const struct sender *sender, struct context *out);
    void *data;
};

#endif
