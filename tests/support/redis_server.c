#include "support/redis_server.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"
#include "support/process.h"
#include "support/wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READY_MS = 20000, POLL_MS = 10, ANSWER_MS = 1000, ARGS_MAX = 64, PORT_TRIES = 20 };

struct redis_server {
    char directory[80];
    char socket_path[96];
    char url[112];
    char port_text[8];
    uint16_t port;
    bool is_tls; /* the port speaks TLS */
    char *extra_args[ARGS_MAX];
    struct process *process; /* NULL: killed */
};

static void launch(struct redis_server *server)
{
    const char *argv[ARGS_MAX + 24] = {"redis-server",
                                       server->is_tls ? "--tls-port" : "--port",
                                       server->port_text,
                                       "--unixsocket",
                                       server->socket_path,
                                       "--dir",
                                       server->directory,
                                       "--save",
                                       "",
                                       "--appendonly",
                                       "no",
                                       "--enable-debug-command",
                                       "local"};
    size_t count = 13;
    if (server->port != 0) {
        argv[count++] = "--bind";
        argv[count++] = "127.0.0.1";
    }
    if (server->is_tls) {
        argv[count++] = "--port";
        argv[count++] = "0";
    }
    for (char *const *extra = server->extra_args; *extra != NULL; extra++)
        argv[count++] = *extra;
    (void)unlink(server->socket_path); /* left by a killed server: clients must reach the new one */
    server->process = process_start(&(struct process_options){.argv = argv});
}

static int connect_socket(const struct redis_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, server->socket_path, strlen(server->socket_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ensure(fd >= 0, "socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

enum answer { ANSWER_NONE, ANSWER_LOADING, ANSWER_READY };

/* Does not use conn, because tests of conn must not depend on it. Any answer except LOADING means
 * that the server is ready; one with a password says NOAUTH. */
static enum answer ping(const struct redis_server *server)
{
    static const char request[] = "PING\r\n", loading[] = "-LOADING";
    int fd = connect_socket(server);
    if (fd < 0)
        return ANSWER_NONE;
    char answer[64] = "";
    struct pollfd item = {.fd = fd, .events = POLLIN};
    ssize_t n = 0;
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) > 0 && poll(&item, 1, ANSWER_MS) > 0)
        n = recv(fd, answer, sizeof answer - 1, 0);
    close(fd);
    if (n <= 0)
        return ANSWER_NONE;
    return strncmp(answer, loading, strlen(loading)) == 0 ? ANSWER_LOADING : ANSWER_READY;
}

static _Noreturn void give_up(struct redis_server *server, const char *what)
{
    fprintf(stderr, "the test's redis-server %s; its log:\n%s%s\n", what,
            process_stdout(server->process), process_stderr(server->process));
    abort();
}

/* False if the server has ended before it answered. */
static bool wait_answer(struct redis_server *server, enum answer wanted)
{
    int64_t end_ms = clock_mono_ms() + wait_patience_ms(READY_MS);
    while (ping(server) < wanted) {
        if (process_poll(server->process) >= 0)
            return false;
        if (clock_mono_ms() >= end_ms)
            give_up(server, "does not answer");
        (void)poll(NULL, 0, POLL_MS);
    }
    return true;
}

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ensure(fd >= 0 && bind(fd, (const struct sockaddr *)&address, len) == 0 &&
               getsockname(fd, (struct sockaddr *)&address, &len) == 0,
           "no free port: %s", strerror(errno));
    close(fd);
    return ntohs(address.sin_port);
}

static void set_port(struct redis_server *server, uint16_t port)
{
    server->port = port;
    (void)snprintf(server->port_text, sizeof server->port_text, "%u", (unsigned)port);
}

static struct redis_server *make(const char *const *extra_args)
{
    struct redis_server *server = mem_new(sizeof *server);
    const char *parent = getenv("TMPDIR");
    int len = snprintf(server->directory, sizeof server->directory, "%s/redis.XXXXXX",
                       parent == NULL ? "/tmp" : parent);
    ensure(len > 0 && (size_t)len < sizeof server->directory, "TMPDIR is too long: %s", parent);
    ensure(mkdtemp(server->directory) != NULL, "mkdtemp: %s", strerror(errno));
    (void)snprintf(server->socket_path, sizeof server->socket_path, "%s/r.sock", server->directory);
    (void)snprintf(server->url, sizeof server->url, "unix://%s", server->socket_path);
    for (size_t i = 0; extra_args != NULL && extra_args[i] != NULL; i++) {
        ensure(i + 1 < ARGS_MAX, "too many arguments");
        server->extra_args[i] = mem_dup(extra_args[i]);
    }
    set_port(server, 0);
    return server;
}

struct redis_server *redis_server_start(const char *const *extra_args)
{
    struct redis_server *server = make(extra_args);
    launch(server);
    if (!wait_answer(server, ANSWER_READY))
        give_up(server, "has ended");
    return server;
}

/* True if it was taken meanwhile, or is too high for a cluster, which also needs the port 10,000
 * above. */
static bool is_port_refused(const char *log)
{
    return strstr(log, "Address already in use") != NULL || strstr(log, "port number too high");
}

static struct redis_server *start_tcp(const char *const *extra_args, bool is_tls)
{
    struct redis_server *server = make(extra_args);
    server->is_tls = is_tls;
    /* Another program may take the port before the server binds it, so try again. */
    for (int i = 0; i < PORT_TRIES; i++) {
        set_port(server, free_port());
        launch(server);
        if (wait_answer(server, ANSWER_READY))
            return server;
        if (!is_port_refused(process_stdout(server->process)))
            break;
        process_free(server->process);
    }
    give_up(server, "did not start");
}

struct redis_server *redis_server_start_tcp(const char *const *extra_args)
{
    return start_tcp(extra_args, false);
}

struct redis_server *redis_server_start_tls(const char *const *extra_args)
{
    return start_tcp(extra_args, true);
}

const char *redis_server_url(const struct redis_server *server)
{
    return server->url;
}

const char *redis_server_socket(const struct redis_server *server)
{
    return server->socket_path;
}

const char *redis_server_directory(const struct redis_server *server)
{
    return server->directory;
}

uint16_t redis_server_port(const struct redis_server *server)
{
    return server->port;
}

pid_t redis_server_pid(const struct redis_server *server)
{
    return process_pid(server->process);
}

void redis_server_kill(struct redis_server *server)
{
    process_free(server->process); /* kills with SIGKILL and reaps */
    server->process = NULL;
}

static void restart(struct redis_server *server, enum answer wanted)
{
    redis_server_kill(server);
    launch(server);
    if (!wait_answer(server, wanted))
        give_up(server, "did not start again");
}

void redis_server_restart(struct redis_server *server)
{
    restart(server, ANSWER_READY);
}

void redis_server_restart_loading(struct redis_server *server)
{
    restart(server, ANSWER_LOADING);
}

void redis_server_freeze(struct redis_server *server)
{
    process_signal(server->process, SIGSTOP);
}

void redis_server_thaw(struct redis_server *server)
{
    process_signal(server->process, SIGCONT);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

void redis_server_stop(struct redis_server *server)
{
    if (server == NULL)
        return;
    redis_server_kill(server);
    ensure(nftw(server->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0, "cannot remove %s",
           server->directory);
    for (char **extra = server->extra_args; *extra != NULL; extra++)
        free(*extra);
    free(server);
}
