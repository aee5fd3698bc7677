#include "handlers/http/post.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    CONNECT_TIMEOUT_S = 30,
    RETRY_AFTER_MAX_S = 86400,
    /* Many servers close an idle link after five seconds: open a new one rather than race with
       that. */
    IDLE_MAX_S = 4,
};

struct post {
    CURL *easy;
    char *url;
    int64_t max_body;           /* of the response that is awaited */
    struct post_answer *answer; /* likewise */
    struct slice body;          /* what is sent */
    size_t sent;                /* bytes of it that libcurl has taken */
    char words[CURL_ERROR_SIZE];
};

/* ---- the URL ---- */

static enum status check_parts(CURLU *parts, const char *url, struct err *err)
{
    char *scheme = NULL, *user = NULL, *password = NULL;
    enum status status = ST_OK;
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, url, 0);
    if (code != CURLUE_OK)
        return err_set(err, ST_INVALID, "'%.80s' is not a URL: %s", url, curl_url_strerror(code));
    (void)curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
    (void)curl_url_get(parts, CURLUPART_USER, &user, 0);
    (void)curl_url_get(parts, CURLUPART_PASSWORD, &password, 0);
    if (scheme == NULL || (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
        status = err_set(err, ST_INVALID, "the URL must begin with https:// or http://");
    else if (user != NULL || password != NULL)
        status = err_set(
            err, ST_INVALID,
            "a user or password in the URL would be visible to everyone who can list processes");
    curl_free(scheme);
    curl_free(user);
    curl_free(password);
    return status;
}

static enum status check_url(const char *url, struct err *err)
{
    CURLU *parts = curl_url();
    ensure(parts != NULL, "out of memory");
    enum status status = check_parts(parts, url, err);
    curl_url_cleanup(parts);
    return status;
}

/* ---- what comes back ---- */

/* A curl_write_callback. A body larger than allowed ends the transfer. */
static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    const struct post *post = context;
    struct post_answer *answer = post->answer;
    size_t len = size * count, room = (size_t)post->max_body - answer->body.len;
    answer->is_cut = len > room;
    buf_append(&answer->body, bytes, answer->is_cut ? room : len);
    return answer->is_cut ? 0 : len;
}

/* ---- what goes out ---- */

/* A curl_read_callback. */
static size_t give_body(char *bytes, size_t size, size_t count, void *context)
{
    struct post *post = context;
    size_t left = post->body.len - post->sent;
    size_t len = size * count < left ? size * count : left;
    memcpy(bytes, post->body.ptr + post->sent, len);
    post->sent += len;
    return len;
}

/* A curl_seek_callback. libcurl goes back to the start if a reused link turns out to be closed, to
 * send everything again on a new one. Refused, because the server may have acted on the first
 * request: whether to try again is for the worker to decide, as another attempt with a new run
 * number. */
static int refuse_again(void *context, curl_off_t offset, int origin)
{
    const struct post *post = context;
    bool is_start = origin == SEEK_SET && offset == 0;
    return is_start && post->sent == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static void read_answer(const struct post *post, CURLcode code, struct post_answer *answer)
{
    const char *type = NULL;
    curl_off_t seconds = 0;
    (void)curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &answer->code);
    (void)curl_easy_getinfo(post->easy, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(post->easy, CURLINFO_RETRY_AFTER, &seconds);
    answer->is_json = type != NULL && strncasecmp(type, "application/json", 16) == 0;
    if (seconds > 0)
        answer->retry_after_ms =
            1000 * (int64_t)(seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S);
    if (code == CURLE_OK || answer->is_cut)
        return;
    const char *words = post->words[0] != '\0' ? post->words : curl_easy_strerror(code);
    if (code == CURLE_SEND_FAIL_REWIND)
        words = "the server closed the connection instead of answering";
    answer->code = 0;
    (void)snprintf(answer->error, sizeof answer->error, "%s", words);
}

/* ---- what is sent ---- */

/* Adds a header, with everything encoded that could end it. */
static struct curl_slist *add_header(struct curl_slist *list, const char *name, struct slice value)
{
    struct buf line = {0};
    buf_printf(&line, "%s: ", name);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c > ' ' && c < 0x7f && c != '%')
            buf_append_char(&line, (char)c);
        else
            buf_printf(&line, "%%%02X", (unsigned)c);
    }
    struct curl_slist *longer = curl_slist_append(list, buf_text(&line));
    ensure(longer != NULL, "out of memory");
    buf_fini(&line);
    return longer;
}

static struct curl_slist *make_headers(const struct post_job *job)
{
    struct curl_slist *list = NULL;
    list = add_header(list, "Content-Type", slice_of("application/json"));
    list = add_header(list, "Idempotency-Key", job->id);
    list = add_header(list, "Darg-Job-Id", job->id);
    list = add_header(list, "Darg-Job-Type", job->type);
    list = add_header(list, "Darg-Job-Queue", job->queue);
    list = add_header(list, "Darg-Job-Run", job->run);
    list = add_header(list, "Darg-Job-Attempt", job->attempt);
    /* Without this, libcurl would pause before larger bodies, waiting for "100 Continue". */
    list = curl_slist_append(list, "Expect:");
    ensure(list != NULL, "out of memory");
    return list;
}

/* Fails only if this libcurl does not know an option, and all of these are old. */
#define SET(post, option, value)                                                                   \
    ensure(curl_easy_setopt((post)->easy, (option), (value)) == CURLE_OK,                          \
           "libcurl refuses " #option)

void post_send(struct post *post, const struct post_job *job, int64_t max_body,
               struct post_answer *answer)
{
    buf_clear(&answer->body);
    answer->code = 0;
    answer->is_json = answer->is_cut = false;
    answer->retry_after_ms = -1;
    answer->error[0] = post->words[0] = '\0';
    post->answer = answer;
    post->max_body = max_body;
    struct curl_slist *headers = make_headers(job);
    SET(post, CURLOPT_HTTPHEADER, headers);
    post->body = job->args;
    post->sent = 0;
    SET(post, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)job->args.len);
    SET(post, CURLOPT_TIMEOUT_MS, (long)job->timeout_ms);
    read_answer(post, curl_easy_perform(post->easy), answer);
    SET(post, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    post->answer = NULL;
}

/* ---- its life ---- */

/* Since 7.87 libcurl caches the CA certificates for a day, if the TLS library supports it. Without
 * the cache a replaced file applies from the next link on. */
static void read_authorities_each_time(struct post *post)
{
#if LIBCURL_VERSION_NUM >= 0x075700
    (void)curl_easy_setopt(post->easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#else
    (void)post;
#endif
}

/* Given a CA file, libcurl still also trusts the system's folder of CAs unless told not to. */
static void trust_only(struct post *post, const char *ca)
{
    SET(post, CURLOPT_CAINFO, ca);
    SET(post, CURLOPT_CAPATH, NULL);
}

enum status post_open(const char *url, const char *ca, struct post **opened, struct err *err)
{
    *opened = NULL;
    enum status status = check_url(url, err);
    if (status != ST_OK)
        return status;
    ensure(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "libcurl does not start");
    struct post *post = mem_new(sizeof *post);
    post->url = mem_dup(url);
    post->easy = curl_easy_init();
    ensure(post->easy != NULL, "out of memory");
    SET(post, CURLOPT_URL, post->url);
    SET(post, CURLOPT_POST, 1L);
    SET(post, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(post, CURLOPT_FOLLOWLOCATION, 0L);
    SET(post, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(post, CURLOPT_SSL_VERIFYHOST, 2L);
    read_authorities_each_time(post);
    if (ca != NULL)
        trust_only(post, ca);
    SET(post, CURLOPT_NOSIGNAL, 1L);
    SET(post, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(post, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    SET(post, CURLOPT_USERAGENT, "darg/" DARG_VERSION);
    SET(post, CURLOPT_ERRORBUFFER, post->words);
    SET(post, CURLOPT_WRITEFUNCTION, take_body);
    SET(post, CURLOPT_WRITEDATA, post);
    SET(post, CURLOPT_READFUNCTION, give_body);
    SET(post, CURLOPT_READDATA, post);
    SET(post, CURLOPT_SEEKFUNCTION, refuse_again);
    SET(post, CURLOPT_SEEKDATA, post);
    SET(post, CURLOPT_MAXAGE_CONN, (long)IDLE_MAX_S);
    *opened = post;
    return ST_OK;
}

void post_close(struct post *post)
{
    if (post == NULL)
        return;
    curl_easy_cleanup(post->easy);
    free(post->url);
    free(post);
    curl_global_cleanup();
}
