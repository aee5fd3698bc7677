/* queue_fixture - a private server, a queue on it, and a registered worker: for tests of the
 * protocol.
 *
 * Group setup and teardown start and end the server; each test begins with an empty one
 * (queue_fixture_reset) and ends with the check that the counters agree with what is held
 * (queue_fixture_check). One thread only. */
#ifndef DARG_TESTS_SUPPORT_QUEUE_FIXTURE_H
#define DARG_TESTS_SUPPORT_QUEUE_FIXTURE_H

#include "queue/claim.h"
#include "queue/keys.h"
#include "queue/lease.h"
#include "queue/settle.h"
#include "support/commands.h"
#include "support/redis_server.h"

struct queue_fixture {
    struct redis_server *server;
    struct conn *conn;
    struct queue queue; /* "jobs" */
    struct lease lease; /* "p.1" */
};

int queue_fixture_setup(void **state);
int queue_fixture_teardown(void **state);
int queue_fixture_reset(void **state);
int queue_fixture_check(void **state);

#define QUEUE_TEST(function)                                                                       \
    cmocka_unit_test_setup_teardown(function, queue_fixture_reset, queue_fixture_check)
#define QUEUE_TEST_DAMAGED(function) cmocka_unit_test_setup(function, queue_fixture_reset)

/* Registers another worker; call lease_fini() on its lease. */
void queue_fixture_register(struct queue_fixture *fixture, struct lease *lease,
                            const char *process);

/* LPUSH of each text. */
#define queue_fixture_push(fixture, ...)                                                           \
    queue_fixture_push_args((fixture), COMMANDS_ARGS(__VA_ARGS__))
void queue_fixture_push_args(struct queue_fixture *fixture, const char *const *jobs);

void queue_fixture_push_bytes(struct queue_fixture *fixture, struct slice job);

/* Claims with a budget of 1 MiB and no discarding; fails the test on any error. */
struct claim queue_fixture_claim(struct queue_fixture *fixture, const struct lease *lease,
                                 int64_t base, int64_t n);
struct claim queue_fixture_claim_with(struct queue_fixture *fixture, const struct lease *lease,
                                      int64_t base, int64_t n, const struct claim_options *options);
/* The same; frees the claim and returns its outcome. */
enum claim_outcome queue_fixture_outcome(struct queue_fixture *fixture, const struct lease *lease,
                                         int64_t base, int64_t n);
/* The same; the jobs must be these. */
#define queue_fixture_claim_these(fixture, lease, base, n, ...)                                    \
    queue_fixture_claim_args((fixture), (lease), (base), (n), COMMANDS_ARGS(__VA_ARGS__))
void queue_fixture_claim_args(struct queue_fixture *fixture, const struct lease *lease,
                              int64_t base, int64_t n, const char *const *jobs);

/* The list's elements must be these, the next to be taken first. */
#define queue_fixture_expect_line(fixture, key, ...)                                               \
    queue_fixture_expect_args((fixture), (key), COMMANDS_ARGS(__VA_ARGS__))
void queue_fixture_expect_args(struct queue_fixture *fixture, const char *key,
                               const char *const *jobs);

int64_t queue_fixture_count(struct queue_fixture *fixture, const char *name);

/* Member number i of a sorted set, lowest score first; its score in *score. Free it with
 * reply_free(). */
struct reply *queue_fixture_member(struct queue_fixture *fixture, const char *key, int i,
                                   int64_t *score);

/* A digest of everything on the server: if it is equal, nothing has changed. free() it. */
char *queue_fixture_digest(struct queue_fixture *fixture);
/* Fails the test if the digest has changed; frees it. */
void queue_fixture_expect_unchanged(struct queue_fixture *fixture, char *digest);

/* Acknowledges one held job. */
void queue_fixture_done(struct queue_fixture *fixture, const struct lease *lease, int64_t number);

/* settings_set(). */
void queue_fixture_limit(struct queue_fixture *fixture, const char *name, int64_t value);

/* Settles; fails the test on any error. */
struct settle_answer queue_fixture_settle(struct queue_fixture *fixture, enum settle_kind kind,
                                          const struct lease *lease,
                                          const struct settle_item *items, size_t count);

/* Sets maxmemory below what is used, or removes the limit. */
void queue_fixture_fill_memory(struct queue_fixture *fixture, bool is_full);

int64_t queue_fixture_server_ms(struct queue_fixture *fixture);

/* How many jobs all workers hold together. */
int64_t queue_fixture_held(struct queue_fixture *fixture);

#endif
