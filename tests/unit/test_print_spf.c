/* What `check` shows of SPF, word for word. */
#include "base/arena.h"
#include "base/json.h"
#include "check/history.h"
#include "check/subject.h"
#include "cli/print_spf.h"
#include "tests/unit/dns_table.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char zone[] = "example.com TXT v=spf1 mx include:a.example include:none.example "
                           "ip4:198.51.100.7 x:\xFF\x1B y ~all ip4:192.0.2.7\n"
                           "example.com MX 10 mail.example.com\n"
                           "mail.example.com A 192.0.2.1\n"
                           "a.example TXT v=spf1 include:b.example ip4:198.51.100.0/24 ?all\n"
                           "b.example TXT v=spf1 exists:%{i}.x.example ip6:2001:db8::/48 -all\n"
                           "good.example TXT v=spf1 include:fail.example -all exp=why.example\n"
                           "fail.example TXT v=spf1 -ip4:192.0.2.0/24 ip4:198.51.100.1\n"
                           "why.example TXT %{i} may not, \"ever\"\n";

static void check(struct subject *s, struct spf_outcome *o, struct arena *a, struct dns *d)
{
    static const struct spf_context nothing;

    *s = (struct subject){.arena = a, .dns = d, .domain = "example.com"};
    findings_init(&s->findings, a, s->domain);
    spf_check(s, &nothing, o);
}

static void the_tree_is_shown(void)
{
    static const struct spf_source sources[] = {{{4, {198, 51, 100, 9}}, 40}, {{4, {10}}, 3}};
    static const struct check_history history = {.sources = sources, .n_sources = 2};
    struct arena *a = arena_new();
    struct dns *d = dns_table_of(zone);
    struct subject s;
    struct spf_outcome o;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    check(&s, &o, a, d);
    print_spf_tree(out, 2, a, &o, NULL);
    print_spf_tree(out, 0, a, &o, &history);
    (void)fclose(out);
    CU_ASSERT_STRING_EQUAL(text,
        "  look-ups  term\n"
        "         1  mx\n"
        "         3  include:a.example\n"
        "         2    include:b.example\n"
        "         1      exists:%{i}.x.example  (depends on the mail)\n"
        "         1  include:none.example  (does not exist)\n"
        "            x:\\255\\027  (not ASCII)\n"
        "            y  (no such mechanism)\n"
        "            ip4:192.0.2.7  (no effect)\n"
        "  authorises, as far as can be told, 257 IPv4 addresses in 2 networks and 1 IPv6 network; "
        "without includes its record would have about 63 octets\n"
        "  superfluous: ip4:198.51.100.7 lies within 198.51.100.0/24 (ip4:198.51.100.0/24 of "
        "a.example)\n"
        "look-ups    messages  term\n"
        "       1           0  mx\n"
        "       3          40  include:a.example\n"
        "       2           0    include:b.example\n"
        "       1                  exists:%{i}.x.example  (depends on the mail)\n"
        "       1              include:none.example  (does not exist)\n"
        "                   0  ip4:198.51.100.7\n"
        "                      x:\\255\\027  (not ASCII)\n"
        "                      y  (no such mechanism)\n"
        "                      ip4:192.0.2.7  (no effect)\n"
        "authorises, as far as can be told, 257 IPv4 addresses in 2 networks and 1 IPv6 network; "
        "without includes its record would have about 63 octets\n"
        "superfluous: ip4:198.51.100.7 lies within 198.51.100.0/24 (ip4:198.51.100.0/24 of "
        "a.example)\n");
    free(text);
    dns_close(d);
    arena_free(a);
}

static void expect(const char *text, const char *part)
{
    bool found = strstr(text, part) != NULL;

    if (!found)
        printf("\n%s\nis not in\n%s\n", part, text);
    CU_ASSERT_TRUE(found);
}

static void the_tree_is_json(void)
{
    struct arena *a = arena_new();
    struct dns *d = dns_table_of(zone);
    struct subject s;
    struct spf_outcome o;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    struct json j;

    check(&s, &o, a, d);
    json_init(&j, out, false);
    json_object(&j);
    print_spf_tree_json(&j, a, &o, NULL);
    json_end(&j);
    (void)fclose(out);
    expect(text,
        "{\"lookups\": 5, \"void_lookups\": 0, \"terms\": [{\"depth\": 0, \"term\": \"mx\", "
        "\"offset\": 7, \"target\": \"example.com\", \"lookups\": 1, \"void_lookups\": 0, "
        "\"evaluated\": true, \"depends_on_mail\": false}");
    expect(text, "{\"depth\": 2, \"term\": \"exists:%{i}.x.example\"");
    expect(text, "\"fault\": \"not ASCII\"");
    expect(text, "\"target\": \"none.example\", \"state\": \"does not exist\"");
    expect(text, "\"authorises\": {\"complete\": false, \"addresses_ipv4\": 257, "
                 "\"networks_ipv4\": 2, \"networks_ipv6\": 1, \"octets_without_includes\": 63}");
    expect(text, "\"superfluous\": [{\"term\": \"ip4:198.51.100.7\", \"within\": "
                 "\"198.51.100.0/24\", \"of\": \"a.example\"}]}");
    free(text);
    dns_close(d);
    arena_free(a);
}

static void a_verdict_is_shown(void)
{
    struct arena *a = arena_new();
    struct dns *d = dns_table_of(zone);
    struct spf_question q = {.domain = "good.example", .sender = "joe@good.example"};
    struct spf_verdict v;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    CU_ASSERT_TRUE(addr_parse("192.0.2.9", &q.ip));
    spf_check_host(d, &q, a, &v);
    print_spf_verdict(out, a, &q, &v);
    CU_ASSERT_TRUE(addr_parse("198.51.100.1", &q.ip));
    spf_check_host(d, &q, a, &v);
    print_spf_verdict(out, a, &q, &v);
    q.domain = "example.com";
    spf_check_host(d, &q, a, &v);
    print_spf_verdict(out, a, &q, &v);
    (void)fclose(out);
    CU_ASSERT_STRING_EQUAL(text, "good.example from 192.0.2.9: fail by -all\n"
                                 "  good.example: -all (offset 28)\n"
                                 "  1 of 10 look-ups, 0 of 2 void\n"
                                 "  explanation: 192.0.2.9 may not, \"ever\"\n"
                                 "good.example from 198.51.100.1: pass by ip4:198.51.100.1\n"
                                 "  good.example: include:fail.example (offset 7)\n"
                                 "    fail.example: ip4:198.51.100.1 (offset 25)\n"
                                 "  1 of 10 look-ups, 0 of 2 void\n"
                                 "example.com from 198.51.100.1: permerror by x:\\255\\027\n"
                                 "  a fault in the record of example.com: not ASCII\n"
                                 "  example.com: x:\\255\\027 (offset 66)\n"
                                 "  0 of 10 look-ups, 0 of 2 void\n");
    free(text);
    dns_close(d);
    arena_free(a);
}

static void a_verdict_is_json(void)
{
    struct arena *a = arena_new();
    struct dns *d = dns_table_of(zone);
    struct spf_question q = {.domain = "good.example"};
    struct spf_verdict v;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    struct json j;

    CU_ASSERT_TRUE(addr_parse("198.51.100.1", &q.ip));
    spf_check_host(d, &q, a, &v);
    json_init(&j, out, false);
    print_spf_verdict_json(&j, a, &q, &v);
    (void)fclose(out);
    CU_ASSERT_STRING_EQUAL(text,
        "{\"domain\": \"good.example\", \"ip\": \"198.51.100.1\", \"sender\": null, \"helo\": null, "
        "\"result\": \"pass\", \"term\": \"ip4:198.51.100.1\", \"why\": null, \"steps\": "
        "[{\"domain\": \"good.example\", \"term\": \"include:fail.example\", \"offset\": 7}, "
        "{\"domain\": \"fail.example\", \"term\": \"ip4:198.51.100.1\", \"offset\": 25}], "
        "\"lookups\": 1, \"void_lookups\": 0, \"explanation\": null}");
    free(text);
    dns_close(d);
    arena_free(a);
}

const char unit_suite[] = "print_spf";
const struct unit_test unit_tests[] = {
    {"the tree is shown", the_tree_is_shown},
    {"the tree is JSON", the_tree_is_json},
    {"a verdict is shown", a_verdict_is_shown},
    {"a verdict is JSON", a_verdict_is_json},
    {NULL, NULL},
};
