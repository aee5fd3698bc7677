#include "worker/program/death.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/parse.h"
#include "base/plural.h"

enum { SHELL_SIGNAL = 128 }; /* plus the number of the signal: the exit status that shells report */

static void append_cpu(const struct limits *limits, struct buf *reason)
{
    char time[PARSE_DURATION_MAX];
    buf_printf(reason, ": it may use %s of CPU time (--limit cpu)",
               format_duration_ms(limits->numbers[LIMIT_CPU] * 1000, time));
}

static void append_file_size(const struct limits *limits, struct buf *reason)
{
    char size[PARSE_BYTES_MAX];
    buf_printf(reason, ": no file it writes to may be larger than %s (--limit file-size)",
               format_bytes(limits->numbers[LIMIT_FILE_SIZE], size));
}

/* How much it used and how much it was allowed, as far as known. */
static void append_memory(const struct usage *usage, const struct limits *limits,
                          struct buf *reason)
{
    char size[PARSE_BYTES_MAX];
    bool is_limited = limits_have(limits, LIMIT_MEMORY);
    if (usage->peak_bytes > 0)
        buf_printf(reason, "it had %s of memory at most%s", format_bytes(usage->peak_bytes, size),
                   is_limited ? ", and may have " : "");
    else if (is_limited)
        buf_append_text(reason, "it may have ");
    if (is_limited)
        buf_printf(reason, "%s%s (--limit memory)",
                   format_bytes(limits->numbers[LIMIT_MEMORY], size),
                   usage->peak_bytes > 0 ? "" : " of memory");
}

/* A program may catch SIGXCPU, and then gets SIGKILL like any other. */
static bool has_used_up(const struct death *death, const struct limits *limits)
{
    return limits_have(limits, LIMIT_CPU) && !death->is_lasting &&
           death->own_cpu_us / 1000000 >= limits->numbers[LIMIT_CPU];
}

/* How programs end that do not check for a refused allocation. */
static bool is_of_memory(int signal)
{
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT || signal == SIGILL ||
           signal == SIGTRAP;
}

/* For a control group the kernel counts the processes it killed there; without one there is only
 * the count for the whole machine, so it can be no more than a "perhaps". */
static void append_killer(const struct death *death, struct buf *reason)
{
    int64_t in_group = death->has_group ? death->group.oom_kills : -1;
    if (in_group > 0)
        buf_append_text(reason, death->group.memory_refusals > 0
                                    ? " by the kernel for lack of memory"
                                    : " by the kernel: the machine, or the worker as a whole, was "
                                      "out of memory");
    else if (in_group == 0 || death->oom_kills == 0)
        buf_append_text(reason, ", not by darg, nor by the kernel for lack of memory");
    else
        buf_append_text(reason, ", not by darg: perhaps by the kernel for lack of memory");
    if (in_group < 0 && death->oom_kills > 0)
        buf_printf(reason, " (which it has done %" PRId64 " %s since the worker started)",
                   death->oom_kills, plural_of(death->oom_kills, "time", "times"));
}

static void append_signal(const struct death *death, const struct limits *limits,
                          struct buf *reason)
{
    int signal = WTERMSIG(death->wait_status);
    const char *words = sigdescr_np(signal);
    buf_printf(reason, "killed by signal %d (%s)", signal, words ? words : "real-time signal");
    bool is_of_cpu = (signal == SIGXCPU && limits_have(limits, LIMIT_CPU)) ||
                     (signal == SIGKILL && has_used_up(death, limits));
    if (is_of_cpu) {
        append_cpu(limits, reason);
    } else if (signal == SIGXFSZ && limits_have(limits, LIMIT_FILE_SIZE)) {
        append_file_size(limits, reason);
    } else if (signal == SIGKILL) {
        append_killer(death, reason);
        if (death->usage.peak_bytes > 0 || limits_have(limits, LIMIT_MEMORY))
            buf_append_text(reason, "; ");
        append_memory(&death->usage, limits, reason);
    } else if (is_of_memory(signal) && limits_have(limits, LIMIT_MEMORY)) {
        buf_append_text(reason, "; ");
        append_memory(&death->usage, limits, reason);
    }
}

/* Only a control group counts this. */
static bool was_refused_processes(const struct death *death, const struct limits *limits)
{
    return death->has_group && death->group.processes_refused > 0 &&
           limits_have(limits, LIMIT_PROCESSES);
}

static void append_refused_processes(const struct death *death, const struct limits *limits,
                                     struct buf *reason)
{
    int64_t times = death->group.processes_refused;
    buf_printf(reason,
               "it was refused a process %" PRId64 " %s: it may have %" PRId64
               " (--limit processes)",
               times, plural_of(times, "time", "times"), limits->numbers[LIMIT_PROCESSES]);
}

/* A program that came near its memory limit and fails may have failed because of that. */
static void append_exit(const struct death *death, const struct limits *limits, bool has_said,
                        struct buf *reason)
{
    bool is_refused = was_refused_processes(death, limits);
    bool is_near = limits_have(limits, LIMIT_MEMORY) &&
                   death->usage.peak_bytes >= limits->numbers[LIMIT_MEMORY] / 2;
    if (!has_said)
        buf_printf(reason, "exit status %d%s", WEXITSTATUS(death->wait_status),
                   is_refused || is_near ? "; " : "");
    if (is_refused)
        append_refused_processes(death, limits, reason);
    if (is_refused && is_near)
        buf_append_text(reason, "; ");
    if (is_near)
        append_memory(&death->usage, limits, reason);
}

void death_append(const struct death *death, const struct limits *limits, bool has_said,
                  struct buf *reason)
{
    if (!death->is_known)
        buf_append_text(reason, "its exit status is lost");
    else if (WIFSIGNALED(death->wait_status))
        append_signal(death, limits, reason);
    else
        append_exit(death, limits, has_said, reason);
}

bool death_is_stop(const struct death *death)
{
    int status = death->wait_status;
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) - SHELL_SIGNAL;
    return death->is_known && (number == SIGTERM || number == SIGINT);
}
