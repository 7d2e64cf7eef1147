#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "check/check.h"
#include "check/dns.h"
#include "check/setup.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/history.h"
#include "cli/options.h"
#include "cli/print_suggest.h"
#include "cli/suggest_facts.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

enum {
    FAULTS_MAX = 10 /* that are shown */
};

struct setup_run {
    struct app *app;
    struct arena *arena;
    struct store *store;
    const char *resolver, *rua;
    const char *domain; /* normalised */
    const char *client; /* NULL: nobody's */
    size_t owner_len;   /* of the domain by which it is the client's */
};

static int read_options(struct setup_run *r, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {
        {"resolver", required_argument, NULL, 'r'},
        {"rua", required_argument, NULL, 'u'},
        {NULL, 0, NULL, 0},
    };
    int option;

    options_start();
    while ((option = options_next(argc, argv, ":r:", longs, e)) > OPTION_END) {
        int rc = option == 'u' ? suggest_rua(r->arena, optarg, &r->rua, e) : 0;
        if (rc)
            return rc;
        if (option == 'r')
            r->resolver = optarg;
    }
    if (option < 0)
        return option;
    if (optind + 1 != argc)
        return err_set(e, ERR_USAGE, "usage", "setup wants one domain");
    return options_domain(r->arena, "setup", argv[optind], &r->domain, e);
}

/* The longest one decides. */
static int take_owner(void *context, const char *domain, const char *client)
{
    struct setup_run *r = context;

    if (domain_is_within(r->domain, domain) && strlen(domain) > r->owner_len) {
        r->owner_len = strlen(domain);
        r->client = arena_strdup(r->arena, client);
    }
    return 0;
}

/* ---- the page ---- */

static const char *shown(struct setup_run *r, const char *text)
{
    return text_safe(r->arena, text, 4096);
}

static void put_steps(enum setup_step now)
{
    for (int k = SETUP_CLIENT; k <= SETUP_DONE; k++) {
        (void)printf("  [%s] %d  %s\n",
            k < (int)now    ? "x"
            : k == (int)now ? ">"
                            : " ",
            k + 1, setup_words[k].title);
    }
}

static void put_faults(struct setup_run *r, const struct findings *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n && n < FAULTS_MAX; i++) {
        const struct check_finding *x = &f->items[i];
        if (x->severity > SEVERITY_ERR)
            continue;
        if (n++ == 0)
            (void)puts("\nFaults of what is published");
        (void)printf("  %s %s\n    %s\n", x->kind->id, shown(r, x->message), shown(r, x->advice));
    }
}

static void put_records(struct setup_run *r, struct suggestion *s)
{
    struct suggestion fresh = *s;

    fresh.lines = arena_alloc(r->arena, (s->n + 1) * sizeof *fresh.lines);
    fresh.n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->lines[i].state != SUGGEST_KEEP)
            fresh.lines[fresh.n++] = s->lines[i];
    }
    if (fresh.n == 0) {
        (void)puts("\nPublish now: nothing; what is there is right for this step\n");
        return;
    }
    (void)puts("\nPublish now");
    print_suggest_text(stdout, r->arena, r->domain, &fresh);
}

static void put_page(struct setup_run *r, const struct check_result *check,
    const struct suggest_facts *facts, struct suggestion *s)
{
    const char *above = NULL;
    enum setup_step now = setup_step_of(check, facts, s, r->client != NULL, &above);

    (void)printf("%s (%s): step %d of %d\n", shown(r, r->domain),
        r->client ? shown(r, r->client) : "no client", (int)now + 1, (int)SETUP_DONE + 1);
    put_steps(now);
    if (above) {
        (void)printf("\nIts policy is that of %s: go on there, with 'dmarcmill setup %s'\n",
            shown(r, above), shown(r, above));
    }
    if (facts->readiness)
        (void)printf("\n%s\n", shown(r, facts->readiness));
    put_faults(r, &check->findings);
    put_records(r, s);
    (void)printf("Then\n  %s\n", setup_words[now].then);
}

/* ---- the check ---- */

static int look(struct setup_run *r, struct dns *dns, struct err *e)
{
    const int64_t now = when_now();
    const struct history_request wanted = {.domains = &r->domain, .n = 1, .now = now};
    const struct check_settings set = {.dns = dns, .now = now};
    struct check_target target = {.name = r->domain};
    struct check_history *history = NULL;
    struct check_result check;
    struct suggest_facts facts;
    struct suggestion s;
    int rc = history_read(r->store, &wanted, r->arena, &history, e);

    if (rc)
        return rc;
    target.history = history;
    check_domain(&set, &target, r->arena, &check);
    if (!check.domain)
        return err_set(e, ERR_INPUT, "not-a-domain", "%.200s is no domain name", r->domain);
    if (!check.answered)
        return err_set(e, ERR_TEMPORARY, "dns", "the DNS does not answer for %.200s", r->domain);
    if (!check.exists)
        return err_set(e, ERR_INPUT, "no-domain", "%.200s is not in the DNS", r->domain);
    const struct suggest_request want = {.identities = r->app->config->identities,
        .domain = r->domain,
        .today = suggest_policy_of(&check),
        .now = now,
        .rua = r->rua};
    rc = suggest_facts_read(r->store, &want, r->arena, &facts, e);
    if (rc)
        return rc;
    suggest(dns, &check, &facts, r->arena, &s);
    put_page(r, &check, &facts, &s);
    return 0;
}

static int look_with_dns(struct setup_run *r, struct err *e)
{
    struct dns *dns;
    int rc = dns_open(&(struct dns_settings){.server = r->resolver}, &dns, e);

    if (rc)
        return rc;
    rc = look(r, dns, e);
    dns_close(dns);
    return rc;
}

static int run_setup(struct app *app, int argc, char **argv, struct err *e)
{
    struct setup_run r = {.app = app, .arena = arena_new()};
    int rc = read_options(&r, argc, argv, e);

    if (!rc)
        rc = app_open_store(app, &r.store, e);
    if (!rc)
        rc = store_domains(r.store, take_owner, &r, e);
    if (!rc)
        rc = look_with_dns(&r, e);
    store_close(r.store);
    arena_free(r.arena);
    return rc;
}

const struct command cmd_setup = {
    .name = "setup",
    .usage = "setup [--rua ADDRESS] [--resolver ADDR[:PORT]] DOMAIN",
    .summary = "how far a domain is on its way to p=reject, and what is next",
    .help = "  --rua ADDRESS     where its reports are to go: the mailbox that is polled\n"
            "  --resolver ADDR   ask this server instead of those of the system\n"
            "\n"
            "Seven steps, from a new client domain to one that is protected. Says at which\n"
            "the domain is, by its records and its reports of 30 days, what to publish now\n"
            "and what to wait for. Run it again after each step; it changes nothing.\n",
    .run = run_setup,
};
