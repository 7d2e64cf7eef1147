/*
 * Every ceiling on what strangers send, in one place. The defaults let a report of a million
 * records through (673 MB of XML from 21 MB, 32:1) and stop bombs (deflate reaches 1030:1).
 */
#ifndef PARSE_LIMITS_H
#define PARSE_LIMITS_H

#include <stdint.h>

enum {
    LIMIT_FIELD = 2048,          /* bytes of one text value; the rest is cut and noted */
    LIMIT_XML_DEPTH = 32,        /* nested elements */
    LIMIT_XML_TOKEN = 64 * 1024, /* bytes of input without a '>' */
    LIMIT_XML_NAMES = 100000,    /* different names in one document */
    LIMIT_XML_ATTRIBUTES = 64,   /* of one element */
    /* DKIM, SPF or reason elements of one record that are kept (RFC 9990 3.1.1.5) */
    LIMIT_RESULTS = 100,
    LIMIT_ROWS = 1000,           /* rows of one record */
    LIMIT_TLS_ITEMS = 20000,     /* policies and failure details of one TLS report, all together */
    LIMIT_ERRORS = 64,           /* report_metadata/error elements that are kept */
    LIMIT_EXTENSION = 16 * 1024, /* bytes of an extension's XML that are kept */
    LIMIT_JSON_DEPTH = 64,
    LIMIT_JSON = 16 * 1024 * 1024 /* bytes of one TLS report */
};

/* What the operator can set (section `limits` of the configuration). */
struct limits {
    uint64_t message;  /* bytes of one mail; larger ones are recorded, not read */
    uint64_t unpacked; /* bytes that one mail or file may unpack to, all parts together */
    unsigned ratio;    /* unpacked : packed, looked at from 16 MiB of output on */
    unsigned members;  /* entries of one archive, and parts of one mail */
    unsigned nesting;  /* containers in containers; mails in mails */
    int64_t records;   /* of one report */
    unsigned seconds;  /* of work on one mail or file */
};

/* 64 MiB, 16 GiB, 200, 100, 5, 100,000,000, 900 */
struct limits limits_default(void);

#endif
