#include "base/id.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

enum { COUNTER_BITS = 12 };

static void fill_random(void *out, size_t size)
{
    size_t have = 0;
    while (have < size) {
        ssize_t got = getrandom((char *)out + have, size - have, 0);
        ensure(got > 0 || errno == EINTR, "getrandom failed with errno %d", errno);
        have += got > 0 ? (size_t)got : 0;
    }
}

/* The time and counter of the next id: larger than all before, even if the clock stands still or
 * goes back. */
static uint64_t next_tick(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static uint64_t last; /* under lock: ms << COUNTER_BITS | counter */
    pthread_mutex_lock(&lock);
    uint64_t now = (uint64_t)clock_wall_ms() << COUNTER_BITS;
    last = now > last ? now : last + 1;
    uint64_t tick = last;
    pthread_mutex_unlock(&lock);
    return tick;
}

static _Thread_local uint64_t pool[64]; /* random bits for ids, fetched in bulk */
static _Thread_local size_t pool_left;
static _Thread_local uint64_t jitter_state; /* 0: not seeded */

/* In the child: parent and child must not draw the same numbers. Only the forking thread exists
 * there, so clearing its own pool is enough. */
static void forget_after_fork(void)
{
    pool_left = 0;
    jitter_state = 0;
}

static void watch_forks(void)
{
    int failed = pthread_atfork(NULL, NULL, forget_after_fork);
    ensure(failed == 0, "pthread_atfork answers %d", failed);
}

static void fill_own(void *out, size_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    fill_random(out, size);
}

/* 62 random bits for an id, from a pool that is filled for 64 ids at a time: a system call for each
 * would cost more than everything else. */
static uint64_t pooled_random(void)
{
    if (pool_left == 0) {
        fill_own(pool, sizeof pool);
        pool_left = sizeof pool / sizeof pool[0];
    }
    return pool[--pool_left];
}

static void append_hex(char *out, uint64_t value, int digits)
{
    static const char hex[] = "0123456789abcdef";
    for (int i = digits - 1; i >= 0; i--, value >>= 4)
        out[i] = hex[value & 15];
}

void id_uuid7(char out[ID_UUID_LEN + 1])
{
    uint64_t tick = next_tick();
    uint64_t ms = tick >> COUNTER_BITS, counter = tick & ((1u << COUNTER_BITS) - 1);
    uint64_t random = pooled_random();
    append_hex(out, ms >> 16, 8);
    out[8] = '-';
    append_hex(out + 9, ms & 0xffff, 4);
    out[13] = '-';
    append_hex(out + 14, 0x7000 | counter, 4);
    out[18] = '-';
    append_hex(out + 19, 0x8000 | (random >> 48 & 0x3fff), 4);
    out[23] = '-';
    append_hex(out + 24, random & 0xffffffffffff, 12);
    out[ID_UUID_LEN] = 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int64_t id_uuid7_time_ms(struct slice text)
{
    if (text.len != ID_UUID_LEN)
        return -1;
    int64_t ms = 0;
    for (size_t i = 0, digits = 0; i < ID_UUID_LEN; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        int digit = hex_digit(text.ptr[i]);
        if (is_dash ? text.ptr[i] != '-' : digit < 0)
            return -1;
        if (!is_dash && digits++ < 12)
            ms = ms << 4 | digit;
    }
    bool is_version_7 = text.ptr[14] == '7' && (hex_digit(text.ptr[19]) & 12) == 8;
    return is_version_7 ? ms : -1;
}

uint64_t id_random(void)
{
    uint64_t value;
    fill_random(&value, sizeof value);
    return value;
}

uint64_t id_jitter(uint64_t bound)
{
    ensure(bound > 0, "jitter below 0");
    while (jitter_state == 0)
        fill_own(&jitter_state, sizeof jitter_state);
    /* xorshift64*: only the spread matters here. */
    jitter_state ^= jitter_state >> 12;
    jitter_state ^= jitter_state << 25;
    jitter_state ^= jitter_state >> 27;
    return jitter_state * 0x2545f4914f6cdd1dULL % bound;
}
