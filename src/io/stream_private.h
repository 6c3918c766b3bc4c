#pragma once

/* What the parts of io/stream share: stream_connect.c gets it connected,
 * stream_tls.c encrypts it, stream_pace.c reads in beats, stream.c moves its
 * bytes and ends it. */

#include <netinet/in.h>
#include <sys/socket.h>

#include "io/inbox.h"
#include "io/stream.h"
#include "io/tls.h"

enum { STREAM_MAX_ADDRESSES = 16 };

union stream_address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* One attempt to reach one address, and the connection it becomes. libuv
 * lets go of a handle late, so each has its own memory. */
struct stream_link {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    uv_connect_t connect;
    struct stream *owner;
};

struct stream {
    uv_loop_t *loop;
    struct stream_config config;
    struct stream_handler handler;

    uv_timer_t timer;         /* of the address being tried; later of quiet */
    uint64_t deadline;        /* of all of them, loop time */
    uv_getaddrinfo_t *lookup; /* while it runs */
    union stream_address addresses[STREAM_MAX_ADDRESSES];
    size_t naddresses;
    size_t next_address;
    int connect_error; /* of the address before */

    struct stream_link *link; /* NULL before the first, and after the end */
    struct inbox inbox;
    uv_idle_t idle; /* keeps the loop from waiting while there is work */
    uv_check_t check;
    bool connected;        /* and its TLS handshake done */
    bool reading;          /* by libuv, or in beats */
    uv_timer_t beat;       /* active while it is read in beats */
    unsigned nempty_beats; /* in a row */
    unsigned nquick_reads; /* in a row, of little */
    uint64_t read_at;      /* the last of them, loop time */
    int write_error;       /* what the peer said before is still to be read */
    uv_timer_t last_words; /* which takes no longer than this */

    struct tls *tls;        /* from the connection on, if it is to have TLS */
    char *cipher;           /* as it came from the socket */
    struct buf tls_trouble; /* why there is no tls */

    bool ending; /* as soon as the inbox is empty */
    bool ended;  /* the handler knows */
    enum stream_end why;
    int error;
    bool closing;      /* by stream_close */
    unsigned nhandles; /* open, or being closed */
};

/* stream_connect.c: ends with stream_connected or stream_end. */
void stream_connect(struct stream *stream);
void stream_connect_stop(struct stream *stream);
void stream_drop_link(struct stream *stream);

/* stream_tls.c: ends with stream_connected or stream_finish. */
void stream_tls_start(struct stream *stream);
uv_buf_t stream_tls_space(struct stream *stream);
/* n bytes were read there. */
void stream_tls_took(struct stream *stream, size_t n);
void stream_tls_write(struct stream *stream, struct str plain);
void stream_tls_goodbye(struct stream *stream);
void stream_tls_close(struct stream *stream);

/* stream_pace.c: messages that come one by one cost a poll and a read each,
 * more than their decoding. So when many come, libuv's reading rests, and the
 * socket is read every four milliseconds, until it has nothing or a lot. */
/* libuv has read n bytes. */
void stream_pace(struct stream *stream, size_t n);
/* Before anything else starts or ends reading. */
void stream_pace_stop(struct stream *stream);

/* stream.c */
/* Where the next bytes go; none when out of memory. */
uv_buf_t stream_space(struct stream *stream);
/* n bytes came there, or n is a libuv code that ends the stream. */
void stream_took(struct stream *stream, ssize_t n);
/* Hands out a share. */
void stream_take_turn(struct stream *stream);
void stream_read_start(struct stream *stream);
/* Begins to read, or goes on once half of a full inbox is consumed. */
void stream_read_on(struct stream *stream);
/* As they are. */
void stream_send(struct stream *stream, struct str bytes);
void stream_connected(struct stream *stream);
/* The first reason stands. What was drained is handed out before it. */
void stream_finish(struct stream *stream, enum stream_end why, int error);
void stream_forget_handle(struct stream *stream);
