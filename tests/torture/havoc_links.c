/* Faults of the links, made by the proxy. */
#include "support/worker_fixture.h"
#include "torture/havoc_state.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { CUTS = 6 };

static void thaw(struct havoc *havoc, int what)
{
    (void)what;
    proxy_thaw(havoc->site->proxy);
}

static void hurry(struct havoc *havoc, int what)
{
    (void)what;
    proxy_delay(havoc->site->proxy, 0);
}

bool fault_black_hole(struct havoc *havoc, const struct draws *draws)
{
    if (!havoc_last(havoc, havoc_between(draws, 100, SITE_LEASE_MS + 1500), thaw, 0))
        return false;
    proxy_freeze(havoc->site->proxy, draws->way % 2 == 0);
    return true;
}

bool fault_slow_answers(struct havoc *havoc, const struct draws *draws)
{
    if (!havoc_last(havoc, 1000, hurry, 0))
        return false;
    proxy_delay(havoc->site->proxy, havoc_between(draws, 5, 200));
    return true;
}

static bool cut(struct havoc *havoc, const struct draws *draws, enum proxy_action action)
{
    static const int keeps[] = {0, 1, 20, -1};
    const struct proxy_fault fault = {.action = action,
                                      .skip = draws->way % 50,
                                      .times = 1 + draws->amount % CUTS,
                                      .keep = keeps[draws->way % 4]};
    /* The proxy has room for only so many: those that have not hit by now are given up, and lasting
     * ones end. */
    proxy_pass(havoc->site->proxy);
    proxy_arm(havoc->site->proxy, &fault);
    return true;
}

bool fault_cut_requests(struct havoc *havoc, const struct draws *draws)
{
    return cut(havoc, draws, PROXY_CUT_REQUEST);
}

bool fault_cut_replies(struct havoc *havoc, const struct draws *draws)
{
    return cut(havoc, draws, PROXY_CUT_REPLY);
}

/* ---- names ---- */

static void answer_again(struct havoc *havoc, int what)
{
    (void)what;
    names_set_silent(havoc->site->names, false);
}

/* Links made by name have to ask for it again. */
bool fault_silence_names(struct havoc *havoc, const struct draws *draws)
{
    if (havoc->site->names == NULL ||
        !havoc_last(havoc, havoc_between(draws, 1000, 12000), answer_again, 0))
        return false;
    names_set_silent(havoc->site->names, true);
    return site_try(havoc->site, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
}
