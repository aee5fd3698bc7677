/* post - sends a job to a URL by HTTP POST and returns the response (libcurl).
 *
 * One link is kept open from job to job. The server's certificate and name are checked. Redirects
 * are not followed, so no response can send a job elsewhere. One thread only. */
#ifndef DARG_HANDLERS_HTTP_POST_H
#define DARG_HANDLERS_HTTP_POST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct post;

/* `url` must be http:// or https://, without user or password, which the list of processes would
 * show; otherwise ST_INVALID with a sentence. `ca` is a file with the CA certificates to trust, and
 * no others; NULL: the system's. If it cannot be read, each post fails with a clear error. Free
 * with post_close(). */
MUST_CHECK enum status post_open(const char *url, const char *ca, struct post **opened,
                                 struct err *err);
void post_close(struct post *post); /* NULL is fine */

struct post_job {
    /* Any bytes: percent-encoded where a header cannot contain them. */
    struct slice id, type, queue;
    struct slice run, attempt; /* decimal digits */
    struct slice args;         /* JSON: the body */
    int64_t timeout_ms;        /* 0: none */
};

struct post_answer {
    long code;              /* HTTP status; 0: there was no response, and error says why */
    struct buf body;        /* up to max_body bytes; the caller frees it with buf_fini() */
    bool is_json;           /* according to the response's header */
    bool is_cut;            /* the body was longer */
    int64_t retry_after_ms; /* -1: the response does not say */
    char error[256];
};

/* Blocks until the response has come or the time is up. Clears the buffer of *answer first. */
void post_send(struct post *post, const struct post_job *job, int64_t max_body,
               struct post_answer *answer);

#endif
