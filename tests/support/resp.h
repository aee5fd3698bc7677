/* resp - where a message of the Redis protocol ends: for tests that stand between two programs. */
#ifndef DARG_TESTS_SUPPORT_RESP_H
#define DARG_TESTS_SUPPORT_RESP_H

#include <stddef.h>

#include "base/buf.h"

/* The length of the first message (a request or an answer) in these bytes; 0: it is not all there.
 * Aborts if it is none. */
size_t resp_length(struct slice bytes);

#endif
