#pragma once

/* What went wrong with TLS, in words that help whoever reads the log. Part of
 * io/tls. */

#include <openssl/ssl.h>
#include <stdbool.h>

/* After a call that failed: OpenSSL's queue of errors still holds why. `name`
 * is whose certificate was wanted, `leaf` what came, or NULL; `talked` that
 * the peer has already sent a message of TLS. */
void tls_words_of_failure(char *out, size_t cap, const SSL *ssl,
                          const X509 *leaf, const char *name, bool talked);
