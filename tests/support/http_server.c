#include "support/http_server.h"

#include "base/buf.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TLS_HANDSHAKE = 0x16 }; /* the first byte of who speaks TLS */

struct http_server {
    int listener, stop[2], port;
    atomic_int requests;
    pthread_t thread;
};

/* False: told to stop. */
static bool wait_readable(const struct http_server *server, int fd)
{
    struct pollfd items[2] = {{.fd = fd, .events = POLLIN},
                              {.fd = server->stop[0], .events = POLLIN}};
    (void)poll(items, 2, -1);
    return items[1].revents == 0;
}

/* The length of the whole request at the start of the bytes; 0: it is incomplete. */
static size_t request_length(struct buf *bytes)
{
    const char *text = buf_text(bytes);
    const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length: ");
    if (end == NULL)
        return 0;
    size_t head = (size_t)(end + 4 - text);
    size_t body = length != NULL && length < end ? strtoul(length + 18, NULL, 10) : 0;
    return bytes->len >= head + body ? head + body : 0;
}

static void send_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes.ptr += sent;
        bytes.len -= (size_t)sent;
    }
}

static void answer(int fd, int code, const char *headers, struct slice body)
{
    struct buf out = {0};
    buf_printf(&out, "HTTP/1.1 %d Said So\r\n%sContent-Length: %zu\r\n\r\n", code, headers,
               body.len);
    buf_append_slice(&out, body);
    send_all(fd, buf_slice(&out));
    buf_fini(&out);
}

static int number_of(const char *path)
{
    return (int)strtol(strrchr(path, '/') + 1, NULL, 10);
}

/* False: the connection must be closed. */
static bool serve(const struct http_server *server, int fd, int nth, struct slice request)
{
    char path[64] = "", text[64];
    struct buf large = {0};
    const char *body = (const char *)memmem(request.ptr, request.len, "\r\n\r\n", 4) + 4;
    struct slice content = {body, (size_t)(request.ptr + request.len - body)};
    (void)sscanf(request.ptr, "POST %63s", path);
    if (strcmp(path, "/echo") == 0) {
        answer(fd, 200, "Content-Type: application/json; charset=utf-8\r\n", content);
    } else if (strcmp(path, "/request") == 0) {
        answer(fd, 200, "Content-Type: text/plain\r\n", request);
    } else if (strncmp(path, "/status/", 8) == 0) {
        (void)snprintf(text, sizeof text, "because %d", number_of(path));
        answer(fd, number_of(path), "", slice_of(text));
    } else if (strncmp(path, "/retry-after/", 13) == 0) {
        (void)snprintf(text, sizeof text, "Retry-After: %d\r\n", number_of(path));
        answer(fd, 503, text, slice_of(""));
    } else if (strcmp(path, "/redirect") == 0) {
        answer(fd, 302, "Location: /echo\r\n", slice_of(""));
    } else if (strcmp(path, "/once") == 0 && nth == 1) {
        answer(fd, 200, "", slice_of("once"));
    } else if (strncmp(path, "/large/", 7) == 0 || strncmp(path, "/quotes/", 8) == 0) {
        for (int i = number_of(path); i > 0; i--)
            buf_append_char(&large, path[1] == 'l' ? 'x' : '"');
        answer(fd, 200, "", buf_slice(&large));
        buf_fini(&large);
    } else if (strcmp(path, "/silence") == 0) {
        (void)wait_readable(server, fd);
        return false;
    } else {
        return false;
    }
    return true;
}

static void talk(struct http_server *server, int fd)
{
    struct buf bytes = {0};
    char part[4096];
    bool is_open = true;
    int nth = 0;
    while (is_open && wait_readable(server, fd)) {
        ssize_t len = recv(fd, part, sizeof part, 0);
        if (len <= 0)
            break;
        buf_append(&bytes, part, (size_t)len);
        if (bytes.ptr[0] == TLS_HANDSHAKE) {
            answer(fd, 400, "", slice_of("this is no HTTPS"));
            break;
        }
        size_t request = request_length(&bytes);
        if (request == 0)
            continue;
        atomic_fetch_add(&server->requests, 1);
        is_open = serve(server, fd, ++nth, (struct slice){bytes.ptr, request});
        buf_clear(&bytes); /* a client that waits for the response has sent no more */
    }
    buf_fini(&bytes);
    (void)close(fd);
}

static void *run(void *context)
{
    struct http_server *server = context;
    while (wait_readable(server, server->listener)) {
        int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            talk(server, fd);
    }
    return NULL;
}

struct http_server *http_server_start(void)
{
    struct http_server *server = mem_new(sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ensure(server->listener >= 0 &&
               bind(server->listener, (const struct sockaddr *)&address, len) == 0 &&
               listen(server->listener, 16) == 0 &&
               getsockname(server->listener, (struct sockaddr *)&address, &len) == 0 &&
               pipe(server->stop) == 0,
           "no HTTP server");
    server->port = ntohs(address.sin_port);
    ensure(pthread_create(&server->thread, NULL, run, server) == 0, "no thread");
    return server;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

int http_server_requests(struct http_server *server)
{
    return atomic_load(&server->requests);
}

void http_server_stop(struct http_server *server)
{
    ensure(write(server->stop[1], "", 1) == 1, "the pipe is full");
    (void)pthread_join(server->thread, NULL);
    (void)close(server->stop[0]);
    (void)close(server->stop[1]);
    (void)close(server->listener);
    free(server);
}
