/* Whole checks of a domain against answers in a table: the vectors. */
#include "base/arena.h"
#include "check/check.h"
#include "tests/unit/dns_table.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- vectors ---- */

static void plant(struct dns_table *t, const char *key, const json_t *values)
{
    const char *blank = strchr(key, ' ');
    size_t i;
    const json_t *v;
    char *name = strndup(key, (size_t)(blank - key));

    json_array_foreach(values, i, v)
        dns_table_add(t, name, blank + 1, json_string_value(v), json_string_length(v));
    free(name);
}

static int fetch_policy(
    void *context, const char *url, size_t max, struct arena *a, struct fetched *out, struct err *e)
{
    const char *policy = context;

    (void)max;
    (void)a;
    if (!policy || !strstr(url, "/mta-sts.txt"))
        return err_set(e, ERR_INPUT, "https", "there is nothing");
    *out = (struct fetched){
        .status = 200, .content_type = "text/plain", .body = policy, .len = strlen(policy)};
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Ids that begin with the prefix, each once, in order, with blanks between. */
static const char *ids_of(struct arena *a, const struct findings *f, const char *prefix)
{
    const char **ids = arena_alloc(a, (f->n + 1) * sizeof *ids);
    size_t n = 0;
    const char *out = "";

    for (size_t i = 0; i < f->n; i++) {
        if (strncmp(f->items[i].kind->id, prefix, strlen(prefix)) == 0)
            ids[n++] = f->items[i].kind->id;
    }
    qsort(ids, n, sizeof *ids, compare_ids);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(ids[i], ids[i - 1]) != 0)
            out = arena_printf(a, "%s%s%s", out, *out ? " " : "", ids[i]);
    }
    return out;
}

static const char *expected_ids(struct arena *a, const json_t *list)
{
    const char *out = "";
    size_t i;
    const json_t *v;

    json_array_foreach(list, i, v) out =
        arena_printf(a, "%s%s%s", out, *out ? " " : "", json_string_value(v));
    return out;
}

static void expect_text(const char *id, const char *what, const char *wanted, const char *got)
{
    if (strcmp(wanted, got) == 0)
        return;
    printf("\n%s: %s: wanted '%s', got '%s'", id, what, wanted, got);
    CU_FAIL("a vector differs");
}

static void expect_effective(const char *id, const json_t *effective, const struct check_result *r)
{
    const struct dmarc_applied *as = &r->dmarc.as_9989;

    if (!effective)
        return;
    const json_t *domain = json_object_get(effective, "domain");
    if (!json_is_string(domain)) {
        expect_text(id, "effective", "no DMARC", as->domain);
        return;
    }
    expect_text(id, "domain", json_string_value(domain), as->domain);
    expect_text(
        id, "subdomain", json_string_value(json_object_get(effective, "sub")), as->subdomain);
    expect_text(
        id, "invented", json_string_value(json_object_get(effective, "nosub")), as->invented);
}

static const char *prefix_of(const char *check)
{
    static const char *const prefixes[][2] = {{"dmarc", "DMARC-"}, {"dkim", "DKIM-"}, {"mx", "MX-"},
        {"sts", "STS-"}, {"tlsrpt", "TLSRPT-"}};

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (strcmp(prefixes[i][0], check) == 0)
            return prefixes[i][1];
    }
    return NULL;
}

static const char *text_of(const json_t *v, const char *key)
{
    return json_string_value(json_object_get(v, key));
}

static void run_vector(const json_t *v)
{
    struct arena *a = arena_new();
    struct dns_table *t = dns_table_new();
    const char *prefix = prefix_of(text_of(v, "check"));
    const char *selector = text_of(v, "selector");
    const char *policy = text_of(v, "policy");
    const char *domain = text_of(v, "domain");
    const char *key;
    const json_t *values;
    struct check_result r;

    json_object_foreach((json_t *)(uintptr_t)json_object_get(v, "zone"), key, values)
        plant(t, key, values);
    if (policy) /* that it can be fetched implies a host */
        dns_table_add(t, arena_printf(a, "mta-sts.%s", domain), "A", "192.0.2.80", 10);
    struct dns *d = dns_table_open(t);
    const struct check_settings set = {.dns = d,
        .fetch = policy ? fetch_policy : NULL,
        .fetch_context = (void *)(uintptr_t)policy,
        .selectors = &selector,
        .n_selectors = selector != NULL,
        .now = 1795000000};
    check_domain(&set, &(struct check_target){.name = domain}, a, &r);
    expect_text(text_of(v, "id"), text_of(v, "title"),
        expected_ids(a, json_object_get(v, "findings")), ids_of(a, &r.findings, prefix));
    expect_effective(
        text_of(v, "id"), json_object_get(json_object_get(v, "expect"), "effective"), &r);
    for (size_t i = 0; i < r.findings.n; i++) {
        CU_ASSERT_PTR_NOT_NULL(r.findings.items[i].advice);
        if (strchr(r.findings.items[i].advice, '{')) {
            printf("\n%s: %s: %s", text_of(v, "id"), r.findings.items[i].kind->id,
                r.findings.items[i].advice);
            CU_FAIL("an argument is missing");
        }
    }
    dns_close(d);
    arena_free(a);
}

static void test_vectors(void)
{
    json_error_t why;
    json_t *all = json_load_file("data/vectors_records.json", 0, &why);
    size_t i;
    const json_t *v;
    size_t n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(all);
    json_array_foreach(all, i, v)
    {
        if (prefix_of(text_of(v, "check"))) {
            run_vector(v);
            n++;
        }
    }
    CU_ASSERT_EQUAL(n, 63);
    json_decref(all);
}

const char unit_suite[] = "check";
const struct unit_test unit_tests[] = {
    {"vectors", test_vectors},
    {NULL, NULL},
};
