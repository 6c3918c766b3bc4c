#include "io/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "io/stream_private.h"

enum {
    /* Handed out in one turn of the loop: under a millisecond of decoding. */
    SHARE = 256 * 1024,
    /* Nothing came for so long: a burst is over. */
    QUIET_MS = 200,
    LAST_WORDS_MS = 1000,
};

struct write {
    uv_write_t req;
    size_t len;
    char bytes[];
};

void
stream_forget_handle(struct stream *stream)
{
    if (--stream->nhandles > 0 || !stream->closing)
        return;
    const struct stream_handler handler = stream->handler;
    inbox_close(&stream->inbox);
    stream_tls_close(stream);
    free(stream);
    handler.closed(handler.ctx);
}

static void
on_handle_closed(uv_handle_t *handle)
{
    stream_forget_handle(handle->data);
}

static void
hand_out(struct stream *stream)
{
    for (size_t left = SHARE; left > 0 && !stream->closing;) {
        const struct str first = inbox_peek(&stream->inbox);
        if (first.len == 0)
            return;
        const struct str share = str_slice(first, 0, left);
        stream->handler.bytes(stream->handler.ctx, share);
        inbox_consume(&stream->inbox, share.len);
        left -= share.len;
    }
}

static void
on_quiet(uv_timer_t *timer)
{
    struct stream *stream = timer->data;
    inbox_relax(&stream->inbox);
}

static void
rest(struct stream *stream)
{
    uv_idle_stop(&stream->idle);
    uv_check_stop(&stream->check);
    if (stream->inbox.nspares > 1 && !stream->ending)
        uv_timer_start(&stream->timer, on_quiet, QUIET_MS, 0);
    if (!stream->ending || stream->ended)
        return;
    stream->ended = true;
    stream->handler.ended(stream->handler.ctx, stream->why, stream->error);
}

void
stream_take_turn(struct stream *stream)
{
    hand_out(stream);
    if (stream->closing)
        return;
    if (stream->connected)
        stream_read_on(stream);
    if (stream->inbox.len == 0)
        rest(stream);
}

/* Runs after each poll while there is work: at this point of the turn the
 * socket has been drained. */
static void
on_check(uv_check_t *check)
{
    stream_take_turn(check->data);
}

static void
on_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void
wake_up(struct stream *stream)
{
    uv_idle_start(&stream->idle, on_idle);
    uv_check_start(&stream->check, on_check);
}

void
stream_finish(struct stream *stream, enum stream_end why, int error)
{
    if (stream->ending || stream->closing)
        return;
    stream->ending = true;
    stream->why = why;
    stream->error = error;
    stream_connect_stop(stream);
    uv_timer_stop(&stream->last_words);
    stream_drop_link(stream);
    wake_up(stream);
}

static enum stream_end
transfer_end(int error)
{
    return error == UV_EOF         ? STREAM_CLOSED
           : error == UV_ETIMEDOUT ? STREAM_TIMEOUT
                                   : STREAM_RESET;
}

uv_buf_t
stream_space(struct stream *stream)
{
    if (stream->tls != NULL)
        return stream_tls_space(stream);
    size_t len;
    char *space = inbox_space(&stream->inbox, &len);
    return uv_buf_init(space, (unsigned)len);
}

/* No room at all: on_read gets ENOBUFS. */
static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    *out = stream_space(((const struct stream_link *)handle->data)->owner);
}

static void
read_failed(struct stream *stream, int error)
{
    if (stream->write_error != 0)
        error = stream->write_error;
    if (stream->tls != NULL && !stream->connected)
        stream_finish(stream, STREAM_TLS, error);
    else
        stream_finish(stream, transfer_end(error), error);
}

void
stream_took(struct stream *stream, ssize_t n)
{
    if (n < 0) {
        read_failed(stream, (int)n);
        return;
    }
    if (stream->tls != NULL)
        stream_tls_took(stream, (size_t)n);
    else
        inbox_filled(&stream->inbox, (size_t)n);
    if (stream->link == NULL)
        return;
    if (inbox_full(&stream->inbox)) {
        stream_pace_stop(stream);
        uv_read_stop(&stream->link->uv.stream);
        stream->reading = false;
    }
    wake_up(stream);
}

static void
on_read(uv_stream_t *uv, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct stream *stream = ((const struct stream_link *)uv->data)->owner;
    if (n == 0)
        return;
    stream_took(stream, n);
    if (stream->reading && stream->connected)
        stream_pace(stream, (size_t)n);
}

void
stream_read_start(struct stream *stream)
{
    const int error =
        uv_read_start(&stream->link->uv.stream, on_alloc, on_read);
    stream->reading = error == 0;
    if (error != 0)
        stream_finish(stream, STREAM_RESET, error);
}

void
stream_read_on(struct stream *stream)
{
    if (stream->link != NULL && !stream->reading &&
        stream->inbox.len <= stream->inbox.max / 2)
        stream_read_start(stream);
}

void
stream_connected(struct stream *stream)
{
    stream->connected = true;
    stream_read_on(stream);
    stream->handler.connected(stream->handler.ctx);
}

struct stream *
stream_new(uv_loop_t *loop, const struct stream_config *config,
           const struct stream_handler *handler)
{
    struct stream *stream = xcalloc(1, sizeof(*stream));
    *stream = (struct stream){
        .loop = loop,
        .config = *config,
        .handler = *handler,
        .nhandles = 5,
    };
    inbox_init(&stream->inbox, config->in_max);
    uv_timer_init(loop, &stream->timer);
    uv_timer_init(loop, &stream->last_words);
    uv_timer_init(loop, &stream->beat);
    uv_idle_init(loop, &stream->idle);
    uv_check_init(loop, &stream->check);
    stream->timer.data = stream->idle.data = stream->check.data = stream;
    stream->last_words.data = stream->beat.data = stream;
    stream_connect(stream);
    return stream;
}

static void
on_last_words(uv_timer_t *timer)
{
    struct stream *stream = timer->data;
    read_failed(stream, stream->write_error);
}

/* A peer that refuses us says so and closes. Writing fails then, while its
 * words still wait to be read. */
static void
write_failed(struct stream *stream, int error)
{
    const bool gone = error == UV_EPIPE || error == UV_ECONNRESET;
    if (!gone || !stream->reading) {
        read_failed(stream, error);
        return;
    }
    stream->write_error = error;
    uv_timer_start(&stream->last_words, on_last_words, LAST_WORDS_MS, 0);
}

static void
on_write(uv_write_t *req, int status)
{
    struct write *write = req->data;
    const struct stream_link *link = req->handle->data;
    /* A link that was dropped gets UV_ECANCELED. */
    if (status != 0 && link->owner->link == link)
        write_failed(link->owner, status);
    explicit_bzero(write->bytes, write->len);
    free(write);
}

void
stream_send(struct stream *stream, struct str bytes)
{
    if (stream->link == NULL || stream->write_error != 0 || bytes.len == 0)
        return;
    uv_stream_t *uv = &stream->link->uv.stream;
    if (uv_stream_get_write_queue_size(uv) + bytes.len >
        stream->config.out_max) {
        stream_finish(stream, STREAM_CLOGGED, 0);
        return;
    }
    struct write *write = xmalloc(sizeof(*write) + bytes.len);
    write->req.data = write;
    write->len = bytes.len;
    memcpy(write->bytes, bytes.ptr, bytes.len);
    const uv_buf_t buf = uv_buf_init(write->bytes, (unsigned)write->len);
    const int error = uv_write(&write->req, uv, &buf, 1, on_write);
    if (error != 0) {
        explicit_bzero(write->bytes, write->len);
        free(write);
        write_failed(stream, error);
    }
}

void
stream_write(struct stream *stream, struct str bytes)
{
    if (stream->link == NULL || !stream->connected)
        return;
    if (stream->tls != NULL)
        stream_tls_write(stream, bytes);
    else
        stream_send(stream, bytes);
}

void
stream_close(struct stream *stream)
{
    if (stream == NULL || stream->closing)
        return;
    stream->closing = true;
    stream_connect_stop(stream);
    stream_tls_goodbye(stream);
    stream_drop_link(stream);
    uv_close((uv_handle_t *)&stream->last_words, on_handle_closed);
    uv_close((uv_handle_t *)&stream->beat, on_handle_closed);
    uv_close((uv_handle_t *)&stream->timer, on_handle_closed);
    uv_close((uv_handle_t *)&stream->idle, on_handle_closed);
    uv_close((uv_handle_t *)&stream->check, on_handle_closed);
}
