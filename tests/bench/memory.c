/* memory URL N: bytes of Redis's memory for a job of 100 bytes, in each place where it can be.
 *
 * N jobs go through them one place after the other, by the functions of the product; what counts is
 * the growth of used_memory_dataset, which leaves the clients' buffers out. The server must hold
 * little else. */
#include "job/job.h"
#include "queue/claim.h"
#include "queue/push.h"
#include "queue/settle.h"
#include "support/commands.h"
#include "support/filler.h"
#include "support/measure.h"

#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 24 * 60 * 60 * 1000, CLAIM_BYTES = 1 << 20 };

struct bench {
    struct conn *conn;
    struct queue queue;
    struct lease lease;
    int64_t n;
    int64_t empty_bytes;
};

static int64_t used_bytes(struct conn *conn)
{
    static const char field[] = "used_memory_dataset:";
    char *info = commands_text(conn, "INFO", "memory");
    const char *at = strstr(info, field);
    ensure(at != NULL, "INFO memory has no %s", field);
    int64_t bytes = strtoll(at + strlen(field), NULL, 10);
    free(info);
    return bytes;
}

static void print_bytes(const struct bench *bench, const char *place)
{
    measure_print("memory", place,
                  (double)(used_bytes(bench->conn) - bench->empty_bytes) / (double)bench->n);
}

static void must(enum status status, const struct err *err)
{
    ensure(status == ST_OK, "%s", err_text(err));
}

static void claim_all(const struct bench *bench)
{
    static const struct claim_options options = {
        .max_bytes = CLAIM_BYTES,
        .policy = {.max_job_size = INT64_C(1) << 40, .max_crashes = 999999}};
    struct request request = {0};
    for (int64_t base = 0; base < bench->n;) {
        struct err err = {0};
        struct claim claim = {0};
        request_clear(&request);
        claim_encode(&request, &bench->lease, base, CLAIM_MAX, &options);
        must(claim_call(bench->conn, &request, &claim, &err), &err);
        ensure(claim.outcome == CLAIM_JOBS, "no jobs after %lld", (long long)base);
        base += (int64_t)claim.count;
        claim_fini(&claim);
    }
    request_fini(&request);
}

/* An envelope as a worker makes it, with a short reason. */
static void bury(const struct bench *bench, int64_t first, size_t count)
{
    static struct buf heads[SETTLE_MAX];
    static struct settle_item items[SETTLE_MAX];
    struct request request = {0};
    struct settle_answer answer = {0};
    struct err err = {0};
    for (size_t i = 0; i < count; i++) {
        struct buf claim = {0}, id = {0};
        buf_printf(&claim, "%s:%lld", bench->lease.worker, (long long)first + (long long)i);
        buf_printf(&id, "%016llx", (unsigned long long)first + i);
        struct job_head head = {.runs = 25,
                                .attempts = 25,
                                .failed_at_ms = 1700000000000,
                                .id = buf_slice(&id),
                                .claim = buf_slice(&claim),
                                .error = slice_of("exit status 1")};
        buf_clear(&heads[i]);
        job_append_head(&heads[i], &head);
        items[i] = (struct settle_item){
            .number = first + (int64_t)i, .head = buf_slice(&heads[i]), .is_whole = true};
        buf_fini(&claim);
        buf_fini(&id);
    }
    settle_encode_bury(&request, &bench->lease, items, count);
    must(settle_call(bench->conn, SETTLE_BURY, &request, &answer, &err), &err);
    ensure(answer.settled == (int64_t)count, "%lld were buried", (long long)answer.settled);
    request_fini(&request);
}

static void bury_all(const struct bench *bench)
{
    for (int64_t first = 1; first <= bench->n; first += SETTLE_MAX) {
        int64_t left = bench->n - first + 1;
        bury(bench, first, left < SETTLE_MAX ? (size_t)left : SETTLE_MAX);
    }
}

static void delay_all(const struct bench *bench)
{
    static struct buf members[PUSH_MAX];
    static struct slice slices[PUSH_MAX];
    struct buf job = {0};
    for (int64_t i = 0; i < bench->n;) {
        struct err err = {0};
        size_t count = 0;
        for (; count < PUSH_MAX && i < bench->n; count++, i++) {
            filler_job(&job, i, FILLER_PAYLOAD);
            buf_clear(&members[count]);
            push_wrap(&members[count], buf_slice(&job));
            slices[count] = buf_slice(&members[count]);
        }
        must(push_delayed(bench->conn, &bench->queue, DAY_MS, slices, count, &err), &err);
    }
    buf_fini(&job);
}

int main(int argc, char **argv)
{
    ensure(argc == 3, "usage: memory URL N");
    struct bench bench = {.conn = commands_connect(argv[1]), .n = measure_argument(argv[2])};
    struct err err = {0};
    enum lease_register outcome;
    int64_t now_ms;
    must(queue_init(&bench.queue, QUEUE_DEFAULT_NAMESPACE, "memory", &err), &err);
    lease_init(&bench.lease, &bench.queue, "host-12345-0123456789ab", 1);
    must(lease_register(bench.conn, &bench.lease, 0, &(struct lease_drain){0}, &outcome, &now_ms,
                        &err),
         &err);
    ensure(outcome == LEASE_REGISTERED, "not registered");
    bench.empty_bytes = used_bytes(bench.conn);

    filler_push(bench.conn, bench.queue.jobs, bench.n, FILLER_PAYLOAD);
    print_bytes(&bench, "queued");
    claim_all(&bench);
    print_bytes(&bench, "claimed");
    bury_all(&bench);
    print_bytes(&bench, "dead");
    commands_do(bench.conn, "DEL", bench.queue.dead);
    delay_all(&bench);
    print_bytes(&bench, "delayed");

    commands_do(bench.conn, "DEL", bench.queue.scheduled, bench.queue.counts, bench.queue.workers);
    lease_fini(&bench.lease);
    queue_fini(&bench.queue);
    conn_close(bench.conn);
    return 0;
}
