/* process - a program under test: starts it, feeds it, signals it, waits for it, keeps its output.
 *
 * Each has its own process group, which process_free() and a missed deadline kill, and dies with
 * the test (PDEATHSIG). Output goes to unnamed files, so no program ever blocks because a test does
 * not read, and nothing is lost. Failures here are printed with the program's output and abort the
 * test program, so that a test never goes on by mistake. One thread only. */
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
    const char *terminal;          /* becomes its terminal and 0 to 2; NULL: none */
    /* > 2: the program's descriptor for a pipe that process_wait_ready() reads; 0: none */
    int ready_fd;
};

struct process;

struct process *process_start(const struct process_options *options);

pid_t process_pid(const struct process *process);

/* Sends a signal to the program alone / to its whole group. */
void process_signal(const struct process *process, int signal_number);
void process_signal_group(const struct process *process, int signal_number);

/* Waits until the program has ended. Returns its exit status, or 128 + the signal that killed
 * it. */
int process_wait(struct process *process, int64_t deadline_ms);

/* Returns -1 while it runs, otherwise like process_wait(). Does not wait. */
int process_poll(struct process *process);

/* Waits for a line (or the end) on the ready descriptor. */
void process_wait_ready(struct process *process, int64_t deadline_ms);

/* Waits until the output contains `text`. */
void process_wait_stdout(struct process *process, const char *text, int64_t deadline_ms);
void process_wait_stderr(struct process *process, const char *text, int64_t deadline_ms);

/* Waits for the next whole line of stdout, and returns it without its end. Borrowed until the next
 * call on this process. */
const char *process_read_line(struct process *process, int64_t deadline_ms);

/* Everything written so far, terminated. Borrowed until the next call on this process. */
const char *process_stdout(struct process *process);
const char *process_stderr(struct process *process);
size_t process_stdout_len(struct process *process);

/* Kills what is left of its group, and frees. NULL is fine. */
void process_free(struct process *process);

#endif
