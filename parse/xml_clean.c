#include "parse/xml_clean.h"

#include "base/text.h"
#include "parse/charset.h"
#include "parse/limits.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum {
    LOOK_AHEAD = 256 /* bytes by which '<' and '&' must show what they are */
};

void xml_clean_init(struct xml_clean *c, xml_clean_sink out, void *context)
{
    *c = (struct xml_clean){.out = out, .context = context};
    buf_init(&c->head, XML_HEAD);
    buf_init(&c->text, (size_t)XML_PIECE * 4); /* one byte of windows-1252 becomes at most three */
    buf_init(&c->held, (size_t)XML_PIECE * 8);
    buf_init(&c->mended, (size_t)XML_PIECE * 8); /* one '&' becomes five bytes */
}

void xml_clean_done(struct xml_clean *c)
{
    buf_done(&c->head);
    buf_done(&c->text);
    buf_done(&c->held);
    buf_done(&c->mended);
}

void xml_clean_start(struct xml_clean *c, bool repair)
{
    struct xml_clean fresh = {.out = c->out,
        .context = c->context,
        .repair = repair,
        .head = c->head,
        .text = c->text,
        .held = c->held,
        .mended = c->mended};

    buf_clear(&fresh.head);
    buf_clear(&fresh.held);
    *c = fresh;
}

static void keep_tail(struct xml_clean *c, const char *s, size_t len)
{
    if (len >= XML_TAIL) {
        memcpy(c->tail, s + len - XML_TAIL, XML_TAIL);
        c->tail_len = XML_TAIL;
        return;
    }
    size_t keep = c->tail_len < XML_TAIL - len ? c->tail_len : XML_TAIL - len;
    memmove(c->tail, c->tail + c->tail_len - keep, keep);
    memcpy(c->tail + keep, s, len);
    c->tail_len = keep + len;
}

bool xml_clean_saw_close(const struct xml_clean *c, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i + n < c->tail_len; i++) {
        if (strncasecmp(c->tail + i, name, n) != 0)
            continue;
        size_t before = i;
        while (before > 0 && c->tail[before - 1] != '<' && c->tail[before - 1] != '/' &&
               i - before < 64)
            before--; /* a prefix */
        size_t after = i + n;
        while (after < c->tail_len && strchr(" \t\r\n", c->tail[after]))
            after++;
        bool closing = before >= 2 && c->tail[before - 1] == '/' && c->tail[before - 2] == '<';
        if (closing && after < c->tail_len && c->tail[after] == '>')
            return true;
    }
    return false;
}

/* Does the tag that s is in end there? A '>' in quotes does not end it. */
static bool tag_ends(struct xml_clean *c, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (c->quote) {
            c->quote = s[i] == c->quote ? '\0' : c->quote;
        } else if (s[i] == '"' || s[i] == '\'') {
            c->quote = s[i];
        } else if (s[i] == '>') {
            return true;
        }
    }
    return false;
}

/* Attributes and names are quadratic in libxml2: a tag that does not end is stopped before it gets
 * there. */
static int watch_tags(struct xml_clean *c, const char *s, size_t len, struct err *e)
{
    const char *open = memrchr(s, '<', len);

    if (open) {
        len -= (size_t)(open - s);
        s = open;
        c->open_tag = 0;
        c->quote = '\0';
    } else if (c->open_tag == 0) {
        return 0;
    }
    c->open_tag = tag_ends(c, s, len) ? 0 : c->open_tag + len;
    if (c->open_tag > LIMIT_XML_TOKEN) {
        return err_set(
            e, ERR_INPUT, "limit-token", "a tag is longer than %d bytes", LIMIT_XML_TOKEN);
    }
    return 0;
}

/* Hands on what needs nothing more. */
static int hand_on(struct xml_clean *c, const char *s, size_t len, struct err *e)
{
    if (len == 0)
        return 0;
    int r = watch_tags(c, s, len, e);
    if (r < 0)
        return r;
    keep_tail(c, s, len);
    return c->out(c->context, s, len, e);
}

/* ---- repair ---- */

enum look {
    LOOK_TEXT,
    LOOK_MARKUP,
    LOOK_MORE /* needed */
};

static bool is_space(char ch)
{
    return ch == ' ' || (ch >= '\t' && ch <= '\r');
}

static bool is_name_start(char ch)
{
    return isalpha((unsigned char)ch) || ch == '_' || (unsigned char)ch >= 0x80;
}

static bool is_name_char(char ch)
{
    return is_name_start(ch) || isdigit((unsigned char)ch) || ch == '-' || ch == '.' || ch == ':';
}

static size_t skip_spaces(const char *s, size_t at, size_t len)
{
    while (at < len && is_space(s[at]))
        at++;
    return at;
}

static size_t skip_name(const char *s, size_t at, size_t len)
{
    while (at < len && is_name_char(s[at]))
        at++;
    return at;
}

/* s begins with '<'. A tag has a name, and then its end or an attribute with '='. */
static enum look look_at_tag(const char *s, size_t len)
{
    if (len < 2)
        return LOOK_MORE;
    if (s[1] == '!' || s[1] == '?')
        return len < 9 ? LOOK_MORE : LOOK_MARKUP;
    bool closing = s[1] == '/';
    size_t at = closing ? 2 : 1;
    if (at < len && !is_name_start(s[at]))
        return LOOK_TEXT;
    size_t end = skip_name(s, at, len);
    at = skip_spaces(s, end, len);
    if (at == len)
        return LOOK_MORE;
    if (s[at] == '>' || (s[at] == '/' && !closing))
        return LOOK_MARKUP;
    if (closing || at == end)
        return LOOK_TEXT;
    end = skip_name(s, at, len);
    if (end == at)
        return LOOK_TEXT;
    at = skip_spaces(s, end, len);
    if (at == len)
        return LOOK_MORE;
    return s[at] == '=' ? LOOK_MARKUP : LOOK_TEXT;
}

/* s begins with '&'. */
static enum look look_at_reference(const char *s, size_t len)
{
    static const char *const known[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&apos;"};
    const char *end = memchr(s, ';', len < 12 ? len : 12);

    if (!end)
        return len < 12 ? LOOK_MORE : LOOK_TEXT;
    if (s[1] == '#')
        return LOOK_MARKUP;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strncmp(s, known[i], strlen(known[i])) == 0)
            return LOOK_MARKUP;
    }
    return LOOK_TEXT;
}

/* libxml2 would lose what follows such an '&', and would wait for its ';' to the end of time. */
static bool has_stray_reference(const char *s, size_t len)
{
    const char *end = s + len;

    while (s < end && (s = memchr(s, '&', (size_t)(end - s))) != NULL) {
        if (look_at_reference(s, (size_t)(end - s)) != LOOK_MARKUP)
            return true;
        s++;
    }
    return false;
}

/* Mends held text from `at` on, up to the next place that is undecided; returns that place. */
static size_t mend_one(struct xml_clean *c, size_t at, bool last)
{
    const char *s = c->held.data + at;
    size_t len = c->held.len - at;

    if (c->in_cdata) {
        const char *close = memmem(s, len, "]]>", 3);
        size_t take = close ? (size_t)(close - s) + 3 : last ? len : len - (len < 2 ? len : 2);
        c->in_cdata = !close;
        (void)buf_add(&c->mended, s, take);
        return at + take;
    }
    if (*s != '<' && *s != '&') {
        size_t run = 1;
        while (run < len && s[run] != '<' && s[run] != '&')
            run++;
        (void)buf_add(&c->mended, s, run);
        return at + run;
    }
    enum look look = *s == '<' ? look_at_tag(s, len) : look_at_reference(s, len);
    if (look == LOOK_MORE && !last && len < LOOK_AHEAD)
        return at;
    if (look == LOOK_TEXT) {
        c->escaped = true;
        (void)buf_adds(&c->mended, *s == '<' ? "&lt;" : "&amp;");
        return at + 1;
    }
    c->in_cdata = len >= 9 && memcmp(s, "<![CDATA[", 9) == 0;
    (void)buf_add(&c->mended, s, 1);
    return at + 1;
}

static int hand_on_mended(struct xml_clean *c, const char *s, size_t len, bool last, struct err *e)
{
    size_t at = 0;

    (void)buf_add(&c->held, s, len);
    buf_clear(&c->mended);
    while (at < c->held.len) {
        size_t next = mend_one(c, at, last);
        if (next == at)
            break;
        at = next;
    }
    c->held.len -= at;
    memmove(c->held.data, c->held.data + at, c->held.len);
    return hand_on(c, c->mended.data, c->mended.len, e);
}

/* ---- to UTF-8 ---- */

/* Hands on UTF-8. */
static int emit(struct xml_clean *c, char *s, size_t len, bool last, struct err *e)
{
    const char *last_tag = len ? memrchr(s, '>', len) : NULL;

    for (char *nul = s; len && (nul = memchr(nul, '\0', len - (size_t)(nul - s))) != NULL;) {
        *nul = ' ';
        c->nul_inside = c->nul_inside || (last_tag && nul < last_tag);
        c->nul_behind = c->nul_behind || !last_tag || nul > last_tag;
    }
    c->repair = c->repair || (len && has_stray_reference(s, len));
    if (c->repair && len + c->held.len)
        return hand_on_mended(c, s, len, last, e);
    return hand_on(c, s, len, e);
}

/* How many bytes at the end begin a character that is not complete. */
static size_t incomplete(const char *s, size_t len)
{
    for (size_t n = 1; n <= 3 && n <= len; n++) {
        unsigned char byte = (unsigned char)s[len - n];
        if ((byte & 0xC0) == 0x80)
            continue;
        size_t want = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        return want > n ? n : 0;
    }
    return 0;
}

static int convert_utf8(struct xml_clean *c, const char *s, size_t len, bool last, struct err *e)
{
    /* Nearly always there is nothing to do, and then nothing is copied. */
    if (c->carried == 0 && !c->repair && text_is_utf8(s, len) && !memchr(s, '\0', len) &&
        !has_stray_reference(s, len))
        return hand_on(c, s, len, e);
    buf_clear(&c->text);
    (void)buf_add(&c->text, c->carry, c->carried);
    (void)buf_add(&c->text, s, len);
    c->carried = last ? 0 : incomplete(c->text.data, c->text.len);
    c->text.len -= c->carried;
    if (c->carried)
        memcpy(c->carry, c->text.data + c->text.len, c->carried);
    if (text_is_utf8(c->text.data, c->text.len))
        return emit(c, c->text.data, c->text.len, last, e);
    struct buf repaired;
    buf_init(&repaired, c->text.max);
    c->recoded = charset_repair(&repaired, c->text.data, c->text.len) > 0 || c->recoded;
    int r = emit(c, repaired.data, repaired.len, last, e);
    buf_done(&repaired);
    return r;
}

static void add_code(struct buf *b, unsigned code)
{
    unsigned char out[4];
    size_t n;

    if (code < 0x80) {
        out[0] = (unsigned char)code;
        n = 1;
    } else if (code < 0x800) {
        out[0] = (unsigned char)(0xC0 | code >> 6);
        n = 2;
    } else if (code < 0x10000) {
        out[0] = (unsigned char)(0xE0 | code >> 12);
        n = 3;
    } else {
        out[0] = (unsigned char)(0xF0 | code >> 18);
        n = 4;
    }
    for (size_t i = 1; i < n; i++)
        out[i] = (unsigned char)(0x80 | ((code >> (6 * (n - 1 - i))) & 0x3F));
    (void)buf_add(b, out, n);
}

static unsigned unit_at(const struct xml_clean *c, const char *s)
{
    unsigned first = (unsigned char)s[0];
    unsigned second = (unsigned char)s[1];

    return c->encoding == XML_UTF16LE ? second << 8 | first : first << 8 | second;
}

static int convert_utf16(struct xml_clean *c, const char *s, size_t len, bool last, struct err *e)
{
    char raw[XML_PIECE + sizeof c->carry];
    size_t n = c->carried;

    memcpy(raw, c->carry, n);
    memcpy(raw + n, s, len);
    n += len;
    buf_clear(&c->text);
    size_t at = 0;
    while (n - at >= 2) {
        unsigned code = unit_at(c, raw + at);
        size_t used = 2;
        if (code >= 0xD800 && code < 0xDC00) {
            if (n - at < 4)
                break;
            unsigned low = unit_at(c, raw + at + 2);
            bool pair = low >= 0xDC00 && low < 0xE000;
            code = pair ? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) : 0xFFFD;
            used = pair ? 4 : 2;
            c->recoded = c->recoded || !pair;
        } else if (code >= 0xDC00 && code < 0xE000) {
            code = 0xFFFD;
            c->recoded = true;
        }
        add_code(&c->text, code);
        at += used;
    }
    c->carried = last ? 0 : n - at;
    memcpy(c->carry, raw + at, c->carried);
    return emit(c, c->text.data, c->text.len, last, e);
}

static int convert(struct xml_clean *c, const char *s, size_t len, bool last, struct err *e)
{
    switch (c->encoding) {
    case XML_UTF16LE:
    case XML_UTF16BE:
        return convert_utf16(c, s, len, last, e);
    case XML_SINGLE_BYTE:
        buf_clear(&c->text);
        charset_decode(&c->text, c->charset, s, len);
        return emit(c, c->text.data, c->text.len, last, e);
    case XML_UTF8:
    case XML_UNDECIDED:
        break;
    }
    return convert_utf8(c, s, len, last, e);
}

/* The value of encoding= in the declaration; false if there is none. */
static bool declared_charset(const char *s, size_t len, char out[32])
{
    const char *end = memmem(s, len, "?>", 2);
    const char *at = memmem(s, end ? (size_t)(end - s) : len, "encoding", 8);

    if (!end || !at)
        return false;
    at += 8;
    while (at < end && strchr(" \t\r\n=", *at))
        at++;
    if (at >= end || (*at != '"' && *at != '\''))
        return false;
    const char *close = memchr(at + 1, *at, (size_t)(end - at - 1));
    if (!close || close - at - 1 >= 32)
        return false;
    memcpy(out, at + 1, (size_t)(close - at - 1));
    out[close - at - 1] = '\0';
    return true;
}

static void choose_by_declaration(struct xml_clean *c, const char *s, size_t len)
{
    static const char *const single[] = {"iso-8859-1", "latin1", "windows-1252", "cp1252",
        "iso-8859-2", "iso-8859-5", "iso-8859-7", "iso-8859-9", "iso-8859-15", "windows-1250",
        "windows-1251", "windows-1253", "windows-1254", "koi8-r", "koi8-u"};

    c->encoding = XML_UTF8;
    if (!declared_charset(s, len, c->charset))
        return;
    for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
        if (strcasecmp(c->charset, single[i]) == 0) {
            c->encoding = XML_SINGLE_BYTE;
            return;
        }
    }
    c->declared_wrong =
        strcasecmp(c->charset, "utf-8") != 0 && strcasecmp(c->charset, "utf8") != 0 &&
        strcasecmp(c->charset, "us-ascii") != 0 && strcasecmp(c->charset, "ascii") != 0;
}

/* UTF-16 by its mark, or by the way '<' looks in it. *skip is the length of the mark. */
static bool choose_wide(struct xml_clean *c, const char *s, size_t len, size_t *skip)
{
    bool little = len >= 2 && (memcmp(s, "\xFF\xFE", 2) == 0 || memcmp(s, "<\0", 2) == 0);
    bool big = len >= 2 && (memcmp(s, "\xFE\xFF", 2) == 0 || memcmp(s, "\0<", 2) == 0);

    if (!little && !big)
        return false;
    c->encoding = little ? XML_UTF16LE : XML_UTF16BE;
    *skip = (unsigned char)s[0] >= 0xFE ? 2 : 0;
    return true;
}

static bool is_utf32(const char *s, size_t len)
{
    return len >= 4 && (memcmp(s, "\xFF\xFE\0\0", 4) == 0 || memcmp(s, "\0\0\xFE\xFF", 4) == 0 ||
                           memcmp(s, "<\0\0\0", 4) == 0 || memcmp(s, "\0\0\0<", 4) == 0);
}

/* Where the document begins: at the first '<', or, after junk, where "<?xml" or a root stands. NULL
 * if nowhere. */
static const char *find_start(struct xml_clean *c, const char *s, size_t len)
{
    const char *p = s;

    while (p < s + len && is_space(*p))
        p++;
    c->junk_before = p > s;
    if (p == s + len || *p == '<')
        return p;
    c->junk_before = true;
    size_t left = len - (size_t)(p - s);
    const char *declaration = memmem(p, left, "<?xml", 5);
    const char *root = memmem(p, left, "feedback", 8);
    while (root && root > p && *root != '<')
        root--;
    if (declaration && (!root || declaration < root))
        return declaration;
    return root && *root == '<' ? root : NULL;
}

/* Behind the declaration, if there is one. A broken one ends at its first '>', or where the next
 * tag begins. */
static const char *after_declaration(struct xml_clean *c, const char *s, size_t len)
{
    static const char ends_name[] = " \t\r\n?<>=";
    size_t at = 2;

    if (len < 2 || memcmp(s, "<?", 2) != 0)
        return s;
    while (at < len && is_space(s[at]))
        at++;
    if (len - at < 4 || strncasecmp(s + at, "xml", 3) != 0 || !s[at + 3] ||
        !strchr(ends_name, s[at + 3]))
        return s;
    c->declaration_broken = at > 2;
    for (at += 3; at < len && s[at] != '>' && s[at] != '<'; at++)
        ;
    if (at == len)
        return s;
    c->declaration_broken = c->declaration_broken || s[at] == '<' || s[at - 1] != '?';
    return s[at] == '<' ? s + at : s + at + 1;
}

/* From the first bytes of a document: how to read it (c->encoding), and where its text begins. */
static int choose(struct xml_clean *c, const char *s, size_t len, const char **text, struct err *e)
{
    size_t skip = 0;

    if (is_utf32(s, len))
        return err_set(e, ERR_INPUT, "encoding", "UTF-32 is not read");
    if (choose_wide(c, s, len, &skip)) {
        *text = s + skip;
        return 0;
    }
    if (len >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0)
        skip = 3;
    const char *start = find_start(c, s + skip, len - skip);
    if (!start)
        return err_set(e, ERR_INPUT, "not-a-report", "this is not XML");
    size_t left = len - (size_t)(start - s);
    if (left == 0)
        return err_set(e, ERR_INPUT, "empty", "there is nothing in it");
    choose_by_declaration(c, start, left);
    *text = after_declaration(c, start, left);
    return 0;
}

/* Enough of the document is in c->head: choose how to read it and hand it on. */
static int decide(struct xml_clean *c, bool last, struct err *e)
{
    const char *s = c->head.data ? c->head.data : "";
    const char *text = s;
    int r = choose(c, s, c->head.len, &text, e);

    return r < 0 ? r : convert(c, text, c->head.len - (size_t)(text - s), last, e);
}

/* So many bytes at least are ASCII without NUL and '&': nearly always it is all of them. */
static size_t bland_length(const char *s, size_t len)
{
    enum {
        BLOCK = 64 /* looked at by vector instructions */
    };

    size_t n = 0;

    for (; len - n >= BLOCK; n += BLOCK) {
        unsigned char odd = 0;
        for (size_t i = 0; i < BLOCK; i++) {
            unsigned char byte = (unsigned char)s[n + i];
            odd |= (unsigned char)((byte & 0x80) | (byte == '&') | (byte == 0));
        }
        if (odd)
            break;
    }
    return n;
}

static bool has_long_tag(struct xml_clean *c, const char *s, size_t len)
{
    struct err e;

    for (size_t piece; len; s += piece, len -= piece) {
        piece = len < XML_PIECE ? len : XML_PIECE;
        if (watch_tags(c, s, piece, &e) < 0)
            return true;
    }
    return false;
}

bool xml_clean_is_plain(
    struct xml_clean *c, const char *bytes, size_t len, const char **text, size_t *text_len)
{
    struct err e;
    const char *start = bytes;
    bool known = choose(c, bytes, len < XML_HEAD ? len : XML_HEAD, &start, &e) == 0;
    size_t n = len - (size_t)(start - bytes);
    size_t bland = bland_length(start, n);
    const char *rest = start + bland;

    if (!known || c->encoding != XML_UTF8 || !text_is_utf8(rest, n - bland) ||
        memchr(rest, '\0', n - bland) || has_stray_reference(rest, n - bland) ||
        has_long_tag(c, start, n)) {
        xml_clean_start(c, false);
        return false;
    }
    keep_tail(c, start, n);
    *text = start;
    *text_len = n;
    return true;
}

int xml_clean_push(struct xml_clean *c, const char *bytes, size_t len, struct err *e)
{
    int r = 0;

    if (c->encoding == XML_UNDECIDED) {
        size_t take = XML_HEAD - c->head.len < len ? XML_HEAD - c->head.len : len;
        (void)buf_add(&c->head, bytes, take);
        bytes += take;
        len -= take;
        if (c->head.len < XML_HEAD)
            return 0;
        r = decide(c, false, e);
    }
    while (r == 0 && len) {
        size_t piece = len < XML_PIECE ? len : XML_PIECE;
        r = convert(c, bytes, piece, false, e);
        bytes += piece;
        len -= piece;
    }
    return r;
}

int xml_clean_finish(struct xml_clean *c, struct err *e)
{
    if (c->encoding == XML_UNDECIDED)
        return decide(c, true, e);
    return convert(c, "", 0, true, e);
}
