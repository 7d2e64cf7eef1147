#include "report/finding.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "report/history.h"
#include "report/number_set.h"
#include "report/phrases.h"

#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_SHOWN = 255 /* bytes of a name in a title */
};

/* A finding while its rows come in. */
struct collected {
    struct finding f;
    int64_t heaviest; /* messages of the row whose evidence is kept */
    int64_t seen;     /* messages of all rows that were judged */
    struct number_set reporters;
    struct finding_host host; /* whose rows are coming */
};

struct findings {
    struct arena *arena;
    struct arena *scratch;
    int64_t to;
    void *found; /* tsearch */
    struct collected **all;
    size_t n;
};

void report_add(int64_t *sum, int64_t n)
{
    if (__builtin_add_overflow(*sum, n, sum))
        *sum = INT64_MAX;
}

void report_count_action(struct report_actions *to, enum disposition d, int64_t messages)
{
    switch (d) {
    case DISPOSITION_NONE:
    case DISPOSITION_PASS:
        report_add(&to->none, messages);
        break;
    case DISPOSITION_QUARANTINE:
        report_add(&to->quarantine, messages);
        break;
    case DISPOSITION_REJECT:
        report_add(&to->reject, messages);
        break;
    case DISPOSITION_UNKNOWN:
        report_add(&to->other, messages);
        break;
    }
}

struct findings *findings_new(struct arena *a, int64_t to)
{
    struct findings *l = arena_alloc(a, sizeof *l);

    l->arena = a;
    l->scratch = arena_new();
    l->to = to;
    return l;
}

/* ---- which finding a row belongs to ---- */

static bool is(const char *word, const char *wanted)
{
    return word && strcmp(word, wanted) == 0;
}

/* Who it is, as far as that is told: else its network. */
static const char *source_of(struct findings *l, const struct features *f)
{
    char network[NETWORK_TEXT_MAX];

    if (f->label)
        return f->label->name;
    if (f->src)
        return f->src->id;
    if (f->other_key)
        return domain_registrable(f->other_key->domain);
    if (is(f->spf_res, "pass") && !f->spf_own)
        return domain_registrable(f->spf_dom);
    if (f->known->ptr && f->known->confirmed == YES)
        return domain_registrable(f->known->ptr);
    history_network(&f->row->ip, network);
    return arena_strdup(l->scratch, network);
}

static const char *key_of(struct findings *l, const struct features *f)
{
    const struct auth_result *k = f->own_key;

    if (!k)
        return "";
    return arena_printf(l->scratch, "%s/%s", k->selector ? k->selector : "", k->domain);
}

static void name_group(struct findings *l, const struct judgement *j, struct finding *out)
{
    const struct features *f = j->features;

    out->domain = j->row->domain;
    out->cause = j->cause;
    out->source = out->key = "";
    switch (causes[j->cause].group) {
    case GROUP_DOMAIN:
        break;
    case GROUP_SOURCE:
        out->source = source_of(l, f);
        break;
    case GROUP_KEY:
        out->source = source_of(l, f);
        out->key = key_of(l, f);
        break;
    case GROUP_SPF:
        out->key = f->spf_dom ? f->spf_dom : "";
        break;
    }
}

static int compare_names(const struct finding *a, const struct finding *b)
{
    int order = strcmp(a->domain, b->domain);

    if (!order)
        order = (int)a->cause - (int)b->cause;
    if (!order)
        order = strcmp(a->source, b->source);
    return order ? order : strcmp(a->key, b->key);
}

static int by_names(const void *left, const void *right)
{
    return compare_names(
        &((const struct collected *)left)->f, &((const struct collected *)right)->f);
}

static struct collected *collected_for(struct findings *l, const struct judgement *j)
{
    struct collected wanted = {0};

    arena_reset(l->scratch);
    name_group(l, j, &wanted.f);
    void *const *hit = tfind(&wanted, &l->found, by_names);
    if (hit)
        return *hit;
    struct collected *c = arena_alloc(l->arena, sizeof *c);
    c->f = (struct finding){
        .domain = wanted.f.domain,
        .cause = wanted.f.cause,
        .source = arena_strdup(l->arena, wanted.f.source),
        .key = arena_strdup(l->arena, wanted.f.key),
        .first = INT64_MAX,
        .last = INT64_MIN,
    };
    c->heaviest = -1;
    if (!tsearch(c, &l->found, by_names))
        mem_exhausted();
    l->all = arena_grow(l->arena, l->all, &l->n, sizeof(struct collected *));
    l->all[l->n - 1] = c;
    return c;
}

/* ---- what was done with it (alignment of action and policy) ---- */

static bool has_reason(const struct features *f, const char *type)
{
    for (size_t i = 0; i < f->row->n_reasons; i++) {
        if (is(f->row->reasons[i].type, type))
            return true;
    }
    return false;
}

static bool made_exception(const struct features *f)
{
    return f->fwd || f->list || has_reason(f, "local_policy") || has_reason(f, "other");
}

static int strength(enum disposition d)
{
    return d == DISPOSITION_REJECT ? 2 : d == DISPOSITION_QUARANTINE ? 1 : 0;
}

static int asked(const char *policy)
{
    return is(policy, "reject") ? 2 : is(policy, "quarantine") ? 1 : 0;
}

static enum reading read_action(const struct judgement *j)
{
    const struct features *f = j->features;
    int did = strength(j->row->disposition);
    int wanted = f->pass ? 0 : asked(j->policy);

    if (j->row->disposition == DISPOSITION_UNKNOWN || !j->policy || did == wanted)
        return READING_PLAIN;
    if (did > wanted)
        return READING_OWN_DECISION;
    if (has_reason(f, "sampled_out"))
        return READING_SAMPLED;
    if (has_reason(f, "policy_test_mode"))
        return READING_TEST_MODE;
    return made_exception(f) ? READING_EXCEPTION : READING_NOT_ENFORCED;
}

static bool was_lost(const struct judgement *j)
{
    enum cause_class class = causes[j->cause].class;

    return !j->features->pass && strength(j->row->disposition) > 0 &&
           (class == CLASS_FIX || class == CLASS_NONCAPABLE || class == CLASS_FORWARD_BROKEN);
}

/* ---- adding up ---- */

/* The host whose rows came is complete. */
static void close_host(struct collected *c)
{
    struct finding *f = &c->f;
    size_t at = f->n_examples;

    while (at > 0 && f->examples[at - 1].messages < c->host.messages)
        at--;
    if (at >= FINDING_EXAMPLES)
        return;
    size_t last = f->n_examples < FINDING_EXAMPLES ? f->n_examples++ : FINDING_EXAMPLES - 1;
    for (size_t i = last; i > at; i--)
        f->examples[i] = f->examples[i - 1];
    f->examples[at] = c->host;
}

static void add_host(struct collected *c, const struct addr *ip, int64_t messages)
{
    bool same = c->f.hosts > 0 && c->host.ip.len == ip->len &&
                memcmp(c->host.ip.bytes, ip->bytes, ip->len) == 0;

    if (!same) {
        if (c->f.hosts > 0)
            close_host(c);
        c->host = (struct finding_host){.ip = *ip};
        c->f.hosts++;
    }
    report_add(&c->host.messages, messages);
}

static void add_period_row(struct findings *l, struct collected *c, const struct judgement *j)
{
    const struct store_source_row *r = j->row;
    struct finding *f = &c->f;

    report_add(&f->records, r->records);
    report_add(&f->messages, r->messages);
    if (r->dkim != VERDICT_PASS && r->spf != VERDICT_PASS)
        report_add(&f->failed, r->messages);
    if (was_lost(j))
        report_add(&f->lost, r->messages);
    report_count_action(&f->actions, r->disposition, r->messages);
    report_add(&f->readings[read_action(j)], r->messages);
    number_set_add(l->arena, &c->reporters, j->reporter);
    add_host(c, &r->source_ip, r->messages);
    if (r->messages > c->heaviest) {
        c->heaviest = r->messages;
        evidence_take(j->features, j->policy, &f->evidence);
    }
}

void findings_add(struct findings *l, const struct judgement *j)
{
    struct collected *c = collected_for(l, j);
    struct finding *f = &c->f;

    report_add(&c->seen, j->row->messages);
    f->first = j->row->first < f->first ? j->row->first : f->first;
    f->last = j->row->last > f->last ? j->row->last : f->last;
    if (!j->before) {
        add_period_row(l, c, j);
    } else if (!f->evidence.from) {
        evidence_take(j->features, j->policy, &f->evidence);
    }
}

/* ---- the end ---- */

static bool is_stray(const struct finding *f, int64_t messages)
{
    return causes[f->cause].confirm && messages < FINDING_MESSAGES &&
           when_day(f->first) == when_day(f->last);
}

static enum finding_status status_of(const struct finding *f, int64_t to)
{
    if (f->records == 0)
        return to - when_day(f->last) >= FINDING_RESOLVED_DAYS ? FINDING_RESOLVED : FINDING_QUIET;
    return is_stray(f, f->messages) ? FINDING_MINOR : FINDING_OPEN;
}

/* What to look at first. */
static int rank_of(const struct finding *f)
{
    static const int ranks[CLASS_COUNT] = {
        [CLASS_FIX] = 0,
        [CLASS_NONCAPABLE] = 1,
        [CLASS_FORWARD_BROKEN] = 2,
        [CLASS_OK_WEAK] = 3,
        [CLASS_TRANSIENT] = 4,
        [CLASS_UNKNOWN] = 5,
        [CLASS_SPOOF] = 6,
        [CLASS_FORWARD] = 7,
        [CLASS_OK] = 8,
    };

    return f->status >= FINDING_QUIET ? CLASS_COUNT + (int)f->status
                                      : ranks[causes[f->cause].class];
}

static int compare_down(int64_t a, int64_t b)
{
    return a > b ? -1 : a < b;
}

static int by_use(const void *left, const void *right)
{
    const struct finding *a = left;
    const struct finding *b = right;
    int order = compare_down(a->lost, b->lost);

    if (!order)
        order = rank_of(a) - rank_of(b);
    if (!order)
        order = compare_down(a->failed, b->failed);
    if (!order)
        order = compare_down(a->messages, b->messages);
    return order ? order : compare_names(a, b);
}

/* Of what is over, only that which there was advice on. */
static bool is_kept(const struct collected *c)
{
    enum cause_class class = causes[c->f.cause].class;

    return c->f.status < FINDING_QUIET ||
           ((class == CLASS_FIX || class == CLASS_NONCAPABLE) && !is_stray(&c->f, c->seen));
}

static void keep(void *collected)
{
    (void)collected; /* the arena has it */
}

struct finding *findings_finish(struct findings *l, size_t *n)
{
    struct finding *out = arena_alloc(l->arena, (l->n + 1) * sizeof *out);
    size_t kept = 0;

    for (size_t i = 0; i < l->n; i++) {
        struct collected *c = l->all[i];
        if (c->f.hosts > 0)
            close_host(c);
        c->f.status = status_of(&c->f, l->to);
        c->f.reporters = c->f.evidence.reporters = c->reporters.n;
        c->f.evidence.hosts = c->f.hosts;
        if (is_kept(c))
            out[kept++] = c->f;
    }
    if (kept)
        qsort(out, kept, sizeof *out, by_use);
    tdestroy(l->found, keep);
    arena_free(l->scratch);
    *n = kept;
    return out;
}

/* ---- in words ---- */

const char *finding_status_name(enum finding_status s)
{
    static const char *const names[] = {"open", "minor", "quiet", "resolved"};

    return names[s];
}

#define FILL(id, ...) PHRASE_FILL(a, f->evidence.phrases, id, __VA_ARGS__)

/* Of several hosts: what they have in common. */
static const char *hosts_title(struct arena *a, const struct finding *f)
{
    const char *source = text_safe(a, f->source, NAME_SHOWN);
    const char *n = arena_printf(a, "%" PRId64, f->hosts);

    if (!*source)
        return FILL(HOSTS, n);
    return strchr(source, '/') ? FILL(HOSTS_IN, n, source) : FILL(HOSTS_OF, n, source);
}

const char *finding_who(struct arena *a, const struct finding *f)
{
    const struct evidence *v = &f->evidence;
    const char *who = words_identity(a, v);
    char ip[ADDR_TEXT_MAX];

    addr_format(&v->ip, ip);
    if (causes[f->cause].group == GROUP_SPF) {
        who = FILL(SPF_RECORD_OF, text_safe(a, f->key, NAME_SHOWN));
    } else if (f->hosts > 1 && !v->sender && !v->label) {
        who = hosts_title(a, f);
    } else if (*ip && !v->sender && !v->label) {
        who = arena_printf(a, "%s (%s)", ip, who);
    }
    return who;
}

const char *finding_title(struct arena *a, const struct finding *f)
{
    return FILL(WHO_AS, finding_who(a, f), text_safe(a, f->domain, NAME_SHOWN));
}

static const char *reading_words(struct arena *a, enum reading r, const struct finding *f)
{
    const char *n = arena_printf(a, "%" PRId64, f->readings[r]);

    switch (r) {
    case READING_SAMPLED:
        return FILL(READING_SAMPLED, n);
    case READING_TEST_MODE:
        return FILL(READING_TEST_MODE, n);
    case READING_EXCEPTION:
        return causes[f->cause].class == CLASS_FORWARD_BROKEN ? FILL(READING_SAVED, n)
                                                              : FILL(READING_EXCEPTION, n);
    case READING_NOT_ENFORCED:
        return FILL(READING_NOT_ENFORCED, n);
    case READING_OWN_DECISION:
        return FILL(READING_OWN_DECISION, n);
    case READING_PLAIN:
    case READING_COUNT:
        break;
    }
    return NULL;
}

const char *finding_reading(struct arena *a, const struct finding *f)
{
    const char *list = "";

    for (unsigned r = 0; r < READING_COUNT; r++) {
        const char *words = f->readings[r] ? reading_words(a, (enum reading)r, f) : NULL;
        if (words)
            list = arena_printf(a, "%s%s%s", list, *list ? "; " : "", words);
    }
    return *list ? arena_printf(a, "%s.", list) : "";
}
