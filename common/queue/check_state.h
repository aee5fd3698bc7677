/* check_state - what the parts of check share: the walk through one queue. For them only. */
#ifndef DARG_QUEUE_CHECK_STATE_H
#define DARG_QUEUE_CHECK_STATE_H

#include "queue/check.h"
#include "queue/lease.h"

/* A name found in the registry, in `reaped`, in `drained`, or in the key of a holding. */
struct check_holder {
    char name[LEASE_NAME_MAX + 1];
    char score[LEASE_SCORE_MAX + 1]; /* as Redis writes it; "": not registered */
    int64_t score_ms;                /* the same, if it is registered */
    int64_t jobs;                    /* fields of its claimed hash that are jobs */
    bool is_reaped, is_hash, is_there, is_stale, has_receipt_right;
    int64_t now_ms;    /* when this was so */
    struct reply *odd; /* fields that are not claim numbers; the whole answer, or NULL */
};

struct check_walk {
    struct conn *conn;
    const struct queue *queue;
    const struct check_options *options;
    struct check *check;
    struct check_holder *holders; /* sorted by name, each once */
    size_t count, capacity;
    size_t live; /* registered workers that renew */
};

/* Adds a finding; with is_mended, what would be WRONG is MENDED. */
void check_add(struct check_walk *walk, const char *kind, enum check_level level, int64_t count,
               const char *key, const char *format, ...) PRINTF_LIKE(6, 7);
enum check_level check_level(bool is_mended);

/* Calls and frees the request. */
MUST_CHECK enum status check_call(struct check_walk *walk, struct request *request,
                                  struct reply **reply, struct err *err);
MUST_CHECK enum status check_pause(struct check_walk *walk, int64_t duration_ms, struct err *err);

/* The part about workers: finds all holders and judges them. */
MUST_CHECK enum status check_holders(struct check_walk *walk, struct err *err);

#endif
