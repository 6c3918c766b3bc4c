#pragma once

/* What kombu writes down of bindings: a set for each exchange, named after it,
 * and in it "routing key SEP pattern SEP queue" for each queue. */

#include "io/broker.h"

enum {
    REDIS_MAX_QUEUE_NAME = 255, /* as in AMQP; none is that long in earnest */
    REDIS_MAX_BINDING_KEY = 512,
};

/* Whether that is the set of an exchange through which tasks may go: not that
 * of events, nor of commands and their replies, of whatever application. */
bool redis_binding_is_of_tasks(const struct broker_config *config,
                               struct str key);
/* The queue of a member, a slice of it; false when it is none, or one that is
 * a process's own: it has no list, or lives as long as that. */
bool redis_binding_queue(const struct broker_config *config, struct str member,
                         struct str *queue);
