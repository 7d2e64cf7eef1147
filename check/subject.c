#include "check/subject.h"

#include "base/arena.h"
#include "base/text.h"

#include <string.h>
#include <strings.h>

void subject_ask_quietly(
    struct subject *s, const char *name, enum dns_type type, struct dns_answer *out)
{
    for (size_t i = 0; i < s->asked; i++) {
        const struct subject_question *q = &s->questions[i];
        if (q->type == type && strcmp(q->name, name) == 0) {
            *out = q->answer;
            return;
        }
    }
    if (s->asked >= SUBJECT_QUESTIONS_MAX) {
        *out = (struct dns_answer){.status = DNS_FAILED, .failure = "too many questions"};
        return;
    }
    dns_ask(s->dns, name, type, s->arena, out);
    s->unanswered += out->status == DNS_FAILED;
    s->questions = arena_grow(s->arena, s->questions, &s->asked, sizeof *s->questions);
    s->questions[s->asked - 1] = (struct subject_question){
        .name = arena_strdup(s->arena, name), .type = type, .answer = *out};
}

void subject_ask(struct subject *s, const char *name, enum dns_type type, struct dns_answer *out)
{
    bool odd = false;

    subject_ask_quietly(s, name, type, out);
    if (out->status != DNS_FAILED || s->asked >= SUBJECT_QUESTIONS_MAX)
        return;
    const char *zone = domain_registrable(domain_normalise(s->arena, name, &odd));
    if (out->bogus) {
        finding_add(
            &s->findings, "DNS-03", name, "%s of %s: %s", dns_type_name(type), name, out->failure);
    } else {
        finding_add(&s->findings, "DNS-01", name, "%s of %s could not be asked: %s",
            dns_type_name(type), name, out->failure);
        finding_arg(&s->findings, "zone", "%s", zone);
    }
}

bool subject_has(struct subject *s, const char *name, enum dns_type type)
{
    struct dns_answer answer;

    subject_ask_quietly(s, name, type, &answer);
    return answer.status == DNS_DATA;
}

bool subject_takes_mail(struct subject *s, const char *name)
{
    struct dns_answer mx;
    struct dns_answer addresses;

    subject_ask_quietly(s, name, DNS_MX, &mx);
    if (mx.status == DNS_FAILED)
        return true;
    if (mx.status == DNS_DATA)
        return mx.n > 1 || *mx.records[0].name;
    subject_ask_quietly(s, name, DNS_A, &addresses);
    if (addresses.status == DNS_DATA || addresses.status == DNS_FAILED)
        return true;
    subject_ask_quietly(s, name, DNS_AAAA, &addresses);
    return addresses.status == DNS_DATA || addresses.status == DNS_FAILED;
}

bool subject_is_unregistered(struct subject *s, const char *name)
{
    struct dns_answer answer;
    bool odd = false;
    const char *zone = domain_registrable(domain_normalise(s->arena, name, &odd));

    if (odd || domain_is_within(s->domain, zone))
        return false;
    subject_ask_quietly(s, zone, DNS_NS, &answer);
    return answer.status == DNS_NXDOMAIN;
}

bool record_begins(const struct dns_record *r, const char *words)
{
    size_t n = strlen(words);

    return r->len >= n && strncasecmp(r->data, words, n) == 0;
}
