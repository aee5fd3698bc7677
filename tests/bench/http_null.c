/* http_null: an HTTP server that does nothing but answer each request with `null`: what remains is
 * the cost of handing a job over. On 127.0.0.1, on a free port, which it prints; a thread for each
 * connection, which stays. Ends with the process that started it. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                             "Content-Length: 4\r\n\r\nnull";
static const char length_name[] = "\r\nContent-Length: ";

/* The length of the request at the start of the text; 0: it has not come whole. */
static size_t request_length(const char *text, size_t len)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, length_name);
    if (end == NULL)
        return 0;
    size_t head = (size_t)(end + 4 - text);
    size_t body = 0;
    if (length != NULL && length < end)
        body = strtoul(length + strlen(length_name), NULL, 10);
    return len >= head + body ? head + body : 0;
}

static void *serve(void *context)
{
    int fd = *(int *)context;
    char text[16384];
    size_t len = 0;
    ssize_t got;
    while (len < sizeof text - 1 && (got = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0) {
        len += (size_t)got;
        text[len] = '\0';
        size_t request = request_length(text, len);
        if (request == 0)
            continue;
        ensure(request == len, "a client that does not wait for its answer");
        len = 0;
        if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) != (ssize_t)sizeof answer - 1)
            break;
    }
    (void)close(fd);
    free(context);
    return NULL;
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ensure(fd >= 0 && bind(fd, (const struct sockaddr *)&address, len) == 0 &&
               listen(fd, 64) == 0 && getsockname(fd, (struct sockaddr *)&address, &len) == 0,
           "no socket to listen at");
    printf("%d\n", ntohs(address.sin_port));
    ensure(fflush(stdout) == 0, "nobody wants to know the port");
    return fd;
}

int main(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    int listener = listen_somewhere();
    for (;;) {
        pthread_t thread;
        int *fd = mem_new(sizeof *fd), on = 1;
        *fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        ensure(*fd >= 0, "no connection");
        (void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ensure(pthread_create(&thread, NULL, serve, fd) == 0, "no thread");
        (void)pthread_detach(thread);
    }
}
