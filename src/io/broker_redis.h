#pragma once

/* The Redis transport: one connection that only subscribes, and a second one
 * for commands (io/redis_control), because a subscribed connection may not
 * send any. */

#include "io/broker_transport.h"

extern const struct broker_transport broker_redis;

/* Its broker_probe, io/redis_probe.c. */
void redis_probe(uv_loop_t *loop, const struct broker_config *config,
                 broker_probe_fn fn, void *ctx);
