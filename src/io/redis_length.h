#pragma once

/* How many messages wait in a queue: the sum over its priority steps. */

#include "io/redis_session.h"

/* handler->queue gets the answer, unless the session ends first. A refusal is
 * logged once for *warned, which outlives the session. False when too many
 * questions are open. */
bool redis_length_ask(struct redis_session *session,
                      const struct broker_config *config,
                      const struct broker_handler *handler, struct str name,
                      bool *warned);
