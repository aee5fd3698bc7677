#include "worker/shared/load.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/err.h"

enum { WINDOW_JOBS = 2000, WINDOW_US = 100 * 1000 }; /* what counts as "recently" */

struct line {
    /* Monotonic: when the running job began; 0: none runs. */
    _Alignas(64) _Atomic int64_t started_us;
    /* Is taking a task, or has not ended the one it took. */
    _Atomic bool is_busy;
    _Atomic bool is_reading; /* it is reading the text of a job */
    _Atomic int64_t number;
    _Atomic uint64_t generation;
    _Atomic size_t queue;
    _Atomic(const struct handler *) handler;
    _Atomic uint64_t jobs;
    _Atomic uint64_t busy_us;
};

struct claim_line {
    _Alignas(64) _Atomic bool is_being_read;
    _Atomic uint64_t generation;
    _Atomic int64_t base;
};

struct load {
    size_t count, queue_count;
    /* Behind the lines; same address in every process, since they are forks. */
    struct claim_line *claims;
    double jobs, busy_us;          /* reader only: decaying sums */
    uint64_t seen_jobs, seen_busy; /* reader only: totals at the last look */
    int64_t decayed_us;            /* reader only */
    struct line lines[];
};

static size_t size_of(size_t thread_count, size_t queue_count)
{
    return sizeof(struct load) + thread_count * sizeof(struct line) +
           queue_count * sizeof(struct claim_line);
}

struct load *load_new(size_t thread_count, size_t queue_count)
{
    /* Fresh pages are zero: every thread is idle, every sum 0. */
    struct load *load = mmap(NULL, size_of(thread_count, queue_count), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (load == MAP_FAILED)
        return NULL;
    load->count = thread_count;
    load->queue_count = queue_count;
    load->claims = (struct claim_line *)(void *)&load->lines[thread_count];
    return load;
}

void load_free(struct load *load)
{
    if (load)
        munmap(load, size_of(load->count, load->queue_count));
}

static void name_run(struct line *line, const struct load_run *run)
{
    atomic_store_explicit(&line->number, run->number, memory_order_relaxed);
    atomic_store_explicit(&line->generation, run->generation, memory_order_relaxed);
    atomic_store_explicit(&line->queue, run->queue, memory_order_relaxed);
}

void load_begin_reading(struct load *load, size_t index, const struct load_run *run)
{
    struct line *line = &load->lines[index];
    name_run(line, run);
    atomic_store_explicit(&line->is_reading, true, memory_order_release);
}

void load_end_reading(struct load *load, size_t index)
{
    atomic_store_explicit(&load->lines[index].is_reading, false, memory_order_release);
}

void load_name_claim(struct load *load, size_t queue, uint64_t generation, int64_t base)
{
    struct claim_line *claim = &load->claims[queue];
    atomic_store_explicit(&claim->generation, generation, memory_order_relaxed);
    atomic_store_explicit(&claim->base, base, memory_order_relaxed);
}

_Atomic bool *load_reading_flag(struct load *load, size_t queue)
{
    return &load->claims[queue].is_being_read;
}

struct load_claim load_claim(const struct load *load, size_t queue)
{
    const struct claim_line *claim = &load->claims[queue];
    bool is_being_read = atomic_load_explicit(&claim->is_being_read, memory_order_acquire);
    return (struct load_claim){
        .is_being_read = is_being_read,
        .generation = atomic_load_explicit(&claim->generation, memory_order_relaxed),
        .base = atomic_load_explicit(&claim->base, memory_order_relaxed),
    };
}

void load_begin(struct load *load, size_t index, int64_t now_us, const struct load_run *run,
                const struct handler *handler)
{
    struct line *line = &load->lines[index];
    atomic_store_explicit(&line->handler, handler, memory_order_relaxed);
    name_run(line, run);
    /* Last, and with release: a reader that sees the start also sees which job it is. */
    atomic_store_explicit(&line->started_us, now_us > 0 ? now_us : 1, memory_order_release);
}

void load_end(struct load *load, size_t index, int64_t now_us)
{
    struct line *line = &load->lines[index];
    int64_t took = now_us - atomic_load_explicit(&line->started_us, memory_order_relaxed);
    uint64_t busy = atomic_load_explicit(&line->busy_us, memory_order_relaxed);
    uint64_t jobs = atomic_load_explicit(&line->jobs, memory_order_relaxed);
    atomic_store_explicit(&line->busy_us, busy + (uint64_t)(took > 0 ? took : 0),
                          memory_order_relaxed);
    atomic_store_explicit(&line->jobs, jobs + 1, memory_order_relaxed);
    /* Sequentially consistent, like the read in load_activity(): running.c says why. */
    atomic_store(&line->started_us, 0);
}

void load_withdraw(struct load *load, size_t index)
{
    atomic_store(&load->lines[index].started_us, 0);
}

void load_set_busy(struct load *load, size_t index, bool is_busy)
{
    /* Sequentially consistent: a thread goes idle and then asks whether a fetcher waits for room;
     * the fetcher announces that it waits and then counts idle threads. One of them must see the
     * other. */
    atomic_store(&load->lines[index].is_busy, is_busy);
}

size_t load_thread_count(const struct load *load)
{
    return load->count;
}

size_t load_idle_count(const struct load *load)
{
    size_t idle = 0;
    for (size_t i = 0; i < load->count; i++)
        idle += !atomic_load(&load->lines[i].is_busy);
    return idle;
}

double load_pace_us(struct load *load, int64_t now_us)
{
    uint64_t jobs = 0, busy = 0;
    double running = 0, running_us = 0;
    for (size_t i = 0; i < load->count; i++) {
        const struct line *line = &load->lines[i];
        jobs += atomic_load_explicit(&line->jobs, memory_order_relaxed);
        busy += atomic_load_explicit(&line->busy_us, memory_order_relaxed);
        int64_t started = atomic_load_explicit(&line->started_us, memory_order_acquire);
        if (started > 0 && now_us > started) {
            running++;
            running_us += (double)(now_us - started);
        }
    }
    load->jobs += (double)(jobs - load->seen_jobs);
    load->busy_us += (double)(busy - load->seen_busy);
    load->seen_jobs = jobs;
    load->seen_busy = busy;
    /* A running job counts only if it raises the mean: one that has just begun says nothing yet,
     * but one that takes longer than the others did says that the pace has changed. Without this, a
     * pool full of long jobs would be judged by the short ones before them until the first long one
     * ends. */
    double pace = load->jobs > 0 ? load->busy_us / load->jobs : -1;
    double with_running = running > 0 ? (load->busy_us + running_us) / (load->jobs + running) : -1;
    if (pace >= 0 && with_running > pace)
        pace = with_running;
    /* Halving two sums forgets the past gradually and needs no ring of samples. */
    if (load->jobs > WINDOW_JOBS || now_us - load->decayed_us > WINDOW_US) {
        load->jobs /= 2;
        load->busy_us /= 2;
        load->decayed_us = now_us;
    }
    return pace;
}

struct load_activity load_activity(const struct load *load, size_t index)
{
    const struct line *line = &load->lines[index];
    int64_t started = atomic_load(&line->started_us);
    bool is_reading = atomic_load_explicit(&line->is_reading, memory_order_acquire);
    if (started == 0 && !is_reading)
        return (struct load_activity){.is_running = false};
    return (struct load_activity){
        .is_running = started > 0,
        .is_reading = is_reading,
        .run = {.queue = atomic_load_explicit(&line->queue, memory_order_relaxed),
                .generation = atomic_load_explicit(&line->generation, memory_order_relaxed),
                .number = atomic_load_explicit(&line->number, memory_order_relaxed)},
        .handler = atomic_load_explicit(&line->handler, memory_order_relaxed),
        .started_us = started,
    };
}
