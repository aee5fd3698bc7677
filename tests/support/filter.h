/* filter - takes system calls away from this process, as on an older kernel, or without the
 * rights. */
#ifndef DARG_TESTS_SUPPORT_FILTER_H
#define DARG_TESTS_SUPPORT_FILTER_H

#include <stdbool.h>

/* From now on the call fails with this error, in this process and all that it starts. False: the
 * system does not accept filters. */
bool filter_refuse(long call, int error);

#endif
