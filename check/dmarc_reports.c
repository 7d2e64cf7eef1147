/* Where a DMARC record sends reports, and whether they arrive (RFC 9990 section 4). */
#include "base/arena.h"
#include "base/text.h"
#include "check/dmarc.h"

#include <string.h>
#include <strings.h>

enum {
    NAME_MAX_OCTETS = 253,
    URIS_FOR_ALL = 2 /* RFC 7489 section 6.2: receivers may stop after two */
};

struct destination {
    struct subject *subject;
    const struct dmarc_place *place;
    const char *tag;
    const struct dmarc_uri *uri;
};

static void complain(const struct destination *d, const char *id, const char *why)
{
    struct findings *f = &d->subject->findings;
    const char *shown = finding_escape(f->arena, d->uri->text, strlen(d->uri->text));

    finding_add(f, id, d->place->name, "%s=%.200s: %s", d->tag, shown, why);
    finding_text(f, d->place->first->data, d->place->first->len);
    const struct tag *t = tags_find(&d->place->record->tags, d->tag);
    const char *at = strstr(t->text, d->uri->text);
    finding_offset(f, t->offset + (at ? (size_t)(at - t->text) : 0));
    finding_arg(f, "uri", "%.200s", shown);
    finding_arg(f, "host", "%s", d->uri->domain ? d->uri->domain : "");
}

static bool authorises(const struct dns_answer *answer)
{
    for (size_t i = 0; i < answer->n; i++) {
        if (record_begins(&answer->records[i], "v=DMARC1"))
            return true;
    }
    return false;
}

/* Does the other domain take reports about anybody? */
static bool is_wildcard(struct subject *s, const char *host)
{
    struct dns_answer answer;
    const char *name = arena_printf(s->arena, "x%08x.example._report._dmarc.%s", s->nonce, host);

    subject_ask_quietly(s, name, DNS_TXT, &answer);
    return authorises(&answer);
}

/* Does the domain belong to the same organisation, for old receivers and for new ones? */
static bool is_internal(const struct destination *d)
{
    struct subject *s = d->subject;
    struct dmarc_walk *here = arena_alloc(s->arena, sizeof *here);
    struct dmarc_walk *there = arena_alloc(s->arena, sizeof *there);

    if (strcmp(d->uri->domain, d->place->domain) == 0)
        return true;
    if (strcmp(domain_registrable(d->uri->domain), domain_registrable(d->place->domain)) != 0)
        return false;
    dmarc_walk(s, d->place->domain, here);
    dmarc_walk(s, d->uri->domain, there);
    return here->incomplete || there->incomplete || strcmp(here->org, there->org) == 0;
}

static void check_authorised(const struct destination *d)
{
    struct subject *s = d->subject;
    const char *host = d->uri->domain;
    const char *name = arena_printf(s->arena, "%s._report._dmarc.%s", d->place->domain, host);
    struct dns_answer answer;

    if (is_internal(d))
        return;
    if (strlen(name) > NAME_MAX_OCTETS) {
        complain(d, "DMARC-47", "the name of the authorisation would be too long");
        return;
    }
    subject_ask(s, name, DNS_TXT, &answer);
    if (answer.status == DNS_FAILED)
        return;
    if (!authorises(&answer)) {
        complain(d, "DMARC-17",
            arena_printf(
                s->arena, "%s has not agreed to take reports about %s", host, d->place->domain));
    } else if (is_wildcard(s, host)) {
        complain(d, "DMARC-46", arena_printf(s->arena, "%s takes reports about everybody", host));
    }
}

/* first.last@ is somebody; dmarc@, postmaster@, rua-reports@ are functions. */
static bool is_personal(const char *local)
{
    static const char *const functions[] = {"dmarc", "rua", "ruf", "report", "postmaster", "abuse",
        "agg", "forensic", "admin", "security", "mail", "support", "noreply", "it.", "tech", "dns"};
    const char *dot = strchr(local, '.');
    size_t letters = strspn(local, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-");

    if (!dot || dot == local || !dot[1] || strchr(dot + 1, '.') || local[letters])
        return false;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcasestr(local, functions[i]))
            return false;
    }
    return true;
}

static void check_uri(const struct destination *d)
{
    const struct dmarc_uri *u = d->uri;

    if (u->fault)
        complain(d, u->fault, u->why);
    if (u->sized)
        complain(d, "DMARC-16", "a size limit, which nobody honours any more");
    if (!u->usable)
        return;
    if (is_personal(u->local))
        complain(d, "DMARC-45", "this looks like somebody's own mailbox");
    check_authorised(d);
    if (!subject_takes_mail(d->subject, u->domain)) {
        complain(d, "DMARC-18", arena_printf(d->subject->arena, "%s takes no mail", u->domain));
    }
}

static void check_uris(
    struct subject *s, const struct dmarc_place *place, const char *tag, const struct dmarc_uris *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        check_uri(&(struct destination){s, place, tag, &l->items[i]});
        n += *l->items[i].text != '\0';
    }
    if (n > URIS_FOR_ALL) {
        finding_add(&s->findings, "DMARC-19", place->name, "%s has %zu%s URIs", tag, n,
            l->n == DMARC_URIS_MAX ? " or more" : "");
    }
}

static bool is_shared(const struct dmarc_record *r)
{
    for (size_t i = 0; i < r->rua.n; i++) {
        for (size_t k = 0; k < r->ruf.n; k++) {
            if (r->rua.items[i].usable &&
                text_equal_nocase(r->rua.items[i].text, r->ruf.items[k].text))
                return true;
        }
    }
    return false;
}

void dmarc_check_reports(struct subject *s, const struct dmarc_place *place)
{
    const struct dmarc_record *r = place->record;

    if (r->rua.n == 0) {
        finding_add(&s->findings, "DMARC-12", place->name, "there is no rua=: no reports");
        finding_text(&s->findings, place->first->data, place->first->len);
    }
    check_uris(s, place, "rua", &r->rua);
    check_uris(s, place, "ruf", &r->ruf);
    if (is_shared(r))
        finding_add(&s->findings, "DMARC-45", place->name, "rua and ruf go to the same address");
}
