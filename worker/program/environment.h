/* environment - what a program finds in its environment: what is listed here, what its limits say,
 * and what was asked for by name. What else the worker has in its own is its own affair: options
 * and addresses of Redis, what a service manager tells it, secrets of other programs. */
#ifndef DARG_WORKER_PROGRAM_ENVIRONMENT_H
#define DARG_WORKER_PROGRAM_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "worker/program/limits.h"

/* Copies out of the worker's environment what a program under these limits (NULL: none) is to have,
 * with the user's own HOME, USER and LOGNAME, and room for one more, the NULL at its end. Strings
 * and array are the caller's. */
char **environment_make(const struct limits *limits, size_t *count);

/* True for a variable of the worker's environment, NAME=VALUE, that programs under these limits do
 * not have though nobody has said so: it is not on the usual list, and is neither the worker's own
 * nor what any shell sets. */
bool environment_withholds(const char *variable, const struct limits *limits);

/* How many bytes of what execve() takes the strings need. */
size_t environment_bytes(char *const *strings);

/* Whether programs of these limits are left enough room for arguments. ST_INVALID with a sentence.
 */
MUST_CHECK enum status environment_check(char *const *environment, char *const *words,
                                         struct err *err);

#endif
