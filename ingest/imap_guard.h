/*
 * Stands between the network and libetpan's IMAP parser and lets through only what that parser
 * survives. libetpan 1.9 recurses as deep as a server nests parentheses, allocates what a literal
 * announces, and copies the text of an alert that has none; a line is therefore looked at before
 * the parser sees it. Knows IMAP's framing (RFC 9051 section 4: lines, quoted strings, literals)
 * and nothing else.
 */
#ifndef INGEST_IMAP_GUARD_H
#define INGEST_IMAP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    IMAP_GUARD_DEPTH = 64, /* open parentheses; what we ask for needs three */
    IMAP_GUARD_LINE = 512, /* bytes of a line's beginning that are remembered */
    IMAP_GUARD_FAULT = 256
};

enum imap_brace {
    BRACE_NONE,
    BRACE_OPEN,  /* "{" and perhaps digits */
    BRACE_CLOSED /* "{123}": a literal, if the line ends here */
};

struct imap_guard {
    uint64_t budget;  /* bytes that may still come */
    uint64_t literal; /* bytes of the current literal that are still to come */
    unsigned depth;
    bool quoted, escaped;
    enum imap_brace brace;
    uint64_t announced;
    char line[IMAP_GUARD_LINE]; /* runs of white space are one space */
    size_t line_len;
    char fault[IMAP_GUARD_FAULT]; /* not "": why nothing more may pass */
    bool goodbye;                 /* the fault is that the server closes the session (BYE) */
};

void imap_guard_init(struct imap_guard *g);

/* How many of these bytes may be passed on: all of them, or up to the line that is the fault. */
size_t imap_guard_pass(struct imap_guard *g, const unsigned char *bytes, size_t len);

#endif
