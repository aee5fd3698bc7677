/* process - a program under test: started, fed, signalled, waited for, its output kept.
 *
 * Each has its own process group, which process_free() and a missed deadline kill whole, and dies
 * with the test (PDEATHSIG). Outputs go to unnamed files, so that no program ever blocks on a test
 * that does not read, and none of it is lost. What goes wrong here is printed, with the program's
 * output, and aborts the test program: a test never goes on by mistake. One thread only. */
#ifndef DARG_TESTS_SUPPORT_PROCESS_H
#define DARG_TESTS_SUPPORT_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process_options {
    const char *const *argv;       /* argv[0] is looked up in PATH; ends with NULL */
    const char *const *env;        /* "NAME=value" added to ours, "NAME" removed; NULL: ours */
    const char *stdin_text;        /* NULL: /dev/null */
    size_t stdin_len;              /* 0: stdin_text is terminated */
    const char *working_directory; /* NULL: ours */
    const char *terminal;          /* its terminal, in place of 0 to 2; NULL: none of its own */
    /* > 2: the number under which the program writes to a pipe that process_wait_ready() reads; 0:
     * none */
    int ready_fd;
};

struct process;

struct process *process_start(const struct process_options *options);

pid_t process_pid(const struct process *process);

/* To the program alone, and to its whole group. */
void process_signal(const struct process *process, int signal_number);
void process_signal_group(const struct process *process, int signal_number);

/* Waits until the program has ended. Its exit status, or 128 + the signal that killed it. */
int process_wait(struct process *process, int64_t deadline_ms);

/* -1 while it runs; otherwise as process_wait(). Never waits. */
int process_poll(struct process *process);

/* Waits for a line (or the end) on the ready descriptor. */
void process_wait_ready(struct process *process, int64_t deadline_ms);

/* Waits until the output so far holds `text`. */
void process_wait_stdout(struct process *process, const char *text, int64_t deadline_ms);
void process_wait_stderr(struct process *process, const char *text, int64_t deadline_ms);

/* The next whole line of stdout, without its end, that no call has returned before; waits for it.
 * Borrowed until the next call on this process. */
const char *process_read_line(struct process *process, int64_t deadline_ms);

/* Everything written so far, terminated. Borrowed until the next call on this process. */
const char *process_stdout(struct process *process);
const char *process_stderr(struct process *process);
size_t process_stdout_len(struct process *process);

/* Kills what is left of its group, and frees. NULL is fine. */
void process_free(struct process *process);

#endif
