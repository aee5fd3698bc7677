/* One thread and one poll(). A link is a client's connection and the connection to the server made
 * for it; replies are matched with requests by their order. If one side of a link has ended, or a
 * fault ends it, it is closed as soon as everything due to the other side has been written. */
#include "support/proxy_relay.h"

#include "base/clock.h"
#include "support/resp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINKS_MAX = 128, READ_BYTES = 1 << 16 };

struct side {
    int fd;
    struct buf in;  /* read, but incomplete, or not to be passed on yet */
    struct buf out; /* to be written */
    bool has_ended;
};

struct link {
    struct side client, server;
    struct buf marks; /* a byte per unanswered request: 1 + its fault; 0: none */
    bool is_frozen;
    bool is_cut;        /* a fault has ended it: what is in `out` is the last */
    int64_t release_ms; /* monotonic: no reply passes before */
};

struct armed {
    struct proxy_order order;
    unsigned skipped, hit;
};

struct relay {
    const char *server_socket;
    int listener;
    bool is_frozen; /* new links are not served */
    int64_t delay_ms;
    struct armed faults[PROXY_FAULTS];
    size_t fault_count;
    bool is_capturing;
    struct buf *captured;
    size_t captured_count;
    struct proxy_counts counts;
    struct link *links[LINKS_MAX];
    size_t link_count;
};

int proxy_relay_dial(const char *server_socket)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ensure(strlen(server_socket) < sizeof address.sun_path, "%s is too long", server_socket);
    memcpy(address.sun_path, server_socket, strlen(server_socket));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ensure(fd >= 0, "socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

/* ---- links ---- */

static void accept_link(struct relay *relay)
{
    int fd = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
    int server = fd < 0 ? -1 : proxy_relay_dial(relay->server_socket);
    if (server < 0) { /* the server is down */
        if (fd >= 0)
            close(fd);
        return;
    }
    ensure(relay->link_count < LINKS_MAX, "too many links");
    struct link *link = mem_new(sizeof *link);
    link->client.fd = fd;
    link->server.fd = server;
    relay->links[relay->link_count++] = link;
}

static void side_fini(struct side *side)
{
    close(side->fd);
    buf_fini(&side->in);
    buf_fini(&side->out);
}

static void close_link(struct relay *relay, size_t index)
{
    struct link *link = relay->links[index];
    side_fini(&link->client);
    side_fini(&link->server);
    buf_fini(&link->marks);
    free(link);
    relay->links[index] = relay->links[--relay->link_count];
}

static void read_side(struct side *side)
{
    static char bytes[READ_BYTES];
    ssize_t n = recv(side->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0)
        buf_append(&side->in, bytes, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        side->has_ended = true;
}

static void write_side(struct side *side)
{
    while (side->out.len > 0) {
        ssize_t n = send(side->fd, side->out.ptr, side->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN) {
            side->has_ended = true;
            buf_clear(&side->out);
        }
        if (n < 0)
            return;
        buf_consume(&side->out, (size_t)n);
    }
}

/* ---- faults ---- */

/* 1 + the number of the fault that hits this request; 0: none does. */
static unsigned char choose_fault(struct relay *relay, struct slice request)
{
    for (size_t i = 0; i < relay->fault_count; i++) {
        struct armed *armed = &relay->faults[i];
        const struct proxy_order *order = &armed->order;
        if (armed->hit == order->fault.times ||
            memmem(request.ptr, request.len, order->word, strlen(order->word)) == NULL)
            continue;
        if (armed->skipped < order->fault.skip) {
            armed->skipped++;
            continue;
        }
        armed->hit++;
        return (unsigned char)(i + 1);
    }
    return 0;
}

static void count_hit(struct relay *relay, size_t fault)
{
    relay->counts.hit[fault]++;
    relay->counts.all_hit++;
}

static size_t kept_bytes(const struct proxy_fault *fault, size_t len)
{
    int64_t keep = fault->keep < 0 ? (int64_t)len + fault->keep : fault->keep;
    keep = keep < (int64_t)len ? keep : (int64_t)len - 1;
    return keep > 0 ? (size_t)keep : 0;
}

static void capture(struct relay *relay, struct slice request)
{
    struct buf *grown = mem_array(relay->captured_count + 1, sizeof *grown);
    if (relay->captured_count > 0)
        memcpy(grown, relay->captured, relay->captured_count * sizeof *grown);
    free(relay->captured);
    relay->captured = grown;
    buf_append_slice(&grown[relay->captured_count++], request);
}

static void pass_request(struct relay *relay, struct link *link, struct slice request)
{
    relay->counts.requests++;
    if (relay->is_capturing)
        capture(relay, request);
    unsigned char mark = choose_fault(relay, request);
    const struct proxy_fault *fault = mark > 0 ? &relay->faults[mark - 1].order.fault : NULL;
    if (fault == NULL || fault->action != PROXY_CUT_REQUEST) {
        buf_append_slice(&link->server.out, request);
        buf_append(&link->marks, &mark, 1);
        return;
    }
    buf_append(&link->server.out, request.ptr, kept_bytes(fault, request.len));
    link->is_cut = true;
    count_hit(relay, mark - 1U);
}

static void pass_reply(struct relay *relay, struct link *link, struct slice reply)
{
    relay->counts.replies++;
    unsigned char mark = (unsigned char)link->marks.ptr[0];
    buf_consume(&link->marks, 1);
    /* If proxy_pass() was called in between, the fault no longer exists. */
    if (mark == 0 || mark > relay->fault_count) {
        buf_append_slice(&link->client.out, reply);
        return;
    }
    const struct proxy_order *order = &relay->faults[mark - 1].order;
    const struct proxy_fault *fault = &order->fault;
    bool is_cut = fault->action == PROXY_CUT_REPLY;
    buf_append(&link->client.out, is_cut ? reply.ptr : order->forged,
               is_cut ? kept_bytes(fault, reply.len) : fault->forged.len);
    link->is_cut = is_cut || fault->is_closed;
    count_hit(relay, mark - 1U);
}

/* ---- the loop ---- */

static void pass_requests(struct relay *relay, struct link *link)
{
    struct buf *in = &link->client.in;
    size_t len;
    while (!link->is_cut && in->len > 0 && (len = resp_length(buf_slice(in))) > 0) {
        pass_request(relay, link, (struct slice){in->ptr, len});
        buf_consume(in, len);
    }
}

static void pass_replies(struct relay *relay, struct link *link)
{
    struct buf *in = &link->server.in;
    size_t len;
    while (!link->is_cut && in->len > 0 && clock_mono_ms() >= link->release_ms &&
           (len = resp_length(buf_slice(in))) > 0) {
        ensure(link->marks.len > 0, "an answer to no request");
        pass_reply(relay, link, (struct slice){in->ptr, len});
        buf_consume(in, len);
        link->release_ms = clock_mono_ms() + relay->delay_ms;
    }
}

/* False: the link has ended. */
static bool serve(struct relay *relay, struct link *link, short client_events, short server_events)
{
    if (client_events & ~POLLOUT)
        read_side(&link->client);
    pass_requests(relay, link);
    if (server_events & ~POLLOUT) {
        if (link->server.in.len == 0)
            link->release_ms = clock_mono_ms() + relay->delay_ms;
        read_side(&link->server);
    }
    pass_replies(relay, link);
    write_side(&link->server);
    write_side(&link->client);
    bool is_flushed_to_server = link->server.out.len == 0;
    bool is_flushed_to_client = link->client.out.len == 0;
    return !(link->client.has_ended && is_flushed_to_server) &&
           !(link->server.has_ended && is_flushed_to_client) &&
           !(link->is_cut && is_flushed_to_server && is_flushed_to_client);
}

static short interest(const struct side *side)
{
    return (short)(side->out.len > 0 ? POLLIN | POLLOUT : POLLIN);
}

/* How long poll() may sleep: until a delayed answer may pass. */
static int patience(const struct relay *relay)
{
    int64_t now_ms = clock_mono_ms(), least = -1;
    for (size_t i = 0; i < relay->link_count; i++) {
        const struct link *link = relay->links[i];
        int64_t left = link->release_ms - now_ms;
        if (!link->is_frozen && link->server.in.len > 0 && left > 0 && (least < 0 || left < least))
            least = left;
    }
    return (int)least;
}

static void obey(struct relay *relay, int orders);

static void relay_step(struct relay *relay, int orders)
{
    struct pollfd items[2 + 2 * LINKS_MAX] = {
        {.fd = orders, .events = POLLIN},
        {.fd = relay->is_frozen ? -1 : relay->listener, .events = POLLIN}};
    for (size_t i = 0; i < relay->link_count; i++) {
        const struct link *link = relay->links[i];
        bool is_read = !link->is_frozen;
        items[2 + 2 * i] = (struct pollfd){.fd = is_read ? link->client.fd : -1,
                                           .events = interest(&link->client)};
        items[3 + 2 * i] = (struct pollfd){.fd = is_read ? link->server.fd : -1,
                                           .events = interest(&link->server)};
    }
    int n = poll(items, 2 + 2 * relay->link_count, patience(relay));
    ensure(n >= 0 || errno == EINTR, "poll: %s", strerror(errno));
    if (n < 0)
        return;
    for (size_t i = relay->link_count; i-- > 0;)
        if (!relay->links[i]->is_frozen &&
            !serve(relay, relay->links[i], items[2 + 2 * i].revents, items[3 + 2 * i].revents))
            close_link(relay, i);
    if (items[1].revents != 0)
        accept_link(relay);
    if (items[0].revents != 0)
        obey(relay, orders);
}

_Noreturn void proxy_relay_run(const char *server_socket, int listener, int orders)
{
    struct relay relay = {.server_socket = server_socket, .listener = listener};
    for (;;)
        relay_step(&relay, orders);
}

/* ---- orders ---- */

static void put_text(struct proxy_answer *answer, struct slice text)
{
    answer->text_len = text.len < PROXY_TEXT_MAX ? text.len : PROXY_TEXT_MAX - 1;
    memcpy(answer->text, text.ptr, answer->text_len);
    answer->text[answer->text_len] = '\0';
}

static void repeat(const struct relay *relay, size_t index, struct proxy_answer *answer)
{
    struct side server = {.fd = proxy_relay_dial(relay->server_socket)};
    ensure(server.fd >= 0, "cannot connect to %s", relay->server_socket);
    buf_append_slice(&server.out, buf_slice(&relay->captured[index]));
    while (!server.has_ended && (server.in.len == 0 || resp_length(buf_slice(&server.in)) == 0)) {
        struct pollfd item = {.fd = server.fd, .events = interest(&server)};
        (void)poll(&item, 1, -1);
        write_side(&server);
        read_side(&server);
    }
    put_text(answer, buf_slice(&server.in));
    side_fini(&server);
}

static void freeze(struct relay *relay, bool is_frozen, bool with_new_links)
{
    relay->is_frozen = is_frozen && with_new_links;
    for (size_t i = 0; i < relay->link_count; i++)
        relay->links[i]->is_frozen = is_frozen;
}

static void carry_out(struct relay *relay, const struct proxy_order *order,
                      struct proxy_answer *answer)
{
    bool is_captured = order->index < relay->captured_count;
    switch (order->verb) {
    case PROXY_VERB_ARM:
        ensure(relay->fault_count < PROXY_FAULTS, "too many faults");
        relay->counts.hit[relay->fault_count] = 0;
        relay->faults[relay->fault_count++] = (struct armed){.order = *order};
        break;
    case PROXY_VERB_PASS:
        relay->fault_count = 0;
        relay->delay_ms = 0;
        freeze(relay, false, false);
        break;
    case PROXY_VERB_FREEZE:
    case PROXY_VERB_THAW:
        freeze(relay, order->verb == PROXY_VERB_FREEZE, order->with_new_links);
        break;
    case PROXY_VERB_DELAY:
        relay->delay_ms = order->delay_ms;
        break;
    case PROXY_VERB_CAPTURE:
        relay->is_capturing = true;
        break;
    case PROXY_VERB_CAPTURED:
        ensure(is_captured, "there is no request %zu", order->index);
        put_text(answer, buf_slice(&relay->captured[order->index]));
        break;
    case PROXY_VERB_REPEAT:
        ensure(is_captured, "there is no request %zu", order->index);
        repeat(relay, order->index, answer);
        break;
    case PROXY_VERB_COUNT:
        break;
    }
}

static void obey(struct relay *relay, int orders)
{
    static struct proxy_order order;
    static struct proxy_answer answer;
    ssize_t n = recv(orders, &order, sizeof order, 0);
    if (n == 0)
        _exit(0);
    ensure(n == (ssize_t)sizeof order, "half an order: %zd", n);
    answer.text_len = 0;
    carry_out(relay, &order, &answer);
    answer.counts = relay->counts;
    answer.counts.links = relay->link_count;
    answer.counts.captured = relay->captured_count;
    ensure(send(orders, &answer, sizeof answer, MSG_NOSIGNAL) == (ssize_t)sizeof answer,
           "cannot answer: %s", strerror(errno));
}
