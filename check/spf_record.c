#include "check/spf_record.h"

#include "base/arena.h"
#include "base/text.h"
#include "check/spf_macro.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char version[] = "v=spf1";

enum {
    VERSION_LEN = sizeof version - 1
};

const char *spf_result_name(enum spf_result r)
{
    static const char *const names[] = {
        [SPF_NONE] = "none",
        [SPF_NEUTRAL] = "neutral",
        [SPF_PASS] = "pass",
        [SPF_FAIL] = "fail",
        [SPF_SOFTFAIL] = "softfail",
        [SPF_TEMPERROR] = "temperror",
        [SPF_PERMERROR] = "permerror",
    };

    return names[r];
}

/* What a mechanism may have behind its name. */
enum {
    MAY_DOMAIN = 1,
    MUST_DOMAIN = 2,
    MAY_PREFIX = 4,
    MUST_NETWORK = 8
};

static const struct {
    const char *name;
    enum spf_kind kind;
    unsigned argument;
} mechanisms[] = {
    {"all", SPF_ALL, 0},
    {"include", SPF_INCLUDE, MUST_DOMAIN},
    {"a", SPF_A, MAY_DOMAIN | MAY_PREFIX},
    {"mx", SPF_MX, MAY_DOMAIN | MAY_PREFIX},
    {"ptr", SPF_PTR, MAY_DOMAIN},
    {"ip4", SPF_IP4, MUST_NETWORK},
    {"ip6", SPF_IP6, MUST_NETWORK},
    {"exists", SPF_EXISTS, MUST_DOMAIN},
};

static const size_t n_mechanisms = sizeof mechanisms / sizeof *mechanisms;

bool spf_term_looks_up(const struct spf_term *t)
{
    return t->kind == SPF_INCLUDE || t->kind == SPF_A || t->kind == SPF_MX || t->kind == SPF_PTR ||
           t->kind == SPF_EXISTS || t->kind == SPF_REDIRECT;
}

bool spf_record_is_broken(const struct spf_record *r)
{
    return r->n_faults > 0 || r->repeated;
}

/* ---- is it a record? ---- */

bool spf_is_record(const char *text, size_t len)
{
    return len >= VERSION_LEN && strncasecmp(text, version, VERSION_LEN) == 0 &&
           (len == VERSION_LEN || text[VERSION_LEN] == ' ');
}

/* What gets in front of a record by copying: blanks, quotes, a byte order mark, no-break spaces. */
static size_t skip_junk(const char *s, size_t len)
{
    static const char *const junk[] = {
        " ", "\t", "\r", "\n", "\"", "'", "\\", "`", "\xEF\xBB\xBF", "\xC2\xA0"};
    size_t i = 0;
    size_t k = 0;

    while (k < sizeof junk / sizeof *junk) {
        size_t n = strlen(junk[k]);
        if (len - i >= n && memcmp(s + i, junk[k], n) == 0) {
            i += n;
            k = 0;
        } else {
            k++;
        }
    }
    return i;
}

static bool begins(const char *s, size_t len, const char *word)
{
    size_t n = strlen(word);

    return len >= n && strncasecmp(s, word, n) == 0;
}

bool spf_is_nearly_record(const char *text, size_t len)
{
    if (spf_is_record(text, len))
        return false;
    size_t i = skip_junk(text, len);
    if (begins(text + i, len - i, "v")) {
        i++;
        i += skip_junk(text + i, len - i);
        if (i == len || text[i] != '=')
            return false;
        i++;
        i += skip_junk(text + i, len - i);
    } else if (!begins(text + i, len - i, "spf1")) {
        return false;
    }
    if (!begins(text + i, len - i, "spf"))
        return false;
    i += 3;
    /* "spf1", "spfl", "spf 1", "spf;", but not another word that begins so */
    return i == len || !isalpha((unsigned char)text[i]) || strchr("lI", text[i]);
}

/* ---- terms ---- */

struct reader {
    struct arena *arena;
    const char *text; /* of the record */
    struct spf_term *term;
};

/* The first fault of a term counts: what follows is often its consequence. */
static void set_fault(struct reader *r, const char *fault, const char *where)
{
    if (r->term->fault)
        return;
    r->term->fault = fault;
    r->term->fault_offset = (size_t)(where - r->text);
}

static size_t name_length(const char *s, const char *end)
{
    const char *p = s;

    if (p == end || !isalpha((unsigned char)*p))
        return 0;
    while (p < end && (isalnum((unsigned char)*p) || *p == '-' || *p == '_' || *p == '.'))
        p++;
    return (size_t)(p - s);
}

/* A decimal number up to max, without leading zeros. */
static bool read_bits(const char *s, size_t len, unsigned max, unsigned *out)
{
    unsigned n = 0;

    if (len == 0 || len > 3 || (len > 1 && *s == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)s[i]))
            return false;
        n = n * 10 + (unsigned)(s[i] - '0');
    }
    if (n > max)
        return false;
    *out = n;
    return true;
}

static void read_prefix4(struct reader *r, const char *s, const char *end)
{
    if (!read_bits(s, (size_t)(end - s), 32, &r->term->prefix4))
        set_fault(r, "an IPv4 prefix length is a number from 0 to 32", s);
}

static void read_prefix6(struct reader *r, const char *s, const char *end)
{
    if (!read_bits(s, (size_t)(end - s), 128, &r->term->prefix6))
        set_fault(r, "an IPv6 prefix length is a number from 0 to 128", s);
}

/* Digits that end the text behind a slash: where they begin, or NULL. */
static const char *digits_after_slash(const char *s, const char *end)
{
    const char *p = end;

    while (p > s && isdigit((unsigned char)p[-1]))
        p--;
    return p < end && p > s && p[-1] == '/' ? p : NULL;
}

/* Takes "/24", "//64" or "/24//64" off the end of the text (dual-cidr-length); returns its end. */
static const char *take_prefixes(struct reader *r, const char *s, const char *end)
{
    const char *digits = digits_after_slash(s, end);

    if (digits && digits - s >= 2 && digits[-2] == '/') {
        read_prefix6(r, digits, end);
        end = digits - 2;
        digits = digits_after_slash(s, end);
    }
    if (digits) {
        read_prefix4(r, digits, end);
        end = digits - 1;
    }
    return end;
}

/* The commonest things that do not belong into a record, in words. */
static const char *stray_mark(char c)
{
    switch (c) {
    case ',':
    case ';':
        return "terms are separated by blanks only";
    case '"':
    case '\'':
    case '\\':
        return "a stray quote or backslash";
    default:
        return NULL;
    }
}

static void read_domain(struct reader *r, const char *s, const char *end)
{
    size_t at;
    size_t len = (size_t)(end - s);
    const char *fault = spf_domain_check(s, len, &at);

    r->term->domain = arena_strndup(r->arena, s, len);
    if (fault && len && stray_mark(end[-1])) {
        set_fault(r, stray_mark(end[-1]), end - 1);
    } else if (fault && digits_after_slash(s, end)) {
        set_fault(r, "a prefix length does not belong here", digits_after_slash(s, end) - 1);
    } else if (fault) {
        set_fault(r, fault, s + at);
    } else {
        r->term->dynamic = spf_macro_is_dynamic(r->term->domain);
    }
}

/* What stands in ip4: or ip6: instead of such an address. */
static const char *network_fault(const struct spf_term *t, const char *text, size_t len)
{
    unsigned char ignored[16];
    bool v4 = t->kind == SPF_IP4;

    if (len == 0)
        return "an address is missing";
    if (inet_pton(v4 ? AF_INET6 : AF_INET, text, ignored) == 1)
        return v4 ? "an IPv6 address in ip4:" : "an IPv4 address in ip6:";
    if (stray_mark(text[len - 1]))
        return stray_mark(text[len - 1]);
    if (v4 && !strchr(text, ':') &&
        strpbrk(text, "abcdefghijklmnopqrstuvwxyz"
                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        return "a name in ip4:, which takes an address; names stand in a:";
    return v4 ? "not an IPv4 address" : "not an IPv6 address";
}

static void read_network(struct reader *r, const char *s, const char *end)
{
    struct spf_term *t = r->term;
    const char *slash = memchr(s, '/', (size_t)(end - s));
    const char *stop = slash ? slash : end;
    const char *text = arena_strndup(r->arena, s, (size_t)(stop - s));
    bool v4 = t->kind == SPF_IP4;

    if (inet_pton(v4 ? AF_INET : AF_INET6, text, t->network.bytes) == 1) {
        t->network.len = v4 ? 4 : 16;
    } else {
        set_fault(r, network_fault(t, text, (size_t)(stop - s)), s);
    }
    if (slash && v4) {
        read_prefix4(r, slash + 1, end);
    } else if (slash) {
        read_prefix6(r, slash + 1, end);
    }
}

/* Behind the name of a mechanism. */
static void read_argument(struct reader *r, unsigned takes, const char *s, const char *end)
{
    if (s < end && *s == ':' && takes) {
        if (takes & MUST_NETWORK) {
            read_network(r, s + 1, end);
        } else {
            read_domain(r, s + 1, takes & MAY_PREFIX ? take_prefixes(r, s + 1, end) : end);
        }
        return;
    }
    if (takes & MUST_DOMAIN)
        set_fault(r, "a domain name is missing: write it behind a colon", s);
    if (takes & MUST_NETWORK)
        set_fault(r, "an address is missing: write it behind a colon", s);
    if (takes & MAY_PREFIX)
        end = take_prefixes(r, s, end);
    if (s < end) {
        set_fault(r,
            *s == '/' ? "a prefix length does not belong here, or is none"
                      : "nothing may stand behind this",
            s);
    }
}

static size_t find_mechanism(const char *name, size_t len)
{
    size_t i = 0;

    while (i < n_mechanisms &&
           (strlen(mechanisms[i].name) != len || strncasecmp(mechanisms[i].name, name, len) != 0))
        i++;
    return i;
}

/* "allinclude": a mechanism without argument, and one more without a blank in between? */
static bool is_glued(const char *name, size_t len)
{
    for (size_t n = 1; n < len; n++) {
        if (find_mechanism(name, n) < n_mechanisms &&
            find_mechanism(name + n, len - n) < n_mechanisms)
            return true;
    }
    return false;
}

static const char *unknown_fault(struct reader *r, const char *name, size_t len, const char *end)
{
    struct addr ignored;

    if (name + len < end && name[len] == '=')
        return len ? "a modifier has no sign in front" : "a name is missing in front of =";
    if (begins(name, len, "ipv4") || begins(name, len, "ipv6") ||
        (len == 2 && begins(name, 2, "ip")))
        return "no such mechanism: ip4: or ip6: is meant";
    if (len == 8 && begins(name, len, "redirect"))
        return "redirect is a modifier: write redirect=";
    if (len == 3 && begins(name, len, "exp"))
        return "exp is a modifier: write exp=";
    if (is_glued(name, len))
        return "two terms without a blank in between";
    if (addr_parse_network(arena_strndup(r->arena, name, (size_t)(end - name)), &ignored, &ignored))
        return "an address without ip4: or ip6: in front";
    for (const char *p = name; p < end; p++) {
        if ((unsigned char)*p >= 0x80)
            return "not ASCII";
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            return "a control character";
    }
    for (const char *p = name; p < end; p++) {
        if (stray_mark(*p))
            return stray_mark(*p);
    }
    return "no such mechanism";
}

static void read_mechanism(struct reader *r, const char *s, const char *end)
{
    static const char signs[] = "+-~?";

    static const enum spf_result results[] = {SPF_PASS, SPF_FAIL, SPF_SOFTFAIL, SPF_NEUTRAL};

    const char *sign = s < end && *s ? strchr(signs, *s) : NULL;
    struct spf_term *t = r->term;

    if (sign)
        t->qualifier = results[sign - signs];
    const char *name = s + (sign != NULL);
    size_t len = name_length(name, end);
    size_t i = find_mechanism(name, len);
    const char *rest = name + len;
    if (i == n_mechanisms || (rest < end && *rest != ':' && *rest != '/')) {
        /* "a" of "a,mx" would be known: what stands behind it makes it unknown */
        set_fault(r, unknown_fault(r, name, len, end), name);
        return;
    }
    t->kind = mechanisms[i].kind;
    t->name = mechanisms[i].name;
    read_argument(r, mechanisms[i].argument, rest, end);
}

static void read_modifier(struct reader *r, const char *s, size_t len, const char *end)
{
    struct spf_term *t = r->term;
    const char *value = s + len + 1;
    size_t at;

    t->name = text_lower(r->arena, arena_strndup(r->arena, s, len));
    t->kind = strcmp(t->name, "redirect") == 0 ? SPF_REDIRECT
              : strcmp(t->name, "exp") == 0    ? SPF_EXP
                                               : SPF_OTHER_MODIFIER;
    if (t->kind != SPF_OTHER_MODIFIER) {
        read_domain(r, value, end);
        return;
    }
    t->domain = arena_strndup(r->arena, value, (size_t)(end - value));
    const char *fault = spf_macro_check(value, (size_t)(end - value), false, &at);
    if (fault)
        set_fault(r, fault, value + at);
}

static void read_term(struct arena *a, struct spf_record *rec, struct spf_term *t)
{
    struct reader r = {.arena = a, .text = rec->text, .term = t};
    const char *s = rec->text + t->offset;
    const char *end = s + t->len;
    size_t name = name_length(s, end);

    t->kind = SPF_UNKNOWN;
    t->qualifier = SPF_PASS;
    t->prefix4 = 32;
    t->prefix6 = 128;
    t->text = arena_strndup(a, s, t->len);
    t->name = "";
    if (memchr(s, ' ', t->len)) {
        set_fault(&r, "too many terms", s);
    } else if (name && s + name < end && s[name] == '=') {
        read_modifier(&r, s, name, end);
    } else {
        read_mechanism(&r, s, end);
    }
}

static void note_modifier(struct spf_record *r, const struct spf_term *t)
{
    for (const struct spf_term *o = r->terms; !r->repeated && o < t; o++) {
        if (o->kind == t->kind)
            r->repeated = t;
    }
    if (t->kind == SPF_REDIRECT && !r->redirect && !t->fault)
        r->redirect = t;
    if (t->kind == SPF_EXP && !r->exp && !t->fault)
        r->exp = t;
}

void spf_record_read(struct arena *a, const char *text, size_t len, struct spf_record *out)
{
    char *copy = arena_strndup(a, text, len);
    struct spf_record r = {.text = copy, .len = len};
    struct spf_term *terms = NULL;

    for (size_t i = 0; i < len; i++) {
        if (!copy[i])
            copy[i] = '\x01';
    }
    for (size_t at = VERSION_LEN; at < len;) {
        const char *blank = memchr(copy + at, ' ', len - at);
        size_t end = blank && r.n < SPF_RECORD_TERMS ? (size_t)(blank - copy) : len;
        if (end > at) {
            terms = arena_grow(a, terms, &r.n, sizeof *terms);
            terms[r.n - 1] = (struct spf_term){.offset = at, .len = end - at};
            read_term(a, &r, &terms[r.n - 1]);
            r.n_faults += terms[r.n - 1].fault != NULL;
        }
        at = end + 1;
    }
    r.terms = terms;
    for (size_t i = 0; i < r.n; i++) {
        if (terms[i].kind == SPF_REDIRECT || terms[i].kind == SPF_EXP)
            note_modifier(&r, &terms[i]);
    }
    *out = r;
}
