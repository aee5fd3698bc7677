#include "torture/havoc_state.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GAP_MS = 400 };

int64_t havoc_between(const struct draws *draws, int64_t least, int64_t most)
{
    return least + draws->amount % (most - least + 1);
}

bool havoc_last(struct havoc *havoc, int64_t ms, void (*end)(struct havoc *, int), int what)
{
    for (size_t i = 0; i < HAVOC_LASTING_MAX; i++)
        if (havoc->lasting[i].until_ms == 0) {
            havoc->lasting[i] = (struct lasting){clock_mono_ms() + ms, end, what};
            return true;
        }
    return false;
}

/* ---- the plan ---- */

static const struct kind {
    const char *name;
    unsigned weight;
    bool (*inject)(struct havoc *havoc, const struct draws *draws);
} kinds[] = {
    {"worker process killed", 20, fault_kill_child},
    {"host lost", 5, fault_kill_host},
    {"supervisor killed", 4, fault_kill_supervisor},
    {"producer killed", 6, fault_kill_producer},
    {"worker process frozen", 5, fault_freeze_child},
    {"host stopped (TERM)", 4, fault_stop_host},
    {"group stopped (TERM)", 4, fault_stop_group},
    {"log not read", 4, fault_stall_log},
    {"drain", 2, fault_drain},
    {"host joins or leaves", 4, fault_join_or_leave},
    {"Redis killed", 3, fault_kill_redis},
    {"clients killed", 4, fault_kill_clients},
    {"clients paused", 4, fault_pause_clients},
    {"scripts forgotten", 4, fault_forget_scripts},
    {"Redis asleep", 4, fault_sleep_redis},
    {"Redis reloaded", 3, fault_reload},
    {"memory full", 4, fault_fill_memory},
    {"password changed", 3, fault_change_password},
    {"output limited", 4, fault_limit_output},
    {"links black-holed", 5, fault_black_hole},
    {"name server silent", 4, fault_silence_names},
    {"answers slow", 3, fault_slow_answers},
    {"cuts of requests armed", 8, fault_cut_requests},
    {"cuts of answers armed", 8, fault_cut_replies},
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
                        unsigned seed, const char *without)
{
    struct havoc *havoc = mem_new(sizeof *havoc);
    *havoc = (struct havoc){.site = site,
                            .pushers = pushers,
                            .recovery = recovery,
                            .seed = seed,
                            .without = without,
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
    for (size_t i = 0; i < HAVOC_LASTING_MAX; i++) {
        struct lasting *lasting = &havoc->lasting[i];
        if (lasting->until_ms != 0 && lasting->until_ms <= now_ms) {
            lasting->end(havoc, lasting->what);
            lasting->until_ms = 0;
        }
    }
}

/* When it began and ended, by the clock of the handlers' log and by that of the other logs. */
static void note(struct havoc *havoc, const char *name, int64_t begin_ms)
{
    FILE *file = fopen(havoc->site->faults, "ae");
    if (file == NULL)
        return;
    fprintf(file, "%" PRId64 " to %" PRId64 " (%" PRId64 ") %s\n", begin_ms, clock_mono_ms(),
            clock_wall_ms(), name);
    (void)fclose(file);
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
    if (havoc->without != NULL && strstr(kinds[kind].name, havoc->without) != NULL)
        return;
    bool is_done = kinds[kind].inject(havoc, &draws);
    havoc->counts[kind] += is_done;
    if (is_done)
        note(havoc, kinds[kind].name, now_ms);
}

void havoc_heal(struct havoc *havoc)
{
    end_lasting(havoc, INT64_MAX);
    havoc_make_room(havoc, 0);
    proxy_pass(havoc->site->proxy);
    havoc->child_kind = RECOVERY_CHILD_CALM;
    havoc->host_kind = RECOVERY_HOST_CALM;
}

void havoc_kill_child(struct havoc *havoc, size_t host)
{
    havoc->counts[0] += fault_kill_child(havoc, &(struct draws){.victim = (unsigned)host});
}

void havoc_kill_host(struct havoc *havoc, size_t host)
{
    havoc->counts[1] += fault_kill_host(havoc, &(struct draws){.victim = (unsigned)host});
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
