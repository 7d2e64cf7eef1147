#include "check/changes.h"

#include "base/arena.h"
#include "base/text.h"
#include "check/dkim_key.h"
#include "check/dmarc_record.h"
#include "check/finding.h"
#include "check/spf_record.h"
#include "check/tags.h"

#include <stdlib.h>
#include <string.h>

static const char *const rank_names[] = {
    [PUBLISHED_WEAKER] = "weaker",
    [PUBLISHED_CHANGED] = "changed",
    [PUBLISHED_STRONGER] = "stronger",
    [PUBLISHED_NEW] = "new",
    [PUBLISHED_GONE] = "gone",
};

const char *published_rank_name(enum published_rank r)
{
    return rank_names[r];
}

struct comparing {
    struct arena *arena;
    const struct published *before, *now;
    struct published_changes *out;
};

/* The difference of one record, judged. */
struct verdict {
    enum published_rank rank;
    const char *message;
};

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static enum published_rank rank_by(int before, int now)
{
    return now < before ? PUBLISHED_WEAKER : now > before ? PUBLISHED_STRONGER : PUBLISHED_CHANGED;
}

static bool is_single(const char *text)
{
    return text && !strchr(text, '\n');
}

/* ---- DMARC ---- */

enum {
    SCOPES = 3
};

/* What receivers do with the mail that fails. */
struct effect {
    bool record;
    bool inherited;
    struct dmarc_record read;
    enum dmarc_policy scopes[SCOPES];
    int pct;
};

/* Of the domain's own record, or else of the one above that applies. */
static void read_effect(struct arena *a, const struct published *p, struct effect *out)
{
    const struct published_record *own = NULL;
    const struct published_record *above = NULL;
    const struct published_record *domain = &p->records[0];

    *out = (struct effect){.pct = 100};
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->records[i].kind, "domain") == 0)
            domain = &p->records[i];
    }
    for (size_t i = 0; i < p->n; i++) {
        const struct published_record *r = &p->records[i];
        if (strcmp(r->kind, "dmarc") != 0)
            continue;
        bool is_own = strncmp(r->name, "_dmarc.", 7) == 0 && strcmp(r->name + 7, domain->name) == 0;
        *(is_own ? &own : &above) = r;
    }
    out->inherited = !own || !own->text;
    const struct published_record *r = out->inherited ? above : own;
    if (!r || !is_single(r->text))
        return;
    out->record = true;
    dmarc_record_read(a, r->text, strlen(r->text), &out->read);
    for (int k = 0; k < SCOPES; k++) {
        enum dmarc_scope scope =
            out->inherited && k == DMARC_DOMAIN ? DMARC_SUBDOMAIN : (enum dmarc_scope)k;
        out->scopes[k] = dmarc_effective(&out->read, scope, DMARC_9989);
    }
    out->pct = out->read.pct;
}

static const char *policy_word(enum dmarc_policy p)
{
    return p >= DMARC_NONE ? dmarc_policy_name(p) : "no DMARC";
}

static const char *report_goes(struct arena *a, const struct effect *e)
{
    const char *text = "";

    for (size_t i = 0; i < e->read.rua.n; i++)
        text = arena_printf(a, "%s%s%s", text, i ? "," : "", e->read.rua.items[i].text);
    return text;
}

static struct verdict judge_dmarc(struct comparing *c)
{
    static const char *const whose[SCOPES] = {
        "mail From the domain", "mail From its subdomains", "mail From names that do not exist"};
    struct effect before, now;
    struct verdict v = {PUBLISHED_CHANGED, ""};

    read_effect(c->arena, c->before, &before);
    read_effect(c->arena, c->now, &now);
    /* the worst first: it decides */
    for (int pass = PUBLISHED_WEAKER; pass <= PUBLISHED_STRONGER && !*v.message; pass++) {
        for (int k = 0; k < SCOPES && !*v.message; k++) {
            enum published_rank rank = rank_by((int)before.scopes[k], (int)now.scopes[k]);
            if ((int)rank != pass || rank == PUBLISHED_CHANGED)
                continue;
            v.rank = rank;
            v.message = arena_printf(c->arena, "policy for %s: %s before, %s now", whose[k],
                policy_word(before.scopes[k]), policy_word(now.scopes[k]));
        }
        if (pass == PUBLISHED_WEAKER && !*v.message && now.pct < before.pct) {
            v.rank = PUBLISHED_WEAKER;
            v.message = arena_printf(c->arena,
                "the policy is for %d %% of the mail, it was for %d %%", now.pct, before.pct);
        }
    }
    if (*v.message)
        return v;
    if (now.pct > before.pct) {
        v.rank = PUBLISHED_STRONGER;
        v.message = arena_printf(
            c->arena, "the policy is for %d %% of the mail, it was for %d %%", now.pct, before.pct);
    } else if (!same(report_goes(c->arena, &before), report_goes(c->arena, &now))) {
        v.message = now.read.rua.n ? "reports go elsewhere" : "no reports are asked for any more";
    } else {
        v.message = "the policy is the same";
    }
    return v;
}

/* ---- SPF ---- */

/* How strictly the record speaks of everybody else; -1: another record says it. */
static int spf_strictness(struct arena *a, const char *text)
{
    struct spf_record r;

    if (!is_single(text))
        return 1;
    spf_record_read(a, text, strlen(text), &r);
    if (spf_record_is_broken(&r))
        return 1;
    for (size_t i = 0; i < r.n; i++) {
        if (r.terms[i].kind != SPF_ALL)
            continue;
        enum spf_result q = r.terms[i].qualifier;
        return q == SPF_PASS ? 0 : q == SPF_NEUTRAL ? 2 : q == SPF_SOFTFAIL ? 3 : 4;
    }
    return r.redirect ? -1 : 2;
}

/* Terms of one text that the other does not have. */
static const char *terms_beyond(struct arena *a, const char *text, const char *other)
{
    const char *list = "";
    const char *padded = arena_printf(a, " %s ", other);

    while (*text) {
        size_t n = strcspn(text, " ");
        const char *term = arena_strndup(a, text, n);
        if (n && !strstr(padded, arena_printf(a, " %s ", term)))
            list = arena_printf(a, "%s%s%s", list, *list ? " " : "", term);
        text += n + (text[n] == ' ');
    }
    return list;
}

static struct verdict judge_spf(struct comparing *c, const char *before, const char *now)
{
    int was = spf_strictness(c->arena, before);
    int is = spf_strictness(c->arena, now);
    enum published_rank rank = was < 0 || is < 0 ? PUBLISHED_CHANGED : rank_by(was, is);

    if (!is_single(before) || !is_single(now)) {
        return (struct verdict){now && !before ? PUBLISHED_STRONGER : rank,
            before ? "several records void each other, before or now" : "published now"};
    }
    const char *added = terms_beyond(c->arena, now, before);
    const char *removed = terms_beyond(c->arena, before, now);
    return (struct verdict){
        rank, arena_printf(c->arena, "%s%s%s%s%s", *added ? "added: " : "", added,
                  *added && *removed ? "; " : "", *removed ? "removed: " : "", removed)};
}

/* ---- DKIM ---- */

struct key {
    const char *p;
    bool valid;
    unsigned bits;
    bool rsa;
};

static struct key read_key(struct arena *a, const char *text)
{
    struct tags tags;
    struct dkim_key key;
    struct key k;

    tags_read(a, text, strlen(text), &tags);
    const char *type = tags_value(&tags, "k");
    const char *p = tags_value(&tags, "p");
    k = (struct key){.p = p ? p : "", .rsa = !type || text_equal_nocase(type, "rsa")};
    if (*k.p && !dkim_key_read(a, k.rsa ? DKIM_KEY_RSA : DKIM_KEY_ED25519, k.p, &key)) {
        k.valid = true;
        k.bits = key.bits;
    }
    return k;
}

static struct verdict judge_key(struct comparing *c, const char *before, const char *now)
{
    if (!before)
        return (struct verdict){PUBLISHED_STRONGER, "a key is there now"};
    struct key was = read_key(c->arena, before);
    struct key is = read_key(c->arena, now);
    if (same(was.p, is.p))
        return (struct verdict){PUBLISHED_CHANGED, "the key is the same"};
    if (!*is.p)
        return (struct verdict){PUBLISHED_WEAKER, "the key was revoked"};
    if (was.valid && !is.valid)
        return (struct verdict){PUBLISHED_WEAKER, "the key is not valid any more"};
    if (was.rsa && is.rsa && is.bits != was.bits) {
        return (struct verdict){rank_by((int)was.bits, (int)is.bits),
            arena_printf(c->arena, "another key, of %u bits instead of %u", is.bits, was.bits)};
    }
    return (struct verdict){PUBLISHED_CHANGED, "another key"};
}

/* ---- the rest ---- */

static int sts_strictness(const char *text)
{
    static const char *const modes[] = {"none", "testing", "enforce"};

    for (int i = 2; text && i >= 0; i--) {
        if (strncmp(text, "mode: ", 6) == 0 && strncmp(text + 6, modes[i], strlen(modes[i])) == 0)
            return i;
    }
    return 0;
}

static struct verdict judge_removed(struct comparing *c, const struct published_record *r)
{
    static const char *const protecting[] = {"domain", "spf", "dkim", "mta-sts"};

    if (strcmp(r->kind, "dmarc") == 0) {
        struct verdict v = judge_dmarc(c);
        v.message = arena_printf(c->arena, "not published any more; %s", v.message);
        return v;
    }
    if (strcmp(r->kind, "domain") == 0)
        return (struct verdict){PUBLISHED_WEAKER, "the domain is not in the DNS any more"};
    for (size_t i = 0; i < sizeof protecting / sizeof *protecting; i++) {
        if (strcmp(r->kind, protecting[i]) == 0)
            return (struct verdict){PUBLISHED_WEAKER, "not published any more"};
    }
    return (struct verdict){PUBLISHED_CHANGED, "not published any more"};
}

static struct verdict judge(
    struct comparing *c, const struct published_record *before, const char *now)
{
    if (!now)
        return judge_removed(c, before);
    if (strcmp(before->kind, "dmarc") == 0)
        return judge_dmarc(c);
    if (strcmp(before->kind, "spf") == 0)
        return judge_spf(c, before->text, now);
    if (strcmp(before->kind, "dkim") == 0)
        return judge_key(c, before->text, now);
    if (strcmp(before->kind, "mta-sts-policy") == 0) {
        return (struct verdict){
            rank_by(sts_strictness(before->text), sts_strictness(now)), "another policy is served"};
    }
    if (strcmp(before->kind, "mta-sts") == 0 && !before->text)
        return (struct verdict){PUBLISHED_STRONGER, "published now"};
    return (struct verdict){PUBLISHED_CHANGED, before->text ? "different" : "published now"};
}

static void add(struct comparing *c, struct published_change change)
{
    struct published_changes *out = c->out;

    out->items = arena_grow(c->arena, out->items, &out->n, sizeof *out->items);
    out->items[out->n - 1] = change;
}

static void compare_records(struct comparing *c)
{
    for (size_t i = 0; i < c->before->n; i++) {
        const struct published_record *before = &c->before->records[i];
        const struct published_record *now = published_find(c->now, before->kind, before->name);
        if (!now || same(before->text, now->text))
            continue;
        struct verdict v = judge(c, before, now->text);
        add(c, (struct published_change){
                   v.rank, before->kind, before->name, before->text, now->text, v.message});
    }
}

/* A record above the domain that applied and was changed or taken away. */
static bool tells_of_dmarc(const struct published_changes *changes)
{
    for (size_t i = 0; i < changes->n; i++) {
        if (strcmp(changes->items[i].kind, "dmarc") == 0)
            return true;
    }
    return false;
}

static void compare_inherited(struct comparing *c)
{
    for (size_t i = 0; i < c->before->n && !tells_of_dmarc(c->out); i++) {
        const struct published_record *r = &c->before->records[i];
        if (strcmp(r->kind, "dmarc") != 0 || !r->text || published_find(c->now, r->kind, r->name))
            continue;
        struct verdict v = judge_dmarc(c);
        if (v.rank != PUBLISHED_CHANGED) {
            add(c, (struct published_change){v.rank, r->kind, r->name, r->text, NULL,
                       arena_printf(c->arena, "does not apply any more; %s", v.message)});
        }
    }
}

static bool has_id(const struct published *p, const char *id)
{
    for (size_t i = 0; i < p->n_findings; i++) {
        if (strcmp(p->findings[i], id) == 0)
            return true;
    }
    return false;
}

/* Those of `in` that `other` lacks. */
static void add_findings(struct comparing *c, const struct published *in,
    const struct published *other, enum published_rank rank)
{
    for (size_t i = 0; i < in->n_findings; i++) {
        if (has_id(other, in->findings[i]))
            continue;
        const struct finding_kind *k = finding_kind_find(in->findings[i]);
        const char *what =
            k ? arena_printf(c->arena, "%s: %s", severity_name(k->severity), k->what) : "";
        add(c, (struct published_change){rank, "finding", in->findings[i], NULL, NULL, what});
    }
}

/* Insertion keeps the order of equals, and there are few. */
static void sort_by_rank(struct published_changes *c)
{
    for (size_t i = 1; i < c->n; i++) {
        struct published_change x = c->items[i];
        size_t k = i;
        for (; k > 0 && c->items[k - 1].rank > x.rank; k--)
            c->items[k] = c->items[k - 1];
        c->items[k] = x;
    }
}

void published_compare(struct arena *a, const struct published *before, const struct published *now,
    struct published_changes *out)
{
    struct comparing c = {a, before, now, out};

    *out = (struct published_changes){NULL, 0};
    if (before->n == 0 || now->n == 0)
        return;
    compare_records(&c);
    compare_inherited(&c);
    if (before->scope && now->scope && same(before->scope, now->scope)) {
        add_findings(&c, now, before, PUBLISHED_NEW);
        add_findings(&c, before, now, PUBLISHED_GONE);
    }
    sort_by_rank(out);
}
