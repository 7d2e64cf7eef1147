#include "report/look.h"

#include <stdint.h>
#include <string.h>

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* PNG (RFC 2083) 3.1 and 4.1.1: the signature, then IHDR with width and height. */
const char *look_logo_fault(const void *bytes, size_t len)
{
    static const unsigned char head[] = {
        0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
    const unsigned char *p = bytes;

    if (len < sizeof head + 17 || memcmp(p, head, sizeof head) != 0)
        return "is not a PNG image";
    if (len > LOGO_BYTES_MAX)
        return "is larger than 128 KiB";
    uint32_t width = big_endian(p + sizeof head);
    uint32_t height = big_endian(p + sizeof head + 4);
    if (width < 1 || height < 1 || width > LOGO_SIDE_MAX || height > LOGO_SIDE_MAX)
        return "is wider or higher than 2000 pixels";
    return NULL;
}
