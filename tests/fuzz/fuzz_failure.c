#include "parse/failure.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* Two pieces, the feedback part and the original mail, divided by the first NUL. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *cut = size ? memchr(text, '\0', size) : NULL;
    size_t first = cut ? (size_t)(cut - text) : size;
    struct err e;
    enum grade grade;
    struct failure_parts parts = {.feedback = text, .feedback_len = first, .mail_date = -1};

    if (cut) {
        parts.original = cut + 1;
        parts.original_len = size - first - 1;
    }
    (void)failure_looks_like_feedback(text, size);
    if (failure_read(&parts, &fuzz_sink, &grade, &e) > 0)
        __builtin_trap();
    if (failure_looks_like_text_report(text, size)) {
        struct failure_parts plain = {.text = text, .text_len = size, .mail_date = -1};
        if (failure_read(&plain, &fuzz_sink, &grade, &e) > 0)
            __builtin_trap();
    }
    return 0;
}
