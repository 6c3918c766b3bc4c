#pragma once

/* The client's side of TLS as a filter: bytes from the socket go in, plain
 * bytes come out, and the other way round. It touches no socket, so it never
 * blocks, and everything that it is given is decrypted before the next bytes
 * are: between two calls it holds no more than one unfinished record. TLS 1.2
 * at least; renegotiation is refused. */

#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "wire/tls_options.h"

enum tls_step {
    TLS_OK = 0,
    TLS_WAIT,   /* for more bytes from the peer */
    TLS_CLOSED, /* the peer has said goodbye */
    TLS_FAILED, /* tls_words knows why */
};

struct tls;

/* Reads the certificate files, so that renewed ones are used from the next
 * connection on. `host` is whose certificate it must be, unless the options
 * name another; both are borrowed only for the call. NULL with words for
 * people in err when a file cannot be used. */
struct tls *tls_new(const struct tls_options *options, const char *host,
                    struct buf *err);
void tls_free(struct tls *tls);

/* The next bytes from the peer, after which tls_handshake or tls_read must be
 * asked until it waits. False when out of memory. */
bool tls_feed(struct tls *tls, struct str bytes) MUST_CHECK;
/* Once before the first bytes, then after each, until it is TLS_OK. */
enum tls_step tls_handshake(struct tls *tls);
/* TLS_OK with at least one byte in `to`. */
enum tls_step tls_read(struct tls *tls, char *to, size_t cap, size_t *n);
/* After the handshake. TLS_OK or TLS_FAILED. */
enum tls_step tls_write(struct tls *tls, struct str plain);
/* Says goodbye; nothing can be written any more. */
void tls_close(struct tls *tls);
/* What must go to the peer, after each of the calls above; it stays until
 * tls_sent. */
struct str tls_outgoing(const struct tls *tls);
void tls_sent(struct tls *tls);

/* Why it failed, for people; the connection ended during the handshake when
 * there is nothing else to say. */
const char *tls_words(const struct tls *tls);
/* When the peer's certificate ends, in Unix seconds; 0 before it is known. */
int64_t tls_not_after(const struct tls *tls);

/* Whether a connection could be tried with these options now: the files are
 * there, are certificates and keys, and go together. */
bool tls_check(const struct tls_options *options, struct buf *err) MUST_CHECK;
