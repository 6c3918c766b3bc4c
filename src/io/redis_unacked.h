#pragma once

/* What workers hold and have not acknowledged: kombu keeps it in a hash, and
 * when each message was taken in a sorted set, one of each for all queues. */

#include "io/redis_session.h"

struct redis_unacked {
    const struct broker_config *config;   /* borrowed for its life, */
    const struct broker_handler *handler; /* both */
    bool asked;                           /* an answer is on its way */
    int64_t n;                            /* of the answer: -1 is refused */
    bool warned;
};

/* handler->unacked gets the answer, unless the session ends first. A refusal
 * is logged once. False while another question is open. */
bool redis_unacked_ask(struct redis_unacked *unacked,
                       struct redis_session *session);
