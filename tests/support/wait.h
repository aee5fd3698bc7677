/* wait - lets tests wait for what they can observe, never for time to pass. */
#ifndef DARG_TESTS_SUPPORT_WAIT_H
#define DARG_TESTS_SUPPORT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

typedef bool (*wait_predicate)(void *context);

/* How long a test may wait here for something that takes at most `ms` at full speed: `ms` times
 * TEST_TIMEOUT_MULT, which is larger under the sanitizers. For limits of patience, never for times
 * given to the program under test. */
int64_t wait_patience_ms(int64_t ms);

/* Calls predicate(context) every 5 ms until it returns true. False if it has not within
 * deadline_ms, which wait_patience_ms() extends. */
bool wait_until(wait_predicate predicate, void *context, int64_t deadline_ms);

#endif
