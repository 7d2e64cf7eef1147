#include "ingest/mbox.h"

#include "base/arena.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 64 * 1024
};

/* A line, or a piece of one that is longer than the window. */
struct piece {
    const unsigned char *bytes;
    size_t len; /* 0: the end of the file */
    bool is_start;
};

void mbox_open(struct mbox *m, struct blob bytes)
{
    memset(m, 0, sizeof *m);
    m->bytes = bytes;
    m->window = mem_alloc(WINDOW);
}

void mbox_close(struct mbox *m)
{
    free(m->window);
    memset(m, 0, sizeof *m);
}

static size_t unread(const struct mbox *m)
{
    return m->to - m->from;
}

/* The next piece, not taken yet. */
static int look(struct mbox *m, struct piece *p, struct err *e)
{
    const unsigned char *end = memchr(m->window + m->from, '\n', unread(m));

    if (!end && m->from > 0) {
        memmove(m->window, m->window + m->from, unread(m));
        m->to -= m->from;
        m->from = 0;
    }
    while (!end && m->to < WINDOW) {
        size_t got;
        int r = blob_read(&m->bytes, m->at, m->window + m->to, WINDOW - m->to, &got, e);

        if (r < 0)
            return r;
        if (got == 0)
            break;
        end = memchr(m->window + m->to, '\n', got);
        m->at += got;
        m->to += got;
    }
    p->bytes = m->window + m->from;
    p->len = end ? (size_t)(end - p->bytes) + 1 : unread(m);
    p->is_start = !m->in_line;
    return 0;
}

static void take(struct mbox *m, const struct piece *p)
{
    m->in_line = p->len > 0 && p->bytes[p->len - 1] != '\n';
    m->from += p->len;
}

static bool is_blank(const struct piece *p)
{
    return p->is_start && p->len <= 2 && p->bytes[p->len - 1] == '\n' &&
           (p->len == 1 || p->bytes[0] == '\r');
}

/* "From " and a time of day: text that happens to begin with the word "From" has none. */
static bool is_separator(const struct piece *p)
{
    if (!p->is_start || p->len < 5 || memcmp(p->bytes, "From ", 5) != 0)
        return false;
    for (size_t i = 5; i + 4 < p->len; i++) {
        const unsigned char *s = p->bytes + i;

        if (isdigit(s[0]) && isdigit(s[1]) && s[2] == ':' && isdigit(s[3]) && isdigit(s[4]))
            return true;
    }
    return false;
}

/* mboxrd: ">From ", ">>From " and so on had one more ">" put in front. */
static size_t quote_length(const struct piece *p)
{
    size_t n = 0;

    while (p->is_start && n < p->len && p->bytes[n] == '>')
        n++;
    return n > 0 && p->len - n >= 5 && memcmp(p->bytes + n, "From ", 5) == 0 ? 1 : 0;
}

/* The empty line before the next "From " belongs to the mbox, not to the mail. */
static void drop_last_blank(struct buf *mail)
{
    if (mail->len >= 1 && mail->data[mail->len - 1] == '\n')
        mail->len--;
    if (mail->len >= 1 && mail->data[mail->len - 1] == '\r')
        mail->len--;
    if (mail->data)
        mail->data[mail->len] = '\0';
}

int mbox_next(struct mbox *m, struct buf *mail, struct mbox_mail *info, struct err *e)
{
    bool any = false;
    bool heading = true; /* in the "From " line */
    bool blank = false;
    bool overflow = false;
    uint64_t size = 0;

    buf_clear(mail);
    info->offset = m->at - unread(m);
    info->too_large = 0;
    for (;;) {
        struct piece p;
        size_t quote;
        int r = look(m, &p, e);

        if (r < 0)
            return r;
        if (p.len == 0 || (blank && is_separator(&p)))
            break;
        quote = quote_length(&p);
        if (!heading) {
            size += p.len - quote;
            overflow = overflow || buf_add(mail, p.bytes + quote, p.len - quote) < 0;
        }
        take(m, &p);
        blank = is_blank(&p);
        heading = heading && m->in_line;
        any = true;
    }
    if (overflow) {
        info->too_large = size;
        buf_clear(mail);
    } else if (blank) {
        drop_last_blank(mail);
    }
    return any;
}
