#include "io/broker_amqp.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "io/amqp_lengths.h"
#include "io/amqp_plans.h"
#include "io/amqp_words.h"
#include "io/reconnect.h"
#include "io/refusals.h"

struct amqp_broker {
    struct broker base;
    uv_loop_t *loop;
    struct broker_config config;
    struct broker_handler handler;
    struct reconnect reconnect;
    struct amqp_session *session;

    struct amqp_plans plans;
    struct amqp_channel events, replies, commands;
    struct amqp_lengths lengths;
    struct refusals refusals;
    bool collecting;
    bool warned_replies;
    bool warned_commands;

    unsigned nopen; /* sessions and the timer */
    void (*done)(void *ctx);
    void *done_ctx;
};

static void
forget_handle(void *ctx)
{
    struct amqp_broker *broker = ctx;
    if (--broker->nopen > 0)
        return;
    void (*done)(void *) = broker->done;
    void *done_ctx = broker->done_ctx;
    amqp_channel_free(&broker->events);
    amqp_channel_free(&broker->replies);
    amqp_channel_free(&broker->commands);
    amqp_lengths_free(&broker->lengths);
    amqp_plans_close(&broker->plans);
    reconnect_free(&broker->reconnect);
    free(broker);
    done(done_ctx);
}

/* Events */

static void
on_events_ready(void *ctx)
{
    struct amqp_broker *broker = ctx;
    amqp_session_settle(broker->session);
    reconnect_up(&broker->reconnect);
    broker->handler.up(broker->handler.ctx);
}

static void
on_event_message(void *ctx, const struct message *message)
{
    struct amqp_broker *broker = ctx;
    broker->handler.message(broker->handler.ctx, message);
}

static void
on_event_reject(void *ctx, enum reject reason, size_t wire_bytes)
{
    struct amqp_broker *broker = ctx;
    broker->handler.reject(broker->handler.ctx, reason, wire_bytes);
}

static void
on_events_closed(void *ctx, uint16_t code, struct str text)
{
    struct amqp_broker *broker = ctx;
    if (code == 0)
        amqp_session_fail(broker->session, BROKER_CLOSED, text.ptr);
    else
        amqp_session_refuse(broker->session, code, text);
}

/* Remote control */

static void
on_replies_ready(void *ctx)
{
    struct amqp_broker *broker = ctx;
    refusals_note(&broker->refusals, REFUSAL_REPLIES, false);
}

/* The exchange is there. Whether it takes what is published will be seen. */
static void
on_commands_ready(void *ctx)
{
    struct amqp_broker *broker = ctx;
    refusals_note(&broker->refusals, REFUSAL_COMMANDS, false);
}

static void
on_reply(void *ctx, const struct message *message)
{
    struct amqp_broker *broker = ctx;
    if (broker->collecting)
        broker->handler.reply(broker->handler.ctx, message);
}

static void
on_reply_reject(void *ctx, enum reject reason, size_t wire_bytes)
{
    (void)ctx;
    (void)wire_bytes;
    const struct str name = reject_name(reason);
    LOG_LIMITED(LOG_WARN, name.ptr, "A worker's reply was refused", "reason",
                name.ptr, NULL);
}

static void
warn_once(bool *warned, const char *what, uint16_t code, struct str text)
{
    if (*warned)
        return;
    *warned = true;
    char why[320];
    amqp_words_of_code(why, sizeof(why), code, text);
    LOG(LOG_WARN, what, "err", why, NULL);
}

static void
on_replies_closed(void *ctx, uint16_t code, struct str text)
{
    struct amqp_broker *broker = ctx;
    warn_once(&broker->warned_replies, "Cannot receive replies of workers",
              code, text);
    refusals_note(&broker->refusals, REFUSAL_REPLIES, true);
}

static void
on_commands_closed(void *ctx, uint16_t code, struct str text)
{
    struct amqp_broker *broker = ctx;
    warn_once(&broker->warned_commands, "Cannot send commands to workers", code,
              text);
    refusals_note(&broker->refusals, REFUSAL_COMMANDS, true);
}

/* Connection */

static void
tell_of_certificate(const struct amqp_broker *broker)
{
    const int64_t not_after_s = amqp_session_not_after(broker->session);
    if (not_after_s != 0)
        broker->handler.certificate(broker->handler.ctx, not_after_s);
}

static void
on_ready(void *ctx)
{
    struct amqp_broker *broker = ctx;
    tell_of_certificate(broker);
    amqp_channel_attach(&broker->events, broker->session);
    amqp_channel_attach(&broker->commands, broker->session);
    amqp_channel_attach(&broker->replies, broker->session);
    amqp_lengths_attach(&broker->lengths, broker->session);
}

static bool
on_frame(void *ctx, const struct amqp_frame *frame)
{
    struct amqp_broker *broker = ctx;
    switch (frame->channel) {
    case AMQP_CHANNEL_EVENTS:
        return amqp_channel_take(&broker->events, frame);
    case AMQP_CHANNEL_REPLIES:
        return amqp_channel_take(&broker->replies, frame);
    case AMQP_CHANNEL_COMMANDS:
        return amqp_channel_take(&broker->commands, frame);
    case AMQP_CHANNEL_LENGTHS:
        return amqp_lengths_take(&broker->lengths, frame);
    default:
        return false;
    }
}

static bool
is_pending(void *ctx)
{
    const struct amqp_broker *broker = ctx;
    return amqp_content_pending(&broker->events.content) ||
           amqp_content_pending(&broker->replies.content);
}

static void
lose_channels(struct amqp_broker *broker)
{
    broker->session = NULL;
    amqp_channel_lose(&broker->events);
    amqp_channel_lose(&broker->replies);
    amqp_channel_lose(&broker->commands);
    amqp_lengths_lose(&broker->lengths);
}

static void
on_ended(void *ctx, enum broker_reason reason, const char *why)
{
    struct amqp_broker *broker = ctx;
    tell_of_certificate(broker);
    const int64_t unheard_ms = amqp_session_unheard_ms(broker->session);
    lose_channels(broker);
    if (reconnect_later(&broker->reconnect, reason, why))
        broker->handler.down(broker->handler.ctx, reason,
                             broker_unheard_ms(reason, unheard_ms));
    else
        broker->handler.failed(broker->handler.ctx, reason);
}

static void
attempt(void *ctx)
{
    struct amqp_broker *broker = ctx;
    broker->nopen++;
    amqp_plans_rename(&broker->plans);
    broker->session =
        amqp_session_new(broker->loop, reconnect_url(&broker->reconnect),
                         broker->config.burst_buffer,
                         &(struct amqp_session_handler){
                             .ready = on_ready,
                             .frame = on_frame,
                             .pending = is_pending,
                             .ended = on_ended,
                             .closed = forget_handle,
                             .ctx = broker,
                         });
}

static void
init_channels(struct amqp_broker *broker)
{
    const size_t most = broker->config.event_max_bytes;
    amqp_channel_init(&broker->events, &broker->plans.events, most,
                      &(struct amqp_channel_handler){
                          .ready = on_events_ready,
                          .message = on_event_message,
                          .reject = on_event_reject,
                          .closed = on_events_closed,
                          .ctx = broker,
                      });
    struct amqp_channel_handler handler = {
        .ready = on_replies_ready,
        .message = on_reply,
        .reject = on_reply_reject,
        .closed = on_replies_closed,
        .ctx = broker,
    };
    amqp_channel_init(&broker->replies, &broker->plans.replies, most, &handler);
    handler.ready = on_commands_ready;
    handler.closed = on_commands_closed;
    amqp_channel_init(&broker->commands, &broker->plans.commands, most,
                      &handler);
}

static struct broker *new (uv_loop_t *loop, const struct broker_config *config,
                           const struct broker_handler *handler)
{
    struct amqp_broker *broker = xcalloc(1, sizeof(*broker));
    *broker = (struct amqp_broker){
        .base.transport = &broker_amqp,
        .loop = loop,
        .config = *config,
        .handler = *handler,
        .nopen = 1,
    };
    broker->refusals.handler = &broker->handler;
    amqp_plans_init(&broker->plans, &broker->config);
    init_channels(broker);
    amqp_lengths_init(&broker->lengths, &broker->handler);
    reconnect_init(&broker->reconnect, loop, &broker->config, attempt, broker);
    return &broker->base;
}

static bool
broadcast(struct broker *base, struct str command)
{
    struct amqp_broker *broker = (struct amqp_broker *)base;
    if (broker->commands.session == NULL)
        return false;
    amqp_session_publish(broker->session, AMQP_CHANNEL_COMMANDS,
                         broker->plans.commands.exchange, command);
    return true;
}

static struct str
reply_key(const struct broker *base)
{
    return str_from(((const struct amqp_broker *)base)->plans.reply_key);
}

/* The queue stays for the connection's life: it is exclusive, and costs less
 * than a new one for each poll. */
static void
collect_replies(struct broker *base, bool on)
{
    ((struct amqp_broker *)base)->collecting = on;
}

static bool
ask_queue(struct broker *base, struct str name)
{
    return amqp_lengths_ask(&((struct amqp_broker *)base)->lengths, name);
}

static void
free_broker(struct broker *base, void (*done)(void *ctx), void *ctx)
{
    struct amqp_broker *broker = (struct amqp_broker *)base;
    broker->done = done;
    broker->done_ctx = ctx;
    amqp_session_close(broker->session);
    lose_channels(broker);
    reconnect_close(&broker->reconnect, forget_handle);
}

const struct broker_transport broker_amqp = {
    .new = new,
    .broadcast = broadcast,
    .reply_key = reply_key,
    .collect_replies = collect_replies,
    .ask_queue = ask_queue,
    .free = free_broker,
    .probe = amqp_probe,
};
