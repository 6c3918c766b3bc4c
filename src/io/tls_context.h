#pragma once

/* Options and files made into what OpenSSL needs. Part of io/tls. */

#include <openssl/ssl.h>

#include "base/attr.h"
#include "wire/tls_options.h"

/* NULL with words for people in err, which name the option and the file. */
SSL_CTX *tls_context_new(const struct tls_options *options, struct buf *err);
