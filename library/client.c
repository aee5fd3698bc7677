/* Opening, closing, and pushes that the caller waits for. */
#include "library/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/plural.h"
#include "job/job.h"
#include "library/failure.h"
#include "library/guard.h"
#include "library/later.h"

enum {
    CHUNK_JOBS = 8000, /* jobs of a darg_push_many() made at a time, which limits memory */
    PAUSE_MIN_MS = 5,
    PAUSE_MAX_MS = 200,
    LATER_MAX_JOBS = 100 * 1000,
    LATER_MOST_JOBS = 10 * 1000 * 1000,
    LATER_LINGER_MS = 5,
    TIMEOUT_MAX_MS = 24 * 3600 * 1000,
};

/* ---- opening and closing ---- */

static enum status read_numbers(struct darg_client *client, const struct darg_options *options,
                                struct err *err)
{
    if (options->timeout_ms < 0 || options->timeout_ms > TIMEOUT_MAX_MS)
        return err_set(err, ST_INVALID, "timeout_ms must be 0 to %d", TIMEOUT_MAX_MS);
    if (options->wait_ms < -1)
        return err_set(err, ST_INVALID, "wait_ms must be -1 or more");
    if (options->later_linger_ms < 0 || options->later_linger_ms > TIMEOUT_MAX_MS)
        return err_set(err, ST_INVALID, "later_linger_ms must be 0 to %d", TIMEOUT_MAX_MS);
    if (options->later_max_jobs > LATER_MOST_JOBS)
        return err_set(err, ST_INVALID, "later_max_jobs must be at most %d", LATER_MOST_JOBS);
    if (options->max_job_bytes > INT32_MAX)
        return err_set(err, ST_INVALID, "max_job_bytes must be at most %d", INT32_MAX);
    client->wait_ms = options->wait_ms;
    client->max_job_bytes =
        options->max_job_bytes > 0 ? (int64_t)options->max_job_bytes : JOB_DEFAULT_MAX_BYTES;
    client->later_max_jobs = options->later_max_jobs > 0 ? options->later_max_jobs : LATER_MAX_JOBS;
    client->later_linger_ms =
        options->later_linger_ms > 0 ? options->later_linger_ms : LATER_LINGER_MS;
    return ST_OK;
}

static enum status read_options(struct darg_client *client, const struct darg_options *given,
                                struct err *err)
{
    struct darg_options options;
    enum status status = compose_copy(&options, sizeof options, given, "darg_options", err);
    if (status == ST_OK)
        status = read_numbers(client, &options, err);
    if (status == ST_OK)
        status = redis_url_parse(options.url ? options.url : REDIS_DEFAULT_URL, &client->url, err);
    if (status == ST_OK && client->url.user && !client->url.password)
        status = err_set(err, ST_INVALID, "the URL names a user without a password");
    if (status == ST_OK)
        status =
            queue_init(&client->queue, options.prefix ? options.prefix : QUEUE_DEFAULT_NAMESPACE,
                       options.queue ? options.queue : QUEUE_DEFAULT_NAME, err);
    if (status != ST_OK)
        return status;
    client->conn = (struct conn_options){
        .url = &client->url,
        .client_name = "libdarg",
        .connect_timeout_ms = options.timeout_ms,
        .command_timeout_ms = options.timeout_ms,
        .tls_ca_file = client->tls_ca_file = mem_dup(options.tls_ca_file),
        .tls_cert_file = client->tls_cert_file = mem_dup(options.tls_cert_file),
        .tls_key_file = client->tls_key_file = mem_dup(options.tls_key_file),
    };
    return ST_OK;
}

enum darg_code darg_open(const struct darg_options *options, struct darg_client **opened)
{
    GUARD;
    struct darg_client *client = mem_new(sizeof *client);
    *opened = client;
    client->pid = getpid();
    pthread_mutex_init(&client->lock, NULL);
    if (read_options(client, options, &client->invalid) != ST_OK)
        return failure_of(&client->invalid);
    client->invalid = (struct err){0};
    pipeline_init(&client->pusher, &client->conn, &client->queue);
    return DARG_OK;
}

/* In a child nothing is touched: a lock may be held by a thread that does not exist here, and the
 * links are the parent's. Everything goes with the process. */
size_t darg_close(struct darg_client *client)
{
    GUARD;
    if (client == NULL || client->pid != getpid())
        return 0;
    size_t dropped = later_stop(client->later);
    if (client->pusher.conn != NULL)
        pipeline_fini(&client->pusher);
    pthread_mutex_destroy(&client->lock);
    queue_fini(&client->queue);
    redis_url_fini(&client->url);
    free(client->tls_ca_file);
    free(client->tls_cert_file);
    free(client->tls_key_file);
    free(client);
    return dropped;
}

enum darg_code client_check(const struct darg_client *client)
{
    if (client == NULL)
        return failure_set(DARG_INVALID, "the client is NULL");
    if (client->pid != getpid())
        return failure_set(DARG_FORKED,
                           "this client belongs to process %lld: a child must open its own",
                           (long long)client->pid);
    return client->invalid.status == ST_OK ? DARG_OK : failure_of(&client->invalid);
}

/* ---- pushing ---- */

static size_t count_open(const struct pipeline_job *jobs, size_t count)
{
    size_t open = 0;
    for (size_t i = 0; i < count; i++)
        open += jobs[i].code == DARG_FULL;
    return open;
}

void client_pause(int64_t pause_ms)
{
    struct timespec pause = {pause_ms / 1000, pause_ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* Sets the code of the jobs that are left to the reason. A lost link means "unreachable" here: jobs
 * that it left uncertain are marked already. */
static void close_open(struct pipeline_job *jobs, size_t count, enum status status)
{
    enum darg_code code = status == ST_OK             ? DARG_FULL
                          : pusher_is_refusal(status) ? DARG_REFUSED
                          : status == ST_LOST_REPLY   ? DARG_UNREACHABLE
                                                      : failure_code(status);
    for (size_t i = 0; i < count; i++)
        if (jobs[i].code == DARG_FULL)
            jobs[i].code = code;
}

/* Pushes in rounds until all jobs are in, or the client has waited long enough for room. Caller
 * holds the lock. */
static void push_locked(struct darg_client *client, struct pipeline_job *jobs, size_t count,
                        struct err *err)
{
    int64_t start_ms = clock_mono_ms(), pause_ms = PAUSE_MIN_MS;
    size_t left = count;
    for (;;) {
        *err = (struct err){0};
        enum status status = pipeline_round(&client->pusher, jobs, count, err);
        size_t open = count_open(jobs, count);
        /* A full queue or a refusal may pass. A failed link ends the call instead, so that the
         * caller learns at once which jobs are uncertain. */
        bool may_mend = status == ST_OK || pusher_is_refusal(status);
        int64_t spent_ms = clock_mono_ms() - start_ms;
        bool has_time = client->wait_ms < 0 || spent_ms < client->wait_ms;
        if (open == 0 || !may_mend || !has_time) {
            close_open(jobs, count, status);
            return;
        }
        pause_ms = open < left ? PAUSE_MIN_MS : pause_ms * 2;
        pause_ms = pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
        left = open;
        client_pause(client->wait_ms < 0 || pause_ms < client->wait_ms - spent_ms
                         ? pause_ms
                         : client->wait_ms - spent_ms);
    }
}

static void push_jobs(struct darg_client *client, struct pipeline_job *jobs, size_t count,
                      struct err *err)
{
    pthread_mutex_lock(&client->lock);
    push_locked(client, jobs, count, err);
    pthread_mutex_unlock(&client->lock);
}

static enum darg_code tell(const struct darg_client *client, enum darg_code code,
                           const struct err *err)
{
    if (code == DARG_FULL)
        return failure_set(code, "queue '%s' is full", client->queue.name);
    return code == DARG_OK ? code : failure_set(code, "%s", err_text(err));
}

enum darg_code client_push(struct darg_client *client, struct slice text, int64_t delay_ms)
{
    struct err err = {0};
    struct pipeline_job job = {.text = text, .delay_ms = delay_ms, .code = DARG_FULL};
    push_jobs(client, &job, 1, &err);
    return tell(client, job.code, &err);
}

enum darg_code client_make(const struct darg_client *client, const struct compose_spec *spec,
                           struct buf *out, struct compose_made *made, char *id)
{
    struct err err = {0};
    struct compose_spec own = *spec;
    own.max_bytes = client->max_job_bytes;
    if (compose_job(&own, out, made, &err) != ST_OK)
        return failure_of(&err);
    if (id != NULL)
        memcpy(id, made->id, sizeof made->id);
    return DARG_OK;
}

enum darg_code darg_push(struct darg_client *client, const char *type, const char *args,
                         const struct darg_push_options *options, char id[DARG_ID_SIZE])
{
    GUARD;
    const struct compose_spec spec = {.type = type, .args = args, .options = options};
    struct buf text = {0};
    struct compose_made made;
    enum darg_code code = client_check(client);
    if (code == DARG_OK)
        code = client_make(client, &spec, &text, &made, id);
    if (code == DARG_OK)
        code = client_push(client, buf_slice(&text), made.delay_ms);
    buf_fini(&text);
    return code;
}

enum darg_code darg_ping(struct darg_client *client)
{
    GUARD;
    struct err err = {0};
    enum darg_code code = client_check(client);
    if (code != DARG_OK)
        return code;
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "PING");
    pthread_mutex_lock(&client->lock);
    enum status status = pusher_ready(&client->pusher, &err);
    if (status == ST_OK)
        status = conn_call(client->pusher.conn, &request, &reply, &err);
    pthread_mutex_unlock(&client->lock);
    reply_free(reply);
    request_fini(&request);
    if (status == ST_LOST_REPLY || status == ST_PROTOCOL)
        err.status = ST_UNREACHABLE;
    return status == ST_OK ? DARG_OK : failure_of(&err);
}

/* ---- many ---- */

struct chunk {
    struct buf bytes;
    size_t ends[CHUNK_JOBS];
    struct pipeline_job jobs[CHUNK_JOBS];
    size_t invalid;  /* index of the first job that could not be made */
    char why[512];   /* the reason */
    char first[512]; /* the reason for the first of all items that did not get in; "": all did */
};

/* Makes the jobs of a chunk; those that cannot be made get their final code. */
static void make_chunk(const struct darg_client *client, struct darg_item *items, size_t count,
                       struct chunk *chunk)
{
    struct compose_made made;
    buf_clear(&chunk->bytes);
    chunk->invalid = count;
    for (size_t i = 0; i < count; i++) {
        const struct compose_spec spec = {
            .type = items[i].type, .args = items[i].args, .options = items[i].options};
        items[i].code = client_make(client, &spec, &chunk->bytes, &made, NULL);
        chunk->ends[i] = chunk->bytes.len;
        chunk->jobs[i] = (struct pipeline_job){.code = items[i].code};
        if (items[i].code != DARG_OK && chunk->invalid == count) {
            chunk->invalid = i;
            snprintf(chunk->why, sizeof chunk->why, "%s", darg_error());
        }
        if (items[i].code == DARG_OK)
            chunk->jobs[i] = (struct pipeline_job){.delay_ms = made.delay_ms, .code = DARG_FULL};
    }
    for (size_t i = 0; i < count; i++) {
        size_t start = i == 0 ? 0 : chunk->ends[i - 1];
        chunk->jobs[i].text = (struct slice){chunk->bytes.ptr + start, chunk->ends[i] - start};
    }
}

static void push_chunk(struct darg_client *client, struct darg_item *items, size_t count,
                       struct chunk *chunk)
{
    struct err err = {0};
    make_chunk(client, items, count, chunk);
    if (count_open(chunk->jobs, count) > 0)
        push_jobs(client, chunk->jobs, count, &err);
    for (size_t i = 0; i < count; i++) {
        items[i].code = chunk->jobs[i].code;
        if (items[i].code == DARG_OK || chunk->first[0])
            continue;
        if (i != chunk->invalid)
            (void)tell(client, items[i].code, &err);
        snprintf(chunk->first, sizeof chunk->first, "%s",
                 i == chunk->invalid ? chunk->why : darg_error());
    }
}

static enum darg_code sum_up(const struct darg_item *items, size_t count, const char *first)
{
    enum darg_code code = DARG_OK;
    size_t failed = 0, at = 0;
    for (size_t i = 0; i < count; i++) {
        if (items[i].code != DARG_OK && failed++ == 0) {
            code = items[i].code;
            at = i;
        }
    }
    return code == DARG_OK ? code
                           : failure_set(code,
                                         "%zu of %zu %s %s not known to be pushed; item "
                                         "%zu: %s",
                                         failed, count, plural_of((int64_t)count, "job", "jobs"),
                                         plural_of((int64_t)failed, "is", "are"), at, first);
}

enum darg_code darg_push_many(struct darg_client *client, struct darg_item *items, size_t count)
{
    GUARD;
    enum darg_code code = client_check(client);
    for (size_t i = 0; i < count; i++)
        items[i].code = code;
    if (code != DARG_OK)
        return code;
    struct chunk *chunk = mem_new(sizeof *chunk);
    for (size_t done = 0; done < count;) {
        size_t size = count - done < CHUNK_JOBS ? count - done : CHUNK_JOBS;
        push_chunk(client, items + done, size, chunk);
        done += size;
    }
    code = sum_up(items, count, chunk->first);
    buf_fini(&chunk->bytes);
    free(chunk);
    return code;
}
