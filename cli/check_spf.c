#include "cli/check_spf.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/when.h"
#include "check/dns.h"
#include "check/spf_eval.h"
#include "cli/options.h"
#include "cli/print_spf.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct spf_command {
    const char *resolver;
    bool json;
    struct spf_question question;
};

enum {
    OPTION_IP = 256,
    OPTION_SENDER,
    OPTION_HELO
};

static int take_option(struct spf_command *c, int option, struct err *e)
{
    switch (option) {
    case OPTION_IP:
        if (addr_parse(optarg, &c->question.ip))
            return 0;
        return err_set(e, ERR_USAGE, "usage", "--ip: '%.100s' is no IP address", optarg);
    case OPTION_SENDER:
        c->question.sender = optarg;
        return 0;
    case OPTION_HELO:
        c->question.helo = optarg;
        return 0;
    case 'r':
        c->resolver = optarg;
        return 0;
    default:
        c->json = strcmp(optarg, "json") == 0;
        if (c->json || strcmp(optarg, "text") == 0)
            return 0;
        return err_set(e, ERR_USAGE, "usage", "--format wants text or json here, not '%s'", optarg);
    }
}

static int read_options(struct spf_command *c, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {
        {"ip", required_argument, NULL, OPTION_IP},
        {"sender", required_argument, NULL, OPTION_SENDER},
        {"helo", required_argument, NULL, OPTION_HELO},
        {"resolver", required_argument, NULL, 'r'},
        {"format", required_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    int option;

    options_start();
    while ((option = options_next(argc, argv, ":r:f:", longs, e)) > OPTION_END) {
        int rc = take_option(c, option, e);
        if (rc)
            return rc;
    }
    if (option < 0)
        return option;
    if (c->question.ip.len == 0)
        return err_set(e, ERR_USAGE, "usage", "mail from which address? --ip IP");
    if (argc - optind != 1)
        return err_set(e, ERR_USAGE, "usage", "which domain? One, please");
    c->question.domain = argv[optind];
    return 0;
}

static void print(const struct spf_command *c, struct arena *a, const struct spf_verdict *v)
{
    struct json j;

    if (!c->json) {
        print_spf_verdict(stdout, a, &c->question, v);
        return;
    }
    json_init(&j, stdout, true);
    print_spf_verdict_json(&j, a, &c->question, v);
}

int check_spf_run(int argc, char **argv, struct err *e)
{
    struct spf_command c = {.question = {.time = when_now()}};
    struct dns *dns;
    struct spf_verdict v;
    int rc = read_options(&c, argc, argv, e);

    if (rc)
        return rc;
    const struct dns_settings settings = {.server = c.resolver};
    rc = dns_open(&settings, &dns, e);
    if (rc)
        return rc;
    struct arena *a = arena_new();
    spf_check_host(dns, &c.question, a, &v);
    print(&c, a, &v);
    arena_free(a);
    dns_close(dns);
    return v.result == SPF_TEMPERROR ? EX_TEMPFAIL : 0;
}
