/* wake - a descriptor with which one thread ends another's poll(). Setting it twice has the effect
 * of setting it once. Any thread. */
#ifndef DARG_WORKER_SHARED_WAKE_H
#define DARG_WORKER_SHARED_WAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct wake {
    int fd; /* fixed after wake_init(); readable while set */
};

MUST_CHECK enum status wake_init(struct wake *wake, struct err *err);
void wake_fini(struct wake *wake);
void wake_set(struct wake *wake);
void wake_clear(struct wake *wake);

/* Blocks until it is set or timeout_ms have passed (negative: for ever); true if it is set. */
bool wake_wait(const struct wake *wake, int64_t timeout_ms);

#endif
