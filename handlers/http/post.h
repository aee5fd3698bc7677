/* post - sends a job to a URL by HTTP POST and says what came back (libcurl).
 *
 * One link is kept open from job to job. The server's certificate and name are checked; redirects
 * are not followed, so no answer can lead to another place. One thread only. */
#ifndef DARG_HANDLERS_HTTP_POST_H
#define DARG_HANDLERS_HTTP_POST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct post;

/* `url` is checked: http:// or https://, without a user or password, which the list of processes
 * would show. ST_INVALID with a sentence otherwise. `ca` is a file with the certificates of the
 * authorities to trust, and of no others; NULL: the system's. One that cannot be read fails each
 * post, in words. post_close() it. */
MUST_CHECK enum status post_open(const char *url, const char *ca, struct post **opened,
                                 struct err *err);
void post_close(struct post *post); /* NULL is fine */

struct post_job {
    struct slice id, type, queue; /* any bytes: percent-encoded where a header cannot hold them */
    struct slice run, attempt;    /* decimal digits */
    struct slice args;            /* JSON: the body */
    int64_t timeout_ms;           /* 0: none */
};

struct post_answer {
    long code;              /* of HTTP; 0: there was none, and error says why */
    struct buf body;        /* up to max_body bytes; the owner's to buf_fini() */
    bool is_json;           /* so the answer's header says */
    bool is_cut;            /* the body was longer */
    int64_t retry_after_ms; /* -1: the answer does not say */
    char error[256];
};

/* Blocks until the answer is there or the time is up. The answer's buffer is cleared first. */
void post_send(struct post *post, const struct post_job *job, int64_t max_body,
               struct post_answer *answer);

#endif
