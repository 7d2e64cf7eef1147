#include "report/text_lines.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

const char *number_grouped(int64_t n, char out[NUMBER_MAX])
{
    char digits[NUMBER_MAX];
    int len = snprintf(digits, sizeof digits, "%" PRId64, n);
    char *to = out;

    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0 && digits[i - 1] != '-')
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return out;
}

const char *number_share(int64_t part, int64_t whole, char out[NUMBER_MAX])
{
    double tenths = whole > 0 ? (double)part * 1000.0 / (double)whole : 0.0;
    int64_t rounded = (int64_t)(tenths + 0.5);

    if (whole <= 0) {
        (void)snprintf(out, NUMBER_MAX, "-");
        return out;
    }
    if (rounded == 1000 && part < whole)
        rounded = 999;
    if (rounded == 0 && part > 0) {
        (void)snprintf(out, NUMBER_MAX, "<0.1 %%");
        return out;
    }
    (void)snprintf(out, NUMBER_MAX, "%" PRId64 ".%" PRId64 " %%", rounded / 10, rounded % 10);
    return out;
}

int line_columns(const char *s, size_t len)
{
    int n = 0;

    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)s[i] & 0xC0) != 0x80;
    return n;
}

/* As much of a text as goes into so many columns: its bytes. */
static size_t bytes_for(const char *s, size_t len, int columns)
{
    size_t n = 0;

    while (n < len && (columns > 0 || ((unsigned char)s[n] & 0xC0) == 0x80)) {
        columns -= ((unsigned char)s[n] & 0xC0) != 0x80;
        n++;
    }
    return n;
}

/* Where the next word of a text goes. */
struct paragraph {
    FILE *out;
    int indent, column;
};

static void put_word(struct paragraph *p, const char *word, size_t len, bool first)
{
    int width = line_columns(word, len);

    if (!first && p->column + 1 + width > LINE_COLUMNS) {
        (void)fprintf(p->out, "\n%*s", p->indent, "");
        p->column = p->indent;
    } else if (!first) {
        (void)fputc(' ', p->out);
        p->column++;
    }
    /* a domain name may be longer than a line */
    while (p->column + width > LINE_COLUMNS) {
        size_t part = bytes_for(word, len, LINE_COLUMNS - p->column);
        (void)fwrite(word, 1, part, p->out);
        (void)fprintf(p->out, "\n%*s", p->indent, "");
        p->column = p->indent;
        word += part;
        len -= part;
        width = line_columns(word, len);
    }
    (void)fwrite(word, 1, len, p->out);
    p->column += width;
}

void line_wrapped(FILE *out, const char *label, const char *text)
{
    int indent = line_columns(label, strlen(label));
    struct paragraph p = {.out = out, .indent = indent, .column = indent};

    (void)fputs(label, out);
    for (bool first = true; *text; first = false) {
        size_t len = strcspn(text, " ");
        put_word(&p, text, len, first);
        text += len + strspn(text + len, " ");
    }
    (void)fputc('\n', out);
}

const char *number_plural(int64_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}
