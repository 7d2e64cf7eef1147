#include "base/addr.h"
#include "base/arena.h"
#include "base/text.h"

#include <idn2.h>
#include <libpsl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_MAX_BYTES = 253, /* RFC 1035 2.3.4, in text form */
    LABEL_MAX_BYTES = 63,
    ODD_MAX_BYTES = 3 * NAME_MAX_BYTES /* a name's length, if each byte becomes U+FFFD */
};

/* Bytes that stay as they are in a normalised name. */
static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/* Labels of 1 to 63 letters, digits, '-' and '_', not beginning or ending with '-'; 253 in all. */
static bool is_host_like(const char *name)
{
    size_t label = 0;
    const char *p;

    for (p = name; *p; p++) {
        if (*p == '.') {
            if (label == 0 || p[-1] == '-')
                return false;
            label = 0;
        } else if (!is_plain((unsigned char)*p) || (label == 0 && *p == '-') ||
                   ++label > LABEL_MAX_BYTES) {
            return false;
        }
    }
    return label > 0 && p[-1] != '-' && p - name <= NAME_MAX_BYTES;
}

static bool is_ascii(const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s >= 0x80)
            return false;
    }
    return true;
}

/* U-labels to A-labels; NULL when IDNA has no answer. The caller frees with idn2_free. */
static char *to_a_labels(const char *name)
{
    char *out = NULL;
    int r = idn2_to_ascii_8z(name, &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

    return r == IDN2_OK ? out : NULL;
}

const char *domain_normalise(struct arena *a, const char *name, bool *odd)
{
    size_t len;

    if (!name)
        return NULL;
    const char *start = text_trim(name, &len);
    if (len && start[len - 1] == '.')
        len--;
    char *copy = arena_strndup(a, start, len);
    bool plain = true;
    for (size_t i = 0; i < len; i++) {
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] + ('a' - 'A'));
        plain = plain && is_plain((unsigned char)copy[i]);
    }
    if (!plain && len <= (size_t)NAME_MAX_BYTES * 4 && !is_ascii(copy)) {
        char *ascii = to_a_labels(copy);
        if (ascii) {
            copy = text_lower(a, ascii);
            idn2_free(ascii);
            len = strlen(copy);
            if (len && copy[len - 1] == '.') /* an ideographic full stop before the mapping */
                copy[--len] = '\0';
        }
    }
    if (!is_host_like(copy)) {
        *odd = true;
        return text_safe(a, copy, len > (size_t)ODD_MAX_BYTES ? len : (size_t)ODD_MAX_BYTES);
    }
    return copy;
}

static psl_ctx_t *suffixes;

static void load_suffixes(void)
{
    suffixes =
        psl_latest(NULL); /* the distribution's newest file, else what is built into the library */
}

/* Once; NULL when there is no list. */
static const psl_ctx_t *suffix_list(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, load_suffixes);
    return suffixes;
}

const char *domain_registrable(const char *name)
{
    struct addr ignored;

    if (addr_parse(name, &ignored)) /* libpsl would take 1.2.3.4 for a name */
        return name;
    const psl_ctx_t *list = suffix_list();
    const char *found = list ? psl_registrable_domain(list, name) : NULL;
    return found ? found : name;
}

bool domain_is_suffix(const char *name)
{
    const psl_ctx_t *list = suffix_list();

    /* Without a rule for it a top-level name is one by the list's own default rule. But "localhost"
     * and the like are in no list, and may well be somebody's: only rules count. */
    return list && psl_is_public_suffix2(list, name, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE);
}

bool domain_is_within(const char *name, const char *parent)
{
    size_t n = strlen(name);
    size_t p = strlen(parent);

    if (n < p || p == 0 || strcmp(name + n - p, parent) != 0)
        return false;
    return n == p || name[n - p - 1] == '.';
}
