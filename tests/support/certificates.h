/* certificates - CAs and certificates made with openssl, for tests of TLS.
 *
 * A test program has one folder of them, with NAME.pem and NAME.key: the CAs `ca` and `stranger`,
 * and, signed by ca, `server` for localhost and 127.0.0.1, `elsewhere` for elsewhere.example,
 * `expired` (like server, but expired some days ago), and `client`. */
#ifndef DARG_TESTS_SUPPORT_CERTIFICATES_H
#define DARG_TESTS_SUPPORT_CERTIFICATES_H

/* Makes the folder; needs openssl and faketime, and fails the test without them. */
void certificates_make(void);
void certificates_remove(void);

/* The path of a file in it, which need not exist. Borrowed; valid for the next seven calls. */
const char *certificates_path(const char *name);

#endif
