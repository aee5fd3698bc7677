/* delay LISTEN SERVER ROUND_TRIP_US: a network in a process. Relays between its Unix socket LISTEN
 * and the Unix socket SERVER; each byte arrives half the round trip after it was sent, either way,
 * and any number may be on the way: latency costs no bandwidth. Writes a line to standard output
 * once it listens; runs until it is killed. */
#include "base/buf.h"
#include "base/clock.h"
#include "support/measure.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINKS_MAX = 512, READ_BYTES = 1 << 18 };

struct chunk {
    struct chunk *next;
    int64_t due_us;
    size_t len, sent;
    char bytes[];
};

/* One way of a link. */
struct pipe {
    int from, to;
    struct chunk *first, **end;
    bool has_ended; /* nothing more comes from `from` */
    bool is_full;   /* `to` takes nothing now */
};

struct link {
    struct pipe pipes[2];
};

struct network {
    const char *server;
    int listener;
    int64_t one_way_us;
    struct link *links[LINKS_MAX];
    size_t count;
};

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ensure(strlen(path) < sizeof address.sun_path, "too long: %s", path);
    memcpy(address.sun_path, path, strlen(path));
    return address;
}

static int open_socket(const char *path, int (*attach)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ensure(fd >= 0 && attach(fd, (const struct sockaddr *)&address, sizeof address) == 0, "%s: %s",
           path, strerror(errno));
    return fd;
}

static void add_link(struct network *network)
{
    int client = accept4(network->listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
        return;
    ensure(network->count < LINKS_MAX, "too many links");
    struct link *link = mem_new(sizeof *link);
    int server = open_socket(network->server, connect);
    link->pipes[0] = (struct pipe){.from = client, .to = server};
    link->pipes[1] = (struct pipe){.from = server, .to = client};
    for (int i = 0; i < 2; i++)
        link->pipes[i].end = &link->pipes[i].first;
    network->links[network->count++] = link;
}

static void drop_chunk(struct pipe *pipe)
{
    struct chunk *chunk = pipe->first;
    pipe->first = chunk->next;
    if (pipe->first == NULL)
        pipe->end = &pipe->first;
    free(chunk);
}

static void remove_link(struct network *network, size_t index)
{
    struct link *link = network->links[index];
    for (int i = 0; i < 2; i++) {
        close(link->pipes[i].from);
        while (link->pipes[i].first != NULL)
            drop_chunk(&link->pipes[i]);
    }
    free(link);
    network->links[index] = network->links[--network->count];
}

static void take(struct pipe *pipe, int64_t one_way_us)
{
    static char bytes[READ_BYTES];
    ssize_t n = recv(pipe->from, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    pipe->has_ended = n <= 0;
    if (n <= 0)
        return;
    struct chunk *chunk = mem_new(sizeof *chunk + (size_t)n);
    chunk->due_us = clock_mono_us() + one_way_us;
    chunk->len = (size_t)n;
    memcpy(chunk->bytes, bytes, (size_t)n);
    *pipe->end = chunk;
    pipe->end = &chunk->next;
}

static void deliver(struct pipe *pipe)
{
    pipe->is_full = false;
    while (pipe->first != NULL && pipe->first->due_us <= clock_mono_us()) {
        struct chunk *chunk = pipe->first;
        ssize_t n = send(pipe->to, chunk->bytes + chunk->sent, chunk->len - chunk->sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            pipe->is_full = errno == EAGAIN;
            pipe->has_ended = !pipe->is_full && errno != EINTR;
            return;
        }
        chunk->sent += (size_t)n;
        if (chunk->sent == chunk->len)
            drop_chunk(pipe);
    }
}

/* Which events of a link's two sockets matter; item i is the `from` of pipe i, the `to` of the
 * other. */
static void listen_to(const struct link *link, struct pollfd *items)
{
    for (int i = 0; i < 2; i++)
        items[i] =
            (struct pollfd){.fd = link->pipes[i].from,
                            .events = (short)(POLLIN | (link->pipes[1 - i].is_full ? POLLOUT : 0))};
}

/* How long until the next chunk is due; NULL: nothing is on the way. */
static const struct timespec *patience(const struct network *network, struct timespec *out)
{
    int64_t least_us = -1, now_us = clock_mono_us();
    for (size_t i = 0; i < 2 * network->count; i++) {
        const struct pipe *pipe = &network->links[i / 2]->pipes[i % 2];
        if (pipe->first == NULL || pipe->is_full)
            continue;
        int64_t left_us = pipe->first->due_us > now_us ? pipe->first->due_us - now_us : 0;
        if (least_us < 0 || left_us < least_us)
            least_us = left_us;
    }
    if (least_us < 0)
        return NULL;
    *out = (struct timespec){.tv_sec = least_us / 1000000, .tv_nsec = least_us % 1000000 * 1000};
    return out;
}

/* False: its end has come, and all that was sent before has been delivered. */
static bool serve(struct link *link, const struct pollfd *items, int64_t one_way_us)
{
    for (int i = 0; i < 2; i++) {
        if (items[i].revents & ~POLLOUT)
            take(&link->pipes[i], one_way_us);
        deliver(&link->pipes[i]);
    }
    for (int i = 0; i < 2; i++)
        if (link->pipes[i].has_ended && link->pipes[i].first == NULL)
            return false;
    return true;
}

static void step(struct network *network)
{
    struct pollfd items[1 + 2 * LINKS_MAX] = {{.fd = network->listener, .events = POLLIN}};
    struct timespec wait;
    for (size_t i = 0; i < network->count; i++)
        listen_to(network->links[i], &items[1 + 2 * i]);
    int n = ppoll(items, 1 + 2 * network->count, patience(network, &wait), NULL);
    ensure(n >= 0 || errno == EINTR, "ppoll: %s", strerror(errno));
    for (size_t i = network->count; i-- > 0;)
        if (!serve(network->links[i], &items[1 + 2 * i], network->one_way_us))
            remove_link(network, i);
    if (items[0].revents != 0)
        add_link(network);
}

int main(int argc, char **argv)
{
    ensure(argc == 4, "usage: delay LISTEN SERVER ROUND_TRIP_US");
    /* 50 us is what a sleep takes longer by default: too much here. */
    (void)prctl(PR_SET_TIMERSLACK, 1000);
    struct network network = {.server = argv[2],
                              .one_way_us = strtoll(argv[3], NULL, 10) / 2,
                              .listener = open_socket(argv[1], bind)};
    ensure(listen(network.listener, LINKS_MAX) == 0, "listen: %s", strerror(errno));
    ensure(puts("listening") >= 0 && fflush(stdout) == 0, "cannot write");
    for (;;)
        step(&network);
}
