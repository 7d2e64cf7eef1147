#include "parse/aggregate.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

/* What was found in a document, over all reports in it. */
struct found {
    struct sink sink;
    int64_t begun, ended, records, messages;
    int result;
};

static struct found *found_of(struct sink *s)
{
    return (struct found *)(void *)s;
}

static int on_begin(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    found_of(s)->begun++;
    return fuzz_sink.ops->aggregate_begin(&fuzz_sink, r, e);
}

static int on_record(struct sink *s, const struct aggregate_record *r, struct err *e)
{
    found_of(s)->records++;
    found_of(s)->messages += r->count;
    return fuzz_sink.ops->aggregate_record(&fuzz_sink, r, e);
}

static int on_end(struct sink *s, const struct aggregate_report *r, struct err *e)
{
    found_of(s)->ended++;
    return fuzz_sink.ops->aggregate_end(&fuzz_sink, r, e);
}

static const struct sink_ops ops = {
    .aggregate_begin = on_begin, .aggregate_record = on_record, .aggregate_end = on_end};

static int feed(struct aggregate_reader *r, const uint8_t *data, size_t size, size_t piece)
{
    struct err e;
    int result = 0;

    if (piece == 0) {
        char *own = malloc(size + 1);
        memcpy(own, data, size);
        own[size] = '\0';
        result = aggregate_whole(r, own, size, &e);
        free(own);
    }
    for (size_t at = 0; piece && at < size && result == 0; at += piece)
        result = aggregate_push(r, data + at, size - at < piece ? size - at : piece, &e);
    return result == 0 ? aggregate_finish(r, NULL, &e) : result;
}

/* piece 0: the whole at once */
static struct found read_all(struct aggregate_reader *r, const struct report_hints *hints,
    const uint8_t *data, size_t size, size_t piece)
{
    struct found o = {.sink = {&ops}};

    aggregate_start(r, &o.sink, hints);
    do {
        o.result = AGGREGATE_AGAIN;
        for (int n = 0; o.result == AGGREGATE_AGAIN && n < 3; n++)
            o.result = feed(r, data, size, piece);
    } while (aggregate_more(r));
    return o;
}

/* The first byte chooses the size of the pieces, so that every split is tried, and with its topmost
 * bit that nothing is known from elsewhere. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct limits limits = limits_default();
    struct report_hints hints = {
        .file_name = "one.example!two.example!1772409600!1772495999.xml", .mail_date = -1};

    if (size == 0)
        return 0;
    size_t piece = data[0] & 0x7F;
    if (data[0] & 0x80)
        hints.file_name = NULL;
    data++;
    size--;
    struct aggregate_reader *r = aggregate_reader_new(&limits);
    if (piece) {
        (void)read_all(r, &hints, data, size, piece);
    } else {
        struct found whole = read_all(r, &hints, data, size, 0);
        struct found pieces = read_all(r, &hints, data, size, 65536);
        if (whole.begun != pieces.begun || whole.ended != pieces.ended ||
            whole.records != pieces.records || whole.messages != pieces.messages ||
            whole.result != pieces.result)
            abort();
    }
    aggregate_reader_free(r);
    return 0;
}
