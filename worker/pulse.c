#include "worker/pulse.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "base/clock.h"

enum { HAS_ENDED = -1 };

struct pulse {
    size_t count;
    _Atomic int64_t turned_ms[]; /* monotonic; 0: never; HAS_ENDED */
};

static size_t size_of(size_t slots)
{
    return sizeof(struct pulse) + slots * sizeof(int64_t);
}

struct pulse *pulse_new(size_t slots)
{
    struct pulse *pulse =
        mmap(NULL, size_of(slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pulse == MAP_FAILED)
        return NULL;
    pulse->count = slots;
    return pulse;
}

void pulse_free(struct pulse *pulse)
{
    if (pulse)
        munmap(pulse, size_of(pulse->count));
}

static int64_t now_ms(void)
{
    int64_t now = clock_mono_ms();
    return now > 0 ? now : 1;
}

void pulse_beat(struct pulse *pulse, size_t slot)
{
    atomic_store_explicit(&pulse->turned_ms[slot], now_ms(), memory_order_relaxed);
}

void pulse_end(struct pulse *pulse, size_t slot)
{
    atomic_store_explicit(&pulse->turned_ms[slot], HAS_ENDED, memory_order_relaxed);
}

void pulse_restart(struct pulse *pulse)
{
    for (size_t i = 0; i < pulse->count; i++) {
        int64_t ended = HAS_ENDED;
        atomic_compare_exchange_strong(&pulse->turned_ms[i], &ended, now_ms());
    }
}

int64_t pulse_age_ms(const struct pulse *pulse)
{
    int64_t now = now_ms(), oldest = 0;
    for (size_t i = 0; i < pulse->count; i++) {
        int64_t turned = atomic_load_explicit(&pulse->turned_ms[i], memory_order_relaxed);
        if (turned == 0)
            return PULSE_NEVER;
        if (turned != HAS_ENDED && now - turned > oldest)
            oldest = now - turned;
    }
    return oldest;
}
