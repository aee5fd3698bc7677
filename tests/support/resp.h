/* resp - finds where a message of the Redis protocol ends: for tests that sit between two
 * programs. */
#ifndef DARG_TESTS_SUPPORT_RESP_H
#define DARG_TESTS_SUPPORT_RESP_H

#include <stddef.h>

#include "base/buf.h"

/* The length of the first message (request or reply) in these bytes; 0: it is incomplete. Aborts if
 * it is not a message. */
size_t resp_length(struct slice bytes);

#endif
