#include "parse/redact.h"

#include "base/arena.h"
#include "base/blob.h"
#include "base/buf.h"
#include "base/text.h"
#include "parse/header.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *const data_names[] = {
    [FAILURE_DATA_NONE] = "none",
    [FAILURE_DATA_HEADERS] = "headers",
    [FAILURE_DATA_FULL] = "full",
};

enum {
    DATA_NAMES = sizeof data_names / sizeof *data_names,
    TEXT_MAX = 4 * HEADER_VALUE_MAX
};

const char *failure_data_name(enum failure_data data)
{
    return data_names[data];
}

bool failure_data_parse(const char *name, enum failure_data *out)
{
    for (unsigned i = 0; i < DATA_NAMES; i++) {
        if (strcmp(name, data_names[i]) == 0) {
            *out = (enum failure_data)i;
            return true;
        }
    }
    return false;
}

/* ---- hashes ---- */

const char *redact_hash(const struct redactor *r, const char *text, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char mac[32];
    char hex[REDACT_HASH_DIGITS + 1] = "";

    if (!hmac_sha256(r->key, text, len, mac))
        return "redacted"; /* rather no pseudonym than the name */
    for (size_t i = 0; i < REDACT_HASH_DIGITS; i++)
        hex[i] = digits[i % 2 ? mac[i / 2] & 15 : mac[i / 2] >> 4];
    return arena_strndup(r->arena, hex, REDACT_HASH_DIGITS);
}

/* People are the same whether they write Alice@ or alice@. */
static const char *hash_person(const struct redactor *r, const char *name, size_t len)
{
    const char *lower = text_lower(r->arena, arena_strndup(r->arena, name, len));

    return redact_hash(r, lower, len);
}

/* ---- any text ---- */

/* What may stand in a local part without quotes (RFC 5322 atext, RFC 6531 UTF-8). */
static bool is_local(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 ||
           (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

/* Names of properties that stand before an address with nothing but '=' between (RFC 8601 2.2, RFC
 * 7208 9.1, RFC 6376 3.5); anything else before a '=' may be part of the address (VERP, BATV). */
static size_t property_len(const char *token, size_t len)
{
    static const char *const names[] = {"smtp.mailfrom", "smtp.helo", "smtp.rcptto", "header.from",
        "header.i", "header.d", "header.sender", "envelope-from", "mailfrom", "identity",
        "receiver", "from", "for", "i", "addr"};
    const char *equals = memchr(token, '=', len);
    size_t n = equals ? (size_t)(equals - token) : 0;

    for (size_t i = 0; n && i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == n && strncasecmp(token, names[i], n) == 0)
            return n + 1;
    }
    return 0;
}

/* Where the local part begins that ends with the text so far; not before `floor`. */
static size_t local_start(const struct buf *b, size_t floor)
{
    size_t at = b->len;

    if (at > floor + 1 && b->data[at - 1] == '"') { /* "john doe"@example.com */
        size_t open = at - 1;
        while (open > floor && b->data[open - 1] != '"')
            open--;
        if (open > floor)
            return open - 1;
    }
    while (at > floor && is_local(b->data[at - 1]))
        at--;
    return at < b->len ? at + property_len(b->data + at, b->len - at) : at;
}

struct text_reader {
    const struct redactor *redactor;
    struct buf out;
    size_t floor; /* what is before this is done with */
};

static void put(struct text_reader *t, const char *s, size_t len)
{
    (void)buf_add(&t->out, s, len); /* beyond the ceiling: the rest is left out */
}

static void put_person(struct text_reader *t, const char *name, size_t len)
{
    if (t->redactor->data != FAILURE_DATA_NONE) {
        const char *hash = hash_person(t->redactor, name, len);
        put(t, hash, strlen(hash));
    }
}

/* An '@' has come: what stands before it is a person. */
static void end_local(struct text_reader *t)
{
    size_t start = t->out.data ? local_start(&t->out, t->floor) : 0;
    size_t len = t->out.len - start;

    if (len) {
        const char *local = arena_strndup(t->redactor->arena, t->out.data + start, len);
        t->out.len = start;
        put_person(t, local, len);
    }
    if (t->redactor->data != FAILURE_DATA_NONE)
        put(t, "@", 1);
    t->floor = t->out.len;
}

/* Paths and queries hold keys that log somebody in, and addresses in any coding. */
static size_t put_url(struct text_reader *t, const char *s)
{
    size_t scheme =
        strncasecmp(s, "https://", 8) == 0 || strncasecmp(s, "hxxps://", 8) == 0 ? 8 : 7;
    size_t host = scheme + strcspn(s + scheme, "/?# \t<>\"(),;");
    size_t whole = scheme + strcspn(s + scheme, " \t<>\"");
    const char *user = memrchr(s + scheme, '@', host - scheme);
    const char *from = user ? user + 1 : s + scheme;

    put(t, s, scheme);
    put(t, from, (size_t)(s + host - from));
    put(t, "/", 1);
    t->floor = t->out.len;
    return whole;
}

static bool begins_url(const char *s)
{
    return strncasecmp(s, "http://", 7) == 0 || strncasecmp(s, "https://", 8) == 0 ||
           strncasecmp(s, "hxxp://", 7) == 0 || strncasecmp(s, "hxxps://", 8) == 0;
}

/* Behind these stands who logged in, as an address or not (RFC 8601 2.7.4, Postfix, Exim). */
static size_t login_mark(const char *s)
{
    static const char *const marks[] = {
        "smtp.auth=", "Authenticated sender:", "sasl_username=", "authid="};

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (strncasecmp(s, marks[i], strlen(marks[i])) == 0)
            return strlen(marks[i]);
    }
    return 0;
}

static size_t put_login(struct text_reader *t, const char *s, size_t mark)
{
    size_t name = mark + strspn(s + mark, " \t\"<");
    size_t len = strcspn(s + name, " \t\"<>();,");
    const char *at = memrchr(s + name, '@', len);

    put(t, s, name);
    put_person(t, s + name, at ? (size_t)(at - s) - name : len);
    if (at)
        put(t, at, (size_t)(s + name + len - at));
    t->floor = t->out.len;
    return name + len;
}

/* The length of a comment, its parentheses included; 0 if none begins here. */
static size_t comment_len(const char *s)
{
    unsigned depth = 0;
    size_t n = 0;

    do {
        if (s[n] == '\\' && s[n + 1]) {
            n++;
        } else if (s[n] == '(') {
            depth++;
        } else if (s[n] == ')') {
            depth--;
        }
        n += s[n] != '\0';
    } while (s[n] && depth);
    return *s == '(' ? n : 0;
}

/* One step: how many bytes of the text were used. */
static size_t put_next(struct text_reader *t, const char *s, bool word_begins)
{
    size_t mark = word_begins ? login_mark(s) : 0;

    if (t->redactor->data == FAILURE_DATA_NONE && *s == '(')
        return comment_len(s);
    if (mark)
        return put_login(t, s, mark);
    if (word_begins && begins_url(s))
        return put_url(t, s);
    if (*s == '@' || strncmp(s, "%40", 3) == 0) {
        end_local(t);
        return *s == '@' ? 1 : 3;
    }
    size_t n = 1; /* a character whole, or the ceiling would cut it */
    while (((unsigned char)s[n] & 0xC0) == 0x80)
        n++;
    put(t, s, n);
    return n;
}

const char *redact_text(const struct redactor *r, const char *text)
{
    struct text_reader t = {.redactor = r};
    bool word_begins = true;

    if (!text || r->data == FAILURE_DATA_FULL)
        return text;
    buf_init(&t.out, TEXT_MAX);
    text = header_decode(r->arena, text); /* or an address could hide in an encoded word */
    for (const char *s = text; *s;) {
        const char *before = s;
        s += put_next(&t, s, word_begins);
        word_begins = !isalnum((unsigned char)s[-1]) || s - before > 1;
    }
    const char *result = arena_strndup(r->arena, t.out.len ? t.out.data : "", t.out.len);
    buf_done(&t.out);
    return result;
}

/* ---- mailboxes and subjects ---- */

static const char *redact_address(const struct redactor *r, const char *address)
{
    const char *at = strrchr(address, '@');
    size_t local = at ? (size_t)(at - address) : strlen(address);

    if (!local) /* <> and @example.com are nobody */
        return address;
    return arena_printf(r->arena, "%s%s", hash_person(r, address, local), at ? at : "");
}

const char *redact_mailboxes(const struct redactor *r, const char *text)
{
    static const char kind[] = "rfc822;"; /* RFC 5965: the address type of RFC 3464 */
    struct mailbox *boxes;
    struct buf out;

    if (!text || r->data == FAILURE_DATA_FULL)
        return text;
    if (r->data == FAILURE_DATA_NONE)
        return NULL;
    if (strncasecmp(text, kind, sizeof kind - 1) == 0)
        text += sizeof kind - 1;
    size_t n = header_mailboxes(r->arena, text, &boxes);
    buf_init(&out, TEXT_MAX);
    for (size_t i = 0; i < n; i++) {
        if (buf_printf(&out, "%s<%s>", i ? ", " : "", redact_address(r, boxes[i].address)))
            break;
    }
    const char *result = arena_strndup(r->arena, out.len ? out.data : "", out.len);
    buf_done(&out);
    return result;
}

const char *redact_subject(const struct redactor *r, const char *text)
{
    if (!text || r->data == FAILURE_DATA_FULL)
        return text;
    if (r->data == FAILURE_DATA_NONE)
        return NULL;
    const char *decoded = header_decode(r->arena, text);
    return redact_hash(r, decoded, strlen(decoded));
}

/* ---- fields ---- */

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name);
    size_t m = strlen(end);

    return n >= m && strcasecmp(name + n - m, end) == 0;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++) {
        if (strcasecmp(name, *names) == 0)
            return true;
    }
    return false;
}

static bool is_mailboxes(const char *name)
{
    static const char *const names[] = {"From", "To", "Cc", "Bcc", "Return-Path",
        "X-Authenticated-User", "X-Authenticated-Id", NULL};

    return is_one_of(name, names) || ends_with(name, "Sender") || ends_with(name, "-From") ||
           ends_with(name, "-To") || ends_with(name, "-Cc") || ends_with(name, "-Bcc");
}

static bool is_words(const char *name)
{
    static const char *const names[] = {
        "Thread-Topic", "Comments", "Keywords", "Content-Description", NULL};

    return is_one_of(name, names) || ends_with(name, "Subject");
}

/* The message's content in another form (RFC 6591 3.2.4, SpamAssassin's preview), or addresses of
 * pages that may know the reader. */
static bool is_content(const char *name)
{
    static const char *const names[] = {"DKIM-Canonicalized-Header", "DKIM-Canonicalized-Body",
        "Reported-URI", "X-Spam-Report", "Autocrypt", NULL};

    return is_one_of(name, names);
}

/* A Message-ID is what finds the mail in a log; it is no address, though it looks like one. */
static const char *redact_field(const struct redactor *r, const struct header_field *f)
{
    if (is_content(f->name))
        return NULL;
    if (is_words(f->name))
        return redact_subject(r, f->value);
    if (is_mailboxes(f->name))
        return redact_mailboxes(r, f->value);
    return strcasecmp(f->name, "Message-ID") == 0 ? f->value : redact_text(r, f->value);
}

static struct header_field *redact_fields(
    const struct redactor *r, const struct header_field *fields, size_t n)
{
    struct header_field *out = arena_alloc(r->arena, (n + 1) * sizeof *out);

    for (size_t i = 0; i < n; i++)
        out[i] = (struct header_field){fields[i].name, redact_field(r, &fields[i])};
    return out;
}

/* ---- reports ---- */

static void drop_headers(struct failure_report *out)
{
    out->original_envelope_id = NULL;
    out->message_id = NULL;
    out->source_ip_sent = NULL; /* the host's name may be somebody's; the address is a fact */
    out->dkim_identity = NULL;
    out->fields = out->sample_headers = NULL;
    out->n_fields = out->n_sample_headers = 0;
}

void redact_failure(
    const struct redactor *r, const struct failure_report *from, struct failure_report *out)
{
    *out = *from;
    if (r->data == FAILURE_DATA_FULL)
        return;
    const char **const texts[] = {&out->feedback_type, &out->version, &out->user_agent,
        &out->original_envelope_id, &out->arrival_date_sent, &out->mail_date_sent,
        &out->authentication_results, &out->source_ip_sent, &out->delivery_result,
        &out->auth_failure, &out->identity_alignment, &out->dkim_domain, &out->dkim_selector,
        &out->dkim_identity, &out->spf_dns};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = redact_text(r, *texts[i]);
    out->original_mail_from = redact_mailboxes(r, from->original_mail_from);
    out->original_rcpt_to = redact_mailboxes(r, from->original_rcpt_to);
    out->sample = NULL;
    out->sample_len = 0;
    if (r->data == FAILURE_DATA_NONE) {
        drop_headers(out);
        return;
    }
    out->fields = redact_fields(r, from->fields, from->n_fields);
    out->sample_headers = redact_fields(r, from->sample_headers, from->n_sample_headers);
}
