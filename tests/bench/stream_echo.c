/* stream_echo: a persistent handler that does nothing but answer each job: what remains is the cost
 * of handing it over. Finds the id by its place in the line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static const char behind_id[] = ",\"type\":";

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    ensure(getline(&line, &capacity, stdin) > 0, "there is no hello");
    while (getline(&line, &capacity, stdin) > 0) {
        const char *end = strstr(line, behind_id);
        ensure(end, "this is no job: %s", line);
        printf("%.*s,\"done\":null}\n", (int)(end - line), line);
        fflush(stdout);
    }
    free(line);
    return 0;
}
