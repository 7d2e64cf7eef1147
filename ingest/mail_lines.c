#include "ingest/mail_lines.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum {
    PIECE = 64 * 1024,
    LINE_HEAD = 512 /* bytes that tell what a line is; a longer one may say anything */
};

struct counter {
    bool in_header;  /* inside a block of fields, or of what may be one */
    bool of_message; /* the block is that of an attached mail, whose own header follows it */
    unsigned fields;
    unsigned boundaries;
    unsigned folds;       /* of the current field */
    unsigned most_folds;  /* of any */
    char line[LINE_HEAD]; /* the beginning of the current one */
    size_t len;
    bool colon; /* in it: no base64, and few texts, have one */
};

static bool names_message(const struct counter *c)
{
    static const char type[] = "message/";

    for (size_t i = 0; i + sizeof type - 1 <= c->len; i++) {
        if (strncasecmp(c->line + i, type, sizeof type - 1) == 0)
            return true;
    }
    return false;
}

static void end_line(struct counter *c)
{
    size_t len = c->len && c->line[c->len - 1] == '\r' ? c->len - 1 : c->len;

    if (len >= 2 && memcmp(c->line, "--", 2) == 0) {
        c->boundaries++;
        c->in_header = true;
        c->of_message = false;
    } else if (len == 0) {
        c->in_header = c->in_header && c->of_message;
        c->of_message = false;
    } else if (c->in_header) {
        bool fold = c->line[0] == ' ' || c->line[0] == '\t';
        c->fields += c->colon && !fold;
        c->folds = fold ? c->folds + 1 : 0;
        c->most_folds = c->folds > c->most_folds ? c->folds : c->most_folds;
        c->of_message = c->of_message || c->len == LINE_HEAD || names_message(c);
    }
    c->len = 0;
    c->colon = false;
}

static void count(struct counter *c, const char *s, size_t len)
{
    while (len > 0) {
        const char *end = memchr(s, '\n', len);
        size_t n = end ? (size_t)(end - s) : len;
        size_t keep = n < LINE_HEAD - c->len ? n : LINE_HEAD - c->len;

        memcpy(c->line + c->len, s, keep);
        c->len += keep;
        c->colon = c->colon || (c->in_header && memchr(s, ':', n));
        if (!end)
            return;
        end_line(c);
        s += n + 1;
        len -= n + 1;
    }
}

int mail_lines_check(const struct blob *b, struct err *e)
{
    struct counter c = {.in_header = true};
    char piece[PIECE];
    size_t got = 1;

    for (uint64_t at = 0; got > 0; at += got) {
        int r = blob_read(b, at, piece, sizeof piece, &got, e);
        if (r < 0)
            return r;
        count(&c, piece, got);
        if (c.fields > MAIL_FIELDS_MAX || c.boundaries > MAIL_BOUNDARIES_MAX) {
            return err_set(e, ERR_INPUT, "limit-entries",
                "the mail has more header fields or parts than any real one");
        }
        if (c.most_folds > MAIL_FOLDS_MAX) {
            return err_set(e, ERR_INPUT, "limit-token",
                "a header field of the mail has more lines than any real one");
        }
    }
    return 0;
}
