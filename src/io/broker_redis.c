#include "io/broker_redis.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "io/backoff.h"
#include "io/redis_control.h"
#include "io/redis_names.h"
#include "wire/kombu.h"

const struct redis_deadlines redis_deadlines_default = {
    .connect_ms = 3000,
    .login_ms = 5000,
    .tick_ms = 500,
    .ping_ticks = 6,
    .dead_ticks = 19,
    .frame_ticks = 60,
    .poll_ms = 50,
    .probe_ms = 3000,
    .cleanup_ms = 800,
};

enum {
    MAX_ITEMS = 16,
    /* Scratch memory of a giant message is not kept. */
    KEEP_SCRATCH = 256 * 1024,
};

struct broker {
    uv_loop_t *loop;
    struct broker_config config;
    struct broker_handler handler;
    const struct redis_deadlines *deadlines;
    size_t url_index;
    struct buf redacted; /* the URL in use, for the log, NUL-terminated */
    struct backoff backoff;
    size_t nrefused; /* URLs in a row that refused the credentials */
    uv_timer_t retry;
    struct redis_session *sub;
    bool up;
    uint64_t up_since;
    struct redis_control *control;
    struct buf scratch;
    unsigned nopen; /* sessions, timers and the control connection */
    bool freeing;
    void (*done)(void *ctx);
    void *done_ctx;
};

static const struct url *
current_url(const struct broker *broker)
{
    return &broker->config.urls.urls[broker->url_index];
}

static void
forget_handle(void *ctx)
{
    struct broker *broker = ctx;
    if (--broker->nopen > 0)
        return;
    void (*done)(void *) = broker->done;
    void *done_ctx = broker->done_ctx;
    buf_close(&broker->redacted);
    buf_close(&broker->scratch);
    free(broker);
    done(done_ctx);
}

/* Events */

static void
take_payload(struct broker *broker, const struct resp_item *payload,
             size_t wire_bytes)
{
    const struct broker_handler *handler = &broker->handler;
    if (payload->type != RESP_STRING) {
        handler->reject(handler->ctx,
                        payload->type == RESP_SKIPPED ? REJECT_SIZE
                                                      : REJECT_ENVELOPE,
                        wire_bytes);
        return;
    }
    struct message message;
    const enum reject reject =
        kombu_decode(payload->str, &broker->scratch, &message);
    if (reject == REJECT_NONE) {
        message.wire_bytes = wire_bytes;
        handler->message(handler->ctx, &message);
    } else {
        handler->reject(handler->ctx, reject, wire_bytes);
    }
    if (broker->scratch.cap > KEEP_SCRATCH)
        buf_close(&broker->scratch);
    buf_clear(&broker->scratch);
}

static void
on_push(void *ctx, const struct resp_reply *reply)
{
    struct broker *broker = ctx;
    const struct resp_item *items = reply->items;
    if (reply->nitems == 4 && str_eq(items[0].str, STR("pmessage")))
        take_payload(broker, &items[3], reply->wire_bytes);
    else if (reply->nitems == 3 && str_eq(items[0].str, STR("message")))
        take_payload(broker, &items[2], reply->wire_bytes);
}

/* Subscription */

static void
go_up(struct broker *broker)
{
    broker->up = true;
    broker->up_since = uv_now(broker->loop);
    broker->nrefused = 0;
    redis_session_settle(broker->sub, true);
    LOG(LOG_INFO, "Connected to the broker", "url", broker->redacted.ptr, NULL);
    redis_control_follow(broker->control, current_url(broker));
    broker->handler.up(broker->handler.ctx);
}

static void
on_subscribed(void *ctx, const struct resp_reply *reply)
{
    struct broker *broker = ctx;
    if (reply == NULL)
        return;
    const struct resp_item *items = reply->items;
    if (!reply->array && items[0].type == RESP_ERROR)
        redis_session_refuse(broker->sub, items[0].str);
    else if (!reply->array || reply->nitems != 3 ||
             items[2].type != RESP_INTEGER)
        redis_session_fail(broker->sub, BROKER_PROTOCOL,
                           "the server does not confirm the subscription");
    else
        go_up(broker);
}

static void
on_ready(void *ctx)
{
    struct broker *broker = ctx;
    struct buf channel;
    buf_init(&channel, 0);
    redis_event_channel(&channel, &broker->config, current_url(broker)->db);
    const struct str args[] = {
        broker->config.fanout_patterns ? STR("PSUBSCRIBE") : STR("SUBSCRIBE"),
        buf_str(&channel),
    };
    redis_session_send(broker->sub, args, COUNT_OF(args), on_subscribed,
                       broker);
    buf_close(&channel);
}

static void try_later(struct broker *broker, enum broker_reason reason,
                      bool was_up, const char *why);

static void
on_ended(void *ctx, enum broker_reason reason, const char *why)
{
    struct broker *broker = ctx;
    const bool was_up = broker->up;
    broker->sub = NULL;
    broker->up = false;
    if (was_up) {
        redis_control_rest(broker->control);
        backoff_held(&broker->backoff,
                     (int64_t)(uv_now(broker->loop) - broker->up_since));
    }
    try_later(broker, reason, was_up, why);
    if (was_up)
        broker->handler.down(broker->handler.ctx, reason);
    else
        broker->handler.failed(broker->handler.ctx, reason);
}

static void
on_retry(uv_timer_t *timer)
{
    struct broker *broker = timer->data;
    buf_clear(&broker->redacted);
    url_redacted(current_url(broker), &broker->redacted);
    buf_add_byte(&broker->redacted, '\0');
    broker->nopen++;
    broker->sub = redis_session_new(
        broker->loop,
        &(struct redis_session_config){
            .url = current_url(broker),
            .deadlines = broker->deadlines,
            .limits = {.max_string = broker->config.event_max_bytes,
                       .max_items = MAX_ITEMS},
            .burst_buffer = broker->config.burst_buffer,
        },
        &(struct redis_session_handler){
            .ready = on_ready,
            .push = on_push,
            .ended = on_ended,
            .closed = forget_handle,
            .ctx = broker,
        });
}

/* The server that was lost is tried first; one that failed, last. */
static int64_t
next_delay(struct broker *broker, enum broker_reason reason, bool was_up)
{
    const uint64_t random = hash_key_random().seed;
    const size_t nurls = broker->config.urls.n;
    if (!was_up)
        broker->url_index = (broker->url_index + 1) % nurls;
    broker->nrefused = reason == BROKER_AUTH ? broker->nrefused + 1 : 0;
    return broker->nrefused >= nurls ? backoff_refused(&broker->backoff, random)
                                     : backoff_next(&broker->backoff, random);
}

static void
try_later(struct broker *broker, enum broker_reason reason, bool was_up,
          const char *why)
{
    const int64_t ms = next_delay(broker, reason, was_up);
    const char *name = broker_reason_name(reason).ptr;
    char retry[32];
    snprintf(retry, sizeof(retry), "%.1fs", (double)ms / 1000);
    const char *url = broker->redacted.ptr;
    if (was_up)
        LOG(LOG_WARN, "Lost the broker", "url", url, "reason", name, "err", why,
            "retry_in", retry, NULL);
    else
        LOG_LIMITED(LOG_WARN, name, "Cannot connect to the broker", "url", url,
                    "reason", name, "err", why, "retry_in", retry, NULL);
    uv_timer_start(&broker->retry, on_retry, (uint64_t)ms, 0);
}

struct broker *
broker_redis_new(uv_loop_t *loop, const struct broker_config *config,
                 const struct broker_handler *handler,
                 const struct redis_deadlines *deadlines)
{
    struct broker *broker = xcalloc(1, sizeof(*broker));
    *broker = (struct broker){
        .loop = loop,
        .config = *config,
        .handler = *handler,
        .deadlines = deadlines,
        .backoff.fixed_ms = config->retry_interval_s * 1000,
        .nopen = 2,
    };
    buf_init(&broker->redacted, 0);
    buf_init(&broker->scratch, 0);
    uv_timer_init(loop, &broker->retry);
    broker->retry.data = broker;
    broker->control =
        redis_control_new(loop, &broker->config, deadlines, &broker->handler);
    uv_timer_start(&broker->retry, on_retry,
                   (uint64_t)backoff_next(&broker->backoff, 0), 0);
    return broker;
}

bool
broker_broadcast(struct broker *broker, struct str command)
{
    return redis_control_broadcast(broker->control, command);
}

struct str
broker_reply_key(const struct broker *broker)
{
    return redis_control_reply_key(broker->control);
}

void
broker_collect_replies(struct broker *broker, bool on)
{
    redis_control_collect(broker->control, on);
}

bool
broker_ask_queue(struct broker *broker, struct str name)
{
    return redis_control_ask_queue(broker->control, name);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    forget_handle(handle->data);
}

void
broker_free(struct broker *broker, void (*done)(void *ctx), void *ctx)
{
    broker->done = done;
    broker->done_ctx = ctx;
    redis_session_close(broker->sub);
    uv_close((uv_handle_t *)&broker->retry, on_timer_closed);
    redis_control_free(broker->control, forget_handle, broker);
}
