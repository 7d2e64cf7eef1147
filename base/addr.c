#include "base/addr.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool parse_exact(const char *text, size_t len, struct addr *out)
{
    char copy[ADDR_TEXT_MAX];
    struct addr a = {0};

    if (len == 0 || len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (inet_pton(AF_INET, copy, a.bytes) == 1) {
        a.len = 4;
    } else if (inet_pton(AF_INET6, copy, a.bytes) == 1) {
        a.len = 16;
        if (memcmp(a.bytes, mapped_prefix, sizeof mapped_prefix) == 0) {
            memmove(a.bytes, a.bytes + 12, 4);
            memset(a.bytes + 4, 0, 12);
            a.len = 4;
        }
    } else {
        return false;
    }
    *out = a;
    return true;
}

bool addr_parse(const char *text, struct addr *out)
{
    size_t len;

    text = text_trim(text, &len);
    return parse_exact(text, len, out);
}

/* ":25" or nothing. */
static bool is_port_or_end(const char *s, size_t len)
{
    static const char digits[] = "0123456789";

    return len == 0 || (len > 1 && len <= 6 && *s == ':' && strspn(s + 1, digits) >= len - 1);
}

/*
 * [2001:db8::1] and [192.0.2.1]:25 without what is around the address, and the tag of an RFC 5321
 * address literal.
 */
static bool strip_brackets(const char **text, size_t *len)
{
    const char *inner = *text + 1;
    const char *close = memchr(*text, ']', *len);

    if (!close || !is_port_or_end(close + 1, *len - (size_t)(close + 1 - *text)))
        return false;
    *len = (size_t)(close - inner);
    if (*len > 5 && strncasecmp(inner, "IPv6:", 5) == 0) {
        inner += 5;
        *len -= 5;
    }
    *text = inner;
    return true;
}

/* The address without "/32" (IPv4), "/128", "%eth0" (IPv6) or ":25" (IPv4) behind it. */
static size_t bare_length(const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);
    bool v6 = colon && memchr(colon + 1, ':', len - (size_t)(colon + 1 - text));
    const char *host = v6 ? "/128" : "/32";
    size_t host_len = strlen(host);

    if (len > host_len && memcmp(text + len - host_len, host, host_len) == 0)
        return len - host_len;
    if (!v6 && colon && is_port_or_end(colon, len - (size_t)(colon - text)))
        return (size_t)(colon - text);
    const char *zone = v6 ? memchr(text, '%', len) : NULL;
    return zone ? (size_t)(zone - text) : len;
}

bool addr_parse_lenient(const char *text, struct addr *out)
{
    size_t len;

    text = text_trim(text, &len);
    if (parse_exact(text, len, out))
        return true;
    if (len && *text == '[' && !strip_brackets(&text, &len))
        return false;
    return parse_exact(text, bare_length(text, len), out);
}

/* inet_ntop does this by sprintf, which would be a tenth of the time that a record takes. */
static void format4(const unsigned char bytes[4], char *out)
{
    for (size_t i = 0; i < 4; i++) {
        unsigned n = bytes[i];
        if (n >= 100)
            *out++ = (char)('0' + n / 100);
        if (n >= 10)
            *out++ = (char)('0' + n / 10 % 10);
        *out++ = (char)('0' + n % 10);
        *out++ = i < 3 ? '.' : '\0';
    }
}

void addr_format(const struct addr *a, char out[ADDR_TEXT_MAX])
{
    if (a->len == 4) {
        format4(a->bytes, out);
    } else if (a->len == 0 || !inet_ntop(AF_INET6, a->bytes, out, ADDR_TEXT_MAX)) {
        out[0] = '\0';
    }
}

bool addr_parse_network(const char *text, struct addr *first, struct addr *last)
{
    size_t len;
    struct addr a;
    int64_t bits;

    text = text_trim(text, &len);
    const char *slash = memchr(text, '/', len);
    size_t host_len = slash ? (size_t)(slash - text) : len;
    if (!parse_exact(text, host_len, &a))
        return false;
    bits = (int64_t)a.len * 8;
    if (slash) {
        char digits[5] = {0};
        size_t n = len - host_len - 1;
        if (n == 0 || n >= sizeof digits || strspn(slash + 1, "0123456789") < n)
            return false;
        memcpy(digits, slash + 1, n);
        if (!text_int64(digits, &bits) || bits > (int64_t)a.len * 8)
            return false;
    }
    *first = *last = a;
    for (unsigned i = (unsigned)bits; i < (unsigned)a.len * 8; i++) {
        unsigned char bit = (unsigned char)(0x80U >> (i % 8));
        first->bytes[i / 8] &= (unsigned char)~bit;
        last->bytes[i / 8] |= bit;
    }
    return true;
}

/* 127.example.net is anywhere. */
bool addr_host_is_loopback(const char *host)
{
    struct addr a;

    if (!addr_parse(host, &a))
        return strcmp(host, "localhost") == 0;
    return a.len == 4 ? a.bytes[0] == 127 : strcmp(host, "::1") == 0;
}
