/* wait - lets tests wait for what they can observe, never for time to pass. */
#ifndef DARG_TESTS_SUPPORT_WAIT_H
#define DARG_TESTS_SUPPORT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

typedef bool (*wait_predicate)(void *context);

/* How long a test may wait here for what takes `ms` at most where programs run at full speed: times
 * TEST_TIMEOUT_MULT, which is greater under the sanitizers. For limits of patience, never for times
 * that the program under test is told. */
int64_t wait_patience_ms(int64_t ms);

/* Asks predicate(context) every 5 ms until it says true. False if it has not within deadline_ms,
 * which wait_patience_ms() lengthens. */
bool wait_until(wait_predicate predicate, void *context, int64_t deadline_ms);

#endif
