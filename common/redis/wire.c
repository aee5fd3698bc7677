#include "redis/wire.h"

#include "base/killpoint.h"

#include "redis/reply_build.h"
#include "redis/wire_skip.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Limits of one reply. Elements are limited apart from bytes: an element takes memory as soon as it
 * is announced, before its bytes come. */
/* a reply of this size might kill a process that runs out of memory */
enum { LARGE_BYTES = 128 << 10 };
enum { FIRST_MAX_BYTES = 1 << 20, ELEMENT_BYTES = 4, REPLY_MAX_DEPTH = 7 };

enum { KEPT_BUFFER_BYTES = 1 << 20 }; /* larger buffers are freed when they are empty */
enum { TLS_CHUNK_BYTES = 1 << 16 };   /* given to hiredis at a time */
enum { READ_BYTES = 1 << 16 };        /* read at a time; hiredis would read 16 KiB */

struct wire {
    redisContext *context;
    const _Atomic int64_t *limit_ms; /* see deadline.h; borrowed */
    struct buf out;                  /* queued requests */
    size_t sent;                     /* bytes of `out` already sent */
    bool is_tls;
    bool is_late;
    bool is_likely_readable;          /* the last read filled its buffer */
    bool has_tls_output;              /* hiredis has bytes of ours that are not written yet */
    struct reply *ready;              /* parsed but not yet taken, or NULL */
    size_t max_bytes;                 /* of one reply */
    _Atomic bool *is_reading_large;   /* set during that; NULL: unused */
    size_t reply_bytes;               /* bytes read since the last whole reply */
    size_t reply_elements;            /* announced by the reply being parsed */
    struct wire_skip skip;            /* for a reply whose text is discarded */
    redisReplyObjectFunctions limits; /* reply_functions, with our own create_array() */
};

static int depth_of(const redisReadTask *task)
{
    int depth = 1;
    for (; task->parent != NULL; task = task->parent)
        depth++;
    return depth;
}

/* hiredis 0.14 allocates however many elements a server announces, and 1.2 nests without limit and
 * frees by recursion; so number and depth are checked here. (A negative number, as a size_t, is
 * above every limit.) NULL makes the parser fail. */
static void *create_array(const redisReadTask *task, ELEMENT_COUNT count)
{
    struct wire *wire = task->privdata;
    if ((size_t)count > wire->max_bytes / ELEMENT_BYTES - wire->reply_elements ||
        depth_of(task) > REPLY_MAX_DEPTH)
        return NULL;
    wire->reply_elements += (size_t)count;
    return reply_functions.createArray(task, count);
}

static void limit_reader(struct wire *wire)
{
    redisReader *reader = wire->context->reader;
    wire->max_bytes = FIRST_MAX_BYTES;
    wire->limits = reply_functions;
    wire->limits.createArray = create_array;
    reader->fn = &wire->limits;
    reader->privdata = wire;
    reader->maxbuf = KEPT_BUFFER_BYTES;
}

enum status wire_open(int fd, const struct tls_options *tls, const struct deadline *deadline,
                      struct wire **wire, struct err *err)
{
    struct wire *made = mem_new(sizeof *made);
    made->context = redisConnectFd(fd);
    ensure(made->context != NULL && made->context->err == 0, "hiredis has no memory for a context");
    made->context->flags &= ~REDIS_BLOCK; /* so that hiredis never waits */
    made->limit_ms = deadline->limit_ms;
    made->is_tls = tls != NULL;
    limit_reader(made);
    enum status status = tls == NULL ? ST_OK : tls_start(made->context, tls, deadline, err);
    if (status != ST_OK) {
        wire_close(made, true);
        return status;
    }
    *wire = made;
    return ST_OK;
}

void wire_limit(struct wire *wire, size_t max_bytes, _Atomic bool *is_reading_large)
{
    wire->max_bytes = max_bytes;
    wire->is_reading_large = is_reading_large;
}

void wire_skip_text(struct wire *wire)
{
    wire->skip.is_wanted = true;
}

void wire_close(struct wire *wire, bool with_reset)
{
    if (wire == NULL)
        return;
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (with_reset)
        (void)setsockopt(wire->context->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (wire->is_reading_large != NULL)
        atomic_store_explicit(wire->is_reading_large, false, memory_order_release);
    reply_free(wire->ready);
    redisFree(wire->context);
    buf_fini(&wire->out);
    free(wire);
}

void wire_put(struct wire *wire, const struct request *request)
{
    struct buf *out = &wire->out;
    buf_reserve(out, request->body.len + 24);
    buf_append_char(out, '*');
    buf_append_int(out, (int64_t)request->count);
    buf_append(out, "\r\n", 2);
    buf_append_slice(out, buf_slice(&request->body));
}

static enum status lose(struct err *err, const char *cause)
{
    return err_set(err, ST_LOST_REPLY, "%s", cause);
}

static bool has_output(const struct wire *wire)
{
    return wire->sent < wire->out.len || wire->has_tls_output;
}

/* Takes the failure that hiredis has recorded in its context. */
static enum status context_failure(const struct wire *wire, struct err *err)
{
    const redisContext *context = wire->context;
    if (context->err == REDIS_ERR_PROTOCOL || context->err == REDIS_ERR_OOM)
        return err_set(err, ST_PROTOCOL, "the answer is not of the Redis protocol (%s)",
                       context->errstr);
    if (context->err == REDIS_ERR_EOF)
        return lose(err, "the server closed the connection");
    return lose(err, context->errstr);
}

static enum status write_tls(struct wire *wire, struct err *err)
{
    if (!wire->has_tls_output) {
        size_t len = wire->out.len - wire->sent;
        len = len < TLS_CHUNK_BYTES ? len : TLS_CHUNK_BYTES;
        int status = redisAppendFormattedCommand(wire->context, wire->out.ptr + wire->sent, len);
        ensure(status == REDIS_OK, "out of memory");
        wire->sent += len;
    }
    int is_done = 0;
    if (redisBufferWrite(wire->context, &is_done) != REDIS_OK)
        return context_failure(wire, err);
    wire->has_tls_output = is_done == 0;
    return ST_OK;
}

/* Not by hiredis, whose write() would raise SIGPIPE in a program that has not disabled that. */
static enum status write_plain(struct wire *wire, struct err *err)
{
    ssize_t n = send(wire->context->fd, wire->out.ptr + wire->sent, wire->out.len - wire->sent,
                     MSG_NOSIGNAL);
    if (n >= 0)
        wire->sent += (size_t)n;
    else if (errno == EPIPE || errno == ECONNRESET)
        /* The other end has closed it, perhaps after sending an error: reading will show. */
        wire->sent = wire->out.len;
    else if (errno != EAGAIN && errno != EINTR)
        return lose(err, strerror(errno));
    return ST_OK;
}

/* Writes as much as the socket takes. */
static enum status write_some(struct wire *wire, struct err *err)
{
    enum status status = wire->is_tls ? write_tls(wire, err) : write_plain(wire, err);
    if (status == ST_OK && !has_output(wire)) {
        wire->sent = 0;
        if (wire->out.capacity > KEPT_BUFFER_BYTES)
            buf_fini(&wire->out);
        else
            buf_clear(&wire->out);
    }
    return status;
}

static enum status read_tls(struct wire *wire, struct err *err)
{
    return redisBufferRead(wire->context) == REDIS_OK ? ST_OK : context_failure(wire, err);
}

static enum status read_plain(struct wire *wire, struct err *err)
{
    char bytes[READ_BYTES];
    ssize_t n = recv(wire->context->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    wire->is_likely_readable = n == (ssize_t)sizeof bytes;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? ST_OK : lose(err, strerror(errno));
    if (n == 0)
        return lose(err, "the server closed the connection");
    redisReader *reader = wire->context->reader;
    if (redisReaderFeed(reader, bytes, (size_t)n) != REDIS_OK)
        return err_set(err, ST_PROTOCOL, "the answer cannot be read (%s)", reader->errstr);
    return ST_OK;
}

/* A large reply takes memory while it comes, and again while it is parsed. */
static void note_large(struct wire *wire, bool is_large)
{
    if (wire->is_reading_large != NULL)
        atomic_store_explicit(wire->is_reading_large, is_large, memory_order_release);
    const redisReader *reader = wire->context->reader;
    if (is_large)
        KILL_READER(reader->buf, reader->len);
}

/* Reads what has come. */
static enum status read_some(struct wire *wire, struct err *err)
{
    const redisReader *reader = wire->context->reader;
    size_t before = reader->len;
    enum status status = wire->is_tls ? read_tls(wire, err) : read_plain(wire, err);
    if (status != ST_OK)
        return status;
    wire->reply_bytes += reader->len - before;
    if (wire_skip_is_active(&wire->skip))
        wire->reply_bytes = 0;
    if (wire->reply_bytes > LARGE_BYTES)
        note_large(wire, true);
    if (wire->reply_bytes > wire->max_bytes)
        return err_set(err, ST_PROTOCOL, "an answer is longer than %zu bytes", wire->max_bytes);
    return ST_OK;
}

/* Sets wire->ready if the bytes read so far contain a whole reply. */
static enum status parse(struct wire *wire, struct err *err)
{
    if (wire->ready != NULL)
        return ST_OK;
    redisReader *reader = wire->context->reader;
    if (!wire_skip_pass(&wire->skip, reader))
        return ST_OK;
    void *parsed = NULL;
    if (redisReaderGetReply(reader, &parsed) != REDIS_OK)
        return err_set(err, ST_PROTOCOL, "the answer is not of the Redis protocol (%s)",
                       reader->errstr);
    if (parsed != NULL) {
        note_large(wire, false);
        wire->ready = parsed;
        wire->reply_bytes = 0;
        wire->reply_elements = 0;
    }
    return ST_OK;
}

/* Waits until the socket is ready for what there is to do, and does that once. */
static enum status exchange(struct wire *wire, const struct deadline *deadline, struct err *err)
{
    if (wire->is_likely_readable && !has_output(wire))
        return read_some(wire, err);
    short events = has_output(wire) ? POLLIN | POLLOUT : POLLIN;
    struct pollfd item = {.fd = wire->context->fd, .events = events};
    int n = poll(&item, 1, deadline_slice_ms(deadline));
    if (n < 0)
        return errno == EINTR ? ST_OK : err_system(err, errno, "cannot wait for Redis");
    if (n == 0 && deadline_left_ms(deadline) > 0)
        return ST_OK;
    if (n == 0) {
        wire->is_late = true;
        return lose(err, "no answer in time");
    }
    if (item.revents & POLLOUT) {
        enum status status = write_some(wire, err);
        if (status != ST_OK)
            return status;
    }
    /* Reading also reports errors and hang-ups. */
    return item.revents & ~POLLOUT ? read_some(wire, err) : ST_OK;
}

enum status wire_flush(struct wire *wire, int64_t deadline_ms, struct err *err)
{
    const struct deadline deadline = {deadline_ms, wire->limit_ms};
    enum status status = has_output(wire) ? write_some(wire, err) : ST_OK;
    while (status == ST_OK && has_output(wire))
        status = exchange(wire, &deadline, err);
    return status;
}

enum status wire_get(struct wire *wire, int64_t deadline_ms, struct reply **reply, struct err *err)
{
    const struct deadline deadline = {deadline_ms, wire->limit_ms};
    enum status status = has_output(wire) ? write_some(wire, err) : ST_OK;
    while (status == ST_OK) {
        status = parse(wire, err);
        if (status != ST_OK || wire->ready != NULL)
            break;
        status = exchange(wire, &deadline, err);
    }
    if (status != ST_OK)
        return status;
    *reply = wire->ready;
    wire->ready = NULL;
    return ST_OK;
}

bool wire_is_late(const struct wire *wire)
{
    return wire->is_late;
}

bool wire_is_idle(const struct wire *wire)
{
    struct pollfd item = {.fd = wire->context->fd, .events = POLLIN};
    return poll(&item, 1, 0) == 0;
}

enum wire_event wire_wait(struct wire *wire, int wake_fd, int64_t deadline_ms)
{
    struct err ignored; /* a dead wire counts as readable, and reading says why */
    const struct deadline deadline = {deadline_ms, NULL};
    for (;;) {
        if (parse(wire, &ignored) != ST_OK || wire->ready != NULL)
            return WIRE_READABLE;
        short events = has_output(wire) ? POLLIN | POLLOUT : POLLIN;
        struct pollfd items[] = {{.fd = wire->context->fd, .events = events},
                                 {.fd = wake_fd, .events = POLLIN}};
        int n = poll(items, 2, deadline_ms < 0 ? -1 : deadline_slice_ms(&deadline));
        if (n == 0)
            return WIRE_TIMEOUT;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || (items[0].revents & ~POLLOUT) != 0)
            return WIRE_READABLE;
        if (items[1].revents != 0)
            return WIRE_WOKEN;
        if (write_some(wire, &ignored) != ST_OK)
            return WIRE_READABLE;
    }
}
