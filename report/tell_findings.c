/*
 * Findings, and what stands around them, in sentences.
 */
#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "base/zone.h"
#include "parse/quirks.h"
#include "parse/redact.h"
#include "report/sections.h"
#include "report/tell.h"

#include <string.h>

enum {
    NAME_SHOWN = 100,
    TLS_KINDS_SHOWN = 5,
    FAILURES_SHOWN = 10,
    SILENT_SHOWN = 10,
    MISSING_SHOWN = 10,
    REMARKS_SHOWN = 10
};

#define FILL(id, ...) PHRASE_FILL(t->arena, t->words, id, __VA_ARGS__)

static const char *safe(const struct tell *t, const char *s)
{
    return text_safe(t->arena, s, NAME_SHOWN);
}

static const char *joined(const struct tell *t, const char *list, const char *one)
{
    return arena_printf(t->arena, "%s%s%s", list, *list ? ", " : "", one);
}

/* ---- findings ---- */

const char *tell_reason(const struct tell *t, const struct finding *f)
{
    const struct evidence v = tell_evidence(t, &f->evidence);

    return words_reason(t->arena, f->cause, &v);
}

const char *tell_remedy(const struct tell *t, const struct finding *f)
{
    const struct evidence v = tell_evidence(t, &f->evidence);

    return words_remedy(t->arena, f->cause, &v);
}

const char *tell_reading(const struct tell *t, const struct finding *f)
{
    struct finding own = *f;

    own.evidence.phrases = t->words;
    return finding_reading(t->arena, &own);
}

const char *tell_class(const struct tell *t, enum cause_class class)
{
    static const enum phrase_id names[CLASS_COUNT] = {
        [CLASS_OK] = PHRASE_CLASS_OK_NAME,
        [CLASS_OK_WEAK] = PHRASE_CLASS_OK_WEAK_NAME,
        [CLASS_FORWARD] = PHRASE_CLASS_FORWARD_NAME,
        [CLASS_FORWARD_BROKEN] = PHRASE_CLASS_FORWARD_BROKEN_NAME,
        [CLASS_FIX] = PHRASE_CLASS_FIX_NAME,
        [CLASS_NONCAPABLE] = PHRASE_CLASS_NONCAPABLE_NAME,
        [CLASS_TRANSIENT] = PHRASE_CLASS_TRANSIENT_NAME,
        [CLASS_SPOOF] = PHRASE_CLASS_SPOOF_NAME,
        [CLASS_UNKNOWN] = PHRASE_CLASS_UNKNOWN_NAME,
    };

    return phrase(t->words, names[class]);
}

/* Whose mail it was is certain only when the signature is the owner's. */
static const char *lost_of(const struct tell *t, const struct finding *f)
{
    const char *messages = tell_messages(t, f->lost);

    if (f->lost == 0)
        return "";
    return arena_printf(t->arena, " %s",
        finding_class(f) == CLASS_FORWARD_BROKEN ? FILL(LOST, messages)
                                                 : FILL(LOST_IF_YOURS, messages));
}

const char *tell_outcome(const struct tell *t, const struct finding *f)
{
    const struct {
        enum phrase_id words;
        int64_t n;
    } parts[] = {
        {PHRASE_OUTCOME_FAILED, f->failed},
        {PHRASE_OUTCOME_QUARANTINED, f->actions.quarantine},
        {PHRASE_OUTCOME_REJECTED, f->actions.reject},
        {PHRASE_OUTCOME_OTHER, f->actions.other},
    };

    const char *did = "";

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *number = tell_number(t, parts[i].n);
        if (parts[i].n)
            did = joined(t, did, phrase_fill(t->arena, t->words, parts[i].words, &number, 1));
    }
    if (!*did)
        did = phrase(t->words, PHRASE_OUTCOME_PASSED);
    return arena_printf(t->arena, "%s%s",
        FILL(OUTCOME, tell_messages(t, f->messages),
            tell_share(t, f->messages, t->report->totals.messages), did),
        lost_of(t, f));
}

static const char *hosts_of(const struct tell *t, const struct finding *f)
{
    const char *list = "";

    for (size_t i = 0; i < f->n_examples; i++) {
        char ip[ADDR_TEXT_MAX];
        addr_format(&f->examples[i].ip, ip);
        list = joined(t, list,
            arena_printf(t->arena, "%s (%s)", *ip ? ip : phrase(t->words, PHRASE_NOT_REPORTED),
                tell_number(t, f->examples[i].messages)));
    }
    return list;
}

const char *tell_seen(const struct tell *t, const struct finding *f)
{
    const char *first = tell_day(t, when_day(f->first));
    const char *last = tell_day(t, when_day(f->last));
    const char *receivers = tell_count(t, f->reporters, PHRASE_RECEIVER, PHRASE_RECEIVERS);
    const char *hosts = tell_count(t, f->hosts, PHRASE_HOST, PHRASE_HOSTS);
    const char *list = hosts_of(t, f);

    return strcmp(first, last) == 0 ? FILL(SEEN_ONE_DAY, first, receivers, hosts, list)
                                    : FILL(SEEN_DAYS, first, last, receivers, hosts, list);
}

const char *tell_brief(const struct tell *t, const struct finding *f)
{
    const char *title = tell_who(t, f);
    const char *cause = cause_name(f->cause);

    return f->messages ? FILL(BRIEF, title, tell_messages(t, f->messages), cause)
                       : FILL(BRIEF_LAST, title, tell_day(t, when_day(f->last)), cause);
}

struct lines tell_readiness(const struct tell *t)
{
    struct lines l = {0};

    for (size_t i = 0; i < t->report->n_domains; i++) {
        const struct report_domain *d = &t->report->domains[i];
        if (d->totals.messages) {
            lines_add(t, &l,
                FILL(STRICTER_LINE, safe(t, d->name),
                    readiness_words(t->arena, t->words, &d->readiness, d->policy, NULL)));
        }
    }
    return l;
}

/* ---- TLS ---- */

static const char *tls_advice(const struct tell *t, const struct tls_kind *k, const char *domain)
{
    static const struct {
        const char *type; /* RFC 8460 4.3 */
        enum phrase_id words;
    } types[] = {
        {"starttls-not-supported", PHRASE_TLS_STARTTLS},
        {"certificate-host-mismatch", PHRASE_TLS_HOST_MISMATCH},
        {"certificate-not-trusted", PHRASE_TLS_NOT_TRUSTED},
        {"certificate-expired", PHRASE_TLS_EXPIRED},
        {"validation-failure", PHRASE_TLS_VALIDATION},
        {"tlsa-invalid", PHRASE_TLS_TLSA},
        {"dnssec-invalid", PHRASE_TLS_DNSSEC},
        {"dane-required", PHRASE_TLS_DANE},
        {"sts-policy-fetch-error", PHRASE_TLS_STS_FETCH},
        {"sts-policy-invalid", PHRASE_TLS_STS_INVALID},
        {"sts-webpki-invalid", PHRASE_TLS_STS_WEBPKI},
    };

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (text_equal_nocase(k->result_type, types[i].type))
            return phrase_fill(t->arena, t->words, types[i].words, &domain, 1);
    }
    return phrase(t->words, PHRASE_TLS_OTHER);
}

struct lines tell_tls(const struct tell *t)
{
    struct lines l = {0};

    for (size_t i = 0; i < t->report->beside.n_tls; i++) {
        const struct tls_domain *d = &t->report->beside.tls[i];
        const char *domain = safe(t, d->name);
        const char *senders = tell_count(t, d->reporters, PHRASE_SENDER, PHRASE_SENDERS);
        int64_t all = d->successful;
        report_add(&all, d->failed);
        const char *sessions = tell_count(t, all, PHRASE_SESSION, PHRASE_SESSIONS);
        lines_add(t, &l,
            d->failed ? FILL(TLS_FAILED, domain, tell_number(t, d->failed), sessions, senders)
                      : FILL(TLS_GOOD, domain, sessions, senders));
        for (size_t k = 0; k < d->n_kinds && k < TLS_KINDS_SHOWN; k++) {
            const struct tls_kind *kind = &d->kinds[k];
            const char *type = kind->result_type ? safe(t, kind->result_type)
                                                 : phrase(t->words, PHRASE_TLS_NO_TYPE);
            lines_add(t, &l,
                FILL(TLS_KIND, tell_count(t, kind->sessions, PHRASE_SESSION, PHRASE_SESSIONS), type,
                    tls_advice(t, kind, domain)));
        }
    }
    return l;
}

/* ---- failure reports ---- */

static const char *failure_line(const struct tell *t, const struct failure_kind *k)
{
    const char *messages = tell_messages(t, k->incidents);
    const char *failed = k->auth_failure && *k->auth_failure
                             ? FILL(FAILURE_FAILED, safe(t, k->auth_failure))
                             : phrase(t->words, PHRASE_FAILURE_UNSAID);
    const char *result = k->delivery_result && *k->delivery_result
                             ? FILL(FAILURE_RESULT, safe(t, k->delivery_result))
                             : "";
    const char *reporter =
        k->reporter && *k->reporter ? safe(t, k->reporter) : phrase(t->words, PHRASE_NOT_REPORTED);
    char ip[ADDR_TEXT_MAX];
    char time[ZONE_TEXT_MAX];

    addr_format(&k->source_ip, ip);
    const char *from = *ip ? ip : phrase(t->words, PHRASE_NOT_REPORTED);
    if (k->last < 0)
        return FILL(FAILURE_NO_TIME, messages, from, safe(t, k->domain), failed, result, reporter);
    zone_format(t->report->look.zone, k->last, time);
    return FILL(FAILURE, messages, from, safe(t, k->domain), failed, result, time, reporter);
}

/* Where the operator keeps no addresses a hash stands for the local part (parse/redact.h): that
 * says nothing to people. */
static const char *failure_sender(const struct tell *t, const char *address)
{
    size_t len = address ? strcspn(address, "<") : 0;
    const char *bare = address && address[len] ? address + len + 1 : address;
    const char *at = bare ? strrchr(bare, '@') : NULL;

    if (!at)
        return "";
    const char *domain = safe(t, arena_strndup(t->arena, at + 1, strcspn(at + 1, ">")));
    if (at - bare == REDACT_HASH_DIGITS && strspn(bare, "0123456789abcdef") == REDACT_HASH_DIGITS)
        return FILL(FAILURE_FROM_DOMAIN, domain);
    return FILL(FAILURE_FROM, safe(t, arena_strndup(t->arena, bare, strcspn(bare, ">"))));
}

struct lines tell_failures(const struct tell *t)
{
    const struct beside *b = &t->report->beside;
    struct lines l = {0};

    if (b->n_failures == 0)
        return l;
    lines_add(t, &l,
        FILL(FAILURES_COUNT, tell_count(t, b->failure_reports, PHRASE_REPORT, PHRASE_REPORTS)));
    for (size_t i = 0; i < b->n_failures && i < FAILURES_SHOWN; i++) {
        const struct failure_kind *k = &b->failures[i];
        lines_add(t, &l,
            arena_printf(t->arena, "%s%s.", failure_line(t, k), failure_sender(t, k->mail_from)));
    }
    if (b->n_failures > FAILURES_SHOWN) {
        lines_add(
            t, &l, FILL(REMARKS_MORE, tell_number(t, (int64_t)(b->n_failures - FAILURES_SHOWN))));
    }
    return l;
}

/* ---- coverage ---- */

static void tell_missing_days(const struct tell *t, struct lines *l)
{
    const struct coverage *c = &t->report->coverage;
    const char *list = "";
    size_t n = 0;

    if (c->n_days > 1 && c->n_empty == 0)
        lines_add(t, l, phrase(t->words, PHRASE_COVERAGE_ALL_DAYS));
    if (c->n_empty == 0)
        return;
    for (size_t i = 0; i < c->n_days; i++) {
        if (c->days[i].reports == 0 && n++ < MISSING_SHOWN)
            list = joined(t, list, tell_day(t, c->days[i].day));
    }
    if (n > MISSING_SHOWN)
        list = joined(t, list, FILL(MISSING_MORE, tell_number(t, (int64_t)(n - MISSING_SHOWN))));
    lines_add(t, l, FILL(COVERAGE_MISSING, list));
}

static void tell_silent(const struct tell *t, struct lines *l)
{
    const struct coverage *c = &t->report->coverage;
    size_t first = c->n_reporters - c->n_silent;

    for (size_t i = 0; i < c->n_silent && i < SILENT_SHOWN; i++) {
        const struct coverage_reporter *r = &c->reporters[first + i];
        lines_add(t, l,
            FILL(COVERAGE_SILENT, safe(t, r->name),
                tell_count(t, r->days_before, PHRASE_DAY, PHRASE_DAYS), tell_day(t, r->last)));
    }
    if (c->n_silent > SILENT_SHOWN) {
        lines_add(t, l,
            FILL(COVERAGE_SILENT_MORE, tell_number(t, (int64_t)(c->n_silent - SILENT_SHOWN))));
    }
}

struct lines tell_coverage(const struct tell *t)
{
    const struct report_totals *n = &t->report->totals;
    struct lines l = {0};

    if (n->reports) {
        lines_add(t, &l,
            FILL(COVERAGE_COUNT, tell_count(t, n->reporters, PHRASE_RECEIVER, PHRASE_RECEIVERS),
                tell_count(t, n->reports, PHRASE_REPORT, PHRASE_REPORTS)));
        tell_missing_days(t, &l);
    }
    tell_silent(t, &l);
    if (t->report->untrusted)
        lines_add(t, &l, FILL(COVERAGE_UNTRUSTED, tell_messages(t, t->report->untrusted)));
    return l;
}

/* ---- footnotes ---- */

static enum remark_kind kind_of(const struct report_remark *m)
{
    if (m->partial)
        return REMARK_PARTIAL;
    return m->counts ? REMARK_REPAIRED : REMARK_DOUBTFUL;
}

/* "A,B" in words */
static const char *notes_in_words(const struct tell *t, const char *codes)
{
    const char *words = "";

    for (const char *at = codes ? codes : ""; *at;) {
        size_t len = strcspn(at, ",");
        const char *code = arena_strndup(t->arena, at, len);
        const struct quirk *q = quirk_find(code);
        words = arena_printf(
            t->arena, "%s%s%s", words, *words ? "; " : ": ", q ? q->meaning : safe(t, code));
        at += len + (at[len] == ',');
    }
    return words;
}

const char *tell_remarks_heading(const struct tell *t, enum remark_kind kind)
{
    static const enum phrase_id headings[REMARK_COUNT] = {
        [REMARK_PARTIAL] = PHRASE_REMARKS_PARTIAL,
        [REMARK_DOUBTFUL] = PHRASE_REMARKS_DOUBTFUL,
        [REMARK_REPAIRED] = PHRASE_REMARKS_REPAIRED,
    };

    return phrase(t->words, headings[kind]);
}

struct lines tell_remarks(const struct tell *t, enum remark_kind kind)
{
    struct lines l = {0};
    size_t n = 0;

    for (size_t i = 0; i < t->report->n_remarks; i++) {
        const struct report_remark *m = &t->report->remarks[i];
        if (kind_of(m) != kind || n++ >= REMARKS_SHOWN)
            continue;
        lines_add(t, &l,
            FILL(REMARK, safe(t, m->reporter), safe(t, m->domain), tell_day(t, when_day(m->begin)),
                notes_in_words(t, m->notes)));
    }
    if (n > REMARKS_SHOWN)
        lines_add(t, &l, FILL(REMARKS_MORE, tell_number(t, (int64_t)(n - REMARKS_SHOWN))));
    return l;
}

struct lines tell_glossary(const struct tell *t)
{
    static const enum phrase_id words[] = {PHRASE_GLOSSARY_DMARC, PHRASE_GLOSSARY_SPF,
        PHRASE_GLOSSARY_DKIM, PHRASE_GLOSSARY_ALIGNED, PHRASE_GLOSSARY_POLICY,
        PHRASE_GLOSSARY_RECEIVER};
    struct lines l = {0};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        lines_add(t, &l, phrase(t->words, words[i]));
    return l;
}

const char *tell_footnote(const struct tell *t)
{
    const struct zone *z = t->report->look.zone;

    return z ? FILL(FOOT_ZONE, zone_name(z)) : phrase(t->words, PHRASE_FOOT_DAYS);
}
