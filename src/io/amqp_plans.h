#pragma once

/* What is declared on RabbitMQ, and how: the event queue, the queue of
 * workers' replies, and the exchange that commands go to. */

#include "io/amqp_channel.h"
#include "io/uuid.h"

enum { AMQP_EVENT_QUEUE_ARGUMENTS = 3 };

struct amqp_plans {
    struct amqp_plan events, replies, commands;
    amqp_table_entry_t event_arguments[AMQP_EVENT_QUEUE_ARGUMENTS];
    struct buf event_queue, reply_queue, reply_exchange, command_exchange;
    char reply_key[UUID_LEN + 1];
};

/* The configuration is borrowed, and the plans stay where they are. */
void amqp_plans_init(struct amqp_plans *plans,
                     const struct broker_config *config);
void amqp_plans_close(struct amqp_plans *plans);
/* New names for the queues, each time: the server may not have noticed yet
 * that the connection to which the last ones belonged is gone. */
void amqp_plans_rename(struct amqp_plans *plans);
