#include "base/addr.h"
#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/cmd.h"
#include "cli/config.h"
#include "cli/options.h"
#include "cli/query_timeline.h"
#include "cli/table.h"
#include "report/enrichment.h"
#include "report/report.h"
#include "store/auth.h"
#include "store/facts.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct query {
    struct arena *arena;
    struct report_settings settings;
    struct enrichment *known;
    struct store *store;
    struct store_period period;
    struct table table;
    enum table_format format;
    int64_t limit;
    bool failing;
    bool of_network, of_cause;
    struct addr first, last; /* --source */
    enum cause_id cause;
    const char *identity, *selector, *reporter; /* or NULL */
    struct arena *scratch;                      /* of one row */
};

/* The filters that not every question knows. */
enum {
    FILTER_FAILING = 1,
    FILTER_SOURCE = 2,
    FILTER_CAUSE = 4,
    FILTER_DOMAIN = 8,
    FILTER_IDENTITY = 16,
    FILTER_SELECTOR = 32,
    FILTER_REPORTER = 64
};

struct question {
    const char *name;
    unsigned filters; /* those that make sense */
    int (*ask)(struct query *q, struct err *e);
};

static bool is_full(const struct query *q)
{
    return q->limit && (int64_t)q->table.n_rows >= q->limit;
}

static void table_day(struct table *t, int64_t seconds)
{
    char text[WHEN_TEXT_MAX];

    when_format_day(when_day(seconds), text);
    table_text(t, text);
}

static void table_addr(struct table *t, const struct addr *a)
{
    char text[ADDR_TEXT_MAX];

    addr_format(a, text);
    table_text(t, a->len ? text : NULL);
}

static void table_time(struct table *t, int64_t seconds)
{
    char text[WHEN_TEXT_MAX];

    when_format(seconds, text);
    table_text(t, text);
}

/* ---- sources ---- */

static bool in_network(const struct query *q, const struct addr *a)
{
    return a->len == q->first.len && memcmp(a->bytes, q->first.bytes, a->len) >= 0 &&
           memcmp(a->bytes, q->last.bytes, a->len) <= 0;
}

static bool is_reporter(const struct query *q, const char *name)
{
    return !q->reporter || (name && strcasecmp(name, q->reporter) == 0);
}

/* Did a signature in the row name the selector, valid or not? */
static bool has_selector(const struct query *q, const struct store_source_row *row)
{
    struct auth_results auth;
    bool found = false;

    arena_reset(q->scratch);
    auth_unpack(q->scratch, row->auth, &auth);
    for (size_t i = 0; i < auth.n_dkims && !found; i++) {
        const char *selector = auth.dkims[i].selector;
        found = selector && strcasecmp(selector, q->selector) == 0;
    }
    return found;
}

/* Of what rows the sources are made. */
static bool wanted_row(void *context, const struct judgement *j)
{
    const struct query *q = context;

    return is_reporter(q, j->row->reporter) && (!q->selector || has_selector(q, j->row));
}

/* By the name that is shown, by the id of the list of senders, or by a domain it uses. */
static bool is_identity(const struct query *q, const struct evidence *v)
{
    const char *const names[] = {words_identity(q->scratch, v), v->sender ? v->sender->id : NULL,
        v->own_dkim, v->other_dkim, v->spf};
    bool found = !q->identity;

    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++)
        found = names[i] && strcasecmp(names[i], q->identity) == 0;
    return found;
}

/* What is shown of a source: all of it, or what has the cause that was asked for; NULL: nothing. */
static const struct report_share *wanted_share(const struct query *q, const struct report_source *s)
{
    const struct report_share *shown = q->of_cause ? NULL : &s->all;

    for (size_t i = 0; q->of_cause && i < s->n_shares; i++)
        shown = s->shares[i].cause == q->cause ? &s->shares[i] : shown;
    if (!shown || (q->failing && shown->messages == shown->dmarc_pass))
        return NULL;
    bool from_there = !q->of_network || in_network(q, &s->ip);
    return from_there && is_identity(q, &shown->evidence) ? shown : NULL;
}

static void put_actions(struct table *t, const struct report_actions *a)
{
    table_int(t, a->none);
    table_int(t, a->quarantine);
    table_int(t, a->reject);
}

/* What is known of the host, with a question mark behind a name that does not lead back to it. */
static int put_host(struct query *q, const struct addr *ip, struct err *e)
{
    struct host_facts h;
    bool found;
    int rc = facts_host(q->store, ip, q->arena, &h, &found, e);

    if (rc)
        return rc;
    bool doubtful = h.ptr && h.confirmed != FACT_YES;
    table_text(&q->table, doubtful ? arena_printf(q->arena, "%s?", h.ptr) : h.ptr);
    if (h.asn) {
        table_int(&q->table, h.asn);
    } else {
        table_text(&q->table, NULL);
    }
    table_text(&q->table, h.network);
    table_text(&q->table, h.country);
    return 0;
}

static int ask_sources(struct query *q, struct err *e)
{
    static const struct table_column columns[] = {{"domain", false}, {"source_ip", false},
        {"messages", true}, {"dmarc_pass", true}, {"dmarc_fail", true}, {"spf_aligned", true},
        {"dkim_aligned", true}, {"none", true}, {"quarantine", true}, {"reject", true},
        {"first", false}, {"last", false}, {"cause", false}, {"class", false}, {"identity", false},
        {"host", false}, {"asn", true}, {"network", false}, {"country", false}};
    struct client_report r;

    q->settings.wanted = wanted_row;
    q->settings.context = q;
    int rc = report_build(q->store, &q->period, &q->settings, q->arena, &r, e);

    table_init(&q->table, q->arena, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; !rc && i < r.n_sources && !is_full(q); i++) {
        const struct report_source *s = &r.sources[i];
        const struct report_share *share = wanted_share(q, s);
        if (!share)
            continue;
        table_row(&q->table);
        table_text(&q->table, s->domain);
        table_addr(&q->table, &s->ip);
        table_int(&q->table, share->messages);
        table_int(&q->table, share->dmarc_pass);
        table_int(&q->table, share->messages - share->dmarc_pass);
        table_int(&q->table, share->spf_aligned);
        table_int(&q->table, share->dkim_aligned);
        put_actions(&q->table, &share->actions);
        table_day(&q->table, share->first);
        table_day(&q->table, share->last);
        table_text(&q->table, cause_name(share->cause));
        table_text(&q->table, class_name(causes[share->cause].class));
        table_text(&q->table, words_identity(q->arena, &share->evidence));
        rc = put_host(q, &s->ip, e);
    }
    return rc;
}

/* ---- domains ---- */

static int ask_domains(struct query *q, struct err *e)
{
    static const struct table_column columns[] = {{"domain", false}, {"policy", false},
        {"reports", true}, {"reporters", true}, {"records", true}, {"messages", true},
        {"dmarc_pass", true}, {"dmarc_fail", true}, {"spf_aligned", true}, {"dkim_aligned", true},
        {"none", true}, {"quarantine", true}, {"reject", true}};
    struct client_report r;
    int rc = report_build(q->store, &q->period, &q->settings, q->arena, &r, e);

    table_init(&q->table, q->arena, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; !rc && i < r.n_domains && !is_full(q); i++) {
        const struct report_totals *t = &r.domains[i].totals;
        if (q->failing && t->dmarc_fail == 0)
            continue;
        table_row(&q->table);
        table_text(&q->table, r.domains[i].name);
        table_text(&q->table, r.domains[i].policy);
        table_int(&q->table, t->reports);
        table_int(&q->table, t->reporters);
        table_int(&q->table, t->records);
        table_int(&q->table, t->messages);
        table_int(&q->table, t->dmarc_pass);
        table_int(&q->table, t->dmarc_fail);
        table_int(&q->table, t->spf_aligned);
        table_int(&q->table, t->dkim_aligned);
        put_actions(&q->table, &t->actions);
    }
    return rc;
}

/* ---- reports ---- */

static int put_report(void *context, const struct store_report_row *r)
{
    struct query *q = context;
    struct table *t = &q->table;

    if (is_full(q) || !is_reporter(q, r->reporter))
        return 0;
    table_row(t);
    table_time(t, r->begin);
    table_time(t, r->end);
    table_text(t, r->client);
    table_text(t, r->domain);
    table_text(t, r->reporter);
    table_text(t, r->report_id);
    table_text(t, r->p);
    table_int(t, r->records);
    table_int(t, r->messages);
    table_text(t, r->grade);
    table_text(t, trust_name(r->trust));
    table_text(t, r->counts ? "yes" : "no");
    table_text(t, r->notes);
    return 0;
}

static int ask_reports(struct query *q, struct err *e)
{
    static const struct table_column columns[] = {{"begin", false}, {"end", false},
        {"client", false}, {"domain", false}, {"reporter", false}, {"report_id", false},
        {"policy", false}, {"records", true}, {"messages", true}, {"grade", false},
        {"trust", false}, {"counted", false}, {"notes", false}};

    table_init(&q->table, q->arena, columns, sizeof columns / sizeof *columns);
    return store_reports(q->store, &q->period, true, put_report, q, e);
}

/* ---- reporters ---- */

struct reporter {
    const char *name, *org_name;
    int64_t reports, records, messages;
    int64_t untrusted;   /* messages of doubtful reports */
    int64_t first, last; /* begin of a report */
    enum grade grade;    /* the worst */
    enum trust trust;    /* the worst */
    const char *notes;   /* all codes */
};

struct reporter_list {
    struct arena *arena;
    struct reporter *items;
    size_t n;
};

static enum grade grade_of(const char *name)
{
    enum grade g = GRADE_CLEAN;

    return name && grade_parse(name, &g) ? g : GRADE_CLEAN;
}

static int take_reporter(void *context, const struct store_report_row *r)
{
    struct reporter_list *l = context;
    size_t at = l->n;

    l->items = arena_grow(l->arena, l->items, &l->n, sizeof *l->items);
    l->items[at] = (struct reporter){
        .name = arena_strdup(l->arena, r->reporter ? r->reporter : ""),
        .org_name = r->org_name ? arena_strdup(l->arena, r->org_name) : NULL,
        .reports = 1,
        .records = r->records,
        .messages = r->messages,
        .untrusted = r->trust == TRUST_DOUBTFUL ? r->messages : 0,
        .first = r->begin,
        .last = r->begin,
        .grade = grade_of(r->grade),
        .trust = r->trust,
        .notes = r->notes ? arena_strdup(l->arena, r->notes) : "",
    };
    return 0;
}

static int by_reporter(const void *left, const void *right)
{
    return strcmp(((const struct reporter *)left)->name, ((const struct reporter *)right)->name);
}

static int by_messages(const void *left, const void *right)
{
    const struct reporter *a = left;
    const struct reporter *b = right;

    if (a->messages != b->messages)
        return a->messages > b->messages ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* Is this code one of the comma-separated list? */
static bool has_code(const char *list, const char *code, size_t len)
{
    for (const char *s = list; *s; s += strcspn(s, ","), s += *s == ',') {
        if (strcspn(s, ",") == len && memcmp(s, code, len) == 0)
            return true;
    }
    return false;
}

static const char *join_notes(struct arena *a, const char *list, const char *more)
{
    for (const char *s = more; *s; s += *s == ',') {
        size_t len = strcspn(s, ",");
        if (!has_code(list, s, len))
            list = arena_printf(a, "%s%s%.*s", list, *list ? "," : "", (int)len, s);
        s += len;
    }
    return list;
}

static void merge(struct reporter_list *l)
{
    size_t kept = 0;

    if (l->n)
        qsort(l->items, l->n, sizeof *l->items, by_reporter);
    for (size_t i = 0; i < l->n; i++) {
        const struct reporter r = l->items[i];
        struct reporter *to = kept ? &l->items[kept - 1] : NULL;
        if (!to || strcmp(to->name, r.name) != 0) {
            l->items[kept++] = r;
            continue;
        }
        to->reports++;
        report_add(&to->records, r.records);
        report_add(&to->messages, r.messages);
        report_add(&to->untrusted, r.untrusted);
        to->grade = r.grade > to->grade ? r.grade : to->grade;
        to->trust = r.trust > to->trust ? r.trust : to->trust;
        to->notes = join_notes(l->arena, to->notes, r.notes);
        to->first = r.first < to->first ? r.first : to->first;
        to->last = r.last > to->last ? r.last : to->last;
    }
    l->n = kept;
    if (l->n)
        qsort(l->items, l->n, sizeof *l->items, by_messages);
}

static int ask_reporters(struct query *q, struct err *e)
{
    static const struct table_column columns[] = {{"reporter", false}, {"org_name", false},
        {"reports", true}, {"records", true}, {"messages", true}, {"untrusted", true},
        {"grade", false}, {"trust", false}, {"first", false}, {"last", false}, {"notes", false}};
    struct reporter_list l = {.arena = q->arena};
    int rc = store_reports(q->store, &q->period, false, take_reporter, &l, e);

    merge(&l);
    table_init(&q->table, q->arena, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; !rc && i < l.n && !is_full(q); i++) {
        if (!is_reporter(q, l.items[i].name))
            continue;
        table_row(&q->table);
        table_text(&q->table, l.items[i].name);
        table_text(&q->table, l.items[i].org_name);
        table_int(&q->table, l.items[i].reports);
        table_int(&q->table, l.items[i].records);
        table_int(&q->table, l.items[i].messages);
        table_int(&q->table, l.items[i].untrusted);
        table_text(&q->table, grade_name(l.items[i].grade));
        table_text(&q->table, trust_name(l.items[i].trust));
        table_day(&q->table, l.items[i].first);
        table_day(&q->table, l.items[i].last);
        table_text(&q->table, l.items[i].notes);
    }
    return rc;
}

/* ---- failure reports ---- */

static int put_failure(void *context, const struct store_failure_row *r)
{
    struct query *q = context;
    struct table *t = &q->table;

    if (is_full(q) || (q->of_network && !in_network(q, &r->source_ip)) ||
        !is_reporter(q, r->reporter))
        return 0;
    if (q->selector && (!r->dkim_selector || strcasecmp(r->dkim_selector, q->selector) != 0))
        return 0;
    table_row(t);
    if (r->arrival < 0) {
        table_text(t, NULL);
    } else {
        table_time(t, r->arrival);
    }
    table_text(t, r->client);
    table_text(t, r->domain);
    table_text(t, r->reporter);
    table_addr(t, &r->source_ip);
    table_text(t, r->feedback_type);
    table_text(t, r->auth_failure);
    table_text(t, r->delivery_result);
    table_text(t, r->original_mail_from);
    table_text(t, r->dkim_domain);
    table_text(t, r->dkim_selector);
    table_int(t, r->incidents);
    table_text(t, r->grade);
    table_text(t, r->notes);
    return 0;
}

static int ask_failures(struct query *q, struct err *e)
{
    static const struct table_column columns[] = {{"arrival", false}, {"client", false},
        {"domain", false}, {"reporter", false}, {"source_ip", false}, {"feedback_type", false},
        {"auth_failure", false}, {"delivery_result", false}, {"original_mail_from", false},
        {"dkim_domain", false}, {"dkim_selector", false}, {"incidents", true}, {"grade", false},
        {"notes", false}};

    table_init(&q->table, q->arena, columns, sizeof columns / sizeof *columns);
    return store_failures(q->store, &q->period, put_failure, q, e);
}

/* ---- TLS reports ---- */

static int put_tls(void *context, const struct store_tls_row *r)
{
    struct query *q = context;
    struct table *t = &q->table;

    if (is_full(q) || (q->failing && r->failed == 0) || !is_reporter(q, r->reporter))
        return 0;
    table_row(t);
    table_time(t, r->begin);
    table_time(t, r->end);
    table_text(t, r->client);
    table_text(t, r->domain);
    table_text(t, r->reporter);
    table_text(t, r->report_id);
    table_text(t, r->policy_type);
    table_int(t, r->successful);
    table_int(t, r->failed);
    table_text(t, r->result_type);
    table_int(t, r->sessions);
    table_text(t, r->grade);
    table_text(t, trust_name(r->trust));
    table_text(t, r->counts ? "yes" : "no");
    table_text(t, r->notes);
    return 0;
}

static int ask_tls(struct query *q, struct err *e)
{
    static const struct table_column columns[] = {{"begin", false}, {"end", false},
        {"client", false}, {"domain", false}, {"reporter", false}, {"report_id", false},
        {"policy_type", false}, {"successful", true}, {"failed", true}, {"result_type", false},
        {"failed_so", true}, {"grade", false}, {"trust", false}, {"counted", false},
        {"notes", false}};

    table_init(&q->table, q->arena, columns, sizeof columns / sizeof *columns);
    return store_tls(q->store, &q->period, put_tls, q, e);
}

/* ---- deliveries ---- */

static int put_delivery(void *context, const struct store_delivery *d)
{
    struct query *q = context;
    struct table *t = &q->table;
    char period[REPORT_PERIOD_MAX];

    if (is_full(q) || (q->failing && d->state == DELIVERY_SENT))
        return 0;
    report_period_name(d->from, d->to, period);
    table_row(t);
    table_text(t, period);
    table_text(t, d->client);
    table_text(t, d->recipient);
    table_text(t, delivery_state_name(d->state));
    table_int(t, d->edition);
    table_int(t, d->attempts);
    table_time(t, d->changed_at);
    if (d->sent_at < 0) {
        table_text(t, NULL);
    } else {
        table_time(t, d->sent_at);
    }
    table_text(t, d->message_id);
    table_text(t, d->reason);
    return 0;
}

static int ask_deliveries(struct query *q, struct err *e)
{
    static const struct table_column columns[] = {{"period", false}, {"client", false},
        {"recipient", false}, {"state", false}, {"edition", true}, {"attempts", true},
        {"changed", false}, {"sent", false}, {"message_id", false}, {"reason", false}};

    table_init(&q->table, q->arena, columns, sizeof columns / sizeof *columns);
    return store_deliveries(q->store, &q->period, put_delivery, q, e);
}

/* ---- the command ---- */

static int ask_timeline(struct query *q, struct err *e)
{
    const struct timeline wanted = {q->period, q->failing, q->limit};

    return query_timeline(q->store, &wanted, q->arena, &q->table, e);
}

static const struct question questions[] = {
    {"sources",
        FILTER_DOMAIN | FILTER_FAILING | FILTER_SOURCE | FILTER_CAUSE | FILTER_IDENTITY |
            FILTER_SELECTOR | FILTER_REPORTER,
        ask_sources},
    {"domains", FILTER_DOMAIN | FILTER_FAILING, ask_domains},
    {"reporters", FILTER_DOMAIN | FILTER_REPORTER, ask_reporters},
    {"reports", FILTER_DOMAIN | FILTER_REPORTER, ask_reports},
    {"timeline", FILTER_DOMAIN | FILTER_FAILING, ask_timeline},
    {"failures", FILTER_DOMAIN | FILTER_SOURCE | FILTER_SELECTOR | FILTER_REPORTER, ask_failures},
    {"tls", FILTER_DOMAIN | FILTER_FAILING | FILTER_REPORTER, ask_tls},
    {"deliveries", FILTER_FAILING, ask_deliveries},
};

static const struct question *find_question(const char *name)
{
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        if (strcmp(questions[i].name, name) == 0)
            return &questions[i];
    }
    return NULL;
}

static int take_network(struct query *q, const char *text, struct err *e)
{
    q->of_network = true;
    if (addr_parse_network(text, &q->first, &q->last))
        return 0;
    return err_set(e, ERR_USAGE, "usage",
        "--source wants an address or a network like 192.0.2.0/24, not '%s'", text);
}

static int take_cause(struct query *q, const char *name, struct err *e)
{
    q->of_cause = true;
    if (cause_parse(name, &q->cause))
        return 0;
    return err_set(e, ERR_USAGE, "usage",
        "there is no cause '%.80s'; there are: %s to %s, %s to %s", name, cause_name(CAUSE_P1),
        cause_name(CAUSE_F1 - 1), cause_name(CAUSE_F1), cause_name(CAUSE_COUNT - 1));
}

static int take_option(struct query *q, struct period_options *days, int c, struct err *e)
{
    switch (c) {
    case 'c':
        q->period.client = optarg;
        return 0;
    case 'd':
        return options_domain(q->arena, "--domain", optarg, &q->period.domain, e);
    case 's':
        return take_network(q, optarg, e);
    case 'F':
        days->from = optarg;
        return 0;
    case 'T':
        days->to = optarg;
        return 0;
    case 'x':
        q->failing = true;
        return 0;
    case 'r':
        return take_cause(q, optarg, e);
    case 'i':
        q->identity = optarg;
        return 0;
    case 'S':
        q->selector = optarg;
        return 0;
    case 'R':
        q->reporter = optarg;
        return 0;
    case 'l':
        return options_count("--limit", optarg, &q->limit, e);
    default:
        return table_format_parse(optarg, &q->format, e);
    }
}

static int check_filters(const struct query *q, const struct question *what, struct err *e)
{
    const struct {
        bool given;
        unsigned filter;
        const char *option, *instead;
    } all[] = {
        {q->failing, FILTER_FAILING, "--failing", "ask for sources"},
        {q->of_network, FILTER_SOURCE, "--source", "ask for sources"},
        {q->period.domain, FILTER_DOMAIN, "--domain", "use --client"},
        {q->of_cause, FILTER_CAUSE, "--cause", "ask for sources"},
        {q->identity, FILTER_IDENTITY, "--identity", "ask for sources"},
        {q->selector, FILTER_SELECTOR, "--selector", "ask for sources or failures"},
        {q->reporter, FILTER_REPORTER, "--reporter", "ask for sources or reports"},
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].given && !(what->filters & all[i].filter)) {
            return err_set(e, ERR_USAGE, "usage", "%s says nothing about %s; %s", all[i].option,
                what->name, all[i].instead);
        }
    }
    return 0;
}

static int read_options(
    struct query *q, int argc, char **argv, const struct question **what, struct err *e)
{
    static const struct option longs[] = {
        {"client", required_argument, NULL, 'c'},
        {"domain", required_argument, NULL, 'd'},
        {"source", required_argument, NULL, 's'},
        {"from", required_argument, NULL, 'F'},
        {"to", required_argument, NULL, 'T'},
        {"failing", no_argument, NULL, 'x'},
        {"cause", required_argument, NULL, 'r'},
        {"identity", required_argument, NULL, 'i'},
        {"selector", required_argument, NULL, 'S'},
        {"reporter", required_argument, NULL, 'R'},
        {"limit", required_argument, NULL, 'l'},
        {"format", required_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    struct period_options days = {0};
    int c;

    options_start();
    while ((c = options_next(argc, argv, ":c:d:s:l:f:", longs, e)) > OPTION_END) {
        int rc = take_option(q, &days, c, e);
        if (rc)
            return rc;
    }
    if (c)
        return c;
    const struct question *found = optind < argc ? find_question(argv[optind]) : NULL;
    if (!found || optind + 1 < argc) {
        return err_set(e, ERR_USAGE, "usage",
            "query wants one of: sources, domains, reporters, reports, timeline, failures, tls, "
            "deliveries");
    }
    *what = found;
    c = check_filters(q, found, e);
    return c ? c : options_period(&days, PERIOD_EVERYTHING, &q->period.from, &q->period.to, e);
}

static int ask(struct query *q, struct app *app, const struct question *what, struct err *e)
{
    int rc = app_open_store(app, &q->store, e);

    if (!rc && q->period.client)
        rc = app_find_client(app, q->store, q->period.client, e);
    if (rc)
        return rc;
    q->known = enrichment_new(q->store, q->settings.identities);
    q->settings.enrichment = q->known;
    rc = what->ask(q, e);
    if (!rc)
        table_write(&q->table, q->format, stdout);
    return rc;
}

static int run_query(struct app *app, int argc, char **argv, struct err *e)
{
    struct query q = {.arena = arena_new(),
        .scratch = arena_new(),
        .format = TABLE_TEXT,
        .settings = {.identities = app->config->identities}};
    const struct question *what = questions;
    int rc = read_options(&q, argc, argv, &what, e);

    if (!rc)
        rc = ask(&q, app, what, e);
    enrichment_free(q.known);
    store_close(q.store);
    arena_free(q.scratch);
    arena_free(q.arena);
    return rc;
}

const struct command cmd_query = {
    .name = "query",
    .usage = "query sources|domains|reporters|reports|timeline|failures|tls|\n"
             "      deliveries\n"
             "      [--client NAME] [--domain DOMAIN] [--source IP|NETWORK]\n"
             "      [--from DAY] [--to DAY] [--failing] [--cause CAUSE]\n"
             "      [--identity NAME] [--selector SELECTOR]\n"
             "      [--reporter DOMAIN] [--limit N] [--format text|csv|json]",
    .summary = "ask for sources, domains, reporters, reports, deliveries",
    .help = "  --client NAME        of this client only\n"
            "  --domain DOMAIN      of this domain and those below it\n"
            "  --source IP|NETWORK  of this address or network, like 192.0.2.0/24\n"
            "                       (sources, failures)\n"
            "  --from, --to DAY     whole days (YYYY-MM-DD), both included; default: all\n"
            "  --failing            only with failed messages (sources, domains,\n"
            "                       timeline) or sessions (tls); not sent (deliveries)\n"
            "  --cause CAUSE        only of this cause, like F14 (sources)\n"
            "  --identity NAME      only of this identity: as it is shown, the id of a\n"
            "                       sender, or a domain that it signs or sends as (sources)\n"
            "  --selector SELECTOR  only what was signed with this DKIM selector (sources,\n"
            "                       failures)\n"
            "  --reporter DOMAIN    only what this reporter saw (all but domains, timeline,\n"
            "                       deliveries)\n"
            "  --limit N            the first N rows; sources: most failures first\n"
            "  --format FORMAT      text (default), csv or json\n"
            "\n"
            "Causes: P1 to P16 of messages that passed, F1 to F28 of those that failed, as\n"
            "reports name them. With --cause the numbers of a source are those of its\n"
            "messages with that cause; with --selector and --reporter, of those that were\n"
            "signed so, and that he saw. Who a source is, and why it fails, is judged by\n"
            "30 days up to the end of the period at least.\n"
            "\n"
            "timeline has one row for each day with messages.\n"
            "\n"
            "tls has one row for each kind of failure of a policy (result_type; failed_so:\n"
            "sessions that failed so), and one for a policy without failures.\n"
            "\n"
            "deliveries has one row for each period, client and recipient: state is sent,\n"
            "refused (for ever: see reason), waiting (it failed for now), intended or handed\n"
            "(cut short, by a kill: before the mail was complete, or behind it).\n",
    .run = run_query,
};
