/* A worker that has its handler built in, and is darg-worker in all else:
 *
 *     cc worker.c $(pkg-config --cflags --libs darg) -o worker
 *     ./worker --help
 *     ./worker -q default -t 4 --isolate */
#include <darg.h>

#include <ctype.h>
#include <stdlib.h>

static int run_upper(void *state, struct darg_job *job)
{
    (void)state;
    size_t len;
    const char *args = darg_job_args(job, &len);
    char *text = malloc(len);
    if (text == NULL)
        return darg_job_fail(job, "there is no memory");
    for (size_t i = 0; i < len; i++)
        text[i] = (char)toupper((unsigned char)args[i]);
    int outcome = darg_job_done_text(job, text, len);
    free(text);
    return outcome;
}

int main(int argc, char **argv)
{
    const struct darg_handler handlers[] = {{.type = "upper", .run = run_upper}};
    return darg_worker_run(argc, argv, handlers, 1, NULL);
}
