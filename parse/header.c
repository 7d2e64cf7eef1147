#include "parse/header.h"

#include "base/buf.h"
#include "base/text.h"
#include "parse/charset.h"
#include "parse/limits.h"

#include <string.h>
#include <strings.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* The length of the line end at s. LinkedIn writes CR CR LF, which is one; CR CR is two. */
static size_t line_end(const char *s, size_t left)
{
    size_t n = 0;

    while (n < left && s[n] == '\r')
        n++;
    return n < left && s[n] == '\n' ? n + 1 : 1;
}

/* The line at `at`, without its end; moves on to the next line. */
static const char *next_line(const char *bytes, size_t len, size_t *at, size_t *n)
{
    const char *line = bytes + *at;
    size_t end = *at;

    while (end < len && bytes[end] != '\n' && bytes[end] != '\r')
        end++;
    *n = end - *at;
    if (end < len)
        end += line_end(bytes + end, len - end);
    *at = end;
    return line;
}

/* The length of the field name at the start of a line, 0 if the line does not begin a field (RFC
 * 5322 2.2, 4.5). */
static size_t name_length(const char *line, size_t n)
{
    size_t name = 0;

    while (name < n && line[name] > ' ' && line[name] < 0x7F && line[name] != ':')
        name++;
    size_t colon = name;
    while (colon < n && is_space(line[colon]))
        colon++;
    return colon < n && line[colon] == ':' ? name : 0;
}

char *header_text(struct arena *a, const char *bytes, size_t len, bool *recoded)
{
    struct buf text;

    buf_init(&text, (size_t)3 * HEADER_VALUE_MAX);
    if (charset_repair(&text, bytes, len < HEADER_VALUE_MAX ? len : HEADER_VALUE_MAX) > 0)
        *recoded = true;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\0')
            text.data[i] = ' ';
    }
    const char *start = text_trim(text.data ? text.data : "", &len);
    char *copy = arena_strndup(a, start, len);
    buf_done(&text);
    return copy;
}

static char *text_of(struct arena *a, const struct buf *b, bool *recoded)
{
    return header_text(a, b->len ? b->data : "", b->len, recoded);
}

/* Adds as much as fits under the ceiling. */
static void add_some(struct buf *value, const char *bytes, size_t n, bool *cut)
{
    size_t room = value->max - value->len;

    if (n > room)
        *cut = true;
    (void)buf_add(value, bytes, n < room ? n : room);
}

static void end_field(
    struct arena *a, struct header_block *out, const char *name, struct buf *value)
{
    if (!name)
        return;
    out->fields = arena_grow(a, out->fields, &out->n, sizeof *out->fields);
    out->fields[out->n - 1] = (struct header_field){name, text_of(a, value, &out->recoded)};
    buf_clear(value);
}

void header_read(
    struct arena *a, const char *bytes, size_t len, enum header_end end, struct header_block *out)
{
    struct buf value;
    const char *name = NULL; /* of the field that is being collected */
    size_t at = 0;

    *out = (struct header_block){.body = len};
    buf_init(&value, HEADER_VALUE_MAX);
    while (at < len) {
        size_t n;
        const char *line = next_line(bytes, len, &at, &n);
        if (n == 0 && end == HEADER_ENDS_AT_EMPTY_LINE && (name || out->n)) {
            out->body = at;
            break;
        }
        if (name && n &&
            is_space(*line)) { /* folded: the line break goes, the white space stays as one space */
            size_t blank = 0;
            while (blank < n && is_space(line[blank]))
                blank++;
            add_some(&value, " ", 1, &out->cut);
            add_some(&value, line + blank, n - blank, &out->cut);
            continue;
        }
        end_field(a, out, name, &value);
        size_t len_name = name_length(line, n);
        name = NULL;
        if (len_name && out->n < HEADER_FIELDS_MAX && len_name <= LIMIT_FIELD) {
            const char *colon = memchr(line, ':', n);
            name = arena_strndup(a, line, len_name);
            add_some(&value, colon + 1, n - (size_t)(colon + 1 - line), &out->cut);
        } else if (len_name) {
            out->cut = true;
        } else if (n) {
            out->junk_lines = true;
        }
    }
    end_field(a, out, name, &value);
    buf_done(&value);
}

const char *header_find(const struct header_field *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (text_equal_nocase(fields[i].name, name))
            return fields[i].value;
    }
    return NULL;
}

/* ---- encoded words ---- */

/* One "=?charset?B?text?=" */
struct encoded_word {
    char charset[40];
    bool base64;
    const char *text;
    size_t len;
    const char *end; /* behind the "?=" */
};

static bool encoded_word_at(const char *s, struct encoded_word *w)
{
    if (s[0] != '=' || s[1] != '?')
        return false;
    const char *charset = s + 2;
    size_t n =
        strcspn(charset, "?* \t"); /* RFC 2231 section 5 allows "*language" behind the charset */
    const char *encoding = charset + strcspn(charset, "? \t");
    if (n == 0 || n >= sizeof w->charset || encoding[0] != '?' || !encoding[1] ||
        encoding[2] != '?')
        return false;
    if (!strchr("bBqQ", encoding[1]))
        return false;
    const char *end = encoding + 3 + strcspn(encoding + 3, "?");
    if (end[0] != '?' || end[1] != '=')
        return false;
    memcpy(w->charset, charset, n);
    w->charset[n] = '\0';
    w->base64 = encoding[1] == 'b' || encoding[1] == 'B';
    w->text = encoding + 3;
    w->len = (size_t)(end - w->text);
    w->end = end + 2;
    return true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static void decode_q(struct buf *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = s[i] == '_' ? ' ' : s[i];
        if (c == '=' && i + 2 < len && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
            c = (char)(hex_digit(s[i + 1]) << 4 | hex_digit(s[i + 2]));
            i += 2;
        }
        (void)buf_add(out, &c, 1);
    }
}

static void decode_b(struct buf *out, const char *s, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    unsigned n = 0;

    for (size_t i = 0; i < len && s[i] != '='; i++) {
        const char *p = s[i] ? strchr(digits, s[i]) : NULL;
        if (!p)
            continue;
        bits = (bits << 6 | (unsigned)(p - digits)) & 0xFFFFFF;
        n += 6;
        if (n >= 8) {
            n -= 8;
            char byte = (char)(bits >> n & 0xFF);
            (void)buf_add(out, &byte, 1);
        }
    }
}

/* Words of one charset are put together before they are converted: some split a character between
 * two words. */
struct word_decoder {
    struct buf out;
    struct buf pending;
    char charset[40];
};

static void flush(struct word_decoder *d)
{
    if (d->pending.len)
        charset_decode(&d->out, d->charset, d->pending.data, d->pending.len);
    buf_clear(&d->pending);
}

static void add_word(struct word_decoder *d, const struct encoded_word *w)
{
    if (strcasecmp(d->charset, w->charset) != 0)
        flush(d);
    memcpy(d->charset, w->charset, sizeof d->charset);
    if (w->base64) {
        decode_b(&d->pending, w->text, w->len);
    } else {
        decode_q(&d->pending, w->text, w->len);
    }
}

const char *header_decode(struct arena *a, const char *value)
{
    struct word_decoder d = {.charset = ""};
    struct encoded_word w;
    bool after_word = false;

    if (!strstr(value, "=?"))
        return value;
    buf_init(&d.out, (size_t)3 * HEADER_VALUE_MAX);
    buf_init(&d.pending, HEADER_VALUE_MAX);
    for (const char *s = value; *s;) {
        size_t blank = strspn(s, " \t");
        if (encoded_word_at(
                s + (after_word ? blank : 0), &w)) { /* space between two words is not shown */
            add_word(&d, &w);
            s = w.end;
            after_word = true;
            continue;
        }
        flush(&d);
        after_word = false;
        (void)buf_add(&d.out, s, 1);
        s++;
    }
    flush(&d);
    bool ignored = false;
    const char *text = text_of(a, &d.out, &ignored);
    buf_done(&d.out);
    buf_done(&d.pending);
    return text;
}

/* ---- addresses ---- */

struct mailbox_reader {
    struct arena *a;
    struct buf phrase;  /* the display name, or the bare address */
    struct buf angle;   /* between < and > */
    struct buf comment; /* the last comment: the old place of the name */
    bool has_angle;
    struct mailbox *boxes;
    size_t n;
};

static const char *trimmed(struct arena *a, const struct buf *b)
{
    bool ignored = false;

    return text_of(a, b, &ignored);
}

static void end_mailbox(struct mailbox_reader *r)
{
    const char *phrase = trimmed(r->a, &r->phrase);
    const char *comment = trimmed(r->a, &r->comment);
    const char *address = r->has_angle ? trimmed(r->a, &r->angle) : phrase;
    const char *name = r->has_angle && *phrase ? phrase : comment;

    if ((*address || r->has_angle) && r->n < HEADER_MAILBOXES_MAX) {
        const char *route_end = *address == '@' ? strchr(address, ':') : NULL; /* RFC 5322 4.4 */
        r->boxes = arena_grow(r->a, r->boxes, &r->n, sizeof *r->boxes);
        r->boxes[r->n - 1] = (struct mailbox){
            *name ? header_decode(r->a, name) : NULL, route_end ? route_end + 1 : address};
    }
    buf_clear(&r->phrase);
    buf_clear(&r->angle);
    buf_clear(&r->comment);
    r->has_angle = false;
}

/* s is behind the opening parenthesis; returns the closing one, or the end. */
static const char *read_comment(struct mailbox_reader *r, const char *s)
{
    unsigned depth = 1;

    buf_clear(&r->comment);
    for (; *s; s++) {
        if (*s == '\\' && s[1]) {
            s++;
        } else if (*s == '(') {
            depth++;
        } else if (*s == ')' && --depth == 0) {
            return s;
        }
        (void)buf_add(&r->comment, s, 1);
    }
    return s - 1;
}

static const char *read_quoted(struct mailbox_reader *r, const char *s)
{
    for (; *s && *s != '"'; s++) {
        if (*s == '\\' && s[1])
            s++;
        (void)buf_add(&r->phrase, s, 1);
    }
    return *s ? s : s - 1;
}

static const char *read_angle(struct mailbox_reader *r, const char *s)
{
    size_t n = strcspn(s, ">");

    buf_clear(&r->angle);
    (void)buf_add(&r->angle, s, n);
    r->has_angle = true;
    return s[n] ? s + n : s + n - 1;
}

size_t header_mailboxes(struct arena *a, const char *value, struct mailbox **out)
{
    struct mailbox_reader r = {.a = a};

    buf_init(&r.phrase, HEADER_VALUE_MAX);
    buf_init(&r.angle, HEADER_VALUE_MAX);
    buf_init(&r.comment, HEADER_VALUE_MAX);
    for (const char *s = value; *s; s++) {
        if (*s == '"') {
            s = read_quoted(&r, s + 1);
        } else if (*s == '(') {
            s = read_comment(&r, s + 1);
        } else if (*s == '<') {
            s = read_angle(&r, s + 1);
        } else if (*s == ',' || *s == ';') {
            end_mailbox(&r);
        } else if (*s == ':' && !strchr(r.phrase.len ? r.phrase.data : "", '@')) {
            buf_clear(&r.phrase); /* the name of a group */
        } else {
            (void)buf_add(&r.phrase, s, 1);
        }
    }
    end_mailbox(&r);
    buf_done(&r.phrase);
    buf_done(&r.angle);
    buf_done(&r.comment);
    *out = r.boxes;
    return r.n;
}

const char *mailbox_domain(const char *address)
{
    const char *at = strrchr(address, '@');

    return at && at[1] ? at + 1 : NULL;
}
