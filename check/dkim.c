#include "check/dkim.h"

#include "base/arena.h"
#include "base/text.h"
#include "check/history.h"
#include "check/vendor.h"

#include <string.h>
#include <strings.h>

enum {
    BITS_MUST = 1024,   /* RFC 8301 section 3.2 */
    BITS_SHOULD = 2048, /* the same */
    BITS_MOST = 4096,
    SECONDS_PER_DAY = 86400,
    RETIRED_DAYS = 7, /* after which a revoked selector should not be seen any more */
    IN_USE_DAYS = 30, /* a selector seen since then is in use */
    ROTATE_DAYS = 2 * 365
};

bool dkim_looks_like_key(const char *text, size_t len)
{
    bool has_value = memmem(text, len, "p=", 2) != NULL;

    return has_value && (memmem(text, len, "DKIM1", 5) || memmem(text, len, "k=rsa", 5) ||
                            memmem(text, len, "k=ed25519", 9) || memmem(text, len, "MII", 3));
}

/* ---- which selectors ---- */

static struct dkim_selector *add(
    struct subject *s, struct dkim_result *r, const char *selector, const char *domain)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->selectors[i].selector, selector) == 0 &&
            strcmp(r->selectors[i].domain, domain) == 0)
            return &r->selectors[i];
    }
    if (r->n == DKIM_SELECTORS_MAX)
        return NULL;
    r->selectors[r->n] = (struct dkim_selector){.selector = selector,
        .domain = domain,
        .name = arena_printf(s->arena, "%s._domainkey.%s", selector, domain)};
    return &r->selectors[r->n++];
}

/* Signatures of other organisations are not this owner's business. */
static void add_seen(struct subject *s, struct dkim_result *r)
{
    const struct check_history *h = s->history;

    for (size_t i = 0; h && i < h->n_signatures; i++) {
        const struct history_signature *g = &h->signatures[i];
        if (!*g->selector ||
            strcmp(domain_registrable(g->domain), domain_registrable(s->domain)) != 0)
            continue;
        struct dkim_selector *to = add(s, r, g->selector, g->domain);
        if (to) {
            to->messages += g->messages;
            to->below += g->below;
            to->last_seen = g->last > to->last_seen ? g->last : to->last_seen;
        }
    }
}

/* ---- one record ---- */

static void complain(
    struct subject *s, const struct dkim_selector *k, const char *id, const char *why)
{
    finding_add(&s->findings, id, k->name, "selector %s: %s", k->selector, why);
    if (k->record)
        finding_text(&s->findings, k->record->data, k->record->len);
    finding_arg(&s->findings, "s", "%s", k->selector);
}

/* Is the word one of a list with colons between? */
static bool has_word(const char *list, const char *word)
{
    while (*list) {
        size_t len = strcspn(list, ":");
        size_t n = strspn(list, " \t");
        size_t rest = n < len ? strcspn(list + n, " \t:") : 0;
        if (rest == strlen(word) && strncasecmp(list + n, word, rest) == 0)
            return true;
        list += len + (list[len] == ':');
    }
    return false;
}

static bool is_zone_syntax(const struct dns_record *r)
{
    return memchr(r->data, '"', r->len) || memchr(r->data, '\\', r->len) ||
           record_begins(r, "TXT ") || record_begins(r, "IN ");
}

static void check_flags(struct subject *s, const struct dkim_selector *k)
{
    const char *flags = tags_value(&k->tags, "t");
    const char *hashes = tags_value(&k->tags, "h");
    const char *services = tags_value(&k->tags, "s");

    if (flags && has_word(flags, "y"))
        complain(s, k, "DKIM-08", "t=y: receivers may treat the mail as unsigned");
    if (hashes && has_word(hashes, "sha1") && !has_word(hashes, "sha256"))
        complain(s, k, "DKIM-12", "only SHA-1 is permitted, which verifiers refuse");
    if (flags && has_word(flags, "s") && k->below) {
        complain(s, k, "DKIM-23", "t=s, but mail is signed for users of subdomains (i=)");
        finding_messages(&s->findings, k->below);
    }
    if (services && !has_word(services, "*") && !has_word(services, "email"))
        complain(s, k, "DKIM-13", "the key is not for mail (s=)");
    if (tags_value(&k->tags, "g"))
        complain(s, k, "DKIM-22", "g= has no effect any more");
}

static void check_size(struct subject *s, const struct dkim_selector *k)
{
    unsigned bits = k->key.bits;
    const char *why = arena_printf(s->arena, "an RSA key of %u bits", bits);

    if (k->key.type != DKIM_KEY_RSA)
        return;
    if (bits < BITS_MUST) {
        complain(s, k, "DKIM-03", why);
    } else if (bits < BITS_SHOULD) {
        complain(s, k, "DKIM-04", why);
    } else if (bits > BITS_MOST) {
        complain(s, k, "DKIM-05", why);
    }
    if (k->key.weak)
        complain(s, k, "DKIM-25", "an unusual exponent, or a modulus with a small factor");
}

static void check_revoked(struct subject *s, const struct dkim_selector *k)
{
    complain(s, k, "DKIM-06", "the key is revoked (p= is empty)");
    if (k->last_seen > s->now - (int64_t)RETIRED_DAYS * SECONDS_PER_DAY) {
        finding_severity(&s->findings, SEVERITY_ERR);
        finding_messages(&s->findings, k->messages);
    }
}

static void check_key(struct subject *s, struct dkim_selector *k)
{
    const char *type = tags_value(&k->tags, "k");
    const char *value = tags_value(&k->tags, "p");
    bool rsa = !type || text_equal_nocase(type, "rsa");

    if (!rsa && !text_equal_nocase(type, "ed25519")) {
        complain(s, k, "DKIM-11", "k= names no kind of key that verifiers know");
        return;
    }
    if (value && !*value) {
        k->revoked = true;
        check_revoked(s, k);
        return;
    }
    const char *why =
        value ? dkim_key_read(s->arena, rsa ? DKIM_KEY_RSA : DKIM_KEY_ED25519, value, &k->key)
              : "there is no p=";
    k->has_key = !why;
    if (why) {
        complain(s, k, "DKIM-07", arena_printf(s->arena, "the key cannot be read: %s", why));
    } else {
        check_size(s, k);
    }
}

static void check_record(struct subject *s, struct dkim_selector *k)
{
    tags_read(s->arena, k->record->data, k->record->len, &k->tags);
    for (size_t i = 0; i < k->tags.n; i++) {
        const struct tag *t = &k->tags.items[i];
        if (t->value && strcmp(t->name, "v") == 0 && (i > 0 || strcmp(t->value, "DKIM1") != 0)) {
            complain(
                s, k, "DKIM-10", i > 0 ? "v= is not the first tag" : "the version is not DKIM1");
            break;
        }
    }
    if (is_zone_syntax(k->record))
        complain(s, k, "DKIM-16", "quotes, backslashes or words of a zone file are in the record");
    check_key(s, k);
    check_flags(s, k);
}

/* ---- no record ---- */

static bool holds_key(struct subject *s, const char *name)
{
    struct dns_answer answer;

    subject_ask_quietly(s, name, DNS_TXT, &answer);
    for (size_t i = 0; i < answer.n; i++) {
        if (dkim_looks_like_key(answer.records[i].data, answer.records[i].len))
            return true;
    }
    return false;
}

static void check_wrong_names(struct subject *s, const struct dkim_selector *k)
{
    const char *const names[] = {arena_printf(s->arena, "%s.%s", k->name, k->domain),
        arena_printf(s->arena, "%s.%s", k->selector, k->domain),
        arena_printf(s->arena, "%s.domainkey.%s", k->selector, k->domain)};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (holds_key(s, names[i]))
            complain(s, k, "DKIM-15", arena_printf(s->arena, "its key stands at %s", names[i]));
    }
}

static void check_missing(struct subject *s, const struct dkim_selector *k)
{
    const struct dns_answer *x = &k->answer;
    bool seen = k->last_seen != 0;
    bool in_use = k->last_seen > s->now - (int64_t)IN_USE_DAYS * SECONDS_PER_DAY;

    if (x->n_chain) {
        const char *target = x->chain[x->n_chain - 1];
        complain(s, k, "DKIM-02",
            arena_printf(s->arena, "an alias of %s, where there is no key", target));
        finding_messages(&s->findings, seen ? k->messages : -1);
        if (x->status == DNS_NXDOMAIN && subject_is_unregistered(s, target)) {
            finding_add(&s->findings, "X-08", k->name,
                "%s is an alias of %s, whose domain is not registered", k->name, target);
        }
        return;
    }
    if (seen && !in_use) /* retired, and rightly gone */
        return;
    complain(s, k, "DKIM-01", seen ? "in use, but there is no key" : "there is no key");
    finding_messages(&s->findings, seen ? k->messages : -1);
    check_wrong_names(s, k);
}

static void check_selector(struct subject *s, struct dkim_selector *k)
{
    subject_ask(s, k->name, DNS_TXT, &k->answer);
    if (k->answer.status == DNS_FAILED)
        return;
    if (k->answer.status != DNS_DATA || k->answer.n == 0) {
        check_missing(s, k);
        return;
    }
    k->record = k->answer.records;
    if (k->answer.n > 1)
        complain(s, k, "DKIM-09", arena_printf(s->arena, "%zu records", k->answer.n));
    check_record(s, k);
}

/* ---- all of them ---- */

static void check_wildcard(struct subject *s)
{
    const char *zone = arena_printf(s->arena, "_domainkey.%s", s->domain);

    if (holds_key(s, arena_printf(s->arena, "x%08x.%s", s->nonce, zone)))
        finding_add(&s->findings, "DKIM-14", zone, "any selector below %s has a key", zone);
}

static void check_shared(struct subject *s, const struct dkim_result *r)
{
    for (size_t i = 0; i < r->n; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct dkim_key *a = &r->selectors[i].key;
            const struct dkim_key *b = &r->selectors[k].key;
            if (!r->selectors[i].has_key || !r->selectors[k].has_key || a->len != b->len ||
                memcmp(a->der, b->der, a->len) != 0)
                continue;
            complain(s, &r->selectors[i], "DKIM-20",
                arena_printf(s->arena, "the same key as %s", r->selectors[k].name));
        }
    }
}

/* Microsoft rotates between two keys, through aliases of its own. */
static void check_microsoft(struct subject *s)
{
    static const char *const selectors[] = {"selector1", "selector2"};
    bool alias[2] = {false, false};

    if (!vendor_in_use(s, VENDOR_MICROSOFT))
        return;
    for (size_t i = 0; i < 2; i++) {
        struct dns_answer answer;
        const char *name = arena_printf(s->arena, "%s._domainkey.%s", selectors[i], s->domain);
        subject_ask_quietly(s, name, DNS_TXT, &answer);
        if (answer.status == DNS_FAILED && answer.n_chain == 0)
            return;
        alias[i] = answer.n_chain > 0;
        if (answer.status == DNS_DATA && !alias[i]) {
            finding_add(&s->findings, "DKIM-18", name, "%s is a copy of a key, not an alias", name);
            return;
        }
    }
    if (alias[0] != alias[1]) {
        finding_add(&s->findings, "DKIM-18",
            arena_printf(s->arena, "%s._domainkey.%s", selectors[alias[0]], s->domain),
            "Microsoft 365 is in use, and there is %s but not %s", selectors[alias[1]],
            selectors[alias[0]]);
    }
}

static bool is_vendors_own(const char *domain)
{
    return domain_is_within(domain, "onmicrosoft.com") || domain_is_within(domain, "gappssmtp.com");
}

static void check_history(struct subject *s, const struct dkim_result *r)
{
    const struct check_history *h = s->history;
    int64_t foreign = 0;
    int64_t own = 0;
    size_t rsa = 0;
    size_t ed25519 = 0;

    for (size_t i = 0; h && i < h->n_signatures; i++) {
        const struct history_signature *g = &h->signatures[i];
        bool ours = strcmp(domain_registrable(g->domain), domain_registrable(s->domain)) == 0;
        foreign += is_vendors_own(g->domain) ? g->messages : 0;
        own += ours ? g->passed : 0;
        if (ours && g->passed && g->last - g->first > (int64_t)ROTATE_DAYS * SECONDS_PER_DAY) {
            finding_add(&s->findings, "DKIM-21",
                arena_printf(s->arena, "%s._domainkey.%s", g->selector, g->domain),
                "selector %s has been in use for more than two years", g->selector);
        }
    }
    for (size_t i = 0; i < r->n; i++) {
        const struct dkim_selector *k = &r->selectors[i];
        if (!k->has_key || !k->messages)
            continue;
        rsa += k->key.type == DKIM_KEY_RSA;
        ed25519 += k->key.type == DKIM_KEY_ED25519;
    }
    if (ed25519 && !rsa)
        finding_add(&s->findings, "DKIM-17", NULL, "only ed25519 keys are in use");
    if (foreign && !own &&
        (vendor_in_use(s, VENDOR_MICROSOFT) || vendor_in_use(s, VENDOR_GOOGLE))) {
        finding_add(&s->findings, "DKIM-19", NULL,
            "%lld messages are signed only with the provider's own domain", (long long)foreign);
        finding_messages(&s->findings, foreign);
    }
}

/* ---- probing ---- */

static const char *const usual[] = {"selector1", "selector2", "google", "default", "dkim", "mail",
    "k1", "k2", "k3", "s1", "s2", "sig1", "fm1", "fm2", "fm3", "protonmail", "protonmail2",
    "protonmail3", "zoho", "zmail", "mandrill", "mxvault", "everlytickey1", "everlytickey2", "smtp",
    "smtpapi", "hs1", "hs2", "cm", "pm", "20230601", "mte1", "mte2", "krs", "pic", "mailjet",
    "brevo1", "brevo2", "mail1", "mail2", "turbo-smtp", "zendesk1", "zendesk2", "kl", "kl2",
    "litesrv", "ml", "scph0", "titan1", "s1-ionos", "s2-ionos", "secureserver1", "secureserver2"};

/* Nothing is said of those that are not there, and where every name answers, nothing at all. */
static void add_usual(struct subject *s, struct dkim_result *r)
{
    struct dns_answer zone;

    subject_ask_quietly(s, arena_printf(s->arena, "_domainkey.%s", s->domain), DNS_TXT, &zone);
    if (zone.status == DNS_NXDOMAIN || findings_have(&s->findings, "DKIM-14"))
        return; /* no name below it exists either (RFC 8020) */
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        dns_expect(
            s->dns, arena_printf(s->arena, "%s._domainkey.%s", usual[i], s->domain), DNS_TXT);
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        if (holds_key(s, arena_printf(s->arena, "%s._domainkey.%s", usual[i], s->domain)))
            (void)add(s, r, usual[i], s->domain);
    }
}

void dkim_check(struct subject *s, const struct dkim_wanted *wanted, struct dkim_result *out)
{
    *out = (struct dkim_result){
        .selectors = arena_alloc(s->arena, DKIM_SELECTORS_MAX * sizeof *out->selectors)};
    add_seen(s, out);
    for (size_t i = 0; i < wanted->n; i++)
        (void)add(s, out, wanted->selectors[i], s->domain);
    check_wildcard(s);
    if (wanted->probe)
        add_usual(s, out);
    for (size_t i = 0; i < out->n; i++)
        dns_expect(s->dns, out->selectors[i].name, DNS_TXT);
    for (size_t i = 0; i < out->n; i++)
        check_selector(s, &out->selectors[i]);
    check_shared(s, out);
    check_microsoft(s);
    check_history(s, out);
}
