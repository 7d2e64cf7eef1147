/*
 * One payload (an attachment or a file) through the readers: unpacked, each document told apart,
 * read, and delivered or rejected. Used by intake.c alone.
 */
#ifndef INGEST_PAYLOAD_H
#define INGEST_PAYLOAD_H

#include "base/arena.h"
#include "ingest/mail.h"
#include "ingest/unpack.h"
#include "parse/aggregate.h"
#include "parse/flow.h"

/* A mail found inside an archive; it is taken apart when the payload is done. */
struct nested_mail {
    const char *name;
    struct blob bytes; /* in the arena */
    unsigned depth;    /* archives and mails around it */
};

/* A message while it is read, and what came of it so far. */
struct reading {
    struct sink watch; /* first: what the readers deliver to; it counts and passes on to `sink` */
    struct sink *sink;
    const struct limits *limits;
    struct arena *arena; /* of the message */
    struct aggregate_reader *aggregate;
    void (*problem)(void *context, const char *name, const struct err *why);
    void *problem_context;

    const char *name;        /* of the message */
    const struct mail *mail; /* the one that the payload is attached to; NULL: a plain file */
    unsigned depth;          /* of that mail, see nested_mail */
    struct unpack_budget budget;

    size_t read;       /* reports that are whole, or known already */
    size_t partial;    /* reports that are cut off */
    size_t rejected;   /* documents */
    struct err reject; /* the first one's reason */
    bool excused;
    struct err excuse; /* why the first document that is no report is none; no fault in a mail */

    const char *place; /* of the document that is being read, for problems: "x.eml: a.zip: b.xml" */
    bool remarked;     /* a problem was told about it */
    bool suspect;      /* its checksum is wrong: whatever is read from it is not to be counted */

    struct nested_mail *nested;
    size_t n_nested;
    uint64_t nested_bytes;
};

struct payload {
    const char *name; /* declared file name, or NULL */
    const char *container;
    struct blob bytes;
    const unsigned char *sha256; /* NULL: not known yet */
    bool claims_report;          /* declared so clearly that it is a fault if it holds none */
};

void reading_init(struct reading *rd);

/* Begins a payload, reads it and ends it. An error is the sink's or this machine's. */
int reading_payload(struct reading *rd, const struct payload *p, struct err *e) ERR_CHECKED;

/* The failure reports that a mail is, or has attached; the payload is the whole mail. */
int reading_failure_reports(
    struct reading *rd, const struct payload *whole, struct err *e) ERR_CHECKED;

/* A payload that is rejected as a whole. */
int reading_reject_payload(
    struct reading *rd, const struct payload *p, const struct err *why, struct err *e) ERR_CHECKED;

/* Records a reject; document may be NULL. */
int reading_reject(
    struct reading *rd, const char *document, const struct err *why, struct err *e) ERR_CHECKED;

/* This is no report, which is no fault. Kept if it is the first. */
void reading_excuse(struct reading *rd, const struct err *why);

#endif
