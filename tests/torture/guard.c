#include "torture/guard.h"

#include "support/wait.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GRACE_MS = 5000 };

static pid_t child;

static void pass_on(int signal_number)
{
    (void)kill(child, signal_number);
}

static bool are_gone(void *context)
{
    (void)context;
    pid_t pid;
    do
        pid = waitpid(-1, NULL, WNOHANG);
    while (pid > 0);
    return pid < 0 && errno == ECHILD;
}

/* By now our children are orphans that were left behind. */
static void kill_children(void)
{
    char path[64];
    int pid;
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "re");
    while (file != NULL && fscanf(file, "%d", &pid) == 1) {
        fprintf(stderr, "torture: process %d was left behind\n", pid);
        (void)kill(pid, SIGKILL);
    }
    if (file != NULL)
        (void)fclose(file);
}

static int wait_child(void)
{
    int status = 0;
    for (;;) {
        pid_t pid = waitpid(-1, &status, 0);
        if (pid == child)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        if (pid < 0 && errno != EINTR)
            return 1;
    }
}

void guard_enter(void)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t self = getpid();
    child = fork();
    if (child < 0) {
        perror("torture: fork");
        exit(2);
    }
    if (child == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != self)
            _exit(1);
        return;
    }
    (void)signal(SIGINT, SIG_IGN); /* the terminal sends it to the child, too */
    (void)signal(SIGTERM, pass_on);
    int exit_code = wait_child();
    for (int rounds = 0; !wait_until(are_gone, NULL, GRACE_MS) && rounds < 3; rounds++) {
        kill_children();
        exit_code = 1;
    }
    exit(exit_code);
}
