#pragma once

/* The Redis transport: one connection that only subscribes, and a second one
 * for commands (io/redis_control), because a subscribed connection may not
 * send any. */

#include "io/broker_transport.h"
#include "io/redis_deadlines.h"

extern const struct broker_transport broker_redis;

/* Its `new`, in a hurry or at leisure. */
struct broker *broker_redis_new(uv_loop_t *loop,
                                const struct broker_config *config,
                                const struct broker_handler *handler,
                                const struct redis_deadlines *deadlines);
/* Its broker_probe, io/redis_probe.c. */
void redis_probe(uv_loop_t *loop, const struct broker_config *config,
                 broker_probe_fn fn, void *ctx);
