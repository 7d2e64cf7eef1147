/*
 * All of it is counters under keys: a letter that says what is counted, and the names it is about.
 */
#include "report/history.h"

#include "base/arena.h"
#include "base/lookup.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COPIES_LEAST = 3 /* records before a reporter is said to copy */
};

struct counter {
    struct lookup_key key;
    int64_t n;
    int64_t first, last; /* days */
};

struct history {
    struct arena *arena;
    struct lookup *counters;
    struct arena *scratch;
};

struct history *history_new(void)
{
    struct history *h = mem_alloc(sizeof *h);

    h->arena = arena_new();
    h->scratch = arena_new();
    h->counters = lookup_new();
    return h;
}

void history_free(struct history *h)
{
    if (!h)
        return;
    lookup_free(h->counters);
    arena_free(h->arena);
    arena_free(h->scratch);
    free(h);
}

static struct counter *find(const struct history *h, const char *key)
{
    return lookup_find(h->counters, key);
}

static struct counter *counter_at(struct history *h, const char *key)
{
    struct counter *c = find(h, key);

    if (c)
        return c;
    c = arena_alloc(h->arena, sizeof *c);
    *c = (struct counter){
        .key.text = arena_strdup(h->arena, key), .first = INT64_MAX, .last = INT64_MIN};
    lookup_add(h->counters, &c->key);
    return c;
}

/* A key of what is counted, and up to three names. */
static const char *join(
    struct arena *a, char what, const char *first, const char *second, const char *third)
{
    size_t one = strlen(first);
    size_t two = strlen(second);
    size_t three = strlen(third);
    char *key = arena_alloc(a, one + two + three + 5);
    char *to = key;

    *to++ = what;
    *to++ = '\t';
    to = mempcpy(to, first, one);
    *to++ = '\t';
    to = mempcpy(to, second, two);
    *to++ = '\t';
    (void)memcpy(to, third, three + 1);
    return key;
}

/* A name below a key, counted once. */
static void count_name(struct history *h, const char *key, const char *name)
{
    struct counter *one = counter_at(h, join(h->scratch, '.', key, name, ""));

    if (one->n++ == 0)
        counter_at(h, key)->n++;
}

static bool is_set(const struct history *h, const char *key)
{
    return find(h, key) != NULL;
}

void history_network(const struct addr *a, char out[NETWORK_TEXT_MAX])
{
    struct addr network = *a;
    char text[ADDR_TEXT_MAX];
    unsigned kept = a->len == 4 ? 3 : 6;

    if (a->len == 0) {
        out[0] = '\0';
        return;
    }
    memset(network.bytes + kept, 0, a->len - kept);
    addr_format(&network, text);
    (void)snprintf(out, NETWORK_TEXT_MAX, "%s/%u", text, kept * 8);
}

/* ---- keys ---- */

struct names {
    char network[NETWORK_TEXT_MAX];
    char ip[ADDR_TEXT_MAX];
    const char *domain;
};

static void name_row(const struct features *f, struct names *out)
{
    history_network(&f->row->ip, out->network);
    addr_format(&f->row->ip, out->ip);
    out->domain = f->row->policy_domain;
}

/* A selector that is not listed stands for all of the domain's. */
static const char *key_of(
    struct arena *a, char what, const struct names *n, const struct auth_result *k, bool any)
{
    return join(a, what, n->domain, k->domain, k->selector && !any ? k->selector : "");
}

static const char *source_of(struct arena *a, char what, const struct names *n, const char *who)
{
    return join(a, what, n->domain, who, "");
}

/* ---- filling ---- */

static bool passes(const char *result)
{
    return result && strcmp(result, "pass") == 0;
}

static bool spf_aligned(const struct features *f)
{
    return f->spf_dom ? passes(f->spf_res) && f->spf_own : f->sa;
}

static void widen(struct counter *c, int64_t first, int64_t last)
{
    c->first = first < c->first ? first : c->first;
    c->last = last > c->last ? last : c->last;
}

/* Where this key passes: HOME with aligned SPF, and for each, from how many networks. */
static void add_key(struct history *h, const struct features *f, const struct names *n,
    const char *reporter, int64_t first, int64_t last)
{
    const struct auth_result *k = f->own_key;

    if (!f->dk_ok_al_r || !k)
        return;
    for (int any = 0; any <= 1; any++) {
        if (spf_aligned(f))
            count_name(h, key_of(h->scratch, 'H', n, k, any), n->network);
        if (any == 1 && (!k->selector || !*k->selector))
            break;
    }
    count_name(h, key_of(h->scratch, 'N', n, k, false), n->network);
    count_name(h, key_of(h->scratch, 'R', n, k, false), reporter);
    widen(counter_at(h, key_of(h->scratch, 'N', n, k, false)), first, last);
}

void history_add(
    struct history *h, const struct features *f, const char *reporter, int64_t first, int64_t last)
{
    struct names n;

    arena_reset(h->scratch);
    name_row(f, &n);
    add_key(h, f, &n, reporter, first, last);
    if (f->pass)
        (void)counter_at(h, source_of(h->scratch, 'S', &n, n.ip));
    if (spf_aligned(f))
        (void)counter_at(h, source_of(h->scratch, 'A', &n, n.ip));
    if (f->pass && f->src)
        (void)counter_at(h, source_of(h->scratch, 'V', &n, f->src->id));
    if (f->da && f->src && f->cap)
        (void)counter_at(h, source_of(h->scratch, 'K', &n, f->src->id));
    if (!f->pass && f->dk_none && f->spf_own)
        count_name(h, source_of(h->scratch, 'X', &n, ""), n.network);
}

void history_add_reporter(
    struct history *h, const struct features *f, const char *reporter, int64_t records)
{
    if (!f->spf_dom || !passes(f->spf_res) || f->spf_own || f->row->spf == VERDICT_UNKNOWN)
        return;
    arena_reset(h->scratch);
    counter_at(h, join(h->scratch, 'F', reporter, "", ""))->n += records;
    if (f->row->spf == VERDICT_PASS)
        counter_at(h, join(h->scratch, 'C', reporter, "", ""))->n += records;
}

/* ---- asking ---- */

bool history_distrusts_spf(const struct history *h, const char *reporter)
{
    arena_reset(h->scratch);
    const struct counter *foreign = find(h, join(h->scratch, 'F', reporter, "", ""));
    const struct counter *copied = find(h, join(h->scratch, 'C', reporter, "", ""));

    return foreign && copied && copied->n >= COPIES_LEAST && copied->n > foreign->n / 2;
}

static void ask_key(
    const struct history *h, const struct features *f, const struct names *n, struct past *out)
{
    const struct auth_result *k = f->own_key;

    if (!k)
        return;
    const char *home = key_of(h->scratch, 'H', n, k, false);
    out->home_known = is_set(h, home);
    out->at_home = is_set(h, join(h->scratch, '.', home, n->network, ""));
    const struct counter *networks = find(h, key_of(h->scratch, 'N', n, k, false));
    const struct counter *reporters = find(h, key_of(h->scratch, 'R', n, k, false));
    out->key_alone = networks && reporters && networks->n == 1 && reporters->n > 1 &&
                     networks->last > networks->first;
}

void history_ask(const struct history *h, const struct features *f, struct past *out)
{
    struct names n;

    arena_reset(h->scratch);
    *out = (struct past){0};
    name_row(f, &n);
    ask_key(h, f, &n, out);
    out->seen = is_set(h, source_of(h->scratch, 'S', &n, n.ip));
    out->seen_spf = is_set(h, source_of(h->scratch, 'A', &n, n.ip));
    out->sender_seen = f->src && is_set(h, source_of(h->scratch, 'V', &n, f->src->id));
    out->sender_signs = f->src && is_set(h, source_of(h->scratch, 'K', &n, f->src->id));
    const struct counter *spread = find(h, source_of(h->scratch, 'X', &n, ""));
    out->spread = spread ? spread->n : 0;
}
