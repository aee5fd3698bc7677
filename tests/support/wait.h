/* wait - tests wait for what they can see, never for time to pass. */
#ifndef DARG_TESTS_SUPPORT_WAIT_H
#define DARG_TESTS_SUPPORT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

typedef bool (*wait_predicate)(void *context);

/* Asks predicate(context) every 5 ms until it says true. False if it has not within deadline_ms. */
bool wait_until(wait_predicate predicate, void *context, int64_t deadline_ms);

#endif
