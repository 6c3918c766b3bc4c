#pragma once

/* What RabbitMQ means when it closes a channel or a connection. */

#include "io/broker.h"

enum broker_reason amqp_reason_of_code(uint16_t code, struct str text);
void amqp_words_of_code(char *out, size_t cap, uint16_t code, struct str text);
/* A peer that does not speak AMQP 0-9-1, by its first bytes. */
const char *amqp_words_of_stranger(struct str bytes);
