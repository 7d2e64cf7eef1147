/* The table that stands in for the DNS in other tests, and what all resolvers have in common. */
#include "base/arena.h"
#include "tests/unit/dns_table.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <string.h>

static const char zone[] = "Example.COM.          TXT   v=spf1 mx -all\n"
                           "example.com           TXT   other\n"
                           "example.com           MX    10 mail.Example.com.\n"
                           "example.com           MX    0 .\n"
                           "example.com           AD\n"
                           "mail.example.com      A     192.0.2.1\n"
                           "mail.example.com      AAAA  2001:db8::1\n"
                           "deep.er.example.com   A     192.0.2.2\n"
                           "www.example.com       CNAME www2.example.com\n"
                           "www2.example.com      CNAME mail.example.com\n"
                           "loop.example.com      CNAME loop.example.com\n"
                           "split.example.com     STRINGS \"v=spf1 \" \"-all\"\n"
                           "lame.example.com      SERVFAIL\n"
                           "half.example.com      A     192.0.2.3\n"
                           "half.example.com      TIMEOUT TXT\n"
                           "*.wild.example.com    A     192.0.2.4\n"
                           "not.wild.example.com  NXDOMAIN\n"
                           "_25._tcp.example.com  TLSA  3 1 1 ab01\n"
                           "bad.example.com       A     junk\n";

static struct dns_answer ask(struct dns *d, const char *name, enum dns_type type, struct arena *a)
{
    struct dns_answer answer;

    dns_ask(d, name, type, a, &answer);
    return answer;
}

static void a_table_gives_all_four_outcomes(void)
{
    struct dns *d = dns_table_of(zone);
    struct arena *a = arena_new();

    struct dns_answer txt = ask(d, " EXAMPLE.com. ", DNS_TXT, a);
    CU_ASSERT_EQUAL(txt.status, DNS_DATA);
    CU_ASSERT_EQUAL_FATAL(txt.n, 2);
    CU_ASSERT_STRING_EQUAL(txt.records[0].data, "v=spf1 mx -all");
    CU_ASSERT_STRING_EQUAL(txt.records[1].data, "other");
    CU_ASSERT_TRUE(txt.authenticated);
    CU_ASSERT_EQUAL(ask(d, "mail.example.com", DNS_TXT, a).status, DNS_NODATA);
    CU_ASSERT_EQUAL(ask(d, "er.example.com", DNS_A, a).status, DNS_NODATA);
    CU_ASSERT_EQUAL(ask(d, "none.example.com", DNS_A, a).status, DNS_NXDOMAIN);
    CU_ASSERT_EQUAL(ask(d, "lame.example.com", DNS_A, a).status, DNS_FAILED);
    CU_ASSERT_EQUAL(ask(d, "half.example.com", DNS_TXT, a).status, DNS_FAILED);
    CU_ASSERT_EQUAL(ask(d, "half.example.com", DNS_A, a).status, DNS_DATA);
    CU_ASSERT_EQUAL(ask(d, "half.example.com", DNS_MX, a).status, DNS_NODATA);
    struct dns_totals totals = dns_totals(d);
    CU_ASSERT_EQUAL(totals.asked, 8);
    CU_ASSERT_EQUAL(totals.failed, 2);
    arena_free(a);
    dns_close(d);
}

static void records_are_read(void)
{
    struct dns *d = dns_table_of(zone);
    struct arena *a = arena_new();

    struct dns_answer mx = ask(d, "example.com", DNS_MX, a);
    CU_ASSERT_EQUAL_FATAL(mx.n, 2);
    CU_ASSERT_EQUAL(mx.records[0].preference, 10);
    CU_ASSERT_STRING_EQUAL(mx.records[0].name, "mail.example.com");
    CU_ASSERT_STRING_EQUAL(mx.records[1].name, "");
    struct dns_answer aaaa = ask(d, "mail.example.com", DNS_AAAA, a);
    CU_ASSERT_EQUAL_FATAL(aaaa.n, 1);
    CU_ASSERT_EQUAL(aaaa.records[0].addr.len, 16);
    struct dns_answer split = ask(d, "split.example.com", DNS_TXT, a);
    CU_ASSERT_EQUAL_FATAL(split.n, 1);
    CU_ASSERT_STRING_EQUAL(split.records[0].data, "v=spf1 -all");
    CU_ASSERT_EQUAL_FATAL(split.records[0].n_strings, 2);
    CU_ASSERT_EQUAL(split.records[0].strings[0], 7);
    CU_ASSERT_EQUAL(split.records[0].strings[1], 11);
    struct dns_answer tlsa = ask(d, "_25._tcp.example.com", DNS_TLSA, a);
    CU_ASSERT_EQUAL_FATAL(tlsa.n, 1);
    CU_ASSERT_EQUAL(tlsa.records[0].len, 5);
    CU_ASSERT_EQUAL(memcmp(tlsa.records[0].data, "\3\1\1\xab\1", 5), 0);
    arena_free(a);
    dns_close(d);
}

static void aliases_and_wildcards_are_followed(void)
{
    struct dns *d = dns_table_of(zone);
    struct arena *a = arena_new();

    struct dns_answer www = ask(d, "www.example.com", DNS_A, a);
    CU_ASSERT_EQUAL(www.status, DNS_DATA);
    CU_ASSERT_EQUAL_FATAL(www.n_chain, 2);
    CU_ASSERT_STRING_EQUAL(www.chain[0], "www2.example.com");
    CU_ASSERT_STRING_EQUAL(www.chain[1], "mail.example.com");
    CU_ASSERT_EQUAL(ask(d, "www.example.com", DNS_MX, a).status, DNS_NODATA);
    struct dns_answer alias = ask(d, "www.example.com", DNS_CNAME, a);
    CU_ASSERT_EQUAL_FATAL(alias.n, 1);
    CU_ASSERT_STRING_EQUAL(alias.records[0].name, "www2.example.com");
    CU_ASSERT_EQUAL(alias.n_chain, 0);
    CU_ASSERT_EQUAL(ask(d, "loop.example.com", DNS_A, a).status, DNS_FAILED);
    CU_ASSERT_EQUAL(ask(d, "x.y.wild.example.com", DNS_A, a).status, DNS_DATA);
    CU_ASSERT_EQUAL(ask(d, "x.wild.example.com", DNS_TXT, a).status, DNS_NODATA);
    CU_ASSERT_EQUAL(ask(d, "wild.example.com", DNS_A, a).status, DNS_NODATA);
    CU_ASSERT_EQUAL(ask(d, "not.wild.example.com", DNS_A, a).status, DNS_NXDOMAIN);
    arena_free(a);
    dns_close(d);
}

static void names_are_made_fit_for_a_question(void)
{
    struct dns_table *t = dns_table_new();
    struct arena *a = arena_new();
    char label[65];

    dns_table_add(t, "a b+c.example.com", "A", "192.0.2.5", 9);
    struct dns *d = dns_table_open(t);
    memset(label, 'x', 64);
    label[64] = '\0';
    CU_ASSERT_PTR_NULL(dns_query_name(a, label));
    CU_ASSERT_PTR_NOT_NULL(dns_query_name(a, label + 1));
    CU_ASSERT_PTR_NULL(dns_query_name(a, ""));
    CU_ASSERT_PTR_NULL(dns_query_name(a, "."));
    CU_ASSERT_PTR_NULL(dns_query_name(a, "a..b"));
    CU_ASSERT_PTR_NULL(dns_query_name(a, ".a"));
    const char *three = arena_printf(a, "%s.%s.%s", label + 1, label + 1, label + 1);
    CU_ASSERT_PTR_NOT_NULL(dns_query_name(a, arena_printf(a, "%s.%s", label + 3, three)));
    CU_ASSERT_PTR_NULL(dns_query_name(a, arena_printf(a, "%s.%s", label + 2, three)));
    CU_ASSERT_STRING_EQUAL(dns_query_name(a, "A+B.Example."), "a+b.example");
    CU_ASSERT_STRING_EQUAL(dns_query_name(a, "M\xC3\xBCller.example"), "xn--mller-kva.example");
    CU_ASSERT_EQUAL(ask(d, "A B+c.example.com", DNS_A, a).status, DNS_DATA);
    CU_ASSERT_EQUAL(ask(d, "a..b", DNS_A, a).status, DNS_FAILED);
    arena_free(a);
    dns_close(d);
}

const char unit_suite[] = "dns_table";
const struct unit_test unit_tests[] = {
    {"a table gives all four outcomes", a_table_gives_all_four_outcomes},
    {"records are read", records_are_read},
    {"aliases and wildcards are followed", aliases_and_wildcards_are_followed},
    {"names are made fit for a question", names_are_made_fit_for_a_question},
    {NULL, NULL},
};
