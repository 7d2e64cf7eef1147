/* What every fuzz target defines, and the sink they share: it looks at everything it is handed, so
 * that the sanitizers do too. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "parse/flow.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern struct sink fuzz_sink;

#endif
