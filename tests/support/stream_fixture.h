/* stream_fixture - a persistent handler, given one job after another, and what it said. */
#ifndef DARG_TESTS_SUPPORT_STREAM_FIXTURE_H
#define DARG_TESTS_SUPPORT_STREAM_FIXTURE_H

#include "support/exec_fixture.h"

struct stream_fixture {
    struct exec_fixture *exec; /* the job "j1" of type "t", the call, the result, the fifo */
    struct handler handler;
    struct limits limits; /* the handler's, if exec->limits was set before stream_fixture_use() */
    struct handler_observer observer;
    struct buf said; /* "progress TEXT;" and "log TEXT;" in the order they came */
};

/* cmocka's setup and teardown; the teardown ends the process, and fails if one is left. */
int stream_fixture_set_up(void **state);
int stream_fixture_tear_down(void **state);

/* Uses this handler: the text that follows "TYPE=". */
void stream_fixture_use(struct stream_fixture *fixture, const char *text);

/* Uses a shell that reads the hello and runs this script for each job, whose line is $job; the word
 * REPLY in the script becomes the beginning of an answer, {"id":"j1". */
void stream_fixture_script(struct stream_fixture *fixture, const char *options, const char *script);

/* Ends the processes, like a thread that ends. */
void stream_fixture_leave(struct stream_fixture *fixture);

/* Runs the job; fails unless outcome and output or, if it is not HANDLER_DONE, error are these. */
void stream_fixture_expect(struct stream_fixture *fixture, const char *args,
                           enum handler_outcome outcome, const char *text);

/* Likewise, but the error only has to begin with this. */
void stream_fixture_expect_error(struct stream_fixture *fixture, enum handler_outcome outcome,
                                 const char *beginning);

#endif
