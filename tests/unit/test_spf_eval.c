/* What the public suite for RFC 7208 leaves out: how a verdict came about, limits, identities. */
#include "base/arena.h"
#include "check/spf_eval.h"
#include "tests/unit/dns_table.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <string.h>
#include <time.h>

static struct spf_verdict check_with(
    struct arena *a, const char *zone, const char *ip, struct spf_question q)
{
    struct dns *d = dns_table_of(zone);
    struct spf_verdict v;

    CU_ASSERT_TRUE_FATAL(addr_parse(ip, &q.ip));
    spf_check_host(d, &q, a, &v);
    dns_close(d);
    return v;
}

static struct spf_verdict check(struct arena *a, const char *zone, const char *ip)
{
    return check_with(a, zone, ip, (struct spf_question){.sender = "joe@example.com"});
}

static void a_verdict_shows_its_way(void)
{
    static const char zone[] = "example.com TXT v=spf1 include:a.example redirect=b.example\n"
                               "a.example TXT v=spf1 include:c.example -all\n"
                               "c.example TXT v=spf1 ip4:192.0.2.0/24 -all\n"
                               "b.example TXT v=spf1 ~ip4:198.51.100.0/24\n";
    struct arena *a = arena_new();

    struct spf_verdict v = check(a, zone, "192.0.2.9");
    CU_ASSERT_EQUAL(v.result, SPF_PASS);
    CU_ASSERT_PTR_NULL(v.why);
    CU_ASSERT_EQUAL(v.lookups, 2);
    CU_ASSERT_EQUAL_FATAL(v.n_steps, 3);
    CU_ASSERT_STRING_EQUAL(v.steps[0].domain, "example.com");
    CU_ASSERT_STRING_EQUAL(v.steps[0].term, "include:a.example");
    CU_ASSERT_EQUAL(v.steps[0].offset, 7);
    CU_ASSERT_STRING_EQUAL(v.steps[2].domain, "c.example");
    CU_ASSERT_STRING_EQUAL(v.steps[2].term, "ip4:192.0.2.0/24");

    v = check(a, zone, "198.51.100.1");
    CU_ASSERT_EQUAL(v.result, SPF_SOFTFAIL);
    CU_ASSERT_EQUAL(v.lookups, 3);
    CU_ASSERT_EQUAL_FATAL(v.n_steps, 2);
    CU_ASSERT_STRING_EQUAL(v.steps[0].term, "redirect=b.example");
    CU_ASSERT_STRING_EQUAL(v.steps[1].term, "~ip4:198.51.100.0/24");

    v = check(a, zone, "2001:db8::1");
    CU_ASSERT_EQUAL(v.result, SPF_NEUTRAL);
    CU_ASSERT_STRING_EQUAL(v.why, "no term matched");
    CU_ASSERT_EQUAL_FATAL(v.n_steps, 2);
    CU_ASSERT_PTR_NULL(v.steps[1].term);
    arena_free(a);
}

static void an_error_shows_its_place(void)
{
    struct arena *a = arena_new();

    struct spf_verdict v =
        check(a, "example.com TXT v=spf1 include:a.example -all\na.example TXT v=spf1 ip4:x -all\n",
            "192.0.2.9");
    CU_ASSERT_EQUAL(v.result, SPF_PERMERROR);
    CU_ASSERT_EQUAL_FATAL(v.n_steps, 2);
    CU_ASSERT_STRING_EQUAL(v.steps[1].domain, "a.example");
    CU_ASSERT_STRING_EQUAL(v.steps[1].term, "ip4:x");
    CU_ASSERT_PTR_NOT_NULL(strstr(v.why ? v.why : "", "a name in ip4:"));

    v = check(a, "example.com TXT v=spf1 a:a.example -all\na.example TIMEOUT\n", "192.0.2.9");
    CU_ASSERT_EQUAL(v.result, SPF_TEMPERROR);
    CU_ASSERT_STRING_EQUAL(v.why, "no answer about a.example A: no answer in time");

    v = check(a, "example.com A 192.0.2.1\n", "192.0.2.9");
    CU_ASSERT_EQUAL(v.result, SPF_NONE);
    CU_ASSERT_STRING_EQUAL(v.why, "example.com has no SPF record");

    v = check(a, "example.com TXT v=spf1 exp=a.example exp=b.example -all\n", "192.0.2.9");
    CU_ASSERT_EQUAL(v.result, SPF_PERMERROR);
    arena_free(a);
}

static void a_permanent_error_waits_for_no_later_term(void)
{
    struct arena *a = arena_new();
    /* RFC 7208 section 4.6.4 counts what is evaluated: here, nothing beyond the match is */
    struct spf_verdict v =
        check(a, "example.com TXT v=spf1 ip4:192.0.2.9 a a a a a a a a a a a -all\n", "192.0.2.9");

    CU_ASSERT_EQUAL(v.result, SPF_PASS);
    CU_ASSERT_EQUAL(v.lookups, 0);
    v = check(
        a, "example.com TXT v=spf1 a:x.example mx:y.example exists:z.example -all\n", "192.0.2.9");
    CU_ASSERT_EQUAL(v.result, SPF_PERMERROR);
    CU_ASSERT_EQUAL(v.voids, 3);
    v = check(a, "example.com TXT v=spf1 ptr a:x.example mx:y.example -all\n", "192.0.2.9");
    CU_ASSERT_EQUAL(v.result, SPF_PERMERROR);
    arena_free(a);
}

static void only_ten_hosts_of_an_mx_are_asked(void)
{
    static const char zone[] =
        "example.com TXT v=spf1 mx -all\n"
        "example.com MX 0 h0.example\nexample.com MX 1 h1.example\nexample.com MX 2 h2.example\n"
        "example.com MX 3 h3.example\nexample.com MX 4 h4.example\nexample.com MX 5 h5.example\n"
        "example.com MX 6 h6.example\nexample.com MX 7 h7.example\nexample.com MX 8 h8.example\n"
        "example.com MX 9 h9.example\nexample.com MX 10 h10.example\n"
        "h9.example A 192.0.2.9\nh10.example A 192.0.2.10\n";
    struct arena *a = arena_new();

    CU_ASSERT_EQUAL(check(a, zone, "192.0.2.9").result, SPF_PASS);
    CU_ASSERT_EQUAL(check(a, zone, "192.0.2.10").result, SPF_PERMERROR);
    arena_free(a);
}

static void the_sender_may_be_missing_or_foreign(void)
{
    static const char zone[] = "example.com TXT v=spf1 exists:%{l}.%{o}.s.example -all\n"
                               "postmaster.mx.example.com.s.example A 127.0.0.2\n"
                               "postmaster.example.com.s.example A 127.0.0.2\n"
                               "mx.example.com TXT v=spf1 exists:%{s}.%{h}.s.example -all\n"
                               "postmaster@mx.example.com.mx.example.com.s.example A 127.0.0.2\n"
                               "xn--mller-kva.example TXT v=spf1 exists:%{o}.%{d}.s.example -all\n"
                               "xn--mller-kva.example.xn--mller-kva.example.s.example A 127.0.0.2\n"
                               "local.example TXT v=spf1 exists:%{l}.s.example ?all\n";
    struct arena *a = arena_new();
    struct spf_question helo_only = {.sender = "<>", .helo = "mx.example.com"};
    struct spf_question domain_only = {.domain = "example.com"};
    struct spf_question no_local = {.sender = "@example.com"};
    struct spf_question foreign = {.sender = "a@m\xC3\xBCller.example"};
    struct spf_question foreign_local = {.sender = "m\xC3\xBC@local.example"};

    CU_ASSERT_EQUAL(check_with(a, zone, "192.0.2.9", helo_only).result, SPF_PASS);
    CU_ASSERT_EQUAL(check_with(a, zone, "192.0.2.9", domain_only).result, SPF_PASS);
    CU_ASSERT_EQUAL(check_with(a, zone, "192.0.2.9", no_local).result, SPF_PASS);
    CU_ASSERT_EQUAL(check_with(a, zone, "192.0.2.9", foreign).result, SPF_PASS);
    CU_ASSERT_EQUAL(check_with(a, zone, "192.0.2.9", foreign_local).result, SPF_NEUTRAL);
    arena_free(a);
}

/* Answers as the table it stands before, 30 ms later. */
static void ask_slowly(
    void *self, const char *name, enum dns_type type, struct arena *a, struct dns_answer *out)
{
    const struct timespec delay = {.tv_nsec = 30000000};

    (void)nanosleep(&delay, NULL);
    dns_ask(self, name, type, a, out);
}

static void close_table(void *self)
{
    dns_close(self);
}

static void patience_ends(void)
{
    static const struct dns_ops slow = {.ask = ask_slowly, .close = close_table};
    struct dns *d = dns_from(&slow, dns_table_of("example.com TXT v=spf1 a a a a a -all\n"
                                                 "example.com A 192.0.2.1\n"));
    struct arena *a = arena_new();
    struct spf_question q = {.domain = "example.com", .ip = {4, {10}}, .patience_ms = 70};
    struct spf_verdict v;

    spf_check_host(d, &q, a, &v);
    CU_ASSERT_EQUAL(v.result, SPF_TEMPERROR);
    CU_ASSERT_STRING_EQUAL(v.why, "no answer about example.com A: the time is up");
    q.patience_ms = 0;
    spf_check_host(d, &q, a, &v);
    CU_ASSERT_EQUAL(v.result, SPF_FAIL);
    arena_free(a);
    dns_close(d);
}

static void an_explanation_is_expanded(void)
{
    static const char zone[] =
        "example.com TXT v=spf1 -all exp=why.%{d}\n"
        "why.example.com TXT %{c} at %{t} is none of %{o}, says %{r}; see http://x/%{S}\n";
    struct arena *a = arena_new();
    struct spf_question q = {.sender = "joe+x@example.com", .receiver = "mx.r.example", .time = 77};

    struct spf_verdict v = check_with(a, zone, "2001:DB8::1", q);
    CU_ASSERT_EQUAL(v.result, SPF_FAIL);
    CU_ASSERT_STRING_EQUAL(v.explanation ? v.explanation : "none",
        "2001:db8::1 at 77 is none of example.com, says "
        "mx.r.example; see http://x/joe%2Bx%40example.com");
    arena_free(a);
}

const char unit_suite[] = "spf_eval";
const struct unit_test unit_tests[] = {
    {"a verdict shows its way", a_verdict_shows_its_way},
    {"an error shows its place", an_error_shows_its_place},
    {"a permanent error waits for no later term", a_permanent_error_waits_for_no_later_term},
    {"only ten hosts of an mx are asked", only_ten_hosts_of_an_mx_are_asked},
    {"the sender may be missing or foreign", the_sender_may_be_missing_or_foreign},
    {"patience ends", patience_ends},
    {"an explanation is expanded", an_explanation_is_expanded},
    {NULL, NULL},
};
