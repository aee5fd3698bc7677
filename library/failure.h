/* failure - what darg_error() tells: a sentence for each thread, as with errno. */
#ifndef DARG_LIBRARY_FAILURE_H
#define DARG_LIBRARY_FAILURE_H

#include "base/err.h"
#include "include/darg.h"

/* Keeps the sentence for this thread; answers the code. */
enum darg_code failure_set(enum darg_code code, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same out of an error of the layers below; the code is that of its status. */
enum darg_code failure_of(const struct err *err);

/* The code for a status of a call that pushes. */
enum darg_code failure_code(enum status status);

#endif
