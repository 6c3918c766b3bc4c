#pragma once

/* How many messages wait in a queue: in each of its priority steps, and
 * together. */

#include "io/redis_session.h"

/* Of a queue, step 0 included; the transport options take fewer. */
enum { REDIS_MAX_STEPS = 512 };

/* handler->queue gets the answer, unless the session ends first. A refusal is
 * logged once for *warned, which outlives the session. False when too many
 * questions are open. */
bool redis_length_ask(struct redis_session *session,
                      const struct broker_config *config,
                      const struct broker_handler *handler, struct str name,
                      bool *warned);
