/*
 * A whole check of example.com over a DNS made of the input: a table (tests/unit/dns_table.h) up to
 * a form feed; what follows is every document there is to fetch. The results are printed, too, and
 * all of the input is read as a record.
 */
#include "base/arena.h"
#include "base/text.h"
#include "check/check.h"
#include "check/history.h"
#include "cli/print_check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/dns_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct document {
    const char *bytes;
    size_t len;
};

static void promise(bool kept)
{
    if (!kept)
        abort();
}

/* ---- one record ---- */

static void look_at_tags(const struct tags *t, size_t len)
{
    size_t end = 0;

    promise(t->n <= TAGS_MAX && (t->non_ascii == 0 || t->first_non_ascii < len));
    for (size_t i = 0; i < t->n; i++) {
        const struct tag *x = &t->items[i];
        promise(x->offset >= end && *x->text && x->offset + strlen(x->text) <= len);
        end = x->offset + strlen(x->text);
        promise((x->value != NULL) == (strchr(x->text, '=') != NULL));
    }
}

static void look_at_uris(const struct dmarc_uris *l)
{
    bool usable = false;

    promise(l->n <= DMARC_URIS_MAX);
    for (size_t i = 0; i < l->n; i++) {
        const struct dmarc_uri *u = &l->items[i];
        promise(!u->fault || (finding_kind_find(u->fault) && u->why));
        promise(u->usable == !u->fault);
        promise(!u->usable || (u->local && strchr(u->domain, '.')));
        usable = usable || u->usable;
    }
    promise(usable == l->usable);
}

static void look_at_dmarc(struct arena *a, const struct dmarc_record *r)
{
    struct dmarc_reading readings[DMARC_READINGS];

    static const enum dmarc_scope scopes[] = {DMARC_DOMAIN, DMARC_SUBDOMAIN, DMARC_INVENTED};

    look_at_tags(&r->tags, r->len);
    look_at_uris(&r->rua);
    look_at_uris(&r->ruf);
    promise(r->pct >= 0 && r->pct <= 100);
    for (size_t i = 0; i < 3; i++) {
        enum dmarc_policy p = dmarc_effective(r, scopes[i], DMARC_9989);
        promise(p == DMARC_ABSENT || p >= DMARC_NONE);
        /* fails safe: only the very word is a reject */
        promise(p != DMARC_REJECT || memmem(r->text, r->len, "e", 1) ||
                memmem(r->text, r->len, "E", 1));
        promise(*dmarc_effective_text(a, r, scopes[i], DMARC_7489));
    }
    dmarc_record_explain(a, r, readings);
}

static void read_as_record(struct arena *a, const char *text, size_t len)
{
    struct dmarc_record dmarc;
    struct sts_policy policy;
    struct dkim_key key;
    const char *copy = arena_strndup(a, text, len);

    dmarc_record_read(a, text, len, &dmarc);
    look_at_dmarc(a, &dmarc);
    (void)dmarc_kind_of(text, len);
    sts_policy_read(a, text, len, &policy);
    promise(policy.n_patterns <= STS_PATTERNS_MAX && policy.max_age >= -1);
    (void)dkim_looks_like_key(text, len);
    if (!dkim_key_read(a, DKIM_KEY_RSA, copy, &key))
        promise(key.bits > 0 && key.len > 0);
    (void)tlsrpt_uri_fault(a, copy);
    (void)bimi_logo_fault(text, len);
}

/* ---- a check ---- */

static int fetch(
    void *context, const char *url, size_t max, struct arena *a, struct fetched *out, struct err *e)
{
    const struct document *d = context;

    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "HTTPS://", 8) != 0)
        return err_set(e, ERR_INPUT, "https", "%.100s", url);
    *out = (struct fetched){.status = d->len % 7 ? 200 : 404,
        .content_type = "text/plain",
        .body = arena_strndup(a, d->bytes, d->len < max ? d->len : max),
        .len = d->len < max ? d->len : max};
    return 0;
}

static void look_at_finding(const struct check_finding *f)
{
    promise(f->kind && f->severity <= SEVERITY_INFO && *f->message);
    promise(text_is_utf8(f->message, strlen(f->message)));
    promise(!f->text || strlen(f->text) <= (size_t)FINDING_TEXT_MAX * 4 + 3);
    promise(f->offset >= -1 && f->messages >= -1);
}

static void print(const struct check_result *r, void (*printer)(struct check_printer *, FILE *))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct check_printer p;

    if (!out)
        return;
    printer(&p, out);
    p.begin(&p);
    p.one(&p, r);
    p.end(&p);
    (void)fclose(out);
    promise(len > 0 && text_is_utf8(text, len));
    for (size_t i = 0; i < len; i++)
        promise(text[i] == '\n' || (unsigned char)text[i] >= ' ');
    free(text);
}

static void check(struct arena *a, const char *lines, struct document *document)
{
    static const struct history_signature signatures[] = {
        {"example.com", "seen", 10, 9, 1790000000, 1794999999, 3},
        {"x.onmicrosoft.com", "selector1", 10, 9, 1790000000, 1794999999, 3}};
    static const struct check_history history = {.messages = 20,
        .dmarc_pass = 9,
        .first = 1790000000,
        .last = 1794999999,
        .signatures = signatures,
        .n_signatures = 2,
        .tls_first = 1780000000,
        .tls_successful = 9};
    static const char *const selectors[] = {"m1"};
    struct dns *d = dns_table_of(lines);
    struct check_result r;
    const struct check_settings set = {.dns = d,
        .fetch = document->len ? fetch : NULL,
        .fetch_context = document,
        .dkim = {.selectors = selectors, .n = 1, .probe = document->len % 3 == 0},
        .now = 1795000000};

    check_domain(
        &set, &(struct check_target){"example.com", document->len % 2 ? &history : NULL}, a, &r);
    promise(r.domain && r.questions <= SUBJECT_QUESTIONS_MAX);
    for (size_t i = 0; i < r.findings.n; i++) {
        look_at_finding(&r.findings.items[i]);
        promise(i == 0 || r.findings.items[i - 1].severity <= r.findings.items[i].severity);
    }
    print(&r, print_check_text);
    print(&r, print_check_json);
    dns_close(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    const char *text = arena_strndup(a, (const char *)data, size);
    const char *feed = memchr(text, '\f', size);
    struct document document = {
        .bytes = feed ? feed + 1 : "", .len = feed ? size - (size_t)(feed + 1 - text) : 0};

    read_as_record(a, text, size);
    check(a, arena_strndup(a, text, feed ? (size_t)(feed - text) : size), &document);
    arena_free(a);
    return 0;
}
