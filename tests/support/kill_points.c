#include "support/cmocka_all.h"
#include "support/kill_points.h"

#include "queue/scripts.h"
#include "support/wait.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* If the server did not know a script yet, "sent" would mean that nothing was carried out. */
static void load_scripts(struct worker_fixture *fixture)
{
    struct err err = {0};
    for (size_t i = 0; script_all[i] != NULL; i++)
        if (script_load(fixture->conn, script_all[i], &err) != ST_OK)
            fail_msg("%s", err_text(&err));
}

void kill_points_arm(struct worker_fixture *fixture, const char *at, bool takes_host)
{
    static char point[64], latch[300];
    (void)snprintf(point, sizeof point, "DARG_KILL_AT=%s", at);
    (void)snprintf(latch, sizeof latch, "DARG_KILL_LATCH=%s",
                   worker_fixture_path(fixture, "latch"));
    load_scripts(fixture);
    fixture->program = "kill/darg-worker";
    fixture->env[0] = point;
    fixture->env[1] = latch;
    fixture->env[2] = takes_host ? "DARG_KILL_HOST=1" : NULL;
}

void kill_points_disarm(struct worker_fixture *fixture)
{
    fixture->program = "darg-worker";
    memset(fixture->env, 0, sizeof fixture->env);
}

static bool is_there(void *path)
{
    return access(path, F_OK) == 0;
}

void kill_points_wait(struct worker_fixture *fixture)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s", worker_fixture_path(fixture, "latch"));
    if (!wait_until(is_there, path, WORKER_FIXTURE_WAIT_MS))
        fail_msg("nobody came past the point: %s", fixture->env[0]);
}
