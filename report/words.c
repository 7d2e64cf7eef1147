#include "report/words.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "report/phrases.h"

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
        .tree_walk = f->row->tree_walk,
        .spread = f->past.spread,
    };
}

#define FILL(id, ...) PHRASE_FILL(a, v->phrases, id, __VA_ARGS__)
#define WORDS(id)     phrase(v->phrases, PHRASE_##id)

static const char *shown(struct arena *a, const struct evidence *v, const char *name)
{
    return name && *name ? text_safe(a, name, NAME_SHOWN) : WORDS(NOT_NAMED);
}

static const char *address(struct arena *a, const struct evidence *v)
{
    char ip[ADDR_TEXT_MAX];

    addr_format(&v->ip, ip);
    return v->ip.len ? arena_strdup(a, ip) : WORDS(ADDRESS_NOT_REPORTED);
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

    const char *spf = shown(a, v, v->spf);

    if (v->other_dkim && sends && !v->spf_own) {
        const char *d = shown(a, v, v->other_dkim);
        return strcmp(v->other_dkim, v->spf) == 0 ? FILL(SIGNS_AND_SENDS, d)
                                                  : FILL(SIGNS_SENDS, d, spf);
    }
    if (v->other_dkim)
        return FILL(SIGNS, shown(a, v, v->other_dkim));
    if (is(v->own_dkim_result, "pass")) {
        const char *d = shown(a, v, v->own_dkim);
        return sends && !v->spf_own ? FILL(SIGNS_SENDS, d, spf) : FILL(SIGNS, d);
    }
    if (sends)
        return FILL(SENDS, spf);
    if (v->ptr && v->confirmed == YES)
        return shown(a, v, v->ptr);
    return WORDS(UNKNOWN_HOST);
}

const char *words_identity(struct arena *a, const struct evidence *v)
{
    if (v->label)
        return shown(a, v, v->label->name);
    return v->sender ? shown(a, v, v->sender->name) : own_words(a, v);
}

const char *words_results(struct arena *a, const struct evidence *v)
{
    const char *spf = WORDS(SPF_NOT_REPORTED);
    const char *dkim = WORDS(DKIM_NONE);

    if (v->spf)
        spf = FILL(SPF_IS, text_safe(a, v->spf_result, NAME_SHOWN), shown(a, v, v->spf));
    if (v->own_dkim) {
        dkim =
            FILL(DKIM_IS, text_safe(a, v->own_dkim_result, NAME_SHOWN), shown(a, v, v->own_dkim));
    } else if (v->other_dkim) {
        dkim = FILL(DKIM_IS, "pass", shown(a, v, v->other_dkim));
    }
    return arena_printf(a, "%s, %s", spf, dkim);
}

/* ---- names ---- */

/* The domain that a sender should sign as: the whole policy domain, unless the policy is strict. */
static const char *say_a(struct arena *a, const struct evidence *v)
{
    return shown(a, v, v->strict_dkim ? v->from : v->policy_domain);
}

static const char *say_a_exactly(struct arena *a, const struct evidence *v)
{
    return v->strict_spf ? FILL(EXACTLY, shown(a, v, v->from))
                         : FILL(OR_BELOW, shown(a, v, v->policy_domain));
}

static const char *say_from(struct arena *a, const struct evidence *v)
{
    return shown(a, v, v->from);
}

static const char *say_policy_domain(struct arena *a, const struct evidence *v)
{
    return shown(a, v, v->policy_domain);
}

static const char *say_d(struct arena *a, const struct evidence *v)
{
    return shown(a, v, v->own_dkim);
}

static const char *say_other(struct arena *a, const struct evidence *v)
{
    return shown(a, v, v->other_dkim);
}

static const char *say_spf_domain(struct arena *a, const struct evidence *v)
{
    return shown(a, v, v->spf);
}

static const char *say_spf_result(struct arena *a, const struct evidence *v)
{
    return v->spf ? FILL(SPF_RESULT, shown(a, v, v->spf_result), shown(a, v, v->spf))
                  : WORDS(NO_SPF_RESULT);
}

static const char *say_ptr(struct arena *a, const struct evidence *v)
{
    return shown(a, v, v->ptr);
}

static const char *say_ip_term(struct arena *a, const struct evidence *v)
{
    return arena_printf(a, "%s:%s", v->ip.len == 16 ? "ip6" : "ip4", address(a, v));
}

static const char *say_who(struct arena *a, const struct evidence *v)
{
    if (v->label)
        return shown(a, v, v->label->name);
    if (v->sender)
        return shown(a, v, v->sender->name);
    if (v->other_dkim)
        return shown(a, v, v->other_dkim);
    if (is(v->spf_result, "pass") && !v->spf_own)
        return shown(a, v, v->spf);
    return v->hosts > 1 ? WORDS(THESE_HOSTS) : address(a, v);
}

static const char *say_identity(struct arena *a, const struct evidence *v)
{
    const char *words = own_words(a, v);

    return v->hosts > 1 || !v->ip.len ? FILL(IT_DOES, words)
                                      : arena_printf(a, "%s %s", address(a, v), words);
}

static const char *say_key(struct arena *a, const struct evidence *v)
{
    const char *selector = v->own_dkim_selector && *v->own_dkim_selector
                               ? shown(a, v, v->own_dkim_selector)
                               : "SELECTOR";

    return arena_printf(a, "%s._domainkey.%s", selector, shown(a, v, v->own_dkim));
}

static const char *say_selector(struct arena *a, const struct evidence *v)
{
    return v->own_dkim_selector && *v->own_dkim_selector
               ? FILL(SELECTOR, shown(a, v, v->own_dkim_selector))
               : "";
}

static const char *say_selector_name(struct arena *a, const struct evidence *v)
{
    return shown(a, v, v->own_dkim_selector);
}

/* ---- results ---- */

/* The words of RFC 8601 2.7.1: only "fail" says that a signature did not verify. */
static const char *say_dkim(struct arena *a, const struct evidence *v)
{
    if (is(v->own_dkim_result, "fail"))
        return WORDS(DKIM_FAILS);
    if (is(v->own_dkim_result, "policy"))
        return WORDS(DKIM_POLICY);
    if (is(v->own_dkim_result, "neutral"))
        return WORDS(DKIM_NEUTRAL);
    if (is(v->own_dkim_result, "permerror"))
        return WORDS(DKIM_PERMERROR);
    return FILL(DKIM_NOT_PASSED, shown(a, v, v->own_dkim_result));
}

static const char *say_strict_spf(struct arena *a, const struct evidence *v)
{
    bool strict = v->strict_spf && v->spf_own && is(v->spf_result, "pass");

    return strict ? FILL(ASKS_EXACTLY, shown(a, v, v->from)) : "";
}

static const char *say_hosts(struct arena *a, const struct evidence *v)
{
    (void)a;
    return v->hosts > 1 ? WORDS(THESE_HOSTS) : WORDS(THIS_HOST);
}

static const char *say_names(struct arena *a, const struct evidence *v)
{
    (void)a;
    if (v->residential == YES)
        return WORDS(NAMES_HOMES);
    return v->confirmed == NO ? WORDS(NAMES_NONE) : WORDS(NAMES_NOT_ASKED);
}

static const char *say_networks(struct arena *a, const struct evidence *v)
{
    return FILL(NETWORKS, arena_printf(a, "%" PRId64, v->spread));
}

/* ---- forwarding ---- */

/* "arc=pass as[1].d=first.example ..." (RFC 8617 7.2.2): who sealed first. */
static const char *first_hop(struct arena *a, const struct evidence *v)
{
    static const char mark[] = "as[1].d=";
    const char *at = strstr(v->arc, mark);

    if (!at)
        return "";
    at += sizeof mark - 1;
    const char *name = arena_strndup(a, at, strcspn(at, " ;,"));
    return FILL(FIRST_HOP, shown(a, v, name));
}

static const char *say_who_says(struct arena *a, const struct evidence *v)
{
    if (v->arc)
        return FILL(RECEIVER_SAYS_ARC, first_hop(a, v));
    if (v->sender && v->sender->kind == SENDER_FORWARDER)
        return FILL(WHO_DOES, say_who(a, v));
    return WORDS(RECEIVER_SAYS);
}

static const char *say_signature_lost(struct arena *a, const struct evidence *v)
{
    return v->dkim_none ? WORDS(NO_SIGNATURE)
                        : FILL(SIGNATURE_BROKEN, shown(a, v, v->own_dkim ? v->own_dkim : v->from));
}

static const char *say_sign_at_origin(struct arena *a, const struct evidence *v)
{
    return v->dkim_none ? arena_printf(a, " %s", FILL(SIGN_AT_ORIGIN, say_a(a, v))) : "";
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
    return v->sender && v->sender->where ? v->sender->where : WORDS(ITS_SETTINGS);
}

static const char *say_setup(struct arena *a, const struct evidence *v)
{
    const struct sender *s = v->sender;
    const char *words = "";

    if (!s || s->capable != YES)
        return "";
    if (s->where)
        words = arena_printf(a, " %s", FILL(WHERE, s->where));
    if (!s->dkim_records)
        return words;
    const char *type = is(s->dkim, "cname") ? " (CNAME)" : is(s->dkim, "txt") ? " (TXT)" : "";
    return arena_printf(
        a, "%s %s", words, FILL(COPY_VALUES, type, with_domain(a, s->dkim_records, say_a(a, v))));
}

/* Some services offer none, and the list says so in its own words. */
static const char *say_return_path(struct arena *a, const struct evidence *v)
{
    const char *path = v->sender ? v->sender->return_path : NULL;

    if (!path || !(strstr(path, "<domain>") || strstr(path, "CNAME") || strstr(path, "MX")))
        return "";
    return arena_printf(a, " %s", FILL(RETURN_PATH, with_domain(a, path, say_a(a, v))));
}

static const char *say_spf_include(struct arena *a, const struct evidence *v)
{
    const struct sender *s = v->sender;

    return s && s->spf ? arena_printf(a, " %s", FILL(SPF_TERM, s->spf)) : "";
}

/* "no", "not needed": it would only use up look-ups. */
static const char *say_spf_helps(struct arena *a, const struct evidence *v)
{
    const struct sender *s = v->sender;

    if (!s || !s->spf || !s->spf_where || strncmp(s->spf_where, "no", 2) == 0)
        return "";
    return arena_printf(a, " %s", FILL(SPF_TERM_WHERE, s->spf, s->spf_where));
}

static const char *say_m365(struct arena *a, const struct evidence *v)
{
    (void)a;
    return v->sender && is(v->sender->id, "microsoft365")
               ? arena_printf(a, " %s", WORDS(M365_CNAMES))
               : "";
}

/* ---- what may be said of addresses, and of policies ---- */

/* Only a host that the history or the operator shows to be the owner's gets its address named. */
static const char *say_spf_or_relay(struct arena *a, const struct evidence *v)
{
    const char *spf = shown(a, v, v->spf);

    if (v->sender && v->sender->spf)
        return FILL(SPF_OR_RELAY_SENDER, say_who(a, v), spf, v->sender->spf);
    if (v->own || (v->key_alone && v->hosts <= 1))
        return FILL(SPF_OR_RELAY_OWN, address(a, v), say_ip_term(a, v), spf);
    return FILL(SPF_OR_RELAY, spf);
}

static const char *say_policy_stops(struct arena *a, const struct evidence *v)
{
    (void)a;
    if (is(v->policy, "none"))
        return WORDS(POLICY_NONE);
    if (is(v->policy, "quarantine"))
        return WORDS(POLICY_QUARANTINE);
    if (is(v->policy, "reject"))
        return WORDS(POLICY_REJECT);
    return WORDS(POLICY_UNSAID);
}

/* What there is to say of a row that no other cause explains. */
static const char *say_unexplained(struct arena *a, const struct evidence *v)
{
    if (v->contradicts && v->tree_walk)
        return FILL(CONTRADICTS_WALK, shown(a, v, v->from));
    if (v->contradicts) {
        return v->reporters > 1 ? FILL(CONTRADICTS_MANY, arena_printf(a, "%" PRId64, v->reporters))
                                : WORDS(CONTRADICTS);
    }
    if (v->own_dkim)
        return FILL(BEARS_SIGNATURE, shown(a, v, v->own_dkim), say_dkim(a, v));
    if (v->other_dkim)
        return FILL(SIGNED_OTHER, shown(a, v, v->other_dkim), shown(a, v, v->from));
    return FILL(NOTHING_TELLS, words_results(a, v));
}

/* Nothing but an address is known of it. */
static bool is_stranger(const struct evidence *v)
{
    return !v->label && !v->sender && !v->other_dkim && !(is(v->spf_result, "pass") && !v->spf_own);
}

static const char *say_look_closer(struct arena *a, const struct evidence *v)
{
    if (v->contradicts && v->tree_walk)
        return FILL(LOOK_AT_WALK, shown(a, v, v->from));
    if (v->contradicts)
        return v->reporters > 1 ? WORDS(LOOK_AT_MAIL) : WORDS(LOOK_IF_SEVERAL);
    if (v->own_dkim) {
        return FILL(LOOK_AT_KEY,
            is_stranger(v) ? WORDS(SENDER_IS_YOURS) : FILL(SENDS_FOR_YOU, say_who(a, v)),
            say_key(a, v));
    }
    if (v->other_dkim)
        return FILL(LOOK_AT_SIGNER, shown(a, v, v->other_dkim), say_a(a, v));
    return WORDS(LOOK_AT_FAILURES);
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
    return shown(a, v, NULL);
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

const char *words_reason(struct arena *a, enum cause_id id, const struct evidence *v)
{
    const char *reason = fill_in(a, phrases_reason(v->phrases, id), v);

    return v->recomputed ? FILL(RECOMPUTED, reason) : reason;
}

const char *words_remedy(struct arena *a, enum cause_id id, const struct evidence *v)
{
    return fill_in(a, phrases_remedy(v->phrases, id), v);
}
