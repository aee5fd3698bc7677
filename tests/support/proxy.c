/* The test's side: starts the proxy's process and gives it orders. */
#include "support/proxy_relay.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct proxy {
    pid_t pid;
    int orders;
    char path[108], url[128];
    struct proxy_answer answer; /* the last one */
};

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ensure(strlen(path) < sizeof address.sun_path, "%s is too long", path);
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ensure(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
               listen(fd, 64) == 0,
           "cannot listen at %s: %s", path, strerror(errno));
    return fd;
}

struct proxy *proxy_start(const char *server_socket, const char *directory, const char *name)
{
    struct proxy *proxy = mem_new(sizeof *proxy);
    int ends[2];
    int len = snprintf(proxy->path, sizeof proxy->path, "%s/%s", directory, name);
    ensure(len > 0 && (size_t)len < sizeof proxy->path, "%s is too long", directory);
    (void)snprintf(proxy->url, sizeof proxy->url, "unix://%s", proxy->path);
    (void)unlink(proxy->path);
    int listener = listen_at(proxy->path);
    ensure(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "socketpair: %s",
           strerror(errno));
    pid_t self = getpid();
    proxy->pid = fork();
    ensure(proxy->pid >= 0, "fork: %s", strerror(errno));
    if (proxy->pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != self)
            _exit(1);
        close(ends[0]);
        proxy_relay_run(server_socket, listener, ends[1]);
    }
    close(listener);
    close(ends[1]);
    proxy->orders = ends[0];
    return proxy;
}

void proxy_stop(struct proxy *proxy)
{
    if (proxy == NULL)
        return;
    int status = 0;
    close(proxy->orders);
    while (waitpid(proxy->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    ensure(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the proxy died: %d", status);
    (void)unlink(proxy->path);
    free(proxy);
}

const char *proxy_url(const struct proxy *proxy)
{
    return proxy->url;
}

static struct proxy_answer *order(struct proxy *proxy, const struct proxy_order *order)
{
    ssize_t sent = send(proxy->orders, order, sizeof *order, MSG_NOSIGNAL);
    ssize_t got = sent < 0 ? -1 : recv(proxy->orders, &proxy->answer, sizeof proxy->answer, 0);
    ensure(got == (ssize_t)sizeof proxy->answer, "the proxy does not answer: %s", strerror(errno));
    return &proxy->answer;
}

void proxy_arm(struct proxy *proxy, const struct proxy_fault *fault)
{
    struct proxy_order arm = {.verb = PROXY_VERB_ARM, .fault = *fault};
    const char *word = fault->word == NULL ? "" : fault->word;
    ensure(strlen(word) <= PROXY_WORD_MAX && fault->forged.len <= PROXY_FORGED_MAX, "too long");
    memcpy(arm.word, word, strlen(word));
    if (fault->forged.len > 0)
        memcpy(arm.forged, fault->forged.ptr, fault->forged.len);
    (void)order(proxy, &arm);
}

void proxy_pass(struct proxy *proxy)
{
    (void)order(proxy, &(struct proxy_order){.verb = PROXY_VERB_PASS});
}

void proxy_freeze(struct proxy *proxy, bool with_new_links)
{
    (void)order(proxy,
                &(struct proxy_order){.verb = PROXY_VERB_FREEZE, .with_new_links = with_new_links});
}

void proxy_thaw(struct proxy *proxy)
{
    (void)order(proxy, &(struct proxy_order){.verb = PROXY_VERB_THAW});
}

void proxy_delay(struct proxy *proxy, int64_t delay_ms)
{
    (void)order(proxy, &(struct proxy_order){.verb = PROXY_VERB_DELAY, .delay_ms = delay_ms});
}

void proxy_capture(struct proxy *proxy)
{
    (void)order(proxy, &(struct proxy_order){.verb = PROXY_VERB_CAPTURE});
}

const char *proxy_repeat(struct proxy *proxy, size_t index)
{
    return order(proxy, &(struct proxy_order){.verb = PROXY_VERB_REPEAT, .index = index})->text;
}

struct slice proxy_captured(struct proxy *proxy, size_t index)
{
    const struct proxy_answer *answer =
        order(proxy, &(struct proxy_order){.verb = PROXY_VERB_CAPTURED, .index = index});
    return (struct slice){answer->text, answer->text_len};
}

struct proxy_counts proxy_counts(struct proxy *proxy)
{
    return order(proxy, &(struct proxy_order){.verb = PROXY_VERB_COUNT})->counts;
}
