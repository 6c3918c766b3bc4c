#pragma once

/* A byte stream to a server over TCP or a Unix socket, encrypted or not. It
 * resolves the name, tries every address, drains the socket into a bounded
 * buffer before anything is decoded, and hands out a bounded share of that each
 * time the loop turns: a storm neither delays draining nor starves the rest of
 * the loop. What comes as many small pieces is read every four milliseconds,
 * and waits in the socket so long: one read takes all of them. What comes now
 * and then, or in bulk, is read at once. It knows no protocol. */

#include <stdint.h>
#include <uv.h>

#include "base/attr.h"
#include "base/str.h"

struct tls_options;

/* Why a stream has ended. */
enum stream_end {
    STREAM_RESOLVE,     /* the host name has no address */
    STREAM_REFUSED,     /* nobody listens, or no such socket */
    STREAM_TIMEOUT,     /* no connection in time; later: no acknowledgement */
    STREAM_UNREACHABLE, /* no route, network down, or out of resources */
    STREAM_CLOSED,      /* the peer has ended it */
    STREAM_RESET,       /* it broke */
    STREAM_CLOGGED,     /* the peer does not read what we send */
    STREAM_TLS,         /* no TLS with that peer: stream_tls_words */
};

enum {
    /* A default for the time that a TLS handshake may take. */
    STREAM_HANDSHAKE_MS = 3000,
    STREAM_MAX_WORDS = 512, /* of stream_tls_words, at most */
};

struct stream_config {
    const char *host; /* borrowed for the stream's life */
    uint16_t port;
    const char *path; /* of a Unix socket, instead of host and port */
    /* NULL for none; borrowed as well. Never falls back to plain text. */
    const struct tls_options *tls;
    int64_t handshake_ms; /* of TLS, from the connection on */
    /* From the look-up of the name to the connection, all addresses. */
    int64_t connect_ms;
    /* Unacknowledged for so long, the kernel gives the connection up. */
    unsigned user_timeout_ms;
    size_t in_max;  /* bytes drained and not yet handed out */
    size_t out_max; /* bytes accepted and not yet sent */
};

/* All are called from the loop, never from within a function below, and none
 * after `closed`. Any of them may call stream_close. */
struct stream_handler {
    void (*connected)(void *ctx);
    /* The slice is good until the callback returns. */
    void (*bytes)(void *ctx, struct str bytes);
    /* Once, after the last of the bytes that came; error is a libuv code, or
     * 0. Not called when stream_close was first. */
    void (*ended)(void *ctx, enum stream_end why, int error);
    /* After stream_close: the last handle is closed, the stream is gone. */
    void (*closed)(void *ctx);
    void *ctx;
};

struct stream;

struct stream *stream_new(uv_loop_t *loop, const struct stream_config *config,
                          const struct stream_handler *handler);
/* Sends a copy of the bytes, and wipes it afterwards. Nothing is sent before
 * `connected` or after the end; past out_max the stream ends. */
void stream_write(struct stream *stream, struct str bytes);
/* Why it ended with STREAM_TLS, for people; good until `closed`. */
const char *stream_tls_words(const struct stream *stream);
/* When the peer's certificate ends, in Unix seconds; 0 when there is none, or
 * not yet. */
int64_t stream_tls_not_after(const struct stream *stream);
/* Required once, whether the stream has ended or not. A name look-up that is
 * still running is left alone and keeps the loop alive until it returns. */
void stream_close(struct stream *stream);
