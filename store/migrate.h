/*
 * Schema versions. schema/sqlite/NNN-what.sql and schema/postgresql/NNN-what.sql are embedded into
 * the program, numbered from 001 without gaps; a step is never edited after a release. Each runs in
 * a transaction of its own, under a lock, and is written to the table schema_version, which the
 * migrator makes itself.
 */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/db.h"

/*
 * Brings the database to this program's version; *from is 0 for an empty one. Writes nothing when
 * there is nothing to do. ERR_CONFIG when the database is newer than the program.
 */
int migrate(struct db_conn *c, int *from, int *to, struct err *e) ERR_CHECKED;

struct schema_step {
    const char *name; /* "001-base.sql" */
    const char *sql;
};

/* Made at build time by cmake/embed.cmake; each ends with a NULL name. */
extern const struct schema_step schema_steps_sqlite[];
extern const struct schema_step schema_steps_postgresql[];

#endif
