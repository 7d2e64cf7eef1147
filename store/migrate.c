#include "store/migrate.h"

#include "base/when.h"

#include <stdlib.h>

/* Plain enough for both databases. */
static const char make_version_table[] = "CREATE TABLE schema_version ("
                                         " version BIGINT NOT NULL PRIMARY KEY,"
                                         " name TEXT NOT NULL,"
                                         " applied_at BIGINT NOT NULL)";

static const struct schema_step *steps_of(const struct db_driver *driver)
{
    return driver == &db_sqlite ? schema_steps_sqlite : schema_steps_postgresql;
}

/* The newest version of this program. The number in a step's name must be its place in the list. */
static int program_version(const struct schema_step *steps, int *out, struct err *e)
{
    int n = 0;

    for (; steps[n].name; n++) {
        if (strtol(steps[n].name, NULL, 10) != n + 1)
            return err_set(e, ERR_BUG, "schema", "step %d is named %s", n + 1, steps[n].name);
    }
    *out = n;
    return 0;
}

/* *out is 0 in a database that was never migrated; *empty says if schema_version is missing. */
static int database_version(struct db_conn *c, int64_t *out, bool *empty, struct err *e)
{
    struct db_value table = db_text("schema_version");
    int64_t tables = 0;
    int got = db_one_int(c, c->driver->table_exists, &table, 1, &tables, e);

    if (got < 0)
        return got;
    *empty = tables == 0;
    *out = 0;
    if (*empty)
        return 0;
    got = db_one_int(c, "SELECT max(version) FROM schema_version", NULL, 0, out, e);
    return got < 0 ? got : 0;
}

static int refuse_newer(int64_t version, int known, struct err *e)
{
    if (version <= known)
        return 0;
    return err_set(e, ERR_CONFIG, "schema-newer",
        "the database has schema version %lld, this program knows only %d: use the newer program",
        (long long)version, known);
}

static int apply(struct db_conn *c, const struct schema_step *step, int64_t version, struct err *e)
{
    int got = c->driver->script(c->db, step->sql, e);

    if (got < 0)
        return err_wrap(e, "schema step %s", step->name);
    struct db_value row[] = {db_int(version), db_text(step->name), db_int(when_now())};
    return db_exec(
        c, "INSERT INTO schema_version (version, name, applied_at) VALUES ($1, $2, $3)", row, 3, e);
}

/* Applies the step that comes next, if another migrator has not done so; *version is raised. */
static int next_step(
    struct db_conn *c, const struct schema_step *steps, int64_t *version, struct err *e)
{
    bool empty = false;
    int64_t now_at = 0;
    int got = c->driver->lock_schema(c->db, e);

    if (got < 0)
        return got;
    got = database_version(c, &now_at, &empty, e);
    if (got < 0)
        return got;
    if (empty) {
        got = c->driver->script(c->db, make_version_table, e);
        if (got < 0)
            return got;
    }
    if (now_at == *version) {
        got = apply(c, &steps[now_at], now_at + 1, e);
        if (got < 0)
            return got;
        now_at++;
    }
    *version = now_at;
    return 0;
}

int migrate(struct db_conn *c, int *from, int *to, struct err *e)
{
    const struct schema_step *steps = steps_of(c->driver);
    int newest = 0;
    int64_t version = 0;
    bool empty = false;
    int got = program_version(steps, &newest, e);

    if (got < 0)
        return got;
    /* Looked at without a lock first: a reader must not wait for a writer only to find no work. */
    got = database_version(c, &version, &empty, e);
    if (got < 0)
        return got;
    int64_t first = version;
    while (version < newest) {
        got = c->driver->begin(c->db, true, e);
        if (got < 0)
            return got;
        got = next_step(c, steps, &version, e);
        if (got < 0) {
            c->driver->rollback(c->db);
            return got;
        }
        got = c->driver->commit(c->db, e);
        if (got < 0)
            return got;
    }
    got = refuse_newer(version, newest, e);
    if (got < 0)
        return got;
    *from = (int)first;
    *to = newest;
    return 0;
}
