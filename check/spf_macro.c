#include "check/spf_macro.h"

#include "base/arena.h"
#include "base/buf.h"

#include <ctype.h>
#include <string.h>

enum {
    NAME_MAX_OCTETS = 253,
    PARTS_MAX = 128 /* more parts than a name can have labels (section 7.3) */
};

static const char delimiters[] = ".-+,/_=";

/* What a macro-string is made of. */
struct piece {
    enum {
        LITERAL,
        PERCENT,
        BLANK,
        URL_BLANK,
        VALUE
    } kind;

    const char *text; /* LITERAL */
    size_t len;
    char letter; /* VALUE: in lower case */
    bool escaped;
    unsigned parts; /* of the right; 0: all */
    bool reversed;
    const char *split; /* the delimiters, n_split of them */
    size_t n_split;
};

static char lower(char c)
{
    return (char)tolower((unsigned char)c);
}

/* Behind "%{": letter, transformers, delimiters, "}". Moves *at behind what it liked. */
static const char *read_value(
    const char *s, size_t len, bool explanation, size_t *at, struct piece *p)
{
    size_t i = *at;

    if (i == len || !isalpha((unsigned char)s[i]) || !strchr("slodiphcrtv", lower(s[i])))
        return "no such macro letter";
    p->letter = lower(s[i]);
    p->escaped = isupper((unsigned char)s[i]) != 0;
    if (!explanation && strchr("crt", p->letter))
        return "the macro letters c, r and t are for explanations only";
    i++;
    p->parts = 0;
    size_t digits = i;
    for (; i < len && isdigit((unsigned char)s[i]); i++)
        p->parts = p->parts < PARTS_MAX ? p->parts * 10 + (unsigned)(s[i] - '0') : PARTS_MAX;
    *at = digits;
    if (i > digits && p->parts == 0)
        return "a macro must keep at least one part";
    p->reversed = i < len && lower(s[i]) == 'r';
    i += p->reversed;
    p->split = s + i;
    while (i < len && s[i] && strchr(delimiters, s[i]))
        i++;
    p->n_split = (size_t)(s + i - p->split);
    *at = i;
    if (i == len || s[i] != '}')
        return "a macro must end in }";
    *at = i + 1;
    return NULL;
}

/* The piece at *at < len; *at moves behind it, or to the fault. */
static const char *read_piece(
    const char *s, size_t len, bool explanation, size_t *at, struct piece *p)
{
    size_t start = *at;
    size_t i = start;

    *p = (struct piece){.kind = LITERAL, .text = s + start};
    while (i < len && s[i] > 0x20 && s[i] < 0x7F && s[i] != '%')
        i++;
    if (explanation && i == start && s[i] == ' ') /* explain-string has blanks in between */
        i++;
    p->len = i - start;
    *at = i;
    if (i > start)
        return NULL;
    if (s[i] != '%')
        return (unsigned char)s[i] >= 0x80 ? "not ASCII" : "a control character or blank";
    if (i + 1 == len)
        return "a % that begins no macro";
    *at = i + 2;
    switch (s[i + 1]) {
    case '%':
        p->kind = PERCENT;
        return NULL;
    case '_':
        p->kind = BLANK;
        return NULL;
    case '-':
        p->kind = URL_BLANK;
        return NULL;
    case '{':
        p->kind = VALUE;
        return read_value(s, len, explanation, at, p);
    default:
        *at = i;
        return "a % that begins no macro";
    }
}

const char *spf_macro_check(const char *s, size_t len, bool explanation, size_t *at)
{
    const char *fault = NULL;
    struct piece p;

    *at = 0;
    while (!fault && *at < len)
        fault = read_piece(s, len, explanation, at, &p);
    return fault;
}

/* toplabel: letters, digits and inner hyphens, and not digits only. */
static bool is_top_label(const char *s, size_t len)
{
    bool numeric = true;

    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)s[i]) && s[i] != '-')
            return false;
        numeric = numeric && isdigit((unsigned char)s[i]);
    }
    return len && !numeric && s[0] != '-' && s[len - 1] != '-';
}

/* The end of a domain-spec without its final dot. */
static const char *check_end(const char *s, size_t len, size_t *at)
{
    size_t label = len;

    while (label && s[label - 1] != '.')
        label--;
    *at = label;
    if (is_top_label(s + label, len - label) && label)
        return NULL;
    if (label == 0 && is_top_label(s, len))
        return "a single label is no domain name here";
    if (len > label && strspn(s + label, "0123456789") >= len - label)
        return "a domain name does not end in a number; addresses stand in ip4: or ip6:";
    return "not the end of a domain name";
}

const char *spf_domain_check(const char *s, size_t len, size_t *at)
{
    struct piece p = {.kind = LITERAL};
    const char *fault = NULL;

    *at = 0;
    if (len == 0)
        return "a domain name is missing";
    while (!fault && *at < len)
        fault = read_piece(s, len, false, at, &p);
    if (fault || p.kind != LITERAL)
        return fault;
    /* the last label must be literal as a whole: after "%{d}com" there is no dot to look behind */
    size_t start = (size_t)(p.text - s);
    size_t n = len - (s[len - 1] == '.');
    fault = check_end(s + start, n > start ? n - start : 0, at);
    *at += start;
    return fault;
}

bool spf_macro_is_dynamic(const char *s)
{
    size_t len = strlen(s);
    size_t at = 0;
    struct piece p;

    while (at < len) {
        if (read_piece(s, len, false, &at, &p))
            return true;
        if (p.kind == VALUE && p.letter != 'd')
            return true;
    }
    return false;
}

/* ---- expansion ---- */

/* RFC 3986 section 2.3 unreserved characters stay. */
static int add_escaped(struct buf *b, const char *s, size_t len)
{
    int rc = 0;

    for (size_t i = 0; i < len && rc == 0; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x80 && (isalnum(c) || strchr("-._~", c))) {
            rc = buf_add(b, s + i, 1);
        } else {
            rc = buf_printf(b, "%%%02X", (unsigned)c);
        }
    }
    return rc;
}

static int add_part(struct buf *b, const struct piece *p, bool first, const char *part, size_t len)
{
    if (!first && buf_adds(b, "."))
        return -1;
    return p->escaped ? add_escaped(b, part, len) : buf_add(b, part, len);
}

static bool is_split(const struct piece *p, char c)
{
    return p->n_split ? memchr(p->split, c, p->n_split) != NULL : c == '.';
}

static size_t count_parts(const struct piece *p, const char *value)
{
    size_t n = 1;

    for (; *value; value++)
        n += is_split(p, *value);
    return n;
}

/* Split, reverse, keep the parts on the right, join with dots (section 7.3). */
static int add_value(struct buf *b, const struct piece *p, const char *value)
{
    size_t n = count_parts(p, value);
    size_t skip = p->parts && p->parts < n ? n - p->parts : 0;
    const char *end = value + strlen(value);
    int rc = 0;

    if (!p->reversed) {
        const char *part = value;
        for (size_t i = 0; i < n && rc == 0; i++) {
            const char *stop = part;
            while (stop < end && !is_split(p, *stop))
                stop++;
            if (i >= skip)
                rc = add_part(b, p, i == skip, part, (size_t)(stop - part));
            part = stop + 1;
        }
        return rc;
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        const char *part = end;
        while (part > value && !is_split(p, part[-1]))
            part--;
        if (i >= skip)
            rc = add_part(b, p, i == skip, part, (size_t)(end - part));
        if (part > value)
            end = part - 1;
    }
    return rc;
}

static int add_piece(struct buf *b, const struct piece *p, spf_macro_value *value, void *ctx)
{
    const char *text;

    switch (p->kind) {
    case LITERAL:
        return buf_add(b, p->text, p->len);
    case PERCENT:
        return buf_adds(b, "%");
    case BLANK:
        return buf_adds(b, " ");
    case URL_BLANK:
        return buf_adds(b, "%20");
    case VALUE:
        text = value(ctx, p->letter);
        return text ? add_value(b, p, text) : -1;
    }
    return -1;
}

const char *spf_macro_expand(
    struct arena *a, const char *s, bool explanation, spf_macro_value *value, void *ctx)
{
    size_t len = strlen(s);
    size_t at = 0;
    int rc = 0;
    struct buf b;

    buf_init(&b, SPF_EXPANDED_MAX);
    while (rc == 0 && at < len) {
        struct piece p;
        rc = read_piece(s, len, explanation, &at, &p) ? -1 : add_piece(&b, &p, value, ctx);
    }
    const char *text = rc ? NULL : arena_strndup(a, b.len ? b.data : "", b.len);
    buf_done(&b);
    return text;
}

const char *spf_domain_expand(struct arena *a, const char *spec, spf_macro_value *value, void *ctx)
{
    const char *name = spf_macro_expand(a, spec, false, value, ctx);
    size_t len = name ? strlen(name) : 0;

    if (len && name[len - 1] == '.')
        name = arena_strndup(a, name, --len);
    while (len > NAME_MAX_OCTETS) {
        const char *dot = strchr(name, '.');
        if (!dot)
            return name; /* not a name at all: whoever asks will find out */
        len -= (size_t)(dot + 1 - name);
        name = dot + 1;
    }
    return name;
}
