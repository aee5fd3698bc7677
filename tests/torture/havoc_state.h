/* havoc_state - internal to havoc: what its faults share, and the faults. */
#ifndef DARG_TESTS_TORTURE_HAVOC_STATE_H
#define DARG_TESTS_TORTURE_HAVOC_STATE_H

#include "torture/havoc.h"

enum { HAVOC_LASTING_MAX = 16, HAVOC_PAUSE_MS = 20 };

/* A fault that has to be ended; `what` says of what: a process, a host. */
struct lasting {
    int64_t until_ms; /* 0: this entry is free */
    void (*end)(struct havoc *havoc, int what);
    int what;
};

struct havoc {
    struct site *site;
    struct pushers *pushers;
    struct recovery *recovery;
    unsigned seed;
    const char *without; /* faults whose name contains this are left out; NULL: none */
    int64_t next_ms;
    enum recovery_kind child_kind, host_kind;
    struct lasting lasting[HAVOC_LASTING_MAX];
    size_t counts[40]; /* by kind */
};

/* What a fault is given: drawn from the seed whether or not it is needed. */
struct draws {
    unsigned victim, amount, way;
};

int64_t havoc_between(const struct draws *draws, int64_t least, int64_t most);

/* Has end(havoc, what) called after that time. False: too many faults last already. */
bool havoc_last(struct havoc *havoc, int64_t ms, void (*end)(struct havoc *, int), int what);

/* The faults. False: there was nothing to apply it to. */
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

/* Undoes what remains of them. */
void havoc_make_room(struct havoc *havoc, int what);

#endif
