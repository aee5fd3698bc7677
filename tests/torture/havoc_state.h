/* havoc_state - within havoc: what its faults share, and the faults. */
#ifndef DARG_TESTS_TORTURE_HAVOC_STATE_H
#define DARG_TESTS_TORTURE_HAVOC_STATE_H

#include "torture/havoc.h"

enum { HAVOC_LASTING_MAX = 16, HAVOC_PAUSE_MS = 20 };

/* A fault that has to be ended; `what` tells it which: a process, a host. */
struct lasting {
    int64_t until_ms; /* 0: this place is free */
    void (*end)(struct havoc *havoc, int what);
    int what;
};

struct havoc {
    struct site *site;
    struct pushers *pushers;
    struct recovery *recovery;
    unsigned seed;
    const char *without; /* faults whose name holds this are left out; NULL: none are */
    int64_t next_ms;
    enum recovery_kind child_kind, host_kind;
    struct lasting lasting[HAVOC_LASTING_MAX];
    size_t counts[40]; /* by kind */
};

/* What one fault is given: drawn from the seed whether it is needed or not. */
struct draws {
    unsigned victim, amount, way;
};

int64_t havoc_between(const struct draws *draws, int64_t least, int64_t most);

/* Has end(havoc, what) called after that time. False: too much lasts already. */
bool havoc_last(struct havoc *havoc, int64_t ms, void (*end)(struct havoc *, int), int what);

/* The faults. False: there was nothing to do it to. */
typedef bool havoc_fault(struct havoc *havoc, const struct draws *draws);
havoc_fault fault_kill_child;
havoc_fault fault_kill_host;
havoc_fault fault_kill_supervisor;
havoc_fault fault_kill_producer;
havoc_fault fault_freeze_child;
havoc_fault fault_stop_host;
havoc_fault fault_stop_group;
havoc_fault fault_stall_log;
havoc_fault fault_drain;
havoc_fault fault_join_or_leave;
havoc_fault fault_kill_redis;
havoc_fault fault_kill_clients;
havoc_fault fault_pause_clients;
havoc_fault fault_forget_scripts;
havoc_fault fault_sleep_redis;
havoc_fault fault_reload;
havoc_fault fault_fill_memory;
havoc_fault fault_change_password;
havoc_fault fault_limit_output;
havoc_fault fault_black_hole;
havoc_fault fault_slow_answers;
havoc_fault fault_silence_names;
havoc_fault fault_cut_requests;
havoc_fault fault_cut_replies;

/* What stays of them is undone. */
void havoc_make_room(struct havoc *havoc, int what);

#endif
