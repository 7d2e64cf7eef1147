#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/options.h"
#include "report/enrichment.h"
#include "report/simulate.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

enum {
    OPTION_P = 256,
    OPTION_SP,
    OPTION_NP,
    OPTION_ASPF,
    OPTION_ADKIM,
    OPTION_WITHOUT,
    OPTION_FROM,
    OPTION_TO
};

struct policy_run {
    struct arena *arena;
    struct store *store;
    struct what_if what;
    struct period_options days;
    bool json;
};

static int take_word(const char *option, const char *list, const char **out, struct err *e)
{
    size_t len = strlen(optarg);

    for (const char *at = list; *at; at += strcspn(at, "|"), at += *at == '|') {
        if (strcspn(at, "|") == len && memcmp(at, optarg, len) == 0) {
            *out = optarg;
            return 0;
        }
    }
    return err_set(e, ERR_USAGE, "usage", "%s wants %s, not '%s'", option, list, optarg);
}

static int take_domain(struct policy_run *r, struct err *e)
{
    bool odd = false;

    r->what.period.domain = domain_normalise(r->arena, optarg, &odd);
    if (odd || !*r->what.period.domain)
        return err_set(e, ERR_USAGE, "usage", "--domain wants a domain name, not '%s'", optarg);
    return 0;
}

static int take_without(struct policy_run *r, struct err *e)
{
    const char *what = "";
    int rc = take_word("--without", "spf|dkim", &what, e);

    if (rc)
        return rc;
    r->what.change.without_spf = r->what.change.without_spf || strcmp(what, "spf") == 0;
    r->what.change.without_dkim = r->what.change.without_dkim || strcmp(what, "dkim") == 0;
    return 0;
}

static int take_option(struct policy_run *r, int c, struct err *e)
{
    static const char policies[] = "none|quarantine|reject";
    const char *format = "";
    int rc = 0;

    switch (c) {
    case 'c':
        r->what.period.client = optarg;
        return 0;
    case 'd':
        return take_domain(r, e);
    case OPTION_P:
        return take_word("--p", policies, &r->what.change.p, e);
    case OPTION_SP:
        return take_word("--sp", policies, &r->what.change.sp, e);
    case OPTION_NP:
        return take_word("--np", policies, &r->what.change.np, e);
    case OPTION_ASPF:
        return take_word("--aspf", "r|s", &r->what.change.aspf, e);
    case OPTION_ADKIM:
        return take_word("--adkim", "r|s", &r->what.change.adkim, e);
    case OPTION_WITHOUT:
        return take_without(r, e);
    case OPTION_FROM:
        r->days.from = optarg;
        return 0;
    case OPTION_TO:
        r->days.to = optarg;
        return 0;
    default:
        rc = take_word("--format", "text|json", &format, e);
        r->json = !rc && strcmp(format, "json") == 0;
        return rc;
    }
}

/* 30 days up to today, unless both ends are given. */
static int find_period(struct policy_run *r, struct err *e)
{
    if ((r->days.from != NULL) != (r->days.to != NULL))
        return err_set(e, ERR_USAGE, "usage", "--from and --to go together");
    if (r->days.from) {
        return options_period(
            &r->days, PERIOD_LAST_WEEK, &r->what.period.from, &r->what.period.to, e);
    }
    r->what.period.to = when_day(when_now());
    r->what.period.from = r->what.period.to - (JUDGE_DAYS - 1);
    return 0;
}

static int read_options(struct policy_run *r, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {
        {"client", required_argument, NULL, 'c'},
        {"domain", required_argument, NULL, 'd'},
        {"p", required_argument, NULL, OPTION_P},
        {"sp", required_argument, NULL, OPTION_SP},
        {"np", required_argument, NULL, OPTION_NP},
        {"aspf", required_argument, NULL, OPTION_ASPF},
        {"adkim", required_argument, NULL, OPTION_ADKIM},
        {"without", required_argument, NULL, OPTION_WITHOUT},
        {"from", required_argument, NULL, OPTION_FROM},
        {"to", required_argument, NULL, OPTION_TO},
        {"format", required_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    int c;

    options_start();
    while ((c = options_next(argc, argv, ":c:d:f:", longs, e)) > OPTION_END) {
        int rc = take_option(r, c, e);
        if (rc)
            return rc;
    }
    if (c)
        return c;
    if (optind + 1 != argc || strcmp(argv[optind], "simulate") != 0)
        return err_set(e, ERR_USAGE, "usage", "policy wants: simulate");
    if (!r->what.period.client && !r->what.period.domain)
        return err_set(e, ERR_USAGE, "usage", "whose mail? --client NAME or --domain DOMAIN");
    return find_period(r, e);
}

static int run_simulation(struct policy_run *r, struct app *app, struct err *e)
{
    struct report_settings set = {.identities = app->config->identities};
    struct simulation s;
    int rc = app_open_store(app, &r->store, e);

    if (!rc && r->what.period.client)
        rc = app_find_client(app, r->store, r->what.period.client, e);
    if (rc)
        return rc;
    struct enrichment *known = enrichment_new(r->store, set.identities);
    set.enrichment = known;
    rc = simulate(r->store, &r->what, &set, r->arena, &s, e);
    enrichment_free(known);
    if (rc)
        return rc;
    if (r->json) {
        render_simulation_json(&s, stdout);
    } else {
        render_simulation_text(&s, stdout);
    }
    return 0;
}

static int run_policy(struct app *app, int argc, char **argv, struct err *e)
{
    struct policy_run r = {.arena = arena_new()};
    int rc = read_options(&r, argc, argv, e);

    if (!rc)
        rc = run_simulation(&r, app, e);
    store_close(r.store);
    arena_free(r.arena);
    return rc;
}

const struct command cmd_policy = {
    .name = "policy",
    .usage = "policy simulate --client NAME | --domain DOMAIN\n"
             "       [--p POLICY] [--sp POLICY] [--np POLICY] [--aspf r|s]\n"
             "       [--adkim r|s] [--without spf|dkim] [--from DAY --to DAY]\n"
             "       [--format text|json]",
    .summary = "what another policy would do to the mail of a period",
    .help = "  --client NAME        the domains of this client\n"
            "  --domain DOMAIN      this domain and those below it\n"
            "  --p POLICY           none, quarantine or reject\n"
            "  --sp, --np POLICY    of names below the domain, of names that do not exist\n"
            "  --aspf, --adkim r|s  relaxed or strict alignment\n"
            "  --without spf|dkim   as if it were never aligned\n"
            "  --from, --to DAY     whole days (YYYY-MM-DD), both included; default: 30 days\n"
            "                       up to today\n"
            "  --format FORMAT      text (default) or json\n"
            "\n"
            "What is not given stays as the reports say it was. A policy is ready when less\n"
            "than 0.1 % of the mail that somebody means to send would be hit, over 28 days\n"
            "and by at least 3 receivers.\n",
    .run = run_policy,
};
