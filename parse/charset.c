#include "parse/charset.h"

#include "base/text.h"

#include <iconv.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* Unicode of 0x80 to 0x9F in windows-1252; 0 where it has none. */
static const unsigned short windows_1252[32] = {0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020,
    0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0, 0, 0x2018, 0x2019, 0x201C, 0x201D,
    0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178};

/*
 * The charsets that are converted. iconv itself knows a thousand, but it loads a module for each
 * name that a stranger writes, and some of those modules had memory bugs (CVE-2024-2961): so only
 * these, by our own spelling.
 */
static const struct {
    const char *name;
    const char *iconv_name; /* NULL: is UTF-8 already */
} charsets[] = {
    {"utf-8", NULL},
    {"utf8", NULL},
    {"us-ascii", NULL},
    {"ascii", NULL},
    {"iso-8859-1", "WINDOWS-1252"}, /* as every mail reader does */
    {"latin1", "WINDOWS-1252"},
    {"windows-1252", "WINDOWS-1252"},
    {"cp1252", "WINDOWS-1252"},
    {"iso-8859-2", "ISO-8859-2"},
    {"iso-8859-5", "ISO-8859-5"},
    {"iso-8859-7", "ISO-8859-7"},
    {"iso-8859-9", "ISO-8859-9"},
    {"iso-8859-15", "ISO-8859-15"},
    {"windows-1250", "WINDOWS-1250"},
    {"windows-1251", "WINDOWS-1251"},
    {"windows-1253", "WINDOWS-1253"},
    {"windows-1254", "WINDOWS-1254"},
    {"koi8-r", "KOI8-R"},
    {"koi8-u", "KOI8-U"},
    {"gb2312", "GB18030"},
    {"gbk", "GB18030"},
    {"gb18030", "GB18030"},
    {"big5", "BIG5"},
    {"shift_jis", "SHIFT_JIS"},
    {"euc-jp", "EUC-JP"},
    {"iso-2022-jp", "ISO-2022-JP"},
    {"euc-kr", "EUC-KR"},
};

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* byte is 0x80 or above. */
static int add_byte_as_1252(struct buf *out, unsigned char byte)
{
    unsigned code = byte >= 0xA0 ? byte : windows_1252[byte - 0x80];

    if (code == 0)
        return buf_add(out, replacement, 3);
    if (code < 0x800) {
        const char two[2] = {(char)(0xC0 | (code >> 6)), (char)(0x80 | (code & 0x3F))};
        return buf_add(out, two, 2);
    }
    const char three[3] = {(char)(0xE0 | (code >> 12)), (char)(0x80 | ((code >> 6) & 0x3F)),
        (char)(0x80 | (code & 0x3F))};
    return buf_add(out, three, 3);
}

/* The length of the valid UTF-8 sequence beyond ASCII at s, or 0. */
static size_t sequence_length(const char *s, size_t left)
{
    for (size_t n = 2; n <= 4 && n <= left; n++) {
        if (text_is_utf8(s, n))
            return n;
    }
    return 0;
}

size_t charset_repair(struct buf *out, const char *bytes, size_t len)
{
    size_t repaired = 0;
    size_t at = 0;

    if (text_is_utf8(bytes, len) && buf_add(out, bytes, len) == 0)
        return 0;
    while (at < len) {
        size_t run = at;
        while (run < len && (unsigned char)bytes[run] < 0x80)
            run++;
        if (run > at && buf_add(out, bytes + at, run - at) != 0)
            break;
        at = run;
        if (at == len)
            break;
        size_t n = sequence_length(bytes + at, len - at);
        if (n ? buf_add(out, bytes + at, n) != 0
              : add_byte_as_1252(out, (unsigned char)bytes[at]) != 0)
            break;
        repaired += n == 0;
        at += n ? n : 1;
    }
    return repaired;
}

static void convert(struct buf *out, iconv_t cd, char *in, size_t left)
{
    while (left) {
        char chunk[512];
        char *to = chunk;
        size_t room = sizeof chunk;
        size_t r = iconv(cd, &in, &left, &to, &room);
        if (buf_add(out, chunk, sizeof chunk - room) != 0)
            return;
        if (r == (size_t)-1 &&
            room == sizeof chunk) { /* no progress: an illegal or incomplete sequence */
            if (buf_add(out, replacement, 3) != 0)
                return;
            in++;
            left--;
        }
    }
}

void charset_decode(struct buf *out, const char *charset, const char *bytes, size_t len)
{
    const char *iconv_name = NULL;

    for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++) {
        if (strcasecmp(charset, charsets[i].name) == 0)
            iconv_name = charsets[i].iconv_name;
    }
    iconv_t cd = iconv_name ? iconv_open("UTF-8", iconv_name) : NULL;
    if (!iconv_name || (intptr_t)cd == -1) {
        (void)charset_repair(out, bytes, len);
        return;
    }
    struct buf copy; /* iconv wants its input writable */
    buf_init(&copy, len + 1);
    if (len && buf_add(&copy, bytes, len) == 0)
        convert(out, cd, copy.data, copy.len);
    buf_done(&copy);
    (void)iconv_close(cd);
}
