#include "worker/shared/pulse.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "base/clock.h"

enum { HAS_ENDED = -1 };

struct slot {
    _Atomic int64_t turned_ms;       /* monotonic; 0: never; HAS_ENDED */
    _Atomic int64_t outage_since_ms; /* monotonic; 0: no outage */
    _Atomic int outage;              /* enum status: its cause; undefined while there is none */
};

struct pulse {
    size_t count;
    struct slot slots[];
};

static size_t size_of(size_t slots)
{
    return sizeof(struct pulse) + slots * sizeof(struct slot);
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
    /* 0 means never. */
    return now > 0 ? now : 1;
}

void pulse_beat(struct pulse *pulse, size_t slot)
{
    atomic_store_explicit(&pulse->slots[slot].turned_ms, now_ms(), memory_order_relaxed);
}

void pulse_end(struct pulse *pulse, size_t slot)
{
    atomic_store_explicit(&pulse->slots[slot].turned_ms, HAS_ENDED, memory_order_relaxed);
    pulse_outage(pulse, slot, 0, ST_OK);
}

void pulse_outage(struct pulse *pulse, size_t slot, int64_t since_ms, enum status status)
{
    atomic_store_explicit(&pulse->slots[slot].outage, (int)status, memory_order_relaxed);
    atomic_store_explicit(&pulse->slots[slot].outage_since_ms, since_ms, memory_order_relaxed);
}

void pulse_restart(struct pulse *pulse)
{
    for (size_t i = 0; i < pulse->count; i++) {
        int64_t ended = HAS_ENDED;
        /* Only those that ended. The others keep their age: a process that dies again and again
         * before it fetches must not look healthy. */
        atomic_compare_exchange_strong(&pulse->slots[i].turned_ms, &ended, now_ms());
        pulse_outage(pulse, i, 0, ST_OK);
    }
}

int64_t pulse_age_ms(const struct pulse *pulse)
{
    int64_t now = now_ms(), oldest = 0;
    for (size_t i = 0; i < pulse->count; i++) {
        int64_t turned = atomic_load_explicit(&pulse->slots[i].turned_ms, memory_order_relaxed);
        if (turned == 0)
            return PULSE_NEVER;
        if (turned != HAS_ENDED && now - turned > oldest)
            oldest = now - turned;
    }
    return oldest;
}

int64_t pulse_outage_ms(const struct pulse *pulse, enum status *status)
{
    int64_t now = now_ms(), longest = 0;
    for (size_t i = 0; i < pulse->count; i++) {
        const struct slot *slot = &pulse->slots[i];
        int64_t since = atomic_load_explicit(&slot->outage_since_ms, memory_order_relaxed);
        if (since == 0 || now - since < longest)
            continue;
        longest = now - since > 0 ? now - since : 1;
        *status = (enum status)atomic_load_explicit(&slot->outage, memory_order_relaxed);
    }
    return longest;
}
