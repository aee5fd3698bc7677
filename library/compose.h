/* compose - makes the text of a job from what a caller of the library gives. Any thread. */
#ifndef DARG_LIBRARY_COMPOSE_H
#define DARG_LIBRARY_COMPOSE_H

#include "base/buf.h"
#include "library/pipeline.h"

struct compose_spec {
    const char *type, *args;
    const struct darg_push_options *options; /* NULL: none */
    const char *reply;                       /* reply list; NULL: nobody waits */
    int64_t max_bytes;
};

/* What else comes from a job's options. */
struct compose_made {
    char id[DARG_ID_SIZE];
    int64_t delay_ms;
};

/* Appends the job to `out`. ST_INVALID or ST_TOO_LARGE with a sentence; `out` is then unchanged. */
MUST_CHECK enum status compose_job(const struct compose_spec *spec, struct buf *out,
                                   struct compose_made *made, struct err *err);

/* Copies a caller's struct, whose `size` says how much of it the caller's version has; the rest
 * becomes 0. ST_INVALID if no size was set. */
MUST_CHECK enum status compose_copy(void *own, size_t own_size, const void *given, const char *what,
                                    struct err *err);

#endif
