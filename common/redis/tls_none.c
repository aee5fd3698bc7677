#include "redis/tls.h"

bool tls_is_supported(void)
{
    return false;
}

enum status tls_start(struct redisContext *context, const struct tls_options *options,
                      const struct deadline *deadline, struct err *err)
{
    (void)context;
    (void)options;
    (void)deadline;
    return err_set(err, ST_UNSUPPORTED, "this build has no TLS");
}
