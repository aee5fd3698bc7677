/* The protocol of claims, leases and drains, for Spin; README.md says what is left out and how to read it.
 *
 * The first half is Redis: its keys, and an inline for each script of common/queue/lua, named as there. The second half
 * is who calls the scripts. Macros set the size of an instance or break one rule; tools/model lists those checked. */

#ifndef WORKERS
#define WORKERS 2 /* processes; 2 or 3 */
#endif
#ifndef JOBS
#define JOBS 2 /* at most 3 */
#endif
#ifndef BATCH
#define BATCH 2 /* jobs that a worker holds, at most */
#endif
#ifndef CRASHES
#define CRASHES 0 /* workers killed; each is started again, or not */
#endif
#ifndef EXPELS
#define EXPELS 0 /* living workers reaped: frozen or cut off for longer than the lease */
#endif
#ifndef LOSSES
#define LOSSES 0 /* replies lost after the script has run */
#endif
#ifndef LATE
#define LATE 0 /* requests that are delivered once more, at any later time */
#endif
#ifndef ROLLBACKS
#define ROLLBACKS 0 /* restarts of Redis with what it held at some earlier moment; at most 1 */
#endif
#ifndef RETRIES
#define RETRIES 0 /* runs that fail */
#endif
#ifndef RELEASES
#define RELEASES 0 /* jobs given back unstarted */
#endif
#ifndef STOPS
#define STOPS 0 /* clean exits; a new process takes the place */
#endif
#ifndef POISON
#define POISON 0 /* job 1 kills each worker, with its host, that runs it; so often, and it is buried */
#endif
#ifndef AHEAD
#define AHEAD JOBS /* with DRAIN: jobs pushed before the sentinel */
#endif

#define NAMES (WORKERS + CRASHES + EXPELS + STOPS + POISON + 2 * ROLLBACKS)
#define NUMBERS 9

#define BIT(x) (1 << (x))
#define HAS(set, x) (((set) >> (x)) & 1)
#define ADD(set, x) set = set | BIT(x)
#define REMOVE(set, x) set = set & ~BIT(x)
#define EVERY_JOB (BIT(JOBS + 1) - 2)

/* Lists and hashes are octal numbers. A list's last digit is its head, the end that is claimed from; a hash has claim
 * number k at its k-th digit from behind. 0: nothing there. */
#define SENTINEL 7
#define HEAD(list) ((list) & 7)
#define SIZE(list) ((list) == 0 -> 0 : ((list) < 8 -> 1 : ((list) < 64 -> 2 : ((list) < 512 -> 3 : 4))))
#define PUSH_TAIL(list, job) list = list | ((job) << (3 * SIZE(list)))
#define PUSH_HEAD(list, job) list = (list << 3) | (job)
#define POP_HEAD(list) list = list >> 3
#define GET(hash, k) (((hash) >> (3 * ((k) - 1))) & 7)
#define SET(hash, k, job) hash = (hash & ~(7 << (3 * ((k) - 1)))) | ((job) << (3 * ((k) - 1)))

/* ---- Redis: keys ---------------------------------------------------------------------------- */

int queue, claimed[NAMES + 1];
#ifdef OWN_INBOX
int inbox[NAMES + 1];
#define INBOX(w) inbox[w]
#else
int inbox[1];
#define INBOX(w) inbox[0]
#endif
byte receipt[NAMES + 1];       /* 4 * base + count; 0: none, for no claim is recorded with a count of 0 */
int suspects;
byte suspected;                /* set of jobs whose envelope counts a crash */
byte suspect[NAMES + 1];       /* third part of the receipt: number of the last suspect claimed */
byte workers, drained, reaped, gone; /* sets of names */
byte scheduled, ended;         /* sets of jobs; ended: done or in the dead set */
byte drains;                   /* how many were completed: stands for drained_at */
#ifdef CHOSEN_CLOSER
byte closer; /* the first that has entered `drained` */
#endif

/* ---- what is true, whatever Redis remembers ------------------------------------------------- */

byte pushed, has_sentinel;
byte completed;         /* set of jobs that a handler has run to the end */
byte deferred;          /* set of jobs that were retried */
#if POISON
byte blames[JOBS + 1];  /* crashes that the envelope counts */
#endif
byte allowed[JOBS + 1]; /* runs a job may still start: one, and one more each time that it comes back started */
byte name[WORKERS];     /* under which a process renews its lease; 0: no process */
byte names;             /* used so far; none is used twice */
byte ghost;             /* name of a dead worker whose BLMOVE Redis may still execute; 0: none */
byte crashes = CRASHES, expels = EXPELS, losses = LOSSES, retries = RETRIES, releases = RELEASES, stops = STOPS;

/* Only within one step: they are 0 between any two. */
mtype = { OK, LOST, STALE, GOT_JOBS, EMPTY, MET_SENTINEL, DRAINED, FENCED, WORK, HOLDING, WAITING };
mtype answer;
byte count, first, last;
hidden byte at, who, job_at, copies;

inline forget()
{
    answer = 0;
    count = 0;
    first = 0;
    last = 0
}

mtype = { a_job_is_lost_or_there_twice, another_job_is_settled, a_job_ends_unrun_or_again,
    a_job_is_scheduled_twice, the_sentinel_has_overtaken_a_job, a_job_runs_again_for_no_reason,
    the_drain_never_ends, no_worker_is_left, a_job_waits_for_ever, an_innocent_job_is_blamed_again };

/* A property: where it does not hold, the counterexample ends with its words. */
inline must(condition, otherwise)
{
    if
    :: condition
    :: else ->
        printf("VIOLATED: %e\n", otherwise);
        assert(false)
    fi
}

/* Checked after everything that moves jobs: no job is lost and none is there twice. */
inline check()
{
    for (job_at : 1 .. JOBS) {
        copies = HAS(scheduled, job_at) + HAS(ended, job_at);
        for (at : 1 .. 5) {
            copies = copies + (GET(queue, at) == job_at) + (GET(suspects, at) == job_at)
        }
        for (who : 1 .. NAMES) {
            for (at : 1 .. NUMBERS) {
                copies = copies + (GET(claimed[who], at) == job_at)
            }
        }
#ifdef OWN_INBOX
        for (who : 1 .. NAMES) {
#else
        for (who : 0 .. 0) {
#endif
            for (at : 1 .. 4) {
                copies = copies + (GET(inbox[who], at) == job_at)
            }
        }
        must(copies == (job_at <= pushed -> 1 : 0), a_job_is_lost_or_there_twice)
    }
    job_at = 0 /* a d_step may not end with a loop */
}

/* Redis, for whoever reads a counterexample; a search prints nothing. */
inline say_keys()
{
    printf("    queue %o suspects %o inbox %o scheduled %o ended %o | workers %o drained %o reaped %o | claimed %o %o %o %o\n",
        queue, suspects, INBOX(0), scheduled, ended, workers, drained, reaped, claimed[1], claimed[2],
        claimed[(NAMES > 2 -> 3 : 0)], claimed[(NAMES > 3 -> 4 : 0)])
}

inline allow_run(j)
{
#if ROLLBACKS == 0
    allowed[j] = allowed[j] + 1
#else
    skip
#endif
}

/* ---- Redis: scripts ------------------------------------------------------------------------- */

/* An old request that arrives late must not register the name again. */
#ifdef FORGETS_THE_GONE
#define REMEMBER_GONE(w) skip
#else
#define REMEMBER_GONE(w) ADD(gone, w)
#endif

inline register(w, born)
{
    d_step {
        if
        :: HAS(reaped, w) || HAS(gone, w) -> answer = FENCED
        :: !HAS(reaped, w) && !HAS(gone, w) && drains > born -> answer = DRAINED
        :: else ->
            answer = OK;
            ADD(workers, w)
        fi
    }
}

inline unbox(w)
{
    queue = (queue << (3 * SIZE(INBOX(w)))) | INBOX(w);
    INBOX(w) = 0
}

/* Jobs that come back are older than what lies in the inbox, where the sentinel may be: they must be ahead of it. */
inline give_back(j)
{
#if !defined(PAST_THE_INBOX) && !defined(OWN_INBOX)
    unbox(0);
#endif
    if
    :: HAS(suspected, j) -> PUSH_HEAD(suspects, j)
    :: else -> PUSH_HEAD(queue, j)
    fi
}

#ifdef CARELESS
#define HOLDS_SUSPECT(w) false
#else
#define HOLDS_SUSPECT(w) (suspect[w] != 0 && GET(claimed[w], suspect[w]) != 0)
#endif

inline take_suspect(w, base)
{
    count = 1;
    assert(base + 1 <= NUMBERS);
    SET(claimed[w], base + 1, HEAD(suspects));
    POP_HEAD(suspects);
    suspect[w] = base + 1
}

/* Suspects in line join the others, and take no place in the batch. */
inline take_from_line(w, base, n)
{
    do
    :: queue != 0 && HEAD(queue) != SENTINEL && HAS(suspected, HEAD(queue)) ->
        PUSH_TAIL(suspects, HEAD(queue));
        POP_HEAD(queue)
    :: count < n && queue != 0 && HEAD(queue) != SENTINEL && !HAS(suspected, HEAD(queue)) ->
        count++;
        assert(base + count <= NUMBERS);
        SET(claimed[w], base + count, HEAD(queue));
        POP_HEAD(queue)
    :: else -> break
    od
}

/* Answers GOT_JOBS: numbers base + 1 to base + count; the caller looks up those that are still there. */
inline claim(w, base, n)
{
    d_step {
        if
        :: !HAS(workers, w) -> answer = LOST
#ifndef NO_RECEIPT
        :: HAS(workers, w) && receipt[w] != 0 && receipt[w] / 4 == base ->
            answer = GOT_JOBS;
            count = receipt[w] % 4
        :: HAS(workers, w) && receipt[w] != 0 && receipt[w] / 4 != base && receipt[w] / 4 + receipt[w] % 4 != base ->
            answer = STALE
#endif
        :: else ->
            unbox(w);
            if
            :: HEAD(queue) == SENTINEL && (suspects == 0 || HOLDS_SUSPECT(w)) -> answer = MET_SENTINEL
            :: suspects != 0 && !HOLDS_SUSPECT(w) -> take_suspect(w, base)
            :: else ->
                take_from_line(w, base, n);
                if
                :: count == 0 && suspects != 0 && !HOLDS_SUSPECT(w) -> take_suspect(w, base)
                :: else
                fi
            fi;
            if
            :: answer == MET_SENTINEL
            :: answer != MET_SENTINEL && count == 0 -> answer = (suspects == 0 -> EMPTY : WAITING)
            :: else ->
                answer = GOT_JOBS;
                receipt[w] = 4 * base + count;
                REMOVE(drained, w)
            fi
        fi;
        check()
    }
}

/* True where the script acts: `j`, the job that the caller means, is the entry's; to settle another is to lose it. */
#ifdef UNGATED_DONE
#define IS_HELD(w, k) true
#else
#define IS_HELD(w, k) (HAS(workers, w) && GET(claimed[w], k) != 0)
#endif

inline done(w, k, j)
{
    d_step {
        if
        :: IS_HELD(w, k) ->
            must(GET(claimed[w], k) == j || GET(claimed[w], k) == 0, another_job_is_settled);
            must(HAS(completed, j) && !HAS(ended, j), a_job_ends_unrun_or_again);
            SET(claimed[w], k, 0);
            ADD(ended, j)
        :: else
        fi;
        check()
    }
}

inline retry(w, k, j)
{
    d_step {
        if
        :: IS_HELD(w, k) ->
            must(GET(claimed[w], k) == j || GET(claimed[w], k) == 0, another_job_is_settled);
            must(!HAS(scheduled, j), a_job_is_scheduled_twice);
            SET(claimed[w], k, 0);
            ADD(scheduled, j);
            ADD(deferred, j);
            allow_run(j)
        :: else
        fi;
        check()
    }
}

inline release(w, k, was_started)
{
    d_step {
        if
        :: HAS(workers, w) && GET(claimed[w], k) != 0 ->
            if
            :: was_started -> allow_run(GET(claimed[w], k))
            :: else
            fi;
            give_back(GET(claimed[w], k));
            SET(claimed[w], k, 0)
        :: else
        fi;
        check()
    }
}

/* `ran`: the entries that were started, as a hash. */
inline deregister(w, ran)
{
    d_step {
        if
        :: HAS(workers, w) ->
            for (who : 1 .. NUMBERS) {
                at = NUMBERS + 1 - who;
                if
                :: GET(claimed[w], at) != 0 ->
                    give_back(GET(claimed[w], at));
                    if
                    :: GET(ran, at) != 0 -> allow_run(GET(claimed[w], at))
                    :: else
                    fi
                :: else
                fi
            }
            claimed[w] = 0;
            receipt[w] = 0;
            suspect[w] = 0;
            REMEMBER_GONE(w);
            REMOVE(drained, w);
            REMOVE(workers, w)
        :: else
        fi;
        check()
    }
}

/* Who knows what ran blames that, who does not blames all: so any entry may be blamed. */
inline blame(j)
{
#if POISON
    ADD(suspected, j);
    blames[j] = blames[j] + 1;
    must(j == 1 || blames[j] <= 1, an_innocent_job_is_blamed_again)
#elif defined(SUSPECTS)
    if
    :: ADD(suspected, j)
    :: true
    fi
#else
    skip
#endif
}

/* One entry a call; the next call may be any worker's. */
inline move_highest(w)
{
    if
    :: claimed[w] != 0 ->
        at = NUMBERS;
        do
        :: GET(claimed[w], at) == 0 -> at--
        :: else -> break
        od;
        allow_run(GET(claimed[w], at));
        blame(GET(claimed[w], at));
        give_back(GET(claimed[w], at));
        SET(claimed[w], at, 0)
    :: else
    fi
}

#ifdef SUSPECTS
#define REAP_STEP atomic /* which has a choice in it */
#else
#define REAP_STEP d_step
#endif

inline reap(w)
{
    REAP_STEP {
#ifdef MOVE_BEFORE_FENCE /* it has moved what it saw, and the next call fences and deletes */
        if
        :: !HAS(reaped, w) ->
            do
            :: claimed[w] != 0 -> move_highest(w)
            :: else -> break
            od;
            ADD(reaped, w)
        :: else ->
            REMOVE(workers, w);
            REMOVE(drained, w);
            claimed[w] = 0;
            receipt[w] = 0;
            REMOVE(reaped, w)
        fi;
#else
        ADD(reaped, w);
        REMOVE(workers, w);
        REMOVE(drained, w);
        move_highest(w);
        if
        :: claimed[w] == 0 ->
            receipt[w] = 0;
            suspect[w] = 0;
            REMEMBER_GONE(w);
            REMOVE(reaped, w)
        :: else
        fi;
#endif
        check();
        printf("worker %d is reaped\n", w);
        say_keys()
    }
}

#ifdef CHOSEN_CLOSER
#define MAY_CLOSE(w) (closer == w)
#else
#define MAY_CLOSE(w) true
#endif
#if defined(AWAIT_RETRIES) && !defined(BLIND) /* the sentinel waits for retries, too: all that is ever scheduled here */
#define ARE_RETRIES_IN (scheduled == 0)
#else
#define ARE_RETRIES_IN true
#endif
#define IS_COMPLETE(w) (reaped == 0 && drained == workers && ARE_RETRIES_IN && MAY_CLOSE(w))

/* What the end of a drain promises. A job that was retried may have come due: it stands behind the sentinel, but not of a
 * drain that waits for retries. */
inline check_drained()
{
    for (job_at : 1 .. AHEAD) {
#ifdef AWAIT_RETRIES
        copies = HAS(ended, job_at);
#else
        copies = HAS(ended, job_at) + HAS(scheduled, job_at);
        for (at : 1 .. 5) {
            copies = copies + (GET(queue, at) == job_at && HAS(deferred, job_at))
        }
#endif
        must(copies == 1, the_sentinel_has_overtaken_a_job)
    }
    job_at = 0
}

#ifdef PAST_THE_SUSPECTS
#define SUSPECTS_AHEAD false
#else
#define SUSPECTS_AHEAD (suspects != 0)
#endif

inline drain(w, born)
{
    d_step {
        if
        :: !HAS(workers, w) -> answer = LOST
        :: HAS(workers, w) && drains > born -> answer = DRAINED
        :: HAS(workers, w) && drains <= born ->
            if
            :: INBOX(0) != 0 || SUSPECTS_AHEAD || HEAD(queue) != SENTINEL ->
                answer = WORK;
                REMOVE(drained, w)
            :: INBOX(0) == 0 && !SUSPECTS_AHEAD && HEAD(queue) == SENTINEL && claimed[w] != 0 ->
                answer = HOLDING;
                REMOVE(drained, w)
            :: else ->
                ADD(drained, w);
#ifdef CHOSEN_CLOSER
                closer = (closer == 0 -> w : closer);
#endif
                if
                :: IS_COMPLETE(w) ->
                    answer = DRAINED;
                    POP_HEAD(queue);
                    drains++;
                    check_drained()
                :: else -> answer = WAITING
                fi
            fi
        fi
    }
}

/* A tick of a worker in a drain that would change nothing: not taken, so that every run comes to an end. */
#define IS_VAIN(w, born) \
    (HAS(workers, w) && drains <= born && INBOX(0) == 0 && !SUSPECTS_AHEAD && HEAD(queue) == SENTINEL && \
     (claimed[w] != 0 -> !HAS(drained, w) : HAS(drained, w) && !IS_COMPLETE(w)))

/* ---- the network ---------------------------------------------------------------------------- */

mtype = { REGISTER, CLAIM, DONE, RETRY, RELEASE, DEREGISTER, DRAIN_TICK };

#if LATE
typedef request {
    mtype verb;
    byte whose, x;
    int y
};
request late[LATE];
byte lates;

inline may_come_late(call, worker, first_argument, second_argument)
{
    if
    :: lates < LATE ->
        late[lates].verb = call;
        late[lates].whose = worker;
        late[lates].x = first_argument;
        late[lates].y = second_argument;
        lates++
    :: true
    fi
}

inline drop_late(n)
{
    late[n].verb = 0;
    late[n].whose = 0;
    late[n].x = 0;
    late[n].y = 0
}

proctype Late(byte n)
{
    byte w, a;
    int b;
    do
    :: atomic {
        late[n].verb != 0 ->
            w = late[n].whose;
            a = late[n].x;
            b = late[n].y;
            printf("  late: %e of %d (%d, %d)\n", late[n].verb, w, a, b);
            if
            :: late[n].verb == REGISTER -> register(w, a)
            :: late[n].verb == CLAIM -> claim(w, a, b)
            :: late[n].verb == DONE -> done(w, a, b)
            :: late[n].verb == RETRY -> retry(w, a, b)
            :: late[n].verb == RELEASE -> release(w, a, b)
            :: late[n].verb == DEREGISTER -> deregister(w, b)
            :: late[n].verb == DRAIN_TICK -> drain(w, a)
            fi;
            say_keys();
            drop_late(n);
            w = 0;
            a = 0;
            b = 0;
            forget()
        }
    od
}
#else
#define may_come_late(call, worker, first_argument, second_argument) skip
#endif

/* ---- a worker ------------------------------------------------------------------------------- */

mtype = { REGISTERING, READY, BLOCKED, DRAINING, LEAVING, STOPPING, GONE };

inline new_name()
{
    names++;
    assert(names <= NAMES);
    name[me] = names;
    mode = REGISTERING
}

inline drop_all()
{
    open = 0;
    waiting = 0;
    ran = 0;
    failed = 0;
    held = 0
}

inline new_process()
{
    drop_all();
    base = 0;
    born = drains;
    new_name()
}

/* Chooses one of a hash: its first or its last. A pool's threads finish in any order. */
inline choose(hash)
{
    d_step {
        first = 0;
        for (at : 1 .. NUMBERS) {
            if
            :: GET(hash, at) != 0 ->
                first = (first == 0 -> at : first);
                last = at
            :: else
            fi
        }
        at = 0
    }
    if
    :: k = first
    :: first != last -> k = last
    fi
}

inline understand_claim()
{
    if
    :: answer == GOT_JOBS ->
        d_step {
            for (at : 1 .. count) {
                SET(waiting, base + at, GET(claimed[name[me]], base + at));
                held = held + (GET(waiting, base + at) != 0)
            }
            base = base + count;
            open = 0
        }
    :: answer == EMPTY ->
        open = 0;
        mode = BLOCKED
    :: answer == WAITING -> open = 0
    :: answer == MET_SENTINEL ->
        open = 0;
        mode = DRAINING
    :: answer == LOST || answer == STALE ->
        drop_all();
        new_name()
    fi
}

/* It would be answered that just suspects are left, and that the worker holds one. */
#define IS_VAIN_CLAIM(w) (queue == 0 && INBOX(w) == 0 && suspects != 0 && HAS(workers, w) && HOLDS_SUSPECT(w))

#define IS_REGISTERED (mode == READY || mode == BLOCKED || mode == DRAINING)

/* Fetcher, pool, finisher and keeper: every one of these steps may be taken whenever its guard allows. */
proctype Worker(byte me)
{
    mtype mode;
    byte born, k;
    byte base;  /* the last number that it was given */
    byte open;  /* how many it asks for in the claim that is not answered yet */
    byte held;  /* waiting and ran together */
    int waiting; /* hash: claimed and not started */
    int ran;     /* hash: run, and not acknowledged */
    byte failed; /* set of numbers: those of `ran` that are to be retried */

    atomic { new_name() }
#if POISON
born_again:
#endif
    do
    :: atomic {
        mode == REGISTERING ->
            may_come_late(REGISTER, name[me], born, 0);
            register(name[me], born);
            printf("worker %d registers: %e\n", name[me], answer);
            say_keys();
            if
            :: losses > 0 ->
                losses--;
                printf("  its reply is lost\n")
            :: answer == OK -> mode = READY
            :: answer == FENCED -> new_name()
            :: answer == DRAINED ->
                name[me] = 0;
                mode = GONE
            fi;
            forget()
        }
    :: atomic {
        mode == READY && (open != 0 || (held < BATCH && !IS_VAIN_CLAIM(name[me]))) ->
            if
            :: open == 0 -> open = 1
            :: open == 0 && held + 1 < BATCH -> open = BATCH - held
            :: open != 0
            fi;
            may_come_late(CLAIM, name[me], base, open);
            claim(name[me], base, open);
            printf("worker %d claims %d from %d on: %e %d\n", name[me], open, base + 1, answer, count);
            say_keys();
            if
            :: losses > 0 ->
                losses--;
                printf("  its reply is lost\n")
            :: true -> understand_claim()
            fi;
            forget()
        }
    :: atomic { /* BLMOVE */
        mode == BLOCKED && queue != 0 ->
            mode = READY;
            INBOX(name[me]) = (HEAD(queue) << (3 * SIZE(INBOX(name[me])))) | INBOX(name[me]);
            POP_HEAD(queue);
            printf("worker %d is woken\n", name[me]);
            say_keys()
        }
    :: atomic { /* its time is up, or its keeper knows of suspects */
        mode == BLOCKED && (queue != 0 || INBOX(name[me]) != 0 || suspects != 0) -> mode = READY
        }
    :: atomic { /* a handler runs */
        waiting != 0 && mode != STOPPING ->
            choose(waiting);
            first = GET(waiting, k);
#if POISON
            if
            :: first == 1 && blames[1] < POISON ->
                printf("worker %d dies of job 1, and its host with it\n", name[me]);
                k = 0;
                forget();
                new_process();
                goto born_again
            :: else
            fi;
#endif
#if ROLLBACKS == 0
            must(allowed[first] > 0, a_job_runs_again_for_no_reason);
            allowed[first] = allowed[first] - 1;
#endif
            SET(waiting, k, 0);
            SET(ran, k, first);
            if
            :: ADD(completed, first)
            :: retries > 0 ->
                retries--;
                ADD(failed, k)
            fi;
            printf("worker %d runs number %d, job %d\n", name[me], k, first);
            k = 0;
            forget()
        }
    :: atomic { /* settle */
        ran != 0 ->
            choose(ran);
            if
            :: HAS(failed, k) ->
                may_come_late(RETRY, name[me], k, GET(ran, k));
                retry(name[me], k, GET(ran, k))
            :: else ->
                may_come_late(DONE, name[me], k, GET(ran, k));
                done(name[me], k, GET(ran, k))
            fi;
            printf("worker %d settles number %d\n", name[me], k);
            say_keys();
            if
            :: losses > 0 ->
                losses--;
                printf("  its reply is lost\n")
            :: true ->
                SET(ran, k, 0);
                REMOVE(failed, k);
                held--
            fi;
            k = 0;
            forget()
        }
    :: atomic { /* give back; what became of a request that was not answered, the audit finds out */
        waiting != 0 && releases > 0 ->
            releases--;
            choose(waiting);
            SET(waiting, k, 0);
            held--;
            may_come_late(RELEASE, name[me], k, false);
            if
            :: losses > 0 ->
                losses--;
                printf("  its reply is lost\n")
            :: release(name[me], k, false)
            fi;
            printf("worker %d gives back number %d\n", name[me], k);
            say_keys();
            k = 0;
            forget()
        }
    :: atomic { /* audit: what is recorded and not known here is released */
        IS_REGISTERED && open == 0 && HAS(workers, name[me]) &&
            (claimed[name[me]] | waiting | ran) != (waiting | ran) ->
            d_step {
                for (at : 1 .. NUMBERS) {
                    k = (GET(claimed[name[me]], at) != 0 && GET(waiting, at) + GET(ran, at) == 0 -> at : k)
                }
                at = 0
            }
            may_come_late(RELEASE, name[me], k, true);
            release(name[me], k, true);
            printf("worker %d gives back number %d, unknown to it\n", name[me], k);
            say_keys();
            k = 0;
            forget()
        }
    :: atomic {
        mode == DRAINING && held == 0 && !IS_VAIN(name[me], born) ->
            may_come_late(DRAIN_TICK, name[me], born, 0);
            drain(name[me], born);
            printf("worker %d drains: %e\n", name[me], answer);
            say_keys();
            if
            :: losses > 0 ->
                losses--;
                printf("  its reply is lost\n")
            :: answer == WAITING || answer == HOLDING
            :: answer == WORK -> mode = READY
            :: answer == DRAINED -> mode = LEAVING
            :: answer == LOST ->
                drop_all();
                new_name()
            fi;
            forget()
        }
    :: atomic { /* its renewal says that the lease is lost */
        IS_REGISTERED && !HAS(workers, name[me]) ->
            printf("worker %d starts over\n", name[me]);
            drop_all();
            new_name()
        }
    :: atomic { /* a signal */
        IS_REGISTERED && stops > 0 ->
            stops--;
            open = 0;
            mode = STOPPING
        }
    :: atomic {
        mode == LEAVING || mode == STOPPING ->
            may_come_late(DEREGISTER, name[me], 0, ran);
            deregister(name[me], ran);
            printf("worker %d leaves\n", name[me]);
            say_keys();
            if
            :: losses > 0 ->
                losses--;
                printf("  its reply is lost\n")
            :: mode == LEAVING ->
                drop_all();
                name[me] = 0;
                mode = GONE
            :: mode == STOPPING -> new_process()
            fi;
            forget()
        }
    :: atomic {
        crashes > 0 && mode != GONE ->
            crashes--;
            printf("worker %d is killed\n", name[me]);
            ghost = (mode == BLOCKED -> name[me] : ghost);
            if
            :: new_process()
            :: drop_all();
                name[me] = 0;
                mode = GONE
            fi
        }
    od
}

/* ---- what any worker's keeper does ---------------------------------------------------------- */

#define IS_KEEPER(p, w) (name[p] != 0 && name[p] != w && HAS(workers, name[p]))
#define HAS_KEEPER(w) (IS_KEEPER(0, w) || IS_KEEPER(1, w) || IS_KEEPER(WORKERS - 1, w))
#define IS_RENEWED(w) (name[0] == w || name[1] == w || name[WORKERS - 1] == w)

proctype Reaper(byte w)
{
    do
    :: atomic { HAS(reaped, w) && HAS_KEEPER(w) -> reap(w) }
    :: atomic { HAS(workers, w) && !HAS(reaped, w) && HAS_KEEPER(w) && !IS_RENEWED(w) -> reap(w) }
    :: atomic {
        HAS(workers, w) && !HAS(reaped, w) && HAS_KEEPER(w) && IS_RENEWED(w) && expels > 0 ->
            expels--;
            reap(w)
        }
    od
}

inline promote(j)
{
    d_step {
        REMOVE(scheduled, j);
#if defined(AWAIT_RETRIES) && !defined(BEHIND)
        if
        :: has_sentinel && drains == 0 -> /* ahead of it, wherever it is */
#ifndef PAST_THE_INBOX
            unbox(0);
#endif
            PUSH_HEAD(queue, j)
        :: else -> PUSH_TAIL(queue, j)
        fi;
#else
        PUSH_TAIL(queue, j);
#endif
        printf("job %d is due\n", j);
        say_keys();
        check()
    }
}

proctype Keepers()
{
    do
#ifndef OWN_INBOX
    :: atomic { INBOX(0) != 0 && HAS_KEEPER(0) ->
            d_step {
                unbox(0);
                printf("the inbox is emptied\n");
                say_keys()
            }
        }
#endif
#if RETRIES
    :: atomic { HAS(scheduled, 1) && HAS_KEEPER(0) -> promote(1) }
    :: atomic { HAS(scheduled, 2) && HAS_KEEPER(0) -> promote(2) }
    :: atomic { HAS(scheduled, 3) && HAS_KEEPER(0) -> promote(3) }
#endif
#if CRASHES
    :: atomic {
        ghost != 0 && queue != 0 ->
            INBOX(ghost) = (HEAD(queue) << (3 * SIZE(INBOX(ghost)))) | INBOX(ghost);
            POP_HEAD(queue);
            printf("the dead worker %d takes a job into the inbox\n", ghost);
            say_keys();
            ghost = 0
        }
    :: atomic { ghost != 0 -> ghost = 0 }
#endif
    :: false
    od
}

/* ---- a Redis that forgets ------------------------------------------------------------------- */

#if ROLLBACKS
int kept_queue, kept_inbox[1], kept_claimed[NAMES + 1];
int kept_suspects;
byte kept_suspected, kept_suspect[NAMES + 1], kept_receipt[NAMES + 1], kept_workers, kept_drained, kept_reaped, kept_gone, kept_scheduled, kept_ended;

#define COPY(key, to, from) to##key = from##key
#define COPY_ALL(to, from) \
    COPY(queue, to, from); COPY(suspects, to, from); COPY(suspected, to, from); COPY(inbox[0], to, from); COPY(workers, to, from); COPY(drained, to, from); \
    COPY(reaped, to, from); COPY(gone, to, from); COPY(scheduled, to, from); COPY(ended, to, from); \
    for (at : 1 .. NAMES) { \
        COPY(claimed[at], to, from); \
        COPY(suspect[at], to, from); \
        COPY(receipt[at], to, from) \
    }

proctype Rollback()
{
    atomic {
        pushed == JOBS -> /* an undone push is a loss, and stated */
            d_step {
                printf("Redis will come back to this\n");
                COPY_ALL(kept_, );
                at = 0
            }
    }
    atomic {
        d_step {
            COPY_ALL( , kept_);
            kept_queue = 0;
            kept_suspects = 0;
            kept_suspected = 0;
            kept_inbox[0] = 0;
            kept_workers = 0;
            kept_drained = 0;
            kept_reaped = 0;
            kept_gone = 0;
            kept_scheduled = 0;
            kept_ended = 0;
            for (at : 1 .. NAMES) {
                kept_claimed[at] = 0;
                kept_suspect[at] = 0;
                kept_receipt[at] = 0
            }
            ghost = 0;
            printf("Redis is rolled back\n");
            say_keys();
#if LATE && !defined(OUTLIVES_SERVER) /* requests die with the server's connections */
            for (at : 1 .. LATE) {
                drop_late(at - 1)
            }
#endif
            check()
        }
    }
}
#endif

/* ---- the rest ------------------------------------------------------------------------------- */

proctype Producer()
{
    do
    :: atomic {
        pushed < JOBS ->
            d_step {
                pushed++;
                PUSH_TAIL(queue, pushed);
                printf("job %d is pushed\n", pushed);
                check()
            }
        }
#ifdef DRAIN
    :: atomic {
        pushed == AHEAD && !has_sentinel ->
            has_sentinel = true;
            printf("the sentinel is pushed\n");
            PUSH_TAIL(queue, SENTINEL)
        }
#endif
    :: pushed == JOBS -> break
    od
#ifdef DRAIN
    if
    :: has_sentinel
    :: else -> atomic {
        has_sentinel = true;
        PUSH_TAIL(queue, SENTINEL)
        }
    fi
#endif
}

/* Nothing can happen any more. Every run comes here, as the search for cycles shows, and must come here well. */
proctype End()
{
    timeout;
#if CRASHES < WORKERS
#ifdef DRAIN
    must(drains == 1, the_drain_never_ends);
#else
    must(HAS_KEEPER(0), no_worker_is_left);
#endif
#endif
    must(!HAS_KEEPER(0) || (ended == EVERY_JOB && queue == 0 && suspects == 0 && reaped == 0), a_job_waits_for_ever)
}

init {
    atomic {
        for (at : 1 .. JOBS) {
            allowed[at] = 1
        }
        run Producer();
        run Keepers();
        for (count : 1 .. WORKERS) {
            run Worker(count - 1)
        }
        for (count : 1 .. NAMES) {
            run Reaper(count)
        }
#if LATE
        for (count : 1 .. LATE) {
            run Late(count - 1)
        }
#endif
#if ROLLBACKS
        run Rollback();
#endif
        count = 0;
        run End()
    }
}
