#include "check/dmarc.h"

#include "base/arena.h"
#include "base/nearest.h"
#include "base/text.h"
#include "check/history.h"

#include <string.h>
#include <strings.h>

enum {
    SECONDS_PER_DAY = 86400,
    NONE_DAYS_MAX = 90,
    TESTING_DAYS_MAX = 30,
    STALE_DAYS_MAX = 3,
    LABELS_MAX = 8 /* that a tree walk asks for one by one */
};

/* ---- which record applies ---- */

/* In words, once place and inherited are known. `below` is the record for names below. */
static void set_texts(struct subject *s, struct dmarc_applied *to, bool exists,
    const struct dmarc_record *below, enum dmarc_reader reader)
{
    const struct dmarc_record *r = to->place ? to->place->record : NULL;
    enum dmarc_scope scope = !to->inherited ? DMARC_DOMAIN
                             : exists       ? DMARC_SUBDOMAIN
                                            : DMARC_INVENTED;
    const char *no_dmarc = dmarc_policy_name(DMARC_ABSENT);

    to->policy = r ? dmarc_effective(r, scope, reader) : DMARC_ABSENT;
    to->domain = r ? dmarc_effective_text(s->arena, r, scope, reader) : no_dmarc;
    to->subdomain =
        below ? dmarc_effective_text(s->arena, below, DMARC_SUBDOMAIN, reader) : no_dmarc;
    to->invented = below ? dmarc_effective_text(s->arena, below, DMARC_INVENTED, reader) : no_dmarc;
}

/*
 * A name below this domain has no record of its own by definition: what applies to it is that of
 * the organisational domain, which may be this one.
 */
static void apply(struct subject *s, struct dmarc_result *r, bool exists,
    const struct dmarc_place *org, struct dmarc_applied *to, enum dmarc_reader reader)
{
    const struct dmarc_record *below = org ? org->record : NULL;

    to->place = r->own.record ? &r->own : org && org->record ? org : NULL;
    to->inherited = !r->own.record;
    set_texts(s, to, exists, below, reader);
    if (r->own.answer.status == DNS_FAILED || (!r->own.record && r->unknown)) {
        to->domain = to->subdomain = to->invented = "unknown";
        to->policy = DMARC_ABSENT;
    }
}

static void find(struct subject *s, bool exists, struct dmarc_result *r)
{
    dmarc_walk(s, s->domain, &r->walk);
    r->own = r->walk.places[0];
    r->org_psl = domain_registrable(s->domain);
    if (strcmp(r->org_psl, s->domain) == 0) {
        r->psl = r->own;
    } else {
        dmarc_place_read(s, r->org_psl, false, &r->psl);
    }
    r->unknown = r->walk.incomplete || r->psl.answer.status == DNS_FAILED;
    apply(s, r, exists, &r->psl, &r->as_7489, DMARC_7489);
    apply(
        s, r, exists, r->walk.org_place ? r->walk.org_place : r->walk.psd, &r->as_9989, DMARC_9989);
}

/* ---- at the name ---- */

static void about(struct subject *s, const struct dns_record *r)
{
    finding_text(&s->findings, r->data, r->len);
}

static void check_place(struct subject *s, const struct dmarc_place *p)
{
    if (p->n_records > 1) {
        finding_add(&s->findings, "DMARC-02", p->name, "%zu DMARC records at %s void each other",
            p->n_records, p->name);
        about(s, p->first);
    }
    if (p->near && p->n_records == 0) {
        finding_add(&s->findings, "DMARC-03", p->name,
            "the record at %s does not begin with v=DMARC1 and a semicolon: it is ignored",
            p->name);
        about(s, p->near);
        finding_offset(&s->findings, 0);
    }
    const struct dns_record *other = p->n_records && p->near ? p->near : p->other;
    if (other) {
        finding_add(&s->findings, "DMARC-27", p->name, "a text at %s is no DMARC record", p->name);
        about(s, other);
    }
    if (p->answer.n_chain && p->n_records) {
        const char *target = p->answer.chain[p->answer.n_chain - 1];
        finding_add(&s->findings, "DMARC-39", p->name, "%s is an alias of %s", p->name, target);
        finding_arg(&s->findings, "target", "%s", target);
    }
    if (p->answer.n_chain && p->answer.status == DNS_NXDOMAIN) {
        const char *target = p->answer.chain[p->answer.n_chain - 1];
        if (subject_is_unregistered(s, target)) {
            finding_add(&s->findings, "X-08", p->name,
                "%s is an alias of %s, whose domain is not registered", p->name, target);
        }
    }
}

/* Places where people put it by mistake. */
static void check_wrong_names(struct subject *s, const struct dmarc_result *r)
{
    const char *const names[] = {s->domain, arena_printf(s->arena, "dmarc.%s", s->domain),
        arena_printf(s->arena, "_dmarc.%s.%s", s->domain, s->domain)};
    bool published = r->own.n_records || r->own.near;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct dns_answer answer;
        if (i > 0 && published) /* the first is asked for SPF anyway */
            break;
        subject_ask_quietly(s, names[i], DNS_TXT, &answer);
        for (size_t k = 0; k < answer.n; k++) {
            const struct dns_record *x = &answer.records[k];
            if (dmarc_kind_of(x->data, x->len) != DMARC_RECORD)
                continue;
            finding_add(
                &s->findings, "DMARC-07", names[i], "a DMARC record stands at %s", names[i]);
            about(s, x);
        }
    }
}

/* ---- in the record ---- */

static const char *const known_tags[] = {
    "v", "p", "sp", "np", "t", "psd", "rua", "ruf", "adkim", "aspf", "fo", "pct", "rf", "ri"};

static bool is_known(const char *name)
{
    for (size_t i = 0; i < sizeof known_tags / sizeof *known_tags; i++) {
        if (strcmp(known_tags[i], name) == 0)
            return true;
    }
    return false;
}

static const char *suggestion(const char *name)
{
    if (strcmp(name, "policy") == 0)
        return "p";
    if (strncmp(name, "subdomain", 9) == 0)
        return "sp";
    return strlen(name) > 2 ? nearest_name(name, known_tags, sizeof known_tags / sizeof *known_tags)
                            : NULL;
}

/* The tag that the value of another one swallowed, for want of a semicolon; NULL: none. */
static const char *swallowed(const char *value, bool uris)
{
    const char *between = uris ? ", \t" : ", \t:";

    for (const char *s = value; (s = strpbrk(s, between)); s++) {
        const char *word = s + strspn(s, between);
        size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        size_t blank = strspn(word + n, " \t");
        if (word[n + blank] != '=')
            continue;
        for (size_t i = 1; i < sizeof known_tags / sizeof *known_tags; i++) {
            if (strlen(known_tags[i]) == n && strncasecmp(known_tags[i], word, n) == 0)
                return known_tags[i];
        }
    }
    return NULL;
}

static bool is_word(const char *name)
{
    return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz") == strlen(name);
}

static void odd_tag(struct subject *s, const struct dmarc_place *p, const struct tag *t,
    const char *id, const char *why)
{
    const char *shown = finding_escape(s->arena, t->text, strlen(t->text));

    finding_add(&s->findings, id, p->name, "'%.200s': %s", shown, why);
    about(s, p->first);
    finding_offset(&s->findings, t->offset);
    finding_arg(&s->findings, "text", "%.200s", shown);
    finding_arg(&s->findings, "uri", "%.200s", shown);
    finding_arg(&s->findings, "tag", "%s", t->name);
}

static void check_tag(struct subject *s, const struct dmarc_place *p, size_t i)
{
    const struct tags *list = &p->record->tags;
    const struct tag *t = &list->items[i];

    if (!t->value) {
        bool address = strchr(t->text, '@') != NULL;
        odd_tag(s, p, t, address ? "DMARC-15" : "DMARC-08",
            address ? "addresses are separated by commas, not semicolons" : "there is no '='");
        return;
    }
    bool uris = strcmp(t->name, "rua") == 0 || strcmp(t->name, "ruf") == 0;
    const char *eaten = swallowed(t->value, uris);
    if (eaten) {
        odd_tag(s, p, t, "DMARC-04",
            arena_printf(
                s->arena, "no semicolon before '%s=': it belongs to %s now", eaten, t->name));
    }
    if (!is_word(t->name)) {
        odd_tag(s, p, t, "DMARC-08", "this is no name of a tag");
    } else if (tags_repeated(list, i)) {
        odd_tag(s, p, t, "DMARC-10", "there is an earlier tag of that name, which counts");
    } else if (!is_known(t->name)) {
        const char *near = suggestion(t->name);
        odd_tag(s, p, t, "DMARC-11",
            near ? arena_printf(s->arena, "DMARC has no such tag; is %s= meant?", near)
                 : "DMARC has no such tag");
    } else if (!*t->value && strcmp(t->name, "p") != 0) {
        odd_tag(s, p, t, "DMARC-08", "the value is empty");
    }
}

static bool is_one_of(const char *value, const char *letters)
{
    return strlen(value) == 1 && strchr(letters, *value | 0x20) != NULL;
}

/* Tags whose value is one of a few letters. */
static void check_letters(struct subject *s, const struct dmarc_place *p)
{
    static const struct {
        const char *tag, *letters;
    } rules[] = {{"adkim", "rs"}, {"aspf", "rs"}, {"t", "yn"}, {"psd", "ynu"}};

    static const char *const words[] = {"p", "sp", "np", "t", "psd", "adkim", "aspf", "fo"};
    const struct tags *list = &p->record->tags;

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const struct tag *t = tags_find(list, rules[i].tag);
        if (t && *t->value && !is_one_of(t->value, rules[i].letters))
            odd_tag(s, p, t, "DMARC-08", "the value is none that the tag may have");
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const struct tag *t = tags_find(list, words[i]);
        if (t && strcmp(text_lower(s->arena, t->value), t->value) != 0)
            odd_tag(s, p, t, "DMARC-42", "in capitals");
    }
    for (size_t i = 0; i < 2; i++) {
        const struct tag *t = tags_find(list, rules[i].tag);
        if (text_equal_nocase(t ? t->value : NULL, "s"))
            odd_tag(s, p, t, "DMARC-36", "strict alignment");
    }
}

static void check_policies(struct subject *s, const struct dmarc_place *p)
{
    const struct dmarc_record *r = p->record;
    const struct tag *t = tags_find(&r->tags, "p");
    static const char *const below[] = {"sp", "np"};

    if (!t) {
        finding_add(&s->findings, "DMARC-05", p->name, "there is no p=%s",
            r->rua.usable ? ": counts as none" : " and no usable rua=: the record has no effect");
        about(s, p->first);
    } else if (r->p == DMARC_INVALID) {
        odd_tag(s, p, t, "DMARC-05", "the policy is none, quarantine or reject");
    } else if (t != &r->tags.items[1]) {
        odd_tag(s, p, t, "DMARC-09", "not the second tag");
    }
    for (size_t i = 0; i < 2; i++) {
        const struct tag *of_names = tags_find(&r->tags, below[i]);
        if ((i == 0 ? r->sp : r->np) == DMARC_INVALID)
            odd_tag(s, p, of_names, "DMARC-06", "the policy is none, quarantine or reject");
    }
}

static void check_failure_options(struct subject *s, const struct dmarc_place *p)
{
    const struct tag *fo = tags_find(&p->record->tags, "fo");
    const struct tag *ruf = tags_find(&p->record->tags, "ruf");

    if (ruf)
        odd_tag(s, p, ruf, "DMARC-21", "failure reports are asked for");
    if (!fo)
        return;
    if (!ruf)
        odd_tag(s, p, fo, "DMARC-22", "without ruf= it has no effect");
    if (strchr(fo->value, '0') && strchr(fo->value, '1'))
        odd_tag(s, p, fo, "DMARC-22", "0 and 1 contradict each other");
    for (const char *v = fo->value; *v;) {
        size_t n = strcspn(v, ":");
        const char *letter = arena_strndup(s->arena, v, n);
        if (n && !is_one_of(letter, "01ds"))
            odd_tag(s, p, fo, "DMARC-22", "only 0, 1, d and s mean something");
        v += n + (v[n] == ':');
    }
}

static void check_tags(struct subject *s, const struct dmarc_place *p)
{
    const struct tags *list = &p->record->tags;
    static const char *const historic[] = {"rf", "ri"};
    const struct tag *pct = tags_find(list, "pct");

    for (size_t i = 0; i < list->n; i++)
        check_tag(s, p, i);
    check_policies(s, p);
    check_letters(s, p);
    check_failure_options(s, p);
    if (pct)
        odd_tag(s, p, pct, "DMARC-23", "old receivers sample, new ones apply the whole policy");
    for (size_t i = 0; i < 2; i++) {
        const struct tag *t = tags_find(list, historic[i]);
        if (t)
            odd_tag(s, p, t, "DMARC-24", "no receiver uses it any more");
    }
    if (list->non_ascii) {
        finding_add(&s->findings, "DMARC-41", p->name, "%zu octet%s not ASCII, the first at %zu",
            list->non_ascii, list->non_ascii == 1 ? " is" : "s are", list->first_non_ascii);
        about(s, p->first);
        finding_offset(&s->findings, list->first_non_ascii);
    }
    if (list->empty > 1) {
        finding_add(&s->findings, "DMARC-43", p->name, "%zu semicolons too many", list->empty);
        about(s, p->first);
    }
}

/* ---- what the policies come to ---- */

static bool is_sound(const struct dmarc_record *r)
{
    return r->p >= DMARC_NONE && r->sp != DMARC_INVALID && r->np != DMARC_INVALID;
}

static void check_strength(struct subject *s, const struct dmarc_place *p, bool organisational)
{
    const struct dmarc_record *r = p->record;
    enum dmarc_policy below = r->sp == DMARC_ABSENT ? r->p : r->sp;

    if (!organisational) {
        if (r->psd != DMARC_PSD_NO && (r->sp != DMARC_ABSENT || r->np != DMARC_ABSENT)) {
            finding_add(&s->findings, "DMARC-30", p->name, "%s has no effect here",
                r->sp != DMARC_ABSENT ? "sp=" : "np=");
        }
        return;
    }
    if (!is_sound(r))
        return;
    if (r->sp != DMARC_ABSENT && r->sp < r->p) {
        finding_add(&s->findings, "DMARC-26", p->name, "sp=%s is weaker than p=%s",
            dmarc_policy_name(r->sp), dmarc_policy_name(r->p));
        about(s, p->first);
    }
    if (r->np != DMARC_ABSENT && r->np < below) {
        finding_add(&s->findings, "DMARC-29", p->name, "np=%s is weaker than %s",
            dmarc_policy_name(r->np), dmarc_policy_name(below));
        about(s, p->first);
    }
    if (r->np == DMARC_ABSENT && below < DMARC_REJECT) {
        finding_add(&s->findings, "DMARC-28", p->name,
            "names below %s that do not exist are treated with %s", p->domain,
            dmarc_policy_name(below));
        about(s, p->first);
    }
}

static void check_organisation(struct subject *s, const struct dmarc_result *r)
{
    const struct dmarc_record *own = r->own.record;
    bool below = strcmp(s->domain, r->org_psl) != 0;
    bool elsewhere = false;

    if (own && own->psd == DMARC_PSD_YES && !domain_is_suffix(s->domain)) {
        finding_add(
            &s->findings, "DMARC-31", r->own.name, "psd=y, but %s is no public suffix", s->domain);
        about(s, r->own.first);
    }
    if (own && own->psd == DMARC_PSD_NO && below) {
        finding_add(&s->findings, "DMARC-32", r->own.name,
            "psd=n makes %s an organisation of its own", s->domain);
        finding_arg(&s->findings, "sub", "%s", s->domain);
        finding_arg(&s->findings, "org", "%s", r->org_psl);
    }
    for (size_t i = 1; i < r->walk.n; i++) {
        const struct dmarc_place *p = &r->walk.places[i];
        elsewhere = elsewhere || (p->record && p->record->psd != DMARC_PSD_YES &&
                                     strcmp(p->domain, r->org_psl) != 0);
    }
    if (elsewhere && strcmp(r->walk.org, r->org_psl) != 0 && strcmp(r->walk.org, s->domain) != 0) {
        finding_add(&s->findings, "DMARC-33", NULL,
            "the organisational domain is %s by the public suffix list, %s by the tree walk",
            r->org_psl, r->walk.org);
        finding_arg(&s->findings, "x", "%s", r->org_psl);
        finding_arg(&s->findings, "y", "%s", r->walk.org);
        finding_arg(&s->findings, "org", "%s", r->org_psl);
    }
}

/* A record of its own that is weaker than what it would inherit. */
static void check_override(struct subject *s, const struct dmarc_result *r)
{
    const struct dmarc_place *org = r->walk.org_place;

    if (!r->own.record || !org || !org->record || strcmp(org->domain, s->domain) == 0)
        return;
    enum dmarc_policy own = dmarc_effective(r->own.record, DMARC_DOMAIN, DMARC_9989);
    enum dmarc_policy inherited = dmarc_effective(org->record, DMARC_SUBDOMAIN, DMARC_9989);
    if (own < inherited) {
        finding_add(&s->findings, "DMARC-35", r->own.name, "%s here, %s by %s",
            dmarc_policy_name(own), dmarc_policy_name(inherited), org->name);
        about(s, r->own.first);
    }
}

static size_t count_labels(const char *name)
{
    size_t n = 1;

    for (; *name; name++)
        n += *name == '.';
    return n;
}

static void check_absence(struct subject *s, bool exists, const struct dmarc_result *r)
{
    if (r->own.record || r->own.answer.status == DNS_FAILED)
        return;
    size_t n = count_labels(s->domain);
    if (n > LABELS_MAX) {
        finding_add(&s->findings, "DMARC-34", r->own.name,
            "%s has %zu labels: receivers skip some on their way up", s->domain, n);
        finding_arg(&s->findings, "A", "%s", s->domain);
    }
    bool said = r->own.n_records || r->own.near || r->psl.n_records || r->psl.near;
    if (exists && !r->unknown && !r->as_7489.place && !r->as_9989.place && !said) {
        finding_add(
            &s->findings, "DMARC-01", r->own.name, "no DMARC record applies to %s", s->domain);
        finding_arg(&s->findings, "org", "%s", r->org_psl);
    }
}

/* ---- what reports add ---- */

/* Days for which reports have said the same policy as today. */
static int64_t days_of_policy(const struct check_history *h, const char *p)
{
    int64_t since = -1;

    for (size_t i = h->n_policies; i-- > 0;) {
        if (!text_equal_nocase(h->policies[i].p, p))
            break;
        since = h->policies[i].at;
    }
    return since < 0 ? 0 : (h->last - since) / SECONDS_PER_DAY;
}

/* Days for which reports have said t=y. */
static int64_t days_of_testing(const struct check_history *h)
{
    int64_t since = -1;

    for (size_t i = h->n_policies; i-- > 0 && h->policies[i].testing;)
        since = h->policies[i].at;
    return since < 0 ? 0 : (h->last - since) / SECONDS_PER_DAY;
}

/* Reports that say another policy, days after the first that said today's. */
static bool is_stale(const struct check_history *h, const char *p)
{
    int64_t since = -1;

    for (size_t i = 0; i < h->n_policies; i++) {
        bool same = text_equal_nocase(h->policies[i].p, p);
        if (same && since < 0)
            since = h->policies[i].at;
        if (!same && since >= 0 &&
            h->policies[i].at - since > (int64_t)STALE_DAYS_MAX * SECONDS_PER_DAY)
            return true;
    }
    return false;
}

static void check_history(struct subject *s, const struct dmarc_result *r)
{
    const struct check_history *h = s->history;
    const struct dmarc_record *own = r->own.record;

    if (!h || h->messages == 0 || !own || own->p < DMARC_NONE)
        return;
    const char *p = dmarc_policy_name(own->p);
    int64_t days = days_of_policy(h, p);
    if (own->p == DMARC_NONE && days > NONE_DAYS_MAX) {
        finding_add(&s->findings, "DMARC-20", r->own.name,
            "p=none for at least %lld days, while reports arrive", (long long)days);
    }
    days = days_of_testing(h);
    if (own->testing && days > TESTING_DAYS_MAX) {
        finding_add(
            &s->findings, "DMARC-25", r->own.name, "t=y for at least %lld days", (long long)days);
    }
    if (is_stale(h, p)) {
        finding_add(&s->findings, "DMARC-48", r->own.name,
            "reports still say another policy than today's p=%s", p);
    }
    if (own->p == DMARC_REJECT && h->listed) {
        finding_add(&s->findings, "DMARC-37", r->own.name,
            "p=reject, and receivers see mail that went through mailing lists");
        finding_messages(&s->findings, h->listed);
    }
    if (own->p > DMARC_NONE && h->legitimate_failed > h->messages / 1000) {
        finding_add(&s->findings, "DMARC-38", r->own.name,
            "p=%s, and %lld of %lld messages that look like your own fail", p,
            (long long)h->legitimate_failed, (long long)h->messages);
        finding_messages(&s->findings, h->legitimate_failed);
    }
    if (h->dkim_aligned == 0) {
        finding_add(&s->findings, "DKIM-24", NULL,
            "none of %lld messages carried an aligned signature", (long long)h->messages);
        finding_messages(&s->findings, h->messages);
    }
}

void dmarc_check(struct subject *s, bool exists, struct dmarc_result *out)
{
    *out = (struct dmarc_result){0};
    find(s, exists, out);
    check_place(s, &out->own);
    if (!out->own.record && strcmp(out->psl.domain, out->own.domain) != 0)
        check_place(s, &out->psl);
    check_wrong_names(s, out);
    check_absence(s, exists, out);
    check_organisation(s, out);
    check_override(s, out);
    if (out->own.record) {
        bool organisational =
            strcmp(s->domain, out->walk.org) == 0 || strcmp(s->domain, out->org_psl) == 0;
        check_tags(s, &out->own);
        check_strength(s, &out->own, organisational);
        dmarc_check_reports(s, &out->own);
    }
    check_history(s, out);
}
