#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/when.h"
#include "ingest/unpack.h"
#include "tests/unit/pack.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char unit_suite[] = "unpack";

static const size_t mib = (size_t)1 << 20;

/* ---- watching what is delivered ---- */

struct watcher {
    struct buf log;
    uint64_t bytes;
    bool whole;
    int begin_answer, bytes_answer;
};

static int on_begin(void *context, const struct document *d, struct err *e)
{
    struct watcher *w = context;

    (void)e;
    w->bytes = 0;
    w->whole = d->whole;
    (void)buf_printf(&w->log, "[%s %s", d->name ? d->name : "-", content_name(d->content));
    return w->begin_answer;
}

static int on_bytes(void *context, const unsigned char *bytes, size_t len, struct err *e)
{
    struct watcher *w = context;

    if (w->whole)
        CU_ASSERT(w->bytes == 0 && bytes[len] == '\0');
    w->bytes += len;
    if (w->bytes_answer < 0)
        return err_set(e, ERR_TEMPORARY, "test", "the sink is full");
    return w->bytes_answer;
}

static int on_end(void *context, const struct err *broken, struct err *e)
{
    struct watcher *w = context;

    (void)e;
    (void)buf_printf(
        &w->log, " %llu %s]", (unsigned long long)w->bytes, broken ? broken->tag : "whole");
    return 0;
}

static int on_failed(void *context, const char *name, const struct err *why, struct err *e)
{
    struct watcher *w = context;

    (void)e;
    (void)buf_printf(&w->log, "(%s %s)", name ? name : "-", why->tag);
    return 0;
}

static const struct document_ops ops = {
    .begin = on_begin, .bytes = on_bytes, .end = on_end, .failed = on_failed};

static struct limits small_limits(void)
{
    return (struct limits){.message = 1 << 20,
        .unpacked = 1ULL << 30,
        .ratio = 200,
        .members = 3,
        .nesting = 2,
        .records = 10,
        .seconds = 60};
}

static void unpack_with(
    const struct limits *l, const struct buf *b, struct watcher *w, int expected)
{
    struct unpack_budget budget = {.limits = l, .started_ms = when_monotonic_ms()};
    struct blob blob = blob_of_memory(b->data, b->len);
    struct err e;

    buf_init(&w->log, mib);
    (void)buf_adds(&w->log, "");
    CU_ASSERT_EQUAL(unpack(&blob, &budget, &ops, w, &e), expected);
}

/* Unpacks b with small limits, compares the log, and empties b. */
static void expect(struct buf *b, const char *log)
{
    struct limits l = small_limits();
    struct watcher w = {0};

    unpack_with(&l, b, &w, 0);
    CU_ASSERT_STRING_EQUAL(w.log.data, log);
    if (strcmp(w.log.data, log) != 0)
        (void)fprintf(stderr, "\ngot %s, expected %s\n", w.log.data, log);
    buf_done(&w.log);
    buf_done(b);
}

static struct buf fresh(void)
{
    struct buf b;

    buf_init(&b, 16 * mib);
    return b;
}

/* ---- tests ---- */

static enum content sniff(const char *bytes, size_t len)
{
    return content_sniff((const unsigned char *)bytes, len);
}

#define SNIFF(literal) sniff(literal, sizeof(literal) - 1)

static void test_sniff(void)
{
    CU_ASSERT_EQUAL(SNIFF(""), CONTENT_EMPTY);
    CU_ASSERT_EQUAL(SNIFF(" \r\n\t"), CONTENT_EMPTY);
    CU_ASSERT_EQUAL(SNIFF("\xef\xbb\xbf\n"), CONTENT_EMPTY);
    CU_ASSERT_EQUAL(SNIFF("\x1f\x8b\x08"), CONTENT_GZIP);
    CU_ASSERT_EQUAL(SNIFF("\x78\x9c\xb3\xc9\x2b\xcd\xc9"), CONTENT_GZIP);
    CU_ASSERT_EQUAL(SNIFF("PK\3\4rest"), CONTENT_ZIP);
    CU_ASSERT_EQUAL(SNIFF("PK\5\6"), CONTENT_ZIP);
    CU_ASSERT_EQUAL(SNIFF("BZh91AY"), CONTENT_ARCHIVE);
    CU_ASSERT_EQUAL(SNIFF("Rar!\x1a\x07\x01"), CONTENT_ARCHIVE);
    CU_ASSERT_EQUAL(SNIFF("<feedback>"), CONTENT_XML);
    CU_ASSERT_EQUAL(SNIFF("\n\n  <?xml version='1.0'?>"), CONTENT_XML);
    CU_ASSERT_EQUAL(SNIFF("\xef\xbb\xbf<?xml"), CONTENT_XML);
    CU_ASSERT_EQUAL(SNIFF("\xff\xfe<\0?\0"), CONTENT_XML);
    CU_ASSERT_EQUAL(SNIFF("\xfe\xff\0<\0?"), CONTENT_XML);
    CU_ASSERT_EQUAL(SNIFF("<\0?\0x\0"), CONTENT_XML);
    CU_ASSERT_EQUAL(SNIFF("This mail was scanned.\n<?xml version='1.0'?>"), CONTENT_XML);
    CU_ASSERT_EQUAL(SNIFF(" {\"organization-name\""), CONTENT_JSON);
    CU_ASSERT_EQUAL(SNIFF("[1]"), CONTENT_JSON);
    CU_ASSERT_EQUAL(SNIFF("{\\rtf1\\ansi}"), CONTENT_OTHER);
    CU_ASSERT_EQUAL(SNIFF("From a@b Wed Nov 15 00:05:00 2023\nFrom: a\n"), CONTENT_MBOX);
    CU_ASSERT_EQUAL(SNIFF("X-Odd: 1\r\n folded\r\nsubject: x\r\n\r\n"), CONTENT_MAIL);
    CU_ASSERT_EQUAL(SNIFF("X-Odd: 1\r\n\r\nSubject: x\r\n"), CONTENT_OTHER);
    CU_ASSERT_EQUAL(SNIFF("see http://example.com\nSubject: x\n"), CONTENT_OTHER);
    CU_ASSERT_EQUAL(SNIFF("%PDF-1.4\n"), CONTENT_OTHER);
}

static void test_gzip_members(void)
{
    struct buf b = fresh();

    pack_gzip(&b, "<feedback>");
    pack_gzip(&b, "</feedback>");
    pack_add(&b, "\r\n\0\0junk", 8);
    expect(&b, "[- xml 21 whole]");

    pack_deflated(&b, "<a/>", 4, PACK_ZLIB);
    expect(&b, "[- xml 4 whole]");

    pack_gzip(&b, "");
    expect(&b, "(- empty)");

    pack_gzip(&b, "unused");
    expect(&b, "[- other 6 whole]");
}

static void test_gzip_damaged(void)
{
    struct buf b = fresh();

    pack_gzip(&b, "<feedback/>");
    b.data[b.len - 8] ^= 1; /* the CRC */
    expect(&b, "[- xml 11 container-corrupt]");

    pack_gzip(&b, "<feedback/>");
    b.data[b.len - 1] ^= 1; /* the length */
    expect(&b, "[- xml 11 container-corrupt]");

    pack_gzip(&b, "<feedback/>");
    b.len -= 8;
    expect(&b, "[- xml 11 truncated]");

    pack_gzip(&b, "<feedback/>");
    b.len = 10;
    expect(&b, "(- truncated)");

    pack_gzip(&b, "<feedback/>");
    b.data[2] = 7; /* the method */
    expect(&b, "(- container-unsupported)");

    pack_add(&b,
        "\xfd"
        "7zXZ\0\0\0",
        8);
    expect(&b, "(- container-unsupported)");
}

static void test_gzip_nesting(void)
{
    struct buf b = fresh();
    struct buf outer = fresh();

    pack_gzip(&b, "<feedback/>");
    pack_deflated(&outer, b.data, b.len, PACK_GZIP);
    buf_clear(&b);
    pack_add(&b, outer.data, outer.len);
    expect(&outer, "[- xml 11 whole]");

    pack_deflated(&outer, b.data, b.len, PACK_GZIP);
    expect(&outer, "(- limit-nesting)");
    buf_done(&b);
}

static void test_zip(void)
{
    static const struct pack_member members[] = {
        {.name = "d/", .bytes = "", .len = 0, .mode = 040755},
        {.name = "d/a.xml", .bytes = "<a/>", .len = 4},
        {.name = "\033b.json", .bytes = "{\"x\":1}", .len = 7},
    };
    struct buf b = fresh();

    (void)pack_zip(&b, members, 3);
    pack_add(&b, "junk", 4);
    expect(&b, "[d/a.xml xml 4 whole][\xef\xbf\xbd"
               "b.json json 7 whole]");

    (void)pack_zip(&b, members, 0);
    expect(&b, "(- empty)");

    (void)pack_zip(&b, members, 1);
    expect(&b, "(- empty)");
}

static void test_zip_damaged(void)
{
    static const struct pack_member members[] = {
        {.name = "a.xml", .bytes = "<feedback/>", .len = 11},
        {.name = "b.xml", .bytes = "<feedback/>", .len = 11},
    };
    struct buf b = fresh();

    (void)pack_zip(&b, members, 2);
    b.data[30 + 5 + 10] = '?'; /* in the first member's bytes: its CRC is wrong now */
    expect(&b, "[a.xml xml 11 container-corrupt][b.xml xml 11 whole]");

    b.len = pack_zip(&b, members, 1); /* no directory */
    expect(&b, "[a.xml xml 11 truncated]");

    b.len = pack_zip(&b, members, 1) - 3;
    expect(&b, "[a.xml xml 8 truncated]");
}

static void test_zip_refused(void)
{
    static const struct pack_member members[] = {
        {.name = "secret.xml", .bytes = "<feedback/>", .len = 11, .flags = 1},
        {.name = "odd.xml", .bytes = "<feedback/>", .len = 11, .method = 12},
        {.name = "link.xml", .bytes = "/etc/passwd", .len = 11, .mode = 0120777},
    };
    struct buf b = fresh();

    (void)pack_zip(&b, members, 3);
    expect(&b, "(secret.xml encrypted)(odd.xml container-unsupported)");
}

static void test_zip_limits(void)
{
    static const struct pack_member four[] = {
        {.name = "1", .bytes = "<a/>", .len = 4},
        {.name = "2", .bytes = "<b/>", .len = 4},
        {.name = "3", .bytes = "<c/>", .len = 4},
        {.name = "4", .bytes = "<d/>", .len = 4},
    };
    struct pack_member inner = {.name = "inner.zip"};
    struct pack_member middle = {.name = "middle.zip"};
    struct buf a = fresh();
    struct buf b = fresh();

    (void)pack_zip(&b, four, 4);
    expect(&b, "(- limit-entries)");

    b.len = pack_zip(&b, four, 4); /* nothing announces them */
    expect(&b, "[1 xml 4 truncated][2 xml 4 truncated][3 xml 4 truncated](- limit-entries)");

    (void)pack_zip(&a, four, 1);
    inner.bytes = a.data;
    inner.len = a.len;
    (void)pack_zip(&b, &inner, 1);
    struct buf two = fresh();
    pack_add(&two, b.data, b.len);
    expect(&b, "[inner.zip: 1 xml 4 whole]");

    middle.bytes = two.data;
    middle.len = two.len;
    (void)pack_zip(&b, &middle, 1);
    expect(&b, "(middle.zip: inner.zip limit-nesting)");
    buf_done(&a);
    buf_done(&two);
}

/* 20 MiB of spaces after a root element: 1000 times smaller when packed. */
static struct buf bomb(void)
{
    struct buf text;
    struct buf b = fresh();

    buf_init(&text, 32 * mib);
    for (size_t i = 0; i < 20 * mib / 16; i++)
        CU_ASSERT_EQUAL_FATAL(buf_add(&text, i ? "                " : "<feedback>      ", 16), 0);
    pack_deflated(&b, text.data, text.len, PACK_GZIP);
    buf_done(&text);
    return b;
}

static void test_limits(void)
{
    struct buf b = bomb();
    struct limits l = small_limits();
    struct watcher w = {0};

    unpack_with(&l, &b, &w, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(w.log.data, "limit-ratio]"));
    CU_ASSERT(w.bytes > 16 * mib && w.bytes < 17 * mib);
    buf_done(&w.log);

    l.ratio = 2000;
    unpack_with(&l, &b, &w, 0);
    CU_ASSERT_STRING_EQUAL(w.log.data, "[- xml 20971520 whole]");
    buf_done(&w.log);

    l.unpacked = 1000000;
    unpack_with(&l, &b, &w, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(w.log.data, "limit-size]"));
    CU_ASSERT(w.bytes >= 1000000 && w.bytes < 1100000);
    buf_done(&w.log);
    buf_done(&b);
}

/* Many small bombs in one mail, each of which would be let through. */
static void test_ratio_of_all(void)
{
    struct buf b = fresh();
    struct buf text;
    struct limits l = small_limits();
    struct unpack_budget budget = {.limits = &l, .started_ms = when_monotonic_ms()};
    struct watcher w = {0};
    struct err e;

    buf_init(&text, 16 * mib);
    buf_init(&w.log, mib);
    for (size_t i = 0; i < 10 * mib / 16; i++)
        CU_ASSERT_EQUAL_FATAL(buf_add(&text, i ? "                " : "<feedback>      ", 16), 0);
    pack_deflated(&b, text.data, text.len, PACK_GZIP);
    struct blob blob = blob_of_memory(b.data, b.len);
    budget.packed = 4 * b.len;
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(unpack(&blob, &budget, &ops, &w, &e), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(w.log.data, "[- xml 10485760 whole]"));
    CU_ASSERT_PTR_NOT_NULL(strstr(w.log.data, "limit-ratio]"));
    CU_ASSERT(w.bytes < 18 * mib);
    buf_done(&w.log);
    buf_done(&text);
    buf_done(&b);
}

/* Two zips in each other, which are held at the same time. */
static void test_zips_together(void)
{
    struct buf inner = fresh();
    struct buf outer;
    struct limits l = small_limits();
    struct watcher w = {0};
    size_t size = (size_t)40 * mib;
    char *bytes = mem_alloc(size);
    struct pack_member member = {.name = "a.bin", .bytes = bytes, .len = size};

    buf_init(&inner, 64 * mib);
    buf_init(&outer, 64 * mib);
    (void)pack_zip(&inner, &member, 1);
    member = (struct pack_member){.name = "z.zip", .bytes = inner.data, .len = inner.len};
    (void)pack_zip(&outer, &member, 1);
    unpack_with(&l, &outer, &w, 0);
    CU_ASSERT_STRING_EQUAL(w.log.data, "(z.zip limit-size)");
    buf_done(&w.log);
    buf_done(&inner);
    buf_done(&outer);
    free(bytes);
}

static void test_time_limit(void)
{
    struct limits l = small_limits();
    struct unpack_budget budget = {.limits = &l, .started_ms = when_monotonic_ms() - 60001};
    struct blob blob = blob_of_memory("<a/>", 4);
    struct watcher w = {0};
    struct err e;

    buf_init(&w.log, 1024);
    CU_ASSERT_EQUAL(unpack(&blob, &budget, &ops, &w, &e), 0);
    CU_ASSERT_STRING_EQUAL(w.log.data, "(- limit-time)");
    buf_done(&w.log);
}

static void test_answers(void)
{
    static const struct pack_member members[] = {
        {.name = "a", .bytes = "<a/>", .len = 4},
        {.name = "b", .bytes = "<b/>", .len = 4},
    };
    struct limits l = small_limits();
    struct buf b = fresh();
    struct watcher skip = {.begin_answer = UNPACK_SKIP};
    struct watcher stop = {.bytes_answer = UNPACK_STOP};
    struct watcher fail = {.bytes_answer = -1};

    (void)pack_zip(&b, members, 2);
    unpack_with(&l, &b, &skip, 0);
    CU_ASSERT_STRING_EQUAL(skip.log.data, "[a xml[b xml");
    unpack_with(&l, &b, &stop, 0);
    CU_ASSERT_STRING_EQUAL(stop.log.data, "[a xml");
    unpack_with(&l, &b, &fail, ERR_TEMPORARY);
    CU_ASSERT_STRING_EQUAL(fail.log.data, "[a xml");
    buf_done(&skip.log);
    buf_done(&stop.log);
    buf_done(&fail.log);
    buf_done(&b);
}

const struct unit_test unit_tests[] = {
    {"content is told by its first bytes", test_sniff},
    {"gzip members and what follows them", test_gzip_members},
    {"damaged gzip delivers what it has", test_gzip_damaged},
    {"gzip in gzip up to the limit", test_gzip_nesting},
    {"zip members in order, folders passed over", test_zip},
    {"damaged zip delivers what it has", test_zip_damaged},
    {"members that are refused", test_zip_refused},
    {"zip limits", test_zip_limits},
    {"size and ratio limits", test_limits},
    {"ratio of all parts", test_ratio_of_all},
    {"zips together", test_zips_together},
    {"time limit", test_time_limit},
    {"answers of the callbacks", test_answers},
    {NULL, NULL},
};
