/* Faults of Redis. */
#include "support/worker_fixture.h"
#include "torture/havoc_state.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

bool fault_kill_redis(struct havoc *havoc, const struct draws *draws)
{
    (void)draws;
    redis_server_restart(havoc->site->server);
    /* To a client that has not logged in it says NOAUTH, and not that it is still loading. */
    while (!site_try(havoc->site, "PING"))
        (void)poll(NULL, 0, HAVOC_PAUSE_MS);
    return true;
}

bool fault_kill_clients(struct havoc *havoc, const struct draws *draws)
{
    (void)draws;
    return site_try(havoc->site, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
}

bool fault_pause_clients(struct havoc *havoc, const struct draws *draws)
{
    char ms[16];
    (void)snprintf(ms, sizeof ms, "%d", (int)havoc_between(draws, 50, 1500));
    return site_try(havoc->site, "CLIENT", "PAUSE", ms, draws->way % 2 == 0 ? "ALL" : "WRITE");
}

bool fault_forget_scripts(struct havoc *havoc, const struct draws *draws)
{
    (void)draws;
    return site_try(havoc->site, "SCRIPT", "FLUSH");
}

/* Our deadline is shorter than most of these naps, so the answer is ignored. */
bool fault_sleep_redis(struct havoc *havoc, const struct draws *draws)
{
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%.2f", (double)havoc_between(draws, 50, 1500) / 1000);
    (void)site_try(havoc->site, "DEBUG", "SLEEP", seconds);
    return true;
}

bool fault_reload(struct havoc *havoc, const struct draws *draws)
{
    (void)draws;
    /* A server that is still loading would do it, too, and then go on loading on top of it. */
    return site_try(havoc->site, "PING") && (site_try(havoc->site, "DEBUG", "RELOAD"), true);
}

void havoc_make_room(struct havoc *havoc, int what)
{
    (void)what;
    while (!site_try(havoc->site, "CONFIG", "SET", "maxmemory", "0"))
        (void)poll(NULL, 0, HAVOC_PAUSE_MS); /* it answers again within seconds in any case */
}

bool fault_fill_memory(struct havoc *havoc, const struct draws *draws)
{
    return site_try(havoc->site, "CONFIG", "SET", "maxmemory", "1") &&
           havoc_last(havoc, havoc_between(draws, 200, 2500), havoc_make_room, 0);
}

/* ---- passwords: in Redis first, or in the file ---- */

static void tell_programs(struct havoc *havoc, int what)
{
    (void)what;
    site_write_password(havoc->site);
}

static void tell_redis(struct havoc *havoc, int what)
{
    (void)what;
    while (!site_set_password(havoc->site))
        (void)poll(NULL, 0, HAVOC_PAUSE_MS);
}

bool fault_change_password(struct havoc *havoc, const struct draws *draws)
{
    bool is_redis_first = draws->way % 2 == 0;
    if (!havoc_last(havoc, havoc_between(draws, 100, 2500),
                    is_redis_first ? tell_programs : tell_redis, 0))
        return false;
    havoc->site->password++;
    (is_redis_first ? tell_redis : tell_programs)(havoc, 0);
    return true;
}

/* ---- answers that are too long for the server ---- */

static void lift_limit(struct havoc *havoc, int what)
{
    (void)what;
    while (!site_try(havoc->site, "CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0"))
        (void)poll(NULL, 0, HAVOC_PAUSE_MS);
}

bool fault_limit_output(struct havoc *havoc, const struct draws *draws)
{
    char limit[64];
    (void)snprintf(limit, sizeof limit, "normal %d 0 0", (int)havoc_between(draws, 24000, 60000));
    return site_try(havoc->site, "CONFIG", "SET", "client-output-buffer-limit", limit) &&
           havoc_last(havoc, havoc_between(draws, 500, 8000), lift_limit, 0);
}
