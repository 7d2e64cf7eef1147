/* The tree of an SPF record and the findings about it: the vectors, each finding where it is
 * planted, and hostile records. */
#include "base/arena.h"
#include "base/when.h"
#include "check/history.h"
#include "check/spf_check.h"
#include "check/subject.h"
#include "tests/unit/dns_table.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One check of a domain. */
struct run {
    struct arena *arena;
    struct dns *dns;
    struct subject subject;
    struct spf_context context;
    struct spf_outcome outcome;
};

static void run_on(struct run *r, struct dns *d, const char *domain)
{
    *r = (struct run){.arena = arena_new(), .dns = d};
    r->subject = (struct subject){.arena = r->arena, .dns = d, .domain = domain};
    findings_init(&r->subject.findings, r->arena, domain);
}

static void run_check(struct run *r, const char *lines)
{
    run_on(r, dns_table_of(lines), "example.com");
    spf_check(&r->subject, &r->context, &r->outcome);
}

static void run_done(struct run *r)
{
    dns_close(r->dns);
    arena_free(r->arena);
}

static const struct check_finding *find(const struct run *r, const char *id)
{
    for (size_t i = 0; i < r->subject.findings.n; i++) {
        if (strcmp(r->subject.findings.items[i].kind->id, id) == 0)
            return &r->subject.findings.items[i];
    }
    return NULL;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The ids of SPF findings, each once, in order. */
static const char *ids_of(struct run *r)
{
    const char *ids[64];
    size_t n = 0;
    const char *all = "";

    for (size_t i = 0; i < r->subject.findings.n && n < 64; i++)
        ids[n++] = r->subject.findings.items[i].kind->id;
    qsort(ids, n, sizeof *ids, compare_ids);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(ids[i], "SPF-", 4) == 0 && (i == 0 || strcmp(ids[i], ids[i - 1]) != 0))
            all = arena_printf(r->arena, "%s%s%s", all, *all ? " " : "", ids[i]);
    }
    return all;
}

/* The SPF findings of a zone are these, and no others. */
static void expect_ids(const char *lines, const char *ids)
{
    struct run r;

    run_check(&r, lines);
    const char *found = ids_of(&r);
    if (strcmp(found, ids) != 0)
        printf("\n%sexpected %s, found %s\n", lines, ids, found);
    CU_ASSERT_STRING_EQUAL(found, ids);
    run_done(&r);
}

/* ---- vectors ---- */

static struct dns *zone_of(json_t *zone)
{
    struct dns_table *t = dns_table_new();
    const char *key;
    json_t *values;
    size_t i;
    json_t *value;

    json_object_foreach(zone, key, values)
    {
        char name[300];
        (void)snprintf(name, sizeof name, "%s", key);
        char *type = name + strcspn(name, " ");
        *type++ = '\0';
        json_array_foreach(values, i, value)
        {
            dns_table_add(t, name, type, json_string_value(value), json_string_length(value));
        }
    }
    return dns_table_open(t);
}

static bool vector_holds(json_t *v)
{
    struct run r;
    const char *expected = "";
    json_t *numbers = json_object_get(v, "expect");
    size_t i;
    json_t *id;

    run_on(
        &r, zone_of(json_object_get(v, "zone")), json_string_value(json_object_get(v, "domain")));
    spf_check(&r.subject, &r.context, &r.outcome);
    json_array_foreach(json_object_get(v, "findings"), i, id)
    {
        expected =
            arena_printf(r.arena, "%s%s%s", expected, *expected ? " " : "", json_string_value(id));
    }
    const struct spf_node *top = r.outcome.tree.top;
    bool ok = strcmp(ids_of(&r), expected) == 0;
    if (numbers) {
        ok = ok && top->lookups == json_integer_value(json_object_get(numbers, "lookups")) &&
             top->voids == json_integer_value(json_object_get(numbers, "voids"));
    }
    if (!ok) {
        printf("\n%s: expected %s; found %s, %u look-ups, %u voids\n",
            json_string_value(json_object_get(v, "id")), expected, ids_of(&r), top->lookups,
            top->voids);
    }
    run_done(&r);
    return ok;
}

static void the_vectors_hold(void)
{
    json_error_t e;
    json_t *all = json_load_file("data/vectors_records.json", 0, &e);
    size_t i;
    json_t *v;
    unsigned n = 0;
    unsigned held = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(all);
    json_array_foreach(all, i, v)
    {
        if (strcmp(json_string_value(json_object_get(v, "check")), "spf") != 0)
            continue;
        n++;
        held += vector_holds(v);
    }
    printf("SPF vectors: %u of %u\n", held, n);
    CU_ASSERT_EQUAL(n, 24);
    CU_ASSERT_EQUAL(held, n);
    json_decref(all);
}

/* ---- each finding where it is planted, and nowhere else ---- */

#define GOOD "example.com TXT v=spf1 ip4:192.0.2.1 ~all\n"

static void the_record_as_a_whole(void)
{
    expect_ids(GOOD, "");
    expect_ids("example.com MX 10 mail.example.com\n", "SPF-01");
    expect_ids("example.com TXT v=spf1 -all\nexample.com TXT V=spf1 ~all\n", "SPF-02");
    expect_ids("example.com TXT v=spf10 -all\n", "SPF-01 SPF-09");
    expect_ids("example.com TXT V=SPF1 -all\n", "SPF-09");
    expect_ids("example.com TXT \"v=spf1 -all\"\n", "SPF-01 SPF-09");
    expect_ids("example.com TXT \xEF\xBB\xBFv=spf1 -all\n", "SPF-01 SPF-09");
    expect_ids("example.com TXT V = spf1 -all\n", "SPF-01 SPF-09");
    expect_ids("example.com TXT spf1 -all\n", "SPF-01 SPF-09");
    expect_ids("example.com TXT v=spfl -all\n", "SPF-01 SPF-09");
    expect_ids(GOOD "example.com TXT v=verification-1\n", "");
    expect_ids(GOOD "example.com TXT spf-checker=1\n", "");
    expect_ids(GOOD "example.com SPF v=spf1 -all\n", "SPF-19");
    expect_ids(GOOD "example.com TXT spf2.0/pra ?all\n", "SPF-20");
    expect_ids("_spf.example.com TXT v=spf1 -all\n", "SPF-01 SPF-31");
    expect_ids("example.com STRINGS \"v=spf1 ip4:192.0.2.1\" \" ~all\"\n", "");
    expect_ids("example.com STRINGS \"v=spf1 ip4:192.0.\" \"2.1 ~all\"\n", "");
    expect_ids("a.example TXT v=spf1 -all\nb.example TXT v=spf1 -all\n"
               "example.com STRINGS \"v=spf1 include:a.example\" \"include:b.example ~all\"\n",
        "SPF-10 SPF-18");
}

static void sizes(void)
{
    char big[600];
    char lines[2000];

    memset(big, 'x', sizeof big);
    (void)snprintf(
        lines, sizeof lines, "example.com TXT v=spf1 x=%.*s ~all\n", 430, big); /* 450 octets */
    expect_ids(lines, "SPF-28");
    (void)snprintf(lines, sizeof lines, "example.com TXT v=spf1 x=%.*s ~all\n", 437, big);
    expect_ids(lines, "SPF-03 SPF-28");
    (void)snprintf(lines, sizeof lines, GOOD "example.com TXT %.*s\nexample.com TXT %.*s\n", 200,
        big, 200, big);
    expect_ids(lines, "");
    (void)snprintf(lines, sizeof lines, GOOD "example.com TXT %.*s\nexample.com TXT %.*s\n", 200,
        big, 210, big);
    expect_ids(lines, "SPF-03");
}

static void single_terms(void)
{
    expect_ids("example.com TXT v=spf1 all\n", "SPF-04");
    expect_ids("example.com TXT v=spf1 ?all\n", "SPF-07");
    expect_ids("example.com TXT v=spf1 ip4:192.0.2.1\n", "SPF-11");
    expect_ids("example.com TXT v=spf1 -all ip4:192.0.2.1 exp=x.example.com\n"
               "x.example.com TXT No.\n",
        "SPF-12");
    expect_ids("example.com TXT v=spf1 -all exp=x.example.com\n", "SPF-26");
    expect_ids("example.com TXT v=spf1 -all exp=x.example.com\n"
               "x.example.com TXT one\nx.example.com TXT two\n",
        "SPF-26");
    expect_ids("example.com TXT v=spf1 ptr:example.com ~all\n", "SPF-13");
    expect_ids("example.com TXT v=spf1 ip4:192.0.0.0/15 ~all\n", "SPF-21");
    expect_ids("example.com TXT v=spf1 ip4:192.0.0.0/16 ip6:2001:db8::/32 ~all\n", "");
    expect_ids("example.com TXT v=spf1 ip6:2000::/31 ~all\n", "SPF-21");
    expect_ids("example.com TXT v=spf1 ip6:fe80::1 ~all\n", "SPF-22");
    expect_ids("example.com TXT v=spf1 ip4:172.31.0.1 ~all\n", "SPF-22");
    expect_ids("example.com TXT v=spf1 ip4:172.32.0.1 ~all\n", "");
    expect_ids("example.com TXT v=spf1 -all defualt=x\n", "SPF-28");
    expect_ids("example.com TXT v=spf1 exp=a.example.com -all exp=a.example.com\n"
               "a.example.com TXT No.\n",
        "SPF-27");
    expect_ids("example.com TXT v=spf1 ip4:192.0.2.1 ip4:192.0.2.1 ~all\n", "SPF-17");
    expect_ids("example.com TXT v=spf1 ip4:192.0.2.1 ip4:192.0.2.0/24 ~all\n", "");
    expect_ids("example.com TXT v=spf1 include:sendgrid.net ~all\n"
               "sendgrid.net TXT v=spf1 ip4:198.51.100.1 ~all\n",
        "SPF-23 SPF-24");
    expect_ids("example.com TXT v=spf1 ?include:mx.ovh.com ~all\nmx.ovh.com TXT v=spf1 -all\n", "");
    expect_ids("example.com TXT v=spf1 mx include:_spf.google.com ~all\n"
               "example.com MX 1 aspmx.l.google.com\naspmx.l.google.com A 198.51.100.1\n"
               "_spf.google.com TXT v=spf1 ip4:198.51.100.128/25 ~all\n",
        "SPF-32");
}

static void the_offset_tells_where(void)
{
    struct run r;

    run_check(&r, "example.com TXT v=spf1 ip4:192.0.2.1 ip4:192.0.2.300 mxx -all\n");
    CU_ASSERT_EQUAL_FATAL(r.subject.findings.n, 2);
    const struct check_finding *f = r.subject.findings.items;
    CU_ASSERT_EQUAL(f->offset, 25);
    CU_ASSERT_STRING_EQUAL(f->text, "v=spf1 ip4:192.0.2.1 ip4:192.0.2.300 mxx -all");
    CU_ASSERT_STRING_EQUAL(f->message, "ip4:192.0.2.300: not an IPv4 address");
    CU_ASSERT_EQUAL(strncmp(f->advice, "Correct 'ip4:192.0.2.300' at offset 25.", 38), 0);
    CU_ASSERT_STRING_EQUAL(f[1].message, "mxx: no such mechanism");
    CU_ASSERT_EQUAL(f[1].offset, 37);
    run_done(&r);
}

static void what_others_published(void)
{
    /* a fault there breaks the record here; what is merely unwise there is theirs */
    expect_ids("example.com TXT v=spf1 include:a.example ~all\n"
               "a.example TXT v=spf1 ip4:300.0.0.0/8 ?all\n",
        "SPF-08");
    expect_ids("example.com TXT v=spf1 include:a.example ~all\n"
               "a.example TXT v=spf1 ip4:8.0.0.0/8 ip4:10.0.0.1 x=y ?all\n",
        "");
    expect_ids("example.com TXT v=spf1 include:a.example ~all\n"
               "a.example TXT v=spf1 +all\n",
        "SPF-04");
    expect_ids("example.com TXT v=spf1 ?include:a.example ~all\n"
               "a.example TXT v=spf1 +all\n",
        "");
    expect_ids("example.com TXT v=spf1 include:a.example ~all\n"
               "a.example TXT v=spf1 ip4:0.0.0.0/0 -all\n",
        "SPF-21");
    expect_ids("example.com TXT v=spf1 include:a.example ~all\n"
               "a.example TXT v=spf1 -all\na.example TXT v=spf1 -all\n",
        "SPF-02");
    expect_ids("example.com TXT v=spf1 redirect=a.example\na.example TXT v=spf1 ?all\n", "SPF-07");
    expect_ids("example.com TXT v=spf1 redirect=a.example\n", "SPF-10");
    expect_ids("example.com TXT v=spf1 redirect=example.com\n", "SPF-16");
}

static void no_answer_is_no_finding(void)
{
    struct run r;

    run_check(&r, "example.com TIMEOUT\n");
    CU_ASSERT_STRING_EQUAL(ids_of(&r), "");
    CU_ASSERT_PTR_NOT_NULL(find(&r, "DNS-01"));
    CU_ASSERT_EQUAL(r.outcome.tree.top->state, SPF_NODE_UNKNOWN);
    run_done(&r);
    expect_ids("example.com TXT v=spf1 include:a.example a:b.example mx:c.example ~all\n"
               "a.example SERVFAIL\nb.example SERVFAIL\nc.example SERVFAIL\n",
        "");
}

static void an_unregistered_include_is_named(void)
{
    struct run r;

    run_check(&r, "example.com TXT v=spf1 include:_spf.gone.example ~all\n");
    CU_ASSERT_PTR_NOT_NULL(find(&r, "SPF-10"));
    CU_ASSERT_PTR_NOT_NULL(find(&r, "X-08"));
    run_done(&r);
    run_check(&r, "example.com TXT v=spf1 include:_spf.gone.example ~all\n"
                  "gone.example NS ns.gone.example\n");
    CU_ASSERT_PTR_NOT_NULL(find(&r, "SPF-10"));
    CU_ASSERT_PTR_NULL(find(&r, "X-08"));
    run_done(&r);
}

/* ---- the tree ---- */

static void the_tree_counts_by_branch(void)
{
    struct run r;

    run_check(&r, "example.com TXT v=spf1 mx include:a.example ip4:192.0.2.9 "
                  "exists:%{i}.x.example a:none.example -all\n"
                  "example.com MX 10 mail.example.com\n"
                  "example.com MX 20 mail2.example.com\n"
                  "mail.example.com A 192.0.2.1\n"
                  "mail.example.com AAAA 2001:db8::1\n"
                  "mail2.example.com A 192.0.2.2\n"
                  "a.example TXT v=spf1 include:b.example a:none.example ~all\n"
                  "b.example TXT v=spf1 ip4:198.51.100.0/24 ip4:198.51.100.7 redirect=c.example\n"
                  "c.example TXT v=spf1 ip6:2001:db8:1::/48 -all\n");
    const struct spf_node *top = r.outcome.tree.top;
    CU_ASSERT_EQUAL(top->state, SPF_NODE_RECORD);
    CU_ASSERT_EQUAL(top->lookups, 7);
    CU_ASSERT_EQUAL(top->voids, 2);
    CU_ASSERT_EQUAL_FATAL(top->record.n, 6);
    CU_ASSERT_EQUAL(top->branches[0].lookups, 1);
    CU_ASSERT_EQUAL(top->branches[1].lookups, 4);
    CU_ASSERT_EQUAL(top->branches[1].voids, 1);
    CU_ASSERT_EQUAL(top->branches[2].lookups, 0);
    CU_ASSERT_TRUE(top->branches[3].dynamic);
    CU_ASSERT_PTR_NULL(top->branches[3].target);
    CU_ASSERT_EQUAL(top->branches[4].voids, 1);
    const struct spf_flat *flat = &r.outcome.flat;
    CU_ASSERT_EQUAL(flat->networks, 6); /* 3 hosts' addresses, ip4, b's network, c's network */
    CU_ASSERT_EQUAL(flat->networks6, 2);
    CU_ASSERT_EQUAL(flat->addresses, 3 + 256);
    CU_ASSERT_TRUE(flat->incomplete);
    CU_ASSERT_EQUAL(flat->n_overlaps, 0); /* what overlaps is not the owner's */
    run_done(&r);
}

static void overlaps_are_hints(void)
{
    struct run r;

    run_check(&r, "example.com TXT v=spf1 ip4:192.0.2.7 include:a.example a -all\n"
                  "example.com A 192.0.2.7\n"
                  "a.example TXT v=spf1 ip4:192.0.2.0/24 -all\n");
    const struct spf_flat *flat = &r.outcome.flat;
    CU_ASSERT_EQUAL(flat->networks, 1);
    CU_ASSERT_EQUAL(flat->addresses, 256);
    CU_ASSERT_EQUAL_FATAL(flat->n_overlaps, 1);
    CU_ASSERT_STRING_EQUAL(flat->overlaps[0].inner->term->text, "ip4:192.0.2.7");
    CU_ASSERT_STRING_EQUAL(flat->overlaps[0].outer->node->domain, "a.example");
    CU_ASSERT_FALSE(flat->incomplete);
    run_done(&r);
}

/* ---- with reports ---- */

static void reports_show_what_is_used(void)
{
    static const struct spf_source sources[] = {{{4, {198, 51, 100, 9}}, 40}, {{4, {10}}, 3}};
    static const char zone[] = "example.com TXT v=spf1 include:a.example include:b.example a -all\n"
                               "example.com A 192.0.2.1\n"
                               "a.example TXT v=spf1 ip4:198.51.100.0/24 -all\n"
                               "b.example TXT v=spf1 ip4:203.0.113.0/24 -all\n";
    struct run r;

    run_on(&r, dns_table_of(zone), "example.com");
    r.context.sources = sources;
    r.context.n_sources = 2;
    spf_check(&r.subject, &r.context, &r.outcome);
    CU_ASSERT_STRING_EQUAL(ids_of(&r), "");
    const struct spf_tree *t = &r.outcome.tree;
    CU_ASSERT_EQUAL(spf_branch_messages(t, &t->top->branches[0], sources, 2), 40);
    CU_ASSERT_EQUAL(spf_branch_messages(t, &t->top->branches[1], sources, 2), 0);
    run_done(&r);

    run_on(&r, dns_table_of(zone), "example.com");
    r.context.sources = sources;
    r.context.n_sources = 2;
    r.context.sources_complete = true;
    spf_check(&r.subject, &r.context, &r.outcome);
    CU_ASSERT_STRING_EQUAL(ids_of(&r), "SPF-32 SPF-34");
    CU_ASSERT_EQUAL(find(&r, "SPF-34")->offset, 25);
    run_done(&r);
}

static void context_decides(void)
{
    static const struct history_envelope envelopes[] = {
        {.domain = "mx1.example.com", .messages = 7}, {.domain = "news.example.com", .messages = 9},
        {.domain = "other.example", .messages = 5}};
    static const struct check_history history = {
        .messages = 20, .envelopes = envelopes, .n_envelopes = 3};
    static const char zone[] = "example.com TXT v=spf1 ip4:192.0.2.1 -all\n"
                               "mx1.example.com A 192.0.2.1\n"
                               "news.example.com A 192.0.2.2\n"
                               "news.example.com TXT v=spf1 a -all\n";
    struct run r;

    run_on(&r, dns_table_of(zone), "example.com");
    r.subject.history = &history;
    r.context.dmarc_is_none = r.context.parked = true;
    spf_check(&r.subject, &r.context, &r.outcome);
    CU_ASSERT_STRING_EQUAL(ids_of(&r), "SPF-29 SPF-30 SPF-33");
    CU_ASSERT_STRING_EQUAL(find(&r, "SPF-33")->name, "mx1.example.com");
    run_done(&r);

    run_on(&r, dns_table_of("example.com TXT v=spf1 -all\n"), "example.com");
    r.context.dmarc_is_none = r.context.parked = true;
    spf_check(&r.subject, &r.context, &r.outcome);
    CU_ASSERT_STRING_EQUAL(ids_of(&r), "");
    run_done(&r);
}

/* ---- hostile records ---- */

/* A record of `size` octets that repeats the words. */
static char *long_record(const char *words, size_t size)
{
    size_t n = strlen(words);
    char *text = mem_alloc(size + 1);

    for (size_t i = 0; i < size; i++)
        text[i] = words[i % n];
    memcpy(text, "v=spf1 ", 7);
    text[size] = '\0';
    return text;
}

static void check_large(const char *words)
{
    struct dns_table *t = dns_table_new();
    char *text = long_record(words, 65000);
    struct run r;
    int64_t start = when_monotonic_ms();

    dns_table_add(t, "example.com", "TXT", text, 65000);
    run_on(&r, dns_table_open(t), "example.com");
    spf_check(&r.subject, &r.context, &r.outcome);
    CU_ASSERT_PTR_NOT_NULL(find(&r, "SPF-03"));
    CU_ASSERT(r.subject.findings.n < 100);
    CU_ASSERT(r.subject.asked <= SUBJECT_QUESTIONS_MAX);
    CU_ASSERT(when_monotonic_ms() - start < 5000);
    run_done(&r);
    free(text);
}

static void large_records_are_bounded(void)
{
    static const char *const words[] = {"a ", "all ", "x", "mx:%{d} ", "include:a%{d} ", "exp=a.b ",
        "ip4:1.2.3.4 ", "ip4:1.2.3.4/", "%{i}", "\x01\xff ", "redirect=%{d1r.-+}.x ", "aallmxptr",
        "exists:%{l}%{d} ", "ptr:b.example ", ","};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        check_large(words[i]);
}

static void many_records_are_bounded(void)
{
    struct dns_table *t = dns_table_new();
    struct run r;
    char text[64];

    for (int i = 0; i < 500; i++) {
        int n = snprintf(text, sizeof text, i % 2 ? "v=spf1 ip4:192.0.2.%d -all" : "v=spf%d", i);
        dns_table_add(t, "example.com", "TXT", text, (size_t)n);
    }
    run_on(&r, dns_table_open(t), "example.com");
    spf_check(&r.subject, &r.context, &r.outcome);
    CU_ASSERT_STRING_EQUAL(ids_of(&r), "SPF-02 SPF-09");
    CU_ASSERT(r.subject.findings.n < 25);
    run_done(&r);
}

static void check_planted(struct dns_table *t, const char *ids)
{
    struct run r;
    int64_t start = when_monotonic_ms();

    run_on(&r, dns_table_open(t), "n0.example");
    spf_check(&r.subject, &r.context, &r.outcome);
    CU_ASSERT_STRING_EQUAL(ids_of(&r), ids);
    CU_ASSERT(r.outcome.tree.top->lookups <= SPF_TREE_TERMS);
    CU_ASSERT(r.subject.asked <= SUBJECT_QUESTIONS_MAX);
    CU_ASSERT(when_monotonic_ms() - start < 5000);
    run_done(&r);
}

static void deep_wide_and_looping_trees_are_bounded(void)
{
    struct dns_table *deep = dns_table_new();
    struct dns_table *wide = dns_table_new();
    struct dns_table *loop = dns_table_new();
    char name[32];
    char text[3000];

    for (int i = 0; i < 100; i++) {
        int n = snprintf(text, sizeof text, "v=spf1 include:n%d.example -all", i + 1);
        (void)snprintf(name, sizeof name, "n%d.example", i);
        dns_table_add(deep, name, "TXT", text, (size_t)n);
    }
    check_planted(deep, "SPF-05");

    for (int i = 0; i < 20; i++) { /* each includes all others: 20! without a guard */
        size_t n = (size_t)snprintf(text, sizeof text, "v=spf1");
        for (int k = 0; k < 20; k++)
            n += (size_t)snprintf(text + n, sizeof text - n, " include:n%d.example", k);
        n += (size_t)snprintf(text + n, sizeof text - n, " -all");
        (void)snprintf(name, sizeof name, "n%d.example", i);
        dns_table_add(wide, name, "TXT", text, n);
    }
    check_planted(wide, "SPF-05 SPF-16");

    dns_table_lines(loop, "n0.example TXT v=spf1 include:n1.example -all\n"
                          "n1.example TXT v=spf1 redirect=n2.example\n"
                          "n2.example TXT v=spf1 include:N0.Example. -all\n");
    check_planted(loop, "SPF-16");
}

static void many_large_records_are_bounded(void)
{
    struct dns_table *t = dns_table_new();
    char *text = long_record("ip4:1.2.3.4 ", 60000);
    char name[32];
    char top[3000];
    size_t n = (size_t)snprintf(top, sizeof top, "v=spf1");
    struct run r;

    for (int i = 0; i < 100; i++) {
        n += (size_t)snprintf(top + n, sizeof top - n, " include:n%d.example", i);
        (void)snprintf(name, sizeof name, "n%d.example", i);
        dns_table_add(t, name, "TXT", text, 60000);
    }
    dns_table_add(t, "example.com", "TXT", top, n);
    run_on(&r, dns_table_open(t), "example.com");
    spf_check(&r.subject, &r.context, &r.outcome);
    CU_ASSERT_TRUE(r.outcome.tree.cut);
    CU_ASSERT_EQUAL(r.outcome.tree.top->lookups, SPF_TREE_TERMS);
    CU_ASSERT(r.outcome.tree.n_lines < SPF_TREE_ALL_TERMS + SPF_RECORD_TERMS + 2);
    CU_ASSERT(arena_used(r.arena) < 16 << 20);
    printf("100 records of 60 kB: %zu kB\n", arena_used(r.arena) >> 10);
    run_done(&r);
    free(text);
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
    struct dns *table = dns_table_of("example.com TXT v=spf1 a:a.example a:b.example a:c.example "
                                     "include:d.example -all\n"
                                     "d.example TXT v=spf1 -all\n");
    struct run r;

    run_on(&r, dns_from(&slow, table), "example.com");
    r.context.patience_ms = 70;
    spf_check(&r.subject, &r.context, &r.outcome);
    CU_ASSERT_TRUE(r.outcome.tree.cut);
    CU_ASSERT_EQUAL(r.outcome.tree.top->lookups, 4);
    CU_ASSERT_EQUAL(r.outcome.tree.top->branches[3].node->state, SPF_NODE_UNKNOWN);
    CU_ASSERT_STRING_EQUAL(ids_of(&r), ""); /* what was not asked is not wrong */
    run_done(&r);
}

const char unit_suite[] = "spf_check";
const struct unit_test unit_tests[] = {
    {"the vectors hold", the_vectors_hold},
    {"the record as a whole", the_record_as_a_whole},
    {"sizes", sizes},
    {"single terms", single_terms},
    {"the offset tells where", the_offset_tells_where},
    {"what others published", what_others_published},
    {"no answer is no finding", no_answer_is_no_finding},
    {"an unregistered include is named", an_unregistered_include_is_named},
    {"the tree counts by branch", the_tree_counts_by_branch},
    {"overlaps are hints", overlaps_are_hints},
    {"reports show what is used", reports_show_what_is_used},
    {"context decides", context_decides},
    {"patience ends", patience_ends},
    {"large records are bounded", large_records_are_bounded},
    {"many records are bounded", many_records_are_bounded},
    {"many large records are bounded", many_large_records_are_bounded},
    {"deep, wide and looping trees are bounded", deep_wide_and_looping_trees_are_bounded},
    {NULL, NULL},
};
