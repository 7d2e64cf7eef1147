/*
 * The floor of storing in SQLite: prepared inserts of the very rows that dmarcmill has written,
 * into the very tables, in one transaction, with its settings (WAL, synchronous=FULL). The rows are
 * in memory before the clock starts.
 *
 *   floor_insert FROM-FILE TO-FILE     prints the seconds that inserting took; the tables must be
 * empty
 */
#include "clock.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parents before children. */
static const char *const tables[] = {
    "report", "record", "auth_set", "auth_result", "payload", "payload_chunk", "message"};

enum {
    TABLES = sizeof tables / sizeof *tables
};

struct rows {
    sqlite3_value **cells;
    size_t n, room;
    int columns;
};

static void die(sqlite3 *db, const char *what)
{
    (void)fprintf(stderr, "floor_insert: %s: %s\n", what, sqlite3_errmsg(db));
    exit(1);
}

static void run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(db, sql);
}

static sqlite3 *open_file(const char *path)
{
    sqlite3 *db;

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        die(db, path);
    run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    return db;
}

static void read_table(sqlite3 *db, const char *table, struct rows *out)
{
    char sql[100];
    sqlite3_stmt *s;

    (void)snprintf(sql, sizeof sql, "SELECT * FROM %s", table);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        die(db, sql);
    out->columns = sqlite3_column_count(s);
    while (sqlite3_step(s) == SQLITE_ROW) {
        if (out->n + (size_t)out->columns > out->room) {
            out->room = (out->n + (size_t)out->columns) * 2;
            out->cells = realloc(out->cells, out->room * sizeof(sqlite3_value *));
            if (!out->cells)
                exit(1);
        }
        for (int i = 0; i < out->columns; i++)
            out->cells[out->n++] = sqlite3_value_dup(sqlite3_column_value(s, i));
    }
    (void)sqlite3_finalize(s);
}

static void write_table(sqlite3 *db, const char *table, const struct rows *rows)
{
    char sql[400];
    sqlite3_stmt *s;
    int used = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (?", table);

    for (int i = 1; i < rows->columns; i++)
        used += snprintf(sql + used, sizeof sql - (size_t)used, ", ?");
    (void)snprintf(sql + used, sizeof sql - (size_t)used, ")");
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        die(db, sql);
    for (size_t at = 0; at < rows->n; at += (size_t)rows->columns) {
        for (int i = 0; i < rows->columns; i++)
            (void)sqlite3_bind_value(s, i + 1, rows->cells[at + (size_t)i]);
        if (sqlite3_step(s) != SQLITE_DONE)
            die(db, table);
        (void)sqlite3_reset(s);
    }
    (void)sqlite3_finalize(s);
}

int main(int argc, char **argv)
{
    static struct rows rows[TABLES];

    if (argc != 3) {
        (void)fprintf(stderr, "usage: floor_insert FROM-FILE TO-FILE\n");
        return 64;
    }
    sqlite3 *from = open_file(argv[1]);
    sqlite3 *to = open_file(argv[2]);
    for (size_t i = 0; i < TABLES; i++)
        read_table(from, tables[i], &rows[i]);
    double start = clock_now();
    run(to, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < TABLES; i++)
        write_table(to, tables[i], &rows[i]);
    run(to, "COMMIT");
    printf("%.6f\n", clock_now() - start);
    (void)sqlite3_close(from);
    (void)sqlite3_close(to);
    return 0; /* the rows go with the process */
}
