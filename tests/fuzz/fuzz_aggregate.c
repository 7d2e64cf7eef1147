#include "parse/aggregate.h"
#include "tests/fuzz/fuzz.h"

/* The first byte chooses the size of the pieces, so that every split is tried, and with its topmost
 * bit that nothing is known from elsewhere. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct limits limits = limits_default();
    struct report_hints hints = {
        .file_name = "one.example!two.example!1772409600!1772495999.xml", .mail_date = -1};
    struct err e;
    enum grade grade;

    if (size == 0)
        return 0;
    size_t piece = data[0] & 0x7F ? data[0] & 0x7F : 65536;
    if (data[0] & 0x80)
        hints.file_name = NULL;
    data++;
    size--;
    struct aggregate_reader *r = aggregate_reader_new(&limits);
    aggregate_start(r, &fuzz_sink, &hints);
    do {
        int again = AGGREGATE_AGAIN;
        for (int feed = 0; again == AGGREGATE_AGAIN && feed < 3; feed++) {
            again = 0;
            for (size_t at = 0; at < size && again == 0; at += piece)
                again = aggregate_push(r, data + at, size - at < piece ? size - at : piece, &e);
            if (again == 0)
                again = aggregate_finish(r, &grade, &e);
        }
    } while (aggregate_more(r));
    aggregate_reader_free(r);
    return 0;
}
