/* plural - the form of a word that goes with a count, for messages: "1 job is", "2 jobs are". Pure;
 * any thread. */
#ifndef DARG_BASE_PLURAL_H
#define DARG_BASE_PLURAL_H

#include <stdint.h>

/* `one` if count is 1, else `many`. Both forms are given, not a noun to add an s to: a verb often
 * changes with it. */
static inline const char *plural_of(int64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

#endif
