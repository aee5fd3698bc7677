#include "redis/conn_link.h"

#include "base/clock.h"
#include "redis/dial.h"
#include "redis/greeting.h"
#include "redis/local.h"
#include "redis/secret.h"
#include "redis/tls.h"

#include <stdlib.h>
#include <string.h>

enum { CONNECT_TIMEOUT_MS = 5000 };

void conn_link_init(struct conn_link *link, const struct conn_options *options)
{
    struct buf where = {0};
    redis_url_copy(options->url, &link->url);
    redis_url_append_text(&link->url, &where);
    link->where = buf_take(&where);
    link->client_name = mem_dup(options->client_name);
    link->password_file = mem_dup(options->password_file);
    link->tls_ca_file = mem_dup(options->tls_ca_file);
    link->tls_cert_file = mem_dup(options->tls_cert_file);
    link->tls_key_file = mem_dup(options->tls_key_file);
    link->timeout_ms =
        options->connect_timeout_ms > 0 ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS;
}

void conn_link_fini(struct conn_link *link)
{
    resolve_forget(&link->lookup);
    redis_url_fini(&link->url);
    free(link->where);
    free(link->client_name);
    free(link->password_file);
    free(link->tls_ca_file);
    free(link->tls_cert_file);
    free(link->tls_key_file);
}

static enum status dial_local(const struct conn_link *link, struct deadline *deadline, int *fd,
                              struct err *err)
{
    struct buf directory = {0}, socket_path = {0};
    enum status status = local_directory(link->url.path, &directory, err);
    if (status == ST_OK)
        status = local_start(buf_text(&directory), &socket_path, err);
    /* Starting a server has its own time limit. */
    deadline->at_ms = clock_mono_ms() + link->timeout_ms;
    if (status == ST_OK)
        status = dial_unix(buf_text(&socket_path), deadline, fd, err);
    buf_fini(&socket_path);
    buf_fini(&directory);
    return status;
}

static enum status dial_host(struct conn_link *link, const struct deadline *deadline, int *fd,
                             struct err *err)
{
    struct addrinfo *list = NULL;
    enum status status =
        resolve(&link->lookup, link->url.host, link->url.port, deadline, &list, err);
    if (status != ST_OK)
        return status;
    status = dial_tcp(list, deadline, fd, err);
    freeaddrinfo(list);
    return status;
}

static enum status dial(struct conn_link *link, struct deadline *deadline, int *fd, struct err *err)
{
    if (link->url.transport == REDIS_TCP)
        return dial_host(link, deadline, fd, err);
    if (link->url.transport == REDIS_UNIX)
        return dial_unix(link->url.path, deadline, fd, err);
    return dial_local(link, deadline, fd, err);
}

/* *is_at_name: it failed at CLIENT SETNAME. */
static enum status make(struct conn_link *link, struct deadline *deadline, const char *name,
                        struct wire **wire, bool *is_at_name, struct err *err)
{
    int fd = -1;
    enum status status = dial(link, deadline, &fd, err);
    if (status != ST_OK)
        return status;
    const struct tls_options tls = {.ca_file = link->tls_ca_file,
                                    .cert_file = link->tls_cert_file,
                                    .key_file = link->tls_key_file,
                                    .server_name = link->url.host};
    status = wire_open(fd, link->url.tls ? &tls : NULL, deadline, wire, err);
    if (status != ST_OK)
        return status;
    const struct greeting greeting = {.url = &link->url,
                                      .where = link->where,
                                      .client_name = name,
                                      .deadline_ms = deadline->at_ms};
    status = greeting_exchange(*wire, &greeting, is_at_name, err);
    if (status != ST_OK) {
        wire_close(*wire, true);
        *wire = NULL;
    }
    return status;
}

/* Reads the password file. If that fails, the previous password is still the best guess; *unread
 * then says why, in case it is refused. */
static void read_password(struct conn_link *link, struct err *unread)
{
    char *password = NULL;
    if (link->password_file == NULL ||
        secret_read_password(link->password_file, false, &password, unread) != ST_OK)
        return;
    if (link->url.password != NULL)
        explicit_bzero(link->url.password, strlen(link->url.password));
    free(link->url.password);
    link->url.password = password;
}

enum status conn_link_make(struct conn_link *link, struct wire **wire, struct err *err)
{
    struct deadline deadline = {clock_mono_ms() + link->timeout_ms, &link->limit_ms};
    struct err unread = {0};
    bool is_at_name = false;
    const char *name = link->is_nameless ? NULL : link->client_name;
    read_password(link, &unread);
    enum status status = make(link, &deadline, name, wire, &is_at_name, err);
    if (status == ST_LOST_REPLY && is_at_name && deadline_left_ms(&deadline) > 0) {
        status = make(link, &deadline, NULL, wire, &is_at_name, err);
        link->is_nameless = status == ST_OK;
    }
    if (status == ST_NOAUTH && unread.status != ST_OK) {
        struct err refusal = *err;
        return err_set(err, status, "%s (%s)", err_text(&refusal), err_text(&unread));
    }
    return status;
}
