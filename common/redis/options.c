#include "redis/options.h"

#include "redis/secret.h"

const struct option_row redis_option_rows[] = {
    {.name = "redis",
     .letter = 'r',
     OPTION_FIELD(OPT_URL, struct redis_options, url),
     .value_name = "URL",
     .default_text = REDIS_DEFAULT_URL,
     .environment = "DARG_REDIS_URL REDIS_URL",
     .help = "redis[s]://[user[:password]@]host[:port][/db], unix:///path or local:[dir]; also "
             "$DARG_REDIS_URL, $REDIS_URL"},
    {.name = "redis-password-file",
     OPTION_FIELD(OPT_STRING, struct redis_options, password_file),
     .value_name = "FILE",
     .help = "read the password from the first line of FILE, for each connection"},
    {.name = "tls-ca",
     OPTION_FIELD(OPT_STRING, struct redis_options, ca_file),
     .value_name = "FILE",
     .help = "certificate authorities to trust, for rediss://"},
    {.name = "tls-cert",
     OPTION_FIELD(OPT_STRING, struct redis_options, cert_file),
     .value_name = "FILE",
     .help = "client certificate, for rediss://"},
    {.name = "tls-key",
     OPTION_FIELD(OPT_STRING, struct redis_options, key_file),
     .value_name = "FILE",
     .help = "private key of the client certificate"},
    OPTIONS_END,
};

enum status redis_options_read(const struct redis_options *given,
                               const struct options_record *record, struct redis_url *url,
                               struct conn_options *conn, struct err *err)
{
    const char *password_file = given->password_file;
    const char *where = options_where(record, "redis");
    enum status status = secret_read_url(given->url, where, &password_file, url, err);
    *conn = (struct conn_options){.url = url,
                                  .password_file = password_file,
                                  .tls_ca_file = given->ca_file,
                                  .tls_cert_file = given->cert_file,
                                  .tls_key_file = given->key_file};
    return status;
}
