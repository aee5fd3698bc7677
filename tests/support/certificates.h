/* certificates - authorities and certificates of our own making, by openssl, for tests of TLS.
 *
 * There is one folder of them in a test program, with NAME.pem and NAME.key: the authorities `ca`
 * and `stranger`, and, signed by ca, `server` for localhost and 127.0.0.1, `elsewhere` for
 * elsewhere.example, `expired` like server but some days too old, and `client`. */
#ifndef DARG_TESTS_SUPPORT_CERTIFICATES_H
#define DARG_TESTS_SUPPORT_CERTIFICATES_H

/* Makes the folder; needs openssl and faketime, and fails the test without them. */
void certificates_make(void);
void certificates_remove(void);

/* The path of a file in it, which need not be there. Borrowed until the next call but seven. */
const char *certificates_path(const char *name);

#endif
