#include "check/tlsrpt_record.h"

#include "base/arena.h"
#include "base/text.h"
#include "check/history.h"

#include <string.h>
#include <strings.h>

enum {
    URIS_MAX = 20,
    ANSWER_MAX = 64 * 1024 /* of an https destination; nobody reads it */
};

const char *tlsrpt_uri_fault(struct arena *a, const char *uri)
{
    bool odd = false;

    if (strncasecmp(uri, "mailto:", 7) == 0) {
        const char *at = strchr(uri, '@');
        if (!at || at == uri + 7 || strchr(at + 1, '@') || strpbrk(uri, " \t<>\"!"))
            return "this is no mail address";
        (void)domain_normalise(a, arena_strndup(a, at + 1, strcspn(at + 1, "?")), &odd);
        return odd ? "its domain is not valid" : NULL;
    }
    if (strncasecmp(uri, "https://", 8) == 0) {
        size_t n = strcspn(uri + 8, "/?#:");
        (void)domain_normalise(a, arena_strndup(a, uri + 8, n), &odd);
        return odd || n == 0 || strpbrk(uri, " \t<>\"") ? "this is no https URL" : NULL;
    }
    return "the scheme is neither mailto nor https";
}

static void about(struct subject *s, const struct tlsrpt_result *r)
{
    finding_text(&s->findings, r->record->data, r->record->len);
}

static void check_https(struct subject *s, const struct tlsrpt_result *r, const char *uri)
{
    struct fetched f;
    struct err e;

    if (!s->fetch || strncasecmp(uri, "https://", 8) != 0 ||
        s->fetch(s->fetch_context, uri, ANSWER_MAX, s->arena, &f, &e) == 0)
        return;
    finding_add(&s->findings, "TLSRPT-05", r->name, "%.200s: %s",
        finding_escape(s->arena, uri, strlen(uri)), text_safe(s->arena, e.text, 300));
}

/* Reports about failing TLS go to a domain whose TLS fails. */
static void check_own_mailbox(struct subject *s, const struct tlsrpt_result *r, const char *uri)
{
    const char *at = strncasecmp(uri, "mailto:", 7) == 0 ? strchr(uri, '@') : NULL;
    bool odd = false;

    if (!at || !r->enforced || !s->history || s->history->tls_failed == 0)
        return;
    const char *host = arena_strndup(s->arena, at + 1, strcspn(at + 1, "?"));
    if (strcmp(domain_normalise(s->arena, host, &odd), s->domain) != 0)
        return;
    finding_add(&s->findings, "TLSRPT-06", r->name,
        "TLS fails here, and the reports about it come here, too");
}

static void check_uris(struct subject *s, const struct tlsrpt_result *r, const char *value)
{
    size_t n = 0;

    for (const char *at = value; at && n < URIS_MAX; n++) {
        const char *comma = strchr(at, ',');
        char *part = arena_strndup(s->arena, at, comma ? (size_t)(comma - at) : strlen(at));
        size_t len;
        const char *start = text_trim(part, &len);
        const char *uri = arena_strndup(s->arena, start, len);
        const char *why = tlsrpt_uri_fault(s->arena, uri);
        if (why) {
            finding_add(&s->findings, "TLSRPT-04", r->name, "'%.200s': %s",
                finding_escape(s->arena, uri, len), why);
            about(s, r);
        } else {
            check_https(s, r, uri);
            check_own_mailbox(s, r, uri);
        }
        at = comma ? comma + 1 : NULL;
    }
}

static void check_record(struct subject *s, struct tlsrpt_result *r)
{
    tags_read(s->arena, r->record->data, r->record->len, &r->tags);
    const char *rua = tags_value(&r->tags, "rua");
    if (rua && *rua) {
        check_uris(s, r, rua);
    } else {
        finding_add(&s->findings, "TLSRPT-04", r->name, "there is no rua=");
        about(s, r);
    }
}

static void check_wrong_names(struct subject *s)
{
    const char *const names[] = {arena_printf(s->arena, "_smtp-tlsrpt.%s", s->domain),
        arena_printf(s->arena, "_tls.%s", s->domain)};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct dns_answer txt;
        subject_ask_quietly(s, names[i], DNS_TXT, &txt);
        for (size_t k = 0; k < txt.n; k++) {
            if (!record_begins(&txt.records[k], "v=TLSRPTv1"))
                continue;
            finding_add(&s->findings, "TLSRPT-07", names[i], "a record stands at %s", names[i]);
            finding_text(&s->findings, txt.records[k].data, txt.records[k].len);
        }
    }
}

void tlsrpt_check(struct subject *s, bool protected, bool enforced, struct tlsrpt_result *out)
{
    struct dns_answer txt;
    const struct dns_record *near = NULL;
    size_t n = 0;

    *out = (struct tlsrpt_result){
        .name = arena_printf(s->arena, "_smtp._tls.%s", s->domain), .enforced = enforced};
    subject_ask(s, out->name, DNS_TXT, &txt);
    if (txt.status == DNS_FAILED)
        return;
    for (size_t i = 0; i < txt.n; i++) {
        const struct dns_record *r = &txt.records[i];
        if (r->len >= 11 && memcmp(r->data, "v=TLSRPTv1;", 11) == 0) {
            out->record = n++ ? out->record : r;
        } else if (strcasestr(r->data, "tlsrpt") || strcasestr(r->data, "rua=")) {
            near = r;
        }
    }
    if (n > 1) {
        finding_add(&s->findings, "TLSRPT-02", out->name, "%zu records", n);
        about(s, out);
        out->record = NULL;
    } else if (n == 1) {
        check_record(s, out);
    } else if (near) {
        finding_add(&s->findings, "TLSRPT-03", out->name,
            "the record does not begin with "
            "v=TLSRPTv1 and a semicolon");
        finding_text(&s->findings, near->data, near->len);
    } else {
        check_wrong_names(s);
        if (protected) {
            finding_add(&s->findings, "TLSRPT-01", out->name,
                "MTA-STS or DANE is in use, but nobody is told when it fails");
        }
    }
}
