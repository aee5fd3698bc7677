/* havoc - the faults, in an order decided by a seed.
 *
 * The seed alone decides which fault comes next, when, and how strong it is, but not which process
 * it hits at that moment. Faults whose name contains `without` (borrowed; NULL: none) are left out,
 * which changes nothing about the others. One thread only. */
#ifndef DARG_TESTS_TORTURE_HAVOC_H
#define DARG_TESTS_TORTURE_HAVOC_H

#include "torture/pushers.h"
#include "torture/recovery.h"

struct havoc;

struct havoc *havoc_new(struct site *site, struct pushers *pushers, struct recovery *recovery,
                        unsigned seed, const char *without);
void havoc_free(struct havoc *havoc);

/* Ends faults whose time is over, and injects those that are due. */
void havoc_step(struct havoc *havoc);

/* Ends all lasting faults: nothing is frozen, full, slow or cut afterwards. */
void havoc_heal(struct havoc *havoc);

/* A single kill while nothing else is wrong, for the recovery times. */
void havoc_kill_child(struct havoc *havoc, size_t host);
void havoc_kill_host(struct havoc *havoc, size_t host);

size_t havoc_count(const struct havoc *havoc); /* faults injected */
void havoc_print(const struct havoc *havoc, FILE *out);

#endif
