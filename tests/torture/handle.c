/* handle - the handler of torture's jobs, a program that records in a log what it does.
 *
 *   handle LOG KIND
 *
 *   quick  takes up to 5 ms            slow    takes 100 to 600 ms
 *   flaky  fails at two attempts       poison  fails always, with many words
 *   deadly kills its worker at its first run
 *
 * The log gets lines "ID RUN begin MS WORKER" (monotonic time, process id) and "ID RUN end" or
 * "ID RUN fail", in one write each, so they are whole although many append and any may die. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 256, QUICK_MS = 5, SLOW_MS = 100, SLOW_MORE_MS = 500, WORDS = 120 };

static int say(int log, const char *word, long long ms)
{
    char line[LINE_BYTES];
    int len = snprintf(line, sizeof line, "%s %s %s %lld %d\n", getenv("DARG_JOB_ID"),
                       getenv("DARG_JOB_RUN"), word, ms, (int)getppid());
    return len > 0 && write(log, line, (size_t)len) == len ? 0 : 2;
}

static void nap(long ms)
{
    (void)nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static int number(const char *name)
{
    const char *text = getenv(name);
    return text == NULL ? 0 : (int)strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
    struct timespec now;
    int log = argc == 3 ? open(argv[1], O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (log < 0 || clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 2;
    long long ms = (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    pid_t worker = getppid();
    if (say(log, "begin", ms) != 0)
        return 2;
    if (strcmp(argv[2], "deadly") == 0 && number("DARG_JOB_RUN") == 1)
        (void)kill(worker, SIGKILL);
    nap(strcmp(argv[2], "slow") == 0 ? SLOW_MS + ms % SLOW_MORE_MS : ms % QUICK_MS);
    int needed = strcmp(argv[2], "flaky") == 0 ? 2 : strcmp(argv[2], "poison") == 0 ? 1 << 20 : 0;
    int fails = number("DARG_JOB_ATTEMPT") <= needed;
    for (int i = 0; i < (strcmp(argv[2], "poison") == 0 ? WORDS : 0); i++)
        (void)fputs("this line of the log is longer than a pipe takes in one piece. ", stderr);
    int said = say(log, fails ? "fail" : "end", 0);
    return said != 0 ? said : fails;
}
