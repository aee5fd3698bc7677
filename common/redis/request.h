/* request - one Redis command as the bytes that go over the wire.
 *
 * Arguments are added with their lengths, so nothing from outside can ever be taken for protocol.
 * The caller keeps a request until its reply has come: after a lost reply the very same bytes are
 * sent again. `struct request r = {0}` is empty. Pure. */
#ifndef DARG_REDIS_REQUEST_H
#define DARG_REDIS_REQUEST_H

#include <stdint.h>

#include "base/buf.h"

struct request {
    struct buf body; /* the arguments, encoded */
    size_t count;    /* number of arguments */
};

void request_fini(struct request *request);
void request_clear(struct request *request); /* empties, keeps the memory */
void request_add(struct request *request, struct slice argument);
void request_add_text(struct request *request, const char *argument);
void request_add_int(struct request *request, int64_t argument);
/* Adds the arguments of another request; NULL: none. */
void request_add_all(struct request *request, const struct request *more);

#endif
