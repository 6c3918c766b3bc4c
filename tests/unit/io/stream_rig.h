#pragma once

/* A server that accepts one connection, and a stream that connects to it, in
 * one thread: whoever waits turns the loop. */

#include <check.h>

#include "base/buf.h"
#include "io/stream_private.h"

struct rig {
    uv_loop_t loop;
    uv_timer_t deadline;
    bool late;
    uint64_t late_at;
    uv_tcp_t listener;
    uv_tcp_t peer;
    bool accepted;
    size_t peer_bytes;
    char space[4096];
    uint16_t port;
    struct stream *stream;
    bool connected, closed;
    unsigned nends;
    enum stream_end why;
    int error;
    size_t nbytes;
    unsigned nshares; /* handed out */
    size_t largest;   /* of them */
    bool mismatch;
    bool close_in_bytes;
};

static inline void
on_connected(void *ctx)
{
    ((struct rig *)ctx)->connected = true;
}

static inline void
on_bytes(void *ctx, struct str bytes)
{
    struct rig *rig = ctx;
    for (size_t i = 0; i < bytes.len; i++)
        rig->mismatch |= bytes.ptr[i] != (char)((rig->nbytes + i) % 251);
    rig->nbytes += bytes.len;
    rig->nshares++;
    if (bytes.len > rig->largest)
        rig->largest = bytes.len;
    if (rig->close_in_bytes)
        stream_close(rig->stream);
}

static inline void
on_ended(void *ctx, enum stream_end why, int error)
{
    struct rig *rig = ctx;
    rig->nends++;
    rig->why = why;
    rig->error = error;
}

static inline void
on_closed(void *ctx)
{
    ((struct rig *)ctx)->closed = true;
}

static inline void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct rig *rig = handle->data;
    *out = uv_buf_init(rig->space, sizeof(rig->space));
}

static inline void
on_peer_read(uv_stream_t *peer, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct rig *rig = peer->data;
    if (n > 0)
        rig->peer_bytes += (size_t)n;
    else if (!uv_is_closing((uv_handle_t *)peer))
        uv_close((uv_handle_t *)peer, NULL);
}

static inline void
on_connection(uv_stream_t *listener, int status)
{
    ck_assert_int_eq(status, 0);
    struct rig *rig = listener->data;
    uv_tcp_init(&rig->loop, &rig->peer);
    rig->peer.data = rig;
    ck_assert_int_eq(uv_accept(listener, (uv_stream_t *)&rig->peer), 0);
    rig->accepted = true;
}

static inline void
on_late(uv_timer_t *timer)
{
    struct rig *rig = timer->data;
    rig->late = uv_now(&rig->loop) > rig->late_at;
}

static inline void
rig_open(struct rig *rig)
{
    *rig = (struct rig){0};
    uv_loop_init(&rig->loop);
    uv_timer_init(&rig->loop, &rig->deadline);
    uv_tcp_init(&rig->loop, &rig->listener);
    rig->deadline.data = rig->listener.data = rig;
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", 0, &address);
    ck_assert_int_eq(
        uv_tcp_bind(&rig->listener, (const struct sockaddr *)&address, 0), 0);
    ck_assert_int_eq(uv_listen((uv_stream_t *)&rig->listener, 4, on_connection),
                     0);
    int len = sizeof(address);
    uv_tcp_getsockname(&rig->listener, (struct sockaddr *)&address, &len);
    rig->port = ntohs(address.sin_port);
}

static inline void
rig_connect(struct rig *rig, struct stream_config config)
{
    if (config.connect_ms == 0)
        config.connect_ms = 5000;
    config.user_timeout_ms = 5000;
    if (config.in_max == 0)
        config.in_max = 1 << 20;
    if (config.out_max == 0)
        config.out_max = 1 << 20;
    rig->stream = stream_new(&rig->loop, &config,
                             &(struct stream_handler){
                                 .connected = on_connected,
                                 .bytes = on_bytes,
                                 .ended = on_ended,
                                 .closed = on_closed,
                                 .ctx = rig,
                             });
}

/* The timer also ends a turn that waits after the condition was met by
 * another timer. */
#define WAIT_FOR(rig, condition)                           \
    do {                                                   \
        (rig)->late = false;                               \
        (rig)->late_at = uv_now(&(rig)->loop) + 20000;     \
        uv_timer_start(&(rig)->deadline, on_late, 10, 10); \
        while (!(condition) && !(rig)->late)               \
            uv_run(&(rig)->loop, UV_RUN_ONCE);             \
        uv_timer_stop(&(rig)->deadline);                   \
        ck_assert_msg((condition), #condition);            \
    } while (0)

static inline void
rig_close(struct rig *rig)
{
    stream_close(rig->closed ? NULL : rig->stream);
    if (rig->accepted && !uv_is_closing((uv_handle_t *)&rig->peer))
        uv_close((uv_handle_t *)&rig->peer, NULL);
    uv_close((uv_handle_t *)&rig->listener, NULL);
    uv_close((uv_handle_t *)&rig->deadline, NULL);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    ck_assert(rig->closed);
    ck_assert_int_eq(uv_loop_close(&rig->loop), 0);
}

struct burst {
    uv_write_t req;
    struct buf bytes;
    bool done;
};

static inline void
on_written(uv_write_t *req, int status)
{
    (void)status;
    ((struct burst *)req->data)->done = true;
}

static inline void
send_burst(struct rig *rig, struct burst *burst, size_t n)
{
    *burst = (struct burst){.req.data = burst};
    buf_reserve(&burst->bytes, n);
    for (size_t i = 0; i < n; i++)
        burst->bytes.ptr[i] = (char)(i % 251);
    burst->bytes.len = n;
    const uv_buf_t buf = uv_buf_init(burst->bytes.ptr, (unsigned)n);
    uv_write(&burst->req, (uv_stream_t *)&rig->peer, &buf, 1, on_written);
}
