#include "support/asleep.h"

#include "base/err.h"
#include "support/wait.h"

#include <stdio.h>
#include <string.h>

enum { DEADLINE_MS = 20000, LOOKS = 3 };

struct looks {
    _Atomic pid_t *threads;
    size_t count;
    int asleep; /* checks in a row that found all of them asleep */
};

static char state_of(pid_t thread)
{
    char path[64], line[256] = "";
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    const char *read = fgets(line, sizeof line, file);
    (void)fclose(file);
    const char *end = read == NULL ? NULL : strrchr(line, ')');
    return end == NULL || end[1] == 0 ? 0 : end[2];
}

static bool all_sleep(void *context)
{
    struct looks *looks = context;
    for (size_t i = 0; i < looks->count; i++)
        if (looks->threads[i] == 0 || state_of(looks->threads[i]) != 'S') {
            looks->asleep = 0;
            return false;
        }
    return ++looks->asleep == LOOKS;
}

void asleep_wait(_Atomic pid_t *threads, size_t count)
{
    struct looks looks = {.threads = threads, .count = count};
    ensure(wait_until(all_sleep, &looks, DEADLINE_MS), "%zu threads do not sleep", count);
}
