#include "base/arena.h"
#include "ingest/imap_filing.h"
#include "ingest/imap_guard.h"
#include "ingest/imap_name.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

const char unit_suite[] = "imap";

enum {
    BUDGET = 100000
};

static size_t pass(struct imap_guard *g, const char *text)
{
    return imap_guard_pass(g, (const unsigned char *)text, strlen(text));
}

/* One session's worth of bytes: how many pass, and the fault they end with ("" for none). */
static void check_session(const char *text, size_t passed, const char *fault)
{
    struct imap_guard g;

    imap_guard_init(&g);
    g.budget = BUDGET;
    CU_ASSERT_EQUAL(pass(&g, text), passed);
    CU_ASSERT_PTR_NOT_NULL(strstr(g.fault, fault));
    if (!*fault)
        CU_ASSERT_STRING_EQUAL(g.fault, "");

    /* the same, byte by byte */
    size_t n = 0;
    imap_guard_init(&g);
    g.budget = BUDGET;
    for (; text[n] && !g.fault[0]; n++)
        (void)imap_guard_pass(&g, (const unsigned char *)text + n, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(g.fault, fault));
    CU_ASSERT_EQUAL(g.fault[0] != '\0', *fault != '\0');
}

static void check_passes(const char *text)
{
    check_session(text, strlen(text), "");
}

static void test_guard_passes_imap(void)
{
    check_passes("* OK [CAPABILITY IMAP4rev1] hello\r\n");
    check_passes("* 1 FETCH (UID 7 BODY[] {7}\r\n(((((\r\n)\r\n2 OK done\r\n");
    check_passes("* 1 FETCH (UID 7 BODY[] {0}\r\n)\r\n2 OK done\r\n");
    check_passes("* LIST (\\HasNoChildren) \"/\" \"a {5}\"\r\n* 1 EXISTS\r\n");
    check_passes("* LIST () \"/\" {3}\r\na\nb\r\n* 1 EXISTS\r\n");
    check_passes("12 NO [ALERT] the disk is full {5}\r\n+ go on\r\n");
    check_passes("* OK a text with { and {12} and \"\r\n1 OK [PARSE] words\r\n");
    check_passes("* FLAGS (\\Answered)\n* 1 EXISTS\n");
}

static void test_guard_depth(void)
{
    char line[512] = "* 1 FETCH ";
    size_t begin = strlen(line);

    memset(line + begin, '(', IMAP_GUARD_DEPTH);
    check_passes(line);
    memset(line + begin, '(', IMAP_GUARD_DEPTH + 1);
    check_session(line, 0, "parentheses nested more than 64 deep");

    /* closed again: no limit; in quotes: not counted, in either direction */
    for (size_t i = begin; i < 400; i += 2)
        memcpy(line + i, "()", 2);
    check_passes(line);
    line[begin] = '\0';
    for (size_t i = 0; i <= IMAP_GUARD_DEPTH; i++)
        (void)snprintf(line + strlen(line), sizeof line - strlen(line), "(\"))\" ");
    check_session(line, 0, "parentheses nested");
    (void)snprintf(line, sizeof line, "* X \"\\\"%0*d\"\r\n", 200, 0);
    memset(line + 10, '(', 150);
    check_passes(line);
}

static void test_guard_faults(void)
{
    check_session("* 1 EXISTS\r\n* OK [ALERT]\r\n", 12, "an alert without words");
    check_session("* OK [ ALERT ] \t \r\n", 0, "an alert without words");
    check_session("3 NO [PARSE]\n", 0, "an alert without words");
    check_session("* OK [badcharset (x)] no\r\n", 0, "a character set");
    check_session("1 OK done\r\n* BYE so long\r\n", 11, "goodbye: so long");
    check_session("* bye\r\n", 0, "goodbye:");
    check_session("* 1 FETCH (BODY[] {99999999}\r\n", 0, "announces 99999999 bytes");
    check_session("* 1 FETCH (BODY[] {4294967296}\r\n", 0, "more than 4 GB");
    check_session("* 1 FETCH (BODY[] {5} hello)\r\n", 0, "does not begin on a new line");
    check_session("\r\n", 0, "not IMAP");
    check_session("+ OK\r\nHTTP/1.1 400\r\n", 6, "not IMAP: HTTP/1.1 400");
    check_session("12345678901 OK [ALERT] x\r\n", 0, "not IMAP");
}

static void test_guard_budget(void)
{
    struct imap_guard g;

    imap_guard_init(&g);
    g.budget = 30;
    CU_ASSERT_EQUAL(pass(&g, "* 1 EXISTS\r\n"), 12);
    CU_ASSERT_EQUAL(g.budget, 18);
    CU_ASSERT_EQUAL(pass(&g, "* 2 EXISTS\r\n* 3 EXISTS\r\n"), 12);
    CU_ASSERT_PTR_NOT_NULL(strstr(g.fault, "far more than was asked for"));

    /* a literal must fit into what is left */
    imap_guard_init(&g);
    g.budget = 40;
    CU_ASSERT_EQUAL(pass(&g, "* 1 FETCH (BODY[] {10}\r\n"), 24);
    CU_ASSERT_EQUAL(pass(&g, "0123456789)\r\n"), 13);
    CU_ASSERT_EQUAL(g.budget, 3);
    imap_guard_init(&g);
    g.budget = 33;
    CU_ASSERT_EQUAL(pass(&g, "* 1 FETCH (BODY[] {10}\r\n"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(g.fault, "announces 10 bytes"));
}

static void test_guard_nul(void)
{
    struct imap_guard g;

    imap_guard_init(&g);
    g.budget = BUDGET;
    CU_ASSERT_EQUAL(imap_guard_pass(&g, (const unsigned char *)"* 1\0\r\n", 6), 0);
    CU_ASSERT_STRING_EQUAL(g.fault, "a NUL byte");
    imap_guard_init(&g);
    g.budget = BUDGET;
    CU_ASSERT_EQUAL(imap_guard_pass(&g, (const unsigned char *)"* X {1}\r\n\0\r\n", 12), 12);
}

static void check_name(const char *name, char delimiter, const char *wire)
{
    struct buf b;
    struct err e;

    buf_init(&b, 200);
    CU_ASSERT_EQUAL(imap_name_encode(&b, name, delimiter, &e), 0);
    CU_ASSERT_STRING_EQUAL(b.data, wire);
    buf_done(&b);
}

static void test_names(void)
{
    check_name("INBOX", '/', "INBOX");
    check_name("INBOX/Done", '.', "INBOX.Done");
    check_name("a/b", '\0', "a/b");
    check_name("a&b", '/', "a&-b");
    /* the examples of RFC 3501 section 5.1.3 */
    check_name("~peter/mail/台北/日本語", '/', "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
    check_name("Geprüft", '/', "Gepr&APw-ft");
    check_name("ü", '/', "&APw-");
    check_name("üü", '/', "&APwA,A-");
    check_name("😀x", '/', "&2D3eAA-x");
}

static void check_bad_name(const char *name)
{
    struct buf b;
    struct err e;

    buf_init(&b, 100);
    CU_ASSERT_EQUAL(imap_name_encode(&b, name, '/', &e), ERR_CONFIG);
    CU_ASSERT_STRING_EQUAL(e.tag, "folder-name");
    buf_done(&b);
}

static void test_bad_names(void)
{
    char name[200];

    check_bad_name("");
    check_bad_name("a\r\nb");
    check_bad_name("a\x7f");
    check_bad_name("\xfc");
    check_bad_name("\xed\xa0\x80");
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    check_bad_name(name);
}

static void check_wire(const char *prefix, const char *name, const char *expected)
{
    struct imap_names names = {.delimiter = '.'};
    struct arena *a = arena_new();
    const char *got = NULL;
    struct err e;

    (void)snprintf(names.prefix, sizeof names.prefix, "%s", prefix);
    CU_ASSERT_EQUAL(imap_name_wire(a, name, &names, &got, &e), 0);
    CU_ASSERT_STRING_EQUAL(got ? got : "", expected);
    arena_free(a);
}

static void test_prefix(void)
{
    check_wire("", "Done/2026", "\"Done.2026\"");
    check_wire("INBOX.", "Done/2026", "\"INBOX.Done.2026\"");
    check_wire("INBOX.", "inbox", "\"inbox\"");
    check_wire("INBOX.", "INBOX/Done", "\"INBOX.Done\"");
    check_wire("INBOX.", "Inbox.Done", "\"Inbox.Done\"");
    check_wire("user\\", "a\"b", "\"user\\\\a\\\"b\"");
}

static void test_flags_that_are_missing(void)
{
    struct imap_settings set = {.after[KIND_TLS] = {DISPOSE_FLAG, "Seen-It"}};
    struct imap_filing *f = imap_filing_new(&set);

    CU_ASSERT_TRUE(imap_filing_changes(&set));
    CU_ASSERT_TRUE(imap_filing_lacks_flag(f, KIND_TLS, ""));
    CU_ASSERT_TRUE(imap_filing_lacks_flag(f, KIND_TLS, "\\Seen Seen-It-Not"));
    CU_ASSERT_TRUE(imap_filing_lacks_flag(f, KIND_TLS, "Not-Seen-It"));
    CU_ASSERT_FALSE(imap_filing_lacks_flag(f, KIND_TLS, "\\Seen seen-it"));
    CU_ASSERT_FALSE(imap_filing_lacks_flag(f, KIND_AGGREGATE, ""));
    imap_filing_free(f);
    set.look_only = true;
    CU_ASSERT_FALSE(imap_filing_changes(&set));
}

static void test_ranges(void)
{
    static const uint32_t uids[] = {5, 6, 7, 9, 11, 12};
    uint32_t many[2000];
    struct buf b;

    buf_init(&b, 10000);
    CU_ASSERT_EQUAL(imap_ranges(&b, uids, 6), 6);
    CU_ASSERT_STRING_EQUAL(b.data, "5:7,9,11:12");
    for (uint32_t i = 0; i < 2000; i++)
        many[i] = 4000000000U + i * 2;
    buf_clear(&b);
    CU_ASSERT_EQUAL(imap_ranges(&b, many, 2000), 350);
    CU_ASSERT_TRUE(b.len < 8000); /* what servers read in one line */
    buf_done(&b);
}

static void test_quote(void)
{
    struct buf b;

    buf_init(&b, 20);
    CU_ASSERT_EQUAL(imap_quote(&b, "a\"b\\c"), 0);
    CU_ASSERT_STRING_EQUAL(b.data, "\"a\\\"b\\\\c\"");
    buf_clear(&b);
    CU_ASSERT_EQUAL(imap_quote(&b, ""), 0);
    CU_ASSERT_STRING_EQUAL(b.data, "\"\"");
    CU_ASSERT_EQUAL(imap_quote(&b, "a\nb"), -1);
    CU_ASSERT_EQUAL(imap_quote(&b, "far too long for the buffer"), -1);
    buf_done(&b);
}

const struct unit_test unit_tests[] = {
    {"guard: what IMAP servers send passes", test_guard_passes_imap},
    {"guard: nesting", test_guard_depth},
    {"guard: faults", test_guard_faults},
    {"guard: budget", test_guard_budget},
    {"guard: NUL", test_guard_nul},
    {"folder names", test_names},
    {"folder names that cannot be", test_bad_names},
    {"names with a prefix", test_prefix},
    {"flags that are missing", test_flags_that_are_missing},
    {"ranges of UIDs", test_ranges},
    {"quoted strings", test_quote},
    {NULL, NULL},
};
