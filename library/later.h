/* later - jobs in a buffer, pushed by a thread of its own (darg_push_later()). */
#ifndef DARG_LIBRARY_LATER_H
#define DARG_LIBRARY_LATER_H

#include "library/client.h"

/* Starts the thread. NULL, with the sentence in *err: the system has none to give. */
struct later *later_start(struct darg_client *client, struct err *err);

/* Ends the thread once the call it is in has been answered, and frees; how many jobs it had not
 * pushed. NULL is fine. */
size_t later_stop(struct later *later);

#endif
