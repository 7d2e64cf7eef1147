#include "check/sts.h"

#include "base/arena.h"
#include "base/text.h"
#include "check/history.h"
#include "check/published.h"

#include <string.h>
#include <strings.h>

enum {
    ID_MAX = 32,
    SECONDS_PER_DAY = 86400,
    MAX_AGE_MOST = 31557600,
    EXPIRES_SOON_DAYS = 14,
    TESTING_DAYS = 60
};

/* ---- the policy ---- */

const char *sts_mode_name(enum sts_mode m)
{
    static const char *const names[] = {
        [STS_MODE_INVALID] = "invalid",
        [STS_MODE_NONE] = "none",
        [STS_MODE_TESTING] = "testing",
        [STS_MODE_ENFORCE] = "enforce",
    };

    return names[m];
}

static enum sts_mode read_mode(const char *value)
{
    for (enum sts_mode m = STS_MODE_NONE; m <= STS_MODE_ENFORCE; m++) {
        if (strcmp(value, sts_mode_name(m)) == 0)
            return m;
    }
    return STS_MODE_INVALID;
}

static void read_line(struct arena *a, const char *key, const char *value, struct sts_policy *out)
{
    if (strcmp(key, "version") == 0) {
        out->version = strcmp(value, "STSv1") == 0;
    } else if (strcmp(key, "mode") == 0) {
        out->mode = read_mode(value);
    } else if (strcmp(key, "max_age") == 0) {
        if (!text_int64(value, &out->max_age) || out->max_age < 0)
            out->max_age = -1;
    } else if (strcmp(key, "mx") == 0 && out->n_patterns < STS_PATTERNS_MAX) {
        out->patterns[out->n_patterns++] = text_lower(a, value);
    }
}

void sts_policy_read(struct arena *a, const char *text, size_t len, struct sts_policy *out)
{
    const char *end = text + len;

    *out = (struct sts_policy){
        .max_age = -1, .patterns = arena_alloc(a, STS_PATTERNS_MAX * sizeof *out->patterns)};
    for (const char *line = text; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        char *copy = arena_strndup(a, line, (size_t)((stop ? stop : end) - line));
        char *colon = strchr(copy, ':');
        if (colon) {
            size_t n;
            *colon = '\0';
            const char *key = text_trim(copy, &n);
            key = arena_strndup(a, key, n);
            const char *value = text_trim(colon + 1, &n);
            read_line(a, key, arena_strndup(a, value, n), out);
        }
        line = stop ? stop + 1 : end;
    }
}

bool sts_pattern_is_valid(const char *pattern)
{
    const char *rest = strncmp(pattern, "*.", 2) == 0 ? pattern + 2 : pattern;

    return *rest && !strchr(rest, '*') && strchr(rest, '.') && *rest != '.';
}

bool sts_pattern_matches(const char *pattern, const char *host)
{
    if (strncmp(pattern, "*.", 2) != 0)
        return strcasecmp(pattern, host) == 0;
    const char *dot = strchr(host, '.');
    return dot && dot != host && strcasecmp(pattern + 1, dot) == 0;
}

/* ---- what is wrong with it ---- */

static void check_fields(struct subject *s, const struct sts_result *r)
{
    const struct sts_policy *p = r->policy;
    const char *const faults[] = {p->version ? NULL : "there is no 'version: STSv1'",
        p->mode != STS_MODE_INVALID ? NULL : "mode is none of none, testing, enforce",
        p->max_age >= 0 ? NULL : "max_age is missing or no number",
        p->n_patterns || p->mode == STS_MODE_NONE ? NULL : "there is no mx line"};

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (faults[i])
            finding_add(&s->findings, "STS-06", r->url, "the policy is not valid: %s", faults[i]);
    }
    bool short_lived = p->mode == STS_MODE_ENFORCE && p->max_age < SECONDS_PER_DAY;
    if (p->max_age >= 0 && (short_lived || p->max_age > MAX_AGE_MOST)) {
        finding_add(
            &s->findings, "STS-09", r->url, "max_age is %lld seconds", (long long)p->max_age);
    }
}

static bool covers(const struct sts_policy *p, const char *host)
{
    for (size_t i = 0; i < p->n_patterns; i++) {
        if (sts_pattern_is_valid(p->patterns[i]) && sts_pattern_matches(p->patterns[i], host))
            return true;
    }
    return false;
}

static void check_hosts(struct subject *s, const struct mx_result *mx, const struct sts_result *r)
{
    const struct sts_policy *p = r->policy;

    for (size_t i = 0; i < mx->n && p->mode == STS_MODE_ENFORCE; i++) {
        if (covers(p, mx->hosts[i].name))
            continue;
        finding_add(
            &s->findings, "STS-07", r->url, "no mx line covers the MX host %s", mx->hosts[i].name);
        finding_arg(&s->findings, "host", "%s", mx->hosts[i].name);
    }
    for (size_t i = 0; i < p->n_patterns; i++) {
        const char *pattern = p->patterns[i];
        const char *shown = finding_escape(s->arena, pattern, strlen(pattern));
        bool used = mx->unknown;
        if (!sts_pattern_is_valid(pattern)) {
            finding_add(&s->findings, "STS-12", r->url,
                "'mx: %.200s' is neither a host name nor '*.' and one", shown);
            continue;
        }
        for (size_t k = 0; k < mx->n; k++)
            used = used || sts_pattern_matches(pattern, mx->hosts[k].name);
        if (!used)
            finding_add(&s->findings, "STS-08", r->url, "'mx: %.200s' fits no MX host", shown);
    }
}

/* A test that has gone well for long enough. */
static void check_testing(struct subject *s, const struct sts_result *r)
{
    const struct check_history *h = s->history;
    int64_t days = h && h->tls_first ? (s->now - h->tls_first) / SECONDS_PER_DAY : 0;

    if (r->policy->mode == STS_MODE_TESTING && days > TESTING_DAYS && h->tls_successful &&
        h->tls_failed == 0) {
        finding_add(&s->findings, "STS-11", r->url,
            "mode testing, and TLS reports of %lld days tell of no failure", (long long)days);
    }
}

/* Senders fetch the policy again when the id in the record is another, and not before. */
static void check_id(struct subject *s, const struct sts_result *r)
{
    const struct check_history *h = s->history;

    if (!h || !h->sts_record || !h->sts_policy)
        return;
    const char *record = finding_escape(s->arena, r->record->data, r->record->len);
    if (strcmp(record, h->sts_record) == 0 &&
        strcmp(published_policy(s->arena, r->policy), h->sts_policy) != 0) {
        finding_add(&s->findings, "STS-10", r->name,
            "the policy is not the one of the last check, but its id is");
        finding_text(&s->findings, r->record->data, r->record->len);
    }
}

static void check_document(struct subject *s, const struct fetched *f, const struct sts_result *r)
{
    int64_t left = f->certificate_expires - s->now;

    if (strcmp(f->content_type, "text/plain") != 0) {
        finding_add(&s->findings, "STS-05", r->url, "the content type is '%.100s'",
            text_safe(s->arena, f->content_type, 100));
    }
    if (f->certificate_expires && left < (int64_t)EXPIRES_SOON_DAYS * SECONDS_PER_DAY) {
        finding_add(&s->findings, "STS-14", r->url, "its certificate expires in %lld days",
            (long long)(left / SECONDS_PER_DAY));
    }
}

/* Gets the policy; a failure is a finding when there is a record that promises it. */
static bool fetch(struct subject *s, bool promised, struct sts_result *r)
{
    struct fetched f;
    struct err e;
    struct sts_policy *policy = arena_alloc(s->arena, sizeof *policy);

    int rc = s->fetch(s->fetch_context, r->url, STS_POLICY_MAX, s->arena, &f, &e);
    if (rc == 0 && f.status != 200)
        rc = err_set(&e, ERR_INPUT, "status", "the server says %u", f.status);
    if (rc) {
        if (promised) {
            finding_add(&s->findings, "STS-04", r->url, "the policy cannot be fetched: %s",
                text_safe(s->arena, e.text, 300));
        }
        return false;
    }
    check_document(s, &f, r);
    sts_policy_read(s->arena, f.body, f.len, policy);
    r->policy = policy;
    return true;
}

/* ---- the record ---- */

static bool is_id(const char *id)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t n = strlen(id);

    return n > 0 && n <= ID_MAX && strspn(id, allowed) == n;
}

static void check_record(struct subject *s, struct sts_result *r)
{
    tags_read(s->arena, r->record->data, r->record->len, &r->tags);
    const char *id = tags_value(&r->tags, "id");
    if (id && is_id(id))
        return;
    finding_add(&s->findings, "STS-03", r->name,
        id ? "id= is not 1 to 32 letters and digits" : "there is no id=");
    finding_text(&s->findings, r->record->data, r->record->len);
    char day[] = "202601010000"; /* how such an id looks */
    finding_arg(&s->findings, "id", "%s", day);
}

static size_t find_record(struct subject *s, struct sts_result *r, bool *answered)
{
    struct dns_answer txt;
    size_t n = 0;

    r->name = arena_printf(s->arena, "_mta-sts.%s", s->domain);
    subject_ask(s, r->name, DNS_TXT, &txt);
    *answered = txt.status != DNS_FAILED;
    for (size_t i = 0; i < txt.n; i++) {
        if (!record_begins(&txt.records[i], "v=STSv1"))
            continue;
        if (n++ == 0)
            r->record = &txt.records[i];
    }
    return n;
}

/* A policy nobody is told of. */
static void check_without_record(
    struct subject *s, const struct mx_result *mx, struct sts_result *r)
{
    const char *host = arena_printf(s->arena, "mta-sts.%s", s->domain);
    bool dane = false;

    if (s->fetch && (subject_has(s, host, DNS_A) || subject_has(s, host, DNS_AAAA)) &&
        fetch(s, false, r)) {
        finding_add(&s->findings, "STS-13", r->name,
            "there is a policy at %s, but no record that says so", r->url);
        return;
    }
    for (size_t i = 0; i < mx->n; i++)
        dane = dane || mx->hosts[i].has_tlsa;
    if (!dane && mx->n) {
        finding_add(&s->findings, "STS-01", r->name, "neither MTA-STS nor DANE protects mail to %s",
            s->domain);
    }
}

static void check_alias(struct subject *s)
{
    struct dns_answer a;
    const char *host = arena_printf(s->arena, "mta-sts.%s", s->domain);

    subject_ask_quietly(s, host, DNS_A, &a);
    if (a.status == DNS_NXDOMAIN && a.n_chain &&
        subject_is_unregistered(s, a.chain[a.n_chain - 1])) {
        finding_add(&s->findings, "X-08", host,
            "%s is an alias of %s, whose domain is not registered", host, a.chain[a.n_chain - 1]);
    }
}

void sts_check(struct subject *s, const struct mx_result *mx, struct sts_result *out)
{
    bool answered;

    *out = (struct sts_result){
        .url = arena_printf(s->arena, "https://mta-sts.%s/.well-known/mta-sts.txt", s->domain)};
    size_t n = find_record(s, out, &answered);
    if (!answered)
        return;
    check_alias(s);
    if (n == 0) {
        check_without_record(s, mx, out);
        return;
    }
    if (n > 1) {
        finding_add(&s->findings, "STS-02", out->name, "%zu records", n);
        finding_text(&s->findings, out->record->data, out->record->len);
        out->record = NULL;
        return;
    }
    check_record(s, out);
    if (s->fetch && fetch(s, true, out)) {
        check_fields(s, out);
        check_hosts(s, mx, out);
        check_testing(s, out);
        check_id(s, out);
    }
}
