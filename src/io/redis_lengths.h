#pragma once

/* How many messages wait in queues: in each of their priority steps, and
 * together. Many may be asked for at once; they are sent to the server a
 * bounded number at a time, and answered in their order. */

#include "io/redis_session.h"

enum {
    REDIS_MAX_STEPS = 512, /* of a queue, step 0 included */
    REDIS_MAX_LENGTHS = 20000,
};

struct redis_length; /* the question for one queue */

struct redis_lengths {
    const struct broker_config *config;   /* borrowed for its life, */
    const struct broker_handler *handler; /* both */
    struct redis_session *session;        /* NULL while there is none */
    struct redis_length *first;           /* of those that are not sent yet */
    struct redis_length *last;
    size_t nwaiting;
    size_t nsent; /* commands on their way */
    bool warned;
};

/* A session is ready, or (NULL) is lost: what was asked remains unanswered. */
void redis_lengths_attach(struct redis_lengths *lengths,
                          struct redis_session *session);
/* handler->queue gets the answer. A refusal is logged once. False without a
 * session, and when too many wait. */
bool redis_lengths_ask(struct redis_lengths *lengths, struct str name);
