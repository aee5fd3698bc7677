#include "torture/havoc.h"

#include "base/clock.h"
#include "support/worker_fixture.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { GAP_MS = 400, CHILDREN_MAX = 16, LASTING_MAX = 16, CUTS = 6, PAUSE_MS = 20 };

struct lasting {
    int64_t until_ms; /* 0: this place is free */
    void (*end)(struct havoc *havoc, pid_t pid);
    pid_t pid;
};

struct havoc {
    struct site *site;
    struct pushers *pushers;
    struct recovery *recovery;
    unsigned seed;
    int64_t next_ms;
    enum recovery_kind child_kind, host_kind;
    struct lasting lasting[LASTING_MAX];
    size_t counts[32]; /* by kind */
};

/* What one fault is given: drawn from the seed whether it is needed or not. */
struct draws {
    unsigned victim, amount, way;
};

static int64_t between(const struct draws *draws, int64_t least, int64_t most)
{
    return least + draws->amount % (most - least + 1);
}

static bool last(struct havoc *havoc, int64_t ms, void (*end)(struct havoc *, pid_t), pid_t pid)
{
    for (size_t i = 0; i < LASTING_MAX; i++)
        if (havoc->lasting[i].until_ms == 0) {
            havoc->lasting[i] = (struct lasting){clock_mono_ms() + ms, end, pid};
            return true;
        }
    return false;
}

/* --- processes ----------------------------------------------------------------------------- */

static struct process *host_of(struct havoc *havoc, const struct draws *draws)
{
    return havoc->site->hosts[draws->victim % havoc->site->host_count];
}

static size_t children_of(struct process *host, pid_t children[CHILDREN_MAX])
{
    return host == NULL || process_poll(host) >= 0
               ? 0
               : worker_fixture_children(host, children, CHILDREN_MAX);
}

static bool kill_child(struct havoc *havoc, const struct draws *draws)
{
    pid_t children[CHILDREN_MAX];
    size_t count = children_of(host_of(havoc, draws), children);
    if (count == 0)
        return false;
    pid_t child = children[draws->way % count];
    recovery_note(havoc->recovery, havoc->child_kind, child);
    return kill(child, SIGKILL) == 0;
}

static bool kill_host(struct havoc *havoc, const struct draws *draws)
{
    pid_t children[CHILDREN_MAX];
    size_t count = children_of(host_of(havoc, draws), children);
    for (size_t i = 0; i < count; i++)
        recovery_note(havoc->recovery, havoc->host_kind, children[i]);
    site_lose_host(havoc->site, draws->victim % havoc->site->host_count);
    return true;
}

static bool kill_supervisor(struct havoc *havoc, const struct draws *draws)
{
    struct process *host = host_of(havoc, draws);
    if (host == NULL || process_poll(host) >= 0)
        return false;
    process_signal(host, SIGKILL); /* its children end by themselves */
    (void)process_wait(host, WORKER_FIXTURE_WAIT_MS);
    return true;
}

static bool kill_producer(struct havoc *havoc, const struct draws *draws)
{
    (void)draws;
    return pushers_kill_one(havoc->pushers);
}

static void wake(struct havoc *havoc, pid_t pid)
{
    (void)havoc;
    (void)kill(pid, SIGCONT);
}

static bool freeze_child(struct havoc *havoc, const struct draws *draws)
{
    pid_t children[CHILDREN_MAX];
    size_t count = children_of(host_of(havoc, draws), children);
    pid_t child = count == 0 ? 0 : children[draws->way % count];
    return child != 0 &&
           last(havoc, between(draws, SITE_LEASE_MS / 2, 2 * SITE_LEASE_MS), wake, child) &&
           kill(child, SIGSTOP) == 0;
}

static bool stop_host(struct havoc *havoc, const struct draws *draws)
{
    struct process *host = host_of(havoc, draws);
    if (host == NULL || process_poll(host) >= 0)
        return false;
    process_signal(host, SIGTERM);
    return true;
}

static bool drain(struct havoc *havoc, const struct draws *draws)
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

static bool join_or_leave(struct havoc *havoc, const struct draws *draws)
{
    struct site *site = havoc->site;
    (void)draws;
    if (site->host_count < SITE_HOSTS_MAX) {
        site->host_count++;
        return true;
    }
    struct process *host = site->hosts[--site->host_count];
    if (host != NULL && process_poll(host) < 0)
        process_signal(host, SIGTERM);
    else if (host != NULL)
        site_lose_host(site, site->host_count); /* killed just now: nobody is left to end well */
    return true;
}

/* --- Redis --------------------------------------------------------------------------------- */

static bool kill_redis(struct havoc *havoc, const struct draws *draws)
{
    (void)draws;
    redis_server_restart(havoc->site->server);
    return true;
}

static bool kill_clients(struct havoc *havoc, const struct draws *draws)
{
    (void)draws;
    return site_try(havoc->site, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
}

static bool pause_clients(struct havoc *havoc, const struct draws *draws)
{
    char ms[16];
    (void)snprintf(ms, sizeof ms, "%d", (int)between(draws, 50, 1500));
    return site_try(havoc->site, "CLIENT", "PAUSE", ms, draws->way % 2 == 0 ? "ALL" : "WRITE");
}

static bool forget_scripts(struct havoc *havoc, const struct draws *draws)
{
    (void)draws;
    return site_try(havoc->site, "SCRIPT", "FLUSH");
}

/* Our deadline is shorter than most of these naps: the answer is of no interest. */
static bool sleep_redis(struct havoc *havoc, const struct draws *draws)
{
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%.2f", (double)between(draws, 50, 1500) / 1000);
    (void)site_try(havoc->site, "DEBUG", "SLEEP", seconds);
    return true;
}

static bool reload(struct havoc *havoc, const struct draws *draws)
{
    (void)draws;
    (void)site_try(havoc->site, "DEBUG", "RELOAD");
    return true;
}

static void make_room(struct havoc *havoc, pid_t pid)
{
    (void)pid;
    while (!site_try(havoc->site, "CONFIG", "SET", "maxmemory", "0"))
        (void)poll(NULL, 0, PAUSE_MS); /* it answers again within seconds, whatever it does */
}

static bool fill_memory(struct havoc *havoc, const struct draws *draws)
{
    return site_try(havoc->site, "CONFIG", "SET", "maxmemory", "1") &&
           last(havoc, between(draws, 200, 2500), make_room, 0);
}

/* --- links --------------------------------------------------------------------------------- */

static void thaw(struct havoc *havoc, pid_t pid)
{
    (void)pid;
    proxy_thaw(havoc->site->proxy);
}

static void hurry(struct havoc *havoc, pid_t pid)
{
    (void)pid;
    proxy_delay(havoc->site->proxy, 0);
}

static bool black_hole(struct havoc *havoc, const struct draws *draws)
{
    if (!last(havoc, between(draws, 100, SITE_LEASE_MS + 1500), thaw, 0))
        return false;
    proxy_freeze(havoc->site->proxy, draws->way % 2 == 0);
    return true;
}

static bool slow_answers(struct havoc *havoc, const struct draws *draws)
{
    if (!last(havoc, 1000, hurry, 0))
        return false;
    proxy_delay(havoc->site->proxy, between(draws, 5, 200));
    return true;
}

static bool cut(struct havoc *havoc, const struct draws *draws, enum proxy_action action)
{
    static const int keeps[] = {0, 1, 20, -1};
    const struct proxy_fault fault = {.action = action,
                                      .skip = draws->way % 50,
                                      .times = 1 + draws->amount % CUTS,
                                      .keep = keeps[draws->way % 4]};
    /* There is room for so many only: what has not hit by now is given up, and what lasts ends. */
    proxy_pass(havoc->site->proxy);
    proxy_arm(havoc->site->proxy, &fault);
    return true;
}

static bool cut_requests(struct havoc *havoc, const struct draws *draws)
{
    return cut(havoc, draws, PROXY_CUT_REQUEST);
}

static bool cut_replies(struct havoc *havoc, const struct draws *draws)
{
    return cut(havoc, draws, PROXY_CUT_REPLY);
}

/* --- the plan ------------------------------------------------------------------------------ */

static const struct kind {
    const char *name;
    unsigned weight;
    bool (*inject)(struct havoc *havoc, const struct draws *draws);
} kinds[] = {
    {"worker process killed", 20, kill_child},
    {"host lost", 5, kill_host},
    {"supervisor killed", 4, kill_supervisor},
    {"producer killed", 6, kill_producer},
    {"worker process frozen", 5, freeze_child},
    {"host stopped (TERM)", 4, stop_host},
    {"drain", 2, drain},
    {"host joins or leaves", 4, join_or_leave},
    {"Redis killed", 3, kill_redis},
    {"clients killed", 4, kill_clients},
    {"clients paused", 4, pause_clients},
    {"scripts forgotten", 4, forget_scripts},
    {"Redis asleep", 4, sleep_redis},
    {"Redis reloaded", 3, reload},
    {"memory full", 4, fill_memory},
    {"links black-holed", 5, black_hole},
    {"answers slow", 3, slow_answers},
    {"cuts of requests armed", 8, cut_requests},
    {"cuts of answers armed", 8, cut_replies},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static size_t choose(unsigned number)
{
    unsigned sum = 0;
    for (size_t i = 0; i < KINDS; i++)
        sum += kinds[i].weight;
    number %= sum;
    size_t kind = 0;
    while (number >= kinds[kind].weight)
        number -= kinds[kind++].weight;
    return kind;
}

static unsigned draw(struct havoc *havoc)
{
    return (unsigned)rand_r(&havoc->seed);
}

struct havoc *havoc_new(struct site *site, struct pushers *pushers, struct recovery *recovery,
                        unsigned seed)
{
    struct havoc *havoc = mem_new(sizeof *havoc);
    *havoc = (struct havoc){.site = site,
                            .pushers = pushers,
                            .recovery = recovery,
                            .seed = seed,
                            .next_ms = clock_mono_ms() + GAP_MS,
                            .child_kind = RECOVERY_CHILD_STORM,
                            .host_kind = RECOVERY_HOST_STORM};
    return havoc;
}

void havoc_free(struct havoc *havoc)
{
    free(havoc);
}

static void end_lasting(struct havoc *havoc, int64_t now_ms)
{
    for (size_t i = 0; i < LASTING_MAX; i++) {
        struct lasting *lasting = &havoc->lasting[i];
        if (lasting->until_ms != 0 && lasting->until_ms <= now_ms) {
            lasting->end(havoc, lasting->pid);
            lasting->until_ms = 0;
        }
    }
}

void havoc_step(struct havoc *havoc)
{
    int64_t now_ms = clock_mono_ms();
    end_lasting(havoc, now_ms);
    if (now_ms < havoc->next_ms)
        return;
    size_t kind = choose(draw(havoc));
    const struct draws draws = {draw(havoc), draw(havoc), draw(havoc)};
    havoc->next_ms = now_ms + 1 + draw(havoc) % (2 * GAP_MS);
    havoc->counts[kind] += kinds[kind].inject(havoc, &draws);
}

void havoc_heal(struct havoc *havoc)
{
    end_lasting(havoc, INT64_MAX);
    make_room(havoc, 0);
    proxy_pass(havoc->site->proxy);
    havoc->child_kind = RECOVERY_CHILD_CALM;
    havoc->host_kind = RECOVERY_HOST_CALM;
}

void havoc_kill_child(struct havoc *havoc, size_t host)
{
    havoc->counts[0] += kill_child(havoc, &(struct draws){.victim = (unsigned)host});
}

void havoc_kill_host(struct havoc *havoc, size_t host)
{
    havoc->counts[1] += kill_host(havoc, &(struct draws){.victim = (unsigned)host});
}

size_t havoc_count(const struct havoc *havoc)
{
    size_t sum = 0;
    for (size_t i = 0; i < KINDS; i++)
        sum += havoc->counts[i];
    return sum;
}

void havoc_print(const struct havoc *havoc, FILE *out)
{
    fprintf(out, "faults injected: %zu\n", havoc_count(havoc));
    for (size_t i = 0; i < KINDS; i++)
        fprintf(out, "  %-23s %5zu%s", kinds[i].name, havoc->counts[i],
                i % 2 == 1 || i + 1 == KINDS ? "\n" : "   ");
}
