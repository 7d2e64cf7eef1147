/*
 * Mails of ours, as they go over the wire.
 */
#include "base/arena.h"
#include "send/message.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char unit_suite[] = "send";

enum {
    MAIL_MAX = 1024 * 1024,
    LINE_MAX_BYTES = 998
};

static struct arena *arena;
static struct buf out;

static void same_text(const char *got, const char *wanted)
{
    const char *a = got ? got : "<null>";
    const char *b = wanted ? wanted : "<null>";

    if (strcmp(a, b) != 0)
        printf("\n    got \"%s\", wanted \"%s\"", a, b);
    CU_ASSERT_STRING_EQUAL(a, b);
}

static void start(void)
{
    arena = arena_new();
    buf_init(&out, MAIL_MAX);
}

static void finish(void)
{
    arena_free(arena);
    buf_done(&out);
}

static struct message message(const struct message_part *parts, size_t n)
{
    return (struct message){
        .from = "reports@msp.example",
        .to = "anna@acme.example",
        .subject = "DMARC report",
        .id = "0123456789abcdef@msp.example",
        .date = 1763971200, /* 2025-11-24T08:00:00Z */
        .parts = parts,
        .n_parts = n,
    };
}

static const struct message_part plain = {
    .media_type = "text/plain", .bytes = "hello\n", .len = sizeof "hello\n" - 1};

static void write_out(const struct message *m)
{
    struct err e;

    buf_clear(&out);
    CU_ASSERT_EQUAL_FATAL(message_write(m, &out, &e), 0);
}

/* The line that begins so, without its end; "" if there is none. */
static const char *line(const char *begin)
{
    const char *at = out.data;
    size_t n = strlen(begin);

    while (at && strncmp(at, begin, n) != 0) {
        at = strstr(at, "\r\n");
        at = at ? at + 2 : NULL;
    }
    return at ? arena_strndup(arena, at, strcspn(at, "\r")) : "";
}

static void test_plain(void)
{
    start();
    const struct message m = message(&plain, 1);
    write_out(&m);
    same_text(line("From:"), "From: reports@msp.example");
    same_text(line("To:"), "To: anna@acme.example");
    same_text(line("Subject:"), "Subject: DMARC report");
    same_text(line("Date:"), "Date: Mon, 24 Nov 2025 08:00:00 +0000");
    same_text(line("Message-Id:"), "Message-Id: <0123456789abcdef@msp.example>");
    same_text(line("MIME-Version:"), "MIME-Version: 1.0");
    same_text(line("Auto-Submitted:"), "Auto-Submitted: auto-generated");
    same_text(line("List-Id:"), "List-Id: <dmarc-reports.msp.example>");
    same_text(line("Content-Type:"), "Content-Type: text/plain; charset=utf-8");
    same_text(line("Reply-To:"), "");
    CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "\r\n\r\nhello\r\n"));
    finish();
}

/* What goes over the wire: CR LF only together, short lines, ASCII, whatever the text is. */
static void test_wire(void)
{
    static const char *const texts[] = {"a\nb\n", "a\r\nb\r\n", "no end", "", ".\n..\nFrom x\n",
        "M\xC3\xBCller \xE2\x80\x94 = =3D\n", "trailing space \n\ttab\t\n", "lone\rCR\n"};

    start();
    char *longest = arena_alloc(arena, 5001);
    memset(longest, 'x', 5000);
    for (size_t i = 0; i <= sizeof texts / sizeof *texts; i++) {
        const char *text = i < sizeof texts / sizeof *texts ? texts[i] : longest;
        const struct message_part parts[] = {
            {.media_type = "text/plain", .bytes = text, .len = strlen(text)},
            {.media_type = "text/html", .bytes = text, .len = strlen(text)},
            {.media_type = "text/csv", .name = "a.csv", .bytes = text, .len = strlen(text)}};
        const struct message m = message(parts, 3);
        size_t length = 0;
        write_out(&m);
        for (size_t k = 0; k < out.len; k++) {
            unsigned char c = (unsigned char)out.data[k];
            CU_ASSERT(c < 0x80 && (c >= ' ' || c == '\r' || c == '\n' || c == '\t'));
            CU_ASSERT(c != '\n' || (k > 0 && out.data[k - 1] == '\r'));
            CU_ASSERT(c != '\r' || out.data[k + 1] == '\n');
            length = c == '\n' ? 0 : length + 1;
            CU_ASSERT(length <= LINE_MAX_BYTES);
        }
    }
    finish();
}

static void test_same_bytes(void)
{
    start();
    const struct message_part parts[] = {plain,
        {.media_type = "text/html", .bytes = "<p>hello", .len = 8},
        {.media_type = "text/csv", .name = "r.csv", .bytes = "a,b\r\n", .len = 5}};
    const struct message m = message(parts, 3);
    write_out(&m);
    const char *first = arena_strdup(arena, out.data);
    write_out(&m);
    same_text(out.data, first);
    const char *mixed = strstr(out.data, "multipart/mixed");
    const char *choice = strstr(out.data, "multipart/alternative");
    const char *html = strstr(out.data, "text/html");
    const char *csv = strstr(out.data, "text/csv");
    CU_ASSERT(mixed && choice && html && csv && mixed < choice && choice < html && html < csv);
    CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "Content-Disposition: attachment; filename=r.csv"));
    finish();
}

/* Nothing that a name holds makes a header of its own, or anything but text. */
static void test_hostile(void)
{
    start();
    struct message m = message(&plain, 1);
    m.subject =
        "x\r\nBcc: everybody@example.net\r\n\r\n<script> M\xC3\xBCller \x1b[31m\xE2\x80\xAE";
    m.from_name = "A\nBcc: b@example.net, \"Best\" <c@d.example>";
    write_out(&m);
    same_text(line("Bcc:"), "");
    CU_ASSERT_PTR_NULL(strstr(out.data, "\nBcc"));
    CU_ASSERT_PTR_NULL(strchr(out.data, 0x1b));
    CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "=?utf-8?") ? out.data : strstr(out.data, "=?UTF-8?"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "<reports@msp.example>"));
    m.subject = arena_alloc(arena, 10001);
    memset((char *)(uintptr_t)m.subject, 'y', 10000);
    write_out(&m);
    CU_ASSERT(out.len < 2000);
    finish();
}

static void test_too_large(void)
{
    struct err e;

    start();
    const struct message m = message(&plain, 1);
    buf_done(&out);
    buf_init(&out, 100);
    CU_ASSERT_EQUAL(message_write(&m, &out, &e), ERR_INPUT);
    same_text(e.tag, "mail-too-large");
    CU_ASSERT_EQUAL(out.len, 0);
    finish();
}

static void test_addresses(void)
{
    static const char *const good[][2] = {
        {"anna@acme.example", "anna@acme.example"},
        {"Anna.B+dmarc@ACME.example", "Anna.B+dmarc@acme.example"},
        {"a@m\xC3\xBCller.example", "a@xn--mller-kva.example"},
    };
    static const char *const bad[] = {"", "anna", "@acme.example", "anna@", "an na@acme.example",
        "anna@acme.example\r\nBcc: x@y.example", "anna\n@acme.example", "<anna@acme.example>",
        "Anna <anna@acme.example>", "a@acme.example, b@acme.example", "a..b@acme.example",
        ".a@acme.example", "a.@acme.example", "\"a b\"@acme.example", "a@b@acme.example",
        "m\xC3\xBCller@acme.example", "a@acme .example", "a@ acme.example", "a@-.example",
        "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcde@acme.example"};

    start();
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        same_text(message_address(arena, good[i][0]), good[i][1]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        same_text(message_address(arena, bad[i]), NULL);
    finish();
}

static void test_ids(void)
{
    const char *const words[] = {"acme", "20773", "anna@acme.example"};
    const char *const shifted[] = {"acme2", "0773", "anna@acme.example"};

    start();
    const char *id = message_id(arena, "reports@msp.example", words, 3);
    same_text(message_id(arena, "reports@msp.example", words, 3), id);
    same_text(strchr(id, '@'), "@msp.example");
    CU_ASSERT_EQUAL(strcspn(id, "@"), 32);
    CU_ASSERT_STRING_NOT_EQUAL(message_id(arena, "reports@msp.example", shifted, 3), id);
    CU_ASSERT_STRING_NOT_EQUAL(message_id(arena, "reports@msp.example", words, 2), id);
    finish();
}

const struct unit_test unit_tests[] = {
    {"a plain mail", test_plain},
    {"what goes over the wire", test_wire},
    {"the same bytes again", test_same_bytes},
    {"hostile names", test_hostile},
    {"a mail too large", test_too_large},
    {"addresses", test_addresses},
    {"message ids", test_ids},
    {NULL, NULL},
};
