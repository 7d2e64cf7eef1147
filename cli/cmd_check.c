#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/when.h"
#include "check/check.h"
#include "check/dns.h"
#include "check/fetch.h"
#include "cli/check_spf.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/history.h"
#include "cli/options.h"
#include "cli/print_check.h"
#include "cli/print_suggest.h"
#include "cli/suggest_facts.h"
#include "cli/watch.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    NAMES_MAX = 64 * 1024 * 1024 /* octets of a file of names */
};

struct check_command {
    struct app *app;
    struct arena *arena;
    /* options */
    const char *resolver;
    const char *ca_file;
    const char *client;
    bool all_clients;
    bool no_fetch, no_reports, probe, each_server, changed, suggest;
    const char *rua;
    const char *from;
    int64_t jobs;
    const char **selectors;
    size_t n_selectors;
    void (*printer)(struct check_printer *p, FILE *out);
    /* what is to be checked */
    struct store *store; /* NULL: none is needed */
    struct check_target *targets;
    size_t n_targets;
    /* what came of it */
    struct check_printer print;
    struct watch *watch; /* NULL: nothing is kept */
    struct dns *dns;
    size_t done;
    bool errors, unanswered;
};

/* ---- options ---- */

static int take_format(struct check_command *c, const char *name, struct err *e)
{
    if (strcmp(name, "text") == 0) {
        c->printer = print_check_text;
    } else if (strcmp(name, "json") == 0) {
        c->printer = print_check_json;
    } else {
        return err_set(e, ERR_USAGE, "usage", "--format wants text or json here, not '%s'", name);
    }
    return 0;
}

static int take_selector(struct check_command *c, const char *name, struct err *e)
{
    bool odd = false;
    const char *normal = domain_normalise(c->arena, name, &odd);

    if (odd)
        return err_set(e, ERR_USAGE, "usage", "'%.100s' cannot be a selector", name);
    c->selectors = arena_grow(c->arena, c->selectors, &c->n_selectors, sizeof *c->selectors);
    c->selectors[c->n_selectors - 1] = normal;
    return 0;
}

enum {
    OPTION_NO_FETCH = 256,
    OPTION_NO_REPORTS,
    OPTION_FROM,
    OPTION_CA_FILE,
    OPTION_PROBE,
    OPTION_EACH_SERVER,
    OPTION_CHANGED,
    OPTION_SUGGEST,
    OPTION_RUA
};

static int take_option(struct check_command *c, int option, struct err *e)
{
    switch (option) {
    case 'r':
        c->resolver = optarg;
        return 0;
    case 's':
        return take_selector(c, optarg, e);
    case 'c':
        c->client = optarg;
        return 0;
    case 'a':
        c->all_clients = true;
        return 0;
    case 'f':
        return take_format(c, optarg, e);
    case 'j':
        return options_count("--jobs", optarg, &c->jobs, e);
    case OPTION_FROM:
        c->from = optarg;
        return 0;
    case OPTION_NO_FETCH:
        c->no_fetch = true;
        return 0;
    case OPTION_PROBE:
        c->probe = true;
        return 0;
    case OPTION_EACH_SERVER:
        c->each_server = true;
        return 0;
    case OPTION_CHANGED:
        c->changed = true;
        return 0;
    case OPTION_SUGGEST:
        c->suggest = true;
        return 0;
    case OPTION_RUA:
        return suggest_rua(c->arena, optarg, &c->rua, e);
    case OPTION_CA_FILE:
        c->ca_file = optarg;
        return 0;
    default:
        c->no_reports = true;
        return 0;
    }
}

static int take_configured(struct check_command *c, struct err *e)
{
    const struct config *config = c->app->config;

    for (size_t i = 0; i < config->n_selectors; i++) {
        if (take_selector(c, config->selectors[i], e)) {
            return err_set(e, ERR_CONFIG, "config", "selectors: '%.100s' cannot be a selector",
                config->selectors[i]);
        }
    }
    return 0;
}

static int read_options(struct check_command *c, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {
        {"resolver", required_argument, NULL, 'r'},
        {"selector", required_argument, NULL, 's'},
        {"client", required_argument, NULL, 'c'},
        {"all-clients", no_argument, NULL, 'a'},
        {"format", required_argument, NULL, 'f'},
        {"jobs", required_argument, NULL, 'j'},
        {"from", required_argument, NULL, OPTION_FROM},
        {"no-fetch", no_argument, NULL, OPTION_NO_FETCH},
        {"no-reports", no_argument, NULL, OPTION_NO_REPORTS},
        {"probe", no_argument, NULL, OPTION_PROBE},
        {"each-server", no_argument, NULL, OPTION_EACH_SERVER},
        {"ca-file", required_argument, NULL, OPTION_CA_FILE},
        {"changed", no_argument, NULL, OPTION_CHANGED},
        {"suggest", no_argument, NULL, OPTION_SUGGEST},
        {"rua", required_argument, NULL, OPTION_RUA},
        {NULL, 0, NULL, 0},
    };
    int option;

    options_start();
    while ((option = options_next(argc, argv, ":r:s:c:f:j:", longs, e)) > OPTION_END) {
        int rc = take_option(c, option, e);
        if (rc)
            return rc;
    }
    if (option < 0)
        return option;
    if (c->client && c->all_clients)
        return err_set(e, ERR_USAGE, "usage", "--client and --all-clients exclude each other");
    if (!c->client && !c->all_clients && !c->from && optind == argc)
        return err_set(
            e, ERR_USAGE, "usage", "which domain? Or --from FILE, --client NAME or --all-clients");
    if (c->changed && c->suggest)
        return err_set(e, ERR_USAGE, "usage", "--changed and --suggest exclude each other");
    if (c->rua && !c->suggest)
        return err_set(e, ERR_USAGE, "usage", "--rua goes with --suggest");
    if (c->jobs > CHECK_JOBS_MAX)
        return err_set(e, ERR_USAGE, "usage", "--jobs: at most %d", (int)CHECK_JOBS_MAX);
    return 0;
}

/* ---- which domains ---- */

static void add_target(struct check_command *c, const char *name)
{
    c->targets = arena_grow(c->arena, c->targets, &c->n_targets, sizeof *c->targets);
    c->targets[c->n_targets - 1] = (struct check_target){.name = name};
}

static int take_domain(void *context, const char *domain, const char *client)
{
    struct check_command *c = context;

    if (c->all_clients || strcmp(client, c->client) == 0)
        add_target(c, arena_strdup(c->arena, domain));
    return 0;
}

static int read_stdin(struct buf *out, struct err *e)
{
    char piece[4096];
    size_t n;

    while ((n = fread(piece, 1, sizeof piece, stdin)) > 0) {
        if (buf_add(out, piece, n))
            return err_set(e, ERR_INPUT, "too-large", "standard input: too many names");
    }
    if (ferror(stdin))
        return err_set(e, ERR_TEMPORARY, "read-failed", "standard input cannot be read");
    return 0;
}

/* A name a line; what follows "#", and empty lines, are nothing. */
static void add_lines(struct check_command *c, const char *text)
{
    while (text && *text) {
        size_t len = strcspn(text, "\n");
        const char *line = arena_strndup(c->arena, text, strcspn(text, "#\n"));
        size_t n;
        const char *name = text_trim(line, &n);
        if (n)
            add_target(c, arena_strndup(c->arena, name, n));
        text += len + (text[len] == '\n');
    }
}

static int add_file(struct check_command *c, struct err *e)
{
    struct buf names;
    int rc;

    buf_init(&names, NAMES_MAX);
    rc = strcmp(c->from, "-") == 0 ? read_stdin(&names, e) : files_read(c->from, &names, e);
    if (!rc)
        add_lines(c, names.data);
    buf_done(&names);
    return rc;
}

/* Is there a store to ask? Looking a domain up makes none. */
static bool store_is_there(const struct check_command *c)
{
    const char *url = c->app->store_url ? c->app->store_url : c->app->config->store;
    struct err ignored;

    if (c->client || c->all_clients || c->changed)
        return true;
    if (c->no_reports)
        return false;
    if (url)
        return strncmp(url, "sqlite:", 7) != 0 || access(url + 7, R_OK) == 0;
    return config_default_store(c->arena, &url, &ignored) == 0 && access(url + 7, R_OK) == 0;
}

static int find_targets(struct check_command *c, int argc, char **argv, struct err *e)
{
    int rc = 0;

    if (store_is_there(c))
        rc = app_open_store(c->app, &c->store, e);
    if (!rc && c->client)
        rc = app_find_client(c->app, c->store, c->client, e);
    if (!rc && (c->client || c->all_clients))
        rc = store_domains(c->store, take_domain, c, e);
    if (!rc && c->from)
        rc = add_file(c, e);
    for (int i = optind; i < argc && !rc; i++)
        add_target(c, argv[i]);
    return rc;
}

static int add_histories(struct check_command *c, int64_t now, struct err *e)
{
    const char **names = arena_alloc(c->arena, (c->n_targets + 1) * sizeof *names);
    struct check_history *histories;
    bool odd = false;

    if (!c->store || c->no_reports)
        return 0;
    for (size_t i = 0; i < c->n_targets; i++)
        names[i] = domain_normalise(c->arena, c->targets[i].name, &odd);
    const struct history_request want = {
        .client = c->client, .domains = names, .n = c->n_targets, .now = now};
    int rc = history_read(c->store, &want, c->arena, &histories, e);
    for (size_t i = 0; i < c->n_targets && !rc; i++)
        c->targets[i].history = &histories[i];
    return rc;
}

/* ---- the check ---- */

/* What to publish, instead of what is published. */
static int put_suggestion(struct check_command *c, const struct check_result *r, struct err *e)
{
    struct arena *a = arena_new();
    const struct suggest_request want = {.identities = c->app->config->identities,
        .domain = r->domain,
        .today = suggest_policy_of(r),
        .now = when_now(),
        .rua = c->rua};
    struct suggest_facts facts;
    struct suggestion s;
    int rc = suggest_facts_read(c->no_reports ? NULL : c->store, &want, a, &facts, e);

    if (!rc) {
        suggest(c->dns, r, &facts, a, &s);
        if (c->printer == print_check_json) {
            print_suggest_json(&c->print.json, r->domain, &s);
        } else {
            print_suggest_text(stdout, a, r->domain, &s);
        }
    }
    arena_free(a);
    return rc;
}

static void show_progress(struct check_command *c)
{
    char line[64];

    c->done++;
    if (!console_is_watched())
        return;
    (void)snprintf(line, sizeof line, "%zu of %zu domains checked", c->done, c->n_targets);
    console_progress(c->done < c->n_targets ? line : NULL);
}

static int take_result(void *context, const struct check_result *r, struct err *e)
{
    struct check_command *c = context;
    struct err why;

    show_progress(c);
    if (!r->domain) {
        (void)err_set(&why, ERR_INPUT, "not-a-domain", "this is no domain name");
        console_problem(r->given, &why);
        c->errors = true;
        return 0;
    }
    c->errors = c->errors || (!c->suggest && findings_worst(&r->findings) <= SEVERITY_ERR);
    bool unanswered = !r->answered && !findings_have(&r->findings, "DNS-03");
    c->unanswered = c->unanswered || unanswered;
    if (unanswered) {
        (void)err_set(&why, ERR_TEMPORARY, "dns", "the DNS does not answer: nothing is known");
        console_problem(r->domain, &why);
    }
    int rc = 0;
    if (!c->suggest) {
        c->print.one(&c->print, r);
    } else if (r->answered) {
        rc = put_suggestion(c, r, e);
    }
    if (rc)
        return rc;
    return c->watch ? watch_take(c->watch, r, e) : 0;
}

/* Which findings there can be depends on it. */
static const char *scope_of(const struct check_command *c)
{
    const char *scope = arena_printf(c->arena, "%s%s%s%s", c->no_fetch ? "" : "fetch ",
        c->no_reports ? "" : "reports ", c->probe ? "probe " : "",
        c->each_server ? "each-server " : "");

    for (size_t i = 0; i < c->n_selectors; i++)
        scope = arena_printf(c->arena, "%s%s ", scope, c->selectors[i]);
    return scope;
}

static int check_all(
    struct check_command *c, struct dns *dns, struct fetcher *fetcher, struct err *e)
{
    int64_t now = when_now();
    int64_t start = when_monotonic_ms();
    const struct check_settings set = {.dns = dns,
        .fetch = fetcher ? fetcher_get : NULL,
        .fetch_context = fetcher,
        .dkim = {.selectors = c->selectors, .n = c->n_selectors, .probe = c->probe},
        .each_server = c->each_server,
        .now = now,
        .jobs = (unsigned)c->jobs};
    int rc = add_histories(c, now, e);

    c->dns = dns;

    if (rc)
        return rc;
    c->printer(&c->print, stdout);
    c->print.begin(&c->print);
    c->watch = c->store ? watch_new(c->store, scope_of(c)) : NULL;
    rc = check_run(&set, c->targets, c->n_targets, take_result, c, e);
    c->print.end(&c->print);
    if (!rc && c->watch)
        rc = watch_finish(c->watch, e);
    watch_free(c->watch);
    if (c->app->verbosity > 0) {
        struct dns_totals t = dns_totals(dns);
        console_say("%zu domains, %" PRIu64 " questions, %" PRIu64 " sent, %" PRIu64
                    " not answered, %" PRId64 " ms",
            c->n_targets, t.asked, t.sent, t.failed, when_monotonic_ms() - start);
    }
    return rc;
}

static int check_with_dns(struct check_command *c, struct err *e)
{
    const struct dns_settings settings = {.server = c->resolver};
    struct dns *dns;
    struct fetcher *fetcher = NULL;
    int rc = dns_open(&settings, &dns, e);

    if (rc)
        return rc;
    if (!c->no_fetch)
        rc = fetcher_open(dns, c->ca_file, &fetcher, e);
    if (!rc)
        rc = check_all(c, dns, fetcher, e);
    fetcher_close(fetcher);
    dns_close(dns);
    return rc;
}

/* From the store alone. */
static int show_changes(struct check_command *c, struct err *e)
{
    const char **names = arena_alloc(c->arena, (c->n_targets + 1) * sizeof *names);
    struct watch_request want = {
        .client = c->client, .domains = names, .json = c->printer == print_check_json};
    bool weaker = false;
    bool odd = false;

    if (!c->client && !c->all_clients) {
        for (; want.n < c->n_targets; want.n++)
            names[want.n] = domain_normalise(c->arena, c->targets[want.n].name, &odd);
    }
    int rc = watch_print(c->store, &want, stdout, &weaker, e);
    c->errors = weaker;
    return rc;
}

static int run_check(struct app *app, int argc, char **argv, struct err *e)
{
    if (argc > 1 && strcmp(argv[1], "spf") == 0)
        return check_spf_run(argc - 1, argv + 1, e);

    struct check_command c = {.app = app, .arena = arena_new(), .printer = print_check_text};
    int rc = read_options(&c, argc, argv, e);
    if (!rc)
        rc = take_configured(&c, e);
    if (!rc)
        rc = find_targets(&c, argc, argv, e);
    if (!rc)
        rc = c.changed ? show_changes(&c, e) : check_with_dns(&c, e);
    store_close(c.store);
    arena_free(c.arena);
    if (rc)
        return rc;
    return c.unanswered ? EX_TEMPFAIL : c.errors ? EX_DATAERR : 0;
}

const struct command cmd_check = {
    .name = "check",
    .usage = "check [--resolver ADDR[:PORT]] [--selector S]...\n"
             "      [--format text|json] [--client NAME | --all-clients]\n"
             "      [--from FILE] [--jobs N] [--probe] [--each-server]\n"
             "      [--no-fetch] [--no-reports] [--ca-file FILE] [DOMAIN...]\n"
             "check --suggest [--rua ADDRESS] [options as above] [DOMAIN...]\n"
             "check --changed [--client NAME | --all-clients]\n"
             "      [--format text|json] [DOMAIN...]\n"
             "check spf --ip IP [--sender ADDRESS] [--helo NAME]\n"
             "      [--resolver ADDR[:PORT]] [--format text|json] DOMAIN",
    .summary = "what domains have published, and what is wrong with it",
    .help = "  --resolver ADDR   ask this server (192.0.2.1, 192.0.2.1:53, [2001:db8::1]:53)\n"
            "                    instead of those of the system\n"
            "  --selector S      look at this DKIM selector, too, besides those configured\n"
            "  --probe           and at those that mail services usually have\n"
            "  --format FORMAT   text (default) or json\n"
            "  --client NAME     the domains of a client; --all-clients: of all\n"
            "  --from FILE       the domains in a file, one a line; - is standard input\n"
            "  --jobs N          domains at a time (default 100)\n"
            "  --each-server     ask each name server of a domain whether it says the same\n"
            "  --no-fetch        no HTTPS: MTA-STS policies and BIMI logos are not looked at\n"
            "  --no-reports      do not ask the store which selectors and sources were seen\n"
            "  --ca-file FILE    certificates to trust for HTTPS instead of the system's\n"
            "\n"
            "SPF, DKIM, DMARC, MX, DANE, MTA-STS, TLS-RPT and BIMI. DKIM selectors are those\n"
            "that stored reports show, and those given. Findings are crit, err, warn or info;\n"
            "in JSON, severity is error for both crit and err, and level says which.\n"
            "Exit status: 0 when no finding is an error, 65 otherwise, 75 when the DNS said\n"
            "nothing about a domain. -v counts the questions.\n"
            "\n"
            "  --suggest         print the records to publish instead, as a zone file and a\n"
            "                    table: SPF for the senders that the reports judge to be\n"
            "                    the owner's, the next DMARC policy that is ready, DKIM by\n"
            "                    vendor\n"
            "  --rua ADDRESS     where reports are to go, where no record says it yet\n"
            "\n"
            "What a client's domain has published is kept in the store.\n"
            "  --changed         ask no DNS: what differs between the last two states that\n"
            "                    are kept, weakened protection first. Exit status: 65 if\n"
            "                    some of it is weaker\n"
            "\n"
            "'check spf' says what SPF makes of mail from an address, as RFC 7208 evaluates\n"
            "it, by which term, and how the evaluation got there:\n"
            "  --ip IP           the client that delivers the mail\n"
            "  --sender ADDRESS  its envelope sender (default: postmaster@ the HELO name)\n"
            "  --helo NAME       the name it gives in HELO (default: DOMAIN)\n"
            "Exit status: 0 whatever the result is, 75 when the DNS did not answer.\n",
    .run = run_check,
};
