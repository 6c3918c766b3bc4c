#pragma once

/* A broker of ours and a server that knows as much AMQP as it takes, in one
 * thread: whoever waits turns the loop. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/broker.h"
#include "wire/amqp_frame.h"
#include "wire/amqp_method.h"

#include "../suite.h"

enum { WAIT_MS = 8000 };

struct rig {
    uv_loop_t loop;
    uv_timer_t tick; /* so that no turn takes long */
    int listener;
    int peer; /* -1: nobody is connected */
    struct amqp_framer framer;
    amqp_pool_t pool;
    struct buf out;
    struct url_list urls;
    struct broker *broker;
    bool freed;

    /* How the server behaves. */
    bool greeted;
    bool closed[8]; /* channels, until close-ok: hears nothing else there */
    bool mute;      /* says nothing any more */
    uint16_t exchange_code;   /* refuses to declare exchanges */
    uint16_t reply_code;      /* refuses the queue of replies */
    uint16_t publish_code;    /* refuses what is published */
    uint16_t foreign_channel; /* greets on it, once open */

    /* What it was told. */
    size_t nconnects;
    size_t nheartbeats;
    size_t npassive; /* exchanges looked for */
    bool exclusive, durable, auto_delete;
    int64_t ttl_ms, max_bytes;
    char event_queue[256];
    bool goodbye;
    struct buf published;

    /* What the broker told us. */
    size_t nups, ndowns, nfailures, nmessages, nreplies;
    size_t body_bytes;
    enum broker_reason reason;
    int64_t unheard_ms;
    size_t nrefused, nallowed;
    struct buf answers; /* "name length consumers;" */
    struct buf ticket;
};

static inline int64_t
clock_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The server */

static inline void
serve_flush(struct rig *rig)
{
    if (rig->peer >= 0 && !rig->mute && rig->out.len > 0)
        ck_assert_int_eq(
            send(rig->peer, rig->out.ptr, rig->out.len, MSG_NOSIGNAL),
            (ssize_t)rig->out.len);
    buf_clear(&rig->out);
}

static inline void
serve_method(struct rig *rig, uint16_t channel, amqp_method_number_t id,
             void *method)
{
    amqp_add_method(&rig->out, channel, id, method);
}

static inline void
serve_close_channel(struct rig *rig, uint16_t channel, uint16_t code,
                    amqp_method_number_t cause)
{
    amqp_channel_close_t close = {
        .reply_code = code,
        .reply_text = amqp_cstring_bytes("NO - you may not"),
        .class_id = (uint16_t)(cause >> 16),
        .method_id = (uint16_t)(cause & 0xFFFF),
    };
    rig->closed[channel] = true;
    serve_method(rig, channel, AMQP_CHANNEL_CLOSE_METHOD, &close);
}

static inline void
serve_start(struct rig *rig)
{
    amqp_connection_start_t start = {
        .version_minor = 9,
        .mechanisms = amqp_cstring_bytes("AMQPLAIN PLAIN"),
        .locales = amqp_cstring_bytes("en_US"),
    };
    serve_method(rig, 0, AMQP_CONNECTION_START_METHOD, &start);
}

static inline void
serve_queue(struct rig *rig, uint16_t channel, const amqp_queue_declare_t *q)
{
    const struct str name = amqp_str(q->queue);
    amqp_queue_declare_ok_t ok = {.queue = q->queue};
    if (q->passive && str_starts(name, STR("gone"))) {
        serve_close_channel(rig, channel, 404, AMQP_QUEUE_DECLARE_METHOD);
        return;
    }
    if (q->passive && str_starts(name, STR("locked"))) {
        serve_close_channel(rig, channel, 405, AMQP_QUEUE_DECLARE_METHOD);
        return;
    }
    if (channel == 3 && rig->reply_code != 0) {
        serve_close_channel(rig, channel, rig->reply_code,
                            AMQP_QUEUE_DECLARE_METHOD);
        return;
    }
    if (q->passive) {
        ok.message_count = (uint32_t)name.len;
        ok.consumer_count = 2;
    } else if (channel == 1) {
        rig->exclusive = q->exclusive;
        rig->durable = q->durable;
        rig->auto_delete = q->auto_delete;
        rig->ttl_ms = q->arguments.entries[0].value.value.i64;
        rig->max_bytes = q->arguments.entries[1].value.value.i64;
        snprintf(rig->event_queue, sizeof(rig->event_queue), "%.*s",
                 STR_FMT(name));
    }
    serve_method(rig, channel, AMQP_QUEUE_DECLARE_OK_METHOD, &ok);
}

static inline void
serve_exchange(struct rig *rig, uint16_t channel,
               const amqp_exchange_declare_t *declare)
{
    amqp_exchange_declare_ok_t ok = {0};
    rig->npassive += declare->passive;
    if (rig->exchange_code != 0 && !declare->passive)
        serve_close_channel(rig, channel, rig->exchange_code,
                            AMQP_EXCHANGE_DECLARE_METHOD);
    else
        serve_method(rig, channel, AMQP_EXCHANGE_DECLARE_OK_METHOD, &ok);
}

static inline void
serve_one(struct rig *rig, uint16_t channel, const amqp_method_t *method)
{
    amqp_connection_tune_t tune = {
        .channel_max = 2047, .frame_max = 131072, .heartbeat = 60};
    amqp_connection_open_ok_t open_ok = {0};
    amqp_channel_open_ok_t channel_ok = {0};
    amqp_queue_bind_ok_t bind_ok = {0};
    amqp_basic_consume_ok_t consume_ok = {.consumer_tag =
                                              amqp_cstring_bytes("tag")};
    amqp_connection_close_ok_t close_ok = {0};
    switch (method->id) {
    case AMQP_CONNECTION_START_OK_METHOD:
        serve_method(rig, 0, AMQP_CONNECTION_TUNE_METHOD, &tune);
        break;
    case AMQP_CONNECTION_OPEN_METHOD:
        serve_method(rig, 0, AMQP_CONNECTION_OPEN_OK_METHOD, &open_ok);
        if (rig->foreign_channel != 0)
            serve_method(rig, rig->foreign_channel, AMQP_CHANNEL_OPEN_OK_METHOD,
                         &channel_ok);
        break;
    case AMQP_CHANNEL_OPEN_METHOD:
        serve_method(rig, channel, AMQP_CHANNEL_OPEN_OK_METHOD, &channel_ok);
        break;
    case AMQP_EXCHANGE_DECLARE_METHOD:
        serve_exchange(rig, channel, method->decoded);
        break;
    case AMQP_QUEUE_DECLARE_METHOD:
        serve_queue(rig, channel, method->decoded);
        break;
    case AMQP_QUEUE_BIND_METHOD:
        serve_method(rig, channel, AMQP_QUEUE_BIND_OK_METHOD, &bind_ok);
        break;
    case AMQP_BASIC_CONSUME_METHOD:
        serve_method(rig, channel, AMQP_BASIC_CONSUME_OK_METHOD, &consume_ok);
        break;
    case AMQP_CONNECTION_CLOSE_METHOD:
        rig->goodbye = true;
        serve_method(rig, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &close_ok);
        break;
    case AMQP_BASIC_PUBLISH_METHOD:
        if (rig->publish_code != 0)
            serve_close_channel(rig, channel, rig->publish_code,
                                AMQP_BASIC_PUBLISH_METHOD);
        break;
    default:
        break;
    }
}

static inline bool
serve_frame(void *ctx, const struct amqp_frame *frame)
{
    struct rig *rig = ctx;
    rig->nheartbeats += frame->type == AMQP_FRAME_HEARTBEAT;
    if (frame->type == AMQP_FRAME_BODY)
        buf_add_str(&rig->published, frame->payload);
    if (frame->type != AMQP_FRAME_METHOD)
        return true;
    amqp_method_t method = {0};
    ck_assert(amqp_read_method(frame->payload, &rig->pool, &method));
    if (method.id == AMQP_CHANNEL_CLOSE_OK_METHOD)
        rig->closed[frame->channel] = false;
    else if (!rig->closed[frame->channel])
        serve_one(rig, frame->channel, &method);
    recycle_amqp_pool(&rig->pool);
    return true;
}

static inline void
serve_accept(struct rig *rig)
{
    rig->peer = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
    if (rig->peer < 0)
        return;
    for (size_t i = 0; i < COUNT_OF(rig->closed); i++)
        rig->closed[i] = false;
    rig->nconnects++;
    amqp_framer_close(&rig->framer);
    amqp_framer_init(&rig->framer, AMQP_FRAME_MOST);
    rig->greeted = false;
}

static inline void
serve_hang_up(struct rig *rig)
{
    if (rig->peer >= 0)
        close(rig->peer);
    rig->peer = -1;
}

static inline void
serve(struct rig *rig)
{
    if (rig->peer < 0) {
        serve_accept(rig);
        return;
    }
    char bytes[4096];
    const size_t most = rig->greeted ? sizeof(bytes) : 8;
    const ssize_t n = recv(rig->peer, bytes, most, MSG_DONTWAIT);
    if (n > 0 && !rig->greeted) {
        ck_assert(str_eq((struct str){bytes, (size_t)n}, amqp_protocol_header));
        rig->greeted = true;
        serve_start(rig);
        serve_flush(rig);
    } else if (n > 0) {
        ck_assert_int_eq(amqp_framer_feed(&rig->framer,
                                          (struct str){bytes, (size_t)n},
                                          serve_frame, rig),
                         AMQP_FRAMING_OK);
        serve_flush(rig);
    } else if (n == 0) {
        serve_hang_up(rig);
    }
}

static inline void
turn(struct rig *rig)
{
    uv_run(&rig->loop, UV_RUN_ONCE);
    serve(rig);
}

/* Turns the loop until the condition holds, or fails after WAIT_MS. */
#define UNTIL(rig, condition)                                           \
    for (const int64_t end_ms = clock_now_ms() + WAIT_MS; !(condition); \
         turn(rig))                                                     \
    ck_assert_msg(clock_now_ms() < end_ms, "waited for %s", #condition)

/* The broker */

static inline void
on_up(void *ctx)
{
    ((struct rig *)ctx)->nups++;
}

static inline void
on_down(void *ctx, enum broker_reason reason, int64_t unheard_ms)
{
    struct rig *rig = ctx;
    rig->ndowns++;
    rig->reason = reason;
    rig->unheard_ms = unheard_ms;
}

static inline void
on_failed(void *ctx, enum broker_reason reason)
{
    struct rig *rig = ctx;
    rig->nfailures++;
    rig->reason = reason;
}

static inline void
on_message(void *ctx, const struct message *message)
{
    struct rig *rig = ctx;
    rig->nmessages++;
    rig->body_bytes += message->body.len;
}

static inline void
on_reject(void *ctx, enum reject reason, size_t wire_bytes)
{
    (void)ctx;
    (void)wire_bytes;
    ck_abort_msg("rejected: %.*s", STR_FMT(reject_name(reason)));
}

static inline void
on_reply(void *ctx, const struct message *message)
{
    struct rig *rig = ctx;
    rig->nreplies++;
    buf_clear(&rig->ticket);
    buf_add_str(&rig->ticket, message->ticket);
}

static inline void
on_queue(void *ctx, struct str name, const struct queue_state *state)
{
    struct rig *rig = ctx;
    buf_printf(&rig->answers, "%.*s %d %d;", STR_FMT(name), (int)state->length,
               (int)state->consumers);
}

static inline void
on_refused(void *ctx, bool refused)
{
    struct rig *rig = ctx;
    rig->nrefused += refused;
    rig->nallowed += !refused;
}

static inline void
on_tick(uv_timer_t *timer)
{
    (void)timer;
}

static inline void
rig_open(struct rig *rig)
{
    *rig = (struct rig){.peer = -1};
    uv_loop_init(&rig->loop);
    uv_timer_init(&rig->loop, &rig->tick);
    uv_timer_start(&rig->tick, on_tick, 1, 1);
    rig->listener =
        socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    ck_assert_int_eq(bind(rig->listener, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(rig->listener, 16), 0);
    getsockname(rig->listener, (struct sockaddr *)&address, &len);
    init_amqp_pool(&rig->pool, 4096);
    buf_init(&rig->out, 0);
    buf_init(&rig->answers, 0);
    buf_init(&rig->published, 0);
    buf_init(&rig->ticket, 0);
    struct buf url;
    buf_init(&url, 0);
    buf_printf(&url, "amqp://127.0.0.1:%u//?heartbeat=1",
               ntohs(address.sin_port));
    ck_assert(url_list_parse(&rig->urls, buf_str(&url), &rig->out));
    buf_close(&url);
}

static inline void
rig_connect(struct rig *rig)
{
    rig->broker = broker_new(&rig->loop,
                             &(struct broker_config){
                                 .urls = rig->urls,
                                 .event_exchange = "celeryev",
                                 .control_exchange = "celery",
                                 .event_queue_ttl_ms = 60000,
                                 .event_queue_max_bytes = 1 << 20,
                                 .event_max_bytes = 1 << 20,
                                 .burst_buffer = 1 << 20,
                             },
                             &(struct broker_handler){
                                 .up = on_up,
                                 .down = on_down,
                                 .failed = on_failed,
                                 .message = on_message,
                                 .reject = on_reject,
                                 .reply = on_reply,
                                 .refused = on_refused,
                                 .queue = on_queue,
                                 .ctx = rig,
                             });
}

static inline void
rig_freed(void *ctx)
{
    ((struct rig *)ctx)->freed = true;
}

static inline void
rig_close(struct rig *rig)
{
    broker_free(rig->broker, rig_freed, rig);
    UNTIL(rig, rig->freed);
    uv_close((uv_handle_t *)&rig->tick, NULL);
    while (uv_run(&rig->loop, UV_RUN_NOWAIT) != 0)
        ;
    ck_assert_int_eq(uv_loop_close(&rig->loop), 0);
    serve_hang_up(rig);
    close(rig->listener);
    amqp_framer_close(&rig->framer);
    empty_amqp_pool(&rig->pool);
    buf_close(&rig->out);
    buf_close(&rig->answers);
    buf_close(&rig->published);
    buf_close(&rig->ticket);
    url_list_free(&rig->urls);
}
