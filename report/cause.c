#include "report/cause.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"

#include <string.h>

enum {
    NAME_SHOWN = 100, /* bytes of a domain in a sentence */
    SENTENCE_MAX = 4096
};

/* What the table looks at. */
struct facts {
    const struct signs *signs;
    const struct evidence *evidence;
    bool forwarded;
    bool temporary; /* a look-up for our domain failed at the receiver */
    bool own_dkim_passes, own_dkim_exact, own_dkim_fails;
};

static bool is(const char *word, const char *wanted)
{
    return word && strcmp(word, wanted) == 0;
}

static bool passes(enum verdict v)
{
    return v == VERDICT_PASS;
}

static bool spf_passes(const struct facts *f)
{
    return is(f->evidence->spf_result, "pass");
}

/* ---- the signs, one function each ---- */

static bool sign_dkim_aligned(const struct facts *f)
{
    return passes(f->signs->dkim);
}

static bool sign_spf_aligned(const struct facts *f)
{
    return passes(f->signs->spf);
}

static bool sign_no_verdict(const struct facts *f)
{
    return f->signs->dkim == VERDICT_UNKNOWN && f->signs->spf == VERDICT_UNKNOWN;
}

static bool sign_forwarded(const struct facts *f)
{
    return f->forwarded;
}

static bool sign_temporary(const struct facts *f)
{
    return f->temporary;
}

static bool sign_dkim_strict(const struct facts *f)
{
    return f->own_dkim_passes && !f->own_dkim_exact && f->signs->strict_dkim;
}

static bool sign_spf_strict(const struct facts *f)
{
    const struct evidence *v = f->evidence;

    return spf_passes(f) && v->spf_own && f->signs->strict_spf && !is(v->spf, v->domain);
}

static bool sign_disagrees(const struct facts *f)
{
    return f->own_dkim_passes || (spf_passes(f) && f->evidence->spf_own);
}

static bool sign_dkim_broken(const struct facts *f)
{
    return f->own_dkim_fails;
}

static bool sign_other_dkim(const struct facts *f)
{
    return f->evidence->other_dkim != NULL;
}

static bool sign_other_spf(const struct facts *f)
{
    return spf_passes(f) && !f->evidence->spf_own;
}

static bool sign_spf_broken(const struct facts *f)
{
    return f->evidence->spf_own && is(f->evidence->spf_result, "permerror");
}

static bool sign_spf_fails(const struct facts *f)
{
    return f->evidence->spf_own;
}

static bool sign_any(const struct facts *f)
{
    (void)f;
    return true;
}

/*
 * {domain} the From domain, {dkim} the signature's domain, {selector} its selector, {other} the
 * foreign signer, {spf} the domain SPF was asked about.
 */
static const struct cause {
    const char *name;
    bool (*fits)(const struct facts *f);
    const char *reason;
    const char *remedy;
} causes[CAUSE_COUNT] = {
    [CAUSE_OK] = {"ok", sign_dkim_aligned, "Signed with DKIM for {domain}.", "Nothing to do."},
    [CAUSE_OK_SPF_ONLY] = {"ok-spf-only", sign_spf_aligned,
        "Passes by SPF alone, without a good DKIM signature for {domain}.",
        "Let this sender sign with DKIM as {domain} too: SPF does not survive forwarding."},
    [CAUSE_NO_VERDICT] = {"no-verdict", sign_no_verdict,
        "The report does not say how DMARC came out.",
        "Nothing to do: other reports show how this source does."},
    [CAUSE_FORWARDED] = {"forwarded", sign_forwarded,
        "The receiver says that this mail was forwarded or came over a mailing list.",
        "Nothing to publish. Sign all mail of {domain} with DKIM where it is sent, so that it "
        "survives forwarding that leaves it unchanged."},
    [CAUSE_DNS_TEMPORARY] = {"dns-temporary", sign_temporary,
        "The receiver could not look up the SPF record or DKIM key in the DNS at that time.",
        "Nothing to do for a few messages. If it stays, check that all name servers of {domain} "
        "answer, over UDP and TCP."},
    [CAUSE_DKIM_STRICT] = {"dkim-strict", sign_dkim_strict,
        "Signed well as {dkim}, but the policy asks for exactly {domain} (adkim=s).",
        "If this sender is yours, let it sign as {domain}, or publish adkim=r."},
    [CAUSE_SPF_STRICT] = {"spf-strict", sign_spf_strict,
        "SPF passes for {spf}, but the policy asks for exactly {domain} (aspf=s).",
        "If this sender is yours, let it use an envelope sender at {domain}, or publish aspf=r."},
    [CAUSE_RECEIVER_DISAGREES] = {"receiver-disagrees", sign_disagrees,
        "By the results listed it would have passed, but the receiver counted it as failed.",
        "Nothing to do unless several receivers report the same."},
    [CAUSE_DKIM_BROKEN] = {"dkim-broken", sign_dkim_broken,
        "It bears a DKIM signature of {dkim} that does not verify: the mail was changed on its "
        "way (by a list, a forwarder, a filter), or the key in the DNS is not the right one.",
        "If this sender is yours, check that the key of selector {selector} is published as the "
        "sender shows it, and that signing comes after footers and filters. If it is a forwarder "
        "or a list, there is nothing to publish."},
    [CAUSE_SIGNED_BY_OTHER] = {"signed-by-other", sign_other_dkim,
        "Signed with DKIM by {other}, not by {domain}.",
        "If {other} sends for you, switch on DKIM signing as {domain} there and publish the "
        "records it shows. If it only passes mail on, or you do not know it, nothing is to be "
        "published."},
    [CAUSE_SENT_BY_OTHER] = {"sent-by-other", sign_other_spf,
        "The envelope sender is at {spf}, and there is no good DKIM signature of {domain}.",
        "If {spf} sends for you, switch on DKIM signing as {domain} there. If it only passes mail "
        "on, or you do not know it, nothing is to be published."},
    [CAUSE_SPF_BROKEN] = {"spf-broken", sign_spf_broken,
        "The SPF record of {spf} could not be evaluated, and there is no good DKIM signature.",
        "Repair the SPF record of {spf}: exactly one record, correct in syntax, with no more than "
        "10 DNS look-ups. Sign with DKIM as {domain}."},
    [CAUSE_SPF_FAILS] = {"spf-fails", sign_spf_fails,
        "SPF does not know this host as a sender of {spf}, and there is no good DKIM signature. "
        "It may be a forwarder, a server of yours, or somebody else using the name.",
        "If the host is yours, let it send through your mail service, which signs with DKIM as "
        "{domain}. If you do not know it, do nothing: forwarded mail looks like this, and so does "
        "abuse, which your policy is there to stop."},
    [CAUSE_UNAUTHENTICATED] = {"unauthenticated", sign_any,
        "Neither SPF nor DKIM says anything for {domain}.",
        "If the sender is yours, let it sign with DKIM as {domain}. If you do not know it, do "
        "nothing: your policy decides what becomes of such mail."},
};

const char *cause_name(enum cause_id id)
{
    return id < CAUSE_COUNT ? causes[id].name : "unknown";
}

bool cause_parse(const char *name, enum cause_id *out)
{
    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        if (strcmp(causes[i].name, name) == 0) {
            *out = (enum cause_id)i;
            return true;
        }
    }
    return false;
}

bool cause_is_pass(enum cause_id id)
{
    return id == CAUSE_OK || id == CAUSE_OK_SPF_ONLY;
}

/* ---- from results to facts ---- */

/* Relaxed alignment (RFC 7489 3.1): the same organisational domain. */
static bool belongs_to(const char *name, const char *from)
{
    if (!name || !*name || !from)
        return false;
    return strcmp(name, from) == 0 ||
           strcmp(domain_registrable(name), domain_registrable(from)) == 0;
}

static void look_at_own_dkim(
    const struct auth_result *k, const char *from, struct facts *f, struct evidence *v)
{
    bool exact = strcmp(k->domain, from) == 0;

    if (is(k->result, "pass")) {
        f->own_dkim_passes = true;
        f->own_dkim_exact = f->own_dkim_exact || exact;
    } else if (is(k->result, "temperror")) {
        f->temporary = true;
    } else if (!is(k->result, "none")) {
        f->own_dkim_fails = true;
    }
    /* the signature that is shown: a good one, else the first */
    if (v->own_dkim && !(is(k->result, "pass") && !is(v->own_dkim_result, "pass")))
        return;
    v->own_dkim = k->domain;
    v->own_dkim_selector = k->selector;
    v->own_dkim_result = k->result;
}

static void look_at_dkim(const struct signs *s, struct facts *f, struct evidence *v)
{
    for (size_t i = 0; i < s->auth->n_dkims; i++) {
        const struct auth_result *k = &s->auth->dkims[i];
        if (!k->domain || !*k->domain || is(k->result, "none"))
            continue;
        if (belongs_to(k->domain, s->domain)) {
            look_at_own_dkim(k, s->domain, f, v);
        } else if (is(k->result, "pass") && !v->other_dkim) {
            v->other_dkim = k->domain;
        }
    }
}

/* The MAIL FROM identity is the one that counts for DMARC; HELO only when there is no other. */
static void look_at_spf(const struct signs *s, struct facts *f, struct evidence *v)
{
    const struct auth_result *chosen = NULL;

    for (size_t i = 0; i < s->auth->n_spfs; i++) {
        const struct auth_result *a = &s->auth->spfs[i];
        if (!chosen || (is(chosen->scope, "helo") && !is(a->scope, "helo")))
            chosen = a;
    }
    if (!chosen || !chosen->domain || !*chosen->domain)
        return;
    v->spf = chosen->domain;
    v->spf_result = chosen->result;
    v->spf_own = belongs_to(chosen->domain, s->domain);
    f->temporary = f->temporary || (v->spf_own && is(chosen->result, "temperror"));
}

static bool says_forwarded(const struct signs *s)
{
    for (size_t i = 0; i < s->n_reasons; i++) {
        const char *type = s->reasons[i].type;
        if (is(type, "forwarded") || is(type, "trusted_forwarder") || is(type, "mailing_list"))
            return true;
    }
    return false;
}

enum cause_id cause_find(const struct signs *s, struct evidence *out)
{
    struct facts f = {.signs = s, .evidence = out, .forwarded = says_forwarded(s)};

    *out = (struct evidence){.domain = s->domain};
    look_at_dkim(s, &f, out);
    look_at_spf(s, &f, out);
    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        if (causes[i].fits(&f))
            return (enum cause_id)i;
    }
    return CAUSE_UNAUTHENTICATED;
}

/* ---- in words ---- */

static const char *shown(struct arena *a, const char *name)
{
    return name && *name ? text_safe(a, name, NAME_SHOWN) : "(not named)";
}

const char *cause_identity(struct arena *a, const struct evidence *v)
{
    if (v->other_dkim)
        return arena_printf(a, "signs as %s", shown(a, v->other_dkim));
    if (is(v->own_dkim_result, "pass"))
        return arena_printf(a, "signs as %s", shown(a, v->own_dkim));
    if (is(v->spf_result, "pass"))
        return arena_printf(a, "sends as %s", shown(a, v->spf));
    return "unknown host";
}

const char *cause_results(struct arena *a, const struct evidence *v)
{
    const char *spf = "SPF not reported";
    const char *dkim = "DKIM none";

    if (v->spf) {
        spf = arena_printf(
            a, "SPF %s for %s", text_safe(a, v->spf_result, NAME_SHOWN), shown(a, v->spf));
    }
    if (v->own_dkim) {
        dkim = arena_printf(a, "DKIM %s for %s", text_safe(a, v->own_dkim_result, NAME_SHOWN),
            shown(a, v->own_dkim));
    } else if (v->other_dkim) {
        dkim = arena_printf(a, "DKIM pass for %s", shown(a, v->other_dkim));
    }
    return arena_printf(a, "%s, %s", spf, dkim);
}

static const char *value_of(const char *name, size_t len, const struct evidence *v)
{
    const struct {
        const char *name;
        const char *value;
    } values[] = {
        {"domain", v->domain},
        {"dkim", v->own_dkim},
        {"selector", v->own_dkim_selector},
        {"other", v->other_dkim},
        {"spf", v->spf},
    };

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (strlen(values[i].name) == len && memcmp(values[i].name, name, len) == 0)
            return values[i].value;
    }
    return NULL;
}

static const char *fill_in(struct arena *a, const char *sentence, const struct evidence *v)
{
    struct buf out;

    buf_init(&out, SENTENCE_MAX);
    while (*sentence) {
        size_t plain = strcspn(sentence, "{");
        (void)buf_add(&out, sentence, plain);
        sentence += plain;
        if (!*sentence)
            break;
        size_t len = strcspn(sentence + 1, "}");
        (void)buf_adds(&out, shown(a, value_of(sentence + 1, len, v)));
        sentence += len + 2;
    }
    const char *text = arena_strndup(a, out.data, out.len);
    buf_done(&out);
    return text;
}

const char *cause_reason(struct arena *a, enum cause_id id, const struct evidence *v)
{
    return fill_in(a, causes[id].reason, v);
}

const char *cause_remedy(struct arena *a, enum cause_id id, const struct evidence *v)
{
    return fill_in(a, causes[id].remedy, v);
}
