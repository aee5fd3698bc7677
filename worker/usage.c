#include "worker/usage.h"

#include <inttypes.h>
#include <sys/wait.h>

static int64_t cpu_ms(const struct handler_usage *usage)
{
    return (usage->user_us + usage->system_us) / 1000;
}

/* How it ended: a name, and the number that goes with it. */
static const char *end_name(const struct handler_usage *usage)
{
    return WIFSIGNALED(usage->wait_status) ? "signal" : "exit";
}

static int end_number(const struct handler_usage *usage)
{
    int status = usage->wait_status;
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

void usage_append(struct buf *out, const struct handler_usage *usage, int64_t wall_ms)
{
    if (!usage->is_known)
        return;
    buf_printf(out, "{\"%s\":%d,\"wall_ms\":%" PRId64, end_name(usage), end_number(usage), wall_ms);
    buf_printf(out, ",\"cpu_ms\":%" PRId64 ",\"cpu_system_ms\":%" PRId64, cpu_ms(usage),
               usage->system_us / 1000);
    if (usage->peak_bytes > 0)
        buf_printf(out, ",\"peak_kib\":%" PRId64, usage->peak_bytes / 1024);
    buf_append_char(out, '}');
}

size_t usage_list(const struct handler_usage *usage, struct log_field *fields)
{
    size_t count = 0;
    if (!usage->is_known)
        return 0;
    fields[count++] = LOG_INT(end_name(usage), end_number(usage));
    fields[count++] = LOG_INT("cpu_ms", cpu_ms(usage));
    fields[count++] = LOG_INT("cpu_system_ms", usage->system_us / 1000);
    if (usage->peak_bytes > 0)
        fields[count++] = LOG_INT("peak_kib", usage->peak_bytes / 1024);
    return count;
}
