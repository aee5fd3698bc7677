#include "worker/handler/exec_death.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/parse.h"

/* Nobody but the kernel kills a program that way when memory is short, and it tells only its log.
 */
static void append_suspicion(const struct exec_death *death, struct buf *reason)
{
    char peak[PARSE_BYTES_MAX];
    buf_append_text(reason, ", not by darg: perhaps memory was short");
    if (death->usage.peak_bytes > 0)
        buf_printf(reason, " (it had %s at most)", format_bytes(death->usage.peak_bytes, peak));
}

static void append_signal(const struct exec_death *death, struct buf *reason)
{
    int signal = WTERMSIG(death->wait_status);
    const char *words = sigdescr_np(signal);
    buf_printf(reason, "killed by signal %d (%s)", signal, words ? words : "real-time signal");
    if (signal == SIGKILL)
        append_suspicion(death, reason);
}

void exec_death_append(const struct exec_death *death, struct buf *reason)
{
    if (!death->is_known)
        buf_append_text(reason, "its exit status is lost");
    else if (WIFSIGNALED(death->wait_status))
        append_signal(death, reason);
    else
        buf_printf(reason, "exit status %d", WEXITSTATUS(death->wait_status));
}
