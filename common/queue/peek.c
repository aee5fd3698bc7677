#include "queue/peek.h"

#include "queue/place.h"

enum {
    PAGE_FIRST = 10,      /* elements; one may be a mebibyte */
    PAGE_BYTES = 1 << 20, /* of a page, about */
};

/* Reads `count` elements of a list from the `from`th on, counted from the next in line, which is
 * the last one in the list, and in the reply. */
static enum status read_page(struct conn *conn, const char *list, int64_t from, int64_t count,
                             struct reply **page, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, "LRANGE");
    request_add_text(&request, list);
    request_add_int(&request, -from - count);
    request_add_int(&request, -from - 1);
    enum status status = conn_call(conn, &request, page, err);
    request_fini(&request);
    return status;
}

static enum status show_page(struct peek *peek, const struct reply *page, size_t *bytes,
                             struct err *err)
{
    enum status status = ST_OK;
    for (size_t i = reply_count(page); status == ST_OK && i-- > 0;) {
        struct slice element = reply_slice(reply_at(page, i));
        *bytes += element.len;
        peek->shown++;
        status = peek->visit(peek->context, element, err);
    }
    return status;
}

/* As many as come to about PAGE_BYTES, judging by those already read. */
static int64_t next_page(int64_t count, size_t bytes)
{
    return 1 + PAGE_BYTES / (int64_t)(bytes / (size_t)count + 1);
}

static enum status peek_list(struct conn *conn, const char *list, struct peek *peek,
                             struct err *err)
{
    enum status status = ST_OK;
    int64_t from = 0, page_size = PAGE_FIRST, count = 1;
    while (status == ST_OK && count > 0 && peek->shown < peek->count) {
        struct reply *page = NULL;
        int64_t left = peek->count - peek->shown;
        size_t bytes = 0;
        status = read_page(conn, list, from, left < page_size ? left : page_size, &page, err);
        count = (int64_t)reply_count(page);
        if (status == ST_OK)
            status = show_page(peek, page, &bytes, err);
        from += count;
        page_size = count > 0 ? next_page(count, bytes) : page_size;
        reply_free(page);
    }
    return status;
}

/* A job gets nearer to a worker from place to place, so the last place holds the next ones. */
enum status peek_run(struct conn *conn, const struct queue *queue, struct peek *peek,
                     struct err *err)
{
    enum status status = ST_OK;
    size_t i = 0;
    peek->shown = 0;
    while (place_at(i) != NULL)
        i++;
    while (status == ST_OK && i-- > 0) {
        const struct place *place = place_at(i);
        if (place->state == PLACE_WAITING && place->kind == PLACE_LIST)
            status = peek_list(conn, place_key(place, queue), peek, err);
    }
    return status;
}
