/* pushers - torture's producers: plain LPUSH and ZADD through a connection of their own, and
 * `darg push --jsonl` as programs, which can be killed.
 *
 * Each id is written to site->pushed as uncertain before its push, and once more, as acknowledged,
 * when Redis or darg has said so. One thread only. */
#ifndef DARG_TESTS_TORTURE_PUSHERS_H
#define DARG_TESTS_TORTURE_PUSHERS_H

#include "torture/site.h"

struct pushers;

struct pushers *pushers_start(struct site *site, unsigned seed);
void pushers_free(struct pushers *pushers);

/* Pushes some more, unless enough jobs are waiting. Takes up to half a second if Redis is
 * silent. */
void pushers_step(struct pushers *pushers);

/* kill -9 of a darg that is pushing; false: there is none. */
bool pushers_kill_one(struct pushers *pushers);

/* From now on only jobs that neither fail nor kill their worker. */
void pushers_calm(struct pushers *pushers);

/* Waits for what is still being pushed. */
void pushers_finish(struct pushers *pushers);

size_t pushers_count(const struct pushers *pushers); /* ids used */

#endif
