/* id - unique names: UUIDv7 job ids (RFC 9562), and random bits.
 *
 * Randomness comes from the kernel (getrandom). Within a process id_uuid7() grows strictly, so ids
 * sort in the order in which they were made. Any thread. */
#ifndef DARG_BASE_ID_H
#define DARG_BASE_ID_H

#include <stdint.h>

#include "base/buf.h"

#define ID_UUID_LEN 36

/* A new UUIDv7 as lower-case text, terminated. Does not block once the kernel has entropy. */
void id_uuid7(char out[ID_UUID_LEN + 1]);

/* The milliseconds since the epoch in a UUIDv7; -1: the text is not one. */
int64_t id_uuid7_time_ms(struct slice text);

/* 64 random bits. */
uint64_t id_random(void);

/* A fast, non-secret random number in [0, bound) for jitter; bound > 0. */
uint64_t id_jitter(uint64_t bound);

#endif
