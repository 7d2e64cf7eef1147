/*
 * The decision table: every vector gets its cause, every row of the table has a vector.
 */
#include "base/arena.h"
#include "base/text.h"
#include "report/words.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

const char unit_suite[] = "cause";

enum {
    RESULTS_MAX = 8
};

/* A vector, read. */
struct vector {
    const json_t *json;
    const char *id;
    struct auth_result dkims[RESULTS_MAX], spfs[RESULTS_MAX];
    struct auth_results auth;
    struct override_reason reasons[RESULTS_MAX];
    struct context context;
    struct sighting row;
    struct features features;
    enum cause_id cause;
    struct evidence evidence;
};

static struct arena *arena;
static struct identities *ids;

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool flag(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key)) != 0;
}

static enum known known(const json_t *object, const char *key)
{
    return flag(object, key) ? YES : NO;
}

static const char *domain(const char *name)
{
    bool odd = false;

    return domain_normalise(arena, name, &odd);
}

static enum verdict verdict_of(const json_t *evaluated, const char *key)
{
    const char *word = text(evaluated, key);

    if (word && strcmp(word, "pass") == 0)
        return VERDICT_PASS;
    return word && strcmp(word, "fail") == 0 ? VERDICT_FAIL : VERDICT_UNKNOWN;
}

static size_t read_results(const json_t *list, struct auth_result *out)
{
    size_t n = json_array_size(list);

    CU_ASSERT_FATAL(n <= RESULTS_MAX);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(list, i);
        out[i] = (struct auth_result){
            .domain = domain(text(one, "domain")),
            .selector = text(one, "selector"),
            .scope = text(one, "scope"),
            .result = text(one, "result"),
        };
    }
    return n;
}

static bool is_walk(const json_t *ctx)
{
    const char *method = text(ctx, "method");

    return method && strcmp(method, "treewalk") == 0;
}

static void read_context(const json_t *ctx, struct context *out)
{
    *out = (struct context){
        .ptr = text(ctx, "ptr"),
        .confirmed = known(ctx, "fcr"),
        .residential = known(ctx, "res"),
        .ours = known(ctx, "org_owner"),
        .mx_microsoft = known(ctx, "mx_microsoft"),
        .mx_google = known(ctx, "mx_google"),
        .sender = text(ctx, "src"),
        .own = known(ctx, "own"),
        .in_spf = known(ctx, "inspf"),
        .nonexistent = known(ctx, "nx"),
        .parked = known(ctx, "parked"),
        .sender_in_spf = known(ctx, "src_spf"),
        .sender_has_key = known(ctx, "src_key"),
        /* C33: a record with psd=n makes it an organisation of its own */
        .organisation = json_object_get(ctx, "dmarc") ? "dept.example.com" : NULL,
    };
}

/* "home": {"d/s": [addresses]} */
static void read_home(const struct vector *v, const json_t *home, struct past *out)
{
    const struct auth_result *k = v->features.own_key;
    char ip[ADDR_TEXT_MAX];

    if (!home || !k)
        return;
    const json_t *list =
        json_object_get(home, arena_printf(arena, "%s/%s", k->domain, k->selector));
    addr_format(&v->row.ip, ip);
    out->home_known = json_array_size(list) > 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        out->at_home |= strcmp(json_string_value(json_array_get(list, i)), ip) == 0;
}

static void read_vector(const json_t *json, struct vector *v)
{
    const json_t *row = json_object_get(json, "row");
    const json_t *policy = json_object_get(json, "policy");
    const json_t *ctx = json_object_get(json, "ctx");
    const json_t *reasons = json_object_get(row, "reason");
    const char *use = text(ctx, "use");

    *v = (struct vector){.json = json, .id = text(json, "id")};
    v->auth.dkims = v->dkims;
    v->auth.n_dkims = read_results(json_object_get(row, "dkim"), v->dkims);
    v->auth.spfs = v->spfs;
    v->auth.n_spfs = read_results(json_object_get(row, "spf"), v->spfs);
    read_context(ctx, &v->context);
    v->row = (struct sighting){
        .policy_domain = domain(text(policy, "domain")),
        .header_from = domain(text(row, "header_from")),
        .envelope_from = text(row, "envelope_from"),
        .dkim = verdict_of(json_object_get(row, "pe"), "dkim"),
        .spf = verdict_of(json_object_get(row, "pe"), "spf"),
        .auth = &v->auth,
        .reasons = v->reasons,
        .n_reasons = json_array_size(reasons),
        .strict_dkim = strcmp(text(policy, "adkim"), "s") == 0,
        .strict_spf = strcmp(text(policy, "aspf"), "s") == 0,
        .tree_walk = is_walk(ctx),
        .distrust_spf = use && strcmp(use, "calc") == 0,
        .context = &v->context,
    };
    CU_ASSERT_TRUE(addr_parse(text(row, "ip"), &v->row.ip));
    for (size_t i = 0; i < v->row.n_reasons; i++) {
        const json_t *one = json_array_get(reasons, i);
        v->reasons[i] =
            (struct override_reason){.type = text(one, "type"), .comment = text(one, "comment")};
    }
    if (text(ctx, "label")) {
        struct err e;
        CU_ASSERT_EQUAL(
            identities_label(ids, text(row, "ip"), "labelled", text(ctx, "label"), &e), 0);
    }
    features_read(&v->row, ids, &v->features);
    struct past *past = &v->features.past;
    read_home(v, json_object_get(ctx, "home"), past);
    past->seen = flag(ctx, "seen");
    past->seen_spf = flag(ctx, "seen_spf");
    past->sender_seen = flag(ctx, "sender_seen");
    past->sender_signs = flag(ctx, "sender_signs");
    past->spread = json_integer_value(json_object_get(ctx, "spread"));
    past->key_alone = strcmp(v->id, "C07") == 0; /* no other host is known to use this key */
    v->cause = cause_find(&v->features);
    evidence_take(&v->features, text(policy, "p"), &v->evidence);
}

static void each_vector(const char *file, void (*look)(const struct vector *v))
{
    json_error_t why;
    json_t *list = json_load_file(file, 0, &why);

    CU_ASSERT_PTR_NOT_NULL_FATAL(list);
    arena = arena_new();
    ids = identities_new();
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct vector v;
        arena_reset(arena);
        read_vector(json_array_get(list, i), &v);
        look(&v);
    }
    identities_free(ids);
    arena_free(arena);
    json_decref(list);
}

static void each(void (*look)(const struct vector *v))
{
    each_vector("data/causes/given.json", look);
    each_vector("data/causes/more.json", look);
}

/* ---- causes ---- */

static void same_cause(const struct vector *v)
{
    const json_t *expect = json_object_get(v->json, "expect");
    bool right = strcmp(cause_name(v->cause), text(expect, "cause")) == 0 &&
                 strcmp(class_name(causes[v->cause].class), text(expect, "class")) == 0;

    if (!right) {
        printf("\n    %s (%s): %s, not %s", v->id, text(v->json, "title"), cause_name(v->cause),
            text(expect, "cause"));
    }
    CU_ASSERT_TRUE(right);
    const char *dmarc = text(expect, "dmarc");
    if (dmarc)
        CU_ASSERT_EQUAL(v->features.pass, strcmp(dmarc, "pass") == 0);
}

static void test_causes(void)
{
    each(same_cause);
}

static unsigned seen[CAUSE_COUNT];

static void count_cause(const struct vector *v)
{
    enum cause_id id;

    CU_ASSERT_TRUE_FATAL(cause_parse(text(json_object_get(v->json, "expect"), "cause"), &id));
    seen[id]++;
}

static void test_every_row_has_a_vector(void)
{
    memset(seen, 0, sizeof seen);
    each(count_cause);
    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        if (!seen[i])
            printf("\n    no vector for %s", cause_name((enum cause_id)i));
        CU_ASSERT_TRUE(seen[i] > 0);
    }
}

/* P1 to P16 are of rows that pass and F1 to F28 of those that fail, in the table's order. */
static void test_order(void)
{
    char name[8];

    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        enum cause_id id;
        (void)snprintf(name, sizeof name, "%c%u", i < CAUSE_F1 ? 'P' : 'F',
            i < CAUSE_F1 ? i + 1 : i - CAUSE_F1 + 1);
        CU_ASSERT_STRING_EQUAL(cause_name((enum cause_id)i), name);
        CU_ASSERT_TRUE(cause_parse(name, &id) && id == i);
        name[0] = (char)(name[0] + ('a' - 'A'));
        CU_ASSERT_TRUE(cause_parse(name, &id) && id == i);
    }
    enum cause_id ignored;
    CU_ASSERT_FALSE(cause_parse("F29", &ignored));
    CU_ASSERT_FALSE(cause_parse("ok", &ignored));
}

/* The page that explains them has every cause with its class. */
static void test_page(void)
{
    static char page[20000];
    FILE *f = fopen("../docs/causes.md", "re");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    CU_ASSERT_EQUAL(fclose(f), 0);
    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        char row[40];
        (void)snprintf(
            row, sizeof row, "\n| %s | %s | ", causes[i].name, class_name(causes[i].class));
        if (!strstr(page, row))
            printf("\n    not in docs/causes.md: %s", row + 1);
        CU_ASSERT_PTR_NOT_NULL(strstr(page, row));
    }
}

/* ---- words ---- */

static const struct {
    const char *id, *there;
} wanted[] = {
    {"C02", "custom DKIM"},
    {"C02", "CNAME"},
    {"C02", "selector1._domainkey.example.com & selector2._domainkey.example.com"},
    {"C07", "ip4:192.0.2.77"},
    {"C07", "news.example.com"},
    {"C07", "If 192.0.2.77 is a server of yours"},
    {"C11", "adkim=r"},
    {"C12", "aspf=r"},
    {"C16", "2026a._domainkey.example.com"},
    {"C17", "selector1._domainkey.example.com"},
    {"C18", "google._domainkey.example.com"},
    {"C19", "k2._domainkey.example.com"},
    {"C19", "k3._domainkey.example.com"},
    {"C19", "Copy the exact values"},
    {"C20", "If this account is yours"},
    {"C20", "If it is not yours"},
    {"C24", "np=reject"},
    {"C24", "sp=reject"},
    {"C33", "sign with DKIM as dept.example.com"},
};

static void has(const struct vector *v, const char *words, const char *part, bool there)
{
    bool found = strstr(words, part) != NULL;

    if (found != there)
        printf("\n    %s: %s '%s': %s", v->id, there ? "no" : "there is", part, words);
    CU_ASSERT_EQUAL(found, there);
}

static void look_at_words(const struct vector *v)
{
    const char *remedy = words_remedy(arena, v->cause, &v->evidence);
    const char *reason = words_reason(arena, v->cause, &v->evidence);
    enum cause_class class = causes[v->cause].class;
    const json_t *list = json_object_get(v->json, "remedy");

    for (size_t i = 0; i < json_array_size(list); i++)
        has(v, remedy, json_string_value(json_array_get(list, i)), true);
    list = json_object_get(v->json, "not_remedy");
    for (size_t i = 0; i < json_array_size(list); i++)
        has(v, remedy, json_string_value(json_array_get(list, i)), false);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (strcmp(wanted[i].id, v->id) == 0)
            has(v, remedy, wanted[i].there, true);
    }
    has(v, remedy, "{", false);
    has(v, reason, "{", false);
    has(v, remedy, "(not named)", false);
    CU_ASSERT_TRUE(*remedy && *reason);
    if (class == CLASS_FORWARD || class == CLASS_FORWARD_BROKEN || class == CLASS_SPOOF ||
        class == CLASS_UNKNOWN) {
        has(v, remedy, "ip4:", false);
        has(v, remedy, "ip6:", false);
        has(v, remedy, "include:", false);
    }
}

static void test_words(void)
{
    each(look_at_words);
}

/* Whatever is known and not known: no address but the owner's gets into advice. */
static void test_addresses_in_advice(void)
{
    struct evidence v = {
        .policy_domain = "a.example",
        .from = "a.example",
        .ip = {.len = 4, .bytes = {203, 0, 113, 7}},
        .spf = "a.example",
        .spf_result = "softfail",
        .own_dkim = "a.example",
        .own_dkim_result = "pass",
    };

    arena = arena_new();
    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        const char *remedy = words_remedy(arena, (enum cause_id)i, &v);
        enum cause_class class = causes[i].class;
        if (i == CAUSE_F27) /* it always has an identity of its own */
            continue;
        bool owned = i == CAUSE_F21; /* its name is the owner's, and leads back to it */
        CU_ASSERT_EQUAL(strstr(remedy, "ip4:203.0.113.7") != NULL, owned);
        CU_ASSERT_PTR_NULL(strstr(remedy, "ip6:"));
        if (class == CLASS_FORWARD || class == CLASS_FORWARD_BROKEN || class == CLASS_SPOOF ||
            class == CLASS_UNKNOWN || i == CAUSE_F8)
            CU_ASSERT_PTR_NULL(strstr(remedy, "203.0.113.7"));
    }
    v.key_alone = true;
    CU_ASSERT_PTR_NOT_NULL(strstr(words_remedy(arena, CAUSE_P15, &v), "ip4:203.0.113.7"));
    v.hosts = 2;
    CU_ASSERT_PTR_NULL(strstr(words_remedy(arena, CAUSE_P15, &v), "ip4:"));
    arena_free(arena);
}

/* What strangers wrote stays harmless in sentences. */
static void test_hostile_names(void)
{
    static char name[10001];
    const struct evidence v = {
        .policy_domain = "a.example",
        .from = name,
        .other_dkim = "\x1b[31mred\xe2\x80\xae",
        .own_dkim = name,
        .own_dkim_selector = "s\x1b]0;x\x07",
        .own_dkim_result = "f\nail",
        .spf = name,
        .spf_result = "\x1b[2J",
        .ptr = "p\rq",
        .confirmed = YES,
        .arc = "arc=pass as[1].d=\x1b[1mevil ",
    };

    memset(name, '{', sizeof name - 1);
    arena = arena_new();
    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        const char *words = arena_printf(arena, "%s|%s|%s|%s",
            words_reason(arena, (enum cause_id)i, &v), words_remedy(arena, (enum cause_id)i, &v),
            words_identity(arena, &v), words_results(arena, &v));
        CU_ASSERT_PTR_NULL(strpbrk(words, "\x1b\n\r\x07"));
        CU_ASSERT_PTR_NULL(strstr(words, "\xe2\x80\xae"));
        CU_ASSERT_TRUE(strlen(words) < 3000);
    }
    arena_free(arena);
}

const struct unit_test unit_tests[] = {
    {"causes", test_causes},
    {"every row has a vector", test_every_row_has_a_vector},
    {"order", test_order},
    {"page", test_page},
    {"words", test_words},
    {"addresses in advice", test_addresses_in_advice},
    {"hostile names", test_hostile_names},
    {NULL, NULL},
};
