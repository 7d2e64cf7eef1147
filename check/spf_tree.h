/*
 * What an SPF record costs and authorises, without a particular mail: the tree of records that it
 * includes, with the look-ups and void look-ups (RFC 7208 section 4.6.4) of each branch in the
 * worst case, which is that no term matches.
 */
#ifndef CHECK_SPF_TREE_H
#define CHECK_SPF_TREE_H

#include "base/addr.h"
#include "check/dns.h"
#include "check/spf_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct subject;

enum {
    SPF_TREE_DEPTH = 20,       /* records above each other */
    SPF_TREE_TERMS = 100,      /* look-up terms; then the rest is left out */
    SPF_TREE_QUESTIONS = 110,  /* to the DNS; then addresses and records are unknown */
    SPF_TREE_MS = 60000,       /* of asking; then the same */
    SPF_TREE_ALL_TERMS = 5000, /* of any kind; then further records are left out */
    SPF_TREE_NETWORKS = 20000
};

enum spf_node_state {
    SPF_NODE_RECORD,
    SPF_NODE_NONE,     /* no SPF record at the name */
    SPF_NODE_NO_NAME,  /* no such name */
    SPF_NODE_BAD_NAME, /* nothing that could be a name (section 4.3) */
    SPF_NODE_MANY,     /* more than one record; none counts */
    SPF_NODE_UNKNOWN,  /* no answer, or too many questions already */
    SPF_NODE_LOOP,     /* an include or redirect of a record above it */
    SPF_NODE_CUT       /* too deep, or too many terms already */
};

struct spf_node;

/* What follows from one term of a record. */
struct spf_branch {
    const struct spf_term *term;
    const char *target;    /* the name that it asks for; NULL: none, or known only with a mail */
    struct spf_node *node; /* of include and redirect; NULL: not followed */
    unsigned lookups;      /* of the term and of everything below it */
    unsigned voids;
    struct dns_answer mx; /* of an mx term */
    bool skipped;         /* stands behind "all", or is a redirect beside it: never evaluated */
    bool dynamic;         /* it, or something below, depends on the mail */
    size_t networks_from, networks_to; /* what it authorises, in struct spf_tree */
};

struct spf_node {
    const char *domain;
    const struct spf_node *above; /* NULL: the top */
    enum spf_node_state state;
    struct dns_answer txt; /* as it came */
    size_t found;          /* which of its records is the SPF record: SPF_NODE_RECORD */
    struct spf_record record;
    struct spf_branch *branches; /* one for each term of the record */
    const struct spf_term *all;  /* the first one that is right, or NULL */
    unsigned lookups;
    unsigned voids;
    bool dynamic;
    bool repeated; /* the same record stands elsewhere in the tree, too, and was met there first */
    bool passes;   /* a match in here is a pass of the whole record */
    bool decides;  /* the domain's own record, or one that takes its place by redirect */
};

/* What one address term, or one address behind a name, authorises. */
struct spf_network {
    struct addr first; /* of the network */
    unsigned bits;
    const struct spf_node *node;
    const struct spf_term *term;
};

/* A term on a list of all: each stands before those of the record it leads to. */
struct spf_line {
    const struct spf_node *node;
    const struct spf_branch *branch;
    unsigned depth; /* records above */
};

struct spf_tree {
    struct spf_node *top;
    const struct spf_line *lines;
    size_t n_lines;
    bool cut;                           /* there is more than was followed */
    const struct spf_network *networks; /* only of terms that give a pass, in order of meeting */
    size_t n_networks;
};

/* Asks for the record at the domain (normalised) and for all that follows from it, for at most
 * patience_ms (0: SPF_TREE_MS). */
void spf_tree_build(
    struct subject *s, const char *domain, unsigned patience_ms, struct spf_tree *out);

/* The name that a term of the record asks for. NULL: it depends on the mail, or is no name. */
const char *spf_node_target(const struct spf_node *n, const struct spf_term *t, struct arena *a);

/* Is a term of this node in the hands of the domain's owner: the same registrable domain? */
bool spf_node_is_own(const struct spf_tree *t, const struct spf_node *n);

/* ---- what it would be without includes ---- */

/* A network that a wider or equal one makes superfluous. */
struct spf_overlap {
    const struct spf_network *inner;
    const struct spf_network *outer;
};

struct spf_flat {
    size_t networks;                    /* after all that others cover was left out */
    size_t networks6;                   /* of them IPv6 */
    uint64_t addresses;                 /* IPv4 */
    size_t octets;                      /* a record of them would have about */
    bool incomplete;                    /* something depends on the mail, or is not known */
    const struct spf_overlap *overlaps; /* inner ones in the owner's records only */
    size_t n_overlaps;
};

void spf_tree_flatten(const struct spf_tree *t, struct arena *a, struct spf_flat *out);

/* ---- who uses it ---- */

/* An address that reports have seen. */
struct spf_source {
    struct addr ip;
    int64_t messages;
};

/* How many messages came from addresses that the branch authorises. */
int64_t spf_branch_messages(const struct spf_tree *t, const struct spf_branch *b,
    const struct spf_source *sources, size_t n);

#endif
