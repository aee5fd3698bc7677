/* environment - what a program finds in its environment: the variables listed here, those that its
 * limits give, and those requested by name. The rest of the worker's environment is kept from it:
 * options and addresses of Redis, messages of a service manager, other programs' secrets. */
#ifndef DARG_WORKER_PROGRAM_ENVIRONMENT_H
#define DARG_WORKER_PROGRAM_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "worker/program/limits.h"

/* Copies from the worker's environment what a program under these limits (NULL: none) gets, with
 * the user's own HOME, USER and LOGNAME. The array ends with NULL and has room for one more entry.
 * The caller owns strings and array. */
char **environment_make(const struct limits *limits, size_t *count);

/* True for a variable NAME=VALUE of the worker's environment that programs under these limits do
 * not get and whose absence may surprise: it is not on the usual list, and is neither the worker's
 * own nor one that every shell sets. */
bool environment_withholds(const char *variable, const struct limits *limits);

/* How many bytes the strings take up of the space that execve() allows. */
size_t environment_bytes(char *const *strings);

/* Whether this environment leaves enough room for arguments. ST_INVALID with a sentence. */
MUST_CHECK enum status environment_check(char *const *environment, char *const *words,
                                         struct err *err);

#endif
