#include "worker/program/cgroup_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"

enum { DEPTH_MAX = 32 }; /* of groups that a job has made inside its own */

int cgroup_open(int directory, const char *name)
{
    return openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool cgroup_put(int directory, const char *file, const char *text)
{
    int fd = openat(directory, file, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t put = write(fd, text, strlen(text));
    int why = errno;
    close(fd);
    errno = why;
    return put >= 0;
}

bool cgroup_put_number(int directory, const char *file, int64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, number);
    return cgroup_put(directory, file, text);
}

bool cgroup_get(int directory, const char *file, char text[CGROUP_TEXT_MAX])
{
    text[0] = 0;
    int fd = openat(directory, file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, CGROUP_TEXT_MAX - 1);
    int why = errno;
    close(fd);
    errno = why;
    text[got > 0 ? got : 0] = 0;
    return got >= 0;
}

int64_t cgroup_number(const char *text, const char *word)
{
    size_t len = strlen(word);
    int64_t number = -1;
    const char *line = text;
    while (line && !(strncmp(line, word, len) == 0 && line[len] == ' ')) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    if (line)
        (void)parse_digits(slice_of(line + len + 1), 18, &number);
    return number;
}

bool cgroup_is_populated(int directory)
{
    char text[CGROUP_TEXT_MAX];
    return cgroup_get(directory, "cgroup.events", text) && cgroup_number(text, "populated") > 0;
}

/* ---- the end ---- */

/* The kernel signals that the file has changed since it was last read by POLLPRI. So it is read
 * first, then checked, then polled: a change in between is not missed. */
static bool await_empty(int directory, int64_t until_ms)
{
    char text[CGROUP_TEXT_MAX];
    int fd = openat(directory, "cgroup.events", O_RDONLY | O_CLOEXEC);
    bool is_empty = false;
    while (fd >= 0) {
        int64_t left_ms = until_ms - clock_mono_ms();
        struct pollfd change = {.fd = fd, .events = POLLPRI};
        ssize_t ignored = pread(fd, text, sizeof text, 0);
        (void)ignored;
        is_empty = !cgroup_is_populated(directory);
        if (is_empty || left_ms <= 0)
            break;
        (void)poll(&change, 1, (int)left_ms);
    }
    if (fd >= 0)
        close(fd);
    return is_empty;
}

bool cgroup_make_end(int directory, int64_t until_ms)
{
    if (!cgroup_is_populated(directory))
        return true;
    (void)cgroup_put(directory, "cgroup.kill", "1");
    return await_empty(directory, until_ms);
}

/* Removes the groups inside the open one, and closes that. Recursion, not nftw(): it works relative
 * to a descriptor, so no path can be exchanged meanwhile. */
static void remove_inner(int directory, int depth)
{
    DIR *listing = fdopendir(directory);
    if (!listing) {
        close(directory);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(listing));) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        int inner = depth < DEPTH_MAX ? cgroup_open(dirfd(listing), entry->d_name) : -1;
        if (inner >= 0)
            remove_inner(inner, depth + 1);
        (void)unlinkat(dirfd(listing), entry->d_name, AT_REMOVEDIR);
    }
    closedir(listing);
}

bool cgroup_remove(int directory, const char *name)
{
    if (unlinkat(directory, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return true;
    int group = cgroup_open(directory, name);
    if (group >= 0)
        remove_inner(group, 0);
    return unlinkat(directory, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}
