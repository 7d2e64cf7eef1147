#include "check/spf_eval.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "check/dns.h"
#include "check/spf_macro.h"

#include <inttypes.h>
#include <string.h>

/* A record under evaluation. Includes and redirects stand on each other; each costs a look-up. */
struct frame {
    const char *domain;
    struct spf_record record;
    size_t next;                    /* term */
    const struct spf_term *waiting; /* include or redirect: its record is evaluated first */
    size_t step;
};

/* One check_host() with all that it calls. */
struct check {
    struct dns *dns;
    struct arena *arena;
    const struct spf_question *question;
    const char *sender;
    const char *local;
    const char *sender_domain;
    const char *helo;
    const char *domain; /* the current one: changes with include and redirect */
    const char **names; /* validated names of the address (section 5.5), once they were asked for */
    size_t n_names;
    bool names_known;
    bool no_names; /* there are no PTR records at all */
    struct spf_step *steps;
    size_t n_steps;
    size_t cap_steps;
    const struct spf_term *exp; /* of the record that gave the fail */
    const char *why;
    unsigned lookups;
    unsigned voids;
    int64_t deadline;
    struct frame frames[SPF_LOOKUPS_MAX + 1];
    size_t n_frames;
};

/* How a term ends: a match, none, or a result for all. */
enum outcome {
    MATCH,
    NO_MATCH,
    TEMPERROR,
    PERMERROR
};

/* ---- questions ---- */

static void ask(struct check *c, const char *name, enum dns_type type, struct dns_answer *answer)
{
    if (when_monotonic_ms() > c->deadline) {
        *answer = (struct dns_answer){.status = DNS_FAILED, .failure = "the time is up"};
        return;
    }
    dns_ask(c->dns, name, type, c->arena, answer);
}

static enum outcome failed(
    struct check *c, const char *name, enum dns_type type, const struct dns_answer *answer)
{
    c->why = arena_printf(c->arena, "no answer about %s %s: %s", name, dns_type_name(type),
        answer->failure ? answer->failure : "no reason known");
    return TEMPERROR;
}

static enum outcome count_void(struct check *c)
{
    if (++c->voids <= SPF_VOIDS_MAX)
        return NO_MATCH;
    c->why = "more than 2 terms ask for what does not exist";
    return PERMERROR;
}

/* The question that a term has about its target name. MATCH: there are records. */
static enum outcome ask_for_term(
    struct check *c, const char *name, enum dns_type type, struct dns_answer *answer)
{
    ask(c, name, type, answer);
    if (answer->status == DNS_FAILED)
        return failed(c, name, type, answer);
    return answer->status == DNS_DATA ? MATCH : count_void(c);
}

static enum outcome count_lookup(struct check *c)
{
    if (++c->lookups <= SPF_LOOKUPS_MAX)
        return MATCH;
    c->why = "more than 10 terms ask the DNS";
    return PERMERROR;
}

static bool is_within_bits(const struct addr *a, const struct addr *b, unsigned bits)
{
    if (a->len != b->len || memcmp(a->bytes, b->bytes, bits / 8) != 0)
        return false;
    unsigned rest = bits % 8;
    unsigned mask = 0xFFU & (0xFF00U >> rest);
    return rest == 0 || ((a->bytes[bits / 8] ^ b->bytes[bits / 8]) & mask) == 0;
}

static enum dns_type address_type(const struct check *c)
{
    return c->question->ip.len == 4 ? DNS_A : DNS_AAAA;
}

static bool holds_ip(const struct check *c, const struct dns_answer *answer, unsigned bits)
{
    for (size_t i = 0; i < answer->n; i++) {
        if (is_within_bits(&c->question->ip, &answer->records[i].addr, bits))
            return true;
    }
    return false;
}

/* ---- macros ---- */

/* The name to ask for the PTR records; the same text is %{ir}.%{v}.arpa. */
static const char *dotted_ip(struct check *c)
{
    const struct addr *ip = &c->question->ip;
    char text[ADDR_TEXT_MAX];
    char nibbles[64];

    if (ip->len == 4) {
        addr_format(ip, text);
        return arena_strdup(c->arena, text);
    }
    for (size_t i = 0; i < 32; i++) {
        unsigned octet = ip->bytes[i / 2];
        nibbles[2 * i] = "0123456789ABCDEF"[i % 2 ? octet & 15U : octet >> 4];
        nibbles[2 * i + 1] = '.';
    }
    return arena_strndup(c->arena, nibbles, sizeof nibbles - 1);
}

static const char *plain_ip(struct check *c)
{
    char text[ADDR_TEXT_MAX];

    addr_format(&c->question->ip, text);
    return arena_strdup(c->arena, text);
}

static const char *value_without_names(void *ctx, char letter)
{
    struct check *c = ctx;

    switch (letter) {
    case 's':
        return c->sender;
    case 'l':
        return c->local;
    case 'o':
        return c->sender_domain;
    case 'd':
        return c->domain;
    case 'i':
        return dotted_ip(c);
    case 'v':
        return c->question->ip.len == 4 ? "in-addr" : "ip6";
    case 'h':
        return c->helo;
    case 'c':
        return plain_ip(c);
    case 'r':
        return c->question->receiver ? c->question->receiver : "unknown";
    case 't':
        return arena_printf(c->arena, "%" PRId64, c->question->time);
    default:
        return NULL;
    }
}

/* The names of the address that resolve back to it (section 5.5); errors mean: none. */
static void find_names(struct check *c)
{
    struct dns_answer ptr;
    struct dns_answer back;

    if (c->names_known)
        return;
    c->names_known = true;
    const char *name = spf_domain_expand(c->arena, "%{ir}.%{v}.arpa", value_without_names, c);
    ask(c, name, DNS_PTR, &ptr);
    c->no_names = ptr.status == DNS_NODATA || ptr.status == DNS_NXDOMAIN;
    size_t n = ptr.n < SPF_NAMES_MAX ? ptr.n : SPF_NAMES_MAX;
    for (size_t i = 0; i < n; i++)
        dns_expect(c->dns, ptr.records[i].name, address_type(c));
    for (size_t i = 0; i < n; i++) {
        ask(c, ptr.records[i].name, address_type(c), &back);
        if (holds_ip(c, &back, c->question->ip.len * 8U)) {
            c->names = arena_grow(c->arena, c->names, &c->n_names, sizeof *c->names);
            c->names[c->n_names - 1] = ptr.records[i].name;
        }
    }
}

/* %{p}: the current domain, else a name below it, else any (section 7.3). */
static const char *best_name(struct check *c)
{
    const char *below = NULL;

    find_names(c);
    for (size_t i = 0; i < c->n_names; i++) {
        if (strcmp(c->names[i], c->domain) == 0)
            return c->names[i];
        if (!below && domain_is_within(c->names[i], c->domain))
            below = c->names[i];
    }
    return below ? below : c->n_names ? c->names[0] : "unknown";
}

static const char *value(void *ctx, char letter)
{
    return letter == 'p' ? best_name(ctx) : value_without_names(ctx, letter);
}

/* The target name of a term, or NULL when no question can be made of it: then nothing matches. */
static const char *target(struct check *c, const struct spf_term *t)
{
    const char *name = t->domain ? spf_domain_expand(c->arena, t->domain, value, c) : c->domain;

    return name ? dns_query_name(c->arena, name) : NULL;
}

/* ---- mechanisms ---- */

static unsigned bits_of(const struct check *c, const struct spf_term *t)
{
    return c->question->ip.len == 4 ? t->prefix4 : t->prefix6;
}

static enum outcome match_a(struct check *c, const struct spf_term *t)
{
    const char *name = target(c, t);
    struct dns_answer answer;

    if (!name)
        return NO_MATCH;
    enum outcome o = ask_for_term(c, name, address_type(c), &answer);
    return o == MATCH && !holds_ip(c, &answer, bits_of(c, t)) ? NO_MATCH : o;
}

static enum outcome match_mx(struct check *c, const struct spf_term *t)
{
    const char *name = target(c, t);
    struct dns_answer mx;
    struct dns_answer addresses;

    if (!name)
        return NO_MATCH;
    enum outcome o = ask_for_term(c, name, DNS_MX, &mx);
    if (o != MATCH)
        return o;
    for (size_t i = 0; i < mx.n && i < SPF_NAMES_MAX; i++)
        dns_expect(c->dns, mx.records[i].name, address_type(c));
    for (size_t i = 0; i < mx.n; i++) {
        const char *host = mx.records[i].name;
        if (i == SPF_NAMES_MAX) {
            c->why = "an mx term with more than 10 hosts";
            return PERMERROR;
        }
        if (!dns_query_name(c->arena, host)) /* null MX (RFC 7505) */
            continue;
        ask(c, host, address_type(c), &addresses);
        if (addresses.status == DNS_FAILED)
            return failed(c, host, address_type(c), &addresses);
        if (holds_ip(c, &addresses, bits_of(c, t)))
            return MATCH;
    }
    return NO_MATCH;
}

static enum outcome match_ptr(struct check *c, const struct spf_term *t)
{
    const char *name = target(c, t);

    if (!name)
        return NO_MATCH;
    find_names(c);
    for (size_t i = 0; i < c->n_names; i++) {
        if (domain_is_within(c->names[i], name))
            return MATCH;
    }
    return c->no_names ? count_void(c) : NO_MATCH;
}

static enum outcome match_exists(struct check *c, const struct spf_term *t)
{
    const char *name = target(c, t);
    struct dns_answer answer;

    return name ? ask_for_term(c, name, DNS_A, &answer) : NO_MATCH;
}

static bool is_modifier(const struct spf_term *t)
{
    return t->kind == SPF_REDIRECT || t->kind == SPF_EXP || t->kind == SPF_OTHER_MODIFIER;
}

/* All but include. */
static enum outcome match(struct check *c, const struct spf_term *t)
{
    switch (t->kind) {
    case SPF_ALL:
        return MATCH;
    case SPF_IP4:
    case SPF_IP6:
        return is_within_bits(&c->question->ip, &t->network, bits_of(c, t)) ? MATCH : NO_MATCH;
    case SPF_A:
        return match_a(c, t);
    case SPF_MX:
        return match_mx(c, t);
    case SPF_PTR:
        return match_ptr(c, t);
    case SPF_EXISTS:
        return match_exists(c, t);
    case SPF_INCLUDE:
    case SPF_REDIRECT:
    case SPF_EXP:
    case SPF_OTHER_MODIFIER:
    case SPF_UNKNOWN:
        break;
    }
    return NO_MATCH;
}

/* ---- records ---- */

enum spf_result spf_fetch(
    struct dns *d, const char *domain, struct arena *a, struct spf_record *record, const char **why)
{
    const struct dns_record *found = NULL;
    struct dns_answer txt;

    dns_ask(d, domain, DNS_TXT, a, &txt);
    if (txt.status == DNS_FAILED) {
        *why = arena_printf(
            a, "no answer about %s TXT: %s", domain, txt.failure ? txt.failure : "no reason known");
        return SPF_TEMPERROR;
    }
    for (size_t i = 0; i < txt.n; i++) {
        if (!spf_is_record(txt.records[i].data, txt.records[i].len))
            continue;
        if (found) {
            *why = arena_printf(a, "%s has more than one SPF record", domain);
            return SPF_PERMERROR;
        }
        found = &txt.records[i];
    }
    if (!found) {
        *why = arena_printf(a, "%s has no SPF record", domain);
        return SPF_NONE;
    }
    spf_record_read(a, found->data, found->len, record);
    return SPF_NEUTRAL;
}

static struct spf_step *push_step(struct check *c, const char *domain)
{
    if (c->n_steps == c->cap_steps)
        c->steps = arena_grow(c->arena, c->steps, &c->cap_steps, sizeof *c->steps);
    c->steps[c->n_steps] = (struct spf_step){.domain = domain};
    return &c->steps[c->n_steps++];
}

static void name_step(struct check *c, size_t step, const struct spf_term *t)
{
    c->steps[step].term = t->text;
    c->steps[step].offset = t->offset;
}

static enum spf_result broken_record(struct check *c, const struct spf_record *r, size_t step)
{
    const struct spf_term *t = r->repeated;
    const char *fault = "redirect and exp may stand once only";

    for (size_t i = 0; i < r->n && r->n_faults; i++) {
        if (r->terms[i].fault) {
            t = &r->terms[i];
            fault = t->fault;
            break;
        }
    }
    name_step(c, step, t);
    c->why = arena_printf(c->arena, "a fault in the record of %s: %s", c->domain, fault);
    return SPF_PERMERROR;
}

/*
 * Begins with a domain's record. True: it is on the stack now. False: it came to *r at once. The
 * steps stay where they led.
 */
static bool enter(struct check *c, const char *domain, enum spf_result *r)
{
    const char *name = dns_query_name(c->arena, domain);
    struct frame *f = &c->frames[c->n_frames];

    *r = SPF_NONE;
    if (!name || !strchr(name, '.') || *name == '[') { /* section 4.3 */
        c->why = "not a domain name";
        return false;
    }
    *f = (struct frame){.domain = name, .step = (size_t)(push_step(c, name) - c->steps)};
    c->domain = name;
    *r = SPF_TEMPERROR;
    if (when_monotonic_ms() > c->deadline) {
        c->why = "the time is up";
        return false;
    }
    *r = spf_fetch(c->dns, name, c->arena, &f->record, &c->why);
    if (*r == SPF_NEUTRAL && spf_record_is_broken(&f->record))
        *r = broken_record(c, &f->record, f->step);
    if (*r != SPF_NEUTRAL)
        return false;
    c->n_frames++;
    return true;
}

/*
 * What a record that others wait for came to, *r, becomes of the frame: true: it goes on; false:
 * *r is its result (sections 5.2 and 6.1).
 */
static bool take_result(struct check *c, struct frame *f, enum spf_result *r)
{
    if (f->waiting->kind == SPF_REDIRECT) {
        *r = *r == SPF_NONE ? SPF_PERMERROR : *r;
        return false;
    }
    c->domain = f->domain;
    switch (*r) {
    case SPF_NEUTRAL:
    case SPF_FAIL:
    case SPF_SOFTFAIL:
        c->n_steps = f->step + 1;
        return true;
    case SPF_PASS:
        c->exp = f->record.exp;
        *r = f->waiting->qualifier;
        return false;
    case SPF_TEMPERROR:
        return false;
    case SPF_NONE:
    case SPF_PERMERROR:
        break;
    }
    *r = SPF_PERMERROR;
    return false;
}

/* Include or redirect. As take_result. */
static bool follow(struct check *c, struct frame *f, const struct spf_term *t, enum spf_result *r)
{
    const char *name;

    *r = SPF_PERMERROR;
    if (count_lookup(c) != MATCH)
        return false;
    name = spf_domain_expand(c->arena, t->domain, value, c);
    if (!name) {
        c->why = "the target of the redirect cannot be made out";
        return t->kind == SPF_INCLUDE; /* which does not match */
    }
    f->waiting = t;
    return enter(c, name, r) || take_result(c, f, r);
}

static const struct spf_term *next_mechanism(struct frame *f)
{
    while (f->next < f->record.n) {
        const struct spf_term *t = &f->record.terms[f->next++];
        if (!is_modifier(t))
            return t;
    }
    return NULL;
}

/* The next term of the record on top. False: *r is the record's result. */
static bool advance(struct check *c, enum spf_result *r)
{
    struct frame *f = &c->frames[c->n_frames - 1];
    const struct spf_term *mechanism = next_mechanism(f);
    const struct spf_term *t = mechanism ? mechanism : f->record.redirect;

    if (!t) {
        c->steps[f->step].term = NULL;
        c->why = "no term matched";
        *r = SPF_NEUTRAL;
        return false;
    }
    name_step(c, f->step, t);
    if (t->kind == SPF_INCLUDE || t->kind == SPF_REDIRECT)
        return follow(c, f, t, r);
    *r = SPF_PERMERROR;
    if (spf_term_looks_up(t) && count_lookup(c) != MATCH)
        return false;
    switch (match(c, t)) {
    case NO_MATCH:
        return true;
    case MATCH:
        c->exp = f->record.exp;
        *r = t->qualifier;
        break;
    case TEMPERROR:
        *r = SPF_TEMPERROR;
        break;
    case PERMERROR:
        break;
    }
    return false;
}

/* check_host() */
static enum spf_result check_domain(struct check *c, const char *domain)
{
    enum spf_result r;

    if (!enter(c, domain, &r))
        return r;
    for (;;) {
        bool open = advance(c, &r);
        while (!open) {
            if (--c->n_frames == 0)
                return r;
            open = take_result(c, &c->frames[c->n_frames - 1], &r);
        }
    }
}

/* ---- the question and the answer ---- */

static bool is_ascii(const char *s)
{
    while (*s && (unsigned char)*s < 0x80)
        s++;
    return !*s;
}

/* A domain as macros show it: internationalised names as A-labels (RFC 8616 section 4). */
static const char *shown_domain(struct arena *a, const char *s)
{
    const char *name = is_ascii(s) ? NULL : dns_query_name(a, s);

    return name ? name : s;
}

/* Section 4.3: a sender without a local part is the postmaster. Returns the domain to check. */
static const char *read_identities(struct check *c)
{
    const struct spf_question *q = c->question;
    const char *sender = q->sender && strcmp(q->sender, "<>") != 0 ? q->sender : "";
    const char *at = strrchr(sender, '@');
    const char *own = at ? at + 1 : sender;
    const char *domain = q->domain ? q->domain : *sender ? own : q->helo ? q->helo : "";

    c->helo = shown_domain(c->arena, q->helo ? q->helo : domain);
    c->sender_domain = shown_domain(c->arena, *own ? own : c->helo);
    c->local =
        at && at > sender ? arena_strndup(c->arena, sender, (size_t)(at - sender)) : "postmaster";
    c->sender = arena_printf(c->arena, "%s@%s", c->local, c->sender_domain);
    if (!is_ascii(c->local)) /* terms with %{s} or %{l} never match then (RFC 8616 section 4) */
        c->local = c->sender = NULL;
    return domain;
}

/* Section 6.2: whatever goes wrong here, there is no explanation, and that is all. */
static const char *explain(struct check *c)
{
    struct dns_answer txt;
    const char *name = c->exp ? target(c, c->exp) : NULL;

    if (!name)
        return NULL;
    ask(c, name, DNS_TXT, &txt);
    if (txt.status != DNS_DATA || txt.n != 1 || strlen(txt.records[0].data) != txt.records[0].len)
        return NULL;
    return spf_macro_expand(c->arena, txt.records[0].data, true, value, c);
}

void spf_check_host(
    struct dns *d, const struct spf_question *q, struct arena *a, struct spf_verdict *out)
{
    struct check c = {.dns = d,
        .arena = a,
        .question = q,
        .deadline = when_monotonic_ms() + (q->patience_ms ? q->patience_ms : SPF_CHECK_MS)};
    const char *domain = read_identities(&c);
    struct spf_verdict v = {.result = check_domain(&c, domain)};
    bool decided = c.n_steps && c.steps[c.n_steps - 1].term;

    if (v.result == SPF_FAIL)
        v.explanation = explain(&c);
    if (v.result == SPF_NONE || v.result == SPF_TEMPERROR || v.result == SPF_PERMERROR || !decided)
        v.why = c.why;
    v.steps = c.steps;
    v.n_steps = c.n_steps;
    v.lookups = c.lookups;
    v.voids = c.voids;
    *out = v;
}
