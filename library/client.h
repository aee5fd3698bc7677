/* client - the definition of struct darg_client, for the files of the library. */
#ifndef DARG_LIBRARY_CLIENT_H
#define DARG_LIBRARY_CLIENT_H

#include <pthread.h>
#include <sys/types.h>

#include "library/compose.h"
#include "library/pipeline.h"

struct later;

struct darg_client {
    pid_t pid;          /* of the process that opened it; fixed */
    struct err invalid; /* what is wrong with the options; status ST_OK: nothing */
    struct redis_url url;
    struct conn_options conn; /* points to url and to the three texts below */
    char *tls_ca_file, *tls_cert_file, *tls_key_file;
    struct queue queue;
    int64_t wait_ms, max_job_bytes;
    size_t later_max_jobs;
    int64_t later_linger_ms;
    pthread_mutex_t lock;
    struct later *later;  /* under lock; NULL: darg_push_later() was not called yet */
    struct pusher pusher; /* under lock */
};

/* DARG_OK, or the reason why no call on this client can work in this process. */
enum darg_code client_check(const struct darg_client *client);

/* compose_job() with the client's settings; copies the job's id to `id` (NULL: not wanted). */
enum darg_code client_make(const struct darg_client *client, const struct compose_spec *spec,
                           struct buf *out, struct compose_made *made, char *id);

/* Pushes one job that was made, like darg_push(). */
enum darg_code client_push(struct darg_client *client, struct slice text, int64_t delay_ms);

/* Sleeps. */
void client_pause(int64_t pause_ms);

#endif
