#include "io/broker_redis.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "io/reconnect.h"
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

struct redis_broker {
    struct broker base;
    uv_loop_t *loop;
    struct broker_config config;
    struct broker_handler handler;
    const struct redis_deadlines *deadlines;
    struct reconnect reconnect;
    struct redis_session *sub;
    struct redis_control *control;
    struct buf scratch;
    unsigned nopen; /* sessions, the timer and the control connection */
    void (*done)(void *ctx);
    void *done_ctx;
};

static const struct url *
current_url(const struct redis_broker *broker)
{
    return reconnect_url(&broker->reconnect);
}

static void
forget_handle(void *ctx)
{
    struct redis_broker *broker = ctx;
    if (--broker->nopen > 0)
        return;
    void (*done)(void *) = broker->done;
    void *done_ctx = broker->done_ctx;
    buf_close(&broker->scratch);
    free(broker);
    done(done_ctx);
}

/* Events */

static void
take_payload(struct redis_broker *broker, const struct resp_item *payload,
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
    struct redis_broker *broker = ctx;
    const struct resp_item *items = reply->items;
    if (reply->nitems == 4 && str_eq(items[0].str, STR("pmessage")))
        take_payload(broker, &items[3], reply->wire_bytes);
    else if (reply->nitems == 3 && str_eq(items[0].str, STR("message")))
        take_payload(broker, &items[2], reply->wire_bytes);
}

/* Subscription */

static void
go_up(struct redis_broker *broker)
{
    redis_session_settle(broker->sub, true);
    reconnect_up(&broker->reconnect);
    redis_control_follow(broker->control, current_url(broker));
    broker->handler.up(broker->handler.ctx);
}

static void
on_subscribed(void *ctx, const struct resp_reply *reply)
{
    struct redis_broker *broker = ctx;
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
    struct redis_broker *broker = ctx;
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

static void
on_ended(void *ctx, enum broker_reason reason, const char *why)
{
    struct redis_broker *broker = ctx;
    broker->sub = NULL;
    if (reconnect_later(&broker->reconnect, reason, why)) {
        redis_control_rest(broker->control);
        broker->handler.down(broker->handler.ctx, reason);
    } else {
        broker->handler.failed(broker->handler.ctx, reason);
    }
}

static void
attempt(void *ctx)
{
    struct redis_broker *broker = ctx;
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

static struct broker *new (uv_loop_t *loop, const struct broker_config *config,
                           const struct broker_handler *handler)
{
    struct redis_broker *broker = xcalloc(1, sizeof(*broker));
    *broker = (struct redis_broker){
        .base.transport = &broker_redis,
        .loop = loop,
        .config = *config,
        .handler = *handler,
        .deadlines = &redis_deadlines_default,
        .nopen = 2,
    };
    buf_init(&broker->scratch, 0);
    broker->control = redis_control_new(loop, &broker->config,
                                        broker->deadlines, &broker->handler);
    reconnect_init(&broker->reconnect, loop, &broker->config, attempt, broker);
    return &broker->base;
}

static bool
broadcast(struct broker *base, struct str command)
{
    return redis_control_broadcast(((struct redis_broker *)base)->control,
                                   command);
}

static struct str
reply_key(const struct broker *base)
{
    return redis_control_reply_key(
        ((const struct redis_broker *)base)->control);
}

static void
collect_replies(struct broker *base, bool on)
{
    redis_control_collect(((struct redis_broker *)base)->control, on);
}

static bool
ask_queue(struct broker *base, struct str name)
{
    return redis_control_ask_queue(((struct redis_broker *)base)->control,
                                   name);
}

static void
free_broker(struct broker *base, void (*done)(void *ctx), void *ctx)
{
    struct redis_broker *broker = (struct redis_broker *)base;
    broker->done = done;
    broker->done_ctx = ctx;
    redis_session_close(broker->sub);
    reconnect_close(&broker->reconnect, forget_handle);
    redis_control_free(broker->control, forget_handle, broker);
}

const struct broker_transport broker_redis = {
    .new = new,
    .broadcast = broadcast,
    .reply_key = reply_key,
    .collect_replies = collect_replies,
    .ask_queue = ask_queue,
    .free = free_broker,
    .probe = redis_probe,
};
