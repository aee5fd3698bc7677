/* filter - system calls that this process cannot make, as on an older kernel, or for want of
 * rights. */
#ifndef DARG_TESTS_SUPPORT_FILTER_H
#define DARG_TESTS_SUPPORT_FILTER_H

#include <stdbool.h>

/* From now on the call fails with this error, in this process and in all that it starts. False: the
 * system takes no filters. */
bool filter_refuse(long call, int error);

#endif
