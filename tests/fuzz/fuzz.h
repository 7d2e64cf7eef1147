/* What every fuzz target defines, and the sink they share: it checks everything it is handed, and
 * aborts. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "parse/flow.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern struct sink fuzz_sink;

#endif
