/*
 * GMime keeps an object for each header field and each part, some hundred bytes for as few as three
 * of the mail: a mail of 64 MiB can ask for gigabytes. And it makes room for a folded field line by
 * line. So all of them are counted before it sees them.
 */
#ifndef INGEST_MAIL_LINES_H
#define INGEST_MAIL_LINES_H

#include "base/blob.h"
#include "base/err.h"

enum {
    MAIL_FIELDS_MAX = 50000,     /* lines of all header blocks; mails have some hundred */
    MAIL_BOUNDARIES_MAX = 20000, /* lines that begin with "--" */
    MAIL_FOLDS_MAX = 20000       /* lines of one field: one with all of a mail's recipients, say */
};

/* ERR_INPUT with limit-entries when there is more of the first two in the mail than any real one
 * has, with limit-token when a field has too many lines. */
int mail_lines_check(const struct blob *b, struct err *e) ERR_CHECKED;

#endif
