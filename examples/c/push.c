/* Pushes jobs in each of the ways there are:
 *
 *     cc push.c $(pkg-config --cflags --libs darg) -o push
 *     ./push [redis://...] */
#include <darg.h>

#include <stdio.h>

enum { MANY = 1000 };

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, darg_error());
    return 1;
}

/* One, with options, and Redis has it when the call is back. */
static int push_one(struct darg_client *client)
{
    const struct darg_push_options options = {
        .size = sizeof options, .delay_ms = 100, .max_attempts = 3};
    char id[DARG_ID_SIZE];
    if (darg_push(client, "upper", "\"one\"", &options, id) != DARG_OK)
        return fail("one");
    printf("pushed %s\n", id);
    return 0;
}

/* Many in a few exchanges. Those that did not get in could be pushed again. */
static int push_many(struct darg_client *client)
{
    static struct darg_item items[MANY];
    for (size_t i = 0; i < MANY; i++)
        items[i] = (struct darg_item){.type = "upper", .args = "\"many\""};
    if (darg_push_many(client, items, MANY) != DARG_OK)
        return fail("many");
    printf("pushed %d\n", MANY);
    return 0;
}

/* Without waiting for Redis; the flush at the end says whether all went well. */
static int push_later(struct darg_client *client)
{
    for (int i = 0; i < MANY; i++) {
        char args[16];
        snprintf(args, sizeof args, "%d", i);
        if (darg_push_later(client, "echo", args, NULL, NULL) != DARG_OK)
            return fail("later");
    }
    if (darg_flush(client, 10000) != DARG_OK)
        return fail("flush");
    printf("pushed %d later\n", MANY);
    return 0;
}

/* One whose result is wanted. */
static int call(struct darg_client *client)
{
    struct darg_result result;
    enum darg_code code = darg_call(client, "upper", "\"hello\"", NULL, 10000, &result);
    if (code == DARG_OK)
        printf("%s\n", result.text);
    darg_result_free(&result);
    return code == DARG_OK ? 0 : fail("call");
}

int main(int argc, char **argv)
{
    struct darg_options options = {.size = sizeof options};
    struct darg_client *client;
    if (argc > 1)
        options.url = argv[1];
    int failed = darg_open(&options, &client) != DARG_OK && fail("open");
    if (!failed)
        failed = push_one(client) || push_many(client) || push_later(client) || call(client);
    darg_close(client);
    return failed;
}
