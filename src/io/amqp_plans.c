#include "io/amqp_plans.h"

static amqp_table_entry_t
number(const char *name, int64_t value)
{
    return (amqp_table_entry_t){
        .key = amqp_cstring_bytes(name),
        .value = {.kind = AMQP_FIELD_KIND_I64, .value.i64 = value},
    };
}

/* Celery's own event queues keep messages for 5 s: a reader that pauses loses
 * events and never learns of it. No x-expires: the queue goes with the
 * connection. */
static void
plan_events(struct amqp_plans *plans, const struct broker_config *config)
{
    amqp_table_entry_t *arguments = plans->event_arguments;
    arguments[0] = number("x-message-ttl", config->event_queue_ttl_ms);
    arguments[1] = number("x-max-length-bytes", config->event_queue_max_bytes);
    arguments[2] = (amqp_table_entry_t){
        .key = amqp_cstring_bytes("x-overflow"),
        .value = {.kind = AMQP_FIELD_KIND_UTF8,
                  .value.bytes = amqp_cstring_bytes("drop-head")},
    };
    plans->events = (struct amqp_plan){
        .number = AMQP_CHANNEL_EVENTS,
        .exchange = str_from(config->event_exchange),
        .type = STR("topic"),
        .durable = true,
        .key = STR("#"),
        .queue_arguments = {.num_entries = AMQP_EVENT_QUEUE_ARGUMENTS,
                            .entries = arguments},
    };
}

static void
plan_control(struct amqp_plans *plans, const struct broker_config *config)
{
    const char *space = config->control_exchange;
    buf_printf(&plans->command_exchange, "%s.pidbox", space);
    buf_printf(&plans->reply_exchange, "reply.%s.pidbox", space);
    plans->commands = (struct amqp_plan){
        .number = AMQP_CHANNEL_COMMANDS,
        .exchange = buf_str(&plans->command_exchange),
        .type = STR("fanout"),
    };
    plans->replies = (struct amqp_plan){
        .number = AMQP_CHANNEL_REPLIES,
        .exchange = buf_str(&plans->reply_exchange),
        .type = STR("direct"),
    };
}

void
amqp_plans_init(struct amqp_plans *plans, const struct broker_config *config)
{
    *plans = (struct amqp_plans){0};
    buf_init(&plans->event_queue, 0);
    buf_init(&plans->reply_queue, 0);
    buf_init(&plans->reply_exchange, 0);
    buf_init(&plans->command_exchange, 0);
    plan_events(plans, config);
    plan_control(plans, config);
    amqp_plans_rename(plans);
}

void
amqp_plans_close(struct amqp_plans *plans)
{
    buf_close(&plans->event_queue);
    buf_close(&plans->reply_queue);
    buf_close(&plans->reply_exchange);
    buf_close(&plans->command_exchange);
}

void
amqp_plans_rename(struct amqp_plans *plans)
{
    char uuid[UUID_LEN + 1];
    uuid_random(uuid);
    buf_clear(&plans->event_queue);
    buf_printf(&plans->event_queue, "celeryev.%s", uuid);
    plans->events.queue = buf_str(&plans->event_queue);

    uuid_random(plans->reply_key);
    buf_clear(&plans->reply_queue);
    buf_printf(&plans->reply_queue, "%s.%.*s", plans->reply_key,
               STR_FMT(plans->replies.exchange));
    plans->replies.queue = buf_str(&plans->reply_queue);
    plans->replies.key = str_from(plans->reply_key);
}
