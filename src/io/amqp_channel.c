#include "io/amqp_channel.h"

#include <string.h>

/* What is asked in one flight, and answered in this order. */
static const amqp_method_number_t answers[] = {
    AMQP_CHANNEL_OPEN_OK_METHOD,  AMQP_EXCHANGE_DECLARE_OK_METHOD,
    AMQP_QUEUE_DECLARE_OK_METHOD, AMQP_QUEUE_BIND_OK_METHOD,
    AMQP_BASIC_CONSUME_OK_METHOD,
};

enum { ANSWERS_WITHOUT_QUEUE = 2, POOL_PAGE = 4096 };

void
amqp_channel_init(struct amqp_channel *channel, const struct amqp_plan *plan,
                  size_t message_max,
                  const struct amqp_channel_handler *handler)
{
    *channel = (struct amqp_channel){.plan = plan, .handler = *handler};
    amqp_content_init(&channel->content, message_max);
    init_amqp_pool(&channel->pool, POOL_PAGE);
}

void
amqp_channel_free(struct amqp_channel *channel)
{
    amqp_content_close(&channel->content);
    empty_amqp_pool(&channel->pool);
}

static size_t
answers_wanted(const struct amqp_channel *channel)
{
    return channel->plan->queue.ptr != NULL ? COUNT_OF(answers)
                                            : ANSWERS_WITHOUT_QUEUE;
}

static void
tell(struct amqp_channel *channel, amqp_method_number_t id, void *method)
{
    if (channel->session != NULL) /* lost, because a name is too long */
        amqp_session_send(channel->session, channel->plan->number, id, method);
}

static void
declare_exchange(struct amqp_channel *channel)
{
    const struct amqp_plan *plan = channel->plan;
    amqp_exchange_declare_t declare = {
        .exchange = amqp_bytes_of(plan->exchange),
        .type = amqp_bytes_of(plan->type),
        .passive = channel->passive,
        .durable = plan->durable,
    };
    tell(channel, AMQP_EXCHANGE_DECLARE_METHOD, &declare);
}

/* Nobody else's queue, and gone with the connection. */
static void
consume_queue(struct amqp_channel *channel)
{
    const struct amqp_plan *plan = channel->plan;
    amqp_queue_declare_t declare = {
        .queue = amqp_bytes_of(plan->queue),
        .exclusive = true,
        .auto_delete = true,
        .arguments = plan->queue_arguments,
    };
    tell(channel, AMQP_QUEUE_DECLARE_METHOD, &declare);
    amqp_queue_bind_t bind = {
        .queue = amqp_bytes_of(plan->queue),
        .exchange = amqp_bytes_of(plan->exchange),
        .routing_key = amqp_bytes_of(plan->key),
    };
    tell(channel, AMQP_QUEUE_BIND_METHOD, &bind);
    amqp_basic_consume_t consume = {.queue = amqp_bytes_of(plan->queue),
                                    .no_ack = true};
    tell(channel, AMQP_BASIC_CONSUME_METHOD, &consume);
}

static void
set_up(struct amqp_channel *channel)
{
    channel->nanswers = 0;
    amqp_content_reset(&channel->content);
    amqp_channel_open_t open = {0};
    tell(channel, AMQP_CHANNEL_OPEN_METHOD, &open);
    declare_exchange(channel);
    if (channel->plan->queue.ptr != NULL)
        consume_queue(channel);
}

void
amqp_channel_attach(struct amqp_channel *channel, struct amqp_session *session)
{
    channel->session = session;
    channel->passive = false;
    set_up(channel);
}

void
amqp_channel_lose(struct amqp_channel *channel)
{
    channel->session = NULL;
    amqp_content_reset(&channel->content);
}

static void
give_up(struct amqp_channel *channel, uint16_t code, struct str text)
{
    amqp_channel_lose(channel);
    channel->handler.closed(channel->handler.ctx, code, text);
}

static void
look_for_exchange(struct amqp_channel *channel, uint16_t code, struct str text)
{
    channel->passive = true;
    channel->code = code;
    channel->text_len = text.len < AMQP_TEXT_MOST ? text.len : AMQP_TEXT_MOST;
    if (text.len > 0)
        memcpy(channel->text, text.ptr, channel->text_len);
    set_up(channel);
}

static void
on_close(struct amqp_channel *channel, const amqp_channel_close_t *close)
{
    amqp_channel_close_ok_t ok = {0};
    tell(channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
    const amqp_method_number_t id =
        (amqp_method_number_t)close->class_id << 16 | close->method_id;
    const struct str text = amqp_str(close->reply_text);
    if (id != AMQP_EXCHANGE_DECLARE_METHOD)
        give_up(channel, close->reply_code, text);
    else if (!channel->passive)
        look_for_exchange(channel, close->reply_code, text);
    else if (close->reply_code == AMQP_NOT_FOUND)
        give_up(channel, channel->code,
                (struct str){channel->text, channel->text_len});
    else
        give_up(channel, close->reply_code, text);
}

static void
on_flow(struct amqp_channel *channel, const amqp_channel_flow_t *flow)
{
    amqp_channel_flow_ok_t ok = {.active = flow->active};
    tell(channel, AMQP_CHANNEL_FLOW_OK_METHOD, &ok);
}

static bool
on_answer(struct amqp_channel *channel, amqp_method_number_t id)
{
    if (channel->nanswers == answers_wanted(channel) ||
        id != answers[channel->nanswers])
        return false;
    if (++channel->nanswers == answers_wanted(channel))
        channel->handler.ready(channel->handler.ctx);
    return true;
}

static bool
on_method(struct amqp_channel *channel, const amqp_method_t *method)
{
    if (method->id == AMQP_CHANNEL_CLOSE_METHOD)
        on_close(channel, method->decoded);
    else if (method->id == AMQP_CHANNEL_FLOW_METHOD)
        on_flow(channel, method->decoded);
    else if (method->id == AMQP_BASIC_CANCEL_METHOD)
        give_up(channel, 0, STR("somebody deleted our queue"));
    else
        return on_answer(channel, method->id);
    return true;
}

static bool
take_method(struct amqp_channel *channel, struct str payload)
{
    amqp_method_t method = {0};
    const bool ok = amqp_read_method(payload, &channel->pool, &method) &&
                    on_method(channel, &method);
    recycle_amqp_pool(&channel->pool);
    return ok;
}

static bool
take_content(struct amqp_channel *channel, const struct amqp_frame *frame)
{
    struct amqp_content *content = &channel->content;
    const struct amqp_channel_handler *handler = &channel->handler;
    switch (amqp_content_add(content, frame)) {
    case AMQP_CONTENT_MORE:
        return true;
    case AMQP_CONTENT_BROKEN:
        return false;
    case AMQP_CONTENT_DONE:
        break;
    }
    if (content->reject == REJECT_NONE)
        handler->message(handler->ctx, &content->message);
    else
        handler->reject(handler->ctx, content->reject,
                        content->message.wire_bytes);
    return true;
}

bool
amqp_channel_take(struct amqp_channel *channel, const struct amqp_frame *frame)
{
    if (channel->session == NULL)
        return true; /* was on its way when the channel was closed */
    if (frame->type == AMQP_FRAME_METHOD &&
        amqp_method_id(frame->payload) != AMQP_BASIC_DELIVER_METHOD)
        return take_method(channel, frame->payload);
    return channel->nanswers == answers_wanted(channel) &&
           take_content(channel, frame);
}
