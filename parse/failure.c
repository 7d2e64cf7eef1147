#include "parse/failure.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "parse/header.h"
#include "parse/limits.h"
#include "parse/quirks.h"

#include <string.h>
#include <strings.h>

enum {
    FEEDBACK_MAX = 1024 * 1024, /* bytes of the feedback part that are read */
    SAMPLE_MAX = 1024 * 1024,   /* bytes of the original that are kept */
    LOOK_MAX = 64 * 1024        /* bytes that decide what a part is */
};

/* One report on its way. */
struct reading {
    struct arena *a;
    const struct failure_parts *parts;
    struct failure_report r;
};

/* How Exim, as cPanel and antispamcloud.com set it up, begins its mails; what follows are lines
 * "Name: value". */
static const char text_report_mark[] = "A message claiming to be from you has failed";

static void remark(struct reading *rd, const char *code, const char *detail)
{
    notes_add(&rd->r.notes, &rd->r.grade, rd->a, code, detail);
}

static size_t at_most(size_t n, size_t max)
{
    return n < max ? n : max;
}

/* ---- what is it? ---- */

bool failure_looks_like_feedback(const char *bytes, size_t len)
{
    struct header_block block;
    struct arena *a = arena_new();

    header_read(a, bytes, at_most(len, LOOK_MAX), HEADER_ENDS_AT_EMPTY_LINE, &block);
    bool found = !block.junk_lines && header_find(block.fields, block.n, "Feedback-Type");
    arena_free(a);
    return found;
}

static const char *find_text(const char *bytes, size_t len, const char *wanted)
{
    return len ? memmem(bytes, len, wanted, strlen(wanted)) : NULL;
}

bool failure_looks_like_text_report(const char *text, size_t len)
{
    return find_text(text, at_most(len, LOOK_MAX), text_report_mark) != NULL;
}

/* ---- the fields ---- */

/* A value short enough for the normal form, cut at a character. */
static const char *fit(struct reading *rd, const char *value, const char *name)
{
    if (!value || strlen(value) <= LIMIT_FIELD)
        return value;
    size_t n = LIMIT_FIELD;
    while (n && ((unsigned char)value[n] & 0xC0) == 0x80)
        n--;
    remark(rd, "FAILURE_VALUE_CUT", name);
    return arena_strndup(rd->a, value, n);
}

static const char *whole_field(const struct reading *rd, const char *name)
{
    return header_find(rd->r.fields, rd->r.n_fields, name);
}

static const char *field(struct reading *rd, const char *name)
{
    return fit(rd, whole_field(rd, name), name);
}

/* The same as the text-only reports call it. */
static const char *field_or(struct reading *rd, const char *name, const char *text_name)
{
    const char *value = field(rd, name);

    return value ? value : field(rd, text_name);
}

/* The value without quotes, comments and what else follows the first word: "auth-failure (DMARC)",
 * in lower case. */
static const char *first_word(struct reading *rd, const char *value)
{
    value += strspn(value, "\"");
    return text_lower(rd->a, arena_strndup(rd->a, value, strcspn(value, " \t;,(\"")));
}

/* RFC 5965 3.1 and RFC 9991 let these appear once. */
static void remark_repeated(struct reading *rd)
{
    static const char *const single[] = {"Feedback-Type", "User-Agent", "Version",
        "Original-Envelope-Id", "Original-Mail-From", "Arrival-Date", "Source-IP", "Incidents",
        "Auth-Failure", "Delivery-Result", "Identity-Alignment"};

    for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
        const char *first = whole_field(rd, single[i]);
        for (size_t k = 0; first && k < rd->r.n_fields; k++) {
            const struct header_field *f = &rd->r.fields[k];
            if (text_equal_nocase(f->name, single[i]) && strcmp(f->value, first) != 0) {
                remark(rd, "FAILURE_FIELD_REPEATED", single[i]);
                break;
            }
        }
    }
}

static void remark_block(struct reading *rd, const struct header_block *block)
{
    if (block->cut)
        remark(rd, "FAILURE_FIELDS_CUT", NULL);
    if (block->recoded)
        remark(rd, "FAILURE_CHARSET", NULL);
}

static void read_feedback_fields(struct reading *rd)
{
    struct header_block block;
    size_t len = at_most(rd->parts->feedback_len, FEEDBACK_MAX);

    header_read(rd->a, rd->parts->feedback, len, HEADER_ENDS_WITH_BYTES, &block);
    rd->r.fields = block.fields;
    rd->r.n_fields = block.n;
    remark_block(rd, &block);
    if (len < rd->parts->feedback_len)
        remark(rd, "FAILURE_FIELDS_CUT", NULL);
    if (block.junk_lines)
        remark(rd, "FAILURE_LINE_JUNK", NULL);
    remark_repeated(rd);
}

/* ---- the original ---- */

static bool is_blank(const char *bytes, size_t len)
{
    size_t i = 0;

    while (i < len && (bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\r' || bytes[i] == '\n'))
        i++;
    return i == len;
}

static void read_sample(struct reading *rd, const char *bytes, size_t len)
{
    struct header_block block;

    if (!bytes || !len) {
        remark(rd, "FAILURE_SAMPLE_MISSING", NULL);
        return;
    }
    rd->r.sample = bytes;
    rd->r.sample_len = at_most(len, SAMPLE_MAX);
    if (len > SAMPLE_MAX)
        remark(rd, "FAILURE_SAMPLE_CUT", NULL);
    header_read(rd->a, bytes, rd->r.sample_len, HEADER_ENDS_AT_EMPTY_LINE, &block);
    rd->r.sample_headers = block.fields;
    rd->r.n_sample_headers = block.n;
    remark_block(rd, &block);
    rd->r.headers_only = is_blank(bytes + block.body, rd->r.sample_len - block.body);
    if (rd->parts->original_headers_only && !rd->r.headers_only)
        remark(rd, "FAILURE_HEADERS_WITH_BODY", NULL);
}

static const char *sample_field(const struct reading *rd, const char *name)
{
    return header_find(rd->r.sample_headers, rd->r.n_sample_headers, name);
}

/* ---- reports that are only text ---- */

/* "  Sender IP Address: 203.0.113.68"; lines of other shapes are prose. */
static void read_text_line(struct reading *rd, const char *line, size_t n)
{
    bool recoded = false;

    while (n && (*line == ' ' || *line == '\t')) {
        line++;
        n--;
    }
    const char *colon = n ? memchr(line, ':', n) : NULL;
    size_t name = colon ? (size_t)(colon - line) : 0;
    if (name == 0 || name > 40 || rd->r.n_fields == HEADER_FIELDS_MAX)
        return;
    for (size_t i = 0; i < name; i++) {
        if (line[i] != ' ' && line[i] != '-' && ((line[i] | 0x20) < 'a' || (line[i] | 0x20) > 'z'))
            return;
    }
    const char *value = header_text(rd->a, colon + 1, n - name - 1, &recoded);
    if (recoded)
        remark(rd, "FAILURE_CHARSET", NULL);
    rd->r.fields = arena_grow(rd->a, rd->r.fields, &rd->r.n_fields, sizeof *rd->r.fields);
    rd->r.fields[rd->r.n_fields - 1] =
        (struct header_field){arena_strndup(rd->a, line, name), value};
}

/* Up to the line of dashes stand the facts, behind it the header of the original. */
static void read_text(struct reading *rd)
{
    const char *mark = find_text(rd->parts->text, rd->parts->text_len, text_report_mark);
    const char *end = rd->parts->text + at_most(rd->parts->text_len, FEEDBACK_MAX);
    const char *sample = NULL;

    remark(rd, "FAILURE_TEXT_ONLY", NULL);
    for (const char *line = mark; line < end && !sample;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        const char *next = stop ? stop + 1 : end;
        if (next - line > 3 && memcmp(line, "---", 3) == 0) {
            sample = next;
        } else {
            read_text_line(rd, line, (size_t)(next - line));
        }
        line = next;
    }
    while (sample && sample < end && (*sample == '\r' || *sample == '\n'))
        sample++;
    if (sample) {
        read_sample(rd, sample, (size_t)(rd->parts->text + rd->parts->text_len - sample));
    } else {
        read_sample(rd, rd->parts->original, rd->parts->original_len);
    }
}

/* ---- values that need reading ---- */

/* RFC 5965 7.3 and its registry: reports about other things than authentication. */
static bool is_other_type(const char *type)
{
    static const char *const others[] = {"abuse", "fraud", "virus", "other", "not-spam", "opt-out",
        "opt-out-list", "miscategorized"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(type, others[i]) == 0)
            return true;
    }
    return false;
}

/* Does it have a field that only reports about authentication have (RFC 6591 3, RFC 9991 4)? Spam
 * complaints come without their type, too, and must not count as DMARC failures. */
static bool is_about_authentication(const struct reading *rd)
{
    static const char *const fields[] = {"Auth-Failure", "Identity-Alignment",
        "Authentication-Results", "Delivery-Result", "DKIM-Domain", "DKIM-Selector",
        "DKIM-Identity", "DKIM-Canonicalized-Header", "DKIM-Canonicalized-Body", "SPF-DNS"};

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (whole_field(rd, fields[i]))
            return true;
    }
    return false;
}

static int read_type(struct reading *rd, struct err *e)
{
    const char *value = field(rd, "Feedback-Type");
    const char *type = value ? first_word(rd, value) : NULL;

    if (!type || !*type) {
        if (rd->parts->feedback && !is_about_authentication(rd)) {
            return err_set(e, ERR_INPUT, "arf-other-type",
                "a feedback report without a type, and with nothing about authentication");
        }
        if (rd->parts->feedback)
            remark(rd, "FAILURE_TYPE_MISSING", NULL);
        return 0;
    }
    if (is_other_type(type)) {
        return err_set(e, ERR_INPUT, "arf-other-type",
            "a feedback report of type %s, not about authentication", type);
    }
    if (strcmp(type, "auth-failure") != 0) {
        if (!whole_field(rd, "Auth-Failure")) {
            return err_set(e, ERR_INPUT, "arf-other-type",
                "a feedback report of an unknown type, not about authentication");
        }
        remark(rd, "FAILURE_TYPE_UNKNOWN", type);
    }
    rd->r.feedback_type = type;
    return 0;
}

/* The first thing in the text that is an address: "192.0.2.1 (mail.example)", "[192.0.2.1]",
 * "IPv6:2001:db8::1", in quotes or not. */
static bool find_address(struct reading *rd, const char *text, struct addr *out, bool *decorated)
{
    static const char separators[] = " \t(),;\"'<>";

    for (const char *s = text; *s;) {
        s += strspn(s, separators);
        size_t n = strcspn(s, separators);
        char *token = arena_strndup(rd->a, s, at_most(n, (size_t)2 * ADDR_TEXT_MAX));
        *decorated = n != strlen(text);
        if (strncasecmp(token, "IPv6:", 5) == 0) {
            *decorated = true;
            token += 5;
        } else if (strncasecmp(token, "[IPv6:", 6) == 0) { /* RFC 5321 4.1.3 */
            token += 5;
            token[0] = '[';
        }
        if (n && addr_parse_lenient(token, out)) {
            struct addr plain;
            *decorated = *decorated || !addr_parse(token, &plain);
            return true;
        }
        s += n;
    }
    return false;
}

/* The reporter's own traces in the original tell it, too: Received-SPF (RFC 7208 9.1), or the
 * topmost Received. */
static bool guess_source_ip(struct reading *rd)
{
    bool ignored;
    const char *spf = sample_field(rd, "Received-SPF");
    const char *client = spf ? strcasestr(spf, "client-ip=") : NULL;
    const char *received = sample_field(rd, "Received");
    const char *bracket = received ? strchr(received, '[') : NULL;

    if (client) {
        client += strlen("client-ip=");
        client += *client == '"';
        if (find_address(rd, arena_strndup(rd->a, client, strcspn(client, "\"; \t")),
                &rd->r.source_ip, &ignored))
            return true;
    }
    return bracket && find_address(rd, arena_strndup(rd->a, bracket, strcspn(bracket, "]") + 1),
                          &rd->r.source_ip, &ignored);
}

static void read_source_ip(struct reading *rd)
{
    bool decorated = false;

    rd->r.source_ip_sent = field_or(rd, "Source-IP", "Sender IP Address");
    if (rd->r.source_ip_sent && *rd->r.source_ip_sent) {
        if (find_address(rd, rd->r.source_ip_sent, &rd->r.source_ip, &decorated)) {
            if (decorated)
                remark(rd, "FAILURE_SOURCE_IP_DECORATED", rd->r.source_ip_sent);
            return;
        }
        remark(rd, "FAILURE_SOURCE_IP_BAD", rd->r.source_ip_sent);
    }
    remark(
        rd, guess_source_ip(rd) ? "FAILURE_SOURCE_IP_GUESSED" : "FAILURE_SOURCE_IP_MISSING", NULL);
}

/* No report was mailed in other years: such a date is a slip, or made to be in no report. */
static bool is_of_our_age(int64_t seconds)
{
    static const int64_t newest = INT64_C(4102444800); /* 2100-01-01 */

    return seconds > 0 && seconds < newest;
}

static bool parse_date(const char *text, int64_t *out)
{
    return text && (when_parse_rfc5322(text, out) || when_parse_rfc3339(text, out)) &&
           is_of_our_age(*out);
}

/* Received-Date is what drafts before RFC 5965 called Arrival-Date. */
static void read_arrival(struct reading *rd)
{
    const char *sent = field_or(rd, "Arrival-Date", "Received Date");

    if (!sent)
        sent = field(rd, "Received-Date");
    rd->r.arrival_date_sent = sent;
    rd->r.mail_date_sent = fit(rd, rd->parts->mail_date_sent, "Date");
    if (parse_date(sent, &rd->r.arrival))
        return;
    if (sent)
        remark(rd, "FAILURE_DATE_BAD", sent);
    rd->r.arrival = is_of_our_age(rd->parts->mail_date) ? rd->parts->mail_date : -1;
    remark(rd, rd->r.arrival >= 0 ? "FAILURE_DATE_OF_MAIL" : "FAILURE_DATE_MISSING", NULL);
}

static void read_incidents(struct reading *rd)
{
    const char *sent = field(rd, "Incidents");

    rd->r.incidents = 1;
    if (!sent)
        return;
    if (text_int64(first_word(rd, sent), &rd->r.incidents) && rd->r.incidents >= 1 &&
        rd->r.incidents <= UINT32_MAX)
        return; /* RFC 5965 3.2: an unsigned 32-bit number */
    rd->r.incidents = 1;
    remark(rd, "FAILURE_INCIDENTS_BAD", sent);
}

/* RFC 6591 3.1 and RFC 7489 7.3 have one word; a list is read as well. */
static void read_auth_failure(struct reading *rd)
{
    static const char known[] = " adsp bodyhash revoked signature spf dmarc ";
    const char *sent = field(rd, "Auth-Failure");

    if (!sent)
        return;
    rd->r.auth_failure = text_lower(rd->a, sent);
    for (const char *s = rd->r.auth_failure; *s;) {
        s += strspn(s, " \t,");
        const char *word = arena_printf(rd->a, " %.*s ", (int)strcspn(s, " \t,"), s);
        if (word[1] != ' ' && !strstr(known, word))
            remark(rd, "FAILURE_AUTH_FAILURE_UNKNOWN", sent);
        s += strcspn(s, " \t,");
    }
}

/* The domain of the first mailbox, or NULL. */
static const char *domain_of_mailboxes(struct reading *rd, const char *value)
{
    struct mailbox *boxes;

    for (size_t i = 0, n = value ? header_mailboxes(rd->a, value, &boxes) : 0; i < n; i++) {
        const char *domain = mailbox_domain(boxes[i].address);
        if (domain)
            return domain;
    }
    return NULL;
}

static const char *normalise(struct reading *rd, const char *domain)
{
    bool odd = false;
    const char *name = domain_normalise(rd->a, domain, &odd);

    if (odd)
        remark(rd, "FAILURE_DOMAIN_ODD", name);
    return fit(rd, name, "domain");
}

static int read_domain(struct reading *rd, struct err *e)
{
    const char *domain = field_or(rd, "Reported-Domain", "Sender Domain");

    if (domain) {
        const char *at = mailbox_domain(domain);
        domain = first_word(rd, at ? at : domain);
    }
    if (!domain || !*domain) {
        domain = domain_of_mailboxes(rd, sample_field(rd, "From"));
        if (domain) {
            remark(rd, "FAILURE_DOMAIN_OF_SAMPLE", domain);
        } else {
            domain = domain_of_mailboxes(rd, rd->parts->mail_to);
            if (!domain) {
                return err_set(
                    e, ERR_INPUT, "schema-missing", "the failure report names no domain");
            }
            remark(rd, "FAILURE_DOMAIN_GUESSED", domain);
        }
    }
    rd->r.reported_domain = normalise(rd, domain);
    return 0;
}

static const char *reporter_key(struct reading *rd)
{
    const char *domain = domain_of_mailboxes(rd, rd->parts->mail_from);
    bool odd = false;

    if (domain)
        return domain_registrable(domain_normalise(rd->a, domain, &odd));
    return rd->r.user_agent ? text_lower(rd->a, rd->r.user_agent) : "unknown";
}

static void read_plain_values(struct reading *rd)
{
    struct failure_report *r = &rd->r;
    const char *alignment = field(rd, "Identity-Alignment");
    const char *message_id = field(rd, "Message-ID");

    r->version = field(rd, "Version");
    r->user_agent = field(rd, "User-Agent");
    r->original_envelope_id = field(rd, "Original-Envelope-Id");
    r->original_mail_from = field(rd, "Original-Mail-From");
    r->original_rcpt_to = field(rd, "Original-Rcpt-To");
    r->authentication_results = field(rd, "Authentication-Results");
    r->delivery_result = field_or(rd, "Delivery-Result", "DMARC Results");
    r->dkim_domain = field(rd, "DKIM-Domain");
    r->dkim_selector = field(rd, "DKIM-Selector");
    r->dkim_identity = field(rd, "DKIM-Identity");
    r->spf_dns = field(rd, "SPF-DNS");
    r->identity_alignment = alignment ? text_lower(rd->a, alignment) : NULL;
    r->message_id = message_id ? message_id : fit(rd, sample_field(rd, "Message-ID"), "Message-ID");
}

static int read_all(struct reading *rd, struct err *e)
{
    if (rd->parts->feedback) {
        read_feedback_fields(rd);
        read_sample(rd, rd->parts->original, rd->parts->original_len);
    } else if (rd->parts->text &&
               failure_looks_like_text_report(rd->parts->text, rd->parts->text_len)) {
        read_text(rd);
    } else {
        return err_set(
            e, ERR_INPUT, "schema-missing", "the failure report has no feedback-report part");
    }
    int rc = read_type(rd, e);
    if (rc != 0)
        return rc;
    read_plain_values(rd);
    read_source_ip(rd);
    read_arrival(rd);
    read_incidents(rd);
    read_auth_failure(rd);
    rc = read_domain(rd, e);
    rd->r.reporter = reporter_key(rd);
    return rc;
}

int failure_read(
    const struct failure_parts *parts, struct sink *sink, enum grade *grade, struct err *e)
{
    struct reading rd = {.a = arena_new(), .parts = parts, .r = {.arrival = -1}};
    int rc = read_all(&rd, e);

    if (grade)
        *grade = rc < 0 ? GRADE_REFUSED : rd.r.grade;
    if (rc == 0 && sink->ops->failure)
        rc = sink->ops->failure(sink, &rd.r, e);
    arena_free(rd.a);
    return rc < 0 ? rc : 0;
}
