#include "base/arena.h"
#include "base/when.h"
#include "check/dns.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/enrich.h"
#include "cli/geo.h"
#include "cli/options.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_DAYS = 30,
    DEFAULT_AGE_DAYS = 7,
    SECONDS_PER_DAY = 86400
};

struct enrich_command {
    struct app *app;
    const char *resolver;
    const char *client; /* NULL: all */
    struct period_options since;
    int64_t age_days;
    struct store *store;
    struct arena *arena;
    const char **clients;
    size_t n_clients;
};

static int read_options(struct enrich_command *c, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {
        {"client", required_argument, NULL, 'c'},
        {"since", required_argument, NULL, 's'},
        {"older-than", required_argument, NULL, 'o'},
        {"resolver", required_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };
    int got;

    options_start();
    while ((got = options_next(argc, argv, ":c:s:r:", longs, e)) > OPTION_END) {
        if (got == 'c') {
            c->client = optarg;
        } else if (got == 's') {
            c->since.from = optarg;
        } else if (got == 'r') {
            c->resolver = optarg;
        } else if (strcmp(optarg, "0") == 0) {
            c->age_days = 0;
        } else if (options_count("--older-than", optarg, &c->age_days, e)) {
            return (int)e->class;
        }
    }
    return got ? got : options_no_arguments(argc, argv, e);
}

static int take_client(void *context, const struct store_client *client)
{
    struct enrich_command *c = context;

    if (c->client && strcmp(c->client, client->name) != 0)
        return 0;
    c->clients = arena_grow(c->arena, c->clients, &c->n_clients, sizeof *c->clients);
    c->clients[c->n_clients - 1] = arena_strdup(c->arena, client->name);
    return 0;
}

static int enrich_all(struct enrich_command *c, const struct store_period *days,
    const struct enrich_request *want, struct err *e)
{
    struct enrich_totals t = {0};
    int rc = store_clients(c->store, take_client, c, e);

    for (size_t i = 0; i < c->n_clients && !rc; i++) {
        struct store_period p = *days;
        p.client = c->clients[i];
        rc = enrich_client(c->store, &p, want, &t, e);
    }
    if (!rc)
        rc = enrich_services(c->store, c->app->config->identities, want, &t, e);
    if (rc)
        return rc;
    printf("%" PRId64 " sources, %" PRId64 " of them with a name that leads back to them; %" PRId64
           " domains; %" PRId64 " records of mail services; %" PRId64 " without an answer\n",
        t.hosts, t.named, t.domains, t.services, t.unanswered);
    if (t.unanswered && !t.hosts && !t.domains && !t.services)
        return err_set(e, ERR_TEMPORARY, "dns", "the DNS answered nothing");
    return 0;
}

static int find_period(const struct enrich_command *c, struct store_period *p, struct err *e)
{
    p->to = when_day(when_now());
    p->from = p->to - DEFAULT_DAYS;
    if (!c->since.from)
        return 0;
    int64_t last;
    return options_period(&c->since, PERIOD_EVERYTHING, &p->from, &last, e);
}

static int enrich_with_dns(struct enrich_command *c, struct err *e)
{
    const struct dns_settings settings = {.server = c->resolver};
    struct enrich_request want = {.before = when_now() - c->age_days * SECONDS_PER_DAY + 1};
    struct store_period days = {0};
    struct geo_file *networks = NULL;
    struct geo_file *countries = NULL;
    const struct config *config = c->app->config;
    int rc = find_period(c, &days, e);

    if (!rc && config->asn_file)
        rc = geo_open(config->asn_file, &networks, e);
    if (!rc && config->country_file)
        rc = geo_open(config->country_file, &countries, e);
    if (!rc)
        rc = dns_open(&settings, &want.dns, e);
    want.networks = networks;
    want.countries = countries;
    if (!rc)
        rc = enrich_all(c, &days, &want, e);
    dns_close(want.dns);
    geo_close(networks);
    geo_close(countries);
    return rc;
}

static int run_enrich(struct app *app, int argc, char **argv, struct err *e)
{
    struct enrich_command c = {.app = app, .arena = arena_new(), .age_days = DEFAULT_AGE_DAYS};
    int rc = read_options(&c, argc, argv, e);

    if (!rc)
        rc = app_open_store(app, &c.store, e);
    if (!rc && c.client)
        rc = app_find_client(app, c.store, c.client, e);
    if (!rc)
        rc = enrich_with_dns(&c, e);
    store_close(c.store);
    arena_free(c.arena);
    return rc;
}

const struct command cmd_enrich = {
    .name = "enrich",
    .usage = "enrich [--since DAY] [--client NAME] [--older-than DAYS]\n"
             "       [--resolver ADDR[:PORT]]",
    .summary = "ask the DNS who the sources in stored reports are",
    .help = "  --since DAY        sources of reports from this day on (default: 30 days ago)\n"
            "  --client NAME      of this client only\n"
            "  --older-than DAYS  ask again about what was asked so long ago (default 7;\n"
            "                     0: about everything)\n"
            "  --resolver ADDR    ask this server instead of those of the system\n"
            "\n"
            "Names of hosts and whether they lead back; what From domains say in SPF and\n"
            "MX, which mail services they have published DKIM keys of, and where the tree\n"
            "walk of RFC 9989 ends; what networks mail services send from, by the SPF\n"
            "records that customers include; and, with asn_file and country_file in the\n"
            "configuration, networks and countries. Reports and queries use it where it is\n"
            "there, and do without where not. Run it before the weekly report; what is\n"
            "known already is not asked again.\n",
    .run = run_enrich,
};
