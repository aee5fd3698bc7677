#include "fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "redis/wire.h"

/* As many as a socket takes without being read from. */
enum { BYTES_MAX = 4096, PIECES_MAX = 32, REPLIES_MAX = BYTES_MAX };

/* A socket on which the bytes wait, piece by piece (each read gives one), and then the end. */
static int serve(struct slice bytes, size_t pieces)
{
    int pair[2];
    ensure(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "no sockets");
    ensure(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0, "no O_NONBLOCK");
    size_t each = bytes.len / pieces + 1;
    for (size_t at = 0; at < bytes.len; at += each) {
        struct slice rest = fuzz_rest(bytes, at);
        size_t len = rest.len < each ? rest.len : each;
        ensure(send(pair[1], rest.ptr, len, 0) == (ssize_t)len, "a piece was not taken");
    }
    close(pair[1]);
    return pair[0];
}

/* What the accessors say of a reply, as text. The elements of a huge array are looked at here and
 * there. */
static void describe(const struct reply *reply, struct buf *out)
{
    struct slice text = reply_slice(reply), error = reply_error(reply);
    int kinds = reply_is_nil(reply) + reply_is_array(reply) + reply_is_string(reply) +
                reply_is_int(reply) + (error.ptr != NULL);
    ensure(kinds <= 1, "a reply of %d kinds", kinds);
    ensure(reply_is_array(reply) || reply_count(reply) == 0, "elements of what is no array");
    buf_printf(out, "%d%d%d%d:%lld:", reply_is_nil(reply), reply_is_array(reply),
               reply_is_string(reply), reply_is_int(reply), (long long)reply_int(reply, -7));
    buf_append_slice(out, text);
    buf_append_slice(out, error);
    size_t count = reply_count(reply);
    buf_printf(out, "[%zu:", count);
    size_t step = count > REPLIES_MAX ? count / 16 : 1;
    for (size_t i = 0; i < count; i += step)
        describe(reply_at(reply, i), out);
    ensure(reply_at(reply, count) == NULL, "an element behind the last");
    buf_append_char(out, ']');
}

static void read_all(struct slice bytes, size_t pieces, struct buf *out)
{
    struct wire *wire = NULL;
    struct err err = {0};
    enum status status =
        wire_open(serve(bytes, pieces), NULL, &(struct deadline){0, NULL}, &wire, &err);
    ensure(status == ST_OK, "%s", err_text(&err));
    size_t count = 0;
    for (;; count++) {
        struct reply *reply = NULL;
        status = wire_get(wire, clock_mono_ms() + 60000, &reply, &err);
        if (status != ST_OK)
            break;
        describe(reply, out);
        reply_free(reply);
    }
    ensure(status == ST_LOST_REPLY || status == ST_PROTOCOL, "%s", status_name(status));
    ensure(err.text[0], "%s without a sentence", status_name(status));
    ensure(count <= bytes.len, "%zu replies from %zu bytes", count, bytes.len);
    buf_printf(out, "%s", status_name(status));
    wire_close(wire, false);
}

void fuzz_reply(const uint8_t *data, size_t size)
{
    struct slice bytes = fuzz_rest(fuzz_slice(data, size), 1);
    if (size == 0 || bytes.len > BYTES_MAX)
        return;
    struct buf whole = {0}, pieces = {0};
    read_all(bytes, 1, &whole);
    read_all(bytes, data[0] % PIECES_MAX + 1, &pieces);
    ensure(slice_equal(buf_slice(&whole), buf_slice(&pieces)), "read at once: %s\nin pieces: %s",
           buf_text(&whole), buf_text(&pieces));
    buf_fini(&whole);
    buf_fini(&pieces);
}
