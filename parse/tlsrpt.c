#include "parse/tlsrpt.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "parse/header.h"
#include "parse/json_text.h"
#include "parse/limits.h"
#include "parse/quirks.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One report on its way. */
struct reading {
    struct arena *a;
    const struct report_hints *hints; /* may be NULL */
    struct tls_report r;
    unsigned items; /* policies and failure details so far */
};

static const int64_t count_max = INT64_C(1)
                                 << 53; /* what every reader of JSON agrees on (RFC 7493 2.2) */
static const int64_t time_max = INT64_C(4102444800); /* the year 2100 */
static const int64_t millis_min =
    INT64_C(100000000000); /* as seconds this would be the year 5138 */

static void remark(struct reading *rd, const char *code, const char *detail)
{
    notes_add(&rd->r.notes, &rd->r.grade, rd->a, code, detail);
}

/* ---- values ---- */

/* Trimmed, and cut at a character when it is too long for the normal form. */
static const char *fit(struct reading *rd, const char *value, const char *name)
{
    size_t n;

    value = text_trim(value, &n);
    if (n > LIMIT_FIELD) {
        n = LIMIT_FIELD;
        while (n && ((unsigned char)value[n] & 0xC0) == 0x80)
            n--;
        remark(rd, "TLS_VALUE_CUT", name);
    }
    return arena_strndup(rd->a, value, n);
}

static bool is_there(const json_t *v)
{
    return v && !json_is_null(v);
}

/* NULL when the value is not there or cannot be text. */
static const char *string_of(struct reading *rd, const json_t *v, const char *name)
{
    if (!is_there(v))
        return NULL;
    if (json_is_string(v))
        return fit(rd, json_string_value(v), name);
    remark(rd, "TLS_VALUE_KIND", name);
    if (json_is_integer(v))
        return arena_printf(rd->a, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    if (json_is_real(v))
        return arena_printf(rd->a, "%.17g", json_real_value(v));
    return NULL;
}

static const char *string_member(struct reading *rd, const json_t *object, const char *name)
{
    return string_of(rd, json_object_get(object, name), name);
}

static const char *required_member(struct reading *rd, const json_t *object, const char *name)
{
    const char *value = string_member(rd, object, name);

    if (!value || !*value)
        remark(rd, "TLS_FIELD_MISSING", name);
    return value;
}

/*
 * The number of things in a list. What RFC 8460 wants as an array is also sent as a single thing,
 * and null for none.
 */
static size_t list_size(struct reading *rd, const json_t *v, const char *name)
{
    if (!is_there(v))
        return 0;
    if (json_is_array(v))
        return json_array_size(v);
    remark(rd, "TLS_NOT_A_LIST", name);
    return 1;
}

static const json_t *list_item(const json_t *v, size_t i)
{
    return json_is_array(v) ? json_array_get(v, i) : v;
}

static void add_strings(
    struct reading *rd, const json_t *v, const char *name, const char ***out, size_t *n)
{
    for (size_t i = 0, size = list_size(rd, v, name); i < size; i++) {
        const char *s = string_of(rd, list_item(v, i), name);
        if (!s)
            continue;
        *out = arena_grow(rd->a, *out, n, sizeof **out);
        (*out)[*n - 1] = s;
    }
}

/* ---- counts ---- */

static int64_t bounded_count(struct reading *rd, int64_t value, const char *name)
{
    if (value < 0)
        remark(rd, "TLS_COUNT_NEGATIVE", name);
    if (value > count_max)
        remark(rd, "TLS_COUNT_CAPPED", name);
    return value < 0 ? 0 : value > count_max ? count_max : value;
}

static int64_t whole_count(struct reading *rd, double value, const char *name)
{
    bool representable = value > -0x1p62 && value < 0x1p62;
    int64_t whole = representable ? (int64_t)value : value < 0 ? -1 : INT64_MAX;

    if (representable && (double)whole < value)
        remark(rd, "TLS_COUNT_FRACTION", name);
    return bounded_count(rd, whole, name);
}

static bool number_of_text(const char *text, double *out)
{
    char *end;

    if (!*text || text[strspn(text, "+-.0123456789eE")])
        return false; /* strtod would also take hexadecimal digits, "nan" and "inf" */
    *out = strtod(text, &end);
    return *end == '\0';
}

static int64_t count_member(
    struct reading *rd, const json_t *object, const char *name, int64_t missing)
{
    const json_t *v = json_object_get(object, name);
    double value;

    if (!v) {
        remark(rd, "TLS_COUNT_MISSING", name);
        return missing;
    }
    if (json_is_integer(v))
        return bounded_count(rd, json_integer_value(v), name);
    if (json_is_real(v))
        return whole_count(rd, json_real_value(v), name);
    if (json_is_string(v) && number_of_text(fit(rd, json_string_value(v), name), &value)) {
        remark(rd, "TLS_COUNT_TEXT", name);
        return whole_count(rd, value, name);
    }
    remark(rd, "TLS_COUNT_BAD", name);
    return missing;
}

/* ---- times ---- */

/* RFC 3339 5.6 to the letter, as far as the reader that follows does not check it. */
static bool is_strict_time(const char *s)
{
    size_t n = strlen(s);

    return n >= 20 && s[10] == 'T' && (s[n - 1] == 'Z' || s[n - 6] == '+' || s[n - 6] == '-');
}

static bool time_of_text(struct reading *rd, const char *text, int64_t *out)
{
    if (when_parse_rfc3339(text, out)) {
        if (!is_strict_time(text))
            remark(rd, "TLS_DATE_FORM", text);
        return true;
    }
    if (text_int64(text, out)) {
        remark(rd, "TLS_DATE_UNIX", text);
        return true;
    }
    if (!when_parse_rfc5322(text, out))
        return false;
    remark(rd, "TLS_DATE_FORM", text);
    return true;
}

static int read_time(struct reading *rd, const json_t *range, const char *name, int64_t *out,
    const char **sent, struct err *e)
{
    const json_t *v = json_object_get(range, name);

    if (!is_there(v))
        return err_set(e, ERR_INPUT, "schema-missing", "the date-range has no %s", name);
    if (json_is_string(v)) {
        *sent = fit(rd, json_string_value(v), name);
    } else if (json_is_number(v)) {
        double value = json_number_value(v);
        bool sane = value > -1e15 && value < 1e15;
        *sent = arena_printf(rd->a, "%lld", sane ? (long long)value : 0LL);
    } else {
        *sent = "";
    }
    if (!time_of_text(rd, *sent, out)) {
        return err_set(e, ERR_INPUT, "value-range", "%s is not a time: %.60s", name,
            text_safe(rd->a, *sent, 60));
    }
    if (*out >= millis_min)
        *out /= 1000;
    if (*out <= 0 || *out >= time_max) {
        return err_set(
            e, ERR_INPUT, "value-range", "%s is not a time of our age: %.60s", name, *sent);
    }
    return 0;
}

static int read_range(struct reading *rd, const json_t *root, struct err *e)
{
    const json_t *range = json_object_get(root, "date-range");
    struct tls_report *r = &rd->r;

    if (!json_is_object(range))
        return err_set(e, ERR_INPUT, "schema-missing", "the TLS report has no date-range");
    int rc = read_time(rd, range, "start-datetime", &r->begin, &r->begin_sent, e);
    if (rc == 0)
        rc = read_time(rd, range, "end-datetime", &r->end, &r->end_sent, e);
    if (rc == 0 && r->begin > r->end) {
        int64_t begin = r->end;
        r->end = r->begin;
        r->begin = begin;
        remark(rd, "TLS_DATE_SWAPPED", NULL);
    }
    return rc;
}

/* ---- policies ---- */

/* The word in its usual spelling if it is a known one in other letters, else as it came. */
static const char *known_word(const char *word, const char *const *known, bool *found)
{
    *found = true;
    for (; *known; known++) {
        if (strcasecmp(word, *known) == 0)
            return *known;
    }
    *found = false;
    return word;
}

static void read_failure(struct reading *rd, const json_t *v, struct tls_failure *f)
{
    static const char *const types[] = {"starttls-not-supported", "certificate-host-mismatch",
        "certificate-expired", "certificate-not-trusted", "validation-failure", "tlsa-invalid",
        "dnssec-invalid", "dane-required", "sts-policy-fetch-error", "sts-policy-invalid",
        "sts-webpki-invalid", NULL}; /* RFC 8460 4.3 */
    bool known;

    f->result_type = required_member(rd, v, "result-type");
    if (f->result_type) {
        f->result_type = known_word(f->result_type, types, &known);
        if (!known)
            remark(rd, "TLS_RESULT_TYPE_UNKNOWN", f->result_type);
    }
    f->sending_mta_ip = string_member(rd, v, "sending-mta-ip");
    f->receiving_mx_hostname = string_member(rd, v, "receiving-mx-hostname");
    f->receiving_mx_helo = string_member(rd, v, "receiving-mx-helo");
    f->receiving_ip = string_member(rd, v, "receiving-ip");
    f->sessions = count_member(rd, v, "failed-session-count", 1);
    /* RFC 8460 has one name in its text and another in its example */
    f->additional_information = string_member(rd, v, "additional-information");
    if (!f->additional_information)
        f->additional_information = string_member(rd, v, "additional-info-uri");
    f->reason_code = string_member(rd, v, "failure-reason-code");
}

static void read_failures(struct reading *rd, const json_t *v, struct tls_policy *p)
{
    int64_t sum = 0;

    for (size_t i = 0, n = list_size(rd, v, "failure-details"); i < n; i++) {
        const json_t *item = list_item(v, i);
        if (!json_is_object(item)) {
            remark(rd, "TLS_ITEM_DROPPED", "failure-details");
            continue;
        }
        if (++rd->items > LIMIT_TLS_ITEMS) {
            remark(rd, "TLS_ITEM_DROPPED", "failure-details beyond the limit");
            break;
        }
        p->failures = arena_grow(rd->a, p->failures, &p->n_failures, sizeof *p->failures);
        p->failures[p->n_failures - 1] = (struct tls_failure){0};
        read_failure(rd, item, &p->failures[p->n_failures - 1]);
        sum = sum > count_max ? sum : sum + p->failures[p->n_failures - 1].sessions;
    }
    if (sum >
        p->failed) /* one session may fail in several ways, so this is a remark and no fault */
        remark(rd, "TLS_SUM_MISMATCH", NULL);
}

/* Reporters that found no policy (Postfix with tlsrpt-reporter) leave the domain out; the envelope
 * has it. */
static const char *guess_domain(struct reading *rd)
{
    const char *file = rd->hints ? rd->hints->file_name : NULL;
    const char *subject = rd->hints ? rd->hints->subject : NULL;
    const char *bang = file ? strchr(file, '!') : NULL;
    const char *found = subject ? strcasestr(subject, "Report Domain:") : NULL;

    if (bang && strchr(bang + 1, '!'))
        return arena_strndup(rd->a, bang + 1, strcspn(bang + 1, "!"));
    if (!found)
        return NULL;
    found += strlen("Report Domain:");
    found += strspn(found, " \t\r\n");
    size_t n = strcspn(found, " \t\r\n");
    return n ? arena_strndup(rd->a, found, n) : NULL;
}

static void read_domain(struct reading *rd, const json_t *policy, struct tls_policy *p)
{
    const char *domain = string_member(rd, policy, "policy-domain");
    bool odd = false;

    p->domain_sent = domain;
    if (!domain || !*domain) {
        domain = guess_domain(rd);
        remark(rd, domain ? "TLS_DOMAIN_GUESSED" : "TLS_DOMAIN_MISSING", domain);
    }
    p->domain = domain_normalise(rd->a, domain, &odd);
    if (odd)
        remark(rd, "TLS_DOMAIN_ODD", p->domain);
}

static void read_policy(struct reading *rd, const json_t *v, struct tls_policy *p)
{
    static const char *const types[] = {"tlsa", "sts", "no-policy-found", NULL};
    const json_t *policy = json_object_get(v, "policy");
    const json_t *summary = json_object_get(v, "summary");
    bool known;

    p->type = required_member(rd, policy, "policy-type");
    if (p->type) {
        p->type = known_word(p->type, types, &known);
        if (!known)
            remark(rd, "TLS_POLICY_TYPE_UNKNOWN", p->type);
    }
    add_strings(
        rd, json_object_get(policy, "policy-string"), "policy-string", &p->strings, &p->n_strings);
    read_domain(rd, policy, p);
    /* again two names: the example of RFC 8460 has mx-host, its text mx-host-pattern */
    add_strings(rd, json_object_get(policy, "mx-host"), "mx-host", &p->mx_hosts, &p->n_mx_hosts);
    add_strings(rd, json_object_get(policy, "mx-host-pattern"), "mx-host-pattern", &p->mx_hosts,
        &p->n_mx_hosts);
    p->successful = count_member(rd, summary, "total-successful-session-count", 0);
    p->failed = count_member(rd, summary, "total-failure-session-count", 0);
    read_failures(rd, json_object_get(v, "failure-details"), p);
}

static int read_policies(struct reading *rd, const json_t *root, struct err *e)
{
    const json_t *v = json_object_get(root, "policies");
    struct tls_report *r = &rd->r;

    if (!json_is_array(v) && !json_is_object(v))
        return err_set(e, ERR_INPUT, "schema-missing", "the TLS report has no policies");
    for (size_t i = 0, n = list_size(rd, v, "policies"); i < n; i++) {
        const json_t *item = list_item(v, i);
        if (!json_is_object(item)) {
            remark(rd, "TLS_ITEM_DROPPED", "policies");
            continue;
        }
        if (++rd->items > LIMIT_TLS_ITEMS)
            return err_set(e, ERR_INPUT, "limit-records", "more than %d policies", LIMIT_TLS_ITEMS);
        r->policies = arena_grow(rd->a, r->policies, &r->n_policies, sizeof *r->policies);
        r->policies[r->n_policies - 1] = (struct tls_policy){0};
        read_policy(rd, item, &r->policies[r->n_policies - 1]);
    }
    if (r->n_policies == 0)
        remark(rd, "TLS_POLICIES_EMPTY", NULL);
    return 0;
}

/* ---- the whole ---- */

/* An addr-spec by the RFC; null, "mailto:x@y" and lists occur. */
static const char *read_contact(struct reading *rd, const json_t *root)
{
    const json_t *v = json_object_get(root, "contact-info");
    const char **items = NULL;
    const char *all = NULL;
    size_t n = 0;

    if (json_is_array(v)) {
        add_strings(rd, v, "contact-info", &items, &n);
    } else {
        all = string_of(rd, v, "contact-info");
    }
    for (size_t i = 0; i < n && i < 10; i++)
        all = all ? arena_printf(rd->a, "%s, %s", all, items[i]) : items[i];
    if (!all)
        remark(rd, "TLS_FIELD_MISSING", "contact-info");
    return all ? fit(rd, all, "contact-info") : NULL;
}

static const char *domain_of(struct reading *rd, const char *mailboxes)
{
    struct mailbox *boxes;
    bool odd = false;

    if (!mailboxes)
        return NULL;
    if (strncasecmp(mailboxes, "mailto:", 7) == 0)
        mailboxes += 7;
    if (header_mailboxes(rd->a, mailboxes, &boxes) == 0)
        return NULL;
    const char *domain = mailbox_domain(boxes[0].address);
    return domain ? domain_registrable(domain_normalise(rd->a, domain, &odd)) : NULL;
}

static const char *reporter_key(struct reading *rd)
{
    const char *domain = domain_of(rd, rd->r.contact_info);

    if (!domain && rd->hints)
        domain = domain_of(rd, rd->hints->mail_from);
    if (domain)
        return domain;
    return rd->r.organization_name ? text_lower(rd->a, rd->r.organization_name) : "unknown";
}

static int read_report(struct reading *rd, const json_t *root, struct err *e)
{
    if (!json_object_get(root, "policies") && !json_object_get(root, "date-range"))
        return err_set(e, ERR_INPUT, "not-a-report", "JSON, but not a TLS report");
    rd->r.organization_name = required_member(rd, root, "organization-name");
    rd->r.contact_info = read_contact(rd, root);
    rd->r.report_id = string_member(rd, root, "report-id");
    if (!rd->r.report_id || !*rd->r.report_id)
        return err_set(e, ERR_INPUT, "schema-missing", "the TLS report has no report-id");
    int rc = read_range(rd, root, e);
    if (rc == 0)
        rc = read_policies(rd, root, e);
    rd->r.reporter = reporter_key(rd);
    return rc;
}

static void remark_text(struct reading *rd, const struct json_text *found)
{
    if (found->bom)
        remark(rd, "TLS_BOM", NULL);
    if (found->recoded)
        remark(rd, "TLS_ENCODING", NULL);
    if (found->repaired)
        remark(rd, "TLS_STRING_REPAIRED", NULL);
    if (found->clamped)
        remark(rd, "TLS_NUMBER_CLAMPED", NULL);
    if (found->trailing)
        remark(rd, "TLS_TRAILING", NULL);
}

/* Is there anything in it that a TLS report has? Else it is somebody else's JSON, and that it is
 * broken is no loss. */
static bool has_known_key(const char *text, size_t len)
{
    static const char *const keys[] = {"organization-name", "date-range", "contact-info",
        "report-id", "\"policies\"", "policy-domain", "session-count"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (memmem(text, len, keys[i], strlen(keys[i])))
            return true;
    }
    return false;
}

/* The last of two equal keys counts (tlsrpt and RFC 8259 section 4 leave it open), but it is
 * remarked. */
static json_t *load(struct reading *rd, const char *text, size_t len, struct err *e)
{
    json_error_t why;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);

    if (!root && json_error_code(&why) == json_error_duplicate_key) {
        remark(rd, "TLS_DUPLICATE_KEY", NULL);
        root = json_loadb(text, len, 0, &why);
    }
    if (!root && !has_known_key(text, len)) {
        (void)err_set(e, ERR_INPUT, "not-a-report", "JSON, but not a TLS report");
    } else if (!root) {
        char safe[120];
        text_safe_into(safe, sizeof safe, why.text);
        (void)err_set(
            e, ERR_INPUT, "json-malformed", "line %d, column %d: %s", why.line, why.column, safe);
    }
    return root;
}

int tlsrpt_read(const char *bytes, size_t len, const struct report_hints *hints, struct sink *sink,
    enum grade *grade, struct err *e)
{
    struct reading rd = {.a = arena_new(), .hints = hints};
    struct json_text found;
    struct buf text;

    int rc = json_text_prepare(&text, &found, bytes, len, e);
    json_t *root = rc == 0 ? load(&rd, text.data, found.len, e) : NULL;
    buf_done(&text);
    if (root) {
        remark_text(&rd, &found);
        rc = read_report(&rd, root, e);
        json_decref(root);
    } else if (rc == 0) {
        rc = ERR_INPUT;
    }
    if (grade)
        *grade = rc < 0 ? GRADE_REFUSED : rd.r.grade;
    if (rc == 0 && sink->ops->tls)
        rc = sink->ops->tls(sink, &rd.r, e);
    arena_free(rd.a);
    return rc < 0 ? rc : 0;
}
