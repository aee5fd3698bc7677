/* asleep - waits until threads of a test sleep, as the kernel sees it. */
#ifndef DARG_TESTS_SUPPORT_ASLEEP_H
#define DARG_TESTS_SUPPORT_ASLEEP_H

#include <stddef.h>
#include <sys/types.h>

/* Waits until all these threads have stored their gettid() (not 0) and are asleep in several checks
 * in a row; aborts the test program if that takes 20 s. */
void asleep_wait(_Atomic pid_t *threads, size_t count);

#endif
