/* Messages of the DNS, and what a resolver may be named; the resolver itself is tested against
 * servers (e2e/test_check_trouble.sh). */
#include "base/arena.h"
#include "base/buf.h"
#include "check/dns.h"
#include "check/dns_channel.h"
#include "check/dns_message.h"
#include "cli/files.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <string.h>

/* A message of the fuzzer's corpus, whose first octet is the type asked for. */
static void read_sample(
    struct arena *a, const char *name, struct dns_answer *out, bool *open, enum dns_type type)
{
    struct buf file;
    struct err e;

    buf_init(&file, 4096);
    CU_ASSERT_EQUAL_FATAL(files_read(arena_printf(a, "fuzz/corpus/dns/%s", name), &file, &e), 0);
    CU_ASSERT_EQUAL_FATAL((unsigned char)file.data[0], (unsigned char)type);
    dns_message_read((const unsigned char *)file.data + 1, file.len - 1, type, a, out, open);
    buf_done(&file);
}

static void test_records(void)
{
    struct arena *a = arena_new();
    struct dns_answer x;
    bool open;
    char text[ADDR_TEXT_MAX];

    read_sample(a, "a", &x, &open, DNS_A);
    CU_ASSERT_EQUAL_FATAL(x.n, 1);
    addr_format(&x.records[0].addr, text);
    CU_ASSERT_STRING_EQUAL(text, "192.0.2.1");
    CU_ASSERT_EQUAL(x.ttl, 3600);
    CU_ASSERT_EQUAL(x.n_chain, 0);

    read_sample(a, "txt", &x, &open, DNS_TXT);
    CU_ASSERT_EQUAL_FATAL(x.n, 2);
    CU_ASSERT_STRING_EQUAL(x.records[0].data, "v=spf1 -all");
    CU_ASSERT_EQUAL(x.records[0].len, 11);
    CU_ASSERT_EQUAL_FATAL(x.records[0].n_strings, 2);
    CU_ASSERT_EQUAL(x.records[0].strings[0], 7);
    CU_ASSERT_EQUAL(x.records[1].len, 0);

    read_sample(a, "mx", &x, &open, DNS_MX);
    CU_ASSERT_EQUAL_FATAL(x.n, 2);
    CU_ASSERT_EQUAL(x.records[0].preference, 10);
    CU_ASSERT_STRING_EQUAL(x.records[0].name, "mail.example.com");
    CU_ASSERT_STRING_EQUAL(x.records[1].name, ""); /* a null MX */

    read_sample(a, "tlsa", &x, &open, DNS_TLSA);
    CU_ASSERT_EQUAL_FATAL(x.n, 1);
    CU_ASSERT_EQUAL(x.records[0].len, 35);
    CU_ASSERT_EQUAL(x.records[0].data[0], 3);
    arena_free(a);
}

static void test_chains(void)
{
    struct arena *a = arena_new();
    struct dns_answer x;
    bool open;

    read_sample(a, "chain", &x, &open, DNS_TXT);
    CU_ASSERT_EQUAL(x.status, DNS_DATA);
    CU_ASSERT_EQUAL_FATAL(x.n_chain, 2);
    CU_ASSERT_STRING_EQUAL(x.chain[0], "b.example.net");
    CU_ASSERT_STRING_EQUAL(x.chain[1], "c.example.net");
    CU_ASSERT_FALSE(open);
    read_sample(a, "open-chain", &x, &open, DNS_TXT);
    CU_ASSERT_EQUAL(x.status, DNS_NODATA);
    CU_ASSERT_TRUE(open);
    read_sample(a, "circle", &x, &open, DNS_TXT);
    CU_ASSERT_EQUAL(x.status, DNS_FAILED);
    CU_ASSERT_STRING_EQUAL(x.failure, "more than 8 CNAMEs");
    arena_free(a);
}

/* The four outcomes stay apart. */
static void test_outcomes(void)
{
    struct arena *a = arena_new();
    struct dns_answer x;
    bool open;

    read_sample(a, "nodata", &x, &open, DNS_MX);
    CU_ASSERT_EQUAL(x.status, DNS_NODATA);
    CU_ASSERT_EQUAL(x.ttl, 300); /* of the SOA record */
    read_sample(a, "nxdomain", &x, &open, DNS_MX);
    CU_ASSERT_EQUAL(x.status, DNS_NXDOMAIN);
    read_sample(a, "servfail", &x, &open, DNS_MX);
    CU_ASSERT_EQUAL(x.status, DNS_FAILED);
    CU_ASSERT_STRING_EQUAL(x.failure, "SERVFAIL");
    read_sample(a, "cut", &x, &open, DNS_TXT);
    CU_ASSERT_EQUAL(x.status, DNS_FAILED);
    read_sample(a, "pointer-to-itself", &x, &open, DNS_MX);
    CU_ASSERT_EQUAL(x.status, DNS_FAILED);
    dns_message_read((const unsigned char *)"", 0, DNS_A, a, &x, &open);
    CU_ASSERT_EQUAL(x.status, DNS_FAILED);
    arena_free(a);
}

static void test_questions(void)
{
    unsigned char message[DNS_QUESTION_MAX];
    char name[300];

    size_t len = dns_message_question("_dmarc.example.com", DNS_TXT, 0x1234, 0, message);
    CU_ASSERT_EQUAL(len, 12 + 20 + 4 + 11);
    CU_ASSERT_EQUAL(memcmp(message, "\x12\x34\x01\x20\0\1\0\0\0\0\0\1", 12), 0); /* RD, AD, OPT */
    CU_ASSERT_EQUAL(memcmp(message + 12, "\6_dmarc\7example\3com\0\0\x10\0\1", 24), 0);
    CU_ASSERT_EQUAL(memcmp(message + 36, "\0\0\x29\x04\xD0\0\0\0\0\0\0", 11), 0); /* 1232 octets */
    len = dns_message_question("example.com", DNS_MX, 1, DNS_UNCHECKED | DNS_PLAIN, message);
    CU_ASSERT_EQUAL(len, 12 + 13 + 4);
    CU_ASSERT_EQUAL(message[3], 0x10); /* CD */
    CU_ASSERT_EQUAL(message[11], 0);
    memset(name, 'a', sizeof name);
    for (size_t i = 50; i < sizeof name; i += 51)
        name[i] = '.';
    name[253] = '\0';
    CU_ASSERT_TRUE(dns_message_question(name, DNS_MX, 1, 0, message) <= DNS_QUESTION_MAX);
    name[253] = 'a';
    name[254] = '\0';
    CU_ASSERT_EQUAL(dns_message_question(name, DNS_MX, 1, 0, message), 0);
}

static void test_servers(void)
{
    static const struct {
        const char *text, *addr;
        unsigned port; /* 0: refused */
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", 53},
        {"192.0.2.1:5353", "192.0.2.1", 5353},
        {"2001:db8::1", "2001:db8::1", 53},
        {"[2001:db8::1]", "2001:db8::1", 53},
        {"[2001:db8::1]:54", "2001:db8::1", 54},
        {"dns.example", "", 0},
        {"192.0.2.1:", "", 0},
        {"192.0.2.1:0", "", 0},
        {"192.0.2.1:65536", "", 0},
        {"192.0.2.1:53x", "", 0},
        {"[192.0.2.1", "", 0},
        {"[2001:db8::1]x", "", 0},
        {"", "", 0},
    };
    struct dns *d;
    struct err e;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dns_server s;
        char text[ADDR_TEXT_MAX];
        bool good = dns_server_parse(cases[i].text, &s);
        CU_ASSERT_EQUAL(good, cases[i].port != 0);
        if (!good)
            continue;
        addr_format(&s.addr, text);
        CU_ASSERT_STRING_EQUAL(text, cases[i].addr);
        CU_ASSERT_EQUAL(s.port, cases[i].port);
    }
    CU_ASSERT_EQUAL(dns_open(&(struct dns_settings){.server = "dns.example"}, &d, &e), ERR_USAGE);
    CU_ASSERT_EQUAL_FATAL(dns_open(&(struct dns_settings){.server = "127.0.0.1:9"}, &d, &e), 0);
    dns_close(d); /* with nothing asked */
}

const char unit_suite[] = "dns";
const struct unit_test unit_tests[] = {
    {"records", test_records},
    {"chains", test_chains},
    {"outcomes", test_outcomes},
    {"questions", test_questions},
    {"servers", test_servers},
    {NULL, NULL},
};
