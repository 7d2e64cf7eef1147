#include "parse/tlsrpt.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct report_hints hints = {.mail_date = -1};
    struct err e;
    enum grade grade;

    if (tlsrpt_read((const char *)data, size, &hints, &fuzz_sink, &grade, &e) > 0)
        __builtin_trap();
    return 0;
}
