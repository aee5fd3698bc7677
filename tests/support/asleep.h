/* asleep - threads of a test that are to be found sleeping, as the kernel sees it. */
#ifndef DARG_TESTS_SUPPORT_ASLEEP_H
#define DARG_TESTS_SUPPORT_ASLEEP_H

#include <stddef.h>
#include <sys/types.h>

/* Waits until all these threads (gettid()) have entered, that is, are not 0, and sleep, seen so in
 * several looks in a row; aborts the test program if that takes 20 s. */
void asleep_wait(_Atomic pid_t *threads, size_t count);

#endif
