#include "worker/handler/handler.h"

int64_t handler_timeout_ms(const struct handler *handler, int64_t job_ms, int64_t worker_ms)
{
    int64_t own_ms = handler->timeout_ms;
    if (own_ms == 0)
        return job_ms >= 0 ? job_ms : worker_ms;
    return job_ms > 0 && job_ms < own_ms ? job_ms : own_ms;
}

int64_t handler_max_output(const struct handler *handler, int64_t worker_bytes)
{
    return handler->max_output > 0 ? handler->max_output : worker_bytes;
}
