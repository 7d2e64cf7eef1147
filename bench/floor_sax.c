/*
 * The floor of parsing: gzip and XML with handlers that do nothing. Whatever dmarcmill costs above
 * this is its own doing. A small file is unpacked at once by libdeflate and parsed from memory, a
 * large one is streamed through zlib and libxml2's push parser.
 *
 *   floor_sax FILE...     prints how many bytes of XML there were
 */
#include <libdeflate.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum {
    SMALL_PACKED = 256 * 1024,
    SMALL = 16 * 1024 * 1024
};

static void start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
    int n_namespaces, const xmlChar **namespaces, int n_attributes, int n_defaulted,
    const xmlChar **attributes)
{
    (void)context, (void)name, (void)prefix, (void)uri, (void)n_namespaces, (void)namespaces,
        (void)n_attributes;
    (void)n_defaulted, (void)attributes;
}

static void end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    (void)context, (void)name, (void)prefix, (void)uri;
}

static void text(void *context, const xmlChar *s, int len)
{
    (void)context, (void)s, (void)len;
}

static xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC,
    .startElementNs = start,
    .endElementNs = end,
    .characters = text,
    .ignorableWhitespace = text};

/* gzread passes plain files through, so that one loop reads both kinds. */
static unsigned long long stream(const char *path)
{
    static char piece[64 * 1024];
    unsigned long long total = 0;
    int got;
    gzFile f = gzopen(path, "rb");
    xmlParserCtxtPtr xml = xmlCreatePushParserCtxt(&sax, NULL, NULL, 0, NULL);

    if (!f || !xml) {
        perror(path);
        exit(1);
    }
    while ((got = gzread(f, piece, sizeof piece)) > 0) {
        (void)xmlParseChunk(xml, piece, got, 0);
        total += (unsigned)got;
    }
    (void)xmlParseChunk(xml, NULL, 0, 1);
    xmlFreeParserCtxt(xml);
    (void)gzclose(f);
    return total;
}

/* 0: it is no small gzip file. */
static unsigned long long at_once(struct libdeflate_decompressor *d, const char *path)
{
    static unsigned char packed[SMALL_PACKED];
    static char xml[SMALL];
    size_t size = 0;
    FILE *f = fopen(path, "rb");

    if (!f) {
        perror(path);
        exit(1);
    }
    size_t n = fread(packed, 1, sizeof packed, f);
    (void)fclose(f);
    if (n == sizeof packed ||
        libdeflate_gzip_decompress(d, packed, n, xml, sizeof xml, &size) != LIBDEFLATE_SUCCESS)
        return 0;
    (void)xmlSAXUserParseMemory(&sax, NULL, xml, (int)size);
    return size;
}

int main(int argc, char **argv)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    unsigned long long total = 0;

    for (int i = 1; i < argc && d; i++) {
        unsigned long long size = at_once(d, argv[i]);
        total += size ? size : stream(argv[i]);
    }
    libdeflate_free_decompressor(d);
    printf("%llu\n", total);
    return 0;
}
