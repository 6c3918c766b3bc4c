#include "io/broker_redis.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "io/reconnect.h"
#include "io/redis_control.h"
#include "io/redis_master.h"
#include "io/redis_subscribe.h"
#include "io/sentinel_reply.h"
#include "wire/envelopes.h"

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
    struct redis_subscription subscription;
    struct redis_control *control;
    struct redis_master master; /* idle unless behind Sentinels */
    struct envelopes *envelopes;
    struct buf scratch;
    unsigned nopen; /* sessions, the timer and the control connection */
    void (*done)(void *ctx);
    void *done_ctx;
};

static const struct url *
current_url(const struct redis_broker *broker)
{
    return sentinel_wanted(&broker->config) ? &broker->master.url
                                            : reconnect_url(&broker->reconnect);
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
    envelopes_free(broker->envelopes);
    reconnect_free(&broker->reconnect);
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
    const enum reject reject = envelopes_decode(broker->envelopes, payload->str,
                                                &broker->scratch, &message);
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
on_subscribed(void *ctx)
{
    struct redis_broker *broker = ctx;
    redis_session_settle(broker->sub, true);
    reconnect_up(&broker->reconnect);
    redis_control_follow(broker->control, current_url(broker));
    if (sentinel_wanted(&broker->config))
        redis_master_look_after(&broker->master);
    broker->handler.up(broker->handler.ctx);
}

static void
subscribe(struct redis_broker *broker)
{
    redis_subscribe(&broker->subscription, broker->sub,
                    current_url(broker)->db);
}

static void
on_role(void *ctx, const struct resp_reply *reply)
{
    struct redis_broker *broker = ctx;
    if (reply == NULL)
        return;
    switch (redis_read_role(reply)) {
    case REDIS_ROLE_MASTER:
    case REDIS_ROLE_HIDDEN:
        subscribe(broker);
        break;
    case REDIS_ROLE_OTHER:
        redis_session_fail(broker->sub, BROKER_MASTER,
                           "the Sentinels name this server, but it is no "
                           "master");
        break;
    case REDIS_ROLE_ERROR:
        redis_session_refuse(broker->sub, reply->items[0].str);
        break;
    }
}

static void
tell_of_certificate(const struct redis_broker *broker)
{
    const int64_t not_after_s = redis_session_not_after(broker->sub);
    if (not_after_s != 0)
        broker->handler.certificate(broker->handler.ctx, not_after_s);
}

static void
on_ready(void *ctx)
{
    struct redis_broker *broker = ctx;
    tell_of_certificate(broker);
    if (sentinel_wanted(&broker->config))
        redis_session_send(broker->sub, &(const struct str)STR_INIT("ROLE"), 1,
                           on_role, broker);
    else
        subscribe(broker);
}

/* Ends an attempt, or a subscription. */
static void
retry(struct redis_broker *broker, enum broker_reason reason, const char *why,
      int64_t unheard_ms)
{
    const bool was_up = reconnect_later(&broker->reconnect, reason, why);
    redis_master_rest(&broker->master);
    if (was_up && sentinel_wanted(&broker->config))
        redis_control_leave(broker->control); /* the next may be another */
    else if (was_up)
        redis_control_rest(broker->control);
    if (was_up)
        broker->handler.down(broker->handler.ctx, reason, unheard_ms);
    else
        broker->handler.failed(broker->handler.ctx, reason);
}

static void
on_ended(void *ctx, enum broker_reason reason, const char *why)
{
    struct redis_broker *broker = ctx;
    tell_of_certificate(broker);
    const int64_t unheard_ms = redis_session_unheard_ms(broker->sub);
    broker->sub = NULL;
    retry(broker, reason, why, broker_unheard_ms(reason, unheard_ms));
}

static void
connect_to(struct redis_broker *broker, const struct url *url)
{
    const bool behind = sentinel_wanted(&broker->config);
    broker->nopen++;
    broker->sub = redis_session_new(
        broker->loop,
        &(struct redis_session_config){
            .url = url,
            .deadlines = broker->deadlines,
            .limits = {.max_string = broker->config.event_max_bytes,
                       .max_items = behind ? REDIS_ROLE_ITEMS : MAX_ITEMS},
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

/* Sentinels */

static void
on_found(void *ctx, const struct url *url)
{
    struct redis_broker *broker = ctx;
    reconnect_name(&broker->reconnect, url);
    connect_to(broker, url);
}

static void
on_not_found(void *ctx, enum broker_reason reason, const char *why)
{
    retry(ctx, reason, why, 0);
}

static void
leave(struct redis_broker *broker, const char *why)
{
    if (broker->done == NULL && broker->sub != NULL)
        redis_session_fail(broker->sub, BROKER_MASTER, why);
}

static void
on_moved(void *ctx)
{
    leave(ctx, "the Sentinels name another master now");
}

static void
on_demoted(void *ctx)
{
    leave(ctx, "the server is no master any more");
}

static void
attempt(void *ctx)
{
    struct redis_broker *broker = ctx;
    if (sentinel_wanted(&broker->config))
        redis_master_find(&broker->master);
    else
        connect_to(broker, current_url(broker));
}

struct broker *
broker_redis_new(uv_loop_t *loop, const struct broker_config *config,
                 const struct broker_handler *handler,
                 const struct redis_deadlines *deadlines)
{
    struct redis_broker *broker = xcalloc(1, sizeof(*broker));
    *broker = (struct redis_broker){
        .base.transport = &broker_redis,
        .loop = loop,
        .config = *config,
        .handler = *handler,
        .deadlines = deadlines,
        .nopen = 3,
    };
    redis_master_init(&broker->master, loop, &broker->config,
                      &(struct redis_master_handler){
                          .found = on_found,
                          .failed = on_not_found,
                          .moved = on_moved,
                          .ctx = broker,
                      });
    broker->envelopes = envelopes_new();
    buf_init(&broker->scratch, 0);
    broker->control = redis_control_new(loop, &broker->config,
                                        broker->deadlines, &broker->handler);
    redis_subscription_init(&broker->subscription, &broker->config,
                            on_subscribed, broker);
    if (sentinel_wanted(&broker->config))
        redis_control_watch(broker->control, on_demoted, broker);
    reconnect_init(&broker->reconnect, loop, &broker->config, attempt, broker);
    return &broker->base;
}

static struct broker *
new_default(uv_loop_t *loop, const struct broker_config *config,
            const struct broker_handler *handler)
{
    return broker_redis_new(loop, config, handler,
                            sentinel_wanted(config) ? &redis_deadlines_sentinel
                                                    : &redis_deadlines_default);
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

static bool
ask_unacked(struct broker *base)
{
    return redis_control_ask_unacked(((struct redis_broker *)base)->control);
}

static bool
ask_bindings(struct broker *base)
{
    return redis_control_ask_bindings(((struct redis_broker *)base)->control);
}

static void
free_broker(struct broker *base, void (*done)(void *ctx), void *ctx)
{
    struct redis_broker *broker = (struct redis_broker *)base;
    broker->done = done;
    broker->done_ctx = ctx;
    redis_master_close(&broker->master, forget_handle);
    redis_session_close(broker->sub);
    reconnect_close(&broker->reconnect, forget_handle);
    redis_control_free(broker->control, forget_handle, broker);
}

const struct broker_transport broker_redis = {
    .new = new_default,
    .broadcast = broadcast,
    .reply_key = reply_key,
    .collect_replies = collect_replies,
    .ask_queue = ask_queue,
    .ask_unacked = ask_unacked,
    .ask_bindings = ask_bindings,
    .free = free_broker,
    .probe = redis_probe,
};
