#include "torture/names.h"

#include "base/buf.h"
#include "support/commands.h"
#include "support/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT = 53, HEADER = 12, TYPE_A = 1, PACKET = 512, WAIT_MS = 10000, ADDRESS = 64 };

struct names {
    atomic_bool *is_silent; /* shared with the server */
    pid_t server;
};

/* The first name server in resolv.conf, if it has an IPv4 address. */
static bool find_server(char address[ADDRESS])
{
    char line[256];
    struct in_addr ignored;
    bool is_found = false;
    FILE *file = fopen("/etc/resolv.conf", "re");
    while (file != NULL && !is_found && fgets(line, sizeof line, file) != NULL)
        is_found = sscanf(line, "nameserver %63s", address) == 1;
    if (file != NULL)
        (void)fclose(file);
    return is_found && inet_pton(AF_INET, address, &ignored) == 1;
}

static bool set_up_network(const char *address)
{
    char command[160];
    (void)snprintf(command, sizeof command,
                   "ip link set lo up && { ip address add %s/32 dev lo 2>/dev/null || true; }",
                   address);
    struct process *process =
        process_start(&(struct process_options){.argv = COMMANDS_ARGS("sh", "-c", command)});
    bool is_good = process_wait(process, WAIT_MS) == 0;
    process_free(process);
    return is_good;
}

/* ---- the server ---- */

/* Where the question ends; 0: it is not one. */
static size_t question_end(const unsigned char *packet, size_t len)
{
    size_t at = HEADER;
    while (at < len && packet[at] != 0)
        at += (size_t)packet[at] + 1;
    return at + 5 <= len ? at + 5 : 0;
}

/* Turns a question into its answer: every name is that of this machine. */
static size_t answer(unsigned char *packet, size_t len)
{
    static const unsigned char record[] = {0xc0, HEADER, 0, TYPE_A, 0,   1, 0, 0,
                                           0,    0,      0, 4,      127, 0, 0, 1};
    static const unsigned char counts[] = {0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0};
    size_t end = question_end(packet, len);
    if (end == 0 || end + sizeof record > PACKET)
        return 0;
    memcpy(packet + 2, counts, sizeof counts);
    if (packet[end - 3] != TYPE_A)
        return end;
    packet[7] = 1;
    memcpy(packet + end, record, sizeof record);
    return end + sizeof record;
}

static _Noreturn void serve(int fd, const atomic_bool *is_silent)
{
    unsigned char packet[PACKET];
    struct sockaddr_in who;
    for (;;) {
        socklen_t who_len = sizeof who;
        ssize_t n = recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *)&who, &who_len);
        size_t len = n > 0 && !atomic_load(is_silent) ? answer(packet, (size_t)n) : 0;
        if (len > 0)
            (void)sendto(fd, packet, len, 0, (struct sockaddr *)&who, who_len);
    }
}

static int listen_at(const char *address)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    (void)inet_pton(AF_INET, address, &own.sin_addr);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&own, sizeof own) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Does the system ask us? */
static bool is_asked(void)
{
    struct addrinfo *found = NULL;
    int code = getaddrinfo(NAMES_REDIS, "6379", NULL, &found);
    if (code == 0)
        freeaddrinfo(found);
    return code == 0;
}

struct names *names_start(void)
{
    char address[ADDRESS];
    const char *why = "no name server of IPv4 in /etc/resolv.conf";
    int fd = -1;
    if (!find_server(address))
        goto fail;
    why = "no network namespace may be made";
    if (unshare(CLONE_NEWNET) != 0)
        goto fail;
    why = "the network cannot be set up";
    if (!set_up_network(address) || (fd = listen_at(address)) < 0)
        goto fail;
    struct names *names = mem_new(sizeof *names);
    names->is_silent = mmap(NULL, sizeof *names->is_silent, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ensure(names->is_silent != MAP_FAILED, "mmap: %s", strerror(errno));
    names->server = fork();
    ensure(names->server >= 0, "fork: %s", strerror(errno));
    if (names->server == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(fd, names->is_silent);
    }
    close(fd);
    if (is_asked())
        return names;
    names_stop(names);
    why = "the system does not ask it";
fail:
    fprintf(stderr, "torture: without a name server of its own: %s\n", why);
    return NULL;
}

void names_stop(struct names *names)
{
    if (names == NULL)
        return;
    (void)kill(names->server, SIGKILL);
    (void)waitpid(names->server, NULL, 0);
    (void)munmap(names->is_silent, sizeof *names->is_silent);
    free(names);
}

void names_set_silent(struct names *names, bool is_silent)
{
    atomic_store(names->is_silent, is_silent);
}
