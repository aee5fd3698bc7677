#include "worker/program/usage.h"

#include <inttypes.h>
#include <sys/wait.h>

/* How it ended: this name and a number, "exit":3 or "signal":9. */
static const char *end_name(const struct usage *usage)
{
    return WIFSIGNALED(usage->wait_status) ? "signal" : "exit";
}

static int end_number(const struct usage *usage)
{
    int status = usage->wait_status;
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

void usage_append(struct buf *out, const struct usage *usage, int64_t wall_ms)
{
    if (!usage->is_known)
        return;
    buf_append_char(out, '{');
    if (usage->has_ended)
        buf_printf(out, "\"%s\":%d,", end_name(usage), end_number(usage));
    buf_printf(out, "\"wall_ms\":%" PRId64 ",\"cpu_ms\":%" PRId64, wall_ms, usage->cpu_us / 1000);
    if (usage->system_us >= 0)
        buf_printf(out, ",\"cpu_system_ms\":%" PRId64, usage->system_us / 1000);
    if (usage->peak_bytes > 0)
        buf_printf(out, ",\"peak_kib\":%" PRId64, usage->peak_bytes / 1024);
    buf_append_char(out, '}');
}

size_t usage_list(const struct usage *usage, struct log_field *fields)
{
    size_t count = 0;
    if (!usage->is_known)
        return 0;
    if (usage->has_ended)
        fields[count++] = LOG_INT(end_name(usage), end_number(usage));
    fields[count++] = LOG_INT("cpu_ms", usage->cpu_us / 1000);
    if (usage->system_us >= 0)
        fields[count++] = LOG_INT("cpu_system_ms", usage->system_us / 1000);
    if (usage->peak_bytes > 0)
        fields[count++] = LOG_INT("peak_kib", usage->peak_bytes / 1024);
    return count;
}
