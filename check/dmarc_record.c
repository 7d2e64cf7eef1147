#include "check/dmarc_record.h"

#include "base/arena.h"
#include "base/text.h"
#include "check/finding.h"

#include <string.h>
#include <strings.h>

/* ---- what it is ---- */

static size_t blanks(const char *s, size_t len)
{
    size_t n = 0;

    while (n < len && (s[n] == ' ' || s[n] == '\t'))
        n++;
    return n;
}

/* v = DMARC1, then ";" or the end; DMARC1 in capitals (RFC 9989 section 4.8). */
static bool is_record(const char *s, size_t len)
{
    static const char version[] = "DMARC1";
    size_t at = 1;

    if (len == 0 || (*s != 'v' && *s != 'V'))
        return false;
    at += blanks(s + at, len - at);
    if (at == len || s[at++] != '=')
        return false;
    at += blanks(s + at, len - at);
    if (len - at < sizeof version - 1 || memcmp(s + at, version, sizeof version - 1) != 0)
        return false;
    at += sizeof version - 1;
    at += blanks(s + at, len - at);
    return at == len || s[at] == ';';
}

/* Does a tag that only DMARC has begin here? */
static bool is_tag_at(const char *s, size_t left)
{
    static const char *const names[] = {"p", "rua", "ruf", "sp"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (left <= n || strncasecmp(s, names[i], n) != 0)
            continue;
        n += blanks(s + n, left - n);
        if (n < left && s[n] == '=')
            return true;
    }
    return false;
}

enum dmarc_kind dmarc_kind_of(const char *text, size_t len)
{
    if (is_record(text, len))
        return DMARC_RECORD;
    for (size_t i = 0; i < len; i++) {
        if (len - i >= 5 && strncasecmp(text + i, "dmarc", 5) == 0)
            return DMARC_NEAR_MISS;
        bool start = i == 0 || (text[i - 1] && strchr(";, \t\r\n", text[i - 1]));
        if (start && is_tag_at(text + i, len - i))
            return DMARC_NEAR_MISS;
    }
    return DMARC_OTHER;
}

/* ---- URIs ---- */

static size_t scheme_length(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

    return n && s[n] == ':' ? n : 0;
}

static void fault(struct dmarc_uri *u, const char *id, const char *why)
{
    u->fault = id;
    u->why = why;
}

/* Takes "!10m" off the end; false when there is another "!". */
static bool cut_size(struct dmarc_uri *u, char *address)
{
    char *mark = strchr(address, '!');

    if (!mark)
        return true;
    size_t digits = strspn(mark + 1, "0123456789");
    const char *unit = mark + 1 + digits;
    if (digits == 0 || (*unit && (!strchr("kmgtKMGT", *unit) || unit[1])))
        return false;
    *mark = '\0';
    u->sized = true;
    return true;
}

/* What follows "mailto:" (RFC 6068): one address, without display name. */
static void read_address(struct arena *a, struct dmarc_uri *u, const char *rest)
{
    char *address = arena_strdup(a, rest);
    bool odd = false;

    if (!cut_size(u, address)) {
        fault(u, "DMARC-15", "'!' must be written %21");
        return;
    }
    address[strcspn(address, "?")] = '\0';
    if (strncmp(address, "//", 2) == 0) {
        fault(u, "DMARC-15", "mailto: takes no slashes");
        return;
    }
    if (strpbrk(address, " \t<>\"")) {
        fault(u, "DMARC-15", "blanks, quotes or angle brackets do not belong into it");
        return;
    }
    char *at = strchr(address, '@');
    if (!at || at == address) {
        fault(u, "DMARC-15", "it is no mail address");
        return;
    }
    if (strchr(at + 1, '@')) {
        fault(u, "DMARC-15", "it holds more than one address");
        return;
    }
    *at = '\0';
    u->local = address;
    u->domain = domain_normalise(a, at + 1, &odd);
    if (odd || !strchr(u->domain, '.')) {
        fault(u, "DMARC-15", "its domain is not valid");
        return;
    }
    u->usable = true;
}

static void read_uri(struct arena *a, const char *text, struct dmarc_uri *u)
{
    size_t scheme = scheme_length(text);

    *u = (struct dmarc_uri){.text = text};
    if (!*text) {
        fault(u, "DMARC-15", "there is nothing between two commas");
    } else if (scheme == 0) {
        fault(u, "DMARC-13", "it has no scheme");
    } else if (scheme != 6 || strncasecmp(text, "mailto", 6) != 0) {
        fault(u, "DMARC-14", "its scheme is not mailto");
    } else {
        read_address(a, u, text + scheme + 1);
    }
}

static void read_uris(struct arena *a, const char *value, struct dmarc_uris *out)
{
    if (!value || !*value)
        return;
    out->items = arena_alloc(a, DMARC_URIS_MAX * sizeof *out->items);
    for (const char *s = value; s && out->n < DMARC_URIS_MAX;) {
        const char *comma = strchr(s, ',');
        size_t len = comma ? (size_t)(comma - s) : strlen(s);
        const char *start = s;
        while (len && (*start == ' ' || *start == '\t'))
            start++, len--;
        while (len && (start[len - 1] == ' ' || start[len - 1] == '\t'))
            len--;
        struct dmarc_uri *u = &out->items[out->n++];
        read_uri(a, arena_strndup(a, start, len), u);
        out->usable = out->usable || u->usable;
        s = comma ? comma + 1 : NULL;
    }
}

/* ---- the record ---- */

const char *dmarc_policy_name(enum dmarc_policy p)
{
    static const char *const names[] = {
        [DMARC_ABSENT] = "no DMARC",
        [DMARC_INVALID] = "invalid",
        [DMARC_NONE] = "none",
        [DMARC_QUARANTINE] = "quarantine",
        [DMARC_REJECT] = "reject",
    };

    return names[p];
}

static enum dmarc_policy read_policy(const char *value)
{
    if (!value)
        return DMARC_ABSENT;
    for (enum dmarc_policy p = DMARC_NONE; p <= DMARC_REJECT; p++) {
        if (text_equal_nocase(value, dmarc_policy_name(p)))
            return p;
    }
    return DMARC_INVALID;
}

static enum dmarc_psd read_psd(const char *value)
{
    return text_equal_nocase(value, "y")   ? DMARC_PSD_YES
           : text_equal_nocase(value, "n") ? DMARC_PSD_NO
                                           : DMARC_PSD_UNKNOWN;
}

static int read_pct(const char *value)
{
    int64_t n;

    return value && text_int64(value, &n) && n >= 0 && n <= 100 ? (int)n : 100;
}

void dmarc_record_read(struct arena *a, const char *text, size_t len, struct dmarc_record *out)
{
    *out = (struct dmarc_record){.text = text, .len = len};
    tags_read(a, text, len, &out->tags);
    const struct tags *t = &out->tags;
    out->p = read_policy(tags_value(t, "p"));
    out->sp = read_policy(tags_value(t, "sp"));
    out->np = read_policy(tags_value(t, "np"));
    out->testing = text_equal_nocase(tags_value(t, "t"), "y");
    out->psd = read_psd(tags_value(t, "psd"));
    out->strict_dkim = text_equal_nocase(tags_value(t, "adkim"), "s");
    out->strict_spf = text_equal_nocase(tags_value(t, "aspf"), "s");
    out->pct = read_pct(tags_value(t, "pct"));
    read_uris(a, tags_value(t, "rua"), &out->rua);
    read_uris(a, tags_value(t, "ruf"), &out->ruf);
}

/* ---- what it does ---- */

static enum dmarc_policy published(
    const struct dmarc_record *r, enum dmarc_scope scope, enum dmarc_reader reader)
{
    bool knows_np = reader == DMARC_9989;

    if (r->p < DMARC_NONE || r->sp == DMARC_INVALID || (knows_np && r->np == DMARC_INVALID))
        return r->rua.usable ? DMARC_NONE : DMARC_ABSENT;
    if (scope == DMARC_INVENTED && knows_np && r->np != DMARC_ABSENT)
        return r->np;
    if (scope != DMARC_DOMAIN && r->sp != DMARC_ABSENT)
        return r->sp;
    return r->p;
}

static enum dmarc_policy weaker(enum dmarc_policy p)
{
    return p > DMARC_NONE ? p - 1 : p;
}

enum dmarc_policy dmarc_effective(
    const struct dmarc_record *r, enum dmarc_scope scope, enum dmarc_reader reader)
{
    enum dmarc_policy p = published(r, scope, reader);
    bool test = reader == DMARC_9989 ? r->testing : r->pct == 0;

    return test ? weaker(p) : p;
}

const char *dmarc_effective_text(
    struct arena *a, const struct dmarc_record *r, enum dmarc_scope scope, enum dmarc_reader reader)
{
    enum dmarc_policy p = dmarc_effective(r, scope, reader);

    if (reader == DMARC_7489 && p > DMARC_NONE && r->pct > 0 && r->pct < 100) {
        return arena_printf(
            a, "%s for %d %%, else %s", dmarc_policy_name(p), r->pct, dmarc_policy_name(weaker(p)));
    }
    return dmarc_policy_name(p);
}

/* ---- in words ---- */

void dmarc_record_explain(
    struct arena *a, const struct dmarc_record *r, struct dmarc_reading out[DMARC_READINGS])
{
    static const struct dmarc_reading tags[DMARC_READINGS] = {
        {"p", "", false, "what to do with mail From the domain that fails"},
        {"sp", "as p", false, "the same for its subdomains"},
        {"np", "as sp", false, "the same for names below it that do not exist"},
        {"t", "n", false, "test: the policy is applied one step weaker"},
        {"psd", "u", false, "public suffix (y), organisation of its own (n), or neither"},
        {"adkim", "r", false, "alignment of DKIM: relaxed or strict"},
        {"aspf", "r", false, "alignment of SPF: relaxed or strict"},
        {"rua", "", false, "where aggregate reports go"},
        {"ruf", "", false, "where failure reports go"},
        {"fo", "0", false, "when failure reports are sent"},
        {"pct", "100", false, "share of failing mail treated so; old receivers only"},
    };

    for (size_t i = 0; i < DMARC_READINGS; i++) {
        const char *value = tags_value(&r->tags, tags[i].tag);
        out[i] = tags[i];
        out[i].published = value != NULL;
        if (value)
            out[i].value = finding_escape(a, value, strlen(value));
    }
}
