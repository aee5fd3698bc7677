/* later - a buffer of jobs, pushed by a background thread (darg_push_later()). */
#ifndef DARG_LIBRARY_LATER_H
#define DARG_LIBRARY_LATER_H

#include "library/client.h"

/* Starts the thread. NULL, with a sentence in *err: the system cannot start one. */
struct later *later_start(struct darg_client *client, struct err *err);

/* Ends the thread once the call it is in has been answered, and frees. Returns how many jobs were
 * not pushed. NULL is fine. */
size_t later_stop(struct later *later);

#endif
