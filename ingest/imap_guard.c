#include "ingest/imap_guard.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    TAG_DIGITS = 10 /* libetpan's tags are decimal numbers */
};

__attribute__((format(printf, 2, 3))) static void guard_fault(
    struct imap_guard *g, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(g->fault, sizeof g->fault, fmt, ap);
    va_end(ap);
}

void imap_guard_init(struct imap_guard *g)
{
    memset(g, 0, sizeof *g);
}

/* The line without its white space: libetpan skips white space in places where RFC 9051 has none.
 */
static void squeeze(const struct imap_guard *g, char out[IMAP_GUARD_LINE + 1])
{
    size_t n = 0;

    for (size_t i = 0; i < g->line_len; i++) {
        if (g->line[i] != ' ')
            out[n++] = g->line[i];
    }
    out[n] = '\0';
}

/* A line that ends in words for people, where braces and parentheses mean nothing. */
static bool is_status(const char *squeezed)
{
    static const char *const states[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};

    if (squeezed[0] != '*')
        return true; /* tagged, or a continuation request */
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (!strncasecmp(squeezed + 1, states[i], strlen(states[i])))
            return true;
    }
    return false;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && !strcasecmp(s + n - m, end);
}

static void check_beginning(struct imap_guard *g, const char *squeezed)
{
    size_t digits = strspn(squeezed, "0123456789");

    if (squeezed[0] == '*' || squeezed[0] == '+')
        return;
    if (digits == 0 || digits > TAG_DIGITS)
        guard_fault(g, "a line that is not IMAP: %.*s", (int)g->line_len, g->line);
}

static void check_line(struct imap_guard *g)
{
    char squeezed[IMAP_GUARD_LINE + 1];

    squeeze(g, squeezed);
    check_beginning(g, squeezed);
    if (!is_status(squeezed))
        return;
    if (!strncasecmp(squeezed, "*BYE", 4)) {
        /* libetpan would say no more than "stream error" */
        const char *words = memchr(g->line + 2, ' ', g->line_len > 2 ? g->line_len - 2 : 0);
        int len = words ? (int)(g->line + g->line_len - words) : 0;
        g->goodbye = true;
        guard_fault(g, "the server says goodbye:%.*s", len, words ? words : "");
        return;
    }
    /* Each crashes libetpan: the text of a response code that must have one is copied unseen, and
     * a second list of character sets is freed twice. */
    if (ends_with(squeezed, "[ALERT]") || ends_with(squeezed, "[PARSE]")) {
        guard_fault(g, "an alert without words");
    } else if (strcasestr(squeezed, "[BADCHARSET")) {
        guard_fault(g, "a complaint about a character set that was not sent");
    }
}

static void end_line(struct imap_guard *g)
{
    char squeezed[IMAP_GUARD_LINE + 1];
    bool closed = g->brace == BRACE_CLOSED;

    g->quoted = g->escaped = false;
    g->brace = BRACE_NONE;
    squeeze(g, squeezed);
    if (closed && !is_status(squeezed)) {
        if (g->announced > g->budget) {
            guard_fault(
                g, "announces %" PRIu64 " bytes, far more than was asked for", g->announced);
        }
        g->literal = g->announced; /* the line goes on behind it */
        return;
    }
    check_line(g);
    g->depth = 0;
    g->line_len = 0;
}

static void follow_brace(struct imap_guard *g, unsigned char c)
{
    char squeezed[IMAP_GUARD_LINE + 1];

    if (c == '{') {
        g->brace = BRACE_OPEN;
        g->announced = 0;
    } else if (g->brace == BRACE_OPEN && isdigit(c)) {
        g->announced = g->announced * 10 + (uint64_t)(c - '0');
        if (g->announced > UINT32_MAX) /* libetpan counts in 32 bits and would wrap around */
            guard_fault(g, "announces more than 4 GB");
    } else if (g->brace == BRACE_OPEN && c == '}') {
        g->brace = BRACE_CLOSED;
    } else if (g->brace == BRACE_CLOSED) {
        /* libetpan would begin the literal here and now, and we would lose count */
        squeeze(g, squeezed);
        if (!is_status(squeezed))
            guard_fault(g, "a literal that does not begin on a new line");
        g->brace = BRACE_NONE;
    } else {
        g->brace = BRACE_NONE;
    }
}

static void remember(struct imap_guard *g, unsigned char c)
{
    bool space = c == ' ' || c == '\t';

    if (g->line_len == sizeof g->line || (space && g->line_len && g->line[g->line_len - 1] == ' '))
        return;
    g->line[g->line_len++] = space ? ' ' : (char)c;
}

static void follow(struct imap_guard *g, unsigned char c)
{
    if (c == '\0') {
        guard_fault(g, "a NUL byte");
        return;
    }
    if (c == '\n') {
        end_line(g);
        return;
    }
    if (c == '\r')
        return;
    remember(g, c);
    if (g->quoted) {
        if (g->escaped) {
            g->escaped = false;
        } else if (c == '\\') {
            g->escaped = true;
        } else if (c == '"') {
            g->quoted = false;
        }
        return;
    }
    follow_brace(g, c);
    if (c == '"') {
        g->quoted = true;
    } else if (c == '(' && ++g->depth > IMAP_GUARD_DEPTH) {
        guard_fault(g, "parentheses nested more than %d deep", IMAP_GUARD_DEPTH);
    } else if (c == ')' && g->depth) {
        g->depth--;
    }
}

size_t imap_guard_pass(struct imap_guard *g, const unsigned char *bytes, size_t len)
{
    size_t good = 0;

    for (size_t i = 0; i < len && !g->fault[0];) {
        size_t n = 1;
        if (g->literal) {
            n = len - i;
            if (n > g->literal)
                n = (size_t)g->literal;
        }
        if (n > g->budget) {
            guard_fault(g, "sends far more than was asked for");
            break;
        }
        g->budget -= n;
        if (g->literal) {
            g->literal -= n;
            good = i + n;
        } else {
            follow(g, bytes[i]);
            if (bytes[i] == '\n' && !g->fault[0])
                good = i + 1;
        }
        i += n;
    }
    return g->fault[0] ? good : len;
}
