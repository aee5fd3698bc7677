#include "producer/push/pending.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

/* A tree and an array of the same jobs: the tree finds the job that a result names, the array is
 * what the search for missing jobs goes through, and has no gaps. */
static int compare(const void *a, const void *b)
{
    return strcmp(((const struct pending_job *)a)->id, ((const struct pending_job *)b)->id);
}

static struct pending_job *find(const struct pending *pending, const char *id)
{
    char *borrowed = mem_dup(id);
    const struct pending_job key = {.id = borrowed};
    struct pending_job **node = tfind(&key, &pending->tree, compare);
    free(borrowed);
    return node != NULL ? *node : NULL;
}

static void append(struct pending *pending, struct pending_job *job)
{
    if (pending->count == pending->capacity) {
        pending->capacity = pending->capacity ? pending->capacity * 2 : 64;
        pending->jobs = realloc(pending->jobs, pending->capacity * sizeof(struct pending_job *));
        ensure(pending->jobs != NULL, "out of memory");
    }
    job->index = pending->count;
    pending->jobs[pending->count++] = job;
}

void pending_add(struct pending *pending, const char *id)
{
    struct pending_job *job = find(pending, id);
    if (job == NULL) {
        job = mem_new(sizeof *job);
        job->id = mem_dup(id);
        ensure(tsearch(job, &pending->tree, compare) != NULL, "out of memory");
        append(pending, job);
    }
    job->sequence = pending->added++;
    job->times++;
    job->misses = 0;
    pending->total++;
}

void pending_drop(struct pending *pending, struct pending_job *job)
{
    struct pending_job *last = pending->jobs[--pending->count];
    (void)tdelete(job, &pending->tree, compare);
    pending->jobs[job->index] = last;
    last->index = job->index;
    pending->total -= job->times;
    free(job->id);
    free(job);
}

bool pending_settle(struct pending *pending, const char *id)
{
    struct pending_job *job = find(pending, id);
    if (job == NULL)
        return false;
    if (job->times == 1) {
        pending_drop(pending, job);
        return true;
    }
    job->times--;
    pending->total--;
    return true;
}

void pending_fini(struct pending *pending)
{
    while (pending->count > 0)
        pending_drop(pending, pending->jobs[pending->count - 1]);
    free(pending->jobs);
    *pending = (struct pending){0};
}
