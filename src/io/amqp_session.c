#include "io/amqp_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "io/amqp_login.h"
#include "io/amqp_watch.h"
#include "io/amqp_words.h"
#include "io/redis_words.h"
#include "io/stream.h"

enum {
    CONNECT_MS = 3000,
    LEAVE_MS = 800, /* for the server to say goodbye, too */
    USER_TIMEOUT_MS = 10 * 1000,
    OUT_MAX = 4 * 1024 * 1024,
    SAMPLE = 8, /* first bytes, to guess what answers */
};

struct amqp_session {
    struct url url;
    struct amqp_session_handler handler;
    struct stream *stream;
    struct amqp_framer framer;
    struct amqp_login login;
    amqp_pool_t pool; /* of methods on channel 0 */
    uv_timer_t timer; /* ticks */
    struct buf out;
    char sample[SAMPLE];
    size_t sample_len;
    bool connected;
    bool settled;
    bool leaving; /* closed, and waits for the server */
    bool ended;   /* or closed */
    bool shut;    /* its handles are being closed */
    unsigned nhandles;
    struct amqp_watch watch;
    uv_loop_t *loop;
    uint64_t heard_at;
};

static void
forget_handle(void *ctx)
{
    struct amqp_session *session = ctx;
    if (--session->nhandles > 0)
        return;
    const struct amqp_session_handler handler = session->handler;
    amqp_framer_close(&session->framer);
    empty_amqp_pool(&session->pool);
    buf_close(&session->out);
    url_close(&session->url);
    free(session);
    handler.closed(handler.ctx);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    forget_handle(handle->data);
}

static void
shut(struct amqp_session *session)
{
    if (session->shut)
        return;
    session->shut = true;
    session->ended = true;
    stream_close(session->stream);
    uv_close((uv_handle_t *)&session->timer, on_timer_closed);
}

void
amqp_session_fail(struct amqp_session *session, enum broker_reason reason,
                  const char *why)
{
    const bool ended = session->ended;
    shut(session);
    if (!ended)
        session->handler.ended(session->handler.ctx, reason, why);
}

void
amqp_session_refuse(struct amqp_session *session, uint16_t code,
                    struct str text)
{
    char why[320];
    amqp_words_of_code(why, sizeof(why), code, text);
    amqp_session_fail(session, amqp_reason_of_code(code, text), why);
}

static void on_tick(uv_timer_t *timer);

/* Sending */

static void
flush(struct amqp_session *session)
{
    struct buf *out = &session->out;
    if (!buf_ok(out))
        amqp_session_fail(session, BROKER_ERROR,
                          "a name in the configuration is too long for AMQP");
    else if (!session->shut)
        stream_write(session->stream, buf_str(out));
    explicit_bzero(out->ptr, out->len);
    buf_clear(out);
}

void
amqp_session_send(struct amqp_session *session, uint16_t channel,
                  amqp_method_number_t id, void *method)
{
    if (session->shut)
        return;
    amqp_add_method(&session->out, channel, id, method);
    flush(session);
}

void
amqp_session_publish(struct amqp_session *session, uint16_t channel,
                     struct str exchange, struct str body)
{
    if (session->ended)
        return;
    amqp_add_message(&session->out, channel, exchange, body,
                     session->framer.frame_max);
    flush(session);
}

void
amqp_session_close(struct amqp_session *session)
{
    if (session == NULL || session->ended)
        return;
    session->ended = true;
    if (!session->login.open) {
        shut(session);
        return;
    }
    amqp_connection_close_t close = {.reply_code = AMQP_REPLY_SUCCESS};
    session->leaving = true;
    amqp_session_send(session, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
    uv_timer_start(&session->timer, on_tick, LEAVE_MS, 0);
}

void
amqp_session_settle(struct amqp_session *session)
{
    session->settled = true;
}

/* Channel 0 */

static void
on_close(struct amqp_session *session, const amqp_connection_close_t *close)
{
    amqp_connection_close_ok_t ok = {0};
    amqp_session_send(session, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
    amqp_session_refuse(session, close->reply_code,
                        amqp_str(close->reply_text));
}

static void
on_login_method(struct amqp_session *session, const amqp_method_t *method)
{
    const char *why = NULL;
    enum broker_reason reason = BROKER_PROTOCOL;
    if (!amqp_login_answer(&session->login, &session->url, method,
                           &session->out, &reason, &why)) {
        amqp_session_fail(session, reason, why);
        return;
    }
    session->framer.frame_max = session->login.frame_max;
    if (session->out.len > 0)
        flush(session);
    if (session->login.open && !session->ended)
        session->handler.ready(session->handler.ctx);
}

static void
on_method(struct amqp_session *session, const amqp_method_t *method)
{
    if (method->id == AMQP_CONNECTION_CLOSE_METHOD)
        on_close(session, method->decoded);
    else if (method->id == AMQP_CONNECTION_CLOSE_OK_METHOD && session->leaving)
        shut(session);
    else if (!session->login.open)
        on_login_method(session, method);
    else if (method->id == AMQP_CONNECTION_BLOCKED_METHOD)
        LOG(LOG_WARN,
            "The broker takes no messages for now: memory or disk "
            "is short. Events go on",
            NULL);
    else if (method->id == AMQP_CONNECTION_UNBLOCKED_METHOD)
        LOG(LOG_INFO, "The broker takes messages again", NULL);
    else
        amqp_session_fail(session, BROKER_PROTOCOL,
                          "the server sends what does not belong there");
}

static void
on_frame_of_connection(struct amqp_session *session,
                       const struct amqp_frame *frame)
{
    if (frame->type == AMQP_FRAME_HEARTBEAT)
        return;
    amqp_method_t method = {0};
    if (frame->type == AMQP_FRAME_METHOD &&
        amqp_read_method(frame->payload, &session->pool, &method))
        on_method(session, &method);
    else
        amqp_session_fail(session, BROKER_PROTOCOL,
                          "the server sends what cannot be understood");
    recycle_amqp_pool(&session->pool);
}

static bool
on_frame(void *ctx, const struct amqp_frame *frame)
{
    struct amqp_session *session = ctx;
    session->watch.nframes += frame->type != AMQP_FRAME_HEARTBEAT;
    if (frame->channel == 0)
        on_frame_of_connection(session, frame);
    else if (session->leaving)
        return true; /* was on its way */
    else if (!session->login.open || frame->channel > AMQP_CHANNEL_LAST ||
             !session->handler.frame(session->handler.ctx, frame))
        amqp_session_fail(session, BROKER_PROTOCOL,
                          "the server sends what does not belong there");
    return !session->shut;
}

/* The stream */

static void
keep_sample(struct amqp_session *session, struct str bytes)
{
    const size_t room = SAMPLE - session->sample_len;
    const size_t n = bytes.len < room ? bytes.len : room;
    memcpy(session->sample + session->sample_len, bytes.ptr, n);
    session->sample_len += n;
}

static void
on_bytes(void *ctx, struct str bytes)
{
    struct amqp_session *session = ctx;
    if (session->shut)
        return;
    session->watch.heard = true;
    session->heard_at = uv_now(session->loop);
    if (session->sample_len < SAMPLE)
        keep_sample(session, bytes);
    const struct str sample = {session->sample, session->sample_len};
    if (amqp_framer_feed(&session->framer, bytes, on_frame, session) !=
        AMQP_FRAMING_OK)
        amqp_session_fail(session, BROKER_PROTOCOL,
                          amqp_words_of_stranger(sample));
}

int64_t
amqp_session_unheard_ms(const struct amqp_session *session)
{
    return (int64_t)(uv_now(session->loop) - session->heard_at);
}

int64_t
amqp_session_not_after(const struct amqp_session *session)
{
    return stream_tls_not_after(session->stream);
}

static void
on_stream_ended(void *ctx, enum stream_end end, int error)
{
    struct amqp_session *session = ctx;
    char why[STREAM_MAX_WORDS];
    /* Whoever speaks TLS is not asked for it. */
    const bool login = !session->settled && !session->url.tls.on;
    if (end == STREAM_TLS)
        snprintf(why, sizeof(why), "%s", stream_tls_words(session->stream));
    else
        redis_words_of_end(why, sizeof(why), end, error, login);
    amqp_session_fail(session, redis_reason_of_end(end, session->connected),
                      why);
}

static void
send_heartbeat(struct amqp_session *session)
{
    amqp_add_heartbeat(&session->out);
    flush(session);
}

static bool
is_pending(const struct amqp_session *session)
{
    return amqp_framer_pending(&session->framer) ||
           session->handler.pending(session->handler.ctx);
}

static void
on_tick(uv_timer_t *timer)
{
    struct amqp_session *session = timer->data;
    if (session->leaving) {
        shut(session);
        return;
    }
    struct amqp_watch *watch = &session->watch;
    amqp_watch_tick(watch, is_pending(session));
    const int64_t heartbeat_s =
        session->login.open ? session->login.heartbeat_s : 0;
    if (!session->settled && amqp_watch_is_late(watch))
        amqp_session_fail(session, BROKER_TIMEOUT,
                          "connected, but no answer to the login (is it "
                          "RabbitMQ?)");
    else if (amqp_watch_is_silent(watch, heartbeat_s))
        amqp_session_fail(session, BROKER_SILENT,
                          "the server does not answer any more");
    else if (amqp_watch_is_stuck(watch))
        amqp_session_fail(session, BROKER_SILENT,
                          "the server does not finish what it began to send");
    else if (amqp_watch_is_time(watch, heartbeat_s))
        send_heartbeat(session);
}

static void
on_connected(void *ctx)
{
    struct amqp_session *session = ctx;
    session->connected = true;
    uv_timer_start(&session->timer, on_tick, AMQP_TICK_MS, AMQP_TICK_MS);
    stream_write(session->stream, amqp_protocol_header);
}

struct amqp_session *
amqp_session_new(uv_loop_t *loop, const struct url *url, size_t burst_buffer,
                 const struct amqp_session_handler *handler)
{
    struct amqp_session *session = xcalloc(1, sizeof(*session));
    *session = (struct amqp_session){
        .handler = *handler,
        .loop = loop,
        .heard_at = uv_now(loop),
        .login.frame_max = AMQP_FRAME_MOST,
        .nhandles = 2,
    };
    url_copy(&session->url, url);
    url = &session->url;
    amqp_framer_init(&session->framer, AMQP_FRAME_MOST);
    init_amqp_pool(&session->pool, AMQP_FRAME_MIN);
    uv_timer_init(loop, &session->timer);
    session->timer.data = session;
    const int64_t connect_ms = 1000 * url->connect_timeout_s;
    session->stream =
        stream_new(loop,
                   &(struct stream_config){
                       .host = url->host,
                       .port = url->port,
                       .tls = url->tls.on ? &url->tls : NULL,
                       .handshake_ms = STREAM_HANDSHAKE_MS,
                       .connect_ms = connect_ms > 0 ? connect_ms : CONNECT_MS,
                       .user_timeout_ms = USER_TIMEOUT_MS,
                       .in_max = burst_buffer,
                       .out_max = OUT_MAX,
                   },
                   &(struct stream_handler){
                       .connected = on_connected,
                       .bytes = on_bytes,
                       .ended = on_stream_ended,
                       .closed = forget_handle,
                       .ctx = session,
                   });
    return session;
}
