/* http_server - a small HTTP server on 127.0.0.1, on a port that was free: for tests of handlers
 * that are URLs. In a thread of its own; one connection after another. What it answers:
 *
 *   /echo          200, the body that came, as JSON
 *   /request       200, the whole request, as text
 *   /status/N      N, the text "because N"
 *   /retry-after/N 503 and Retry-After: N
 *   /redirect      302 to /echo
 *   /large/N       200 and so many bytes
 *   /quotes/N      200 and so many of the byte ", each of which JSON writes as two
 *   /once          as /status/200, but the second request of a connection is its end: not answered
 *   /silence       nothing, until the client closes the connection
 *   /close         the connection's end
 *
 * Who speaks TLS to it is told at once that it does not. */
#ifndef DARG_TESTS_SUPPORT_HTTP_SERVER_H
#define DARG_TESTS_SUPPORT_HTTP_SERVER_H

struct http_server;

struct http_server *http_server_start(void);
int http_server_port(const struct http_server *server);
/* How many requests it has received. */
int http_server_requests(struct http_server *server);
void http_server_stop(struct http_server *server);

#endif
