/* failure - the sentence that darg_error() returns: one per thread, like errno. */
#ifndef DARG_LIBRARY_FAILURE_H
#define DARG_LIBRARY_FAILURE_H

#include "base/err.h"
#include "include/darg.h"

/* Stores the sentence for this thread; returns the code. */
enum darg_code failure_set(enum darg_code code, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same with an error from the layers below; the code is the one for its status. */
enum darg_code failure_of(const struct err *err);

/* The code for the status of a call that pushes. */
enum darg_code failure_code(enum status status);

#endif
