/* Raw system calls instead of setgroups(), setresgid() and setresuid(): glibc's functions make all
 * threads change together, and after vfork() the threads that it knows of are the worker's. */
#include "worker/program/confine.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* On machines where ids once had 16 bits, the plain names are the calls that still have. */
#ifdef SYS_setresuid32
#define CALL_SETRESUID SYS_setresuid32
#define CALL_SETRESGID SYS_setresgid32
#define CALL_SETGROUPS SYS_setgroups32
#else
#define CALL_SETRESUID SYS_setresuid
#define CALL_SETRESGID SYS_setresgid
#define CALL_SETGROUPS SYS_setgroups
#endif

enum { CPU_GRACE_S = 2 }; /* seconds from SIGXCPU, which can be caught, to SIGKILL */

static const char *const names[LIMIT_NUMBERS] = {
    [LIMIT_CPU] = "cpu",
    [LIMIT_MEMORY] = "memory",
    [LIMIT_FILES] = "files",
    [LIMIT_PROCESSES] = "processes",
    [LIMIT_FILE_SIZE] = "file-size",
    [LIMIT_CORE] = "core",
};

static bool fail(struct confine_failure *failure, const char *what, const char *name)
{
    *failure = (struct confine_failure){what, name, errno};
    return false;
}

/* Sets hard and soft limit alike, so the program cannot raise it again. Processor time is
 * different: the hard limit is higher, so that SIGXCPU comes before SIGKILL, and for a persistent
 * process it stays as high as it may be, since the soft limit is raised for each job. */
static bool set_limit(enum limit_number number, rlim_t value, bool is_lasting)
{
    unsigned resource = (unsigned)limits_resource(number);
    struct rlimit limit = {value, value};
    struct rlimit before;
    if (number == LIMIT_CPU && getrlimit(resource, &before) == 0) {
        rlim_t hard = is_lasting ? RLIM_INFINITY : value + CPU_GRACE_S;
        hard = hard < before.rlim_max ? hard : before.rlim_max;
        limit.rlim_max = hard > value ? hard : value;
    }
    return setrlimit(resource, &limit) == 0;
}

/* The worker may have raised its own soft limit; programs that use select() break with descriptors
 * of 1,024 and above. Lowering cannot be refused. */
static void set_files(int64_t files)
{
    struct rlimit limit;
    if (files <= 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= (rlim_t)files)
        return;
    limit.rlim_cur = (rlim_t)files;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool set_limits(const struct limits *limits, const struct confine_how *how,
                       struct confine_failure *failure)
{
    if (!limits_have(limits, LIMIT_FILES))
        set_files(how->files);
    for (enum limit_number number = 0; number < LIMIT_NUMBERS; number++) {
        bool is_default = number == LIMIT_CORE && !limits_have(limits, number);
        if (limits_resource(number) < 0 || (!is_default && !limits_have(limits, number)))
            continue;
        if (number == LIMIT_PROCESSES && how->are_processes_kept)
            continue;
        rlim_t value = is_default ? 0 : (rlim_t)limits->numbers[number];
        if (!set_limit(number, value, how->is_lasting))
            return fail(failure, "set the limit", names[number]);
    }
    return true;
}

/* Groups before the user: a process that is no longer root cannot change its groups. After vfork()
 * the memory is still the worker's, now shared by two users, so the kernel no longer dumps its
 * core. */
static bool become(const struct limits *limits, struct confine_failure *failure)
{
    if (!limits->user && !limits->group)
        return true;
    if (syscall(CALL_SETGROUPS, limits->group_count, limits->groups) != 0 ||
        syscall(CALL_SETRESGID, limits->gid, limits->gid, limits->gid) != 0)
        return fail(failure, "enter the group of", limits->group ? limits->group : limits->user);
    if (limits->user && syscall(CALL_SETRESUID, limits->uid, limits->uid, limits->uid) != 0)
        return fail(failure, "become user", limits->user);
    return true;
}

bool confine(const struct limits *limits, const struct confine_how *how,
             struct confine_failure *failure)
{
    if (!set_limits(limits, how, failure))
        return false;
    if (!limits)
        return true;
    if (!become(limits, failure))
        return false;
    if (limits->directory && chdir(limits->directory) != 0)
        return fail(failure, "enter the directory", limits->directory);
    return true;
}
