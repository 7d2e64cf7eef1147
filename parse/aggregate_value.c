#include "parse/aggregate_value.h"

#include "base/text.h"
#include "base/when.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

const char *const policy_words[] = {"none", "quarantine", "reject", NULL};
const char *const alignment_words[] = {"r", "s", NULL};
const char *const testing_words[] = {"y", "n", NULL};
const char *const discovery_words[] = {"psl", "treewalk", NULL};

/* Where a word stands is computed from its length and first letter, so that there is one place to
 * look for it. */
static const struct usual {
    char word[12]; /* first: its address is that of the entry */
    size_t len;
    enum verdict verdict;
    enum disposition disposition;
    bool result; /* of auth_results */
} usuals[16] = {
    [0] = {"reject", 6, .disposition = DISPOSITION_REJECT},
    [1] = {"neutral", 7, .result = true},
    [2] = {"none", 4, .disposition = DISPOSITION_NONE, .result = true},
    [3] = {"quarantine", 10, .disposition = DISPOSITION_QUARANTINE},
    [4] = {"pass", 4, VERDICT_PASS, DISPOSITION_PASS, true},
    [6] = {.word = "mfrom", .len = 5},
    [10] = {"fail", 4, VERDICT_FAIL, .result = true},
    [11] = {"softfail", 8, .result = true},
};

const char *usual_word(const char *text, size_t len)
{
    if (len == 0)
        return NULL;
    const struct usual *u = &usuals[((unsigned char)text[0] + 5 * len) % 16];

    return u->len == len && memcmp(u->word, text, len) == 0 ? u->word : NULL;
}

/* The entry whose word this is, by its address. */
static const struct usual *usual_at(const char *word)
{
    uintptr_t offset = (uintptr_t)word - (uintptr_t)usuals;

    return offset < sizeof usuals ? &usuals[offset / sizeof *usuals] : NULL;
}

enum verdict verdict_read(const char *word)
{
    const struct usual *u = usual_at(word);

    if (u)
        return u->verdict;
    if (word && strcasecmp(word, "pass") == 0)
        return VERDICT_PASS;
    if (word && strcasecmp(word, "fail") == 0)
        return VERDICT_FAIL;
    return VERDICT_UNKNOWN;
}

enum disposition disposition_read(const char *word)
{
    static const struct {
        const char *word;
        enum disposition value;
    } table[] = {
        {"none", DISPOSITION_NONE},
        {"pass", DISPOSITION_PASS},
        {"quarantine", DISPOSITION_QUARANTINE},
        {"reject", DISPOSITION_REJECT},
    };

    const struct usual *u = usual_at(word);

    if (u)
        return u->disposition;
    for (size_t i = 0; word && i < sizeof table / sizeof *table; i++) {
        if (strcasecmp(word, table[i].word) == 0)
            return table[i].value;
    }
    return DISPOSITION_UNKNOWN;
}

const char *word_read(const char *text, const char *const *words)
{
    size_t len = text ? strlen(text) : 0;

    while (len && (text[len - 1] == ';' || text[len - 1] == ' '))
        len--;
    for (; len && *words; words++) {
        if (strlen(*words) == len && strncasecmp(text, *words, len) == 0)
            return *words;
    }
    return NULL;
}

/* RFC 8601 2.7.1 and 2.7.2, and "policy" for both since RFC 9990 */
static const char *known_result(const char *word)
{
    static const char *const words[] = {
        "pass", "fail", "none", "neutral", "softfail", "temperror", "permerror", "policy"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(word, words[i]) == 0)
            return words[i];
    }
    return NULL;
}

const char *result_read(struct arena *a, const char *word, bool spf, bool *odd, bool *alias)
{
    static const struct {
        const char *old;
        const char *now;
    } aliases[] = {{"hardfail", "fail"}, {"unknown", "temperror"}, {"error", "permerror"}};

    const struct usual *u = usual_at(word);

    if (u && u->result)
        return word;
    const char *known = known_result(word);
    if (known)
        return known;
    const char *lower = text_lower(a, word);
    known = known_result(lower);
    if (known)
        return known;
    for (size_t i = 0; spf && i < sizeof aliases / sizeof *aliases; i++) {
        if (strcmp(lower, aliases[i].old) == 0) {
            *alias = true;
            return aliases[i].now;
        }
    }
    *odd = true;
    return lower;
}

const char *scope_read(struct arena *a, const char *word)
{
    return usual_at(word) ? word : text_lower(a, word);
}

/* Digits with thousands separators in the right places, or digits with a fraction of zeros. */
static bool loose_number(const char *s, char digits[32])
{
    size_t n = 0;
    size_t group = 0;
    bool grouped = false;

    for (; isdigit((unsigned char)*s) || *s == ','; s++) {
        if (*s == ',') {
            if (n == 0 || group > 3 || (grouped && group != 3))
                return false;
            grouped = true;
            group = 0;
            continue;
        }
        if (n + 1 >= 32)
            return false;
        digits[n++] = *s;
        group++;
    }
    digits[n] = '\0';
    if (n == 0 || (grouped && group != 3))
        return false;
    if (*s == '.')
        s += 1 + strspn(s + 1, "0");
    return *s == '\0';
}

/* Only digits, but more than fit. */
static bool is_huge(const char *s)
{
    s += *s == '+';
    return *s && strspn(s, "0123456789") == strlen(s);
}

const char *report_id_read(struct arena *a, const char *sent)
{
    size_t len = strlen(sent);
    bool brackets = len > 2 && sent[0] == '<' && sent[len - 1] == '>';

    return brackets ? arena_strndup(a, sent + 1, len - 2) : sent;
}

enum spelling count_read(const char *text, int64_t *out, bool *capped)
{
    char digits[32];
    int64_t n;
    enum spelling how = SPELLING_PLAIN;

    if (!text || !*text)
        return SPELLING_MISSING;
    if (!text_int64(text, &n)) {
        how = SPELLING_ODD;
        if (is_huge(text)) {
            n = INT64_MAX;
        } else if (!loose_number(text, digits) || !text_int64(digits, &n)) {
            return SPELLING_UNUSABLE;
        }
    }
    if (n < 0)
        return SPELLING_UNUSABLE;
    *capped = n > COUNT_MAX;
    *out = *capped ? COUNT_MAX : n;
    return how;
}

enum spelling time_read(const char *text, int64_t *out, bool *scaled)
{
    static const int64_t reasonable =
        INT64_C(100000000000); /* the year 5138: beyond it the unit is not the second */
    char whole[32];
    int64_t n;

    if (!text || !*text)
        return SPELLING_MISSING;
    size_t len = strcspn(text, ".");
    bool fraction =
        text[len] == '.' && strspn(text + len + 1, "0123456789") == strlen(text + len + 1);
    if (len && len < sizeof whole && (text[len] == '\0' || fraction)) {
        memcpy(whole, text, len);
        whole[len] = '\0';
        if (text_int64(whole, &n)) {
            while (n > reasonable) {
                n /= 1000;
                *scaled = true;
            }
            *out = n < 0 ? 0 : n;
            return n < 0 || fraction ? SPELLING_ODD : SPELLING_PLAIN;
        }
    }
    if (when_parse_rfc3339(text, out) || when_parse_rfc5322(text, out))
        return SPELLING_ODD;
    return SPELLING_UNUSABLE;
}

bool file_name_period(const char *name, int64_t *begin, int64_t *end)
{
    char first[24];
    char second[24];
    const char *at = name ? strchr(name, '!') : NULL;

    at = at ? strchr(at + 1, '!') : NULL;
    if (!at)
        return false;
    size_t n = strspn(at + 1, "0123456789");
    if (n == 0 || n >= sizeof first || at[1 + n] != '!')
        return false;
    memcpy(first, at + 1, n);
    first[n] = '\0';
    at += 2 + n;
    n = strspn(at, "0123456789");
    if (n == 0 || n >= sizeof second)
        return false;
    memcpy(second, at, n);
    second[n] = '\0';
    return text_int64(first, begin) && text_int64(second, end);
}

static const char *registrable_of(struct arena *a, const char *name)
{
    bool odd = false;

    if (!name || !*name)
        return NULL;
    const char *domain = domain_normalise(a, name, &odd);
    return odd || !strchr(domain, '.') ? NULL : domain_registrable(domain);
}

static const char *address_domain(struct arena *a, const char *address)
{
    const char *at = address ? strrchr(address, '@') : NULL;

    if (!at)
        return NULL;
    return arena_strndup(a, at + 1, strcspn(at + 1, "> \t,;"));
}

const char *reporter_key(struct arena *a, const char *email, const char *file_name,
    const char *mail_from, const char *org_name)
{
    const char *key = registrable_of(a, address_domain(a, email));

    if (!key && file_name && strchr(file_name, '!'))
        key = registrable_of(a, arena_strndup(a, file_name, strcspn(file_name, "!")));
    if (!key)
        key = registrable_of(a, address_domain(a, mail_from));
    if (!key && org_name && *org_name)
        key = text_lower(a, org_name);
    return key ? key : "unknown";
}

const char *domain_of_address(struct arena *a, const char *text, bool *was_address)
{
    if (strcmp(text, "<>") == 0) {
        *was_address = true;
        return "";
    }
    const char *at = strrchr(text, '@');
    if (!at)
        return text;
    *was_address = true;
    return arena_strndup(a, at + 1, strcspn(at + 1, "> \t"));
}

/* a-z 0-9 - _: asked of every character of every domain, so it is looked up. */
static const bool in_label[256] = {['-'] = true,
    ['_'] = true,
    ['0'] = true,
    ['1'] = true,
    ['2'] = true,
    ['3'] = true,
    ['4'] = true,
    ['5'] = true,
    ['6'] = true,
    ['7'] = true,
    ['8'] = true,
    ['9'] = true,
    ['a'] = true,
    ['b'] = true,
    ['c'] = true,
    ['d'] = true,
    ['e'] = true,
    ['f'] = true,
    ['g'] = true,
    ['h'] = true,
    ['i'] = true,
    ['j'] = true,
    ['k'] = true,
    ['l'] = true,
    ['m'] = true,
    ['n'] = true,
    ['o'] = true,
    ['p'] = true,
    ['q'] = true,
    ['r'] = true,
    ['s'] = true,
    ['t'] = true,
    ['u'] = true,
    ['v'] = true,
    ['w'] = true,
    ['x'] = true,
    ['y'] = true,
    ['z'] = true};

bool domain_is_plain(const char *s)
{
    const char *p = s;
    const char *label = s;

    for (;; p++) {
        while (in_label[(unsigned char)*p])
            p++;
        if (*p != '.' && *p != '\0')
            return false;
        if (p == label || p - label > 63 || *label == '-' || p[-1] == '-')
            return false;
        if (*p == '\0')
            return p - s <= 253;
        label = p + 1;
    }
}
