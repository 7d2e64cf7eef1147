/*
 * What is it? Told by the first bytes alone: names and declared types of real reports are wrong too
 * often.
 */
#include "ingest/unpack.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum {
    TAR_MAGIC_AT = 257,
    FIELD_NAME_MAX = 76
};

struct magic {
    const char *name;
    const char *bytes;
    size_t len;
    size_t at;
};

static const struct magic archives[] = {
    {"bzip2", "BZh", 3, 0},
    {"xz",
        "\xfd"
        "7zXZ",
        5, 0},
    {"lzma", "\x5d\0\0", 3, 0},
    {"zstd", "\x28\xb5\x2f\xfd", 4, 0},
    {"compress (.Z)", "\x1f\x9d", 2, 0},
    {"7-Zip", "7z\xbc\xaf\x27\x1c", 6, 0},
    {"RAR", "Rar!\x1a\x07", 6, 0},
    {"Windows cabinet", "MSCF\0\0\0\0", 8, 0},
    {"tar", "ustar", 5, TAR_MAGIC_AT},
    {"OLE (an Outlook .msg, or an old Office file)", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, 0},
    {"TNEF (winmail.dat)", "\x78\x9f\x3e\x22", 4, 0},
};

/* Header fields that nearly every mail has at least one of. */
static const char *const mail_fields[] = {
    "From",
    "To",
    "Subject",
    "Date",
    "Received",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Return-Path",
    "Delivered-To",
    "DKIM-Signature",
    "X-Original-To",
};

static bool starts_with(const unsigned char *s, size_t len, const char *prefix, size_t prefix_len)
{
    return len >= prefix_len && memcmp(s, prefix, prefix_len) == 0;
}

const char *content_name(enum content c)
{
    static const char *const names[] = {
        [CONTENT_EMPTY] = "empty",
        [CONTENT_GZIP] = "gzip",
        [CONTENT_ZIP] = "zip",
        [CONTENT_ARCHIVE] = "archive",
        [CONTENT_XML] = "xml",
        [CONTENT_JSON] = "json",
        [CONTENT_MAIL] = "mail",
        [CONTENT_MBOX] = "mbox",
        [CONTENT_OTHER] = "other",
    };

    return names[c];
}

const char *content_archive_name(const unsigned char *head, size_t len)
{
    for (size_t i = 0; i < sizeof archives / sizeof archives[0]; i++) {
        const struct magic *m = &archives[i];

        if (len > m->at && starts_with(head + m->at, len - m->at, m->bytes, m->len))
            return m->name;
    }
    return NULL;
}

/* RFC 1950: a window of 32 KiB and a header that is a multiple of 31; the four levels that zlib
 * writes. */
static bool is_zlib(const unsigned char *head, size_t len)
{
    return len > 6 && head[0] == 0x78 &&
           (head[1] == 0x01 || head[1] == 0x5e || head[1] == 0x9c || head[1] == 0xda);
}

/* How text is laid out: bytes per character, which of them has the ASCII, and the byte order mark's
 * length. */
struct layout {
    size_t width;
    size_t ascii_at;
    size_t mark;
};

static struct layout layout_of(const unsigned char *s, size_t len)
{
    if (starts_with(s, len, "\xef\xbb\xbf", 3))
        return (struct layout){.width = 1, .ascii_at = 0, .mark = 3};
    if (starts_with(s, len, "\xff\xfe\0\0", 4))
        return (struct layout){.width = 4, .ascii_at = 0, .mark = 4};
    if (starts_with(s, len, "\0\0\xfe\xff", 4))
        return (struct layout){.width = 4, .ascii_at = 3, .mark = 4};
    if (starts_with(s, len, "\xff\xfe", 2))
        return (struct layout){.width = 2, .ascii_at = 0, .mark = 2};
    if (starts_with(s, len, "\xfe\xff", 2))
        return (struct layout){.width = 2, .ascii_at = 1, .mark = 2};
    if (starts_with(s, len, "<\0", 2))
        return (struct layout){.width = 2, .ascii_at = 0, .mark = 0};
    if (starts_with(s, len, "\0<", 2))
        return (struct layout){.width = 2, .ascii_at = 1, .mark = 0};
    return (struct layout){.width = 1, .ascii_at = 0, .mark = 0};
}

/* The text as single bytes, without byte order mark and leading white space. */
static size_t narrow(const unsigned char *s, size_t len, char *out, size_t size)
{
    struct layout l = layout_of(s, len);
    size_t n = 0;

    for (size_t i = l.mark; i + l.width <= len && n < size; i += l.width) {
        unsigned char c = s[i + l.ascii_at];

        if (n > 0 || !isspace(c))
            out[n++] = (char)c;
    }
    return n;
}

/* The length of the field name that a line starts with ("Subject" of "Subject: x"), or 0. */
static size_t field_name(const unsigned char *line, size_t len)
{
    size_t n = 0;

    while (n < len && n <= FIELD_NAME_MAX && line[n] > ' ' && line[n] < 0x7f && line[n] != ':')
        n++;
    return n > 0 && n < len && n <= FIELD_NAME_MAX && line[n] == ':' ? n : 0;
}

static bool is_mail_field(const unsigned char *name, size_t len)
{
    for (size_t i = 0; i < sizeof mail_fields / sizeof mail_fields[0]; i++) {
        if (strlen(mail_fields[i]) == len &&
            strncasecmp(mail_fields[i], (const char *)name, len) == 0)
            return true;
    }
    return false;
}

/* The first line is a header field, and up to the first blank line there is one that mails have. */
static bool is_mail(const unsigned char *s, size_t len)
{
    if (field_name(s, len) == 0)
        return false;
    while (len > 0 && s[0] != '\n' && s[0] != '\r') {
        const unsigned char *end = memchr(s, '\n', len);
        size_t line = end ? (size_t)(end - s) + 1 : len;

        if (is_mail_field(s, field_name(s, line)))
            return true;
        s += line;
        len -= line;
    }
    return false;
}

/* Gateways put words before the XML. */
static bool holds_xml(const unsigned char *head, size_t head_len)
{
    char text[CONTENT_HEAD];
    size_t len = narrow(head, head_len, text, sizeof text);

    return memmem(text, len, "<?xml", 5) || memmem(text, len, "<feedback", 9);
}

/* What a word processor saved begins like JSON. */
static bool is_rtf(const unsigned char *head, size_t head_len)
{
    char text[5];

    return narrow(head, head_len, text, sizeof text) == sizeof text &&
           memcmp(text, "{\\rtf", sizeof text) == 0;
}

enum content content_sniff(const unsigned char *head, size_t len)
{
    char first;

    if (starts_with(head, len, "\x1f\x8b", 2))
        return CONTENT_GZIP;
    if (starts_with(head, len, "PK\3\4", 4) || starts_with(head, len, "PK\5\6", 4) ||
        starts_with(head, len, "PK\7\10", 4))
        return CONTENT_ZIP;
    if (content_archive_name(head, len))
        return CONTENT_ARCHIVE;
    if (is_zlib(head, len))
        return CONTENT_GZIP;

    if (narrow(head, len, &first, 1) == 0)
        return CONTENT_EMPTY;
    if (first == '<')
        return CONTENT_XML;
    if (first == '{' || first == '[')
        return is_rtf(head, len) ? CONTENT_OTHER : CONTENT_JSON;
    if (starts_with(head, len, "From ", 5))
        return CONTENT_MBOX;
    if (is_mail(head, len))
        return CONTENT_MAIL;
    return holds_xml(head, len) ? CONTENT_XML : CONTENT_OTHER;
}
