#include "worker/settings/tuning.h"

#include <sys/mman.h>

static size_t size_of(size_t queue_count)
{
    return sizeof(struct tuning) + queue_count * sizeof(int64_t);
}

struct tuning *tuning_new(size_t queue_count)
{
    struct tuning *tuning =
        mmap(NULL, size_of(queue_count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tuning == MAP_FAILED)
        return NULL;
    tuning->queue_count = queue_count;
    return tuning;
}

void tuning_free(struct tuning *tuning)
{
    if (tuning)
        munmap(tuning, size_of(tuning->queue_count));
}
