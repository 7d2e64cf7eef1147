/* A whole message of any kind through the flow: mails, gzip, zip, XML, JSON, and what they hold. */
#include "ingest/intake.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct intake *intake;
    static struct limits limits;
    struct source_message m = {
        .key = "1", .name = "input", .bytes = blob_of_memory(data, size), .arrived = -1};
    enum outcome o = OUTCOME_DEFERRED;
    struct err e;

    if (!intake) {
        limits = limits_default();
        limits.unpacked = 32 << 20;
        limits.seconds = 20;
        intake = intake_new(&limits, NULL, NULL);
    }
    if (intake_message(intake, "", &m, &fuzz_sink, &o, &e) != 0 || o == OUTCOME_DEFERRED)
        __builtin_trap(); /* nothing in an input can make this machine fail */
    return 0;
}
