#include "base/addr.h"
#include "base/arena.h"
#include "base/blob.h"
#include "base/buf.h"
#include "base/csv.h"
#include "base/err.h"
#include "base/json.h"
#include "base/lookup.h"
#include "base/text.h"
#include "base/when.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* ---- errors ---- */

static void an_error_collects_its_context(void)
{
    struct err e;

    CU_ASSERT_EQUAL(err_set(&e, ERR_INPUT, "limit-ratio", "%d:1 is a bomb", 4100), ERR_INPUT);
    CU_ASSERT_EQUAL(err_wrap(&e, "%s", "report.zip"), ERR_INPUT);
    CU_ASSERT_EQUAL(err_wrap(&e, "mailbox %s: UID %d", "main", 812), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(e.text, "mailbox main: UID 812: report.zip: 4100:1 is a bomb");
    CU_ASSERT_STRING_EQUAL(e.tag, "limit-ratio");
}

static void an_error_stays_one_bounded_line(void)
{
    struct err e;
    char long_name[600];

    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    (void)err_set(&e, ERR_INPUT, "t", "a\nb\x1b[31mc");
    CU_ASSERT_STRING_EQUAL(e.text, "a b [31mc");
    (void)err_set(&e, ERR_INPUT, "t", "%s", "C1 \xC2\x9B, U+202E \xE2\x80\xAE, junk \x9B");
    CU_ASSERT_STRING_EQUAL(e.text, "C1 \xEF\xBF\xBD, U+202E \xEF\xBF\xBD, junk \xEF\xBF\xBD");
    (void)err_set(&e, ERR_INPUT, "t", "inner");
    (void)err_set(&e, ERR_INPUT, "t", "outer: %s", e.text); /* its own text as an argument */
    CU_ASSERT_STRING_EQUAL(e.text, "outer: inner");
    for (int i = 0; i < 5; i++)
        (void)err_wrap(&e, "%s", long_name);
    CU_ASSERT(strlen(e.text) < sizeof e.text);
    CU_ASSERT_EQUAL(strncmp(e.text, "xxxx", 4), 0);
    for (size_t i = 0; i + 2 < sizeof long_name; i += 2)
        memcpy(long_name + i, "\xC3\xBC", 2);
    for (size_t shift = 0; shift < 2; shift++) { /* one of both would be cut inside a character */
        (void)err_set(&e, ERR_INPUT, "t", "%.*s%s", (int)shift, "x", long_name);
        CU_ASSERT_TRUE(text_is_utf8(e.text, strlen(e.text)));
        CU_ASSERT_STRING_EQUAL(e.text + strlen(e.text) - 3, "\xE2\x80\xA6");
    }
}

static void each_class_has_its_exit_status(void)
{
    CU_ASSERT_EQUAL(err_exit_status(ERR_INPUT), EX_DATAERR);
    CU_ASSERT_EQUAL(err_exit_status(ERR_TEMPORARY), EX_TEMPFAIL);
    CU_ASSERT_EQUAL(err_exit_status(ERR_UNREACHABLE), EX_UNAVAILABLE);
    CU_ASSERT_EQUAL(err_exit_status(ERR_LOGIN), EX_NOPERM);
    CU_ASSERT_EQUAL(err_exit_status(ERR_CONFIG), EX_CONFIG);
    CU_ASSERT_EQUAL(err_exit_status(ERR_USAGE), EX_USAGE);
}

/* ---- memory ---- */

static void an_arena_keeps_what_it_gave(void)
{
    struct arena *a = arena_new();
    char *first = arena_strdup(a, "first");
    unsigned char *big = arena_alloc(a, 3000000);
    int *numbers = NULL;
    size_t n = 0;

    CU_ASSERT_EQUAL(big[0] | big[2999999], 0);
    for (int i = 0; i < 1000; i++) {
        numbers = arena_grow(a, numbers, &n, sizeof *numbers);
        numbers[n - 1] = i;
    }
    CU_ASSERT_EQUAL(n, 1000);
    CU_ASSERT_EQUAL(numbers[0], 0);
    CU_ASSERT_EQUAL(numbers[513], 513);
    CU_ASSERT_EQUAL(numbers[999], 999);
    CU_ASSERT_STRING_EQUAL(first, "first");
    CU_ASSERT_STRING_EQUAL(arena_printf(a, "%s-%d", "x", 7), "x-7");
    CU_ASSERT_STRING_EQUAL(arena_strndup(a, "abcdef", 3), "abc");
    arena_reset(a);
    CU_ASSERT_EQUAL(arena_used(a), 0);
    CU_ASSERT_EQUAL(*(int *)arena_alloc(a, sizeof(int)), 0);
    arena_free(a);
    arena_free(NULL);
}

struct fruit {
    struct lookup_key name;
    int price;
};

static void a_table_finds_what_it_has(void)
{
    struct arena *a = arena_new();
    struct lookup *l = lookup_new();

    CU_ASSERT_PTR_NULL(lookup_find(l, ""));
    for (int i = 0; i < 10000; i++) {
        struct fruit *f = arena_alloc(a, sizeof *f);
        *f = (struct fruit){.name.text = arena_printf(a, "fruit %d", i), .price = i};
        lookup_add(l, &f->name);
    }
    for (int i = 0; i < 10000; i += 99) {
        const struct fruit *f = lookup_find(l, arena_printf(a, "fruit %d", i));
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        CU_ASSERT_EQUAL(f->price, i);
    }
    CU_ASSERT_PTR_NULL(lookup_find(l, "fruit 10000"));
    lookup_free(l);
    arena_free(a);
}

static void a_buffer_has_a_ceiling(void)
{
    struct buf b;

    buf_init(&b, 10);
    CU_ASSERT_EQUAL(buf_adds(&b, "12345"), 0);
    CU_ASSERT_EQUAL(buf_printf(&b, "%d", 678), 0);
    CU_ASSERT_EQUAL(buf_adds(&b, "xyz"), -1);
    CU_ASSERT_EQUAL(buf_printf(&b, "%s", "xyz"), -1);
    CU_ASSERT_STRING_EQUAL(b.data, "12345678");
    CU_ASSERT_EQUAL(buf_adds(&b, "90"), 0);
    CU_ASSERT_EQUAL(b.len, 10);
    buf_clear(&b);
    CU_ASSERT_EQUAL(buf_adds(&b, "again"), 0);
    CU_ASSERT_STRING_EQUAL(b.data, "again");
    buf_done(&b);
}

static void a_blob_reads_alike_from_memory_and_file(void)
{
    static const char text[] = "0123456789";
    unsigned char from_memory[32];
    unsigned char from_file[32];
    char piece[8];
    size_t got = 0;
    struct err e;
    FILE *f = tmpfile();

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(text, 1, 10, f), 10);
    CU_ASSERT_EQUAL(fflush(f), 0);
    struct blob file = blob_of_file(fileno(f), 2, 6);
    struct blob memory = blob_of_memory(text + 2, 6);
    CU_ASSERT_EQUAL(blob_read(&file, 4, piece, sizeof piece, &got, &e), 0);
    CU_ASSERT_EQUAL(got, 2);
    CU_ASSERT_EQUAL(memcmp(piece, "67", 2), 0);
    CU_ASSERT_EQUAL(blob_read(&memory, 4, piece, sizeof piece, &got, &e), 0);
    CU_ASSERT_EQUAL(got, 2);
    CU_ASSERT_EQUAL(blob_read(&memory, 6, piece, sizeof piece, &got, &e), 0);
    CU_ASSERT_EQUAL(got, 0);
    CU_ASSERT_EQUAL(blob_sha256(&file, from_file, &e), 0);
    CU_ASSERT_EQUAL(blob_sha256(&memory, from_memory, &e), 0);
    CU_ASSERT_EQUAL(memcmp(from_file, from_memory, 32), 0);
    (void)fclose(f);
}

static void sha256_is_the_known_one(void)
{
    static const unsigned char abc[4] = {0xba, 0x78, 0x16, 0xbf}; /* FIPS 180-2, "abc" */
    unsigned char out[32];
    struct err e;
    struct blob b = blob_of_memory("abc", 3);

    CU_ASSERT_EQUAL(blob_sha256(&b, out, &e), 0);
    CU_ASSERT_EQUAL(memcmp(out, abc, 4), 0);
}

/* ---- text ---- */

static void base64_is_the_known_one(void)
{
    static const char *const pairs[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}}; /* RFC 4648 section 10 */
    struct buf b;

    buf_init(&b, 8);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        buf_clear(&b);
        CU_ASSERT_EQUAL(base64_add(&b, pairs[i][0], strlen(pairs[i][0])), 0);
        CU_ASSERT_STRING_EQUAL(b.data ? b.data : "", pairs[i][1]);
    }
    CU_ASSERT_EQUAL(base64_add(&b, "1234567", 7), -1);
    buf_wipe(&b);
    CU_ASSERT_PTR_NULL(b.data);
}

static void utf8_is_judged_strictly(void)
{
    static const struct {
        const char *bytes;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain ascii, longer than eight bytes", true},
        {"S\xC3\xBC\xC3\x9F", true},
        {"\xF0\x9F\x93\xA7", true},
        {"12345678\xFF", false},
        {"\xC0\xAF", false},         /* overlong */
        {"\xE0\x80\xAF", false},     /* overlong */
        {"\xED\xA0\x80", false},     /* surrogate */
        {"\xF4\x90\x80\x80", false}, /* beyond U+10FFFF */
        {"\xC3", false},             /* cut */
        {"\x80", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CU_ASSERT_EQUAL(text_is_utf8(cases[i].bytes, strlen(cases[i].bytes)), cases[i].valid);
}

static void unsafe_text_is_neutralised(void)
{
    struct arena *a = arena_new();
    char small[8];

    CU_ASSERT_STRING_EQUAL(text_safe(a, "plain", 100), "plain");
    CU_ASSERT_STRING_EQUAL(text_safe(a, NULL, 100), "");
    CU_ASSERT_STRING_EQUAL(text_safe(a, "\x1b[2J", 100), "\xEF\xBF\xBD[2J");
    CU_ASSERT_STRING_EQUAL(text_safe(a,
                               "a\xE2\x80\xAE"
                               "b",
                               100),
        "a\xEF\xBF\xBD"
        "b"); /* U+202E */
    CU_ASSERT_STRING_EQUAL(text_safe(a,
                               "\xC2\x9B"
                               "31m",
                               100),
        "\xEF\xBF\xBD"
        "31m"); /* C1 CSI */
    CU_ASSERT_STRING_EQUAL(text_safe(a, "x\xFFy", 100), "x\xEF\xBF\xBDy");
    text_safe_into(small, sizeof small, "abcdefghij");
    CU_ASSERT_STRING_EQUAL(small, "abcd\xE2\x80\xA6");
    text_safe_into(small, sizeof small, "abcdefg"); /* just fits */
    CU_ASSERT_STRING_EQUAL(small, "abcdefg");
    text_safe_into(small, sizeof small, "\x01\x02");
    CU_ASSERT_STRING_EQUAL(small, "\xEF\xBF\xBD\xEF\xBF\xBD");
    text_safe_into(small, 3, "abcdefg"); /* no room for an ellipsis */
    CU_ASSERT_STRING_EQUAL(small, "ab");
    CU_ASSERT_STRING_EQUAL(text_safe(a, "abcdefghijk", 10), "abcdefg\xE2\x80\xA6");
    CU_ASSERT_STRING_EQUAL(text_safe(a, "abcdefghij", 10), "abcdefghij");
    CU_ASSERT_STRING_EQUAL(text_safe(a, "\x01", 10), "\xEF\xBF\xBD");
    arena_free(a);
}

static void numbers_are_whole_or_nothing(void)
{
    int64_t n = -1;

    CU_ASSERT_TRUE(text_int64("42", &n));
    CU_ASSERT_EQUAL(n, 42);
    CU_ASSERT_TRUE(text_int64("-7", &n));
    CU_ASSERT_EQUAL(n, -7);
    CU_ASSERT_TRUE(text_int64("9223372036854775807", &n));
    CU_ASSERT_EQUAL(n, INT64_MAX);
    CU_ASSERT_FALSE(text_int64("9223372036854775808", &n));
    CU_ASSERT_FALSE(text_int64("", &n));
    CU_ASSERT_FALSE(text_int64("+", &n));
    CU_ASSERT_FALSE(text_int64("1,234", &n));
    CU_ASSERT_FALSE(text_int64(" 1", &n));
    CU_ASSERT_FALSE(text_int64("0x10", &n));
}

static void domains_become_comparable(void)
{
    struct arena *a = arena_new();
    bool odd = false;

    CU_ASSERT_STRING_EQUAL(domain_normalise(a, " Mail.Example.COM. ", &odd), "mail.example.com");
    CU_ASSERT_STRING_EQUAL(domain_normalise(a,
                               "b\xC3\xBC"
                               "cher.example",
                               &odd),
        "xn--bcher-kva.example");
    CU_ASSERT_STRING_EQUAL(domain_normalise(a, "_dmarc.example.com", &odd), "_dmarc.example.com");
    CU_ASSERT_STRING_EQUAL(domain_normalise(a,
                               "b\xC3\xBC"
                               "cher.example\xE3\x80\x82", /* an ideographic full stop */
                               &odd),
        "xn--bcher-kva.example");
    CU_ASSERT_FALSE(odd);
    CU_ASSERT_PTR_NULL(domain_normalise(a, NULL, &odd));
    static const char *const strange[] = {
        "", "a..b", "-a.example", "a-.example", "=cmd|x", "a b.example", "user@example.com"};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        odd = false;
        CU_ASSERT_PTR_NOT_NULL(domain_normalise(a, strange[i], &odd));
        CU_ASSERT_TRUE(odd);
    }
    CU_ASSERT_STRING_EQUAL(domain_normalise(a, "\001\002\003", &odd),
        TEXT_REPLACEMENT TEXT_REPLACEMENT TEXT_REPLACEMENT);
    char large[2049];
    memset(large, '\001', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    CU_ASSERT(strlen(domain_normalise(a, large, &odd)) <= sizeof large - 1);
    arena_free(a);
}

static void the_registrable_domain_is_one_below_the_suffix(void)
{
    CU_ASSERT_STRING_EQUAL(domain_registrable("a.b.example.co.uk"), "example.co.uk");
    CU_ASSERT_STRING_EQUAL(domain_registrable("example.com"), "example.com");
    CU_ASSERT_STRING_EQUAL(domain_registrable("com"), "com");
    CU_ASSERT_TRUE(domain_is_suffix("com"));
    CU_ASSERT_TRUE(domain_is_suffix("co.uk"));
    CU_ASSERT_FALSE(domain_is_suffix("example.com"));
    CU_ASSERT_FALSE(domain_is_suffix("example.co.uk"));
    CU_ASSERT_FALSE(domain_is_suffix("example"));
    CU_ASSERT_FALSE(domain_is_suffix("192.0.2.1"));
    CU_ASSERT_STRING_EQUAL(domain_registrable("192.0.2.1"), "192.0.2.1");
    CU_ASSERT_TRUE(domain_is_within("a.example.com", "example.com"));
    CU_ASSERT_TRUE(domain_is_within("example.com", "example.com"));
    CU_ASSERT_FALSE(domain_is_within("notexample.com", "example.com"));
    CU_ASSERT_FALSE(domain_is_within("com", "example.com"));
}

/* ---- addresses ---- */

static void check_address(const char *text, const char *canonical)
{
    struct addr a = {0};
    char out[ADDR_TEXT_MAX];

    CU_ASSERT_TRUE(addr_parse(text, &a));
    addr_format(&a, out);
    CU_ASSERT_STRING_EQUAL(out, canonical);
}

static void addresses_are_read_strictly(void)
{
    struct addr a = {0};

    check_address(" 192.0.2.1\n", "192.0.2.1");
    check_address("2001:DB8:0:0::1", "2001:db8::1");
    check_address("::ffff:192.0.2.1", "192.0.2.1");
    static const char *const wrong[] = {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "0300.0.2.1",
        "3221225985", "[192.0.2.1]", "192.0.2.1/32", "fe80::1%eth0", "X.X.X.X"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CU_ASSERT_FALSE(addr_parse(wrong[i], &a));
}

static void decorated_addresses_are_read_leniently(void)
{
    static const char *const decorated[] = {
        "[192.0.2.1]", "192.0.2.1/32", "192.0.2.1:25", "[192.0.2.1]:25", "::ffff:192.0.2.1"};
    struct addr a;
    char out[ADDR_TEXT_MAX];

    for (size_t i = 0; i < sizeof decorated / sizeof *decorated; i++) {
        a = (struct addr){0};
        CU_ASSERT_TRUE(addr_parse_lenient(decorated[i], &a));
        addr_format(&a, out);
        CU_ASSERT_STRING_EQUAL(out, "192.0.2.1");
    }
    CU_ASSERT_TRUE(addr_parse_lenient("[IPv6:2001:db8::1]", &a));
    CU_ASSERT_TRUE(addr_parse_lenient("fe80::1%eth0", &a));
    CU_ASSERT_TRUE(addr_parse_lenient("[2001:db8::1]:25", &a));
    addr_format(&a, out);
    CU_ASSERT_STRING_EQUAL(out, "2001:db8::1");
    CU_ASSERT_TRUE(addr_parse_lenient("2001:db8::1/128", &a));
    static const char *const wrong[] = {"", "192.0.2.0/24", "[192.0.2.1", "[192.0.2.1]junk", "[]",
        "192.0.2.1:smtp", "192.0.2.1:", "2001:db8::/32", "192.0.2.1/128", "192.0.2.1%eth0"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CU_ASSERT_FALSE(addr_parse_lenient(wrong[i], &a));
}

static void networks_have_a_first_and_a_last_address(void)
{
    struct addr first;
    struct addr last;
    char out[ADDR_TEXT_MAX];

    CU_ASSERT_TRUE(addr_parse_network("192.0.2.77/26", &first, &last));
    addr_format(&first, out);
    CU_ASSERT_STRING_EQUAL(out, "192.0.2.64");
    addr_format(&last, out);
    CU_ASSERT_STRING_EQUAL(out, "192.0.2.127");
    CU_ASSERT_TRUE(addr_parse_network("2001:db8::/33", &first, &last));
    addr_format(&last, out);
    CU_ASSERT_STRING_EQUAL(out, "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff");
    CU_ASSERT_FALSE(addr_parse_network("192.0.2.0/33", &first, &last));
    CU_ASSERT_FALSE(addr_parse_network("192.0.2.0/", &first, &last));
    CU_ASSERT_FALSE(addr_parse_network("192.0.2.0/+24", &first, &last));
}

/* ---- time ---- */

static void times_are_written_in_utc(void)
{
    char out[WHEN_TEXT_MAX];

    when_format(1772409600, out);
    CU_ASSERT_STRING_EQUAL(out, "2026-03-02T00:00:00Z");
    when_format(951827696, out);
    CU_ASSERT_STRING_EQUAL(out, "2000-02-29T12:34:56Z");
    when_format_plain(-1, out);
    CU_ASSERT_STRING_EQUAL(out, "1969-12-31 23:59:59");
    CU_ASSERT_EQUAL(when_day(-1), -1);
    CU_ASSERT_EQUAL(when_day(86400), 1);
}

static void the_clock_can_be_pinned(void)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
    CU_ASSERT_EQUAL(setenv("DMARCMILL_NOW", "2026-03-02T00:00:00Z", 1), 0);
    CU_ASSERT_EQUAL(when_now(), 1772409600);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
    CU_ASSERT_EQUAL(unsetenv("DMARCMILL_NOW"), 0);
    CU_ASSERT(when_now() != 1772409600);
}

static void weeks_follow_iso_8601(void)
{
    static const struct {
        const char *day;
        const char *week;
    } cases[] = {
        {"2026-11-16", "2026-W47"},
        {"2021-01-03", "2020-W53"},
        {"2024-12-30", "2025-W01"},
        {"2025-02-09", "2025-W06"},
    };

    int64_t day;
    int64_t monday;
    char out[WHEN_TEXT_MAX];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CU_ASSERT_TRUE(when_parse_day(cases[i].day, &day));
        when_format_week(day, out);
        CU_ASSERT_STRING_EQUAL(out, cases[i].week);
        CU_ASSERT_TRUE(when_parse_week(cases[i].week, &monday));
        CU_ASSERT_EQUAL(monday, when_monday(day));
    }
    CU_ASSERT_FALSE(when_parse_week("2025-W53", &monday));
    CU_ASSERT_FALSE(when_parse_week("2025-W00", &monday));
    CU_ASSERT_FALSE(when_parse_week("2025-47", &monday));
    CU_ASSERT_FALSE(when_parse_day("2025-02-29", &day));
    CU_ASSERT_FALSE(when_parse_day("2025-02-28x", &day));
}

static void rfc3339_is_read_with_its_relatives(void)
{
    static const char *const same[] = {"2026-03-02T00:00:00Z", "2026-03-02 00:00:00",
        "2026-03-02t00:00:00.123z", "2026-03-02T02:00:00+02:00", "2026-03-01T23:00:00-0100",
        "2026-03-02", " 2026-03-02T00:00Z "};
    int64_t t;

    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        t = 0;
        CU_ASSERT_TRUE(when_parse_rfc3339(same[i], &t));
        CU_ASSERT_EQUAL(t, 1772409600);
    }
    CU_ASSERT_FALSE(when_parse_rfc3339("9999-99-99T99:99:99+99:99", &t));
    CU_ASSERT_FALSE(when_parse_rfc3339("2026-03-02T", &t));
    CU_ASSERT_FALSE(when_parse_rfc3339("1700000000", &t));
}

static void dates_of_mails_are_read_leniently(void)
{
    static const char *const same[] = {"Mon, 02 Mar 2026 00:00:00 +0000", "2 Mar 2026 00:00 GMT",
        "Mon,  2 Mar 26 01:00:00 +0100 (CET)", "Sun, 01 Mar 2026 19:00:00 EST",
        "Mon, 2-Mar-2026 00:00:00 +0000"};
    int64_t t;

    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        t = 0;
        CU_ASSERT_TRUE(when_parse_rfc5322(same[i], &t));
        CU_ASSERT_EQUAL(t, 1772409600);
    }
    CU_ASSERT_FALSE(when_parse_rfc5322("", &t));
    CU_ASSERT_FALSE(when_parse_rfc5322("yesterday", &t));
    CU_ASSERT_FALSE(when_parse_rfc5322("Mon, 32 Mar 2026 00:00:00", &t));
    CU_ASSERT_FALSE(when_parse_rfc5322("Mon, 2 Mar 2026 9:", &t));
}

/* ---- writers ---- */

/* What `write` puts out, in a static buffer. */
static const char *written(void (*write)(FILE *out))
{
    static char text[4096];
    FILE *f = fmemopen(text, sizeof text, "w");

    if (!f)
        return "";
    write(f);
    (void)fclose(f);
    return text;
}

static void write_json(FILE *out)
{
    struct json j;

    json_init(&j, out, false);
    json_object(&j);
    json_member_string(&j, "a", "x\"\\\n\x1b\x7f");
    json_member_string(&j, "b", NULL);
    json_key(&j, "c");
    json_array(&j);
    json_int(&j, -5);
    json_bool(&j, true);
    json_object(&j);
    json_end(&j);
    json_end(&j);
    json_member_string(&j, "d", "\xC3\xBC\xFF\xC2\x9B\xE2\x80\xA8\xE2\x80\xAE");
    json_end(&j);
}

static void json_is_valid_and_harmless(void)
{
    CU_ASSERT_STRING_EQUAL(written(write_json),
        "{\"a\": \"x\\\"\\\\\\n\\u001b\\u007f\", \"b\": null, \"c\": [-5, true, {}], "
        "\"d\": \"\xC3\xBC\xEF\xBF\xBD\\u009b\\u2028\\u202e\"}");
}

static void write_pretty(FILE *out)
{
    struct json j;

    json_init(&j, out, true);
    json_object(&j);
    json_key(&j, "list");
    json_array(&j);
    json_int(&j, 1);
    json_int(&j, 2);
    json_end(&j);
    json_key(&j, "none");
    json_array(&j);
    json_end(&j);
    json_end(&j);
}

static void pretty_json_is_indented(void)
{
    CU_ASSERT_STRING_EQUAL(
        written(write_pretty), "{\n  \"list\": [\n    1,\n    2\n  ],\n  \"none\": []\n}\n");
}

static void write_guarded(FILE *out)
{
    struct csv c;

    csv_init(&c, out, true);
    csv_text(&c, "=cmd|' /C calc'!A0");
    csv_text(&c, "-5");
    csv_text(&c, "@x");
    csv_text(&c, "say \"hi\", you");
    csv_text(&c, NULL);
    csv_text(&c, "two\nlines");
    csv_int(&c, -1);
    csv_end_row(&c);
    csv_text(&c, "next");
    csv_text(&c, "-1.5");
    csv_text(&c, "-1.5.6");
    csv_text(&c, "\xC2\x9B|\xFF|\xC3\xBC");
    csv_end_row(&c);
}

static void write_plain(FILE *out)
{
    struct csv c;

    csv_init(&c, out, false);
    csv_text(&c, "=1+1");
    csv_text(&c, "two\nlines");
    csv_text(&c, "tab\there");
    csv_end_row(&c);
}

static void csv_quotes_and_guards(void)
{
    CU_ASSERT_STRING_EQUAL(written(write_guarded),
        "\"'=cmd|' /C calc'!A0\",-5,\"'@x\",\"say \"\"hi\"\", you\",,\"two lines\",-1\r\n"
        "next,-1.5,\"'-1.5.6\",\xEF\xBF\xBD|\xEF\xBF\xBD|\xC3\xBC\r\n");
    CU_ASSERT_STRING_EQUAL(written(write_plain), "=1+1,\"two\nlines\",tab\there\r\n");
}

const char unit_suite[] = "base";
const struct unit_test unit_tests[] = {
    {"an_error_collects_its_context", an_error_collects_its_context},
    {"an_error_stays_one_bounded_line", an_error_stays_one_bounded_line},
    {"each_class_has_its_exit_status", each_class_has_its_exit_status},
    {"an_arena_keeps_what_it_gave", an_arena_keeps_what_it_gave},
    {"a table finds what it has", a_table_finds_what_it_has},
    {"a_buffer_has_a_ceiling", a_buffer_has_a_ceiling},
    {"a_blob_reads_alike_from_memory_and_file", a_blob_reads_alike_from_memory_and_file},
    {"sha256_is_the_known_one", sha256_is_the_known_one},
    {"base64_is_the_known_one", base64_is_the_known_one},
    {"utf8_is_judged_strictly", utf8_is_judged_strictly},
    {"unsafe_text_is_neutralised", unsafe_text_is_neutralised},
    {"numbers_are_whole_or_nothing", numbers_are_whole_or_nothing},
    {"domains_become_comparable", domains_become_comparable},
    {"the_registrable_domain_is_one_below_the_suffix",
        the_registrable_domain_is_one_below_the_suffix},
    {"addresses_are_read_strictly", addresses_are_read_strictly},
    {"decorated_addresses_are_read_leniently", decorated_addresses_are_read_leniently},
    {"networks_have_a_first_and_a_last_address", networks_have_a_first_and_a_last_address},
    {"times_are_written_in_utc", times_are_written_in_utc},
    {"the_clock_can_be_pinned", the_clock_can_be_pinned},
    {"weeks_follow_iso_8601", weeks_follow_iso_8601},
    {"rfc3339_is_read_with_its_relatives", rfc3339_is_read_with_its_relatives},
    {"dates_of_mails_are_read_leniently", dates_of_mails_are_read_leniently},
    {"json_is_valid_and_harmless", json_is_valid_and_harmless},
    {"pretty_json_is_indented", pretty_json_is_indented},
    {"csv_quotes_and_guards", csv_quotes_and_guards},
    {NULL, NULL},
};
