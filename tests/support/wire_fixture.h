/* wire_fixture - workers behind a proxy that breaks their links, on top of worker_fixture.
 *
 * A test may begin and end several lives of the queue, each with an empty server and a new proxy.
 * The handlers of a wire's workers append "ID RUN" to a file, in one write, when they run:
 *
 *   note   succeeds
 *   once   fails at the first attempt
 *   never  fails
 *   gate   succeeds once wire_fixture_open_gate() was called; after a crash, or a release, at
 * once */
#ifndef DARG_TESTS_SUPPORT_WIRE_FIXTURE_H
#define DARG_TESTS_SUPPORT_WIRE_FIXTURE_H

#include "support/checker.h"
#include "support/proxy.h"
#include "support/worker_fixture.h"

struct wire_fixture {
    struct worker_fixture *base;
    struct proxy *proxy;
    size_t pushed; /* number of jobs so far: the next is j<pushed> */
};

/* cmocka's group setup: like worker_fixture's, with all scripts loaded into the server. */
int wire_fixture_setup(void **state);

struct wire_fixture wire_fixture_begin(struct worker_fixture *base);
void wire_fixture_end(struct wire_fixture *wire); /* kills what is left of its workers */

/* Starts a worker behind the proxy, or directly at the server, with short backoffs and further
 * arguments; waits until it is ready. */
#define wire_fixture_start(wire, ...)                                                              \
    wire_fixture_start_args((wire), proxy_url((wire)->proxy), COMMANDS_ARGS(__VA_ARGS__))
#define wire_fixture_start_direct(wire, ...)                                                       \
    wire_fixture_start_args((wire), redis_server_url((wire)->base->server),                        \
                            COMMANDS_ARGS(__VA_ARGS__))
struct process *wire_fixture_start_args(struct wire_fixture *wire, const char *url,
                                        const char *const *args);

/* Pushes jobs of this type in one command. "never" has one attempt. */
void wire_fixture_push(struct wire_fixture *wire, const char *type, size_t count);

/* Arms the proxy to break the next two calls that contain this word, in one of several ways: by
 * cutting the reply, or the request. */
enum { WIRE_FIXTURE_WAYS = 4 };
void wire_fixture_break(struct wire_fixture *wire, const char *word, int way);
bool wire_fixture_is_reply(int way);

const char *wire_fixture_ran_path(struct wire_fixture *wire);
void wire_fixture_open_gate(struct wire_fixture *wire);

/* A checker that has read what ran; it expects jobs to run once. */
struct checker *wire_fixture_checker(struct wire_fixture *wire);

/* Waits until the proxy's faults have hit this often. */
void wire_fixture_wait_hits(struct wire_fixture *wire, uint64_t hits);

/* Waits until the proxy, told to capture, has a request that contains this word. */
void wire_fixture_wait_captured(struct wire_fixture *wire, const char *word);

/* Sends TERM to the worker, which must end with 0, and leave no keys of workers. */
void wire_fixture_stop(struct wire_fixture *wire, struct process *worker);

/* One life of a worker that makes all usual calls: it starts, waits, is woken, runs jobs that
 * succeed, or end up dead, or succeed at the second attempt (which takes about a second), and is
 * stopped. Whatever is armed in the proxy, nothing may be lost, repeated, or have to wait for a
 * lease. */
void wire_fixture_live(struct wire_fixture *wire, bool with_retries, const char *what);

#endif
