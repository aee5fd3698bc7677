/* load - how busy the pool is and how fast its jobs go: written by the pool's threads, each its own
 * line of memory, read by the room, which decides how much to claim ahead. No locks.
 *
 * It lies in memory shared by a supervisor and its child: when the child has died, the supervisor
 * can still read what the child's threads were running. */
#ifndef DARG_WORKER_SHARED_LOAD_H
#define DARG_WORKER_SHARED_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct handler;
struct load;

/* Names one run of a job within its process. */
struct load_run {
    size_t queue;        /* rank of its queue */
    uint64_t generation; /* of the session under which it was claimed */
    int64_t number;      /* claim number */
};

/* The last claim of a queue that was sent. */
struct load_claim {
    bool is_being_read; /* its reply is large and has not been read to the end yet */
    uint64_t generation;
    int64_t base;
};

/* NULL if the system gives no shared memory. */
struct load *load_new(size_t thread_count, size_t queue_count);
void load_free(struct load *load);

/* Thread `index` has a task or is about to take one / is free. Only that thread calls it. */
void load_set_busy(struct load *load, size_t index, bool is_busy);

/* Thread `index` starts a job / has ended it. now_us: monotonic. Only that thread calls them. */
void load_begin(struct load *load, size_t index, int64_t now_us, const struct load_run *run,
                const struct handler *handler);
void load_end(struct load *load, size_t index, int64_t now_us);
/* The handler could not be started after all: the attempt does not count towards the pace. */
void load_withdraw(struct load *load, size_t index);

/* Thread `index` reads the text of a job / has read it. Only that thread calls them. */
void load_begin_reading(struct load *load, size_t index, const struct load_run *run);
void load_end_reading(struct load *load, size_t index);

/* The fetcher of the queue of this rank is about to send a claim. base: number of the last job it
 * was given. */
void load_name_claim(struct load *load, size_t queue, uint64_t generation, int64_t base);
/* Where that fetcher's connection notes that it is reading a large reply. Borrowed. */
_Atomic bool *load_reading_flag(struct load *load, size_t queue);
struct load_claim load_claim(const struct load *load, size_t queue);

size_t load_thread_count(const struct load *load);
size_t load_idle_count(const struct load *load);

/* Mean time in us that recently ended jobs took, or more if those now running take longer. -1:
 * nothing is known yet. One caller at a time (the room's lock). */
double load_pace_us(struct load *load, int64_t now_us);

/* What thread `index` is doing now. */
struct load_activity {
    bool is_running; /* false: it runs nothing, and only is_reading and run may be set */
    bool is_reading; /* it is reading the text of `run` */
    struct load_run run;
    const struct handler *handler; /* meaningless in another process */
    int64_t started_us;            /* monotonic */
};
struct load_activity load_activity(const struct load *load, size_t index);

#endif
