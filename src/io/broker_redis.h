#pragma once

/* The Redis transport: one connection that only subscribes, and a second one
 * for commands (io/redis_control), because a subscribed connection may not
 * send any. */

#include "io/broker.h"
#include "io/redis_deadlines.h"

/* broker_new with deadlines, which are borrowed for its life. */
struct broker *broker_redis_new(uv_loop_t *loop,
                                const struct broker_config *config,
                                const struct broker_handler *handler,
                                const struct redis_deadlines *deadlines);
