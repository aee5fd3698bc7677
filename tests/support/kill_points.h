/* kill_points - workers that die at a named point (base/killpoint.h), on top of worker_fixture.
 *
 * Workers started after kill_points_arm() are built with kill points; one of their processes dies
 * at the point, once. One thread only. */
#ifndef DARG_TESTS_SUPPORT_KILL_POINTS_H
#define DARG_TESTS_SUPPORT_KILL_POINTS_H

#include <stdbool.h>

#include "support/worker_fixture.h"

/* `at`: "STEP.MOMENT[:N]". takes_host: the supervisor dies with the process. */
void kill_points_arm(struct worker_fixture *fixture, const char *at, bool takes_host);

/* Workers started from now on are ordinary ones. */
void kill_points_disarm(struct worker_fixture *fixture);

/* Waits until a process has died at the point. */
void kill_points_wait(struct worker_fixture *fixture);

#endif
