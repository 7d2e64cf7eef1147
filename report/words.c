#include "report/words.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

enum {
    NAME_SHOWN = 100, /* bytes of a name in a sentence */
    SENTENCE_MAX = 8192
};

static bool is(const char *word, const char *wanted)
{
    return word && strcmp(word, wanted) == 0;
}

void evidence_take(const struct features *f, const char *policy, struct evidence *out)
{
    const struct auth_result *own = f->own_key;

    *out = (struct evidence){
        .policy_domain = f->row->policy_domain,
        .from = f->from,
        .ip = f->row->ip,
        .sender = f->src,
        .label = f->label,
        .own_dkim = own ? own->domain : NULL,
        .own_dkim_selector = own ? own->selector : NULL,
        .own_dkim_result = own ? own->result : NULL,
        .other_dkim = f->other_key ? f->other_key->domain : NULL,
        .spf = f->spf_dom,
        .spf_result = f->spf_res,
        .spf_own = f->spf_own,
        .ptr = f->known->ptr,
        .confirmed = f->known->confirmed,
        .residential = f->known->residential,
        .policy = policy,
        .strict_dkim = f->row->strict_dkim,
        .strict_spf = f->row->strict_spf,
        .dkim_none = f->dk_none,
        .arc = f->arc,
        .own = f->own,
        .key_alone = f->past.key_alone,
        .recomputed = f->recomputed,
        .contradicts = features_contradict(f),
        .spread = f->past.spread,
    };
}

static const char *shown(struct arena *a, const char *name)
{
    return name && *name ? text_safe(a, name, NAME_SHOWN) : "(not named)";
}

static const char *address(struct arena *a, const struct evidence *v)
{
    char ip[ADDR_TEXT_MAX];

    addr_format(&v->ip, ip);
    return v->ip.len ? arena_strdup(a, ip) : "a host whose address is not reported";
}

/* ---- who it is ---- */

bool words_has_identity(const struct evidence *v)
{
    return v->sender || v->label || v->other_dkim || is(v->own_dkim_result, "pass") ||
           is(v->spf_result, "pass") || (v->ptr && v->confirmed == YES);
}

/* By what it shows of itself. */
static const char *own_words(struct arena *a, const struct evidence *v)
{
    bool sends = is(v->spf_result, "pass");

    if (v->other_dkim && sends && !v->spf_own) {
        return strcmp(v->other_dkim, v->spf) == 0
                   ? arena_printf(a, "signs and sends as %s", shown(a, v->other_dkim))
                   : arena_printf(
                         a, "signs as %s, sends as %s", shown(a, v->other_dkim), shown(a, v->spf));
    }
    if (v->other_dkim)
        return arena_printf(a, "signs as %s", shown(a, v->other_dkim));
    if (is(v->own_dkim_result, "pass")) {
        return sends && !v->spf_own ? arena_printf(a, "signs as %s, sends as %s",
                                          shown(a, v->own_dkim), shown(a, v->spf))
                                    : arena_printf(a, "signs as %s", shown(a, v->own_dkim));
    }
    if (sends)
        return arena_printf(a, "sends as %s", shown(a, v->spf));
    if (v->ptr && v->confirmed == YES)
        return shown(a, v->ptr);
    return "unknown host";
}

const char *words_identity(struct arena *a, const struct evidence *v)
{
    if (v->label)
        return shown(a, v->label->name);
    return v->sender ? shown(a, v->sender->name) : own_words(a, v);
}

const char *words_results(struct arena *a, const struct evidence *v)
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

/* ---- names ---- */

/* The domain that a sender should sign as: the whole policy domain, unless the policy is strict. */
static const char *say_a(struct arena *a, const struct evidence *v)
{
    return shown(a, v->strict_dkim ? v->from : v->policy_domain);
}

static const char *say_a_exactly(struct arena *a, const struct evidence *v)
{
    return v->strict_spf ? arena_printf(a, "exactly %s", shown(a, v->from))
                         : arena_printf(a, "%s or below it", shown(a, v->policy_domain));
}

static const char *say_from(struct arena *a, const struct evidence *v)
{
    return shown(a, v->from);
}

static const char *say_policy_domain(struct arena *a, const struct evidence *v)
{
    return shown(a, v->policy_domain);
}

static const char *say_d(struct arena *a, const struct evidence *v)
{
    return shown(a, v->own_dkim);
}

static const char *say_other(struct arena *a, const struct evidence *v)
{
    return shown(a, v->other_dkim);
}

static const char *say_spf_domain(struct arena *a, const struct evidence *v)
{
    return shown(a, v->spf);
}

static const char *say_spf_result(struct arena *a, const struct evidence *v)
{
    return v->spf ? arena_printf(a, "SPF: %s for %s", shown(a, v->spf_result), shown(a, v->spf))
                  : "no SPF result";
}

static const char *say_ptr(struct arena *a, const struct evidence *v)
{
    return shown(a, v->ptr);
}

static const char *say_ip_term(struct arena *a, const struct evidence *v)
{
    return arena_printf(a, "%s:%s", v->ip.len == 16 ? "ip6" : "ip4", address(a, v));
}

static const char *say_who(struct arena *a, const struct evidence *v)
{
    if (v->label)
        return shown(a, v->label->name);
    if (v->sender)
        return shown(a, v->sender->name);
    if (v->other_dkim)
        return shown(a, v->other_dkim);
    if (is(v->spf_result, "pass") && !v->spf_own)
        return shown(a, v->spf);
    return v->hosts > 1 ? "these hosts" : address(a, v);
}

static const char *say_identity(struct arena *a, const struct evidence *v)
{
    const char *words = own_words(a, v);

    return v->hosts > 1 || !v->ip.len ? arena_printf(a, "it %s", words)
                                      : arena_printf(a, "%s %s", address(a, v), words);
}

static const char *say_key(struct arena *a, const struct evidence *v)
{
    const char *selector =
        v->own_dkim_selector && *v->own_dkim_selector ? shown(a, v->own_dkim_selector) : "SELECTOR";

    return arena_printf(a, "%s._domainkey.%s", selector, shown(a, v->own_dkim));
}

static const char *say_selector(struct arena *a, const struct evidence *v)
{
    return v->own_dkim_selector && *v->own_dkim_selector
               ? arena_printf(a, ", selector %s", shown(a, v->own_dkim_selector))
               : "";
}

static const char *say_selector_name(struct arena *a, const struct evidence *v)
{
    return shown(a, v->own_dkim_selector);
}

/* ---- results ---- */

/* The words of RFC 8601 2.7.1: only "fail" says that a signature did not verify. */
static const char *say_dkim(struct arena *a, const struct evidence *v)
{
    if (is(v->own_dkim_result, "fail")) {
        return "does not verify: the mail was changed after it was signed, or the key in the DNS "
               "is not the right one";
    }
    if (is(v->own_dkim_result, "policy")) {
        return "is not accepted by rules of the receiver's own (policy), for example because the "
               "key is too short";
    }
    if (is(v->own_dkim_result, "neutral"))
        return "makes no sense to the receiver (neutral)";
    if (is(v->own_dkim_result, "permerror"))
        return "cannot be checked (permerror): it, or its key in the DNS, is not as it should be";
    return arena_printf(a, "did not pass (%s)", shown(a, v->own_dkim_result));
}

static const char *say_strict_spf(struct arena *a, const struct evidence *v)
{
    bool strict = v->strict_spf && v->spf_own && is(v->spf_result, "pass");

    return strict
               ? arena_printf(a, ", and the policy asks for exactly %s, aspf=s", shown(a, v->from))
               : "";
}

static const char *say_hosts(struct arena *a, const struct evidence *v)
{
    (void)a;
    return v->hosts > 1 ? "these hosts" : "this host";
}

static const char *say_names(struct arena *a, const struct evidence *v)
{
    (void)a;
    if (v->residential == YES)
        return "on lines of homes or small offices";
    return v->confirmed == NO ? "no name leads back to it" : "no name was looked up";
}

static const char *say_networks(struct arena *a, const struct evidence *v)
{
    return arena_printf(a, "%" PRId64 " networks", v->spread);
}

/* ---- forwarding ---- */

/* "arc=pass as[1].d=first.example ..." (RFC 8617 7.2.2): who sealed first. */
static const char *first_hop(struct arena *a, const char *arc)
{
    static const char mark[] = "as[1].d=";
    const char *at = strstr(arc, mark);

    if (!at)
        return "";
    at += sizeof mark - 1;
    const char *name = arena_strndup(a, at, strcspn(at, " ;,"));
    return arena_printf(a, ", first by %s", shown(a, name));
}

static const char *say_who_says(struct arena *a, const struct evidence *v)
{
    if (v->arc)
        return arena_printf(a, "the receiver says (ARC)%s", first_hop(a, v->arc));
    if (v->sender && v->sender->kind == SENDER_FORWARDER)
        return arena_printf(a, "%s does", say_who(a, v));
    return "the receiver says";
}

static const char *say_signature_lost(struct arena *a, const struct evidence *v)
{
    return v->dkim_none ? "it bears no DKIM signature that could have survived"
                        : arena_printf(a, "the DKIM signature of %s was broken on the way",
                              shown(a, v->own_dkim ? v->own_dkim : v->from));
}

static const char *say_sign_at_origin(struct arena *a, const struct evidence *v)
{
    return v->dkim_none ? arena_printf(a,
                              " Let it be signed with DKIM as %s where it is sent: a signature "
                              "survives forwarding that changes nothing.",
                              say_a(a, v))
                        : "";
}

/* ---- mail services ---- */

/* Record names of the list with the client's domain: "k2._domainkey ->" gets its end, "<domain>"
 * its value. */
static const char *with_domain(struct arena *a, const char *records, const char *domain)
{
    static const char key[] = "._domainkey";
    static const char name[] = "<domain>";
    static const char dashes[] = "<domain-with-dashes>";
    const char *dashed = arena_strdup(a, domain);
    struct buf out;

    for (char *p = strchr(dashed, '.'); p; p = strchr(p, '.'))
        *p = '-';
    buf_init(&out, SENTENCE_MAX);
    while (*records) {
        if (strncmp(records, name, sizeof name - 1) == 0) {
            (void)buf_adds(&out, domain);
            records += sizeof name - 1;
        } else if (strncmp(records, dashes, sizeof dashes - 1) == 0) {
            (void)buf_adds(&out, dashed);
            records += sizeof dashes - 1;
        } else if (strncmp(records, key, sizeof key - 1) == 0) {
            records += sizeof key - 1;
            (void)buf_printf(
                &out, "%s%s%s", key, *records == '.' ? "" : ".", *records == '.' ? "" : domain);
        } else {
            (void)buf_add(&out, records++, 1);
        }
    }
    const char *text = arena_strndup(a, out.data ? out.data : "", out.len);
    buf_done(&out);
    return text;
}

static const char *say_where(struct arena *a, const struct evidence *v)
{
    (void)a;
    return v->sender && v->sender->where ? v->sender->where : "its settings";
}

static const char *say_setup(struct arena *a, const struct evidence *v)
{
    const struct sender *s = v->sender;
    const char *words = "";

    if (!s || s->capable != YES)
        return "";
    if (s->where)
        words = arena_printf(a, " Where: %s.", s->where);
    if (!s->dkim_records)
        return words;
    const char *type = is(s->dkim, "cname") ? " (CNAME)" : is(s->dkim, "txt") ? " (TXT)" : "";
    return arena_printf(a, "%s Copy the exact values from its panel; they look like%s: %s.", words,
        type, with_domain(a, s->dkim_records, say_a(a, v)));
}

/* Some services offer none, and the list says so in its own words. */
static const char *say_return_path(struct arena *a, const struct evidence *v)
{
    const char *path = v->sender ? v->sender->return_path : NULL;

    if (!path || !(strstr(path, "<domain>") || strstr(path, "CNAME") || strstr(path, "MX")))
        return "";
    return arena_printf(a, " A return path of your own lets SPF align, too; it looks like: %s.",
        with_domain(a, path, say_a(a, v)));
}

static const char *say_spf_include(struct arena *a, const struct evidence *v)
{
    const struct sender *s = v->sender;

    return s && s->spf ? arena_printf(a, " Its SPF term is %s.", s->spf) : "";
}

/* "no", "not needed": it would only use up look-ups. */
static const char *say_spf_helps(struct arena *a, const struct evidence *v)
{
    const struct sender *s = v->sender;

    if (!s || !s->spf || !s->spf_where || strncmp(s->spf_where, "no", 2) == 0)
        return "";
    return arena_printf(a, " Its SPF term is %s, where it belongs: %s.", s->spf, s->spf_where);
}

static const char *say_m365(struct arena *a, const struct evidence *v)
{
    (void)a;
    return v->sender && is(v->sender->id, "microsoft365")
               ? " In Microsoft 365 both selector CNAMEs have to be there."
               : "";
}

/* ---- what may be said of addresses, and of policies ---- */

/* Only a host that the history or the operator shows to be the owner's gets its address named. */
static const char *say_spf_or_relay(struct arena *a, const struct evidence *v)
{
    if (v->sender && v->sender->spf) {
        return arena_printf(a,
            "If you use %s, let the SPF record of %s have %s. If mail is only passed on here, do "
            "nothing: DKIM carries it.",
            say_who(a, v), shown(a, v->spf), v->sender->spf);
    }
    if (v->own || (v->key_alone && v->hosts <= 1)) {
        return arena_printf(a,
            "If %s is a server of yours, add %s to the SPF record of %s. If it only passes mail on, "
            "do nothing: DKIM carries it.",
            address(a, v), say_ip_term(a, v), shown(a, v->spf));
    }
    return arena_printf(a,
        "If it is yours, let it send through a server that the SPF record of %s allows, or label it "
        "as mine to be told more. If it only passes mail on, do nothing: DKIM carries it.",
        shown(a, v->spf));
}

static const char *say_policy_stops(struct arena *a, const struct evidence *v)
{
    (void)a;
    if (is(v->policy, "none"))
        return "Your policy (p=none) asks receivers to let it through: a stricter one stops it.";
    if (is(v->policy, "quarantine"))
        return "Your policy (p=quarantine) moves it to the spam folder, p=reject stops it.";
    if (is(v->policy, "reject"))
        return "Your policy (p=reject) is there to stop it.";
    return "A strict policy stops it.";
}

/* What there is to say of a row that no other cause explains. */
static const char *say_unexplained(struct arena *a, const struct evidence *v)
{
    if (v->contradicts) {
        return v->reporters > 1
                   ? arena_printf(a,
                         "By the results listed it should have passed, but %" PRId64
                         " receivers counted it as failed.",
                         v->reporters)
                   : "By the results listed it should have passed, but the receiver counted it as "
                     "failed.";
    }
    if (v->own_dkim) {
        return arena_printf(a,
            "It bears a DKIM signature of %s that %s. A sender of yours with a wrong key looks like "
            "this, so does a forwarder that changed the mail, and so does abuse.",
            shown(a, v->own_dkim), say_dkim(a, v));
    }
    if (v->other_dkim) {
        return arena_printf(
            a, "Signed as %s, not as %s.", shown(a, v->other_dkim), shown(a, v->from));
    }
    return arena_printf(a, "Nothing tells who sends it: %s, neither aligned.", words_results(a, v));
}

/* Nothing but an address is known of it. */
static bool is_stranger(const struct evidence *v)
{
    return !v->label && !v->sender && !v->other_dkim && !(is(v->spf_result, "pass") && !v->spf_own);
}

static const char *say_look_closer(struct arena *a, const struct evidence *v)
{
    if (v->contradicts && v->reporters > 1) {
        return "Several receivers report the same, so it is no mistake of one of them. Look at a "
               "mail from this source: is there one From line with one address, and did the "
               "policy ask for strict alignment (adkim, aspf) at that time?";
    }
    if (v->contradicts)
        return "Nothing to do unless several receivers report the same.";
    if (v->own_dkim) {
        return arena_printf(a,
            "If %s, compare %s with the key it shows. If it only passes mail on, or nobody knows it, "
            "nothing is to be published.",
            is_stranger(v) ? "the sender is yours"
                           : arena_printf(a, "%s sends for you", say_who(a, v)),
            say_key(a, v));
    }
    if (v->other_dkim) {
        return arena_printf(a,
            "If %s sends for you, let it sign as %s. If it only passes mail on, or nobody knows it, "
            "nothing is to be published.",
            shown(a, v->other_dkim), say_a(a, v));
    }
    return "Nothing is to be published. Failure reports, if you get any, may show such a mail; if "
           "you then know the sender, label it.";
}

/* ---- filling in ---- */

static const struct clause {
    const char *name;
    const char *(*say)(struct arena *a, const struct evidence *v);
} clauses[] = {
    {"A", say_a},
    {"A-exactly", say_a_exactly},
    {"from", say_from},
    {"policy-domain", say_policy_domain},
    {"d", say_d},
    {"key", say_key},
    {"selector", say_selector},
    {"selector-name", say_selector_name},
    {"dkim-is", say_dkim},
    {"other", say_other},
    {"spf", say_spf_domain},
    {"spf-result", say_spf_result},
    {"strict-spf", say_strict_spf},
    {"who", say_who},
    {"identity", say_identity},
    {"ptr", say_ptr},
    {"ip-term", say_ip_term},
    {"hosts", say_hosts},
    {"names", say_names},
    {"networks", say_networks},
    {"who-says", say_who_says},
    {"signature-lost", say_signature_lost},
    {"sign-at-origin", say_sign_at_origin},
    {"s.where", say_where},
    {"setup", say_setup},
    {"return-path", say_return_path},
    {"spf-include", say_spf_include},
    {"spf-helps", say_spf_helps},
    {"m365", say_m365},
    {"spf-or-relay", say_spf_or_relay},
    {"policy-stops", say_policy_stops},
    {"unexplained", say_unexplained},
    {"look-closer", say_look_closer},
};

static const char *say(struct arena *a, const char *name, size_t len, const struct evidence *v)
{
    for (size_t i = 0; i < sizeof clauses / sizeof *clauses; i++) {
        if (strlen(clauses[i].name) == len && memcmp(clauses[i].name, name, len) == 0)
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
        (void)buf_adds(&out, say(a, sentence + 1, len, v));
        sentence += len + 2;
    }
    const char *text = arena_strndup(a, out.data, out.len);
    buf_done(&out);
    return text;
}

const char *words_reason_by(struct arena *a, const char *template, const struct evidence *v)
{
    const char *reason = fill_in(a, template, v);

    return v->recomputed ? arena_printf(a,
                               "%s (The report's own DMARC results are missing or doubtful: this "
                               "is computed from the SPF and DKIM results it lists.)",
                               reason)
                         : reason;
}

const char *words_remedy_by(struct arena *a, const char *template, const struct evidence *v)
{
    return fill_in(a, template, v);
}

const char *words_reason(struct arena *a, enum cause_id id, const struct evidence *v)
{
    return words_reason_by(a, causes[id].reason, v);
}

const char *words_remedy(struct arena *a, enum cause_id id, const struct evidence *v)
{
    return words_remedy_by(a, causes[id].remedy, v);
}
