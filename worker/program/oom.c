#include "worker/program/oom.h"

#include <stdio.h>
#include <string.h>

#include "base/parse.h"

int64_t oom_kills(void)
{
    static const char name[] = "oom_kill ";
    char line[128];
    int64_t kills = -1;
    FILE *file = fopen("/proc/vmstat", "re");
    while (file && kills < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            (void)parse_digits(slice_of(line + strlen(name)), 18, &kills);
    if (file)
        (void)fclose(file);
    return kills;
}
