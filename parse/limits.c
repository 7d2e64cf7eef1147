#include "parse/limits.h"

struct limits limits_default(void)
{
    return (struct limits){
        .message = UINT64_C(64) << 20,
        .unpacked = UINT64_C(16) << 30,
        .ratio = 200,
        .members = 100,
        .nesting = 5,
        .records = 100000000,
        .seconds = 900,
    };
}
