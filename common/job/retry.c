#include "job/retry.h"

#include <string.h>

#include "base/parse.h"

static const char separator[] = "..";

static struct slice before_separator(struct slice text, struct slice *after)
{
    const char *at = text.len ? memmem(text.ptr, text.len, separator, strlen(separator)) : NULL;
    if (!at) {
        *after = (struct slice){0};
        return text;
    }
    size_t left = (size_t)(at - text.ptr);
    *after = (struct slice){at + strlen(separator), text.len - left - strlen(separator)};
    return (struct slice){text.ptr, left};
}

enum status retry_parse_backoff(struct slice text, struct retry_backoff *backoff, struct err *err)
{
    struct slice limit;
    struct slice first = before_separator(text, &limit);
    struct retry_backoff parsed = {0};
    enum status status = parse_duration_ms(first, &parsed.first_ms, err);
    if (status == ST_OK && limit.ptr)
        status = parse_duration_ms(limit, &parsed.limit_ms, err);
    else
        parsed.limit_ms = parsed.first_ms;
    if (status != ST_OK) {
        err_prefix(err, "backoff is FIRST..LIMIT like 2s..1h, or one duration");
        return status;
    }
    if (parsed.limit_ms < parsed.first_ms)
        return err_set(err, ST_INVALID, "backoff '%.*s': the limit is below the first delay",
                       (int)(text.len > 64 ? 64 : text.len), text.ptr);
    *backoff = parsed;
    return ST_OK;
}

int64_t retry_delay_ms(const struct retry_backoff *backoff, int64_t attempts, uint64_t random)
{
    int64_t delay = backoff->first_ms;
    for (int64_t i = 1; i < attempts && delay > 0 && delay < backoff->limit_ms; i++)
        delay = delay > backoff->limit_ms / 2 ? backoff->limit_ms : delay * 2;
    int64_t jitter = delay / 4;
    return delay + (jitter > 0 ? (int64_t)(random % (uint64_t)(jitter + 1)) : 0);
}
