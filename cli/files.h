/*
 * Small files and folders: read whole, made safely.
 */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include "base/buf.h"
#include "base/err.h"

#include <stdio.h>
#include <sys/types.h>

/* A whole file, appended to `out`; ERR_CONFIG when it cannot be read or is larger than out's
 * ceiling. */
int files_read(const char *path, struct buf *out, struct err *e) ERR_CHECKED;

/* The folder and those above it; no error when it is there. */
int files_make_folder(const char *path, mode_t mode, struct err *e) ERR_CHECKED;

/* `name` as one component of a path, whatever is in it: "a/b" becomes "a%2Fb". */
struct arena;
const char *files_safe_name(struct arena *a, const char *name);

/*
 * A file that is there whole or not at all: written beside its place, synced, then renamed over it.
 * After files_create, exactly one of files_commit (which also cleans up when it fails) and
 * files_abandon must follow.
 */
struct new_file {
    FILE *out;
    char *temporary;
    char *path;
};

int files_create(struct new_file *f, const char *path, struct err *e) ERR_CHECKED;
int files_commit(struct new_file *f, struct err *e) ERR_CHECKED;
void files_abandon(struct new_file *f);

#endif
