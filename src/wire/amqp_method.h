#pragma once

/* Methods and messages as frames, and back. */

#include "base/buf.h"
#include "wire/amqp_lib.h"

extern const struct str amqp_protocol_header;

/* Appends a method frame. Fails `out` when a text in it is too long. */
void amqp_add_method(struct buf *out, uint16_t channel, amqp_method_number_t id,
                     void *method);
/* Appends basic.publish and the JSON message for it. */
void amqp_add_message(struct buf *out, uint16_t channel, struct str exchange,
                      struct str body, size_t frame_max);
void amqp_add_heartbeat(struct buf *out);

/* The payload of a method frame. What is decoded lives in the pool and in the
 * payload. */
bool amqp_read_method(struct str payload, amqp_pool_t *pool,
                      amqp_method_t *out) MUST_CHECK;
/* Its first four bytes; 0 when they are not there. */
amqp_method_number_t amqp_method_id(struct str payload);
