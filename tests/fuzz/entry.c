/* The entry of libFuzzer, compiled by tools/fuzz once for each harness: -DFUZZ_HARNESS=fuzz_x. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FUZZ_HARNESS(data, size);
    return 0;
}
