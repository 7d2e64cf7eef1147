#include "base/text.h"

#include "base/arena.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char ellipsis[] = "\xE2\x80\xA6"; /* U+2026 */

size_t text_decode(const char *bytes, size_t left, unsigned *code)
{
    static const unsigned smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *s = (const unsigned char *)bytes;
    size_t n = s[0] < 0x80   ? 1
               : s[0] < 0xC2 ? 0
               : s[0] < 0xE0 ? 2
               : s[0] < 0xF0 ? 3
               : s[0] < 0xF5 ? 4
                             : 0;

    if (n == 0 || n > left)
        return 0;
    unsigned value = n == 1 ? s[0] : s[0] & (0x7FU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (s[i] & 0x3FU);
    }
    if (value < smallest[n] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *code = value;
    return n;
}

/* To the first byte that is not ASCII, or the end: nearly all text is. */
static const char *skip_ascii(const char *p, const char *end)
{
    enum {
        BLOCK = 64 /* looked at by vector instructions */
    };

    for (; end - p >= BLOCK; p += BLOCK) {
        unsigned char all = 0;
        for (size_t i = 0; i < BLOCK; i++)
            all |= (unsigned char)p[i];
        if (all & 0x80)
            break;
    }
    while (p < end && !(*p & 0x80))
        p++;
    return p;
}

bool text_is_utf8(const char *s, size_t len)
{
    const char *p = s;
    const char *end = s + len;

    while (p < end) {
        unsigned code;
        p = skip_ascii(p, end);
        if (p == end)
            break;
        size_t n = text_decode(p, (size_t)(end - p), &code);
        if (n == 0)
            return false;
        p += n;
    }
    return true;
}

bool text_is_unsafe(unsigned code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C || code == 0x200E ||
           code == 0x200F || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0xFEFF;
}

/* How many of the bytes are plain ASCII, which nothing has to be done about? */
static size_t plain_run(const char *s, size_t len)
{
    size_t n = 0;

    while (n < len && s[n] >= 0x20 && s[n] < 0x7F)
        n++;
    return n;
}

void text_safe_into(char *out, size_t size, const char *s)
{
    size_t left = s ? strlen(s) : 0;
    size_t used = 0;
    size_t cut = 0; /* up to here, the ellipsis still fits behind it */

    if (size == 0)
        return;
    size_t plain = plain_run(s, left < size ? left : size);
    if (plain == left && plain < size) {
        if (plain)
            memcpy(out, s, plain);
        out[plain] = '\0';
        return;
    }
    while (left) {
        unsigned code;
        size_t n = text_decode(s, left, &code);
        bool bad = n == 0 || text_is_unsafe(code);
        size_t width = bad ? strlen(TEXT_REPLACEMENT) : n;
        if (used + sizeof ellipsis <= size)
            cut = used;
        if (used + width >= size) {
            if (sizeof ellipsis <= size) {
                memcpy(out + cut, ellipsis, sizeof ellipsis - 1);
                used = cut + sizeof ellipsis - 1;
            }
            break;
        }
        memcpy(out + used, bad ? TEXT_REPLACEMENT : s, width);
        used += width;
        s += n ? n : 1;
        left -= n ? n : 1;
    }
    out[used] = '\0';
}

const char *text_safe(struct arena *a, const char *s, size_t max)
{
    size_t len = s ? strlen(s) : 0;
    size_t worst = len < max / 3 ? len * 3 : max; /* every byte may become U+FFFD */
    char *out = arena_alloc(a, worst + 1);

    text_safe_into(out, worst + 1, s);
    return out;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

const char *text_trim(const char *s, size_t *len)
{
    while (is_blank(*s))
        s++;
    size_t n = strlen(s);
    while (n && is_blank(s[n - 1]))
        n--;
    *len = n;
    return s;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

char *text_lower(struct arena *a, const char *s)
{
    char *copy = arena_strdup(a, s);

    for (char *p = copy; *p; p++)
        *p = lower(*p);
    return copy;
}

bool text_equal_nocase(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

bool text_int64(const char *s, int64_t *out)
{
    char *end;

    if (!isdigit((unsigned char)s[*s == '-' || *s == '+']))
        return false;
    errno = 0;
    long long value = strtoll(s, &end, 10);
    if (errno || *end)
        return false;
    *out = value;
    return true;
}
