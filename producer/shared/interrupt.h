/* interrupt - Ctrl-C (and TERM) as a flag that a command can look at between two steps.
 *
 * The first signal sets a flag, so that the command can finish what is under way and say how far it
 * got; a second one ends the program at once. Only commands that call interrupt_init() are
 * affected. One thread. */
#ifndef DARG_PRODUCER_SHARED_INTERRUPT_H
#define DARG_PRODUCER_SHARED_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/patience.h"

void interrupt_init(void);

/* True once a signal has come. */
bool interrupt_is_set(void);

/* Sleeps; false as soon as a signal has come. */
bool interrupt_sleep(int64_t duration_ms);

/* The same, for code of queue/ that waits. */
struct patience interrupt_patience(void);

/* Ends the program by the signal that came, as a shell expects of an interrupted command; returns
 * if none did. */
void interrupt_end(void);

#endif
