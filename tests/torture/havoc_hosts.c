/* Faults of processes: hosts, workers, producers. */
#include "support/worker_fixture.h"
#include "torture/havoc_state.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHILDREN_MAX = 16 };

static struct process *host_of(struct havoc *havoc, const struct draws *draws)
{
    return havoc->site->hosts[draws->victim % havoc->site->host_count];
}

static bool is_running(const struct havoc *havoc, size_t host)
{
    struct process *process = havoc->site->hosts[host];
    return process != NULL && process_poll(process) < 0;
}

static size_t children_of(struct process *host, pid_t children[CHILDREN_MAX])
{
    return host == NULL || process_poll(host) >= 0
               ? 0
               : worker_fixture_children(host, children, CHILDREN_MAX);
}

bool fault_kill_child(struct havoc *havoc, const struct draws *draws)
{
    pid_t children[CHILDREN_MAX];
    size_t count = children_of(host_of(havoc, draws), children);
    if (count == 0)
        return false;
    pid_t child = children[draws->way % count];
    recovery_note(havoc->recovery, havoc->child_kind, child);
    return kill(child, SIGKILL) == 0;
}

bool fault_kill_host(struct havoc *havoc, const struct draws *draws)
{
    pid_t children[CHILDREN_MAX];
    size_t count = children_of(host_of(havoc, draws), children);
    for (size_t i = 0; i < count; i++)
        recovery_note(havoc->recovery, havoc->host_kind, children[i]);
    site_lose_host(havoc->site, draws->victim % havoc->site->host_count);
    return true;
}

bool fault_kill_supervisor(struct havoc *havoc, const struct draws *draws)
{
    struct process *host = host_of(havoc, draws);
    if (host == NULL || process_poll(host) >= 0)
        return false;
    process_signal(host, SIGKILL); /* its children end by themselves */
    (void)process_wait(host, WORKER_FIXTURE_WAIT_MS);
    return true;
}

bool fault_kill_producer(struct havoc *havoc, const struct draws *draws)
{
    (void)draws;
    return pushers_kill_one(havoc->pushers);
}

static void wake(struct havoc *havoc, int pid)
{
    (void)havoc;
    (void)kill(pid, SIGCONT);
}

bool fault_freeze_child(struct havoc *havoc, const struct draws *draws)
{
    pid_t children[CHILDREN_MAX];
    size_t count = children_of(host_of(havoc, draws), children);
    pid_t child = count == 0 ? 0 : children[draws->way % count];
    return child != 0 && havoc->site->term_ms[draws->victim % havoc->site->host_count] == 0 &&
           havoc_last(havoc, havoc_between(draws, SITE_LEASE_MS / 2, 2 * SITE_LEASE_MS), wake,
                      child) &&
           kill(child, SIGSTOP) == 0;
}

bool fault_stop_host(struct havoc *havoc, const struct draws *draws)
{
    size_t host = draws->victim % havoc->site->host_count;
    if (!is_running(havoc, host))
        return false;
    site_stop_host(havoc->site, host, SITE_STOP_ONE);
    return true;
}

/* TERM reaches the supervisor and its workers at once. */
bool fault_stop_group(struct havoc *havoc, const struct draws *draws)
{
    size_t host = draws->victim % havoc->site->host_count;
    if (!is_running(havoc, host))
        return false;
    site_stop_host(havoc->site, host,
                   draws->way % 2 == 0 ? SITE_STOP_SUPERVISOR_FIRST : SITE_STOP_CHILDREN_FIRST);
    return true;
}

static void read_log(struct havoc *havoc, int host)
{
    site_read_log_again(havoc->site, (size_t)host);
}

bool fault_stall_log(struct havoc *havoc, const struct draws *draws)
{
    size_t host = draws->victim % havoc->site->host_count;
    if (havoc->site->logs[host].is_stalled ||
        !havoc_last(havoc, havoc_between(draws, 500, 8000), read_log, (int)host))
        return false;
    site_stall_log(havoc->site, host);
    return true;
}

bool fault_drain(struct havoc *havoc, const struct draws *draws)
{
    (void)draws;
    bool is_told = false;
    for (size_t i = 0; i < SITE_QUEUES; i++) {
        char key[SITE_PATH];
        (void)snprintf(key, sizeof key, "darg:{%s}", site_queues[i]);
        is_told |= site_try(havoc->site, "LPUSH", key, "{\"darg\":\"drain\"}");
    }
    return is_told;
}

bool fault_join_or_leave(struct havoc *havoc, const struct draws *draws)
{
    struct site *site = havoc->site;
    (void)draws;
    if (site->host_count < SITE_HOSTS_MAX) {
        site->host_count++;
        return true;
    }
    size_t host = --site->host_count;
    if (is_running(havoc, host))
        site_stop_host(site, host, SITE_STOP_ONE);
    else if (site->hosts[host] != NULL)
        site_lose_host(site, host); /* has just been killed: nothing is left to end cleanly */
    return true;
}
