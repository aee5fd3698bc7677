/* exec_fixture - one command, one job, one run; and a check that it leaves nothing behind. */
#ifndef DARG_TESTS_SUPPORT_EXEC_FIXTURE_H
#define DARG_TESTS_SUPPORT_EXEC_FIXTURE_H

#include "worker/handler/handler.h"
#include "worker/program/limits.h"

struct exec_fixture {
    struct job job;           /* type "t", id "j1", no args; may be changed before a run */
    struct handler_call call; /* max_output 64 KiB, no timeout */
    const char *limits;       /* the LIST of --limit for the next run; NULL: none */
    struct handler_result result;
    int abort_write_fd;
    char directory[64]; /* empty at first; removed with its files */
    char fifo[80];      /* in the directory; programs hold it open, which shows when they end */
    int fifo_fd;        /* read end, nonblocking */
    int fds_before;
};

/* cmocka's setup and teardown. The teardown fails if a child or a descriptor is left. */
int exec_fixture_set_up(void **state);
int exec_fixture_tear_down(void **state);

/* Reads fixture->limits; call limits_fini() on the result. */
void exec_fixture_read_limits(const struct exec_fixture *fixture, struct limits *limits);

/* Runs the command `text` once; args NULL: none. LC_FIFO in the environment names the fifo
 * (variables that begin with LC_ are passed on). The result is in the fixture; the outcome is also
 * returned. */
enum handler_outcome exec_fixture_run(struct exec_fixture *fixture, const char *text,
                                      const char *args);

/* Likewise, and compares outcome and output or, if the outcome is not HANDLER_DONE, error. */
void exec_fixture_expect(struct exec_fixture *fixture, const char *command, const char *args,
                         enum handler_outcome outcome, const char *text);

/* Waits until no process holds the fifo open for writing; false after 10 s. */
bool exec_fixture_wait_fifo_closed(const struct exec_fixture *fixture);

/* Reads one byte from the fifo, waiting for it; false after 10 s. */
bool exec_fixture_wait_fifo_byte(const struct exec_fixture *fixture);

/* How many descriptors this process has open. */
int exec_fixture_count_fds(void);

#endif
