#include "redis/resolve.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"

enum { STALE_MS = 10000 }; /* how long an answer that nobody waited for remains good */

struct lookup {
    char *host; /* fixed */
    char service[8];
    pthread_mutex_t lock;
    pthread_cond_t ended;
    int references; /* under lock, like the rest: held by the caller and by the thread */
    bool has_ended;
    int64_t ended_ms;
    int failure;           /* what getaddrinfo() returned */
    struct addrinfo *list; /* the answer, until it is taken */
};

static struct lookup *lookup_new(const char *host, uint16_t port)
{
    struct lookup *lookup = mem_new(sizeof *lookup);
    pthread_condattr_t monotonic;
    lookup->host = mem_dup(host);
    (void)snprintf(lookup->service, sizeof lookup->service, "%u", (unsigned)port);
    lookup->references = 2;
    pthread_mutex_init(&lookup->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&lookup->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return lookup;
}

static void release(struct lookup *lookup)
{
    pthread_mutex_lock(&lookup->lock);
    bool is_last = --lookup->references == 0;
    pthread_mutex_unlock(&lookup->lock);
    if (!is_last)
        return;
    if (lookup->list != NULL)
        freeaddrinfo(lookup->list);
    pthread_cond_destroy(&lookup->ended);
    pthread_mutex_destroy(&lookup->lock);
    free(lookup->host);
    free(lookup);
}

static int ask(const char *host, const char *service, int flags, struct addrinfo **list)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    *list = NULL;
    return getaddrinfo(host, service, &hints, list);
}

static void *lookup_main(void *argument)
{
    struct lookup *lookup = argument;
    struct addrinfo *list = NULL;
    int failure = ask(lookup->host, lookup->service, 0, &list);
    pthread_mutex_lock(&lookup->lock);
    lookup->failure = failure;
    lookup->list = failure == 0 ? list : NULL;
    lookup->has_ended = true;
    lookup->ended_ms = clock_mono_ms();
    pthread_cond_signal(&lookup->ended);
    pthread_mutex_unlock(&lookup->lock);
    release(lookup);
    return NULL;
}

/* The thread is detached and blocks all signals: the resolver may keep it long after its caller. */
static bool start_thread(struct lookup *lookup)
{
    pthread_t thread;
    pthread_attr_t detached;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool is_started = pthread_create(&thread, &detached, lookup_main, lookup) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    return is_started;
}

static bool is_stale(struct lookup *lookup)
{
    pthread_mutex_lock(&lookup->lock);
    bool is_stale = lookup->has_ended && clock_mono_ms() - lookup->ended_ms > STALE_MS;
    pthread_mutex_unlock(&lookup->lock);
    return is_stale;
}

/* False: no answer in time. */
static bool await(struct lookup *lookup, const struct deadline *deadline, int *failure,
                  struct addrinfo **list)
{
    pthread_mutex_lock(&lookup->lock);
    while (!lookup->has_ended && deadline_left_ms(deadline) > 0) {
        int64_t until_ms = clock_mono_ms() + deadline_slice_ms(deadline);
        struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
        (void)pthread_cond_timedwait(&lookup->ended, &lookup->lock, &until);
    }
    bool has_ended = lookup->has_ended;
    *failure = lookup->failure;
    *list = lookup->list;
    if (has_ended)
        lookup->list = NULL;
    pthread_mutex_unlock(&lookup->lock);
    return has_ended;
}

static enum status tell(int failure, struct err *err)
{
    return failure == 0 ? ST_OK : err_set(err, ST_UNREACHABLE, "%s", gai_strerror(failure));
}

enum status resolve(struct lookup **lookup, const char *host, uint16_t port,
                    const struct deadline *deadline, struct addrinfo **list, struct err *err)
{
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    if (ask(host, service, AI_NUMERICHOST | AI_NUMERICSERV, list) == 0)
        return ST_OK;
    if (*lookup != NULL && is_stale(*lookup))
        resolve_forget(lookup);
    if (*lookup == NULL) {
        *lookup = lookup_new(host, port);
        /* not asked in this thread instead: that would have no deadline */
        if (!start_thread(*lookup)) {
            (*lookup)->references = 1;
            resolve_forget(lookup);
            return err_set(err, ST_UNREACHABLE, "no thread can be started to look its name up");
        }
    }
    int failure = 0;
    if (!await(*lookup, deadline, &failure, list))
        return err_set(err, ST_UNREACHABLE, "no answer in time from the name servers");
    resolve_forget(lookup);
    return tell(failure, err);
}

void resolve_forget(struct lookup **lookup)
{
    if (*lookup != NULL)
        release(*lookup);
    *lookup = NULL;
}
