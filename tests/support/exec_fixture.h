/* exec_fixture - one command, one job, one run; and the proof that nothing is left of it. */
#ifndef DARG_TESTS_SUPPORT_EXEC_FIXTURE_H
#define DARG_TESTS_SUPPORT_EXEC_FIXTURE_H

#include "worker/handler/handler.h"
#include "worker/program/limits.h"

struct exec_fixture {
    struct job job;           /* type "t", id "j1", no args: change at will before a run */
    struct handler_call call; /* max_output 64 KiB, no timeout */
    const char *limits;       /* the LIST of --limit for what is run next; NULL: none */
    struct handler_result result;
    int abort_write_fd;
    char directory[64]; /* empty at first; removed with the files in it */
    char fifo[80];      /* in it: programs hold it open, and by that we see them live and end */
    int fifo_fd;        /* read end, nonblocking */
    int fds_before;
};

/* cmocka's setup and teardown. The teardown fails if a child or a descriptor is left. */
int exec_fixture_set_up(void **state);
int exec_fixture_tear_down(void **state);

/* Reads fixture->limits; to limits_fini(). */
void exec_fixture_read_limits(const struct exec_fixture *fixture, struct limits *limits);

/* Runs the command `text` once; args NULL: none. LC_FIFO in the environment names the fifo (what
 * begins with LC_ is passed on). The result is that of the fixture; the outcome is also returned.
 */
enum handler_outcome exec_fixture_run(struct exec_fixture *fixture, const char *text,
                                      const char *args);

/* As above, and compares outcome and output or, where the outcome is not HANDLER_DONE, error. */
void exec_fixture_expect(struct exec_fixture *fixture, const char *command, const char *args,
                         enum handler_outcome outcome, const char *text);

/* Waits until nobody holds the fifo open for writing any more; false after 10 s. */
bool exec_fixture_wait_fifo_closed(const struct exec_fixture *fixture);

/* Reads one byte from the fifo, waiting for it; false after 10 s. */
bool exec_fixture_wait_fifo_byte(const struct exec_fixture *fixture);

/* How many descriptors this process has open. */
int exec_fixture_count_fds(void);

#endif
