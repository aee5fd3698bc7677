/* The functions that a C program pushes with, on the queue `bench`, in jobs of 100 bytes.
 *
 *   push URL one N    push_call() with one job, one after the other
 *   push URL bulk N   push_encode() with 1,000, 16 of them under way */
#include "queue/push.h"
#include "support/commands.h"
#include "support/filler.h"
#include "support/measure.h"

#include <string.h>

enum { WINDOW = 16 };

static void push_one_by_one(struct conn *conn, const struct queue *queue, int64_t n)
{
    struct buf job = {0};
    for (int64_t i = 0; i < n; i++) {
        struct err err = {0};
        size_t accepted = 0;
        int64_t length;
        filler_job(&job, i, FILLER_PAYLOAD);
        struct slice text = buf_slice(&job);
        ensure(push_call(conn, queue, &text, 1, &accepted, &length, &err) == ST_OK && accepted == 1,
               "%s", err_text(&err));
    }
    buf_fini(&job);
}

static void take_answer(struct conn *conn, size_t count)
{
    struct err err = {0};
    size_t accepted = 0;
    int64_t length;
    struct reply *reply = filler_receive(conn);
    ensure(push_decode(reply, count, &accepted, &length, &err) == ST_OK && accepted == count, "%s",
           err_text(&err));
    reply_free(reply);
}

static void push_in_bulk(struct conn *conn, const struct queue *queue, int64_t n)
{
    static struct buf jobs[PUSH_MAX];
    static struct slice texts[PUSH_MAX];
    size_t counts[WINDOW] = {0};
    struct request request = {0};
    size_t turn = 0;
    for (int64_t pushed = 0; pushed < n; turn = (turn + 1) % WINDOW) {
        size_t count = 0;
        for (; count < PUSH_MAX && pushed < n; count++, pushed++) {
            filler_job(&jobs[count], pushed, FILLER_PAYLOAD);
            texts[count] = buf_slice(&jobs[count]);
        }
        if (counts[turn] > 0)
            take_answer(conn, counts[turn]);
        request_clear(&request);
        push_encode(&request, queue, texts, count);
        filler_send(conn, &request);
        counts[turn] = count;
    }
    for (size_t i = 0; i < WINDOW; i++, turn = (turn + 1) % WINDOW)
        if (counts[turn] > 0)
            take_answer(conn, counts[turn]);
    for (size_t i = 0; i < PUSH_MAX; i++)
        buf_fini(&jobs[i]);
    request_fini(&request);
}

int main(int argc, char **argv)
{
    ensure(argc == 4, "usage: push URL one|bulk N");
    struct conn *conn = commands_connect(argv[1]);
    int64_t n = measure_argument(argv[3]);
    bool is_bulk = strcmp(argv[2], "bulk") == 0, is_plain = false;
    struct queue queue = {0};
    struct err err = {0};
    ensure(queue_init(&queue, QUEUE_DEFAULT_NAMESPACE, "bench", &err) == ST_OK &&
               push_open(conn, &queue, &is_plain, &err) == ST_OK && !is_plain,
           "%s", err_text(&err));
    int64_t before = commands_int(conn, "LLEN", queue.jobs);
    struct measure measure;
    measure_begin(&measure, conn);
    if (is_bulk)
        push_in_bulk(conn, &queue, n);
    else
        push_one_by_one(conn, &queue, n);
    measure_end(&measure, is_bulk ? "c_bulk" : "c_one", n);
    ensure(commands_int(conn, "LLEN", queue.jobs) == before + n, "jobs are missing");
    queue_fini(&queue);
    conn_close(conn);
    return 0;
}
