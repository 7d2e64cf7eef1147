/*
 * The floor of storing in PostgreSQL: binary COPY of the very rows that dmarcmill has written, into
 * the very tables with the very indexes, in one transaction. The rows are in memory before the
 * clock starts.
 *
 *   floor_copy FROM-URL TO-URL     prints the seconds that loading took; the tables must be empty
 */
#include "clock.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parents before children. */
static const char *const tables[] = {
    "report", "record", "auth_set", "auth_result", "payload", "payload_chunk", "message"};

enum {
    TABLES = sizeof tables / sizeof *tables,
    PIECE = 128 * 1024
};

struct rows {
    char *bytes;
    size_t len, room;
};

static void die(PGconn *c, const char *what)
{
    (void)fprintf(stderr, "floor_copy: %s: %s", what, PQerrorMessage(c));
    exit(1);
}

static PGconn *connect_to(const char *url)
{
    PGconn *c = PQconnectdb(url);

    if (PQstatus(c) != CONNECTION_OK)
        die(c, "connect");
    return c;
}

static void run(PGconn *c, const char *sql, ExecStatusType want)
{
    PGresult *r = PQexec(c, sql);

    if (PQresultStatus(r) != want)
        die(c, sql);
    PQclear(r);
}

static void add(struct rows *to, const char *bytes, size_t len)
{
    if (to->len + len > to->room) {
        to->room = (to->len + len) * 2;
        to->bytes = realloc(to->bytes, to->room);
        if (!to->bytes)
            exit(1);
    }
    memcpy(to->bytes + to->len, bytes, len);
    to->len += len;
}

static void read_table(PGconn *c, const char *table, struct rows *out)
{
    char sql[100];
    char *piece;
    int n;

    (void)snprintf(sql, sizeof sql, "COPY %s TO STDOUT (FORMAT binary)", table);
    run(c, sql, PGRES_COPY_OUT);
    while ((n = PQgetCopyData(c, &piece, 0)) > 0) {
        add(out, piece, (size_t)n);
        PQfreemem(piece);
    }
    if (n != -1)
        die(c, table);
    PQclear(PQgetResult(c));
    while (PQgetResult(c))
        ;
}

static void write_table(PGconn *c, const char *table, const struct rows *rows)
{
    char sql[100];

    (void)snprintf(sql, sizeof sql, "COPY %s FROM STDIN (FORMAT binary)", table);
    run(c, sql, PGRES_COPY_IN);
    for (size_t at = 0; at < rows->len; at += PIECE) {
        size_t n = rows->len - at < PIECE ? rows->len - at : PIECE;
        if (PQputCopyData(c, rows->bytes + at, (int)n) != 1)
            die(c, table);
    }
    if (PQputCopyEnd(c, NULL) != 1)
        die(c, table);
    PGresult *r = PQgetResult(c);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        die(c, table);
    PQclear(r);
    while (PQgetResult(c))
        ;
}

int main(int argc, char **argv)
{
    static struct rows rows[TABLES];

    if (argc != 3) {
        (void)fprintf(stderr, "usage: floor_copy FROM-URL TO-URL\n");
        return 64;
    }
    PGconn *from = connect_to(argv[1]);
    PGconn *to = connect_to(argv[2]);
    for (size_t i = 0; i < TABLES; i++)
        read_table(from, tables[i], &rows[i]);
    double start = clock_now();
    run(to, "BEGIN", PGRES_COMMAND_OK);
    for (size_t i = 0; i < TABLES; i++)
        write_table(to, tables[i], &rows[i]);
    run(to, "COMMIT", PGRES_COMMAND_OK);
    printf("%.6f\n", clock_now() - start);
    for (size_t i = 0; i < TABLES; i++)
        free(rows[i].bytes);
    PQfinish(from);
    PQfinish(to);
    return 0;
}
