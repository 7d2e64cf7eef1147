#include "cli/table.h"

#include "base/arena.h"
#include "base/csv.h"
#include "base/json.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELL_SHOWN = 240, /* bytes of a cell in text */
    FIRST_ROOM = 64
};

int table_format_parse(const char *name, enum table_format *out, struct err *e)
{
    static const char *const names[] = {
        [TABLE_TEXT] = "text", [TABLE_CSV] = "csv", [TABLE_JSON] = "json"};

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum table_format)i;
            return 0;
        }
    }
    return err_set(e, ERR_USAGE, "usage", "--format wants text, csv or json here, not '%s'", name);
}

void table_init(
    struct table *t, struct arena *a, const struct table_column *columns, size_t n_columns)
{
    *t = (struct table){.arena = a, .columns = columns, .n_columns = n_columns};
}

void table_row(struct table *t)
{
    if (t->n_rows == t->room) {
        size_t room = t->room ? t->room * 2 : FIRST_ROOM;
        const char **cells = arena_alloc(t->arena, room * t->n_columns * sizeof *cells);
        if (t->n_rows)
            memcpy(cells, t->cells, t->n_rows * t->n_columns * sizeof *cells);
        t->cells = cells;
        t->room = room;
    }
    t->next = t->cells + t->n_rows * t->n_columns;
    t->n_rows++;
}

void table_text(struct table *t, const char *s)
{
    *t->next++ = s ? arena_strdup(t->arena, s) : NULL;
}

void table_int(struct table *t, int64_t n)
{
    *t->next++ = arena_printf(t->arena, "%" PRId64, n);
}

static void write_json(const struct table *t, FILE *out)
{
    struct json j;
    const char *const *cell = t->cells;

    json_init(&j, out, true);
    json_array(&j);
    for (size_t row = 0; row < t->n_rows; row++) {
        json_object(&j);
        for (size_t i = 0; i < t->n_columns; i++, cell++) {
            json_key(&j, t->columns[i].name);
            if (*cell && t->columns[i].number) {
                json_raw(&j, *cell);
            } else {
                json_string(&j, *cell);
            }
        }
        json_end(&j);
    }
    json_end(&j);
}

static void write_csv(const struct table *t, FILE *out)
{
    struct csv c;
    const char *const *cell = t->cells;

    csv_init(&c, out, true);
    for (size_t i = 0; i < t->n_columns; i++)
        csv_text(&c, t->columns[i].name);
    csv_end_row(&c);
    for (size_t row = 0; row < t->n_rows; row++) {
        for (size_t i = 0; i < t->n_columns; i++, cell++)
            csv_text(&c, *cell);
        csv_end_row(&c);
    }
}

/* A cell as it is shown, and how many characters it takes. */
static size_t show(const char *cell, char out[CELL_SHOWN])
{
    size_t width = 0;

    text_safe_into(out, CELL_SHOWN, cell ? cell : "-");
    for (const char *p = out; *p; p++)
        width += ((unsigned char)*p & 0xC0) != 0x80;
    return width;
}

static void put_cell(
    const struct table *t, size_t column, const char *cell, size_t width, FILE *out)
{
    char shown[CELL_SHOWN];
    size_t used = show(cell, shown);
    int pad = used < width ? (int)(width - used) : 0;
    bool last = column + 1 == t->n_columns;

    if (column)
        (void)fputs("  ", out);
    if (t->columns[column].number) {
        (void)fprintf(out, "%*s%s", pad, "", shown);
    } else {
        (void)fprintf(out, "%s%*s", shown, last ? 0 : pad, "");
    }
    if (last)
        (void)fputc('\n', out);
}

static void write_text(const struct table *t, FILE *out)
{
    size_t *widths = mem_alloc(t->n_columns * sizeof *widths);
    char shown[CELL_SHOWN];

    for (size_t i = 0; i < t->n_columns; i++) {
        widths[i] = strlen(t->columns[i].name);
        for (size_t row = 0; row < t->n_rows; row++) {
            size_t width = show(t->cells[row * t->n_columns + i], shown);
            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    for (size_t i = 0; i < t->n_columns; i++)
        put_cell(t, i, t->columns[i].name, widths[i], out);
    for (size_t row = 0; row < t->n_rows; row++) {
        for (size_t i = 0; i < t->n_columns; i++)
            put_cell(t, i, t->cells[row * t->n_columns + i], widths[i], out);
    }
    free(widths);
}

void table_write(const struct table *t, enum table_format format, FILE *out)
{
    switch (format) {
    case TABLE_TEXT:
        write_text(t, out);
        break;
    case TABLE_CSV:
        write_csv(t, out);
        break;
    case TABLE_JSON:
        write_json(t, out);
        break;
    }
}
