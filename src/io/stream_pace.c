#include <errno.h>
#include <sys/socket.h>

#include "io/stream_private.h"

/* A beat reads by itself: to start and stop libuv's reading for each would
 * cost four system calls more, and takes half of the gain away. */

enum {
    BEAT_MS = 4,
    /* A read of more is worth a poll of its own, and may be of a storm. */
    LITTLE = 32 * 1024,
    /* Reads in a row that begin beats: little, and soon after another. */
    QUICK_READS = 8,
    QUICK_MS = 1,
    /* Beats in a row without a byte that end them. */
    EMPTY_BEATS = 2,
};

static void
end_beats(struct stream *stream)
{
    stream_pace_stop(stream);
    stream_read_start(stream);
}

/* Bytes, or a libuv code. */
static ssize_t
receive(struct stream *stream)
{
    uv_os_fd_t fd;
    const int error = uv_fileno(&stream->link->uv.handle, &fd);
    const uv_buf_t space = stream_space(stream);
    if (error != 0 || space.len == 0)
        return error != 0 ? error : UV_ENOBUFS;
    ssize_t n;
    do
        n = recv(fd, space.base, space.len, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return uv_translate_sys_error(errno);
    return n > 0 ? n : UV_EOF;
}

static void
on_beat(uv_timer_t *timer)
{
    struct stream *stream = timer->data;
    const ssize_t n = receive(stream);
    if (n == UV_EAGAIN) {
        if (++stream->nempty_beats == EMPTY_BEATS)
            end_beats(stream);
        return;
    }
    stream->nempty_beats = 0;
    stream_took(stream, n);
    if (stream->reading && n >= LITTLE)
        end_beats(stream);
    stream_take_turn(stream);
}

static void
begin_beats(struct stream *stream)
{
    uv_read_stop(&stream->link->uv.stream);
    stream->nempty_beats = 0;
    uv_timer_start(&stream->beat, on_beat, BEAT_MS, BEAT_MS);
}

void
stream_pace(struct stream *stream, size_t n)
{
    const uint64_t now = uv_now(stream->loop);
    const bool quick = n < LITTLE && now - stream->read_at <= QUICK_MS;
    stream->read_at = now;
    stream->nquick_reads = quick ? stream->nquick_reads + 1 : 0;
    if (stream->nquick_reads == QUICK_READS)
        begin_beats(stream);
}

void
stream_pace_stop(struct stream *stream)
{
    uv_timer_stop(&stream->beat);
    stream->nquick_reads = 0;
}
