#include "redis/request.h"

void request_fini(struct request *request)
{
    buf_fini(&request->body);
    request->count = 0;
}

void request_clear(struct request *request)
{
    buf_clear(&request->body);
    request->count = 0;
}

void request_add(struct request *request, struct slice argument)
{
    struct buf *body = &request->body;
    buf_reserve(body, argument.len + INT_TEXT_MAX + 5);
    buf_append_char(body, '$');
    buf_append_int(body, (int64_t)argument.len);
    buf_append(body, "\r\n", 2);
    buf_append_slice(body, argument);
    buf_append(body, "\r\n", 2);
    request->count++;
}

void request_add_text(struct request *request, const char *argument)
{
    request_add(request, slice_of(argument));
}

void request_add_int(struct request *request, int64_t argument)
{
    char space[INT_TEXT_MAX];
    request_add(request, slice_of_int(argument, space));
}

void request_add_all(struct request *request, const struct request *more)
{
    if (more == NULL)
        return;
    buf_append_slice(&request->body, buf_slice(&more->body));
    request->count += more->count;
}
