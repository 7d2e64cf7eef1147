/*
 * Files opened for reading, with what a source has to beware of: devices, pipes that never end,
 * links.
 */
#ifndef INGEST_FILE_H
#define INGEST_FILE_H

#include "base/blob.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct file {
    int fd;               /* -1: none; owned */
    unsigned char *small; /* all of a small file, or NULL; owned */
    struct blob bytes;
    int64_t modified; /* seconds */
};

/* Regular files only; a small one is read at once. ERR_INPUT tags: not-found, unreadable,
 * not-a-file. The path is in the text. */
int file_open(struct file *f, const char *path, bool follow_link, struct err *e) ERR_CHECKED;
void file_close(struct file *f); /* may be closed already */

#endif
