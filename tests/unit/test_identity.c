/*
 * Who a source is: the built-in list, a user's files, labels, and the order in which they are
 * asked.
 */
#include "report/enrichment.h"
#include "report/history.h"
#include "report/identity.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

const char unit_suite[] = "identity";

static struct identities *ids;

struct asked {
    const char *ip, *d1, *d2; /* domains of passing signatures */
    const char *spf, *ptr;
    bool unconfirmed;
    const char *by_network; /* id found by published networks */
    const char *network;    /* name of the autonomous system */
};

static struct identity ask(const struct asked *q)
{
    struct auth_result keys[] = {
        {.domain = q->d1, .result = "pass"},
        {.domain = q->d2, .result = "pass"},
    };
    const struct auth_results auth = {.dkims = keys, .n_dkims = q->d2 ? 2 : q->d1 != NULL};
    const struct context context = {.ptr = q->ptr,
        .confirmed = q->unconfirmed ? NO : YES,
        .sender = q->by_network,
        .network = q->network};
    struct addr ip;

    CU_ASSERT_TRUE_FATAL(addr_parse(q->ip ? q->ip : "203.0.113.1", &ip));
    return identity_find(
        ids, &(struct identity_signs){
                 .ip = &ip, .auth = &auth, .spf_domain = q->spf, .context = &context});
}

static void is_sender(struct asked q, const char *id)
{
    struct identity who = ask(&q);
    const char *got = who.sender ? who.sender->id : "nobody";

    if (strcmp(got, id) != 0)
        printf("\n    %s, not %s", got, id);
    CU_ASSERT_STRING_EQUAL(got, id);
}

static void test_built_in_list(void)
{
    size_t lines = 0;

    ids = identities_new();
    for (const char *at = senders_text; *at; at += strcspn(at, "\n") + 1) {
        char id[100];
        size_t len = strcspn(at, "\t");
        if (*at == '#' || strncmp(at, "id\t", 3) == 0)
            continue;
        (void)snprintf(id, sizeof id, "%.*s", (int)len, at);
        const struct sender *s = identities_sender(ids, id);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        CU_ASSERT_TRUE(s && *s->name && s->kind != SENDER_OTHER);
        lines++;
    }
    CU_ASSERT_TRUE(lines >= 70);
    CU_ASSERT_EQUAL(identities_sender(ids, "sendgrid")->capable, YES);
    CU_ASSERT_EQUAL(identities_sender(ids, "shared_hosting")->capable, NO);
    CU_ASSERT_EQUAL(identities_sender(ids, "knowbe4")->capable, NO);
    CU_ASSERT_PTR_NULL(identities_sender(ids, "id"));
    identities_free(ids);
}

static void test_order_of_signs(void)
{
    ids = identities_new();
    is_sender((struct asked){.d1 = "sendgrid.net"}, "sendgrid");
    is_sender((struct asked){.d1 = "sendgrid.net", .spf = "mailjet.com"}, "sendgrid");
    is_sender((struct asked){.d1 = "a.example", .spf = "bnc3.mailjet.com"}, "mailjet");
    is_sender(
        (struct asked){.spf = "a.example", .ptr = "o1.outbound-mail.sendgrid.net"}, "sendgrid");
    is_sender((struct asked){.ptr = "o1.sendgrid.net", .unconfirmed = true}, "nobody");
    is_sender((struct asked){.by_network = "mimecast"}, "mimecast");
    /* a host's own name, which SPF is asked about when the envelope is empty */
    is_sender((struct asked){.spf = "out1.messagingengine.com"}, "fastmail");
    is_sender((struct asked){.spf = "srv7.web-hosting.com"}, "shared_hosting");
    is_sender((struct asked){.by_network = "nobody knows"}, "nobody");
    is_sender((struct asked){.d1 = "a.example", .spf = "b.example"}, "nobody");
    identities_free(ids);
}

/* d= has to be equal, the others are suffixes, and both end at dots. */
static void test_label_boundaries(void)
{
    ids = identities_new();
    is_sender((struct asked){.d1 = "notsendgrid.net"}, "nobody");
    is_sender((struct asked){.d1 = "x.sendgrid.net"}, "nobody");
    is_sender((struct asked){.spf = "notmailjet.com"}, "nobody");
    is_sender((struct asked){.spf = "bnc3.mailjet.com.evil.example"}, "nobody");
    is_sender((struct asked){.spf = "com"}, "nobody");
    identities_free(ids);
}

static void test_wild_patterns(void)
{
    ids = identities_new();
    is_sender((struct asked){.d1 = "acme.onmicrosoft.com"}, "microsoft365");
    is_sender((struct asked){.d1 = "a.b.onmicrosoft.com"}, "nobody");
    is_sender((struct asked){.d1 = "onmicrosoft.com"}, "nobody");
    is_sender((struct asked){.d1 = "acme-example.20230601.gappssmtp.com"}, "google_workspace");
    is_sender((struct asked){.spf = "mail7.atl11.mcsv.net"}, "mailchimp");
    is_sender((struct asked){.spf = "x1.d.mailin.fr"}, "brevo");
    /* names below the customer's own domain tell nobody */
    is_sender((struct asked){.spf = "send.acme.example"}, "nobody");
    is_sender((struct asked){.spf = "mta.acme.example"}, "nobody");
    identities_free(ids);
}

/* The longest pattern: Microsoft's servers are not its free mailboxes. */
static void test_longest_wins(void)
{
    ids = identities_new();
    is_sender((struct asked){.spf = "mail-a.outbound.protection.outlook.com"}, "microsoft365");
    is_sender((struct asked){.spf = "outlook.com"}, "outlook_consumer");
    is_sender((struct asked){.ptr = "x.outbound.protection.outlook.com"}, "microsoft365");
    identities_free(ids);
}

/* Signatures of a mail service survive a forwarder, who adds its own. */
static void test_forwarder_over_service(void)
{
    ids = identities_new();
    is_sender((struct asked){.d1 = "sendgrid.net", .d2 = "forwardemail.net"}, "forwardemail");
    is_sender((struct asked){.d1 = "googlegroups.com", .d2 = "sendgrid.net"}, "google_groups");
    is_sender((struct asked){.d1 = "sendgrid.net", .d2 = "amazonses.com"}, "sendgrid");
    identities_free(ids);
}

static void add(const char *text, const char *fault)
{
    struct err e;
    int rc = identities_add(ids, text, "my.tsv", &e);

    if (fault) {
        CU_ASSERT_EQUAL(rc, ERR_CONFIG);
        CU_ASSERT_PTR_NOT_NULL(strstr(e.text, fault));
    } else {
        CU_ASSERT_EQUAL(rc, 0);
    }
}

static void test_user_file(void)
{
    ids = identities_new();
    add("id\tname\tkind\tdkim\tdefault_d\tptr\n"
        "# ours\n"
        "crm\tOur CRM\tsaas\ttxt\tcrm.example;mail.crm.example\tcrm.example\r\n"
        "sendgrid\tRenamed\tesp\tno\tgrid.example\t-\n"
        "grabs\tGrabs\tesp\tno\tmailgun.org\t-\n",
        NULL);
    is_sender((struct asked){.d1 = "mail.crm.example"}, "crm");
    CU_ASSERT_STRING_EQUAL(identities_sender(ids, "crm")->name, "Our CRM");
    /* the same id replaces all of it */
    is_sender((struct asked){.d1 = "sendgrid.net"}, "nobody");
    is_sender((struct asked){.d1 = "grid.example"}, "sendgrid");
    CU_ASSERT_EQUAL(identities_sender(ids, "sendgrid")->capable, NO);
    /* the same domain: the user's wins */
    is_sender((struct asked){.d1 = "mailgun.org"}, "grabs");
    is_sender((struct asked){.d1 = "mailjet.com"}, "mailjet");
    identities_free(ids);
}

static void test_map_of_names(void)
{
    ids = identities_new();
    add("base_reverse_dns,name,type\n"
        "vendor.example,\"Vendor, \"\"the\"\" one\",Marketing\n"
        "sendgrid.net,SendGrid by map,Marketing\n"
        "host.example,Hoster,Web Host\n",
        NULL);
    is_sender((struct asked){.ptr = "mx1.vendor.example"}, "vendor.example");
    is_sender((struct asked){.spf = "b.vendor.example"}, "vendor.example");
    const struct sender *s = identities_sender(ids, "vendor.example");
    CU_ASSERT_STRING_EQUAL(s->name, "Vendor, \"the\" one");
    CU_ASSERT_EQUAL(s->capable, UNSURE);
    CU_ASSERT_EQUAL(identities_sender(ids, "host.example")->kind, SENDER_HOSTING);
    is_sender((struct asked){.d1 = "sendgrid.net"}, "sendgrid"); /* we know more of it */
    identities_free(ids);
}

static void test_faults_in_files(void)
{
    static const char *const files[][2] = {
        {"name\tother\nx\ty\n", "my.tsv:1: the first line must name the columns"},
        {"id\tkind\nx\tfish\n", "my.tsv:2: there is no kind of sender fish"},
        {"id\tkind\n\n-\tesp\n", "my.tsv:3: a sender without an id"},
        {"base_reverse_dns,name,type\nx.example\n", "my.tsv:2: a line without a domain or a name"},
    };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        ids = identities_new();
        add(files[i][0], files[i][1]);
        identities_free(ids);
    }
    ids = identities_new();
    add("", NULL);
    identities_free(ids);
}

static void label(const char *network, const char *is, const char *fault)
{
    struct err e;
    int rc = identities_label(ids, network, network, is, &e);

    CU_ASSERT_EQUAL(rc, fault ? ERR_CONFIG : 0);
    if (fault && rc)
        CU_ASSERT_PTR_NOT_NULL(strstr(e.text, fault));
}

static void test_labels(void)
{
    ids = identities_new();
    label("192.0.2.0/24", "forwarder", NULL);
    label("192.0.2.16/28", "mine", NULL);
    label("2001:db8::/32", "sendgrid", NULL);
    label("192.0.2.300", "mine", "not an address or a network");
    label("192.0.2.1", "friend", "neither mine, nor a kind");
    struct identity who = ask(&(struct asked){.ip = "192.0.2.17", .d1 = "sendgrid.net"});
    CU_ASSERT_TRUE(who.label && who.label->mine && !who.sender); /* labels win over signatures */
    who = ask(&(struct asked){.ip = "192.0.2.1"});
    CU_ASSERT_TRUE(who.label && !who.label->mine && who.sender->kind == SENDER_FORWARDER);
    is_sender((struct asked){.ip = "2001:db8::1"}, "sendgrid");
    who = ask(&(struct asked){.ip = "192.0.3.1"});
    CU_ASSERT_PTR_NULL(who.label);
    identities_free(ids);
}

static void test_networks(void)
{
    char out[NETWORK_TEXT_MAX];
    struct addr a = {0};

    history_network(&a, out);
    CU_ASSERT_STRING_EQUAL(out, "");
    CU_ASSERT_TRUE(addr_parse("192.0.2.77", &a));
    history_network(&a, out);
    CU_ASSERT_STRING_EQUAL(out, "192.0.2.0/24");
    CU_ASSERT_TRUE(addr_parse("2001:db8:1:2:3:4:5:6", &a));
    history_network(&a, out);
    CU_ASSERT_STRING_EQUAL(out, "2001:db8:1::/48");
}

static void test_names_of_lines(void)
{
    static const struct {
        const char *name, *ip;
        bool line;
    } cases[] = {
        {"dsl-203-0-113-77.isp.example", "203.0.113.77", true},
        {"77.113.0.203.isp.example", "203.0.113.77", true},
        {"pool7.dyn.isp.example", "192.0.2.1", true},
        {"host-dhcp12.isp.example", "192.0.2.1", true},
        /* companies, mail hosts and numbers that only look so */
        {"mail.home.pl", "192.0.2.1", false},
        {"mx.cable.example", "192.0.2.1", false},
        {"smtp-user.esp.example", "192.0.2.1", false},
        {"carpool.isp.example", "192.0.2.1", false},
        {"out12-75.esp.example", "198.51.2.7", false},
        {"mta-10-11.esp.example", "198.51.10.11", false},
        {"a1-113-771.esp.example", "203.1.113.77", false},
        {"cable", "192.0.2.1", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct addr ip;
        CU_ASSERT_TRUE_FATAL(addr_parse(cases[i].ip, &ip));
        CU_ASSERT_EQUAL(enrichment_is_residential(cases[i].name, &ip), cases[i].line);
    }
}

static void test_network_names(void)
{
    struct err e;

    ids = identities_new();
    is_sender((struct asked){.network = "sendgrid"}, "sendgrid");
    is_sender((struct asked){.network = "SendGrid, Inc."}, "sendgrid");
    is_sender((struct asked){.network = "SENDGRID2"}, "nobody");
    is_sender((struct asked){.network = "SendGrid"}, "sendgrid");
    is_sender((struct asked){.network = "SENDGRID", .by_network = "mailchimp"}, "mailchimp");
    CU_ASSERT_EQUAL_FATAL(
        identities_add(ids, "id\tkind\tnetwork\nours\tesp\tAS of ours;SENDGRID\n", "f", &e), 0);
    is_sender((struct asked){.network = "as of ours"}, "ours");
    is_sender((struct asked){.network = "SENDGRID"}, "ours"); /* the user knows better */
    identities_free(ids);
}

static void test_includes(void)
{
    static const struct {
        const char *spf;
        const char *names[3];
    } cases[] = {
        {"include:a.example", {"a.example"}},
        {"include:a.example or include:_b.example", {"a.example", "_b.example"}},
        {"include:a.example (older: include:b.example / c.example)", {"a.example", "b.example"}},
        {"include:<tenant>.a.example or include:%{d}.example", {NULL}},
        {"include:localhost", {NULL}},
        {"-", {NULL}},
        {NULL, {NULL}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct sender s = {.spf = cases[i].spf};
        char name[IDENTITY_NAME_MAX];
        size_t n = 0;
        for (const char *at = NULL; identity_next_include(&s, &at, name); n++) {
            CU_ASSERT_PTR_NOT_NULL_FATAL(cases[i].names[n]);
            CU_ASSERT_STRING_EQUAL(name, cases[i].names[n]);
        }
        CU_ASSERT_PTR_NULL(cases[i].names[n]);
    }
}

const struct unit_test unit_tests[] = {
    {"built-in list", test_built_in_list},
    {"order of signs", test_order_of_signs},
    {"label boundaries", test_label_boundaries},
    {"wild patterns", test_wild_patterns},
    {"longest wins", test_longest_wins},
    {"forwarder over service", test_forwarder_over_service},
    {"user file", test_user_file},
    {"map of names", test_map_of_names},
    {"faults in files", test_faults_in_files},
    {"labels", test_labels},
    {"networks", test_networks},
    {"names of lines", test_names_of_lines},
    {"names of networks", test_network_names},
    {"includes", test_includes},
    {NULL, NULL},
};
