#include "report/judge.h"

#include "base/arena.h"
#include "base/lookup.h"
#include "base/text.h"
#include "base/when.h"
#include "report/history.h"
#include "store/auth.h"

#include <string.h>
#include <strings.h>

enum {
    BLOCK_ROWS = 512
};

/* A text, once: reports say the same few things again and again. */
struct text {
    struct lookup_key value;
    size_t number; /* in order of appearance */
    /* what it unpacks to, once that is asked for */
    struct auth_results *auth;
    struct override_reason *reasons;
    size_t n_reasons;
    bool distrusted; /* a reporter that copies SPF results */
};

struct judged_row {
    struct store_source_row row;
    const struct text *auth, *reasons;
    struct text *reporter;
    struct context *context;
    bool before;
};

struct judge {
    struct arena *arena;
    const struct identities *identities;
    const struct enrichment *enrichment;
    struct judged_row **blocks; /* of BLOCK_ROWS rows: a growing array would be there twice */
    size_t n_blocks;
    size_t n_rows;
    struct lookup *texts;
    struct lookup *reporters; /* the same, for the numbers */
    size_t n_reporters;
    bool before; /* what is being read */
    struct history *history;
};

static struct text *intern(const struct judge *j, struct lookup *in, const char *value)
{
    struct text *t = lookup_find(in, value);

    if (t)
        return t;
    t = arena_alloc(j->arena, sizeof *t);
    t->value.text = arena_strdup(j->arena, value);
    lookup_add(in, &t->value);
    return t;
}

static const char *once(struct judge *j, const char *value)
{
    return value ? intern(j, j->texts, value)->value.text : NULL;
}

/* ---- reading ---- */

static const struct text *once_auth(struct judge *j, const char *packed)
{
    struct text *t = intern(j, j->texts, packed ? packed : "");

    if (!t->auth) {
        t->auth = arena_alloc(j->arena, sizeof *t->auth);
        auth_unpack(j->arena, t->value.text, t->auth);
    }
    return t;
}

static const struct text *once_reasons(struct judge *j, const char *packed)
{
    struct text *t = intern(j, j->texts, packed ? packed : "");

    if (!t->reasons && *t->value.text)
        t->reasons = reasons_unpack(j->arena, t->value.text, &t->n_reasons);
    return t;
}

static struct text *once_reporter(struct judge *j, const char *name)
{
    struct text *t = intern(j, j->reporters, name ? name : "");

    if (t->number == 0)
        t->number = ++j->n_reporters;
    return t;
}

static struct judged_row *row_at(const struct judge *j, size_t i)
{
    return &j->blocks[i / BLOCK_ROWS][i % BLOCK_ROWS];
}

static struct judged_row *new_row(struct judge *j)
{
    if (j->n_rows % BLOCK_ROWS == 0) {
        j->blocks = arena_grow(j->arena, j->blocks, &j->n_blocks, sizeof(struct judged_row *));
        j->blocks[j->n_blocks - 1] = arena_alloc(j->arena, BLOCK_ROWS * sizeof(struct judged_row));
    }
    return row_at(j, j->n_rows++);
}

static int take_row(void *context, const struct store_source_row *r)
{
    struct judge *j = context;
    struct judged_row *to = new_row(j);

    *to = (struct judged_row){
        .row = *r,
        .auth = once_auth(j, r->auth),
        .reasons = once_reasons(j, r->reasons),
        .reporter = once_reporter(j, r->reporter),
        .before = j->before,
    };
    to->row.client = once(j, r->client);
    to->row.domain = once(j, r->domain ? r->domain : "");
    to->row.header_from = once(j, r->header_from);
    to->row.envelope_from = once(j, r->envelope_from);
    to->row.auth = to->auth->value.text;
    to->row.reasons = to->reasons->value.text;
    to->row.reporter = to->reporter->value.text;
    to->row.p = once(j, r->p);
    to->row.sp = once(j, r->sp);
    to->row.adkim = once(j, r->adkim);
    to->row.aspf = once(j, r->aspf);
    to->row.discovery_method = once(j, r->discovery_method);
    return 0;
}

static int read_rows(struct judge *j, struct store *s, const struct store_period *p, struct err *e)
{
    struct store_period earlier = *p;
    int rc = 0;

    earlier.from = p->to - (JUDGE_DAYS - 1);
    earlier.to = p->from - 1;
    j->before = true;
    if (earlier.from <= earlier.to)
        rc = store_sources(s, &earlier, take_row, j, e);
    j->before = false;
    return rc ? rc : store_sources(s, p, take_row, j, e);
}

/* ---- judging ---- */

static bool is_strict(const char *mode)
{
    return mode && strcmp(mode, "s") == 0;
}

static struct context *learn(struct judge *j, const struct store_source_row *r)
{
    struct context *c = arena_alloc(j->arena, sizeof *c);
    const char *from = r->header_from && *r->header_from ? r->header_from : r->domain;

    if (j->enrichment->about_source)
        j->enrichment->about_source(j->enrichment->data, from, &r->source_ip, c);
    return c;
}

static void learn_of_sender(const struct judge *j, struct judged_row *r, const struct features *f)
{
    if (j->enrichment && j->enrichment->about_sender && f->src)
        j->enrichment->about_sender(j->enrichment->data, f->from, f->src, r->context);
}

static void read_features(
    struct judge *j, struct judged_row *r, struct sighting *s, struct features *f)
{
    static const struct context nothing;

    if (j->enrichment && !r->context)
        r->context = learn(j, &r->row);
    *s = (struct sighting){
        .policy_domain = r->row.domain,
        .header_from = r->row.header_from,
        .envelope_from = r->row.envelope_from,
        .ip = r->row.source_ip,
        .dkim = r->row.dkim,
        .spf = r->row.spf,
        .auth = r->auth->auth,
        .reasons = r->reasons->reasons,
        .n_reasons = r->reasons->n_reasons,
        .strict_dkim = is_strict(r->row.adkim),
        .strict_spf = is_strict(r->row.aspf),
        .tree_walk =
            r->row.discovery_method && strcasecmp(r->row.discovery_method, "treewalk") == 0,
        .distrust_spf = r->reporter->distrusted,
        .context = r->context ? r->context : &nothing,
    };
    features_read(s, j->identities, f);
}

/* First who copies what, then what the rows show in that light: the causes need all of it. */
static void learn_history(struct judge *j)
{
    struct sighting s;
    struct features f;

    for (size_t i = 0; i < j->n_rows; i++) {
        read_features(j, row_at(j, i), &s, &f);
        history_add_reporter(j->history, &f, row_at(j, i)->row.reporter, row_at(j, i)->row.records);
    }
    for (size_t i = 0; i < j->n_rows; i++) {
        struct text *reporter = row_at(j, i)->reporter;
        reporter->distrusted = history_distrusts_spf(j->history, reporter->value.text);
    }
    for (size_t i = 0; i < j->n_rows; i++) {
        const struct store_source_row *r = &row_at(j, i)->row;
        read_features(j, row_at(j, i), &s, &f);
        history_add(j->history, &f, r->reporter, when_day(r->first), when_day(r->last));
    }
}

const char *judge_policy(const char *p, const char *sp, bool below)
{
    return below && sp && *sp ? sp : p;
}

static void judge_all(struct judge *j, const struct judge_sink *to)
{
    struct sighting s;
    struct features f;

    for (size_t i = 0; i < j->n_rows; i++) {
        struct judged_row *r = row_at(j, i);
        read_features(j, r, &s, &f);
        learn_of_sender(j, r, &f);
        history_ask(j->history, &f, &f.past);
        const struct judgement one = {
            .row = &r->row,
            .features = &f,
            .cause = cause_find(&f),
            .policy = judge_policy(r->row.p, r->row.sp, strcmp(f.from, r->row.domain) != 0),
            .reporter = r->reporter->number - 1,
            .before = r->before,
        };
        to->take(to->context, &one);
    }
}

int judge_rows(struct store *s, const struct store_period *p, const struct report_settings *set,
    struct arena *a, const struct judge_sink *to, struct err *e)
{
    struct judge j = {
        .arena = a,
        .identities = set->identities,
        .enrichment = set->enrichment,
        .history = history_new(),
        .texts = lookup_new(),
        .reporters = lookup_new(),
    };
    int rc = read_rows(&j, s, p, e);

    if (!rc) {
        learn_history(&j);
        judge_all(&j, to);
    }
    lookup_free(j.texts);
    lookup_free(j.reporters);
    history_free(j.history);
    return rc;
}
