/*
 * The floor of parsing: gzip by zlib and XML by libxml2's SAX2 push parser with handlers that do
 * nothing. Whatever dmarcmill costs above this is its own doing.
 *
 *   floor_sax FILE...     prints how many bytes of XML there were
 */
#include <libxml/parser.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

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

/* gzread passes plain files through, so that one loop reads both kinds. */
static unsigned long long parse_file(xmlParserCtxtPtr xml, const char *path)
{
    static char piece[64 * 1024];
    unsigned long long total = 0;
    int got;
    gzFile f = gzopen(path, "rb");

    if (!f) {
        perror(path);
        return 0;
    }
    (void)xmlCtxtResetPush(xml, NULL, 0, NULL, NULL);
    while ((got = gzread(f, piece, sizeof piece)) > 0) {
        (void)xmlParseChunk(xml, piece, got, 0);
        total += (unsigned)got;
    }
    (void)xmlParseChunk(xml, NULL, 0, 1);
    (void)gzclose(f);
    return total;
}

int main(int argc, char **argv)
{
    xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC,
        .startElementNs = start,
        .endElementNs = end,
        .characters = text,
        .ignorableWhitespace = text};
    unsigned long long total = 0;
    xmlParserCtxtPtr xml = xmlCreatePushParserCtxt(&sax, NULL, NULL, 0, NULL);

    if (!xml)
        return 1;
    for (int i = 1; i < argc; i++)
        total += parse_file(xml, argv[i]);
    xmlFreeParserCtxt(xml);
    printf("%llu\n", total);
    return 0;
}
