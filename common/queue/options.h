/* queue/options - the option that names keys, once for all programs. */
#ifndef DARG_QUEUE_OPTIONS_H
#define DARG_QUEUE_OPTIONS_H

#include "base/options.h"

/* --namespace: a group for a field that is a const char *. */
extern const struct option_row namespace_option_rows[];

#endif
