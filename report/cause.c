#include "report/cause.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"

#include <inttypes.h>
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
 * {domain} the From domain, {dkim} the signature's domain, {other} the foreign signer, {spf} the
 * domain SPF was asked about; the others are clauses, see below.
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
        "By the results listed it would have passed, but {receivers} counted it as failed.",
        "{disagreement}"},
    [CAUSE_DKIM_BROKEN] = {"dkim-broken", sign_dkim_broken,
        "It bears a DKIM signature of {dkim} that {dkim-is}.",
        "If this sender is yours, check that {key} is published as the sender shows it, and that "
        "signing comes after footers and filters. If it is a forwarder or a list, there is "
        "nothing to publish."},
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
        "{spf-says}, and there is no good DKIM signature. It may be a forwarder, a server of yours, "
        "or somebody else using the name.",
        "If the host is yours, let it send through your mail service, which signs with DKIM as "
        "{domain}. If you do not know it, do nothing: forwarded mail looks like this, and so does "
        "abuse{policy-does}."},
    [CAUSE_UNAUTHENTICATED] = {"unauthenticated", sign_any,
        "Neither SPF nor DKIM says anything for {domain}.",
        "If the sender is yours, let it sign with DKIM as {domain}. If you do not know it, do "
        "nothing: forwarded mail can look like this, and so does abuse{policy-does}."},
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

bool cause_is_repairable(enum cause_id id, const struct evidence *v)
{
    switch (id) {
    case CAUSE_DKIM_STRICT:
    case CAUSE_SPF_STRICT:
    case CAUSE_DKIM_BROKEN:
    case CAUSE_SIGNED_BY_OTHER:
    case CAUSE_SENT_BY_OTHER:
    case CAUSE_SPF_BROKEN:
        return true;
    case CAUSE_RECEIVER_DISAGREES:
        return v->reporters > 1;
    case CAUSE_OK:
    case CAUSE_OK_SPF_ONLY:
    case CAUSE_NO_VERDICT:
    case CAUSE_FORWARDED:
    case CAUSE_DNS_TEMPORARY:
    case CAUSE_SPF_FAILS:
    case CAUSE_UNAUTHENTICATED:
    case CAUSE_COUNT:
        break;
    }
    return false;
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

    *out = (struct evidence){.domain = s->domain, .policy = s->policy, .reporters = s->reporters};
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

bool cause_has_identity(const struct evidence *v)
{
    return v->other_dkim || is(v->own_dkim_result, "pass") || is(v->spf_result, "pass");
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

/* ---- clauses: what a sentence says differently from case to case ---- */

static const char *say_receivers(struct arena *a, const struct evidence *v)
{
    return v->reporters > 1 ? arena_printf(a, "%" PRId64 " receivers", v->reporters)
                            : "the receiver";
}

static const char *say_disagreement(struct arena *a, const struct evidence *v)
{
    (void)a;
    if (v->reporters > 1) {
        return "Several receivers report the same, so it is no mistake of one of them. Look at a "
               "mail from this source: is there one From line with one address, and did the "
               "policy ask for strict alignment (adkim, aspf) at that time?";
    }
    return "Nothing to do unless several receivers report the same.";
}

/* The words of RFC 8601 2.7.1: only "fail" says that a signature did not verify. */
static const char *say_dkim(struct arena *a, const struct evidence *v)
{
    if (is(v->own_dkim_result, "fail")) {
        return "does not verify: the mail was changed on its way (by a list, a forwarder, a "
               "filter), or the key in the DNS is not the right one";
    }
    if (is(v->own_dkim_result, "policy")) {
        return "the receiver does not accept by rules of its own (policy), for example because the "
               "key is too short";
    }
    if (is(v->own_dkim_result, "neutral"))
        return "the receiver could not make sense of (neutral)";
    if (is(v->own_dkim_result, "permerror"))
        return "cannot be checked (permerror): it, or its key in the DNS, is not as it should be";
    return arena_printf(a, "did not pass (%s)", shown(a, v->own_dkim_result));
}

static const char *say_key(struct arena *a, const struct evidence *v)
{
    return v->own_dkim_selector && *v->own_dkim_selector
               ? arena_printf(a, "the key of selector %s", shown(a, v->own_dkim_selector))
               : "its key";
}

/* The words of RFC 7208 2.6. */
static const char *say_spf(struct arena *a, const struct evidence *v)
{
    const char *name = shown(a, v->spf);

    if (is(v->spf_result, "fail"))
        return arena_printf(a, "The SPF record of %s does not allow this host (fail)", name);
    if (is(v->spf_result, "softfail")) {
        return arena_printf(
            a, "By the SPF record of %s this host is probably not allowed (softfail)", name);
    }
    if (is(v->spf_result, "neutral")) {
        return arena_printf(
            a, "The SPF record of %s says nothing for or against this host (neutral)", name);
    }
    if (is(v->spf_result, "none"))
        return arena_printf(a, "The receiver found no SPF record of %s (none)", name);
    return arena_printf(a, "SPF did not pass for %s", name);
}

static const char *say_policy(struct arena *a, const struct evidence *v)
{
    if (is(v->policy, "none"))
        return "; your policy (p=none) asks receivers to do nothing against it";
    if (is(v->policy, "quarantine") || is(v->policy, "reject"))
        return arena_printf(a, ", which your policy (p=%s) is there to stop", v->policy);
    return "";
}

static const struct clause {
    const char *name;
    const char *(*say)(struct arena *a, const struct evidence *v);
} clauses[] = {
    {"receivers", say_receivers},
    {"disagreement", say_disagreement},
    {"dkim-is", say_dkim},
    {"key", say_key},
    {"spf-says", say_spf},
    {"policy-does", say_policy},
};

static bool is_named(const char *name, size_t len, const char *wanted)
{
    return strlen(wanted) == len && memcmp(wanted, name, len) == 0;
}

static const char *words_for(
    struct arena *a, const char *name, size_t len, const struct evidence *v)
{
    const struct {
        const char *name;
        const char *value;
    } values[] = {
        {"domain", v->domain},
        {"dkim", v->own_dkim},
        {"other", v->other_dkim},
        {"spf", v->spf},
    };

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (is_named(name, len, values[i].name))
            return shown(a, values[i].value);
    }
    for (size_t i = 0; i < sizeof clauses / sizeof *clauses; i++) {
        if (is_named(name, len, clauses[i].name))
            return clauses[i].say(a, v);
    }
    return shown(a, NULL);
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
        (void)buf_adds(&out, words_for(a, sentence + 1, len, v));
        sentence += len + 2;
    }
    const char *text = arena_strndup(a, out.data, out.len);
    buf_done(&out);
    return text;
}

const char *cause_reason(struct arena *a, enum cause_id id, const struct evidence *v)
{
    const char *reason = fill_in(a, causes[id].reason, v);

    return v->overruled ? arena_printf(a,
                              "%s Where it was rejected or quarantined, that was the receiver's "
                              "own decision: your policy is p=none.",
                              reason)
                        : reason;
}

const char *cause_remedy(struct arena *a, enum cause_id id, const struct evidence *v)
{
    return fill_in(a, causes[id].remedy, v);
}
