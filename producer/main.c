/* darg - the producer's and the operator's tool. */
#include "producer/commands.h"
#include "producer/context.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Asked of the pipe itself: the write that failed may be long past, and its errno with it. */
static bool has_no_reader(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    return poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
}

/* A reader who has seen enough (`darg peek | head`) is no failure worth a word. */
static int finish_output(int exit_code)
{
    errno = 0;
    if (context_flush_output())
        return exit_code;
    if (errno != EPIPE && !has_no_reader())
        context_note("cannot write to standard output%s%s", errno ? ": " : "",
                     errno ? strerror(errno) : "");
    return exit_code == DARG_OK ? DARG_FAILED : exit_code;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    return finish_output(commands_main(argc, argv));
}
