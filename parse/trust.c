#include "parse/trust.h"

#include "base/arena.h"
#include "base/text.h"
#include "parse/header.h"

#include <string.h>
#include <strings.h>

const char *trust_name(enum trust t)
{
    static const char *const names[] = {
        [TRUST_VERIFIED] = "verified",
        [TRUST_PLAUSIBLE] = "plausible",
        [TRUST_DOUBTFUL] = "doubtful",
    };

    return names[t];
}

enum trust trust_parse(const char *name)
{
    enum trust t = TRUST_VERIFIED;

    while (t < TRUST_DOUBTFUL && (!name || strcmp(name, trust_name(t)) != 0))
        t++;
    return t;
}

/* ---- domains ---- */

/* One operator, several domains: Yahoo sends from yahoo.com, gives addresses at yahooinc.com, and
 * reported as its earlier owners before. */
static const struct {
    const char *domain, *operator;
} operators[] = {
    {"aol.com", "yahoo.com"},
    {"oath.com", "yahoo.com"},
    {"verizonmedia.com", "yahoo.com"},
    {"yahooinc.com", "yahoo.com"},
};

/* NULL for what is no domain. */
static const char *comparable(struct arena *a, const char *name)
{
    bool odd = false;
    const char *domain = name ? domain_normalise(a, name, &odd) : NULL;

    if (!domain || odd || !strchr(domain, '.'))
        return NULL;
    return domain_registrable(domain);
}

static const char *operator_of(const char *domain)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (strcmp(operators[i].domain, domain) == 0)
            return operators[i].operator;
    }
    return domain;
}

static bool agree(const char *a, const char *b)
{
    return strcmp(operator_of(a), operator_of(b)) == 0;
}

static void add_domain(const char **list, size_t *n, const char *domain)
{
    if (domain && *n < TRUST_DOMAINS_MAX)
        list[(*n)++] = domain;
}

/* ---- Authentication-Results ---- */

/* The field without its comments, which may stand anywhere (RFC 8601 2.2, CFWS). */
static char *without_comments(struct arena *a, const char *s)
{
    char *out = arena_strdup(a, s);
    size_t n = 0;
    unsigned depth = 0;
    bool quoted = false;

    for (; *s; s++) {
        bool escaped = *s == '\\' && s[1] != '\0';
        if (*s == '"' && !depth)
            quoted = !quoted;
        if (!quoted && *s == '(')
            depth++;
        if (!depth)
            out[n++] = *s;
        if (!quoted && *s == ')' && depth && --depth == 0)
            out[n++] = ' ';
        if (escaped) {
            s++;
            if (!depth)
                out[n++] = *s;
        }
    }
    out[n] = '\0';
    return out;
}

static const char blanks[] = " \t\r\n";

/*
 * The next "name = value" before a semicolon; *at moves behind it. A value may be quoted in part:
 * "john doe"@example.com. False at the end of the result.
 */
static bool next_pair(struct arena *a, const char **at, const char **name, const char **value)
{
    const char *s = *at + strspn(*at, blanks);
    size_t n = strcspn(s, "=; \t\r\n");
    char *out;

    if (!*s || *s == ';')
        return false;
    *name = arena_strndup(a, s, n);
    s += n;
    s += strspn(s, blanks);
    if (*s != '=') { /* a bare word, as "none" is */
        *at = s;
        *value = "";
        return true;
    }
    s++;
    s += strspn(s, blanks);
    *value = out = arena_strdup(a, s);
    for (bool quoted = false; *s && (quoted || !strchr("; \t\r\n", *s)); s++) {
        if (*s == '"') {
            quoted = !quoted;
            continue;
        }
        if (quoted && *s == '\\' && s[1])
            s++;
        *out++ = *s;
    }
    *out = '\0';
    *at = s;
    return true;
}

/* What each method vouches for (RFC 8601 2.7.1, 2.7.2; RFC 7489 11.1). */
static const struct {
    const char *method, *property;
} checks[] = {
    {"dkim", "header.d"},
    {"dkim", "header.i"},
    {"spf", "smtp.mailfrom"},
    {"dmarc", "header.from"},
};

static bool vouches(const char *method, const char *property)
{
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (strcasecmp(checks[i].method, method) == 0 &&
            strcasecmp(checks[i].property, property) == 0)
            return true;
    }
    return false;
}

static bool is_method(const char *method)
{
    return strcasecmp(method, "dkim") == 0 || strcasecmp(method, "spf") == 0 ||
           strcasecmp(method, "dmarc") == 0;
}

/* none, neutral and the errors say nothing about the sender. */
static bool is_failure(const char *result)
{
    static const char *const words[] = {"fail", "softfail", "hardfail", "policy"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(result, words[i]) == 0)
            return true;
    }
    return false;
}

static const char *domain_of(struct arena *a, const char *value)
{
    const char *at = strrchr(value, '@');

    return comparable(a, at ? at + 1 : value);
}

/* "dkim=pass header.d=example.com"; *at moves to the semicolon behind it or to the end. */
static void read_result(struct arena *a, const char **at, struct trust_evidence *out)
{
    const char *method;
    const char *result;
    const char *property;
    const char *value;

    if (!next_pair(a, at, &method, &result))
        return;
    method = arena_strndup(a, method, strcspn(method, "/")); /* "dkim/1" */
    bool passed = strcasecmp(result, "pass") == 0;
    if (is_method(method) && is_failure(result))
        out->failed = true;
    while (next_pair(a, at, &property, &value)) {
        if (passed && vouches(method, property))
            add_domain(out->vouched, &out->n_vouched, domain_of(a, value));
    }
}

static bool is_believed(struct arena *a, const struct trust_settings *set, const char *field)
{
    const char *s = field + strspn(field, blanks);
    const char *id = arena_strndup(a, s, strcspn(s, "; \t\r\n"));

    for (size_t i = 0; i < set->n_authserv_ids; i++) {
        if (strcasecmp(set->authserv_ids[i], id) == 0)
            return true;
    }
    return false;
}

static void read_results(struct arena *a, const char *field, struct trust_evidence *out)
{
    const char *at = field + strcspn(field, ";");

    while (*at == ';') {
        at++;
        read_result(a, &at, out);
    }
}

static void read_senders(struct arena *a, const char *from, struct trust_evidence *out)
{
    struct mailbox *boxes;
    size_t n = header_mailboxes(a, from, &boxes);

    /* All of them: the first of two is what the second hides behind. */
    for (size_t i = 0; i < n; i++) {
        const char *domain = mailbox_domain(boxes[i].address);
        add_domain(out->senders, &out->n_senders, domain ? comparable(a, domain) : NULL);
    }
}

void trust_read(struct arena *a, const struct trust_settings *set, const struct message_info *m,
    struct trust_evidence *out)
{
    *out = (struct trust_evidence){0};
    if (!m->is_mail)
        return;
    const char *from = m->from_sent ? m->from_sent : m->from;
    if (from)
        read_senders(a, from, out);
    for (size_t i = 0; i < m->n_authentications; i++) {
        const char *field = without_comments(a, m->authentications[i]);
        if (is_believed(a, set, field)) {
            read_results(a, field, out);
            return;
        }
    }
}

/* ---- the judgement ---- */

static bool is_free_name(const char *reporter)
{
    const char *dot = strrchr(reporter, '.');

    return !dot || !dot[1] || strpbrk(reporter, " \t,!&'\"()");
}

enum trust trust_judge(const struct trust_evidence *v, const char *reporter)
{
    if (is_free_name(reporter))
        return v->failed && !v->n_vouched ? TRUST_DOUBTFUL : TRUST_PLAUSIBLE;
    for (size_t i = 0; i < v->n_senders; i++) {
        if (!agree(v->senders[i], reporter))
            return TRUST_DOUBTFUL;
    }
    for (size_t i = 0; i < v->n_vouched; i++) {
        if (agree(v->vouched[i], reporter))
            return TRUST_VERIFIED;
    }
    return v->failed || v->n_vouched ? TRUST_DOUBTFUL : TRUST_PLAUSIBLE;
}
