/* TLS by OpenSSL under hiredis. The SSL object is made here and not by
 * redisInitiateSSLWithContext(), because that checks the certificate's chain but not its name. */
#include "redis/tls.h"

#include "base/buf.h"

#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <poll.h>
#include <stdlib.h>

bool tls_is_supported(void)
{
    return true;
}

/* The reason for OpenSSL's latest error, or `fallback` if it gives none. */
static const char *reason(const char *fallback)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text == NULL ? fallback : text;
}

static enum status load_files(SSL_CTX *ssl_context, const struct tls_options *options,
                              struct err *err)
{
    if (options->ca_file == NULL) {
        if (SSL_CTX_set_default_verify_paths(ssl_context) != 1)
            return err_set(err, ST_SYSTEM, "cannot load the system's TLS certificates: %s",
                           reason("unknown error"));
    } else if (SSL_CTX_load_verify_locations(ssl_context, options->ca_file, NULL) != 1) {
        return err_set(err, ST_INVALID, "cannot load the TLS CA file %s: %s", options->ca_file,
                       reason("unknown error"));
    }
    if (options->cert_file == NULL)
        return ST_OK;
    if (SSL_CTX_use_certificate_chain_file(ssl_context, options->cert_file) != 1)
        return err_set(err, ST_INVALID, "cannot load the TLS certificate file %s: %s",
                       options->cert_file, reason("unknown error"));
    const char *key_file = options->key_file == NULL ? options->cert_file : options->key_file;
    if (SSL_CTX_use_PrivateKey_file(ssl_context, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ssl_context) != 1)
        return err_set(err, ST_INVALID, "cannot use the TLS key file %s: %s", key_file,
                       reason("unknown error"));
    return ST_OK;
}

static bool is_address(const char *name)
{
    unsigned char parsed[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, parsed) == 1 || inet_pton(AF_INET6, name, parsed) == 1;
}

/* The certificate must be for the name that was dialled. SNI may carry names only, not
 * addresses. */
static bool expect_name(SSL *ssl, const char *name)
{
    if (is_address(name))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    char *copy = mem_dup(name); /* OpenSSL's macro wants it writable */
    bool is_set = SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, copy) == 1;
    free(copy);
    return is_set;
}

/* Waits until the handshake can continue. False: the time is up. */
static bool await_peer(const redisContext *context, SSL *ssl, int result,
                       const struct deadline *deadline)
{
    bool wants_write = SSL_get_error(ssl, result) == SSL_ERROR_WANT_WRITE;
    struct pollfd item = {.fd = context->fd, .events = wants_write ? POLLOUT : POLLIN};
    while (deadline_left_ms(deadline) > 0)
        if (poll(&item, 1, deadline_slice_ms(deadline)) > 0)
            return true;
    return false;
}

static bool is_waiting(const SSL *ssl, int result)
{
    int error = SSL_get_error(ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static enum status refuse(const redisContext *context, const SSL *ssl, struct err *err)
{
    long verdict = SSL_get_verify_result(ssl);
    const char *fallback = context->err != 0 ? context->errstr : "the server aborted it";
    return err_set(err, ST_UNREACHABLE, "TLS: %s",
                   verdict != X509_V_OK ? X509_verify_cert_error_string(verdict)
                                        : reason(fallback));
}

/* hiredis begins the handshake, and from then on owns ssl. */
static enum status handshake(redisContext *context, SSL *ssl, const struct deadline *deadline,
                             struct err *err)
{
    if (redisInitiateSSL(context, ssl) != REDIS_OK) {
        enum status status = refuse(context, ssl, err);
        SSL_free(ssl);
        return status;
    }
    for (;;) {
        ERR_clear_error();
        int result = SSL_do_handshake(ssl);
        if (result == 1)
            return ST_OK;
        if (!is_waiting(ssl, result))
            return refuse(context, ssl, err);
        if (!await_peer(context, ssl, result, deadline))
            return err_set(err, ST_UNREACHABLE, "TLS: no answer in time");
    }
}

enum status tls_start(struct redisContext *context, const struct tls_options *options,
                      const struct deadline *deadline, struct err *err)
{
    ERR_clear_error();
    SSL *ssl = NULL;
    SSL_CTX *ssl_context = SSL_CTX_new(TLS_client_method());
    ensure(ssl_context != NULL, "OpenSSL cannot make a context: %s", reason("no reason given"));
    SSL_CTX_set_verify(ssl_context, SSL_VERIFY_PEER, NULL);
    enum status status = ST_UNSUPPORTED;
    if (SSL_CTX_set_min_proto_version(ssl_context, TLS1_2_VERSION) != 1) {
        status = err_set(err, ST_UNSUPPORTED, "TLS 1.2 is not supported");
        goto out;
    }
    status = load_files(ssl_context, options, err);
    if (status != ST_OK)
        goto out;
    ssl = SSL_new(ssl_context);
    ensure(ssl != NULL, "OpenSSL cannot make a connection: %s", reason("no reason given"));
    if (!expect_name(ssl, options->server_name)) {
        SSL_free(ssl);
        status =
            err_set(err, ST_INVALID, "TLS cannot check the host name %s", options->server_name);
        goto out;
    }
    status = handshake(context, ssl, deadline, err);
out:
    SSL_CTX_free(ssl_context); /* ssl has its own reference */
    return status;
}
