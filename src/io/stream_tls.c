#include <assert.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "io/stream_private.h"

/* Bytes are decrypted as they are drained, since what the peer is waiting for
 * is an empty socket: decryption costs a fraction of decoding. */

enum { CIPHER_CAP = 64 * 1024 };

static void
flush(struct stream *stream)
{
    stream_send(stream, tls_outgoing(stream->tls));
    tls_sent(stream->tls);
}

/* Before the socket is closed: what it does not take at once is lost. */
static void
flush_last(struct stream *stream)
{
    const struct str bytes = tls_outgoing(stream->tls);
    const uv_buf_t buf = {.base = (char *)(uintptr_t)bytes.ptr,
                          .len = bytes.len};
    if (stream->link != NULL && bytes.len > 0)
        uv_try_write(&stream->link->uv.stream, &buf, 1);
    tls_sent(stream->tls);
}

static void
fail(struct stream *stream)
{
    flush_last(stream); /* the alert that says why */
    stream_finish(stream, STREAM_TLS, 0);
}

static void
on_timeout(uv_timer_t *timer)
{
    stream_finish(timer->data, STREAM_TLS, UV_ETIMEDOUT);
}

static void
go_on(struct stream *stream)
{
    const enum tls_step step = tls_handshake(stream->tls);
    if (step == TLS_FAILED || step == TLS_CLOSED) {
        fail(stream);
        return;
    }
    flush(stream);
    if (step != TLS_OK || stream->ending)
        return;
    uv_timer_stop(&stream->timer);
    stream_connected(stream);
}

void
stream_tls_start(struct stream *stream)
{
    const struct stream_config *config = &stream->config;
    assert(config->host != NULL); /* a socket in the file system needs none */
    buf_init(&stream->tls_trouble, 0);
    stream->tls = tls_new(config->tls, config->host, &stream->tls_trouble);
    buf_add_byte(&stream->tls_trouble, '\0');
    if (stream->tls == NULL) {
        stream_finish(stream, STREAM_TLS, 0);
        return;
    }
    stream->cipher = xmalloc(CIPHER_CAP);
    uv_timer_start(&stream->timer, on_timeout, (uint64_t)config->handshake_ms,
                   0);
    go_on(stream);
    stream_read_on(stream);
}

uv_buf_t
stream_tls_space(struct stream *stream)
{
    return uv_buf_init(stream->cipher, CIPHER_CAP);
}

static bool
decrypt_once(struct stream *stream)
{
    size_t cap;
    size_t n;
    char *space = inbox_space(&stream->inbox, &cap);
    if (space == NULL) {
        stream_finish(stream, STREAM_RESET, UV_ENOMEM);
        return false;
    }
    switch (tls_read(stream->tls, space, cap, &n)) {
    case TLS_OK:
        inbox_filled(&stream->inbox, n);
        return true;
    case TLS_WAIT:
        flush(stream); /* the answer to a KeyUpdate */
        return false;
    case TLS_CLOSED:
        stream_finish(stream, STREAM_CLOSED, UV_EOF);
        return false;
    case TLS_FAILED:
        fail(stream);
        return false;
    }
    return false;
}

void
stream_tls_took(struct stream *stream, size_t n)
{
    if (!tls_feed(stream->tls, (struct str){stream->cipher, n})) {
        stream_finish(stream, STREAM_RESET, UV_ENOMEM);
        return;
    }
    if (!stream->connected)
        go_on(stream);
    while (stream->connected && !stream->ending && !stream->closing &&
           decrypt_once(stream)) {}
}

void
stream_tls_write(struct stream *stream, struct str plain)
{
    if (tls_write(stream->tls, plain) == TLS_OK)
        flush(stream);
    else
        fail(stream);
}

void
stream_tls_goodbye(struct stream *stream)
{
    if (stream->tls == NULL || stream->link == NULL)
        return;
    tls_close(stream->tls);
    flush_last(stream);
}

const char *
stream_tls_words(const struct stream *stream)
{
    if (stream->tls == NULL)
        return stream->tls_trouble.ptr == NULL ? "out of memory"
                                               : stream->tls_trouble.ptr;
    if (stream->error == UV_ETIMEDOUT)
        return "the server does not answer the TLS handshake: does it speak "
               "TLS on this port?";
    return tls_words(stream->tls);
}

int64_t
stream_tls_not_after(const struct stream *stream)
{
    return stream->tls == NULL ? 0 : tls_not_after(stream->tls);
}

void
stream_tls_close(struct stream *stream)
{
    tls_free(stream->tls);
    free(stream->cipher);
    buf_close(&stream->tls_trouble);
}
