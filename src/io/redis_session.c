#include "io/redis_session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "io/redis_queue.h"
#include "io/redis_words.h"
#include "io/stream.h"

enum {
    OUT_MAX = 4 * 1024 * 1024,
    USER_TIMEOUT_MS = 10 * 1000,
    SAMPLE = 8, /* first bytes, to guess what answers */
};

struct redis_session {
    uv_loop_t *loop;
    struct redis_session_config config;
    struct url url;
    struct redis_session_handler handler;
    struct stream *stream;
    struct resp *resp;
    uv_timer_t timer; /* login deadline, then ticks */
    struct redis_queue queue;
    struct buf out;
    char sample[SAMPLE];
    size_t sample_len;
    unsigned nlogin; /* answers that the login waits for */
    bool connected;
    bool settled;
    bool db_refused;
    bool subscriber;
    bool ended; /* or closed */
    unsigned nhandles;

    bool heard; /* bytes since the last tick */
    uint64_t heard_at;
    uint64_t nreplies;
    uint64_t nreplies_at_tick;
    unsigned silent_ticks;
    unsigned frame_ticks;
};

static void
forget_handle(void *ctx)
{
    struct redis_session *session = ctx;
    if (--session->nhandles > 0)
        return;
    const struct redis_session_handler handler = session->handler;
    resp_free(session->resp);
    buf_close(&session->out);
    url_close(&session->url);
    redis_queue_close(&session->queue);
    free(session);
    handler.closed(handler.ctx);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    forget_handle(handle->data);
}

void
redis_session_close(struct redis_session *session)
{
    if (session == NULL || session->ended)
        return;
    session->ended = true;
    if (session->resp != NULL)
        resp_stop(session->resp);
    stream_close(session->stream);
    uv_close((uv_handle_t *)&session->timer, on_timer_closed);
    struct redis_waiter waiter;
    while (redis_queue_take(&session->queue, &waiter))
        if (waiter.fn != NULL)
            waiter.fn(waiter.ctx, NULL);
}

void
redis_session_fail(struct redis_session *session, enum broker_reason reason,
                   const char *why)
{
    if (session->ended)
        return;
    redis_session_close(session);
    session->handler.ended(session->handler.ctx, reason, why);
}

void
redis_session_refuse(struct redis_session *session, struct str error)
{
    char why[256];
    snprintf(why, sizeof(why), "the server says: %.*s",
             (int)(error.len < 200 ? error.len : 200), error.ptr);
    redis_session_fail(session, redis_error_reason(error), why);
}

static void
on_ended(void *ctx, enum stream_end end, int error)
{
    struct redis_session *session = ctx;
    char why[STREAM_MAX_WORDS];
    /* Whoever speaks TLS is not asked for it. */
    const bool login = !session->settled && !session->url.tls.on;
    if (end == STREAM_TLS)
        snprintf(why, sizeof(why), "%s", stream_tls_words(session->stream));
    else
        redis_words_of_end(why, sizeof(why), end, error, login);
    redis_session_fail(session, redis_reason_of_end(end, session->connected),
                       why);
}

static bool
is_error(const struct resp_reply *reply)
{
    return !reply->array && reply->items[0].type == RESP_ERROR;
}

static bool
is_pong(const struct resp_reply *reply)
{
    return reply->array && reply->nitems == 2 &&
           reply->items[0].type == RESP_STRING &&
           str_eq(reply->items[0].str, STR("pong"));
}

static void
on_reply(void *ctx, const struct resp_reply *reply)
{
    struct redis_session *session = ctx;
    session->nreplies++;
    struct redis_waiter waiter;
    if (redis_queue_take(&session->queue, &waiter)) {
        if (waiter.fn != NULL)
            waiter.fn(waiter.ctx, reply);
        return;
    }
    if (session->subscriber) {
        /* An error can only be the answer to a PING (BUSY, NOPERM), and as
         * such a sign of life. */
        if (reply->array && !is_pong(reply))
            session->handler.push(session->handler.ctx, reply);
        return;
    }
    if (is_error(reply))
        redis_session_refuse(session, reply->items[0].str);
    else
        redis_session_fail(session, BROKER_PROTOCOL,
                           "the server answers what was not asked");
}

static void
keep_sample(struct redis_session *session, struct str bytes)
{
    const size_t room = SAMPLE - session->sample_len;
    const size_t n = bytes.len < room ? bytes.len : room;
    memcpy(session->sample + session->sample_len, bytes.ptr, n);
    session->sample_len += n;
}

static void
on_bytes(void *ctx, struct str bytes)
{
    struct redis_session *session = ctx;
    if (session->ended)
        return;
    session->heard = true;
    session->heard_at = uv_now(session->loop);
    keep_sample(session, bytes);
    if (resp_feed(session->resp, bytes) != RESP_OK)
        redis_session_fail(session, BROKER_PROTOCOL,
                           redis_words_of_stranger((struct str){
                               session->sample, session->sample_len}));
}

bool
redis_session_send(struct redis_session *session, const struct str *args,
                   size_t n, redis_reply_fn fn, void *ctx)
{
    if (session->ended ||
        (!session->subscriber && !redis_queue_add(&session->queue, fn, ctx)))
        return false;
    resp_command(&session->out, args, n);
    stream_write(session->stream, buf_str(&session->out));
    explicit_bzero(session->out.ptr, session->out.len);
    buf_clear(&session->out);
    return true;
}

bool
redis_session_is_for(const struct redis_session *session, const struct url *url)
{
    return url_eq(&session->url, url);
}

int64_t
redis_session_not_after(const struct redis_session *session)
{
    return stream_tls_not_after(session->stream);
}

int64_t
redis_session_unheard_ms(const struct redis_session *session)
{
    return (int64_t)(uv_now(session->loop) - session->heard_at);
}

bool
redis_session_db_refused(const struct redis_session *session)
{
    return session->db_refused;
}

static void
login_answered(struct redis_session *session)
{
    if (--session->nlogin == 0)
        session->handler.ready(session->handler.ctx);
}

static void
on_auth(void *ctx, const struct resp_reply *reply)
{
    struct redis_session *session = ctx;
    if (reply == NULL)
        return;
    if (is_error(reply)) {
        const struct str error = reply->items[0].str;
        /* Not the server's words: some repeat what they were sent. */
        redis_session_fail(session, redis_error_reason(error),
                           redis_words_of_auth(error, &session->url));
        return;
    }
    login_answered(session);
}

static void
on_select(void *ctx, const struct resp_reply *reply)
{
    struct redis_session *session = ctx;
    if (reply == NULL)
        return;
    if (is_error(reply)) {
        const struct str error = reply->items[0].str;
        /* Publishing and subscribing know no databases. */
        if (redis_error_reason(error) != BROKER_PERMISSION) {
            redis_session_refuse(session, error);
            return;
        }
        session->db_refused = true;
    }
    login_answered(session);
}

static void
send_auth(struct redis_session *session)
{
    const struct url *url = &session->url;
    if (url->user == NULL && url->password == NULL)
        return;
    struct str args[3] = {STR("AUTH")};
    size_t n = 1;
    if (url->user != NULL)
        args[n++] = str_from(url->user);
    args[n++] = str_from(url->password);
    session->nlogin++;
    redis_session_send(session, args, n, on_auth, session);
}

static void
send_select(struct redis_session *session)
{
    const int db = session->url.db;
    if (db == 0)
        return;
    char digits[16];
    snprintf(digits, sizeof(digits), "%d", db);
    const struct str args[] = {STR("SELECT"), str_from(digits)};
    session->nlogin++;
    redis_session_send(session, args, COUNT_OF(args), on_select, session);
}

static void
on_login_timeout(uv_timer_t *timer)
{
    redis_session_fail(timer->data, BROKER_TIMEOUT,
                       "connected, but no answer to the login");
}

static void
on_connected(void *ctx)
{
    struct redis_session *session = ctx;
    session->connected = true;
    if (session->resp == NULL) {
        redis_session_fail(session, BROKER_ERROR, "out of memory");
        return;
    }
    uv_timer_start(&session->timer, on_login_timeout,
                   (uint64_t)session->config.deadlines->login_ms, 0);
    session->nlogin = 1;
    send_auth(session);
    send_select(session);
    if (!session->ended)
        login_answered(session);
}

static void
on_tick(uv_timer_t *timer)
{
    struct redis_session *session = timer->data;
    const struct redis_deadlines *deadlines = session->config.deadlines;
    session->silent_ticks = session->heard ? 0 : session->silent_ticks + 1;
    const bool stuck = resp_pending(session->resp) &&
                       session->nreplies == session->nreplies_at_tick;
    session->frame_ticks = stuck ? session->frame_ticks + 1 : 0;
    session->heard = false;
    session->nreplies_at_tick = session->nreplies;
    if (session->silent_ticks >= deadlines->dead_ticks)
        redis_session_fail(session, BROKER_SILENT,
                           "the server does not answer any more");
    else if (session->frame_ticks >= deadlines->frame_ticks)
        redis_session_fail(session, BROKER_SILENT,
                           "the server does not finish what it began to send");
    else if (session->silent_ticks == deadlines->ping_ticks)
        redis_session_send(session, &(const struct str)STR_INIT("PING"), 1,
                           NULL, NULL);
}

void
redis_session_settle(struct redis_session *session, bool subscriber)
{
    const uint64_t ms = (uint64_t)session->config.deadlines->tick_ms;
    session->settled = true;
    session->subscriber = subscriber;
    uv_timer_start(&session->timer, on_tick, ms, ms);
}

struct redis_session *
redis_session_new(uv_loop_t *loop, const struct redis_session_config *config,
                  const struct redis_session_handler *handler)
{
    struct redis_session *session = xcalloc(1, sizeof(*session));
    *session = (struct redis_session){
        .loop = loop,
        .heard_at = uv_now(loop),
        .config = *config,
        .handler = *handler,
        .nhandles = 2,
    };
    session->resp = resp_new(&config->limits, on_reply, session);
    uv_timer_init(loop, &session->timer);
    session->timer.data = session;
    url_copy(&session->url, config->url);
    session->config.url = NULL;
    const struct url *url = &session->url;
    session->stream =
        stream_new(loop,
                   &(struct stream_config){
                       .host = url->host,
                       .port = url->port,
                       .path = url->path,
                       .tls = url->tls.on ? &url->tls : NULL,
                       .handshake_ms = STREAM_HANDSHAKE_MS,
                       .connect_ms = config->deadlines->connect_ms,
                       .user_timeout_ms = USER_TIMEOUT_MS,
                       .in_max = config->burst_buffer,
                       .out_max = OUT_MAX,
                   },
                   &(struct stream_handler){
                       .connected = on_connected,
                       .bytes = on_bytes,
                       .ended = on_ended,
                       .closed = forget_handle,
                       .ctx = session,
                   });
    return session;
}
