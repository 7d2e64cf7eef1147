#include "check/bimi.h"

#include "base/arena.h"
#include "base/text.h"
#include "check/certificate.h"

#include <string.h>
#include <strings.h>

enum {
    LOGO_USUAL_MAX = 32 * 1024,
    LOGO_MAX = 1024 * 1024,
    CERTIFICATE_MAX = 1024 * 1024,
    SECONDS_PER_DAY = 86400,
    EXPIRES_SOON_DAYS = 14
};

static void complain(
    struct subject *s, const struct bimi_result *r, const char *id, const char *why)
{
    finding_add(&s->findings, id, r->name, "%s", why);
    if (r->record)
        finding_text(&s->findings, r->record->data, r->record->len);
}

/* ---- the logo ---- */

static bool has(const char *svg, size_t len, const char *word)
{
    return memmem(svg, len, word, strlen(word)) != NULL;
}

const char *bimi_logo_fault(const char *svg, size_t len)
{
    if (len > LOGO_USUAL_MAX)
        return "it is larger than 32 KB";
    if (!has(svg, len, "baseProfile=\"tiny-ps\"") && !has(svg, len, "baseProfile='tiny-ps'"))
        return "its baseProfile is not tiny-ps";
    if (!has(svg, len, "version=\"1.2\"") && !has(svg, len, "version='1.2'"))
        return "its version is not 1.2";
    if (!has(svg, len, "<title"))
        return "it has no title";
    if (has(svg, len, "<script"))
        return "it holds a script";
    if (has(svg, len, "<animate") || has(svg, len, "<set "))
        return "it is animated";
    if (has(svg, len, "<image") || has(svg, len, "href=\"http") || has(svg, len, "href='http"))
        return "it refers to something outside";
    return NULL;
}

static bool is_https(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0;
}

static bool fetch(
    struct subject *s, const char *url, size_t max, struct fetched *out, const char **why)
{
    struct err e;

    int rc = s->fetch(s->fetch_context, url, max, s->arena, out, &e);
    if (rc == 0 && out->status == 200)
        return true;
    *why = rc ? text_safe(s->arena, e.text, 300)
              : arena_printf(s->arena, "the server says %u", out->status);
    return false;
}

/* False when there is no logo to go on with. */
static bool check_logo(
    struct subject *s, const struct bimi_result *r, const char *url, struct fetched *f)
{
    const char *why;

    if (!is_https(url)) {
        complain(s, r, "BIMI-04", "l= is no https URL");
        return false;
    }
    if (!s->fetch)
        return false;
    if (!fetch(s, url, LOGO_MAX, f, &why)) {
        complain(s, r, "BIMI-04", arena_printf(s->arena, "the logo cannot be fetched: %s", why));
        return false;
    }
    if (!has(f->body, f->len, "<svg")) {
        complain(s, r, "BIMI-04", "what l= leads to is no SVG");
        return false;
    }
    why = bimi_logo_fault(f->body, f->len);
    if (why)
        complain(s, r, "BIMI-05", arena_printf(s->arena, "the logo: %s", why));
    return true;
}

/* False when there is no certificate to go on with. */
static bool check_certificate(
    struct subject *s, const struct bimi_result *r, const char *url, struct fetched *f)
{
    const char *why;
    int64_t expires;

    if (!s->fetch || !is_https(url))
        return false;
    if (!fetch(s, url, CERTIFICATE_MAX, f, &why)) {
        complain(
            s, r, "BIMI-07", arena_printf(s->arena, "the certificate cannot be fetched: %s", why));
        return false;
    }
    if (!certificate_read(f->body, f->len, s->domain, &expires, &why)) {
        complain(s, r, "BIMI-07", why);
    } else if (expires - s->now < (int64_t)EXPIRES_SOON_DAYS * SECONDS_PER_DAY) {
        complain(s, r, "BIMI-07",
            expires < s->now ? "the certificate has expired" : "the certificate expires soon");
    }
    return true;
}

static void check_same_logo(struct subject *s, const struct bimi_result *r,
    const struct fetched *logo, const struct fetched *mark)
{
    const char *svg;
    size_t len;

    if (certificate_logo(mark->body, mark->len, LOGO_MAX, s->arena, &svg, &len) &&
        (len != logo->len || memcmp(svg, logo->body, len) != 0))
        complain(s, r, "BIMI-09", "the logo at l= is not the one in the certificate");
}

/* ---- the record ---- */

static void check_tags(struct subject *s, struct bimi_result *r)
{
    tags_read(s->arena, r->record->data, r->record->len, &r->tags);
    const char *logo = tags_value(&r->tags, "l");
    const char *mark = tags_value(&r->tags, "a");

    if (tags_value(&r->tags, "avp") || tags_value(&r->tags, "lps"))
        complain(s, r, "BIMI-10", "a tag of a newer draft (avp=, lps=)");
    if (logo && !*logo && (!mark || !*mark)) {
        complain(s, r, "BIMI-08", "l= and a= are empty: no logo, on purpose");
        return;
    }
    struct fetched of_mark;
    struct fetched of_logo;
    bool has_mark = false;
    if (!mark || !*mark) {
        complain(s, r, "BIMI-06", "there is no mark certificate (a=)");
    } else {
        has_mark = check_certificate(s, r, mark, &of_mark);
    }
    if (check_logo(s, r, logo ? logo : "", &of_logo) && has_mark)
        check_same_logo(s, r, &of_logo, &of_mark);
}

static bool is_enforcing(const struct dmarc_result *d)
{
    const struct dmarc_place *p = d->as_9989.place ? d->as_9989.place : d->as_7489.place;

    if (!p || !p->record)
        return false;
    const struct dmarc_record *r = p->record;
    return r->p >= DMARC_QUARANTINE && r->pct == 100 && r->np != DMARC_INVALID &&
           (r->sp == DMARC_ABSENT || r->sp >= DMARC_QUARANTINE);
}

/* The records at a name: how many begin right, whether there is anything, and the first right one.
 */
static bool look(struct subject *s, const char *domain, struct bimi_result *r, size_t *n)
{
    struct dns_answer txt;
    const struct dns_record *first = NULL;

    r->name = arena_printf(s->arena, "default._bimi.%s", domain);
    subject_ask(s, r->name, DNS_TXT, &txt);
    *n = 0;
    for (size_t i = 0; i < txt.n; i++) {
        if (!record_begins(&txt.records[i], "v=BIMI1;"))
            continue;
        (*n)++;
        first = first ? first : &txt.records[i];
    }
    r->record = first;
    return txt.n > 0 || txt.status == DNS_FAILED;
}

void bimi_check(struct subject *s, const struct dmarc_result *dmarc, struct bimi_result *out)
{
    size_t n;

    *out = (struct bimi_result){0};
    bool there = look(s, s->domain, out, &n);
    if (!there && strcmp(dmarc->org_psl, s->domain) != 0)
        there = look(s, dmarc->org_psl, out, &n);
    struct dns_answer txt;
    subject_ask_quietly(s, out->name, DNS_TXT, &txt);
    if (txt.status == DNS_FAILED)
        return;
    if (!there) {
        complain(s, out, "BIMI-01", "no logo is published");
        return;
    }
    if (n != 1) {
        complain(s, out, "BIMI-02",
            n ? "more than one record" : "the record does not begin with v=BIMI1;");
        out->record = NULL;
        return;
    }
    if (!dmarc->unknown && !is_enforcing(dmarc))
        complain(s, out, "BIMI-03", "DMARC does not enforce, so no logo is shown");
    check_tags(s, out);
}
