#include "cli/watch.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "base/when.h"
#include "check/changes.h"
#include "check/check.h"
#include "cli/options.h"
#include "store/checks.h"
#include "store/pack.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

enum {
    AT_ONCE = 100,       /* checks in a transaction */
    ATTEMPTS = 3,        /* when domains are assigned meanwhile */
    STATE_MAX = 4 << 20, /* octets of a state */
    CHANGE_FIELDS = 6,   /* rank, kind, name, before, now, message */
    SHOWN_MAX = 400      /* octets of a record */
};

/* ---- keeping ---- */

struct watch {
    struct store *store;
    char *scope;
    struct arena *pending;
    struct arena *scratch; /* of one decision */
    struct store_checked checked[AT_ONCE];
    struct published states[AT_ONCE];
    size_t n;
};

struct watch *watch_new(struct store *s, const char *scope)
{
    struct watch *w = mem_alloc(sizeof *w);

    w->store = s;
    w->scope = mem_strdup(scope);
    w->pending = arena_new();
    w->scratch = arena_new();
    return w;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    arena_free(w->pending);
    arena_free(w->scratch);
    free(w->scope);
    free(w);
}

static const char *finish_text(struct arena *a, struct buf *b)
{
    const char *text = arena_strdup(a, b->data ? b->data : "");

    buf_done(b);
    return text;
}

/* Rows that do not fit are left out: a state of megabytes is nobody's. */
static const char *pack_state(struct arena *a, const struct published *p)
{
    struct buf b;

    buf_init(&b, STATE_MAX);
    if (p->scope)
        (void)pack_row(&b, (const char *const[]){"scope", p->scope}, 2);
    for (size_t i = 0; i < p->n; i++) {
        const struct published_record *r = &p->records[i];
        (void)pack_row(&b, (const char *const[]){"record", r->kind, r->name, r->text}, 4);
    }
    for (size_t i = 0; i < p->n_findings; i++)
        (void)pack_row(&b, (const char *const[]){"finding", p->findings[i]}, 2);
    return finish_text(a, &b);
}

void watch_unpack(struct arena *a, const char *text, struct published *out)
{
    struct published_record *records = NULL;
    const char **findings = NULL;
    const char *row[4];

    *out = (struct published){.scope = NULL};
    while (unpack_row(a, &text, row, 4)) {
        if (!row[0] || !row[1])
            continue;
        if (strcmp(row[0], "scope") == 0) {
            out->scope = row[1];
        } else if (strcmp(row[0], "record") == 0 && row[2]) {
            records = arena_grow(a, records, &out->n, sizeof *records);
            records[out->n - 1] = (struct published_record){row[1], row[2], row[3]};
        } else if (strcmp(row[0], "finding") == 0) {
            findings = arena_grow(a, findings, &out->n_findings, sizeof *findings);
            findings[out->n_findings - 1] = row[1];
        }
    }
    out->records = records;
    out->findings = findings;
}

static const char *pack_changes(struct arena *a, const struct published_changes *c)
{
    struct buf b;

    if (c->n == 0)
        return NULL;
    buf_init(&b, STATE_MAX);
    for (size_t i = 0; i < c->n; i++) {
        const struct published_change *x = &c->items[i];
        (void)pack_row(&b,
            (const char *const[]){
                published_rank_name(x->rank), x->kind, x->name, x->before, x->now, x->message},
            CHANGE_FIELDS);
    }
    return finish_text(a, &b);
}

static void decide(
    void *context, size_t i, const struct store_check *last, struct store_check_answer *out)
{
    struct watch *w = context;
    struct published now = w->states[i];
    struct published before;
    struct published_changes changes;

    arena_reset(w->scratch);
    if (last) {
        watch_unpack(w->scratch, last->content, &before);
        published_compare(w->scratch, &before, &now, &changes);
        published_carry(w->scratch, &before, &now);
        out->changes = pack_changes(w->scratch, &changes);
    }
    out->content = pack_state(w->scratch, &now);
}

static int flush(struct watch *w, struct err *e)
{
    int got = 0;
    int attempt = 0;

    do {
        got = w->n ? store_checks_keep(w->store, w->checked, w->n, decide, w, e) : 0;
    } while (got == ERR_TEMPORARY && strcmp(e->tag, "owners-changed") == 0 && ++attempt < ATTEMPTS);
    w->n = 0;
    arena_reset(w->pending);
    return got;
}

int watch_take(struct watch *w, const struct check_result *r, struct err *e)
{
    if (!published_of(w->pending, r, w->scope, &w->states[w->n]))
        return 0;
    w->checked[w->n] = (struct store_checked){arena_strdup(w->pending, r->domain), when_now()};
    w->n++;
    return w->n == AT_ONCE ? flush(w, e) : 0;
}

int watch_finish(struct watch *w, struct err *e)
{
    return flush(w, e);
}

/* ---- showing ---- */

/* The last two states of a domain. */
struct pair {
    const char *client, *domain;
    int64_t seen_before, changed_at, last_seen; /* changed_at 0: never */
    const char *changes;
};

struct showing {
    const struct watch_request *want;
    struct arena *arena;
    struct pair *pairs;
    size_t n;
    FILE *out;
    struct json json;
    bool weaker;
};

static bool is_wanted(const struct watch_request *want, const char *domain)
{
    for (size_t i = 0; i < want->n; i++) {
        if (strcmp(want->domains[i], domain) == 0)
            return true;
    }
    return want->n == 0;
}

/* Rows come by domain and time. */
static int take_state(void *context, const struct store_check *c)
{
    struct showing *s = context;
    struct pair *p = s->n ? &s->pairs[s->n - 1] : NULL;

    if (!is_wanted(s->want, c->domain))
        return 0;
    if (!p || strcmp(p->domain, c->domain) != 0 || strcmp(p->client, c->client) != 0) {
        s->pairs = arena_grow(s->arena, s->pairs, &s->n, sizeof *s->pairs);
        p = &s->pairs[s->n - 1];
        *p = (struct pair){.client = arena_strdup(s->arena, c->client),
            .domain = arena_strdup(s->arena, c->domain)};
    } else {
        p->seen_before = p->last_seen;
        p->changed_at = c->checked_at;
        p->changes = c->changes ? arena_strdup(s->arena, c->changes) : NULL;
    }
    p->last_seen = c->last_seen;
    return 0;
}

static bool pair_is_weaker(const struct pair *p)
{
    return p->changes && strncmp(p->changes, "weaker\t", 7) == 0;
}

static const char *clip(struct showing *s, const char *text)
{
    return text_safe(s->arena, text ? text : "-", SHOWN_MAX);
}

/* Records of several lines are shown as one. */
static const char *in_a_line(struct showing *s, const char *text)
{
    char *copy = text ? arena_strdup(s->arena, text) : NULL;

    for (char *at = copy; at && (at = strchr(at, '\n'));)
        *at = '|';
    return clip(s, copy);
}

static void put_change(struct showing *s, const char *const row[CHANGE_FIELDS])
{
    (void)fprintf(s->out, "  %-8s %s %s: %s\n", clip(s, row[0]), clip(s, row[1]), clip(s, row[2]),
        clip(s, row[5]));
    if (row[3] || row[4]) {
        (void)fprintf(s->out, "           before: %s\n           now:    %s\n",
            in_a_line(s, row[3]), in_a_line(s, row[4]));
    }
}

static void put_pair(struct showing *s, const struct pair *p)
{
    char before[WHEN_TEXT_MAX], at[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX];
    const char *row[CHANGE_FIELDS];
    const char *text = p->changes;

    when_format(p->last_seen, last);
    if (!p->changed_at) {
        (void)fprintf(s->out, "%s (%s): no change so far, checked last at %s\n", clip(s, p->domain),
            clip(s, p->client), last);
        return;
    }
    when_format(p->seen_before, before);
    when_format(p->changed_at, at);
    (void)fprintf(s->out, "%s (%s): changed between %s and %s, checked last at %s\n",
        clip(s, p->domain), clip(s, p->client), before, at, last);
    while (unpack_row(s->arena, &text, row, CHANGE_FIELDS))
        put_change(s, row);
}

static void json_time(struct showing *s, const char *key, int64_t at)
{
    char text[WHEN_TEXT_MAX];

    when_format(at, text);
    json_member_string(&s->json, key, at ? text : NULL);
}

static void json_pair(struct showing *s, const struct pair *p)
{
    static const char *const keys[CHANGE_FIELDS] = {
        "rank", "kind", "name", "before", "now", "message"};
    const char *row[CHANGE_FIELDS];
    const char *text = p->changes;

    json_object(&s->json);
    json_member_string(&s->json, "client", p->client);
    json_member_string(&s->json, "domain", p->domain);
    json_time(s, "last_seen_before", p->seen_before);
    json_time(s, "changed_at", p->changed_at);
    json_time(s, "checked_at", p->last_seen);
    json_key(&s->json, "changes");
    json_array(&s->json);
    while (unpack_row(s->arena, &text, row, CHANGE_FIELDS)) {
        json_object(&s->json);
        for (size_t k = 0; k < CHANGE_FIELDS; k++)
            json_member_string(&s->json, keys[k], row[k]);
        json_end(&s->json);
    }
    json_end(&s->json);
    json_end(&s->json);
}

/* What weakens a protection comes first; the rest is in order of client and domain. */
static void put_all(struct showing *s)
{
    if (s->want->json) {
        json_init(&s->json, s->out, true);
        json_array(&s->json);
    }
    for (int weaker = 1; weaker >= 0; weaker--) {
        for (size_t i = 0; i < s->n; i++) {
            const struct pair *p = &s->pairs[i];
            if (pair_is_weaker(p) != (weaker == 1))
                continue;
            s->weaker = s->weaker || weaker;
            if (s->want->json) {
                json_pair(s, p);
            } else {
                put_pair(s, p);
            }
        }
    }
    if (s->want->json)
        json_end(&s->json);
}

int watch_print(
    struct store *s, const struct watch_request *want, FILE *out, bool *weaker, struct err *e)
{
    struct showing showing = {.want = want, .arena = arena_new(), .out = out};
    const struct store_period ever = {
        .client = want->client, .from = PERIOD_FIRST_DAY, .to = PERIOD_LAST_DAY};
    int rc = store_checks(s, &ever, take_state, &showing, e);

    if (!rc) {
        put_all(&showing);
        *weaker = showing.weaker;
    }
    arena_free(showing.arena);
    return rc;
}
