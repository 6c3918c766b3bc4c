#pragma once

/* The AMQP transport: one connection to RabbitMQ, a channel for each purpose
 * (io/amqp_session), so that what an account may not do costs only that. */

#include "io/broker_transport.h"

extern const struct broker_transport broker_amqp;

/* Its broker_probe, io/amqp_probe.c. */
void amqp_probe(uv_loop_t *loop, const struct broker_config *config,
                broker_probe_fn fn, void *ctx);
