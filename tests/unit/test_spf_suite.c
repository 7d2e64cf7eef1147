/* The public test suite for RFC 7208, all of it, from the answers it prescribes. */
#include "base/arena.h"
#include "check/spf_eval.h"
#include "tests/unit/dns_table.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum {
    CASES = 203
};

static const char *string_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

/* Several strings of one TXT record come as a list. */
static void add_text(struct dns_table *t, const char *name, const char *type, const json_t *value)
{
    char joined[512];
    size_t len = 0;

    if (json_is_string(value)) {
        dns_table_add(t, name, type, json_string_value(value), json_string_length(value));
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *piece = json_array_get(value, i);
        memcpy(joined + len, json_string_value(piece), json_string_length(piece));
        len += json_string_length(piece);
    }
    dns_table_add(t, name, type, joined, len);
}

static void add_record(struct dns_table *t, const char *name, const char *type, const json_t *value)
{
    char mx[512];

    if (strcmp(type, "TXT") == 0 || strcmp(type, "SPF") == 0) {
        add_text(t, name, type, value);
    } else if (strcmp(type, "MX") == 0) {
        (void)snprintf(mx, sizeof mx, "%lld %s", json_integer_value(json_array_get(value, 0)),
            json_string_value(json_array_get(value, 1)));
        dns_table_add(t, name, type, mx, strlen(mx));
    } else {
        dns_table_add(t, name, type, json_string_value(value), json_string_length(value));
    }
}

/* The suite writes SPF for what is published as SPF and TXT, unless the name has a TXT of its own
 * ("NONE": that it has none). */
static void add_name(struct dns_table *t, const char *name, json_t *records)
{
    bool own_txt = false;
    size_t i;
    json_t *record;
    const char *type;
    json_t *value;

    dns_table_add(t, name, "EXISTS", "", 0);
    json_array_foreach(records, i, record)
    {
        own_txt = own_txt || json_object_get(record, "TXT");
        if (json_is_string(record)) /* TIMEOUT */
            dns_table_add(t, name, json_string_value(record), "", 0);
    }
    json_array_foreach(records, i, record)
    {
        json_object_foreach(record, type, value)
        {
            if (json_is_string(value) && strcmp(json_string_value(value), "NONE") == 0)
                continue;
            add_record(t, name, type, value);
            if (strcmp(type, "SPF") == 0 && !own_txt)
                add_record(t, name, "TXT", value);
        }
    }
}

static struct dns *zone_of(json_t *scenario)
{
    struct dns_table *t = dns_table_new();
    const char *name;
    json_t *records;

    json_object_foreach(json_object_get(scenario, "zonedata"), name, records)
    {
        add_name(t, name, records);
    }
    return dns_table_open(t);
}

/* One result, or a list of them; the first is what the authors prefer. */
static bool is_expected(const json_t *expected, const char *result)
{
    if (json_is_string(expected))
        return strcmp(json_string_value(expected), result) == 0;
    for (size_t i = 0; i < json_array_size(expected); i++) {
        if (strcmp(json_string_value(json_array_get(expected, i)), result) == 0)
            return true;
    }
    return false;
}

static bool case_holds(struct dns *d, const char *name, const json_t *test)
{
    struct arena *a = arena_new();
    struct spf_question q = {
        .sender = string_of(test, "mailfrom"), .helo = string_of(test, "helo")};
    struct spf_verdict v;
    const char *explanation = string_of(test, "explanation");

    CU_ASSERT_TRUE_FATAL(addr_parse(string_of(test, "host"), &q.ip));
    spf_check_host(d, &q, a, &v);
    const char *said = v.explanation ? v.explanation : "DEFAULT";
    bool ok = is_expected(json_object_get(test, "result"), spf_result_name(v.result)) &&
              (!explanation || strcmp(explanation, said) == 0);
    if (!ok)
        printf("%s: %s (%s), \"%s\"\n", name, spf_result_name(v.result), v.why ? v.why : "", said);
    arena_free(a);
    return ok;
}

static void the_suite_is_passed(void)
{
    json_error_t e;
    json_t *suite = json_load_file("data/spf/rfc7208-tests.json", JSON_ALLOW_NUL, &e);
    size_t i;
    json_t *scenario;
    unsigned cases = 0;
    unsigned held = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(suite);
    json_array_foreach(suite, i, scenario)
    {
        struct dns *d = zone_of(scenario);
        const char *name;
        json_t *test;
        json_object_foreach(json_object_get(scenario, "tests"), name, test)
        {
            cases++;
            held += case_holds(d, name, test);
        }
        dns_close(d);
    }
    printf("RFC 7208 suite: %u of %u cases\n", held, cases);
    CU_ASSERT_EQUAL(cases, CASES);
    CU_ASSERT_EQUAL(held, cases);
    json_decref(suite);
}

const char unit_suite[] = "spf_suite";
const struct unit_test unit_tests[] = {
    {"the suite is passed", the_suite_is_passed},
    {NULL, NULL},
};
