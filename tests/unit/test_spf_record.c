/* SPF records taken apart: what stands where, and what is wrong with it. */
#include "base/arena.h"
#include "check/spf_macro.h"
#include "check/spf_record.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

static struct spf_record read_record(struct arena *a, const char *text)
{
    struct spf_record r;

    spf_record_read(a, text, strlen(text), &r);
    return r;
}

static void a_record_is_told_by_its_version(void)
{
    static const char *const records[] = {"v=spf1", "v=spf1 ", "V=SPF1 -all", "v=spf1  -all"};
    static const char *const nearly[] = {"v=spf1;", "v=spf1,-all", "v=spf10 -all", "v=spf 1",
        "V = spf1 -all", "spf1 -all", " v=spf1 -all", "\"v=spf1 -all\"", "\xEF\xBB\xBFv=spf1 -all",
        "\xC2\xA0v=spf1", "v=spf1\t-all", "v=spf1include:x.example", "v=spfl -all", "'v=spf1'",
        "v=\"spf1 -all\""};
    static const char *const others[] = {"", "v", "v=", "v=DMARC1", "spf2.0/pra", "spf", "spfx=1",
        "v=spfoo", "\"", "verification=v=spf1", "\xEF\xBB"};

    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        CU_ASSERT_TRUE(spf_is_record(records[i], strlen(records[i])));
        CU_ASSERT_FALSE(spf_is_nearly_record(records[i], strlen(records[i])));
    }
    for (size_t i = 0; i < sizeof nearly / sizeof *nearly; i++) {
        CU_ASSERT_FALSE(spf_is_record(nearly[i], strlen(nearly[i])));
        CU_ASSERT_TRUE(spf_is_nearly_record(nearly[i], strlen(nearly[i])));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        CU_ASSERT_FALSE(spf_is_record(others[i], strlen(others[i])));
        CU_ASSERT_FALSE(spf_is_nearly_record(others[i], strlen(others[i])));
    }
}

static void terms_are_read(void)
{
    struct arena *a = arena_new();
    struct spf_record r = read_record(a,
        "v=spf1  IP4:192.0.2.0/24 ?ip6:2001:db8::/32 -a:a.example/24//64 ~mx//56 "
        "+include:%{d1r}.example exists:%{i}.x.example redirect=_spf.example. moo=a%%b ALL ");

    CU_ASSERT_EQUAL_FATAL(r.n, 9);
    CU_ASSERT_EQUAL(r.n_faults, 0);
    CU_ASSERT_FALSE(spf_record_is_broken(&r));
    const struct spf_term *t = r.terms;
    CU_ASSERT_EQUAL(t[0].kind, SPF_IP4);
    CU_ASSERT_EQUAL(t[0].offset, 8);
    CU_ASSERT_STRING_EQUAL(t[0].text, "IP4:192.0.2.0/24");
    CU_ASSERT_STRING_EQUAL(t[0].name, "ip4");
    CU_ASSERT_EQUAL(t[0].network.len, 4);
    CU_ASSERT_EQUAL(t[0].prefix4, 24);
    CU_ASSERT_EQUAL(t[1].qualifier, SPF_NEUTRAL);
    CU_ASSERT_EQUAL(t[1].prefix6, 32);
    CU_ASSERT_EQUAL(t[2].qualifier, SPF_FAIL);
    CU_ASSERT_STRING_EQUAL(t[2].domain, "a.example");
    CU_ASSERT_EQUAL(t[2].prefix4, 24);
    CU_ASSERT_EQUAL(t[2].prefix6, 64);
    CU_ASSERT_EQUAL(t[3].qualifier, SPF_SOFTFAIL);
    CU_ASSERT_PTR_NULL(t[3].domain);
    CU_ASSERT_EQUAL(t[3].prefix4, 32);
    CU_ASSERT_EQUAL(t[3].prefix6, 56);
    CU_ASSERT_FALSE(t[4].dynamic);
    CU_ASSERT_TRUE(t[5].dynamic);
    CU_ASSERT_PTR_EQUAL(r.redirect, &t[6]);
    CU_ASSERT_EQUAL(t[7].kind, SPF_OTHER_MODIFIER);
    CU_ASSERT_STRING_EQUAL(t[7].name, "moo");
    CU_ASSERT_EQUAL(t[8].kind, SPF_ALL);
    CU_ASSERT_EQUAL(t[8].qualifier, SPF_PASS);
    arena_free(a);
}

/* A faulty term behind "v=spf1 ", the place of the fault in the record, and words of its name. */
static const struct {
    const char *term;
    size_t offset;
    const char *words;
} faults[] = {
    {"ipv4:192.0.2.1", 7, "ip4: or ip6: is meant"},
    {"ip:192.0.2.1", 7, "ip4: or ip6: is meant"},
    {"ip4:2001:db8::1", 11, "an IPv6 address in ip4:"},
    {"ip6:192.0.2.1", 11, "an IPv4 address in ip6:"},
    {"ip4:mail.example.com", 11, "a name in ip4:"},
    {"ip4:192.0.2.300", 11, "not an IPv4 address"},
    {"ip4:192.0.2", 11, "not an IPv4 address"},
    {"ip4:192.0.2.01", 11, "not an IPv4 address"},
    {"ip4:192.0.2.1/33", 21, "from 0 to 32"},
    {"ip4:192.0.2.1/", 21, "from 0 to 32"},
    {"ip4:192.0.2.1/024", 21, "from 0 to 32"},
    {"ip4:192.0.2.1,", 11, "separated by blanks"},
    {"ip4:192.0.2.1\"", 11, "a stray quote"},
    {"ip4:", 11, "an address is missing"},
    {"ip4", 10, "an address is missing"},
    {"ip6:2001:db8::g", 11, "not an IPv6 address"},
    {"ip6:2001:db8::/129", 22, "from 0 to 128"},
    {"192.0.2.1", 7, "an address without ip4:"},
    {"-192.0.2.0/24", 8, "an address without ip4:"},
    {"include", 14, "a domain name is missing"},
    {"include:", 15, "a domain name is missing"},
    {"include:example.com/24", 26, "a prefix length does not belong here"},
    {"include:example.com,", 26, "separated by blanks"},
    {"include:example.com;", 26, "separated by blanks"},
    {"include:com", 15, "a single label"},
    {"include:example.com\"", 26, "a stray quote"},
    {"a:192.0.2.1", 17, "addresses stand in ip4:"},
    {"a/33", 9, "from 0 to 32"},
    {"a//129", 10, "from 0 to 128"},
    {"a/24/64", 12, "from 0 to 32"},
    {"a/24/24", 8, "a prefix length does not belong here"},
    {"a:example.-com", 17, "not the end of a domain name"},
    {"a:%{x}.example", 11, "no such macro letter"},
    {"a:%{d0}", 12, "at least one part"},
    {"a:%{d", 12, "a macro must end in }"},
    {"a:100%.example", 12, "a % that begins no macro"},
    {"a:%{c}.example", 11, "for explanations only"},
    {"a:m\xC3\xBCller.example", 10, "not ASCII"},
    {"a:x\x07y.example", 10, "a control character"},
    {"ptr/24", 10, "a prefix length does not belong here"},
    {"all:example.com", 10, "nothing may stand behind this"},
    {"~allinclude:_spf.example.net", 8, "two terms without a blank"},
    {"mxinclude:x.example", 7, "two terms without a blank"},
    {"a,mx", 7, "separated by blanks"},
    {"redirect:x.example", 7, "write redirect="},
    {"exp:x.example", 7, "write exp="},
    {"-redirect=x.example", 8, "no sign"},
    {"=x", 7, "a name is missing"},
    {"redirect=", 16, "a domain name is missing"},
    {"exp=x", 11, "a single label"},
    {"foo=%x", 11, "a % that begins no macro"},
    {"example.com", 7, "no such mechanism"},
    {"\\", 7, "a stray quote"},
    {"--all", 8, "no such mechanism"},
};

static void every_fault_has_its_place(void)
{
    struct arena *a = arena_new();

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct spf_record r =
            read_record(a, arena_printf(a, "v=spf1 %s ip4:192.0.2.1 x:y -all", faults[i].term));
        CU_ASSERT_EQUAL_FATAL(r.n, 4);
        CU_ASSERT_EQUAL(r.n_faults, 2); /* reading goes on behind it, to the next */
        CU_ASSERT_PTR_NOT_NULL(r.terms[2].fault);
        const struct spf_term *t = r.terms;
        bool ok =
            t->fault && strstr(t->fault, faults[i].words) && t->fault_offset == faults[i].offset;
        if (!ok)
            printf("\n%s: %s at %zu\n", faults[i].term, t->fault ? t->fault : "", t->fault_offset);
        CU_ASSERT_TRUE(ok);
    }
    arena_free(a);
}

static void modifiers_may_stand_once(void)
{
    struct arena *a = arena_new();
    struct spf_record r =
        read_record(a, "v=spf1 exp=a.example x=1 x=2 exp=b.example exp=c.example");

    CU_ASSERT_EQUAL(r.n_faults, 0);
    CU_ASSERT_TRUE(spf_record_is_broken(&r));
    CU_ASSERT_PTR_EQUAL(r.exp, &r.terms[0]);
    CU_ASSERT_PTR_EQUAL(r.repeated, &r.terms[3]);
    arena_free(a);
}

static void octets_are_kept_apart(void)
{
    static const char text[] = "v=spf1 a:x.exa\0mple -all";
    struct arena *a = arena_new();
    struct spf_record r;

    spf_record_read(a, text, sizeof text - 1, &r);
    CU_ASSERT_EQUAL_FATAL(r.n, 2);
    CU_ASSERT_EQUAL(r.n_faults, 1);
    CU_ASSERT_EQUAL(r.terms[0].fault_offset, 14);
    CU_ASSERT_EQUAL(r.terms[1].kind, SPF_ALL);
    arena_free(a);
}

static void only_so_many_terms_are_taken_apart(void)
{
    struct arena *a = arena_new();
    char *text = arena_alloc(a, 20001);

    for (size_t i = 0; i < 20000; i++)
        text[i] = "a "[i % 2];
    for (size_t i = 0; i < 7; i++)
        text[i] = "v=spf1 "[i];
    struct spf_record r = read_record(a, text);
    CU_ASSERT_EQUAL(r.n, SPF_RECORD_TERMS + 1);
    CU_ASSERT_EQUAL(r.n_faults, 1);
    CU_ASSERT_STRING_EQUAL(r.terms[SPF_RECORD_TERMS].fault, "too many terms");
    arena_free(a);
}

/* ---- macros; the examples of RFC 7208 section 7.4 ---- */

static const char *example_value(void *ctx, char letter)
{
    (void)ctx;
    switch (letter) {
    case 's':
        return "strong-bad@email.example.com";
    case 'l':
        return "strong-bad";
    case 'o':
    case 'd':
        return "email.example.com";
    case 'i':
        return "192.0.2.3";
    case 'v':
        return "in-addr";
    default:
        return NULL;
    }
}

static void macros_are_expanded(void)
{
    static const char *const examples[][2] = {
        {"%{s}", "strong-bad@email.example.com"},
        {"%{o}", "email.example.com"},
        {"%{d}", "email.example.com"},
        {"%{d4}", "email.example.com"},
        {"%{d3}", "email.example.com"},
        {"%{d2}", "example.com"},
        {"%{d1}", "com"},
        {"%{dr}", "com.example.email"},
        {"%{d2r}", "example.email"},
        {"%{l}", "strong-bad"},
        {"%{l-}", "strong.bad"},
        {"%{lr}", "strong-bad"},
        {"%{lr-}", "bad.strong"},
        {"%{l1r-}", "strong"},
        {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
        {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
        {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
        {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
        {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
        {"%{S}", "strong-bad%40email.example.com"},
        {"a%%b%_c%-d", "a%b c%20d"},
        {"%{d128}", "email.example.com"},
        {"%{d99999999999999999999}", "email.example.com"},
        {"", ""},
    };
    struct arena *a = arena_new();

    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const char *out = spf_macro_expand(a, examples[i][0], false, example_value, NULL);
        CU_ASSERT_STRING_EQUAL(out ? out : "none", examples[i][1]);
    }
    CU_ASSERT_PTR_NULL(spf_macro_expand(a, "%{h}", false, example_value, NULL));
    CU_ASSERT_PTR_NULL(spf_macro_expand(a, "%{c}", false, example_value, NULL));
    CU_ASSERT_PTR_NULL(spf_macro_expand(a, "a b", false, example_value, NULL));
    CU_ASSERT_STRING_EQUAL(spf_macro_expand(a, "a b", true, example_value, NULL), "a b");
    arena_free(a);
}

static void expansion_is_bounded(void)
{
    struct arena *a = arena_new();
    char *many = arena_alloc(a, 60001);
    char *name = arena_alloc(a, 401);

    for (size_t i = 0; i < 60000; i++)
        many[i] = "%{s}"[i % 4];
    CU_ASSERT_PTR_NULL(spf_macro_expand(a, many, false, example_value, NULL));
    for (size_t i = 0; i < 400; i++)
        name[i] = "abc."[i % 4];
    const char *cut = spf_domain_expand(a, name, example_value, NULL);
    CU_ASSERT_EQUAL(strlen(cut), 251); /* 63 labels; one more would make 255 */
    CU_ASSERT_STRING_EQUAL(spf_domain_expand(a, "%{d}.", example_value, NULL), "email.example.com");
    arena_free(a);
}

const char unit_suite[] = "spf_record";
const struct unit_test unit_tests[] = {
    {"a record is told by its version", a_record_is_told_by_its_version},
    {"terms are read", terms_are_read},
    {"every fault has its place", every_fault_has_its_place},
    {"modifiers may stand once", modifiers_may_stand_once},
    {"octets are kept apart", octets_are_kept_apart},
    {"only so many terms are taken apart", only_so_many_terms_are_taken_apart},
    {"macros are expanded", macros_are_expanded},
    {"expansion is bounded", expansion_is_bounded},
    {NULL, NULL},
};
