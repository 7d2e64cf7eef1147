#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/options.h"
#include "cli/table.h"
#include "store/store.h"

#include <string.h>

enum {
    MAPPING_MAX = 256 * 1024 * 1024 /* bytes of a file of domains */
};

/* What both commands share: a store, and an arena for what is shown or assigned. */
struct ownership {
    const struct config *config;
    struct arena *arena;
    struct store *store;
    struct table table;
    enum table_format format;
    const char *from; /* --from FILE */
};

static int read_options(struct ownership *o, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {
        {"format", required_argument, NULL, 'f'},
        {"from", required_argument, NULL, 'F'},
        {NULL, 0, NULL, 0},
    };
    int c;

    options_start();
    while ((c = options_next(argc, argv, ":f:", longs, e)) > OPTION_END) {
        if (c == 'F') {
            o->from = optarg;
        } else if (table_format_parse(optarg, &o->format, e)) {
            return (int)e->class;
        }
    }
    return c;
}

/* ---- clients ---- */

static int put_client(void *context, const struct store_client *c)
{
    struct ownership *o = context;

    table_row(&o->table);
    table_text(&o->table, c->name);
    table_int(&o->table, c->domains);
    return 0;
}

static int list_clients(struct ownership *o, struct err *e)
{
    static const struct table_column columns[] = {{"client", false}, {"domains", true}};

    table_init(&o->table, o->arena, columns, sizeof columns / sizeof *columns);
    int rc = store_clients(o->store, put_client, o, e);
    if (!rc)
        table_write(&o->table, o->format, stdout);
    return rc;
}

static int add_client(struct ownership *o, const char *name, struct err *e)
{
    bool created = false;

    if (!*name)
        return err_set(e, ERR_USAGE, "usage", "a client needs a name");
    int rc = store_client_add(o->store, name, &created, e);
    if (!rc && !created)
        console_say("client %s is there already", name);
    return rc;
}

/* The next poll would undo it. */
static int remove_client(struct ownership *o, const char *name, struct err *e)
{
    for (size_t i = 0; i < o->config->n_clients; i++) {
        if (strcmp(o->config->clients[i], name) == 0) {
            return err_set(e, ERR_USAGE, "usage", "client %.100s is set in %s; change it there",
                name, o->config->path);
        }
    }
    return store_client_remove(o->store, name, e);
}

static int run_client(struct app *app, int argc, char **argv, struct err *e)
{
    struct ownership o = {.config = app->config, .arena = arena_new(), .format = TABLE_TEXT};
    int rc = read_options(&o, argc, argv, e);
    const char *verb = optind < argc ? argv[optind] : "";
    int names = argc - optind - 1;
    bool list = strcmp(verb, "list") == 0 && names == 0;
    bool add = strcmp(verb, "add") == 0 && names == 1;
    bool remove = strcmp(verb, "remove") == 0 && names == 1;

    if (!rc && (o.from || !(list || add || remove)))
        rc = err_set(e, ERR_USAGE, "usage", "client wants: list, add NAME or remove NAME");
    if (!rc)
        rc = app_open_store(app, &o.store, e);
    if (!rc && list) {
        rc = list_clients(&o, e);
    } else if (!rc && add) {
        rc = add_client(&o, argv[optind + 1], e);
    } else if (!rc) {
        rc = remove_client(&o, argv[optind + 1], e);
    }
    store_close(o.store);
    arena_free(o.arena);
    return rc;
}

const struct command cmd_client = {
    .name = "client",
    .usage = "client list [--format text|csv|json]\n"
             "client add NAME\n"
             "client remove NAME",
    .summary = "list, add or remove clients",
    .help = "What is reported on domains of a removed client belongs to the client\n"
            "'unassigned' from then on; nothing is deleted. A client of the configuration\n"
            "file is changed there.\n",
    .run = run_client,
};

/* ---- domains ---- */

struct assignments {
    struct store_assignment *items;
    size_t n;
};

/* The name in normal form, if it is one that somebody can own. */
static int take_name(struct ownership *o, const char *domain, const char **out, struct err *e)
{
    struct addr ignored;
    bool odd = false;

    *out = domain_normalise(o->arena, domain, &odd);
    if (odd || !**out || addr_parse(*out, &ignored))
        return err_set(e, ERR_USAGE, "usage", "'%s' is not a domain name", domain);
    return 0;
}

/* The next poll would undo it. client: who is to have it; NULL: nobody in particular. */
static int refuse_configured(
    const struct ownership *o, const char *domain, const char *client, struct err *e)
{
    for (size_t i = 0; i < o->config->n_domains; i++) {
        const struct store_assignment *d = &o->config->domains[i];
        if (strcmp(d->domain, domain) == 0 && !(client && strcmp(d->client, client) == 0)) {
            return err_set(e, ERR_USAGE, "usage",
                "domain %s of client %.100s is set in %s; change "
                "it there",
                domain, d->client, o->config->path);
        }
    }
    return 0;
}

static int add_assignment(struct ownership *o, struct assignments *list, const char *domain,
    const char *client, struct err *e)
{
    const char *name;
    size_t at = list->n;
    int rc = take_name(o, domain, &name, e);

    if (!rc)
        rc = refuse_configured(o, name, client, e);
    if (rc)
        return rc;
    if (domain_is_suffix(name)) {
        return err_set(e, ERR_USAGE, "usage",
            "%s is a public suffix: the domains below it belong to many owners", name);
    }
    if (!*client)
        return err_set(e, ERR_USAGE, "usage", "domain %s: a client needs a name", name);
    list->items = arena_grow(o->arena, list->items, &list->n, sizeof *list->items);
    list->items[at] = (struct store_assignment){.domain = name, .client = client};
    return 0;
}

/* "domain TAB client"; empty lines and lines that begin with # are passed over. */
static int take_line(struct ownership *o, struct assignments *list, char *line, struct err *e)
{
    size_t len;
    const char *text = text_trim(line, &len);

    if (len == 0 || *text == '#')
        return 0;
    const char *tab = memchr(text, '\t', len);
    if (!tab) {
        return err_set(e, ERR_USAGE, "usage", "a line is 'domain TAB client', not '%.*s'",
            (int)(len < 100 ? len : 100), text);
    }
    const char *domain = arena_strndup(o->arena, text, (size_t)(tab - text));
    const char *client = text_trim(tab + 1, &len);
    return add_assignment(o, list, domain, arena_strndup(o->arena, client, len), e);
}

static int read_mapping(struct ownership *o, struct assignments *list, struct err *e)
{
    struct buf text;
    int rc;
    int number = 0;

    buf_init(&text, MAPPING_MAX);
    rc = files_read(o->from, &text, e);
    if (rc)
        e->class = ERR_USAGE;
    for (char *line = text.data; !rc && line && *line; number++) {
        char *end = line + strcspn(line, "\n");
        char *next = *end ? end + 1 : end;
        *end = '\0';
        rc = take_line(o, list, line, e);
        if (rc)
            rc = err_wrap(e, "%s:%d", o->from, number + 1);
        line = next;
    }
    buf_done(&text);
    return rc ? (int)e->class : 0;
}

static int assign(struct ownership *o, int n, char **words, struct err *e)
{
    struct assignments list = {0};
    int rc = 0;

    if (o->from)
        rc = read_mapping(o, &list, e);
    for (int i = 1; i < n && !rc; i++)
        rc = add_assignment(o, &list, words[i], words[0], e);
    if (!rc)
        rc = store_domains_assign(o->store, list.items, list.n, e);
    return rc;
}

static int remove_domains(struct ownership *o, int n, char **words, struct err *e)
{
    const char **names = arena_alloc(o->arena, (size_t)n * sizeof *names);

    for (int i = 0; i < n; i++) {
        int rc = take_name(o, words[i], &names[i], e);
        if (!rc)
            rc = refuse_configured(o, names[i], NULL, e);
        if (rc)
            return rc;
    }
    return store_domains_remove(o->store, names, (size_t)n, e);
}

static int put_domain(void *context, const char *domain, const char *client)
{
    struct ownership *o = context;

    table_row(&o->table);
    table_text(&o->table, domain);
    table_text(&o->table, client);
    return 0;
}

static int list_domains(struct ownership *o, struct err *e)
{
    static const struct table_column columns[] = {{"domain", false}, {"client", false}};

    table_init(&o->table, o->arena, columns, sizeof columns / sizeof *columns);
    int rc = store_domains(o->store, put_domain, o, e);
    if (!rc)
        table_write(&o->table, o->format, stdout);
    return rc;
}

static int run_domain(struct app *app, int argc, char **argv, struct err *e)
{
    struct ownership o = {.config = app->config, .arena = arena_new(), .format = TABLE_TEXT};
    int rc = read_options(&o, argc, argv, e);
    const char *verb = optind < argc ? argv[optind] : "";
    int words = argc - optind - 1;
    bool list = strcmp(verb, "list") == 0 && words == 0 && !o.from;
    bool give = strcmp(verb, "assign") == 0 && (o.from ? words == 0 : words >= 2);
    bool take = strcmp(verb, "remove") == 0 && words >= 1 && !o.from;

    if (!rc && !list && !give && !take) {
        rc = err_set(e, ERR_USAGE, "usage",
            "domain wants: list, assign CLIENT DOMAIN..., assign --from FILE or remove DOMAIN...");
    }
    if (!rc)
        rc = app_open_store(app, &o.store, e);
    if (!rc && list) {
        rc = list_domains(&o, e);
    } else if (!rc && give) {
        rc = assign(&o, words, argv + optind + 1, e);
    } else if (!rc) {
        rc = remove_domains(&o, words, argv + optind + 1, e);
    }
    store_close(o.store);
    arena_free(o.arena);
    return rc;
}

const struct command cmd_domain = {
    .name = "domain",
    .usage = "domain list [--format text|csv|json]\n"
             "domain assign CLIENT DOMAIN...\n"
             "domain assign --from FILE\n"
             "domain remove DOMAIN...",
    .summary = "say which domain belongs to which client",
    .help = "A domain brings those below it, and what was reported on them before. The\n"
            "longest assigned domain wins. Clients are made as needed. A FILE has lines of\n"
            "'domain TAB client'. What was reported on a removed domain goes to the owner of\n"
            "the next shorter assigned name, else to the client 'unassigned'. A domain of the\n"
            "configuration file is changed there.\n",
    .run = run_domain,
};
