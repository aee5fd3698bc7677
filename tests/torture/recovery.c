#include "torture/recovery.h"

#include "base/buf.h"
#include "base/clock.h"

#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 256, ID_BYTES = 32 };

struct death {
    enum recovery_kind kind;
    pid_t worker;
    int64_t at_ms, again_ms; /* -1: none of its jobs ran again */
};

/* A job whose latest run has begun but not ended. */
struct open_run {
    char id[ID_BYTES];
    int64_t run, worker, at_ms;
};

struct recovery {
    struct death *deaths;
    size_t count, capacity;
    void *open; /* of tsearch(), by id */
};

struct recovery *recovery_new(void)
{
    return mem_new(sizeof(struct recovery));
}

void recovery_free(struct recovery *recovery)
{
    tdestroy(recovery->open, free);
    free(recovery->deaths);
    free(recovery);
}

void recovery_note(struct recovery *recovery, enum recovery_kind kind, pid_t worker)
{
    if (recovery->count == recovery->capacity) {
        recovery->capacity = 2 * recovery->capacity + 64;
        struct death *grown = mem_array(recovery->capacity, sizeof *grown);
        if (recovery->count > 0)
            memcpy(grown, recovery->deaths, recovery->count * sizeof *grown);
        free(recovery->deaths);
        recovery->deaths = grown;
    }
    recovery->deaths[recovery->count++] = (struct death){kind, worker, clock_mono_ms(), -1};
}

static int by_id(const void *a, const void *b)
{
    const struct open_run *left = a, *right = b;
    return strcmp(left->id, right->id);
}

/* The death that ended a run of this worker: the first one of that process since it began. */
static struct death *death_of(struct recovery *recovery, const struct open_run *run)
{
    for (size_t i = 0; i < recovery->count; i++) {
        struct death *death = &recovery->deaths[i];
        if (death->worker == run->worker && death->at_ms >= run->at_ms)
            return death;
    }
    return NULL;
}

static void take_begin(struct recovery *recovery, const struct open_run *run)
{
    struct open_run *known = mem_new(sizeof *known);
    *known = *run;
    struct open_run **found = tsearch(known, &recovery->open, by_id);
    ensure(found != NULL, "out of memory");
    if (*found == known)
        return;
    struct death *death = run->run > (*found)->run ? death_of(recovery, *found) : NULL;
    if (death != NULL && run->at_ms >= death->at_ms &&
        (death->again_ms < 0 || run->at_ms < death->again_ms))
        death->again_ms = run->at_ms;
    **found = *run;
    free(known);
}

static void take_end(struct recovery *recovery, const struct open_run *run)
{
    struct open_run *const *found = tfind(run, &recovery->open, by_id);
    struct open_run *known = found == NULL ? NULL : *found;
    if (known != NULL && known->run == run->run) {
        (void)tdelete(run, &recovery->open, by_id);
        free(known);
    }
}

static void read_log(struct recovery *recovery, const char *ran)
{
    char line[LINE_BYTES], word[8];
    FILE *file = fopen(ran, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        struct open_run run = {.at_ms = 0};
        if (sscanf(line, "%31s %" SCNd64 " %7s %" SCNd64 " %" SCNd64, run.id, &run.run, word,
                   &run.at_ms, &run.worker) != 5)
            continue;
        (strcmp(word, "begin") == 0 ? take_begin : take_end)(recovery, &run);
    }
    if (file != NULL)
        (void)fclose(file);
}

static int by_size(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static void print_kind(const struct recovery *recovery, enum recovery_kind kind, FILE *out)
{
    static const char *const names[] = {"child, in the storm", "host, in the storm",
                                        "child, in calm", "host, in calm"};
    int64_t *times_ms = mem_array(recovery->count + 1, sizeof *times_ms);
    size_t count = 0;
    for (size_t i = 0; i < recovery->count; i++) {
        const struct death *death = &recovery->deaths[i];
        if (death->kind == kind && death->again_ms >= 0)
            times_ms[count++] = death->again_ms - death->at_ms;
    }
    qsort(times_ms, count, sizeof *times_ms, by_size);
    size_t middle = count / 2;
    if (count > 0)
        fprintf(out, "  %-20s p50 %6.3f s   max %6.3f s   of %zu\n", names[kind],
                (double)times_ms[middle] / 1000, (double)times_ms[count - 1] / 1000, count);
    free(times_ms);
}

void recovery_print(struct recovery *recovery, const char *ran, FILE *out)
{
    read_log(recovery, ran);
    fprintf(out, "from the kill of a worker process until the first of its jobs runs again:\n");
    for (int kind = 0; kind < RECOVERY_KINDS; kind++)
        print_kind(recovery, (enum recovery_kind)kind, out);
}
